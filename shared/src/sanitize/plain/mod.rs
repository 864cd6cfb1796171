//! The short way for HTML that is plainly harmless, above all the tables of pandas, and for the
//! output of the long way: 3 ns for each byte of tags instead of 90 to 180 (`cargo xtask bench
//! growth`, `docs/performance.md`), which was three quarters of the time of a typical notebook.
//!
//! Parsing as a browser does takes most of the time that a notebook takes. It is only needed
//! because HTML need not be well-formed; for well-formed HTML one scan writes what the long way
//! would have written. So this accepts very little: a few elements that are closed in the order
//! in which they were opened, each only where the parser does not move it, with attributes in
//! double quotes. All other HTML is `None` and goes the long way; a test compares the two.

use super::{policy, references, restate};
use crate::prepare::{anchor, link};

/// The most elements within each other; `shape` and parsers have much higher limits.
const MAX_PLAIN_DEPTH: usize = 16;

/// Attributes that are dropped whatever their value is.
const IGNORED_ATTRIBUTES: [&str; 4] = ["border", "halign", "id", "valign"];

/// The elements that mark text: HTML's phrasing content.
const PHRASING_ELEMENTS: [&str; 24] = [
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "dfn", "em", "i", "ins", "kbd", "mark",
    "q", "s", "samp", "small", "span", "strong", "sub", "sup", "u", "var",
];

/// The content that an element may have.
#[derive(Clone, Copy, PartialEq)]
enum ContentModel {
    /// Blocks and text.
    Flow,
    /// Text and phrasing elements.
    Phrasing,
    /// Parts of a table, and white space between them.
    Table,
    /// Rows of a part of a table.
    Part,
    /// Cells of a row.
    Row,
    /// Items, and white space between them.
    List,
    /// Terms and their descriptions.
    Terms,
}

/// The content model of the element `name` inside `parent`; `None` where it may not stand.
fn inside(parent: ContentModel, name: &str) -> Option<ContentModel> {
    match (parent, name) {
        (
            ContentModel::Flow,
            "blockquote" | "center" | "details" | "div" | "figcaption" | "figure" | "summary",
        ) => Some(ContentModel::Flow),
        (ContentModel::Flow, "table") => Some(ContentModel::Table),
        (ContentModel::Flow, "ol" | "ul") => Some(ContentModel::List),
        (ContentModel::Flow, "dl") => Some(ContentModel::Terms),
        (ContentModel::List, "li") | (ContentModel::Terms, "dd" | "dt") => Some(ContentModel::Flow),
        (ContentModel::Flow, "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "p" | "pre") => {
            Some(ContentModel::Phrasing)
        }
        (ContentModel::Flow | ContentModel::Phrasing, name)
            if PHRASING_ELEMENTS.contains(&name) =>
        {
            Some(ContentModel::Phrasing)
        }
        (ContentModel::Table, "thead" | "tbody" | "tfoot") => Some(ContentModel::Part),
        (ContentModel::Part, "tr") => Some(ContentModel::Row),
        (ContentModel::Row, "td" | "th") => Some(ContentModel::Phrasing),
        _ => None,
    }
}

/// The content model of an item that stands outside of any element, where its start tag ends no
/// other element.
fn alone(depth: usize, name: &str) -> Option<ContentModel> {
    (depth == 0 && matches!(name, "dd" | "dt" | "li")).then_some(ContentModel::Flow)
}

/// The same as the long way makes of `html`; `None` where that is not plain to see.
pub(super) fn clean(html: &str) -> Option<String> {
    let mut out = String::with_capacity(html.len());
    let mut open: Vec<(&str, ContentModel)> = Vec::with_capacity(MAX_PLAIN_DEPTH);
    let mut rest = html;
    loop {
        let place = open
            .last()
            .map_or(ContentModel::Flow, |(_, inside)| *inside);
        rest = text(&mut out, rest, place)?;
        if rest.is_empty() {
            return open.is_empty().then_some(out);
        }
        if let Some(end) = rest.strip_prefix("</") {
            let (name, _) = open.pop()?;
            rest = end.strip_prefix(name)?.strip_prefix('>')?;
            out.extend(["</", name, ">"]);
            continue;
        }
        let (tag, after) = rest[1..].split_once('>')?;
        rest = after;
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        match (name, place) {
            ("style", ContentModel::Flow) => rest = after_style(tag, rest)?,
            ("br", ContentModel::Flow | ContentModel::Phrasing) if tag == "br" => {
                out.push_str("<br>")
            }
            ("hr", ContentModel::Flow) if tag == "hr" => out.push_str("<hr>"),
            // A parser ends the first of two nested links.
            ("a", _) if open.iter().any(|(open, _)| *open == "a") => return None,
            // A parser drops the line end there.
            ("pre", _) if rest.starts_with('\n') => return None,
            _ => {
                let may_stand = inside(place, name).or_else(|| alone(open.len(), name));
                open.push((name, may_stand?));
                if open.len() > MAX_PLAIN_DEPTH {
                    return None;
                }
                out.extend(["<", name]);
                match name {
                    "a" => self::link(&mut out, attributes)?,
                    _ => self::attributes(&mut out, name, attributes)?,
                }
                out.push('>');
            }
        }
    }
}

/// Writes the text up to the next tag; returns the rest.
fn text<'h>(out: &mut String, html: &'h str, place: ContentModel) -> Option<&'h str> {
    let bytes = html.as_bytes();
    let only_space = !matches!(place, ContentModel::Flow | ContentModel::Phrasing);
    let (mut at, mut kept) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match BYTE_KINDS[usize::from(byte)] {
            ByteKind::Space => {}
            ByteKind::Text if !only_space => {}
            ByteKind::Tag => break,
            ByteKind::Escaped if !only_space => {
                let written = escaped(&html[at..])?;
                out.extend([&html[kept..at], written.0]);
                at += written.1;
                kept = at;
                continue;
            }
            _ => return None,
        }
        at += 1;
    }
    out.push_str(&html[kept..at]);
    Some(&html[at..])
}

/// What a byte of text may begin.
#[derive(Clone, Copy)]
enum ByteKind {
    Space,
    Text,
    Tag,
    /// A character that may have to be escaped.
    Escaped,
    /// A character that a parser changes.
    Refused,
}

const BYTE_KINDS: [ByteKind; 256] = {
    let mut kinds = [ByteKind::Text; 256];
    kinds[0] = ByteKind::Refused;
    kinds[b'\r' as usize] = ByteKind::Refused;
    kinds[b' ' as usize] = ByteKind::Space;
    kinds[b'\n' as usize] = ByteKind::Space;
    kinds[b'<' as usize] = ByteKind::Tag;
    kinds[b'&' as usize] = ByteKind::Escaped;
    kinds[b'>' as usize] = ByteKind::Escaped;
    // The first byte of a no-break space, and that of a byte order mark and of the stand-in for
    // an ampersand.
    kinds[0xC2] = ByteKind::Escaped;
    kinds[0xEF] = ByteKind::Escaped;
    kinds
};

/// The first character of `rest` as it is written, and its length.
fn escaped(rest: &str) -> Option<(&str, usize)> {
    match rest.chars().next()? {
        '&' if references::is_complete(&rest[1..]) => Some(("&", 1)),
        '&' => Some(("&amp;", 1)),
        '>' => Some(("&gt;", 1)),
        '\u{A0}' => Some(("&nbsp;", 2)),
        references::AMPERSAND_STAND_IN | '\u{FEFF}' => None,
        char => Some((&rest[..char.len_utf8()], char.len_utf8())),
    }
}

/// The rest after a stylesheet, which is dropped.
fn after_style<'h>(tag: &str, rest: &'h str) -> Option<&'h str> {
    if !["style", "style scoped", "style type=\"text/css\""].contains(&tag) {
        return None;
    }
    let (css, after) = rest.split_once('<')?;
    // A parser continues after a NUL, too, but the long way can handle that, and rules that matter.
    (!css.contains('\0') && !restate::has_looks(css)).then_some(())?;
    after.strip_prefix("/style>")
}

/// Writes the attributes of a link that leads out of the page. It accepts `href` alone, or with
/// the attributes that the sanitiser adds; all other links go the long way.
fn link(out: &mut String, attributes: &str) -> Option<()> {
    if attributes.is_empty() {
        return Some(());
    }
    let (url, rest) = attributes.strip_prefix("href=\"")?.split_once('"')?;
    let is_own = || {
        let rel = rest.strip_prefix(" target=\"_blank\" rel=\"")?;
        rel.strip_prefix(link::LINK_REL)
            .filter(|rest| *rest == "\"")
    };
    let is_plain = url.bytes().all(is_harmless) && link::is_allowed(url);
    if !is_plain || !(rest.is_empty() || is_own().is_some()) {
        return None;
    }
    let rest = [
        " href=\"",
        url,
        "\" target=\"_blank\" rel=\"",
        link::LINK_REL,
        "\"",
    ];
    out.extend(rest);
    Some(())
}

/// All of `attributes`, where they are only `name` with a plain value.
fn sole_attribute<'a>(name: &str, attributes: &'a str) -> Option<&'a str> {
    let value = sole_value(name, attributes)?;
    value.bytes().all(is_harmless).then_some(attributes)
}

/// All of `attributes`, where they are only an `id` that is already in the form of an anchor's
/// name.
fn sole_id<'a>(element: &str, attributes: &'a str) -> Option<&'a str> {
    let name = sole_value("id", attributes)?;
    let is_own = !policy::is_of_table(element) && name.is_ascii() && anchor::name(name) == name;
    (is_own && !name.is_empty()).then_some(attributes)
}

/// The value of `name`, where it is the only attribute.
fn sole_value<'a>(name: &str, attributes: &'a str) -> Option<&'a str> {
    let value = attributes.strip_prefix(name)?.strip_prefix("=\"")?;
    value.strip_suffix('"').filter(|value| !value.contains('"'))
}

/// Whether a byte of a value needs no escaping and no check.
fn is_harmless(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'&' | b'<')
}

fn attributes(out: &mut String, element: &str, attributes: &str) -> Option<()> {
    // Only a sole one is handled, because the long way orders it among other attributes.
    let sole = sole_attribute("title", attributes).or_else(|| sole_id(element, attributes));
    if let Some(attribute) = sole {
        out.extend([" ", attribute]);
        return Some(());
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut classes: Vec<String> = Vec::new();
    let mut spans: Vec<(&str, &str)> = Vec::new();
    let mut rest = attributes;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        rest = match after.strip_prefix(' ') {
            Some(next) if !next.is_empty() => next,
            Some(_) => return None,
            None if after.is_empty() => after,
            None => return None,
        };
        if seen.contains(&name) || !value.bytes().all(is_harmless) {
            return None;
        }
        seen.push(name);
        match name {
            // The classes of `class` come before those of `style`.
            "class" if !seen.contains(&"style") => {
                let known = value.split_ascii_whitespace();
                classes.extend(known.filter_map(policy::known_class).map(str::to_owned));
            }
            "style" => {
                let words = policy::style_words(element, value);
                // The long way makes attributes of these.
                words
                    .iter()
                    .all(|word| !word.starts_with(['#', '=']))
                    .then_some(())?;
                classes.extend(words);
            }
            "colspan" | "rowspan" if matches!(element, "td" | "th") => {
                spans.push((name, span(value)?))
            }
            "id" if !policy::is_of_table(element) => return None,
            _ if IGNORED_ATTRIBUTES.contains(&name) => {}
            _ => return None,
        }
    }
    let mut separator = " class=\"";
    for (n, class) in classes.iter().enumerate() {
        if !classes[..n].contains(class) {
            out.extend([separator, class]);
            separator = " ";
        }
    }
    if !classes.is_empty() {
        out.push('"');
    }
    for (name, value) in spans {
        out.extend([" ", name, "=\"", value, "\""]);
    }
    Some(())
}

/// A span of one to three digits without a leading zero, which is written as it stands.
fn span(value: &str) -> Option<&str> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    (digits && matches!(value.len(), 1..=3) && !value.starts_with('0')).then_some(value)
}

#[cfg(test)]
mod tests;
