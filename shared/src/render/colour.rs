//! The nearest of the terminal's sixteen colours, which the stylesheet defines.

/// The least difference between the parts of a colour that is no grey, and that part of the largest.
const MIN_CHROMA: u16 = 16;
const MIN_CHROMA_DIVISOR: u16 = 10;
/// From this on a colour of two parts, as yellow, is a bright one.
const BRIGHT_PART: u8 = 213;

/// The number of the terminal colour for a red, green and blue: that of its hue, because what a
/// reader calls red is to stay red, in dark or bright; greys by their lightness.
pub(crate) fn nearest([red, green, blue]: [u8; 3]) -> u8 {
    let parts = [red, green, blue].map(u16::from);
    let [red, green, blue] = parts.map(i32::from);
    let max = parts.into_iter().max().unwrap_or_default();
    let min = parts.into_iter().min().unwrap_or_default();
    let chroma = max - min;
    if chroma < MIN_CHROMA || chroma * MIN_CHROMA_DIVISOR < max {
        return match max {
            0..43 => 0,
            43..128 => 8,
            128..224 => 7,
            _ => 15,
        };
    }
    let third =
        |first: i32, second: i32, from: i32| from + 60 * (first - second) / i32::from(chroma);
    let hue = match i32::from(max) {
        max if max == red => third(green, blue, 0).rem_euclid(360),
        max if max == green => third(blue, red, 120),
        _ => third(red, green, 240),
    };
    let number = match hue {
        20..70 => 3,
        70..165 => 2,
        165..200 => 6,
        200..260 => 4,
        260..345 => 5,
        _ => 1,
    };
    let is_of_two = matches!(number, 3 | 5 | 6);
    let is_bright = max + min > 255 || is_of_two && max >= u16::from(BRIGHT_PART);
    number + if is_bright { 8 } else { 0 }
}

/// The number of the terminal colour nearest to an entry of the palette of 256.
pub(crate) fn nearest_of_palette(number: u8) -> u8 {
    const CUBE_STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match number {
        0..=15 => number,
        16..=231 => {
            let cube = usize::from(number - 16);
            nearest([
                CUBE_STEPS[cube / 36],
                CUBE_STEPS[cube / 6 % 6],
                CUBE_STEPS[cube % 6],
            ])
        }
        232..=255 => nearest([8 + 10 * (number - 232); 3]),
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_colour_keeps_its_hue() {
        for (colour, expected) in [
            (0xc0392b, 1),
            (0xff0000, 1),
            (0xdc143c, 1),
            (0xf08080, 9),
            (0xa52a2a, 1),
            (0xffa500, 11),
            (0xaa5500, 3),
            (0xffff00, 11),
            (0x008000, 2),
            (0x2e8b57, 2),
            (0xccffcc, 10),
            (0x20b2aa, 6),
            (0x00ffff, 14),
            (0x3498db, 12),
            (0x000080, 4),
            (0x8e44ad, 5),
            (0xff69b4, 13),
            (0x000000, 0),
            (0x555555, 8),
            (0x808080, 7),
            (0x2f4f4f, 6),
            (0xeeeeee, 15),
            (0xfffffa, 15),
        ] {
            let [_, red, green, blue] = u32::to_be_bytes(colour);
            assert_eq!(nearest([red, green, blue]), expected, "{colour:06x}");
        }
    }

    #[test]
    fn the_terminals_own_colours_are_themselves() {
        for number in 1..7 {
            let part = |bit: u8| if number >> bit & 1 == 1 { 170 } else { 0 };
            assert_eq!(nearest([part(0), part(1), part(2)]), number);
            let part = |bit: u8| if number >> bit & 1 == 1 { 255 } else { 85 };
            assert_eq!(nearest([part(0), part(1), part(2)]), number + 8);
        }
    }
}
