//! Bare addresses in Markdown, which are links as on a forge.

use super::MarkdownWriter;
use crate::{
    prepare::link,
    render::{addresses, stand_in},
};

impl MarkdownWriter<'_> {
    /// Writes text outside of links, with its addresses as links.
    pub(super) fn text_with_links(&mut self, text: &str) {
        let mut kept = 0;
        let mut at = 0;
        while let Some(found) = text[at..].find(MAY_BE_ADDRESS) {
            let found = at + found;
            let address = address(text, kept, found);
            let Some(Address { start, end, scheme }) = address else {
                at = found + 1;
                continue;
            };
            stand_in::push_html(&mut self.out, &text[kept..start], self.maths);
            let url = format!("{scheme}{}", &text[start..end]);
            link::push_start(&mut self.out, &url, "");
            stand_in::push_html(&mut self.out, &text[start..end], self.maths);
            self.out.push_str("</a>");
            (kept, at) = (end, end);
        }
        stand_in::push_html(&mut self.out, &text[kept..], self.maths);
    }
}

/// What stands in an address: `://`, `www.`, or the sign of an e-mail address.
const MAY_BE_ADDRESS: [char; 4] = [':', 'w', 'W', '@'];

/// An address in a text, and the scheme that it leaves out.
struct Address {
    start: usize,
    end: usize,
    scheme: &'static str,
}

/// The address whose mark stands at `at`, and that begins at `from` or later.
fn address(text: &str, from: usize, at: usize) -> Option<Address> {
    let rest = &text[at..];
    let (start, scheme) = if rest.starts_with("://") {
        (addresses::start(text, from, at)?, "")
    } else if rest.get(..4)?.eq_ignore_ascii_case("www.") {
        let opens = |c: char| c.is_whitespace() || matches!(c, '(' | '*' | '_' | '~' | '[' | '"');
        let previous = text[..at].chars().next_back();
        previous.is_none_or(opens).then_some((at, "http://"))?
    } else if rest.starts_with('@') {
        return email(text, from, at);
    } else {
        return None;
    };
    let end = start + addresses::length(&text[start..]);
    let host = start
        + text[start..end]
            .find("://")
            .map_or("www.".len(), |at| at + 3);
    (end > host).then_some(Address { start, end, scheme })
}

/// The e-mail address around the sign at `at`.
fn email(text: &str, from: usize, at: usize) -> Option<Address> {
    let is_of_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'_');
    let name = text.as_bytes()[from..at].iter().rev();
    let start = at - name.take(64).take_while(|b| is_of_name(b)).count();
    let rest = &text.as_bytes()[at + 1..];
    let is_of_host = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let host = rest.iter().take(255).take_while(|b| is_of_host(b)).count();
    let host = text[at + 1..at + 1 + host].trim_end_matches(['.', '-']);
    let ends = |c: Option<char>| !c.is_some_and(|c| matches!(c, '_' | '-'));
    let is_whole = ends(text[at + 1 + host.len()..].chars().next());
    let is_address = start < at && host.contains('.') && !host.contains("..") && is_whole;
    is_address.then_some(Address {
        start,
        end: at + 1 + host.len(),
        scheme: "mailto:",
    })
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
            ("见https://a.b/c", Some("https://a.b/c")),
            ("→https://a.b", Some("https://a.b")),
            ("at www.a.org/b.", Some("http://www.a.org/b")),
            ("awww.a.org, www. and www", None),
            (
                "to ana.k+x@example.org.",
                Some("mailto:ana.k+x@example.org"),
            ),
            ("@ana, ana@, a@b and x@y-_z.org_", None),
            ("`ana@example.org`", None),
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
