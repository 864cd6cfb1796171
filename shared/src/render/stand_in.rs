//! Stand-ins, which take the place of formulas in a text until it is rendered.
//!
//! A stand-in is a number between two code points that are no characters. [`push_text`] replaces
//! these code points in a text from a notebook.

use super::escape;
use crate::prepared::SafeHtml;

const STAND_IN_START: char = '\u{FDD1}';
const STAND_IN_END: char = '\u{FDD2}';

/// Appends the stand-in of the formula with this number to `out`.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn push(out: &mut String, number: usize) {
    out.push(STAND_IN_START);
    out.push_str(&number.to_string());
    out.push(STAND_IN_END);
}

/// Appends a part of the source without formulas to `out`.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn push_text(out: &mut String, text: &str) {
    if !text.contains(is_delimiter) {
        out.push_str(text);
        return;
    }
    for char in text.chars() {
        out.push(if is_delimiter(char) { '\u{FFFD}' } else { char });
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn is_delimiter(char: char) -> bool {
    matches!(char, STAND_IN_START | STAND_IN_END)
}

/// Appends `text` to `out`; `formula` writes the replacement of each stand-in.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn replace(out: &mut String, text: &str, mut formula: impl FnMut(&mut String, usize)) {
    split(text, |part| match part {
        TextOrFormula::Text(text) => out.push_str(text),
        TextOrFormula::Formula(number) => formula(out, number),
    });
}

/// Appends `text` as HTML to `out`, with `maths` in place of the stand-ins.
pub(crate) fn push_html(out: &mut String, text: &str, maths: &[SafeHtml]) {
    if maths.is_empty() {
        escape::push(out, text);
        return;
    }
    split(text, |part| match part {
        TextOrFormula::Text(text) => escape::push(out, text),
        TextOrFormula::Formula(number) => {
            out.push_str(maths.get(number).map_or("", SafeHtml::as_str))
        }
    });
}

/// A part of a text with stand-ins.
pub(crate) enum TextOrFormula<'a> {
    /// Text between stand-ins.
    Text(&'a str),
    /// The number of a formula.
    Formula(usize),
}

/// Gives the parts of `text` to `sink`, in order.
pub(crate) fn split<'a>(text: &'a str, mut sink: impl FnMut(TextOrFormula<'a>)) {
    let mut parts = text.split(STAND_IN_START);
    sink(TextOrFormula::Text(parts.next().unwrap_or_default()));
    for part in parts {
        let (number, after) = part.split_once(STAND_IN_END).unwrap_or(("", part));
        if let Ok(number) = number.parse() {
            sink(TextOrFormula::Formula(number));
        }
        sink(TextOrFormula::Text(after));
    }
}
