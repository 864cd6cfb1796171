//! Writes values as JSON like Jupyter: indent 1, UTF-8 unescaped.
//!
//! But for numbers, which stay as they were written, the output equals that of serde_json's own
//! formatter byte for byte, in half the time, because most of a notebook is short texts, each on a
//! line of its own. But many small values deep in
//! containers, which would be several times as long on lines of their own, are written without
//! line breaks.

use std::fmt::Write;

use super::raw::RawJson;
use crate::scan;

/// The white space of an indent; deeper lines repeat it.
const INDENT: &str = "                                ";

/// Line breaks may add this many times the size of a value.
const LINES_GROWTH_FACTOR: usize = 3;
/// Beyond that, line breaks may add this many bytes to all fields beside the cells, and to each
/// cell, of which there may be ten thousand. Each cell has its own allowance, because cells are
/// also written one by one.
const TOP_FREE_BYTES: usize = 64 * 1024;
const CELL_FREE_BYTES: usize = 4 * 1024;
/// The most levels of containers with line breaks in a value that is too large with all of them.
const MAX_SPLIT_LEVELS: usize = 4;

/// Receives a text in parts.
trait TextSink {
    fn push_part(&mut self, piece: &str);
}

impl TextSink for String {
    fn push_part(&mut self, part: &str) {
        self.push_str(part);
    }
}

/// Counts the bytes of a text without keeping it.
struct TextLength(usize);

impl TextSink for TextLength {
    fn push_part(&mut self, part: &str) {
        self.0 += part.len();
    }
}

/// The bytes that line breaks may still add beyond [`LINES_GROWTH_FACTOR`].
///
/// All fields of an object share one allowance, because there may be many small ones.
#[derive(Clone)]
pub(in crate::notebook) struct LinesAllowance(usize);

impl LinesAllowance {
    /// The allowance of all fields beside the cells.
    pub(in crate::notebook) fn of_top() -> Self {
        Self(TOP_FREE_BYTES)
    }

    /// The allowance of one cell.
    pub(in crate::notebook) fn of_cell() -> Self {
        Self(CELL_FREE_BYTES)
    }
}

/// Appends `value`, which stands in `depth` containers, to `out`.
pub(in crate::notebook) fn push(
    out: &mut String,
    value: RawJson<'_>,
    depth: usize,
    free: &mut LinesAllowance,
) {
    let (levels, length) = measured(value, depth, free);
    out.reserve(length);
    push_lines(out, value.json(), depth, levels);
}

/// The number of levels of containers that get line breaks, and the length of `value` with them.
fn measured(value: RawJson<'_>, depth: usize, free: &mut LinesAllowance) -> (usize, usize) {
    let length = |levels| {
        let mut length = TextLength(0);
        push_lines(&mut length, value.json(), depth, levels);
        (levels, length.0)
    };
    let own = (1 + LINES_GROWTH_FACTOR) * value.json().len();
    let most = own + free.0;
    let few = (0..=MAX_SPLIT_LEVELS).rev().map(|more| depth + more);
    let mut tried = std::iter::once(usize::MAX).chain(few).map(length);
    let fitting = tried.find(|(_, length)| *length <= most);
    let (levels, length) = fitting.unwrap_or_else(|| length(0));
    free.0 = free.0.saturating_sub(length.saturating_sub(own));
    (levels, length)
}

/// Writes `json` with line breaks in containers that stand in fewer than `levels` others.
fn push_lines(out: &mut impl TextSink, json: &str, depth: usize, levels: usize) {
    let bytes = json.as_bytes();
    let mut depth = depth;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        let is_split = depth <= levels;
        match byte {
            b'"' => {
                at = start + super::raw::text_length(&bytes[start..]);
                out.push_part(&json[start..at]);
            }
            b'{' | b'[' => {
                out.push_part(&json[start..at]);
                if matches!(bytes.get(at), Some(b'}' | b']')) {
                    out.push_part(&json[at..=at]);
                    at += 1;
                    continue;
                }
                depth += 1;
                if depth <= levels {
                    line(out, depth);
                }
            }
            b'}' | b']' => {
                depth -= 1;
                if is_split {
                    line(out, depth);
                }
                out.push_part(&json[start..at]);
            }
            b',' => {
                out.push_part(",");
                if is_split {
                    line(out, depth);
                }
            }
            b':' => out.push_part(": "),
            _ => {
                let rest = bytes[at..].iter();
                let ends = |byte: &&u8| !matches!(byte, b',' | b']' | b'}');
                at += rest.take_while(ends).count();
                out.push_part(&json[start..at]);
            }
        }
    }
}

fn line(out: &mut impl TextSink, depth: usize) {
    out.push_part("\n");
    let mut left = depth;
    while left > 0 {
        let some = left.min(INDENT.len());
        out.push_part(&INDENT[..some]);
        left -= some;
    }
}

/// Appends an object of the `fields` beside the cells, which stands in `depth` containers, to
/// `out`; the names are as they stand between the quotes of the JSON.
pub(in crate::notebook) fn push_object<'a>(
    out: &mut String,
    fields: impl Iterator<Item = (&'a str, RawJson<'a>)> + Clone,
    depth: usize,
) {
    let mut free = LinesAllowance::of_top();
    // Measuring first saves memory, because a growing text may take three times its length, and
    // has unused room at its end.
    let mut measuring = free.clone();
    let length = |(name, value): (&str, RawJson<'_>)| {
        let (_, length) = measured(value, depth + 1, &mut measuring);
        ",\n".len() + depth + 1 + "\"\": ".len() + name.len() + length
    };
    let length: usize = fields.clone().map(length).sum();
    // The last field has no comma, and the closing brace has a line of its own.
    out.reserve_exact("{}".len() + if length > 0 { length + depth } else { 0 });
    out.push('{');
    let mut separator = "";
    for (name, value) in fields {
        out.push_str(separator);
        separator = ",";
        line(out, depth + 1);
        push_name(out, name);
        push(out, value, depth + 1, &mut free);
    }
    if !separator.is_empty() {
        line(out, depth);
    }
    out.push('}');
}

/// Appends a name, as it stands between the quotes of the JSON, up to its value.
pub(in crate::notebook) fn push_name(out: &mut String, name: &str) {
    for part in ["\"", name, "\": "] {
        out.push_str(part);
    }
}

/// Appends a list of `cells`, which stands in `depth` containers, to `out`.
pub(in crate::notebook) fn push_cells<'a>(
    out: &mut String,
    cells: impl Iterator<Item = RawJson<'a>> + Clone,
    depth: usize,
) {
    let length = |cell| measured(cell, depth + 1, &mut LinesAllowance::of_cell()).1 + depth + 3;
    out.reserve_exact(cells.clone().map(length).sum::<usize>() + depth + 8);
    out.push('[');
    let mut separator = "";
    for cell in cells {
        out.push_str(separator);
        separator = ",";
        line(out, depth + 1);
        push(out, cell, depth + 1, &mut LinesAllowance::of_cell());
    }
    if !separator.is_empty() {
        line(out, depth);
    }
    out.push(']');
}

/// Appends `text` as JSON, with its quotes, to `out`.
pub(in crate::notebook) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    loop {
        let plain = scan::length_of_json_text(rest.as_bytes());
        out.push_str(&rest[..plain]);
        let Some(byte) = rest.as_bytes().get(plain) else {
            break;
        };
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            other => write!(out, "\\u{other:04x}").expect("a String takes everything"),
        }
        rest = &rest[plain + 1..];
    }
    out.push('"');
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use serde::Serialize;
    use serde_json::{Value, json};

    use super::*;

    fn by_serde(value: &Value) -> String {
        let mut out = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
        value.serialize(&mut serializer).expect("text keys");
        String::from_utf8(out).expect("UTF-8")
    }

    fn check(value: &Value) {
        let mut out = String::new();
        push(
            &mut out,
            RawJson::of(&value.to_string()),
            0,
            &mut LinesAllowance::of_top(),
        );
        assert_eq!(out, by_serde(value));
    }

    #[test]
    fn line_breaks_add_little_to_a_deep_value() {
        let mut value = json!(vec![0; 100_000]);
        for _ in 0..50 {
            value = json!([value]);
        }
        let json = value.to_string();
        let mut out = String::new();
        push(
            &mut out,
            RawJson::of(&json),
            2,
            &mut LinesAllowance::of_top(),
        );
        assert!(
            out.len() <= (1 + LINES_GROWTH_FACTOR) * json.len() + TOP_FREE_BYTES,
            "{}",
            out.len()
        );
        assert_eq!(serde_json::from_str::<Value>(&out).expect("JSON"), value);
        assert!(
            out.starts_with("[\n   [\n    [\n     [\n      [["),
            "{out:.40}"
        );
    }

    #[test]
    fn line_breaks_add_little_to_many_deep_values() {
        let deep = format!("{}{}0{}", "[".repeat(94), "0,".repeat(500), "]".repeat(94));
        let size = 200 * deep.len();
        let values = || std::iter::repeat_n(RawJson::of(&deep), 200);
        let most = (1 + LINES_GROWTH_FACTOR) * size + 200 * 16;

        let mut out = String::new();
        push_cells(&mut out, values(), 1);
        assert!(out.len() <= most + 200 * CELL_FREE_BYTES, "{}", out.len());

        let mut out = String::new();
        push_object(&mut out, values().map(|value| ("a", value)), 1);
        assert!(
            out.len() <= most + TOP_FREE_BYTES,
            "{} of {size}",
            out.len()
        );
    }

    #[test]
    fn every_character_is_written_as_serde_json_does() {
        for c in (0..=0x100).filter_map(char::from_u32) {
            check(&json!(format!(
                "{c}a{c}{c} a text that is longer than a vector{c}é😀"
            )));
        }
    }

    #[test]
    fn a_deep_value_is_written_as_serde_json_does() {
        let mut value = json!([]);
        for _ in 0..50 {
            value = json!({"a": [value, 1], "b": {}});
        }
        check(&value);
    }

    proptest! {
        #[test]
        fn any_value_is_written_as_serde_json_does(
            number in any::<f64>(), whole in any::<i64>(), unsigned in any::<u64>(),
            texts in vec(".*", 0..4),
        ) {
            check(&json!({"n": number, "i": [whole, unsigned, null, true, false], "t": texts}));
        }
    }
}
