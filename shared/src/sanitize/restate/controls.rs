//! Controls of forms and formulas in MathML, as the text that they show.
//!
//! A page has nothing to send, so that a control is its value: a box that is ticked or not, what
//! was typed or chosen, how far something is. Of a formula there is its TeX, where it came with
//! one, or its letters, and a note.

use super::tag::{Tag, content, may_have, tag, text_length};

const ELEMENTS: [&str; 5] = ["input", "math", "meter", "progress", "select"];

/// The most bytes of a control that are read: no list of choices is longer.
const MAX_CONTROL_BYTES: usize = 100_000;

/// `html` with text in place of these elements; `None` when it has none.
pub(super) fn shown(html: &str) -> Option<String> {
    if !may_have(html, &ELEMENTS) {
        return None;
    }
    let mut out = String::new();
    let mut kept = 0;
    let mut at = 0;
    while at < html.len() {
        let rest = &html[at..];
        let Some((found, length)) = tag(rest) else {
            at += text_length(rest);
            continue;
        };
        let start = at;
        at += length;
        if found.closes {
            continue;
        }
        let verbatim = ["script", "style", "svg", "textarea"];
        if let Some(name) = verbatim.iter().find(|name| found.is(name)) {
            let (inside, end) = content(&html[at..], name);
            at += inside + end;
            continue;
        }
        let Some(name) = ELEMENTS.iter().find(|name| found.is(name)) else {
            continue;
        };
        let (inside, end) = match *name {
            "input" => (0, 0),
            name => content(&html[at..], name),
        };
        out.push_str(&html[kept..start]);
        let within = &html[at..at + inside];
        let within = &within[..within.floor_char_boundary(MAX_CONTROL_BYTES)];
        match *name {
            "input" => push_input(&mut out, &found),
            "select" => push_choice(&mut out, within),
            "math" => push_formula(&mut out, within),
            name => push_part(&mut out, name, &found),
        }
        at += inside + end;
        kept = at;
    }
    (kept > 0).then(|| {
        out.push_str(&html[kept..]);
        out
    })
}

fn push_input(out: &mut String, found: &Tag<'_>) {
    let value = found.value("value").unwrap_or_default();
    let is_checked = found.value("checked").is_some();
    let kind = found.value("type").unwrap_or_default().to_ascii_lowercase();
    match kind.as_str() {
        "hidden" | "image" => {}
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
    for (at, _) in inside.match_indices("<option") {
        let Some((option, length)) = tag(&inside[at..]) else {
            continue;
        };
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

/// Writes the TeX or the letters of a formula.
fn push_formula(out: &mut String, inside: &str) {
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

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn controls_are_their_values() {
        for (html, expected) in [
            ("a <input type=\"checkbox\" checked> b", "a ☑ b"),
            ("<INPUT type=radio>x", "○x"),
            ("<input value=\"a &lt; b\">", "<samp>a &lt; b</samp>"),
            ("<input placeholder='Your name'>", "<samp>Your name</samp>"),
            ("<input type=hidden value=x>y", "y"),
            ("<input type=submit value=Send>", "<samp>Send</samp>"),
            (
                "a<select><option>one<option selected>two</select>b",
                "a<samp>two</samp>b",
            ),
            (
                "<select><option>one</option><option>two</option></select>",
                "<samp>one</samp>",
            ),
            ("<meter value=.6></meter>", "<samp>60 %</samp>"),
            ("<progress value=3 max=12>3</progress>", "<samp>25 %</samp>"),
            ("<progress></progress>", "<samp>…</samp>"),
            (
                "<math><mi>x</mi> <mo>=</mo> <mn>5</mn></math> is",
                "<span class=\"nb-note\">A formula in MathML is shown as its text:</span> \
                 <code>x=5</code> is",
            ),
            (
                "<math><semantics><mi>x</mi><annotation encoding=\"application/x-tex\">x^2\
                 </annotation></semantics></math>",
                "<span class=\"nb-note\">A formula in MathML is shown as its text:</span> \
                 <code>x^2</code>",
            ),
        ] {
            assert_eq!(shown(html).as_deref(), Some(expected), "{html}");
        }
        for html in ["<p>input</p>", "<textarea><input></textarea>", "</select>"] {
            assert_eq!(shown(html), None, "{html}");
        }
    }
}
