//! How a notice is shown: as HTML, and as the plain text of a notification in JupyterLab, which
//! has little room and no markup.

use shared::{
    prepare,
    prepared::SafeHtml,
    render::{self, Options},
    sanitize::Ammonia,
};

/// JupyterLab cuts a notification after so many units of UTF-16, in the middle of a word.
const MAX_UNITS: usize = 140;

/// The elements that end a word, because a browser begins a new line or a cell with them.
const BLOCKS: [&str; 22] = [
    "blockquote",
    "br",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "ol",
    "p",
    "pre",
    "summary",
    "table",
    "td",
    "th",
    "ul",
];

/// The text of a notice as sanitised HTML, whose ids begin with `id_prefix`.
#[must_use]
pub fn rendered(text: &str, id_prefix: &str) -> SafeHtml {
    let options = Options {
        id_prefix: id_prefix.to_owned(),
        ..Options::default()
    };
    render::markdown(&prepare::prose(text, &Ammonia), &options)
}

/// The beginning of a notice as plain text, cut at a word: its title as a line, and its text.
#[must_use]
pub fn brief(title: Option<&str>, html: &SafeHtml) -> String {
    let text = text_of(html.as_str());
    match title {
        None => cut(&text),
        Some(title) if text.is_empty() => cut(title),
        Some(title) => cut(&format!("{title}\n{text}")),
    }
}

/// The text of well-formed HTML, in one line.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        push_decoded(&mut text, before);
        let end = length_of_tag(tag);
        match tag
            .trim_start_matches('/')
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
        {
            Some("li") if !tag.starts_with('/') => text.push_str(" • "),
            Some(name) if name == "li" || BLOCKS.contains(&name) => text.push(' '),
            _ => {}
        }
        rest = &tag[end..];
    }
    push_decoded(&mut text, rest);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// How long a tag is behind its `<`. A `>` may stand in an attribute.
fn length_of_tag(tag: &str) -> usize {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    tag.len()
}

/// Appends text between tags, with the references that the sanitiser and the renderer write.
fn push_decoded(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once('&') {
        out.push_str(before);
        let known = [
            ("lt;", '<'),
            ("gt;", '>'),
            ("quot;", '"'),
            ("#39;", '\''),
            ("nbsp;", ' '),
            ("amp;", '&'),
        ];
        let found = known.iter().find(|(name, _)| reference.starts_with(name));
        let (length, character) = found.map_or((0, '&'), |(name, it)| (name.len(), *it));
        out.push(character);
        rest = &reference[length..];
    }
    out.push_str(rest);
}

/// `text`, or as many whole words of it as there is room for, and an ellipsis.
fn cut(text: &str) -> String {
    if text.encode_utf16().count() <= MAX_UNITS {
        return text.to_owned();
    }
    let mut units = 0;
    let fitting = text.char_indices().find(|(_, character)| {
        units += character.len_utf16();
        units >= MAX_UNITS
    });
    let (fits, rest) = text.split_at(fitting.map_or(text.len(), |(at, _)| at));
    let words = match rest.starts_with(char::is_whitespace) {
        true => fits,
        false => fits
            .rsplit_once(char::is_whitespace)
            .map_or("", |(words, _)| words),
    };
    // Of a long address as much is shown as there is room for.
    let kept = if words.len() * 2 < fits.len() {
        fits
    } else {
        words
    };
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brief_of(title: Option<&str>, text: &str) -> String {
        brief(title, &rendered(text, "x-"))
    }

    #[test]
    fn the_marks_of_markdown_are_gone() {
        let text = "# Now\n\nPlease **save** `a < b && c` and *open* [day 2](https://example.org).\n\n\
                    * one\n* \"two\"\n\n```python\nx = 1\ny = 2\n```\n";
        assert_eq!(
            brief_of(None, text),
            "Now Please save a < b && c and open day 2. • one • \"two\" x = 1 y = 2"
        );
        assert_eq!(brief_of(Some("Soon *"), "_Lunch_"), "Soon *\nLunch");
        assert_eq!(brief_of(Some("Soon"), "<!-- nothing -->"), "Soon");
    }

    #[test]
    fn what_looks_like_markup_stays_text() {
        assert_eq!(
            brief_of(None, "`&lt;` and <b title=\"a > b\">bold</b>"),
            "&lt; and bold"
        );
        let hostile = "x <img src=x onerror=alert(1)> y";
        assert!(!brief_of(None, hostile).contains("onerror"));
    }

    #[test]
    fn a_long_text_ends_with_a_word() {
        let whole = format!("{}end", "word ".repeat(27));
        assert_eq!(brief_of(None, &whole), whole);
        let long = "word ".repeat(60);
        let cut = brief_of(None, &long);
        assert!(
            cut.ends_with("word…") && cut.encode_utf16().count() <= MAX_UNITS,
            "{cut}"
        );
        // An address is cut anywhere, and no character is cut into two.
        for text in ["x".repeat(500), format!("see {}", "𝔸".repeat(500))] {
            let cut = brief_of(None, &text);
            let units = cut.encode_utf16().count();
            assert!(
                (MAX_UNITS - 2..=MAX_UNITS).contains(&units),
                "{units}: {cut}"
            );
        }
    }
}
