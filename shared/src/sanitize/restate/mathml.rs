//! Formulas that are written in MathML, as text.

use super::tag::{tag, text_length};

/// Writes the TeX or the letters of a formula.
pub(super) fn push(out: &mut String, inside: &str) {
    let tex = inside
        .split_once("application/x-tex")
        .and_then(|(_, after)| {
            let (_, after) = after.split_once('>')?;
            Some(&after[..after.find('<').unwrap_or(after.len())])
        });
    out.push_str("<span class=\"nb-note\">A formula in MathML is shown as its text:</span> ");
    if let Some(tex) = tex {
        out.extend(["<code>", tex.trim(), "</code>"]);
        return;
    }
    let mut text = String::new();
    let mut rest = inside;
    while !rest.is_empty() {
        match tag(rest) {
            Some((_, length)) => rest = &rest[length..],
            None => {
                let length = text_length(rest);
                text.extend(rest[..length].split_whitespace());
                rest = &rest[length..];
            }
        }
    }
    let text = text.replace('<', "&lt;");
    out.extend(["<code>", &text, "</code>"]);
}
