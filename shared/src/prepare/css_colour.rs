//! The colours of CSS, as far as their values can be told.

/// CSS's names of colours, sorted.
const NAMED_COLOURS: [(&str, u32); 148] = [
    ("aliceblue", 0xf0f8ff),
    ("antiquewhite", 0xfaebd7),
    ("aqua", 0x00ffff),
    ("aquamarine", 0x7fffd4),
    ("azure", 0xf0ffff),
    ("beige", 0xf5f5dc),
    ("bisque", 0xffe4c4),
    ("black", 0x000000),
    ("blanchedalmond", 0xffebcd),
    ("blue", 0x0000ff),
    ("blueviolet", 0x8a2be2),
    ("brown", 0xa52a2a),
    ("burlywood", 0xdeb887),
    ("cadetblue", 0x5f9ea0),
    ("chartreuse", 0x7fff00),
    ("chocolate", 0xd2691e),
    ("coral", 0xff7f50),
    ("cornflowerblue", 0x6495ed),
    ("cornsilk", 0xfff8dc),
    ("crimson", 0xdc143c),
    ("cyan", 0x00ffff),
    ("darkblue", 0x00008b),
    ("darkcyan", 0x008b8b),
    ("darkgoldenrod", 0xb8860b),
    ("darkgray", 0xa9a9a9),
    ("darkgreen", 0x006400),
    ("darkgrey", 0xa9a9a9),
    ("darkkhaki", 0xbdb76b),
    ("darkmagenta", 0x8b008b),
    ("darkolivegreen", 0x556b2f),
    ("darkorange", 0xff8c00),
    ("darkorchid", 0x9932cc),
    ("darkred", 0x8b0000),
    ("darksalmon", 0xe9967a),
    ("darkseagreen", 0x8fbc8f),
    ("darkslateblue", 0x483d8b),
    ("darkslategray", 0x2f4f4f),
    ("darkslategrey", 0x2f4f4f),
    ("darkturquoise", 0x00ced1),
    ("darkviolet", 0x9400d3),
    ("deeppink", 0xff1493),
    ("deepskyblue", 0x00bfff),
    ("dimgray", 0x696969),
    ("dimgrey", 0x696969),
    ("dodgerblue", 0x1e90ff),
    ("firebrick", 0xb22222),
    ("floralwhite", 0xfffaf0),
    ("forestgreen", 0x228b22),
    ("fuchsia", 0xff00ff),
    ("gainsboro", 0xdcdcdc),
    ("ghostwhite", 0xf8f8ff),
    ("gold", 0xffd700),
    ("goldenrod", 0xdaa520),
    ("gray", 0x808080),
    ("green", 0x008000),
    ("greenyellow", 0xadff2f),
    ("grey", 0x808080),
    ("honeydew", 0xf0fff0),
    ("hotpink", 0xff69b4),
    ("indianred", 0xcd5c5c),
    ("indigo", 0x4b0082),
    ("ivory", 0xfffff0),
    ("khaki", 0xf0e68c),
    ("lavender", 0xe6e6fa),
    ("lavenderblush", 0xfff0f5),
    ("lawngreen", 0x7cfc00),
    ("lemonchiffon", 0xfffacd),
    ("lightblue", 0xadd8e6),
    ("lightcoral", 0xf08080),
    ("lightcyan", 0xe0ffff),
    ("lightgoldenrodyellow", 0xfafad2),
    ("lightgray", 0xd3d3d3),
    ("lightgreen", 0x90ee90),
    ("lightgrey", 0xd3d3d3),
    ("lightpink", 0xffb6c1),
    ("lightsalmon", 0xffa07a),
    ("lightseagreen", 0x20b2aa),
    ("lightskyblue", 0x87cefa),
    ("lightslategray", 0x778899),
    ("lightslategrey", 0x778899),
    ("lightsteelblue", 0xb0c4de),
    ("lightyellow", 0xffffe0),
    ("lime", 0x00ff00),
    ("limegreen", 0x32cd32),
    ("linen", 0xfaf0e6),
    ("magenta", 0xff00ff),
    ("maroon", 0x800000),
    ("mediumaquamarine", 0x66cdaa),
    ("mediumblue", 0x0000cd),
    ("mediumorchid", 0xba55d3),
    ("mediumpurple", 0x9370db),
    ("mediumseagreen", 0x3cb371),
    ("mediumslateblue", 0x7b68ee),
    ("mediumspringgreen", 0x00fa9a),
    ("mediumturquoise", 0x48d1cc),
    ("mediumvioletred", 0xc71585),
    ("midnightblue", 0x191970),
    ("mintcream", 0xf5fffa),
    ("mistyrose", 0xffe4e1),
    ("moccasin", 0xffe4b5),
    ("navajowhite", 0xffdead),
    ("navy", 0x000080),
    ("oldlace", 0xfdf5e6),
    ("olive", 0x808000),
    ("olivedrab", 0x6b8e23),
    ("orange", 0xffa500),
    ("orangered", 0xff4500),
    ("orchid", 0xda70d6),
    ("palegoldenrod", 0xeee8aa),
    ("palegreen", 0x98fb98),
    ("paleturquoise", 0xafeeee),
    ("palevioletred", 0xdb7093),
    ("papayawhip", 0xffefd5),
    ("peachpuff", 0xffdab9),
    ("peru", 0xcd853f),
    ("pink", 0xffc0cb),
    ("plum", 0xdda0dd),
    ("powderblue", 0xb0e0e6),
    ("purple", 0x800080),
    ("rebeccapurple", 0x663399),
    ("red", 0xff0000),
    ("rosybrown", 0xbc8f8f),
    ("royalblue", 0x4169e1),
    ("saddlebrown", 0x8b4513),
    ("salmon", 0xfa8072),
    ("sandybrown", 0xf4a460),
    ("seagreen", 0x2e8b57),
    ("seashell", 0xfff5ee),
    ("sienna", 0xa0522d),
    ("silver", 0xc0c0c0),
    ("skyblue", 0x87ceeb),
    ("slateblue", 0x6a5acd),
    ("slategray", 0x708090),
    ("slategrey", 0x708090),
    ("snow", 0xfffafa),
    ("springgreen", 0x00ff7f),
    ("steelblue", 0x4682b4),
    ("tan", 0xd2b48c),
    ("teal", 0x008080),
    ("thistle", 0xd8bfd8),
    ("tomato", 0xff6347),
    ("turquoise", 0x40e0d0),
    ("violet", 0xee82ee),
    ("wheat", 0xf5deb3),
    ("white", 0xffffff),
    ("whitesmoke", 0xf5f5f5),
    ("yellow", 0xffff00),
    ("yellowgreen", 0x9acd32),
];

/// A colour by its name, in hexadecimal, or as `rgb()`, `rgba()`, `hsl()` or `hsla()`; `None` for any
/// other value, and for one that cannot be seen. `value` is in lower case. What is behind a colour
/// that lets it through is the white of the paper.
pub(crate) fn parse(value: &str) -> Option<[u8; 3]> {
    if let Ok(at) = NAMED_COLOURS.binary_search_by_key(&value, |(name, _)| name) {
        let [_, red, green, blue] = NAMED_COLOURS[at].1.to_be_bytes();
        return Some([red, green, blue]);
    }
    if let Some(hex) = value.strip_prefix('#') {
        return of_hex(hex);
    }
    let (function, arguments) = value.strip_suffix(')')?.split_once('(')?;
    let parts = arguments.split([',', '/', ' ']).map(str::trim);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    let (colour, alpha) = match *parts.as_slice() {
        [a, b, c] => ([a, b, c], "1"),
        [a, b, c, alpha] => ([a, b, c], alpha),
        _ => return None,
    };
    let alpha = amount(alpha, 1.0)?;
    let colour = match function {
        "rgb" | "rgba" => {
            let parts = colour.map(|part| amount(part, 255.0));
            let [red, green, blue] = parts.map(|part| Some(part?.clamp(0.0, 255.0).round() as u8));
            [red?, green?, blue?]
        }
        "hsl" | "hsla" => {
            let hue = colour[0].trim_end_matches("deg").parse::<f64>().ok()?;
            let [saturation, lightness] = [colour[1], colour[2]].map(|part| {
                let part = part.strip_suffix('%')?.parse::<f64>().ok()?;
                Some((part / 100.0).clamp(0.0, 1.0))
            });
            of_hsl(hue, saturation?, lightness?)
        }
        _ => return None,
    };
    on_paper(colour, alpha)
}

/// A colour with the paper behind it, of which `alpha` is hidden; `None` where all of it shows.
fn on_paper(colour: [u8; 3], alpha: f64) -> Option<[u8; 3]> {
    let alpha = alpha.min(1.0);
    let mixed = colour.map(|part| 255.0 - (255.0 - f64::from(part)) * alpha);
    (alpha > 0.0).then(|| mixed.map(|part| part.round() as u8))
}

fn of_hex(hex: &str) -> Option<[u8; 3]> {
    let digits: Option<Vec<u8>> = hex.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
    let (colour, alpha) = match digits?.as_slice() {
        [r, g, b] => ([r * 17, g * 17, b * 17], 255),
        [r, g, b, a] => ([r * 17, g * 17, b * 17], a * 17),
        [r1, r2, g1, g2, b1, b2] => ([r1 * 16 + r2, g1 * 16 + g2, b1 * 16 + b2], 255),
        [r1, r2, g1, g2, b1, b2, a1, a2] => {
            let colour = [r1 * 16 + r2, g1 * 16 + g2, b1 * 16 + b2];
            (colour, a1 * 16 + a2)
        }
        _ => return None,
    };
    on_paper(colour, f64::from(alpha) / 255.0)
}

/// A number, or a part of `whole` in per cent.
fn amount(text: &str, whole: f64) -> Option<f64> {
    let number = match text.strip_suffix('%') {
        Some(part) => part.parse::<f64>().ok()? / 100.0 * whole,
        None => text.parse().ok()?,
    };
    number.is_finite().then_some(number)
}

fn of_hsl(hue: f64, saturation: f64, lightness: f64) -> [u8; 3] {
    let reach = saturation * lightness.min(1.0 - lightness);
    [0.0, 8.0, 4.0].map(|offset| {
        let place = (offset + hue.rem_euclid(360.0) / 30.0) % 12.0;
        let part = lightness - reach * (place - 3.0).min(9.0 - place).clamp(-1.0, 1.0);
        (part * 255.0).round() as u8
    })
}

/// Whether a colour is pale, as that behind a paragraph often is, and its hue in degrees.
pub(crate) fn pale_hue([red, green, blue]: [u8; 3]) -> Option<u16> {
    let most = red.max(green).max(blue);
    let span = i32::from(most) - i32::from(red.min(green).min(blue));
    (most >= 200 && (8..=110).contains(&span)).then_some(())?;
    let [red, green, blue] = [red, green, blue].map(i32::from);
    let sixth = match most {
        most if i32::from(most) == red => 60 * (green - blue) / span,
        most if i32::from(most) == green => 120 + 60 * (blue - red) / span,
        _ => 240 + 60 * (red - green) / span,
    };
    u16::try_from(sixth.rem_euclid(360)).ok()
}

/// Whether black is more legible on `colour` than white.
pub(crate) fn is_light([red, green, blue]: [u8; 3]) -> bool {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        match part <= 0.04045 {
            true => part / 12.92,
            false => ((part + 0.055) / 1.055).powf(2.4),
        }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) > 0.179
}

#[cfg(test)]
mod tests {
    use super::{NAMED_COLOURS, is_light, parse};

    #[test]
    fn colours_are_read_however_they_are_written() {
        assert!(NAMED_COLOURS.is_sorted());
        for (value, expected) in [
            ("rebeccapurple", Some([0x66, 0x33, 0x99])),
            ("#08f", Some([0, 0x88, 0xff])),
            ("#0088ff80", Some([127, 195, 255])),
            ("#ff000010", Some([255, 239, 239])),
            ("rgb(1, 2, 3)", Some([1, 2, 3])),
            ("rgb(100% 0% 50%)", Some([255, 0, 128])),
            ("rgba(0, 128, 0, 0.1)", Some([230, 242, 230])),
            ("rgba(1, 2, 3, 7)", Some([1, 2, 3])),
            ("rgb(1 2 3 / 50%)", Some([128, 129, 129])),
            ("hsl(120, 100%, 25%)", Some([0, 128, 0])),
            ("hsl(210deg 50% 50%)", Some([64, 128, 191])),
            ("transparent", None),
            ("rgba(1, 2, 3, 0)", None),
            ("#00000000", None),
            ("rgb(1, 2)", None),
            ("rgb(nan, 1, 1)", None),
            ("#12345é", None),
            ("url(x)", None),
        ] {
            assert_eq!(parse(value), expected, "{value}");
        }
        assert!(is_light([255, 255, 0]) && !is_light([0, 0, 255]));
    }
}
