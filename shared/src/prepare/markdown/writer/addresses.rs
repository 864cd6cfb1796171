//! Bare addresses in Markdown, which are links as on a forge.

use super::MarkdownWriter;
use crate::{prepare::link, render::stand_in};

/// The most bytes of an address.
const MAX_ADDRESS_BYTES: usize = 2000;

impl MarkdownWriter<'_> {
    /// Writes text outside of links, with its addresses as links.
    pub(super) fn text_with_links(&mut self, text: &str) {
        let mut kept = 0;
        let mut at = 0;
        while let Some(found) = text[at..].find("://") {
            let found = at + found;
            at = found + "://".len();
            let Some(start) = start(text, kept, found) else {
                continue;
            };
            let end = start + length(&text[start..]);
            if end <= at {
                continue;
            }
            stand_in::push_html(&mut self.out, &text[kept..start], self.maths);
            link::push_start(&mut self.out, &text[start..end], "");
            stand_in::push_html(&mut self.out, &text[start..end], self.maths);
            self.out.push_str("</a>");
            (kept, at) = (end, end);
        }
        stand_in::push_html(&mut self.out, &text[kept..], self.maths);
    }
}

/// Where the address begins whose scheme ends at `colon`; `None` where it is none.
fn start(text: &str, from: usize, colon: usize) -> Option<usize> {
    let before = &text[from..colon];
    let ends_with = |scheme: &&str| {
        let end = before.len().checked_sub(scheme.len());
        end.and_then(|end| before.get(end..))
            .is_some_and(|end| end.eq_ignore_ascii_case(scheme))
    };
    let scheme = ["https", "http"].into_iter().find(ends_with)?;
    let start = colon - scheme.len();
    let previous = text[..start].chars().next_back();
    let opens = |c: char| c.is_whitespace() || matches!(c, '(' | '*' | '_' | '~' | '[' | '"' | ':');
    previous.is_none_or(opens).then_some(start)
}

/// The length of the address that `text` begins with. Marks at its end belong to the sentence.
fn length(text: &str) -> usize {
    let ends = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '<' | '>' | '"' | '`' | '|' | '{' | '}')
            || ('\u{FDD0}'..='\u{FDEF}').contains(&c)
    };
    // What is longer is no address, and looking for its end takes long.
    let text = &text[..text.floor_char_boundary(MAX_ADDRESS_BYTES)];
    let mut end = text.find(ends).unwrap_or(text.len());
    loop {
        let address = &text[..end];
        let count = |mark: char| address.matches(mark).count();
        let cut = match address.chars().next_back() {
            Some('?' | '!' | '.' | ',' | ':' | ';' | '*' | '_' | '~' | '\'') => true,
            Some(')') => count(')') > count('('),
            Some(']') => count(']') > count('['),
            _ => false,
        };
        if !cut {
            return end;
        }
        end -= 1;
    }
}

#[cfg(test)]
mod tests {
    use crate::{prepare, render, sanitize::Ammonia};

    #[test]
    fn bare_addresses_are_links() {
        for (source, expected) in [
            ("see https://a.b/c_d?e=f.", Some("https://a.b/c_d?e=f")),
            ("(http://a.b/c_(d))", Some("http://a.b/c_(d)")),
            ("https://a.b, and so on", Some("https://a.b")),
            ("[https://a.b](https://c.d)", Some("https://c.d")),
            ("`https://a.b`", None),
            ("xhttps://a.b and ftp://c.d", None),
            ("https://", None),
        ] {
            let prepared = prepare::prose(source, &Ammonia);
            let html = render::markdown(&prepared, &render::Options::default()).into_string();
            let link = html.split("href=\"").nth(1);
            let link = link.and_then(|rest| rest.split('"').next());
            assert_eq!(link, expected, "{source}: {html}");
            assert_eq!(html.matches("<a ").count(), usize::from(expected.is_some()));
        }
    }
}
