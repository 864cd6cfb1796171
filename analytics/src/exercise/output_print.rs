//! What a cell shows, so that the same result of two people is one: numbers to six digits, no
//! addresses, tables by what is in them, pictures by their bytes.

use shared::notebook::{Cell, MimeBundle, Output};

use crate::hash::{hash, mix};

/// Outputs of a cell that are looked at.
const MAX_OUTPUTS: usize = 200;
/// Bytes of a text that are looked at.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Characters of the words for a result.
const MAX_WORDS_CHARS: usize = 60;
/// Pictures are told apart by their bytes; that is how many of them are looked at.
const MAX_PICTURE_BYTES: usize = 8 << 20;
/// Bytes of a table's HTML that are looked at.
const MAX_HTML_BYTES: usize = 512 * 1024;

/// What a cell shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutputPrint {
    /// The hash of all of it.
    pub(super) mark: u64,
    /// The beginning of it, in words.
    pub words: String,
}

impl OutputPrint {
    /// What the cells show one after the other; `None` when that is nothing.
    pub(super) fn of(cells: &[&Cell]) -> Option<Self> {
        let mut print: Option<Self> = None;
        let outputs = cells.iter().flat_map(|cell| cell.outputs());
        for output in outputs.take(MAX_OUTPUTS) {
            let (mark, words) = match &output {
                Output::Stream { text, stderr } if !text.trim().is_empty() => {
                    let text = normal_text(text);
                    (
                        mix(u64::from(*stderr), hash(text.as_bytes())),
                        first_line(&text),
                    )
                }
                Output::Bundle(bundle) => of_bundle(bundle),
                Output::Stream { .. }
                | Output::Error { .. }
                | Output::Clear { .. }
                | Output::Unknown(_) => continue,
            };
            print = Some(match print {
                None => Self { mark, words },
                Some(before) => Self {
                    mark: mix(before.mark, mark),
                    words: match before.words.is_empty() {
                        true => words,
                        false => before.words,
                    },
                },
            });
        }
        print
    }
}

fn of_bundle(bundle: &MimeBundle<'_>) -> (u64, String) {
    for mime in ["image/png", "image/jpeg", "image/gif"] {
        if let Some(picture) = bundle.get(mime) {
            let bytes = picture.json().as_bytes();
            let looked_at = &bytes[..bytes.len().min(MAX_PICTURE_BYTES)];
            return (mix(7, hash(looked_at)), "a picture".to_owned());
        }
    }
    if let Some(svg) = bundle.text("image/svg+xml") {
        return (
            mix(8, hash(normal_text(&svg).as_bytes())),
            "a picture".to_owned(),
        );
    }
    if let Some(html) = bundle.text("text/html")
        && html.contains("<table")
    {
        let cells = normal_text(&texts_of(&html));
        let heads = cells.split_whitespace().take(6);
        let words = heads.collect::<Vec<_>>().join(" ");
        return (
            mix(9, hash(cells.as_bytes())),
            cut(&format!("a table: {words}")),
        );
    }
    for mime in ["text/plain", "text/html", "text/markdown", "text/latex"] {
        if let Some(text) = bundle.text(mime) {
            let text = normal_text(&text);
            return (mix(10, hash(text.as_bytes())), first_line(&text));
        }
    }
    let data = bundle.data.iter().fold(11, |mark, (mime, value)| {
        mix(
            mix(mark, hash(mime.as_bytes())),
            hash(value.json().as_bytes()),
        )
    });
    let mime = bundle.data.first().map_or("nothing", |(mime, _)| *mime);
    (data, cut(mime))
}

/// The texts between the tags.
fn texts_of(html: &str) -> String {
    let html = &html[..html.floor_char_boundary(MAX_HTML_BYTES)];
    let mut texts = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => {
                inside = true;
                texts.push(' ');
            }
            '>' => inside = false,
            _ if !inside => texts.push(c),
            _ => {}
        }
    }
    let words: Vec<&str> = texts.split_whitespace().collect();
    words.join(" ")
}

/// A text whose fractions have six digits, without addresses in memory, what a hash looks like, and
/// blanks at the ends of its lines.
fn normal_text(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
    let mut normal = String::with_capacity(text.len());
    for line in text.lines() {
        let mut rest = line.trim_end();
        while let Some(first) = rest.chars().next() {
            let length = word_length(rest);
            if length == 0 {
                normal.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let (word, left) = rest.split_at(length);
            push_word(&mut normal, word);
            rest = left;
        }
        normal.push('\n');
    }
    let end = normal.trim_end().len();
    normal.truncate(end);
    normal
}

/// The length of the word or number that a text begins with.
fn word_length(text: &str) -> usize {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let continues = c.is_alphanumeric()
            || c == '_'
            || is_number && c == '.' && at > 0
            || is_number && matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
        if !continues {
            return at;
        }
        before = c;
    }
    text.len()
}

fn push_word(normal: &mut String, word: &str) {
    let is_hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(address) = word.strip_prefix("0x")
        && address.len() >= 6
        && is_hex(address)
    {
        normal.push('…');
        return;
    }
    // Ids that are another with each run may have a letter before.
    let id = word.strip_prefix(|c: char| c.is_ascii_lowercase() && c > 'f');
    let word_or_id = id.unwrap_or(word);
    if word_or_id.len() >= 10
        && is_hex(word_or_id)
        && word_or_id.bytes().any(|byte| byte.is_ascii_alphabetic())
        && word_or_id.bytes().any(|byte| byte.is_ascii_digit())
        && word.parse::<f64>().is_err()
    {
        normal.push('…');
        return;
    }
    let is_fraction =
        word.starts_with(|c: char| c.is_ascii_digit()) && word.contains(['.', 'e', 'E']);
    match word.parse::<f64>() {
        Ok(number) if is_fraction => {
            normal.push_str(&format!("{number:.5e}"));
            // A full stop after a number is no part of it.
            if word.ends_with('.') && !normal.is_empty() {
                normal.push('.');
            }
        }
        _ => normal.push_str(word),
    }
}

fn first_line(text: &str) -> String {
    cut(text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default())
}

fn cut(words: &str) -> String {
    let mut chars = words.chars();
    let mut cut: String = chars.by_ref().take(MAX_WORDS_CHARS).collect();
    if chars.next().is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::notebook::Notebook;

    use super::*;

    fn print(outputs: &Value) -> Option<OutputPrint> {
        let cell = json!({"cell_type": "code", "metadata": {}, "source": "", "outputs": outputs});
        let json = json!({"cells": [cell], "nbformat": 4, "nbformat_minor": 5, "metadata": {}});
        let parsed = Notebook::parse(json.to_string().as_bytes()).unwrap();
        OutputPrint::of(&parsed.notebook.cells().iter().collect::<Vec<_>>())
    }

    fn printed(text: &str) -> Option<OutputPrint> {
        print(&json!([{"output_type": "stream", "name": "stdout", "text": text}]))
    }

    fn shown(mime: &str, text: &str) -> Option<OutputPrint> {
        print(&json!([{"output_type": "display_data", "metadata": {}, "data": {mime: text}}]))
    }

    fn marks(prints: [Option<OutputPrint>; 2]) -> [u64; 2] {
        prints.map(|print| print.unwrap().mark)
    }

    #[test]
    fn numbers_count_to_six_digits_and_addresses_do_not() {
        for [one, other] in [
            ["0.30000000000000004\n", "0.3"],
            ["mean 12.3456789  \n", "mean 12.3456791"],
            ["<Axes at 0x7f3a2c0b1d90>", "<Axes at 0x7fe1aa00b0c0>"],
            ["1.5e-10", "1.50000001e-10"],
        ] {
            let [a, b] = marks([printed(one), printed(other)]);
            assert_eq!(a, b, "{one} {other}");
        }
        for [one, other] in [
            ["12.345", "12.346"],
            ["1234567", "1234568"],
            ["3", "3.0"],
            ["1.2.3", "1.2.4"],
            ["a1b2", "a1b3"],
            ["decade", "facade"],
        ] {
            let [a, b] = marks([printed(one), printed(other)]);
            assert_ne!(a, b, "{one} {other}");
        }
    }

    #[test]
    fn a_table_is_what_is_in_it() {
        let table = "<table border=\"1\"><tr><td>a</td><td>0.1</td></tr></table>";
        let other = "<div><style>x</style></div><table>\n<tr><td>a</td>\n <td>0.10000000001</td></tr></table>";
        let [a, b] = marks([
            shown("text/html", table),
            shown("text/html", &other.replace("<style>x</style>", "")),
        ]);
        assert_eq!(a, b);
        let [a, b] = marks([
            shown("text/html", table),
            shown("text/html", &table.replace("0.1", "0.2")),
        ]);
        assert_ne!(a, b);
        assert_eq!(
            shown("text/html", table).unwrap().words,
            "a table: a 1.00000e-1"
        );
    }

    #[test]
    fn a_picture_is_its_bytes() {
        let [a, b] = marks([shown("image/png", "AAAA"), shown("image/png", "AAAB")]);
        assert_ne!(a, b);
        assert_eq!(shown("image/png", "AAAA").unwrap().words, "a picture");
        // The ids that a drawing has are another with each run.
        let drawing = |id: &str| shown("image/svg+xml", &format!("<clipPath id=\"p{id}\"/>"));
        let [a, b] = marks([drawing("0a1b2c3d4e5f"), drawing("9a8b7c6d5e4f")]);
        assert_eq!(a, b);
    }

    #[test]
    fn what_shows_nothing_has_no_print() {
        assert_eq!(print(&json!([])), None);
        assert_eq!(printed(" \n"), None);
        assert_eq!(printed("\n  total 5\nmore").unwrap().words, "total 5");
        assert!(print(&json!([{"output_type": "display_data", "metadata": {}, "data": {"application/x": 1}}])).is_some());
    }
}
