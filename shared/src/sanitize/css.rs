//! Inline styles to classes.
//!
//! The few properties that carry meaning in notebooks (emphasis, alignment, colour) are
//! recognised by exact values; every other declaration has no class and is dropped, with
//! anything hidden in it.

use crate::render::colour;

/// The colour names that are usual in handwritten styles.
const NAMED_COLOURS: [(&str, [u8; 3]); 26] = [
    ("black", [0, 0, 0]),
    ("blue", [0, 0, 255]),
    ("brown", [165, 42, 42]),
    ("crimson", [220, 20, 60]),
    ("cyan", [0, 255, 255]),
    ("darkblue", [0, 0, 139]),
    ("darkgreen", [0, 100, 0]),
    ("darkred", [139, 0, 0]),
    ("gold", [255, 215, 0]),
    ("gray", [128, 128, 128]),
    ("green", [0, 128, 0]),
    ("grey", [128, 128, 128]),
    ("lightblue", [173, 216, 230]),
    ("lightgreen", [144, 238, 144]),
    ("lime", [0, 255, 0]),
    ("magenta", [255, 0, 255]),
    ("maroon", [128, 0, 0]),
    ("navy", [0, 0, 128]),
    ("orange", [255, 165, 0]),
    ("pink", [255, 192, 203]),
    ("purple", [128, 0, 128]),
    ("red", [255, 0, 0]),
    ("teal", [0, 128, 128]),
    ("violet", [238, 130, 238]),
    ("white", [255, 255, 255]),
    ("yellow", [255, 255, 0]),
];

/// The classes that stand for `style`, each once, in a fixed order.
pub(super) fn classes(style: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for declaration in style.split(';').take(32) {
        let Some((property, value)) = declaration.split_once(':') else {
            continue;
        };
        let property = property.trim().to_ascii_lowercase();
        let value = value.trim().to_ascii_lowercase();
        if let Some(class) = class(&property, &value)
            && !found.contains(&class)
        {
            found.push(class);
        }
    }
    found.sort();
    found
}

fn class(property: &str, value: &str) -> Option<String> {
    let name = match (property, value) {
        ("text-align", "left" | "start") => "nb-left",
        ("text-align", "center") => "nb-center",
        ("text-align", "right" | "end") => "nb-right",
        ("font-weight", "bold" | "bolder" | "600" | "700" | "800" | "900") => "ansi-bold",
        ("font-style", "italic" | "oblique") => "ansi-italic",
        ("text-decoration" | "text-decoration-line", "underline") => "ansi-underline",
        ("text-decoration" | "text-decoration-line", "line-through") => "ansi-strike",
        ("color", value) => {
            // Black text would vanish on the dark theme, so it gets the page's own text colour.
            let number = colour::nearest(parse(value)?);
            return (number != 0).then(|| format!("ansi-fg-{number}"));
        }
        ("background-color" | "background", value) => {
            let number = colour::nearest(parse(value)?);
            return (number != 15).then(|| format!("ansi-bg-{number}"));
        }
        _ => return None,
    };
    Some(name.to_owned())
}

/// A colour by name, in hexadecimal or as `rgb(r, g, b)`.
fn parse(value: &str) -> Option<[u8; 3]> {
    if let Some((_, rgb)) = NAMED_COLOURS.iter().find(|(name, _)| *name == value) {
        return Some(*rgb);
    }
    if let Some(hex) = value.strip_prefix('#') {
        let digits: Option<Vec<u8>> = hex.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
        return match digits?.as_slice() {
            [r, g, b] => Some([r * 17, g * 17, b * 17]),
            [r1, r2, g1, g2, b1, b2] => Some([r1 * 16 + r2, g1 * 16 + g2, b1 * 16 + b2]),
            _ => None,
        };
    }
    let rgb = value.strip_prefix("rgb(")?.strip_suffix(')')?;
    let mut parts = rgb.split(',').map(|part| part.trim().parse::<u8>().ok());
    let colour = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(colour)
}

#[cfg(test)]
mod tests {
    use super::classes;

    #[test]
    fn only_known_declarations_have_a_class() {
        for (style, expected) in [
            ("text-align: right;", "nb-right"),
            ("COLOR: Red; font-weight:bold", "ansi-bold ansi-fg-1"),
            ("background: rgb(85, 255, 85)", "ansi-bg-10"),
            ("color:#5555ff;color:#55f", "ansi-fg-12"),
            ("color: black; background: white", ""),
            ("position: fixed; background: url(http://x)", ""),
            ("color: rgb(1,2); color: #12345é; color", ""),
        ] {
            assert_eq!(classes(style).join(" "), expected, "{style}");
        }
    }
}
