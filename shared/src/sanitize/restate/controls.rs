//! Controls of forms, as the values that they show.
//!
//! A page has nothing to send, so that a control is its value: a box that is ticked or not, what
//! was typed or chosen, how far something is.

use super::tag::{Tag, tag};

/// The most bytes of a list of choices that are read: none is longer.
const MAX_CHOICE_BYTES: usize = 100_000;

/// Writes the value of a control; `inside` is its content.
pub(super) fn push(out: &mut String, name: &str, found: &Tag<'_>, inside: &str) {
    match name {
        "input" => push_input(out, found),
        "select" => push_choice(out, &inside[..inside.floor_char_boundary(MAX_CHOICE_BYTES)]),
        name => push_part(out, name, found),
    }
}

fn push_input(out: &mut String, found: &Tag<'_>) {
    let value = found.value("value").unwrap_or_default();
    let is_checked = found.value("checked").is_some();
    let kind = found.value("type").unwrap_or_default().to_ascii_lowercase();
    match kind.as_str() {
        "hidden" => {}
        "image" => push_value(out, found.value("alt").unwrap_or_default()),
        "checkbox" => out.push_str(if is_checked { "☑" } else { "☐" }),
        "radio" => out.push_str(if is_checked { "◉" } else { "○" }),
        "password" => push_value(out, if value.is_empty() { "" } else { "•••" }),
        "submit" if value.is_empty() => push_value(out, "Submit"),
        "reset" if value.is_empty() => push_value(out, "Reset"),
        "file" => push_value(out, "No file chosen"),
        _ if value.is_empty() => push_value(out, found.value("placeholder").unwrap_or_default()),
        _ => push_value(out, value),
    }
}

/// Writes what is chosen of a list, or its first item, as a browser shows it.
fn push_choice(out: &mut String, inside: &str) {
    let mut chosen: Vec<String> = Vec::new();
    let mut first = None;
    for (at, _) in inside.match_indices('<') {
        let Some((option, length)) = tag(&inside[at..]) else {
            continue;
        };
        if option.closes || !option.is("option") {
            continue;
        }
        let after = &inside[at + length..];
        let text = &after[..after.find('<').unwrap_or(after.len())];
        let text = match text.trim() {
            "" => option.value("label").unwrap_or_default(),
            text => text,
        };
        first.get_or_insert_with(|| text.to_owned());
        if option.value("selected").is_some() {
            chosen.push(text.to_owned());
        }
    }
    if chosen.is_empty() {
        chosen.extend(first);
    }
    push_value(out, &chosen.join(", "));
}

/// Writes how far a bar is, in per cent.
fn push_part(out: &mut String, name: &str, found: &Tag<'_>) {
    let number = |name: &str| found.value(name)?.trim().parse::<f64>().ok();
    let most = number("max").filter(|most| *most > 0.0).unwrap_or(1.0);
    let least = number("min").filter(|_| name == "meter").unwrap_or(0.0);
    let part = number("value").map(|value| (value - least) / (most - least) * 100.0);
    match part.filter(|part| part.is_finite()) {
        Some(part) => push_value(out, &format!("{:.0} %", part.clamp(0.0, 100.0))),
        None => push_value(out, ""),
    }
}

/// Writes a value that may have character references and marks, which are left out.
fn push_value(out: &mut String, value: &str) {
    let value = value.replace('<', "&lt;").replace('>', "&gt;");
    let value = if value.trim().is_empty() {
        "…"
    } else {
        &value
    };
    out.extend(["<samp>", value, "</samp>"]);
}
