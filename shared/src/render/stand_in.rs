//! Stand-ins: what takes the place of a formula in a text until it is rendered.
//!
//! A number between two code points that are no characters. A text from a notebook is
//! rid of these before the first stand-in is put into it.

use super::escape;
use crate::prepared::SafeHtml;

const STAND_IN_START: char = '\u{FDD1}';
const STAND_IN_END: char = '\u{FDD2}';

/// The stand-in of the formula with this number, onto the end of `out`.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn push(out: &mut String, number: usize) {
    out.push(STAND_IN_START);
    out.push_str(&number.to_string());
    out.push(STAND_IN_END);
}

/// A part of the source without formulas, onto the end of `out`.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn push_text(out: &mut String, text: &str) {
    if !text.contains(is_part) {
        out.push_str(text);
        return;
    }
    for char in text.chars() {
        out.push(if is_part(char) { '\u{FFFD}' } else { char });
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn is_part(char: char) -> bool {
    matches!(char, STAND_IN_START | STAND_IN_END)
}

/// `text` onto the end of `out`, `formula` writing what belongs in place of a number.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn replace(out: &mut String, text: &str, mut formula: impl FnMut(&mut String, usize)) {
    split(text, |part| match part {
        TextOrFormula::Text(text) => out.push_str(text),
        TextOrFormula::Formula(number) => formula(out, number),
    });
}

/// `text` as HTML, onto the end of `out`, `maths` taking their places in it.
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

/// A piece of a text.
pub(crate) enum TextOrFormula<'a> {
    /// Text between stand-ins.
    Text(&'a str),
    /// The number of a formula.
    Formula(usize),
}

/// Gives the pieces of `text` to `sink`, in order.
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
