//! Inline styles to classes.
//!
//! The few properties that carry meaning in notebooks (emphasis, alignment, colour, sizes of letters,
//! frames, what is hidden) are recognised by exact values; every other declaration has no class and is dropped, with
//! anything hidden in it.

use super::{css_colour, css_size};
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
        ("text-decoration" | "text-decoration-line", value) if has(value, "underline") => {
            ("line", "ansi-underline")
        }
        ("text-decoration" | "text-decoration-line", value) if has(value, "line-through") => {
            ("line", "ansi-strike")
        }
        ("display", "none") => ("display", "nb-gone"),
        ("display", "flex" | "inline-flex") => ("display", "nb-row"),
        ("display", "inline" | "inline-block" | "inline-table") => ("display", "nb-beside"),
        ("display", _) => return Some(("display", None)),
        ("flex-direction" | "flex-flow", value) => {
            let is_column = value.starts_with("column");
            return Some(("direction", is_column.then(|| "nb-column".to_owned())));
        }
        ("white-space", "pre" | "pre-wrap" | "pre-line" | "break-spaces") => {
            ("white-space", "nb-pre")
        }
        ("list-style" | "list-style-type", value) if has(value, "none") => {
            ("list-style", "nb-no-marks")
        }
        ("visibility", "hidden" | "collapse") => ("visibility", "nb-gone"),
        ("font-size", value) => {
            return Some(("size", Some(size_class(css_size::letters(value)?))));
        }
        ("font", value) => {
            let size = value.split(['/', ' ']).find_map(css_size::letters)?;
            return Some(("size", Some(size_class(size))));
        }
        ("font-family", value) => ("family", monospace(value)?),
        ("float", value) => ("place", place_of_itself(value)?),
        ("margin" | "margin-left" | "margin-inline", value) if has(value, "auto") => {
            ("place", "nb-middle")
        }
        ("margin-left" | "padding-left", value) => match css_size::length(value)? {
            css_size::Length::Pixels(pixels) if pixels < 16.0 => return None,
            css_size::Length::PerCent(0.0) | css_size::Length::Em(0.0) => return None,
            _ => ("indent", "nb-indent"),
        },
        ("border" | "border-left", value) => {
            let is_line = LINES.iter().any(|line| has(value, line));
            let class = match property {
                "border" => "nb-framed",
                _ => "nb-ruled",
            };
            return Some((class, is_line.then(|| class.to_owned())));
        }
        ("color", value) => {
            // Black text would vanish on the dark theme, so it gets the page's own text colour.
            let number = colour::nearest(css_colour::parse(value)?);
            return Some(("color", (number != 0).then(|| format!("ansi-fg-{number}"))));
        }
        _ => return None,
    };
    Some((group, Some(name.to_owned())))
}

/// The styles of borders that can be seen.
const LINES: [&str; 8] = [
    "solid", "dashed", "dotted", "double", "groove", "ridge", "inset", "outset",
];

/// Whether one of the words of `value` is `word`.
fn has(value: &str, word: &str) -> bool {
    value.split_whitespace().any(|found| found == word)
}

/// The class of one of HTML's seven sizes of letters.
pub(crate) fn size_class(size: usize) -> String {
    format!("nb-size-{size}")
}

/// The class of letters of one width, where the first of these families has such.
pub(crate) fn monospace(families: &str) -> Option<&'static str> {
    let found = ["mono", "courier", "consolas", "menlo"]
        .iter()
        .find(|name| families.contains(**name));
    found.map(|_| "nb-mono")
}

/// The class of something that stands at a side, with text beside it, or in the middle.
pub(crate) fn place_of_itself(place: &str) -> Option<&'static str> {
    match place {
        "left" => Some("nb-at-left"),
        "right" => Some("nb-at-right"),
        "center" => Some("nb-middle"),
        _ => None,
    }
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
            ("background: #4caf50 none repeat", "ansi-bg-2"),
            ("white-space: pre-wrap", "nb-pre"),
            ("list-style: none outside", "nb-no-marks"),
            ("text-decoration: underline dotted", "ansi-underline"),
            ("font-size: 24px; font-size: 14px", "nb-size-3"),
            ("FONT-SIZE: 2EM", "nb-size-6"),
            ("font: italic bold 18px/30px Georgia, serif", "nb-size-4"),
            ("font-family: 'Courier New'", "nb-mono"),
            ("float: right", "nb-at-right"),
            ("display: block; margin: 0 auto", "nb-middle"),
            ("margin-left: 40px", "nb-indent"),
            ("display: flex; gap: 1em", "nb-row"),
            ("display: flex; flex-flow: column wrap", "nb-column nb-row"),
            ("display: inline", "nb-beside"),
            ("margin-left: 4px; padding-left: 0", ""),
            ("border: 1px solid red; border: none", ""),
            ("border: 2px dashed", "nb-framed"),
            ("border-left: 5px solid #ccc; padding: 10px", "nb-ruled"),
        ] {
            assert_eq!(classes(style).join(" "), expected, "{style}");
        }
        assert_eq!(
            looks("background-color: #fde725").background,
            Some([0xfd, 0xe7, 0x25])
        );
    }
}
