//! The colours of TeX by their names and models, and mixtures of them.

use super::TexDefinitions;
use crate::prepare::css_colour;

/// The colours that LaTeX has by name beside those of CSS, sorted.
#[rustfmt::skip]
const NAMED_COLOURS: [(&str, u32); 68] = [
    ("Apricot", 0xfbb982), ("Aquamarine", 0x00b5be), ("Bittersweet", 0xc04f17),
    ("Black", 0x221e1f), ("Blue", 0x2d2f92), ("BlueGreen", 0x00b3b8), ("BlueViolet", 0x473992),
    ("BrickRed", 0xb6321c), ("Brown", 0x792500), ("BurntOrange", 0xf7921d),
    ("CadetBlue", 0x74729a), ("CarnationPink", 0xf282b4), ("Cerulean", 0x00a2e3),
    ("CornflowerBlue", 0x41b0e4), ("Cyan", 0x00aeef), ("Dandelion", 0xfdbc42),
    ("DarkOrchid", 0xa4538a), ("Emerald", 0x00a99d), ("ForestGreen", 0x009b55),
    ("Fuchsia", 0x8c368c), ("Goldenrod", 0xffdf42), ("Gray", 0x949698), ("Green", 0x00a64f),
    ("GreenYellow", 0xdfe674), ("JungleGreen", 0x00a99a), ("Lavender", 0xf49ec4),
    ("LimeGreen", 0x8dc73e), ("Magenta", 0xec008c), ("Mahogany", 0xa9341f), ("Maroon", 0xaf3235),
    ("Melon", 0xf89e7b), ("MidnightBlue", 0x006795), ("Mulberry", 0xa93c93),
    ("NavyBlue", 0x006eb8), ("OliveGreen", 0x3c8031), ("Orange", 0xf58137),
    ("OrangeRed", 0xed135a), ("Orchid", 0xaf72b0), ("Peach", 0xf7965a), ("Periwinkle", 0x7977b8),
    ("PineGreen", 0x008b72), ("Plum", 0x92268f), ("ProcessBlue", 0x00b0f0), ("Purple", 0x99479b),
    ("RawSienna", 0x974006), ("Red", 0xed1b23), ("RedOrange", 0xf26035), ("RedViolet", 0xa1246b),
    ("Rhodamine", 0xef559f), ("RoyalBlue", 0x0071bc), ("RoyalPurple", 0x613f99),
    ("RubineRed", 0xed017d), ("Salmon", 0xf69289), ("SeaGreen", 0x3fbc9d), ("Sepia", 0x671800),
    ("SkyBlue", 0x46c5dd), ("SpringGreen", 0xc6dc67), ("Tan", 0xda9d76), ("TealBlue", 0x00aeb3),
    ("Thistle", 0xd883b7), ("Turquoise", 0x00b4ce), ("Violet", 0x58429b), ("VioletRed", 0xef58a0),
    ("White", 0xffffff), ("WildStrawberry", 0xee2967), ("Yellow", 0xfff200),
    ("YellowGreen", 0x98cc70), ("YellowOrange", 0xfaa21a),
];

/// The most colours that are mixed; LaTeX's users mix two or three.
const MAX_MIXED: usize = 8;

/// The colour that `value` tells by `model`; without one, by its name or as a mixture. `None` when it
/// is unknown.
pub(super) fn colour(
    definitions: &TexDefinitions,
    model: Option<&str>,
    value: &str,
) -> Option<[u8; 3]> {
    let value = value.trim();
    let Some(model) = model else {
        return mixture(definitions, value);
    };
    let parts = value.split(',').map(|part| part.trim().parse().ok());
    let parts: Option<Vec<f64>> = parts.collect();
    let parts = parts.unwrap_or_default();
    let byte = |part: f64| (part.clamp(0.0, 1.0) * 255.0).round() as u8;
    match (model.trim(), parts.as_slice()) {
        ("HTML", _) => css_colour::parse(&format!("#{}", value.to_ascii_lowercase())),
        ("rgb", [r, g, b]) => Some([byte(*r), byte(*g), byte(*b)]),
        ("RGB", [r, g, b]) => Some([r, g, b].map(|part| byte(part / 255.0))),
        ("cmyk", [c, m, y, k]) => Some([c, m, y].map(|part| byte((1.0 - part) * (1.0 - k)))),
        ("gray", [grey]) => Some([byte(*grey); 3]),
        ("named", _) => named(definitions, value),
        _ => None,
    }
}

/// A colour of the notebook's own, of LaTeX's or of CSS.
fn named(definitions: &TexDefinitions, name: &str) -> Option<[u8; 3]> {
    let name = name.trim();
    if let Some(own) = definitions.colour(name) {
        return Some(own);
    }
    if let Ok(at) = NAMED_COLOURS.binary_search_by_key(&name, |(known, _)| known) {
        let [_, red, green, blue] = NAMED_COLOURS[at].1.to_be_bytes();
        return Some([red, green, blue]);
    }
    css_colour::parse(&name.to_ascii_lowercase())
}

/// A mixture as xcolor writes it, such as `red!50!black`: half red and half black. What is left out
/// at its end is white.
fn mixture(definitions: &TexDefinitions, value: &str) -> Option<[u8; 3]> {
    let mut parts = value.split('!');
    let mut mixed = named(definitions, parts.next()?)?;
    for _ in 0..MAX_MIXED {
        let Some(percent) = parts.next() else {
            break;
        };
        let part = percent.trim().parse::<f64>().ok()?.clamp(0.0, 100.0) / 100.0;
        let other = parts
            .next()
            .map_or(Some([255; 3]), |name| named(definitions, name))?;
        for (mixed, other) in mixed.iter_mut().zip(other) {
            *mixed = (f64::from(*mixed) * part + f64::from(other) * (1.0 - part)).round() as u8;
        }
    }
    Some(mixed)
}

#[cfg(test)]
mod tests {
    use super::{NAMED_COLOURS, TexDefinitions, colour};

    #[test]
    fn names_are_found_by_their_order() {
        assert!(NAMED_COLOURS.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn colours_are_told_by_names_models_and_mixtures() {
        for (model, value, expected) in [
            (None, "red", Some([255, 0, 0])),
            (None, "BrickRed", Some([0xb6, 0x32, 0x1c])),
            (None, "#00f", Some([0, 0, 255])),
            (None, "red!50!black", Some([128, 0, 0])),
            (None, "blue!20", Some([204, 204, 255])),
            (None, "red!50!green!50", Some([192, 160, 128])),
            (None, "nonsense", None),
            (None, "red!x!black", None),
            (Some("rgb"), "1, 0.5, 0", Some([255, 128, 0])),
            (Some("RGB"), "1,2,3", Some([1, 2, 3])),
            (Some("HTML"), "00FF00", Some([0, 255, 0])),
            (Some("gray"), "0.5", Some([128; 3])),
            (Some("cmyk"), "0,1,1,0", Some([255, 0, 0])),
            (Some("rgb"), "1,2", None),
            (Some("hsb"), "1,1,1", None),
        ] {
            let definitions = TexDefinitions::default();
            assert_eq!(colour(&definitions, model, value), expected, "{value}");
        }
    }
}
