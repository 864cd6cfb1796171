//! The nearest of the terminal's sixteen colours, which the stylesheet defines.

/// The usual red, green and blue of the terminal's colours, by number.
const TERMINAL_COLOURS: [[u8; 3]; 16] = [
    [0, 0, 0],
    [170, 0, 0],
    [0, 170, 0],
    [170, 85, 0],
    [0, 0, 170],
    [170, 0, 170],
    [0, 170, 170],
    [170, 170, 170],
    [85, 85, 85],
    [255, 85, 85],
    [85, 255, 85],
    [255, 255, 85],
    [85, 85, 255],
    [255, 85, 255],
    [85, 255, 255],
    [255, 255, 255],
];

/// The number of the terminal colour nearest to a red, green and blue.
pub(crate) fn nearest(colour: [u8; 3]) -> u8 {
    let distance = |other: [u8; 3]| -> u32 {
        let parts = colour.iter().zip(other);
        parts.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let numbered = (0_u8..).zip(TERMINAL_COLOURS);
    let best = numbered.min_by_key(|(_, other)| distance(*other));
    best.map_or(0, |(number, _)| number)
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
