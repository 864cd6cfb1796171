//! Inline styles to classes.
//!
//! The few properties that carry meaning in notebooks (emphasis, alignment, colour, what is hidden)
//! are recognised by exact values; every other declaration has no class and is dropped, with
//! anything hidden in it.

use super::css_colour;
use crate::render::colour;

/// The steps, in per cent, in which the stylesheet draws bars.
const BAR_STEP: f64 = 5.0;

/// What the sanitiser keeps of a style.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Looks {
    /// The classes, each once, in a fixed order.
    pub(crate) classes: Vec<String>,
    /// The exact colour behind a text.
    pub(crate) background: Option<[u8; 3]>,
}

/// The classes that stand for `style`, each once, in a fixed order.
pub(crate) fn classes(style: &str) -> Vec<String> {
    let Looks {
        mut classes,
        background,
    } = looks(style);
    if let Some(class) = background.and_then(background_class) {
        classes.push(class);
        classes.sort();
    }
    classes
}

/// The class of a colour behind a text; white has none.
fn background_class(background: [u8; 3]) -> Option<String> {
    let number = colour::nearest(background);
    (number != 15).then(|| format!("ansi-bg-{number}"))
}

/// The value of `property` in `style`, the last one.
pub(crate) fn declared<'s>(style: &'s str, property: &str) -> Option<&'s str> {
    let declarations = style.split(';').rev().take(64);
    let mut found = declarations.filter_map(|declaration| declaration.split_once(':'));
    let found = found.find(|(name, _)| name.trim().eq_ignore_ascii_case(property));
    found.map(|(_, value)| value.trim())
}

/// The looks that `style` asks for. Of several values of a property the last counts.
pub(crate) fn looks(style: &str) -> Looks {
    let mut looks = Looks::default();
    let mut kept: Vec<(&str, Vec<String>)> = Vec::new();
    for declaration in style.split(';').take(64) {
        let Some((property, value)) = declaration.split_once(':') else {
            continue;
        };
        let property = property.trim().to_ascii_lowercase();
        let value = value.trim().to_ascii_lowercase();
        let value = value.trim_end_matches("!important").trim_end();
        if matches!(
            property.as_str(),
            "background" | "background-color" | "background-image"
        ) {
            if let Some(bar) = bar(value) {
                looks.background = None;
                set(&mut kept, "background", bar);
            } else if let Some(colour) = background(value) {
                looks.background = Some(colour);
                set(&mut kept, "background", Vec::new());
            }
            continue;
        }
        if let Some((group, class)) = class(&property, value) {
            set(&mut kept, group, class.into_iter().collect());
        }
    }
    looks.classes = kept.into_iter().flat_map(|(_, classes)| classes).collect();
    looks.classes.sort();
    looks.classes.dedup();
    looks
}

fn set<'g>(kept: &mut Vec<(&'g str, Vec<String>)>, group: &'g str, classes: Vec<String>) {
    kept.retain(|(own, _)| *own != group);
    kept.push((group, classes));
}

/// The property that a declaration sets, and its class if it has one.
fn class(property: &str, value: &str) -> Option<(&'static str, Option<String>)> {
    let (group, name) = match (property, value) {
        ("text-align", "left" | "start") => ("align", "nb-left"),
        ("text-align", "center") => ("align", "nb-center"),
        ("text-align", "right" | "end") => ("align", "nb-right"),
        ("font-weight", "bold" | "bolder" | "600" | "700" | "800" | "900") => {
            ("weight", "ansi-bold")
        }
        ("font-style", "italic" | "oblique") => ("slope", "ansi-italic"),
        ("text-decoration" | "text-decoration-line", "underline") => ("line", "ansi-underline"),
        ("text-decoration" | "text-decoration-line", "line-through") => ("line", "ansi-strike"),
        ("display", "none") => ("display", "nb-gone"),
        ("display", _) => return Some(("display", None)),
        ("white-space", "pre" | "pre-wrap" | "pre-line" | "break-spaces") => {
            ("white-space", "nb-pre")
        }
        ("list-style" | "list-style-type", value)
            if value.split_whitespace().any(|word| word == "none") =>
        {
            ("list-style", "nb-no-marks")
        }
        ("visibility", "hidden" | "collapse") => ("visibility", "nb-gone"),
        ("color", value) => {
            // Black text would vanish on the dark theme, so it gets the page's own text colour.
            let number = colour::nearest(css_colour::parse(value)?);
            return Some(("color", (number != 0).then(|| format!("ansi-fg-{number}"))));
        }
        _ => return None,
    };
    Some((group, Some(name.to_owned())))
}

/// The colour of a `background`, which may have other values beside it; of a gradient the first one.
fn background(value: &str) -> Option<[u8; 3]> {
    let parts = split(value, |c| c.is_whitespace() || c == ',');
    let gradient = |part: &str| {
        let (name, stops) = part.strip_suffix(')')?.split_once('(')?;
        name.ends_with("-gradient").then_some(())?;
        split(stops, |c| c.is_whitespace() || c == ',').find_map(css_colour::parse)
    };
    parts
        .take(16)
        .find_map(|part| css_colour::parse(part).or_else(|| gradient(part)))
}

/// The parts of `text` between marks that stand outside of brackets.
fn split<'t>(text: &'t str, is_mark: impl Fn(char) -> bool + 't) -> impl Iterator<Item = &'t str> {
    let mut depth = 0_usize;
    let parts = text.split(move |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && c != ')' && is_mark(c)
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

/// The classes of a bar, as pandas draws one in a cell: a gradient with sharp ends.
fn bar(value: &str) -> Option<Vec<String>> {
    // A bar that is lower than its cell has its size and place beside it.
    let gradient = split(value, char::is_whitespace).find(|part| part.starts_with("linear"))?;
    let stops = gradient
        .strip_prefix("linear-gradient(")?
        .strip_suffix(')')?
        .strip_prefix("90deg,")?;
    let stops = split(stops, |c| c == ',');
    let mut found: Option<([u8; 3], f64, f64)> = None;
    for stop in stops.take(8) {
        // A first stop without a place begins at the edge.
        let (colour, place) = match stop.rsplit_once(' ') {
            Some(parts) if parts.1.ends_with('%') => parts,
            _ if found.is_none() => (stop, "0%"),
            _ => return None,
        };
        let place: f64 = place.strip_suffix('%')?.parse().ok()?;
        let Some(colour) = css_colour::parse(colour.trim()) else {
            continue;
        };
        found = Some(match found {
            None => (colour, if place > 0.0 { place } else { 0.0 }, place),
            Some((first, start, end)) => (first, start.min(place), end.max(place)),
        });
    }
    let (colour, mut start, end) = found?;
    // A bar that begins at the edge is told by its end alone.
    let begins_inside = value.matches("transparent").count() > 1;
    if !begins_inside {
        start = 0.0;
    }
    let step = |place: f64| ((place / BAR_STEP).round() * BAR_STEP).clamp(0.0, 100.0);
    let mut classes = vec![format!("nb-bar-{}", step(end))];
    if step(start) > 0.0 {
        classes.push(format!("nb-from-{}", step(start)));
    }
    classes.push(background_class(colour).unwrap_or_else(|| "ansi-bg-7".to_owned()));
    Some(classes)
}

#[cfg(test)]
mod tests {
    use super::{classes, looks};

    #[test]
    fn only_known_declarations_have_a_class() {
        for (style, expected) in [
            ("text-align: right;", "nb-right"),
            ("COLOR: Red; font-weight:bold", "ansi-bold ansi-fg-1"),
            ("background: rgb(85, 255, 85)", "ansi-bg-10"),
            ("color:#5555ff;color:#55f", "ansi-fg-12"),
            ("color:red;color:blue", "ansi-fg-4"),
            ("color: black; background: white", ""),
            ("display: none", "nb-gone"),
            ("display: none; display: block", ""),
            ("position: fixed; background: url(http://x)", ""),
            ("color: rgb(1,2); color: #12345é; color", ""),
            (
                "background: linear-gradient(90deg, #d65f5f 33.3%, transparent 33.3%)",
                "ansi-bg-9 nb-bar-35",
            ),
            (
                "background: linear-gradient(90deg, transparent 25%, rgb(0, 0, 170) 25%, \
                 rgb(0, 0, 170) 50%, transparent 50%)",
                "ansi-bg-4 nb-bar-50 nb-from-25",
            ),
            ("background: linear-gradient(45deg, red, blue)", "ansi-bg-1"),
            (
                "background-image: linear-gradient(to right, rgb(0, 0, 170) 5%, red)",
                "ansi-bg-4",
            ),
            (
                "background: linear-gradient(90deg, #d65f5f 33.3%, transparent 33.3%) \
                 no-repeat center; background-size: 100% 40%",
                "ansi-bg-9 nb-bar-35",
            ),
            (
                "background: no-repeat center / 100% 80% \
                 linear-gradient(90deg, #d65f5f, #d65f5f 33.3%, transparent 33.3%)",
                "ansi-bg-9 nb-bar-35",
            ),
            ("background: #4caf50 none repeat", "ansi-bg-10"),
            ("white-space: pre-wrap", "nb-pre"),
            ("list-style: none outside", "nb-no-marks"),
        ] {
            assert_eq!(classes(style).join(" "), expected, "{style}");
        }
        assert_eq!(
            looks("background-color: #fde725").background,
            Some([0xfd, 0xe7, 0x25])
        );
    }
}
