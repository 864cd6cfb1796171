//! Values to JSON as Jupyter writes it: indent 1, UTF-8 as it is.
//!
//! Byte for byte what serde_json's own formatter makes, in half the time: most of a notebook
//! is short texts, each on a line of its own.

use std::fmt::Write;

use serde_json::Value;

use crate::scan;

/// Deeper lines are indented in pieces of this.
const INDENT: &str = "                                ";

/// `value`, which stands in so many containers, onto the end of `out`.
fn push(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write!(out, "{number}").expect("a String takes everything"),
        Value::String(text) => push_text(out, text),
        Value::Array(values) => push_array(out, values, depth),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
            push_object(out, fields, depth);
        }
    }
}

fn push_array(out: &mut String, values: &[Value], depth: usize) {
    out.push('[');
    for (at, value) in values.iter().enumerate() {
        begin_line(out, at, depth + 1);
        push(out, value, depth + 1);
    }
    end(out, values.is_empty(), depth);
    out.push(']');
}

/// An object of `fields`, which stands in so many containers, onto the end of `out`.
pub(in crate::notebook) fn push_object<'a>(
    out: &mut String,
    fields: impl IntoIterator<Item = (&'a str, &'a Value)>,
    depth: usize,
) {
    out.push('{');
    let mut is_empty = true;
    for (at, (name, value)) in fields.into_iter().enumerate() {
        is_empty = false;
        begin_line(out, at, depth + 1);
        push_text(out, name);
        out.push_str(": ");
        push(out, value, depth + 1);
    }
    end(out, is_empty, depth);
    out.push('}');
}

/// Before the item at `at`.
fn begin_line(out: &mut String, at: usize, depth: usize) {
    out.push_str(if at == 0 { "\n" } else { ",\n" });
    indent(out, depth);
}

/// Before the bracket that closes.
fn end(out: &mut String, is_empty: bool, depth: usize) {
    if !is_empty {
        out.push('\n');
        indent(out, depth);
    }
}

fn indent(out: &mut String, depth: usize) {
    let mut left = depth;
    while left > 0 {
        let some = left.min(INDENT.len());
        out.push_str(&INDENT[..some]);
        left -= some;
    }
}

fn push_text(out: &mut String, text: &str) {
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
    use serde_json::json;

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
        push(&mut out, value, 0);
        assert_eq!(out, by_serde(value));
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
    fn however_deep_it_is() {
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
