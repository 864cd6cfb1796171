//! SVG as a picture can be made of it, however a library wrote it.
//!
//! An `svg` within HTML needs no namespace and may use HTML's names of characters; in a picture of
//! its own both are errors, for which a browser draws nothing.

use std::borrow::Cow;

/// HTML's names of characters that XML does not have, as far as labels use them.
const CHARACTERS: [(&str, char); 24] = [
    ("alpha", 'α'),
    ("bull", '•'),
    ("copy", '©'),
    ("deg", '°'),
    ("delta", 'δ'),
    ("ge", '≥'),
    ("gamma", 'γ'),
    ("hellip", '…'),
    ("lambda", 'λ'),
    ("laquo", '«'),
    ("larr", '←'),
    ("le", '≤'),
    ("mdash", '—'),
    ("micro", 'µ'),
    ("middot", '·'),
    ("minus", '−'),
    ("mu", 'μ'),
    ("nbsp", '\u{a0}'),
    ("ndash", '–'),
    ("plusmn", '±'),
    ("raquo", '»'),
    ("rarr", '→'),
    ("sigma", 'σ'),
    ("times", '×'),
];

/// `source` as a document of its own; `None` when that is not well-formed, so that nothing would
/// be drawn.
pub(super) fn document(source: &str) -> Option<Cow<'_, str>> {
    let source = source.trim_start_matches('\u{feff}').trim();
    let root = root(source)?;
    let has_names = source.contains('&') && with_characters(source).as_ref() != source;
    let tag_end = root + source[root..].find('>')?;
    let tag = &source[root..tag_end];
    let needs_namespace = !tag.contains("xmlns=");
    let needs_xlink = source.contains("xlink:") && !source.contains("xmlns:xlink");
    // A declaration must be the first, and its encoding need not be that of JSON.
    let starts_with_root = root == 0 || source.starts_with("<!") || source.starts_with("<?xml");
    let document = if has_names || needs_namespace || needs_xlink || !starts_with_root {
        let mut out = String::with_capacity(source.len() + 128);
        out.push_str("<svg");
        if needs_namespace {
            out.push_str(" xmlns=\"http://www.w3.org/2000/svg\"");
        }
        if needs_xlink {
            out.push_str(" xmlns:xlink=\"http://www.w3.org/1999/xlink\"");
        }
        out.push_str(&with_characters(&source[root + "<svg".len()..]));
        Cow::Owned(out)
    } else {
        Cow::Borrowed(source)
    };
    is_balanced(&document).then_some(document)
}

/// Where the root begins.
fn root(source: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += source[at..].find("<svg")?;
        let after = source[at + "<svg".len()..].chars().next()?;
        if after.is_whitespace() || matches!(after, '>' | '/') {
            return Some(at);
        }
        at += "<svg".len();
    }
}

/// `text` with characters in place of the names that XML does not have.
fn with_characters(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('&');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '#');
        let (name, after) = part.split_at(end.unwrap_or(part.len()));
        let is_complete = after.starts_with(';');
        let known = CHARACTERS.iter().find(|(known, _)| *known == name);
        let in_xml = ["amp", "lt", "gt", "quot", "apos"].contains(&name) || name.starts_with('#');
        match known {
            Some((_, char)) if is_complete => {
                out.push(*char);
                out.push_str(&after[1..]);
            }
            _ => {
                out.push_str(if in_xml && is_complete { "&" } else { "&amp;" });
                out.push_str(part);
            }
        }
    }
    Cow::Owned(out)
}

/// Whether every element ends where XML wants it to.
fn is_balanced(xml: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let mut seen = false;
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        if seen && open.is_empty() && !rest[..at].trim().is_empty() {
            return false;
        }
        rest = &rest[at..];
        let skipped = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")]
            .into_iter()
            .find(|(start, _)| rest.starts_with(start));
        if let Some((_, end)) = skipped {
            let Some((_, after)) = rest.split_once(end) else {
                return false;
            };
            rest = after;
            continue;
        }
        let Some(length) = tag_length(rest) else {
            return false;
        };
        let (tag, after) = rest.split_at(length);
        rest = after;
        if tag.starts_with("<!") {
            continue;
        }
        let inside = tag.trim_start_matches('<').trim_end_matches('>');
        let ends = |c: char| c.is_ascii_whitespace() || c == '/';
        if let Some(name) = inside.strip_prefix('/') {
            if open.pop() != Some(name.trim_end()) {
                return false;
            }
        } else if !inside.ends_with('/') {
            open.push(inside.split(ends).next().unwrap_or_default());
        }
        seen = true;
    }
    seen && open.is_empty()
}

/// The length of the tag that `rest` begins with, whose values may hold its end.
fn tag_length(rest: &str) -> Option<usize> {
    let mut quote = None;
    let mut brackets = 0_usize;
    for (at, byte) in rest.bytes().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None => match byte {
                b'"' | b'\'' => quote = Some(byte),
                b'[' => brackets += 1,
                b']' => brackets = brackets.saturating_sub(1),
                b'>' if brackets == 0 => return Some(at + 1),
                b'<' if at > 0 && brackets == 0 => return None,
                _ => {}
            },
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::document;

    #[test]
    fn drawings_of_html_become_documents() {
        for (source, expected) in [
            (
                "<svg width=\"1\"><g/></svg>",
                Some("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\"><g/></svg>"),
            ),
            (
                "\n \n<?xml version=\"1.0\"?>\n<svg xmlns=\"a\"><text>5&nbsp;&lt; R&D</text></svg>",
                Some("<svg xmlns=\"a\"><text>5\u{a0}&lt; R&amp;D</text></svg>"),
            ),
            (
                "<svg xmlns=\"a\"><use xlink:href=\"#b\"/></svg>",
                Some(
                    "<svg xmlns:xlink=\"http://www.w3.org/1999/xlink\" xmlns=\"a\">\
                     <use xlink:href=\"#b\"/></svg>",
                ),
            ),
            (
                "\n<?xml version=\"1.0\"?><!DOCTYPE svg PUBLIC \"x\"\n \"y\"><svg xmlns=\"a\"></svg>\n",
                Some(
                    "<?xml version=\"1.0\"?><!DOCTYPE svg PUBLIC \"x\"\n \"y\"><svg xmlns=\"a\"></svg>",
                ),
            ),
            ("<svg><g></svg>", None),
            ("<svg><br></svg>", None),
            ("<svg", None),
            ("<svgs/>", None),
            ("no drawing", None),
        ] {
            assert_eq!(document(source).as_deref(), expected, "{source}");
        }
    }
}
