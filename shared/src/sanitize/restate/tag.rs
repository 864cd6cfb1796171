//! Reads tags of untrusted HTML. A browser may read odd HTML otherwise; what is made of it here is
//! sanitised all the same.

/// A tag: its name in the case of the source, and the text of its attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag<'h> {
    pub(crate) name: &'h str,
    pub(crate) attributes: &'h str,
    pub(crate) closes: bool,
}

/// Elements whose content is text up to their end tag.
pub(crate) const RAW_ELEMENTS: [&str; 4] = ["script", "style", "textarea", "xmp"];

/// Whether one of these elements may begin in `html`: a look that is much faster than reading it.
pub(crate) fn may_have(html: &str, names: &[&str]) -> bool {
    // Most tags begin with another letter, which is the fastest to see.
    let place = |letter: u8| 1_u32 << (letter & 31);
    let firsts = names
        .iter()
        .fold(0, |firsts, name| firsts | place(name.as_bytes()[0]));
    html.match_indices('<').any(|(at, _)| {
        let rest = &html.as_bytes()[at + 1..];
        let begins = |name: &&str| {
            let begin = rest.get(..name.len());
            begin.is_some_and(|begin| begin.eq_ignore_ascii_case(name.as_bytes()))
        };
        let first = rest.first().map_or(0, |letter| place(*letter));
        firsts & first != 0 && names.iter().any(begins)
    })
}

/// The tag that `rest` begins with, and its length; `None` when it begins with text.
pub(crate) fn tag(rest: &str) -> Option<(Tag<'_>, usize)> {
    let inside = rest.strip_prefix('<')?;
    let (closes, inside) = match inside.strip_prefix('/') {
        Some(inside) => (true, inside),
        None => (false, inside),
    };
    if !inside.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/');
    let name = &inside[..inside.find(ends).unwrap_or(inside.len())];
    let after = &inside[name.len()..];
    let length = attributes_length(after);
    let whole = rest.len() - after.len() + (length + 1).min(after.len());
    let attributes = after[..length].trim_end_matches('/');
    let tag = Tag {
        name,
        attributes,
        closes,
    };
    Some((tag, whole))
}

/// The length of a tag's attributes, up to its end.
fn attributes_length(after: &str) -> usize {
    let mut quote = None;
    let mut previous = 0;
    for (at, byte) in after.bytes().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if byte == b'>' => return at,
            None if matches!(byte, b'"' | b'\'') && previous == b'=' => quote = Some(byte),
            None => {}
        }
        if !byte.is_ascii_whitespace() {
            previous = byte;
        }
    }
    after.len()
}

/// An attribute, and where it stands in the text of all.
pub(crate) struct Attribute<'h> {
    pub(crate) name: &'h str,
    pub(crate) value: &'h str,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'h> Tag<'h> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The attributes, in order.
    pub(crate) fn each(&self) -> impl Iterator<Item = Attribute<'h>> {
        let all = self.attributes;
        let mut at = 0;
        std::iter::from_fn(move || {
            let skipped = all[at..].find(|c: char| !c.is_ascii_whitespace() && c != '/')?;
            let start = at + skipped;
            let rest = &all[start..];
            let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/');
            // A name is at least one character, even an equals sign.
            let first = rest.chars().next().map_or(0, char::len_utf8);
            let length = rest[first..].find(ends).map_or(rest.len(), |at| first + at);
            let (name, after) = rest.split_at(length);
            let (value, left) = value(after);
            at = all.len() - left.len();
            Some(Attribute {
                name,
                value,
                start,
                end: at,
            })
        })
    }

    /// The value of the attribute `name`.
    pub(crate) fn value(&self, name: &str) -> Option<&'h str> {
        let found = self.each().find(|one| one.name.eq_ignore_ascii_case(name));
        found.map(|one| one.value)
    }
}

/// The value that follows the name of an attribute, and the rest.
fn value(after: &str) -> (&str, &str) {
    let Some(rest) = after.trim_start().strip_prefix('=') else {
        return ("", after);
    };
    let rest = rest.trim_start();
    for quote in ['"', '\''] {
        if let Some(inside) = rest.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    let end = rest.find(|c: char| c.is_ascii_whitespace());
    rest.split_at(end.unwrap_or(rest.len()))
}

/// The length of the content of an element `name` that has begun, and of its end tag; the content
/// goes to the end of `rest` where that is missing.
pub(crate) fn content(rest: &str, name: &str) -> (usize, usize) {
    let closes = |(at, _): &(usize, &str)| {
        let end = rest.as_bytes().get(at + 2..at + 2 + name.len());
        end.is_some_and(|end| end.eq_ignore_ascii_case(name.as_bytes()))
    };
    let Some((at, _)) = rest.match_indices("</").find(closes) else {
        return (rest.len(), 0);
    };
    let end = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
    (at, end - at)
}

/// The length of what `rest` begins with that is no tag: text, or a comment.
pub(crate) fn text_length(rest: &str) -> usize {
    if rest.starts_with("<!--") {
        return rest.find("-->").map_or(rest.len(), |at| at + 3);
    }
    let text = rest.strip_prefix('<').unwrap_or(rest);
    text.find('<').unwrap_or(text.len()) + rest.len() - text.len()
}

/// Writes a start tag with its look: what rules say, what its own `style` says, and what rules say
/// that is important.
pub(super) fn push_styled(out: &mut String, found: &Tag<'_>, text: &str, look: &[String; 2]) {
    let is = |name: &'static str| move |one: &str| one.eq_ignore_ascii_case(name);
    let (is_style, is_hidden) = (is("style"), is("hidden"));
    let mut style = String::new();
    out.extend(["<", found.name]);
    for one in found.each() {
        if is_hidden(one.name) {
            // An author's rule counts for more than this attribute.
            style.insert_str(0, "display:none;");
        } else if !is_style(one.name) {
            out.extend([" ", &found.attributes[one.start..one.end]]);
        }
    }
    style.push_str(&look[0]);
    if let Some(own) = found.value("style").filter(|own| !own.contains('"')) {
        style.extend([own, ";"]);
    }
    style.push_str(&look[1]);
    out.extend([" style=\"", &style, "\""]);
    out.push_str(if text.ends_with("/>") { "/>" } else { ">" });
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn tags_and_their_attributes_are_read() {
        let (found, length) = tag("<Td id=a CLASS='b > c' hidden style=\"d\">x").expect("a tag");
        assert_eq!((found.name, length), ("Td", 40));
        let all: Vec<_> = found.each().map(|one| (one.name, one.value)).collect();
        let expected = [
            ("id", "a"),
            ("CLASS", "b > c"),
            ("hidden", ""),
            ("style", "d"),
        ];
        assert_eq!(all, expected);
        assert!(tag("< b>").is_none() && tag("a").is_none());
        assert_eq!(tag("<a =\"x").map(|(_, length)| length), Some(6));
    }
}
