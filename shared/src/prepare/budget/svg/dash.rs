//! The cost of the dashes of lines.
//!
//! A browser cuts a line into its dashes one by one, whether they are visible or not: up to a
//! million for each line, which takes a third of a second. The sum of the numbers that place a
//! line is an upper bound of its length.

/// So many dashes cost as much as a shape.
const DASHES_PER_SHAPE: f64 = 100.0;
/// The most dashes of a line; a browser gives up on more.
const MAX_DASHES_PER_LINE: f64 = 1_000_000.0;
/// An upper bound of how many times its radius a circle is long.
const CIRCUMFERENCE_FACTOR: f64 = 7.0;
/// The length of the outline of a letter that is not large.
pub(super) const LETTER_OUTLINE: f64 = 500.0;
/// The font size above which letters are large.
const LARGE_LETTER_SIZE: f64 = 100.0;

/// The cost in shapes of dashes of `period` on lines of `length` in all, of `shapes` shapes.
pub(super) fn cost(period: f64, length: f64, shapes: u64) -> u64 {
    // A line that is also filled is drawn twice, and dashes come in pairs.
    let dashes = (length * CIRCUMFERENCE_FACTOR / period).min(MAX_DASHES_PER_LINE * shapes as f64);
    (dashes / DASHES_PER_SHAPE) as u64
}

/// The shorter of two periods of dashes, if there are any.
pub(super) fn shorter(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The mean length of the dashes and gaps of a `stroke-dasharray`; almost zero when it cannot be
/// told.
pub(super) fn period(value: &str) -> f64 {
    let parts = value.split([',', ' ', '\t', '\n', '\r', '\x0C']);
    let mut lengths = parts.filter(|part| !part.is_empty());
    let (sum, count) = lengths
        .try_fold((0.0, 0.0), |(sum, count), part| {
            let number = part
                .strip_suffix("px")
                .unwrap_or(part)
                .parse::<f64>()
                .ok()?;
            (number.is_finite() && number >= 0.0).then_some((sum + number, count + 1.0))
        })
        .unwrap_or_default();
    match sum / count {
        mean if mean > 0.0 => mean,
        // Only zeros mean no dashes, unless they were rounded.
        _ => f64::MIN_POSITIVE,
    }
}

/// The number in an attribute that places something; infinite when it has a unit of unknown size.
pub(super) fn length(value: &str) -> f64 {
    let value = value.trim();
    let number = value
        .strip_suffix("px")
        .or_else(|| value.strip_suffix("pt"));
    match number.unwrap_or(value).parse::<f64>() {
        Ok(number) => number.abs(),
        Err(_) => f64::INFINITY,
    }
}

/// The sum of the numbers of a path or of points.
pub(super) fn path(value: &str) -> f64 {
    let bytes = value.as_bytes();
    let (mut sum, mut from) = (0.0, 0);
    for at in 0..=bytes.len() {
        let byte = bytes.get(at).copied().unwrap_or(b' ');
        let goes_on = match byte {
            b'0'..=b'9' | b'e' | b'E' => true,
            b'.' => !bytes[from..at].contains(&b'.') && !bytes[from..at].contains(&b'e'),
            b'-' | b'+' => at > 0 && matches!(bytes[at - 1], b'e' | b'E'),
            _ => false,
        };
        if !goes_on {
            let number = value
                .get(from..at)
                .and_then(|text| text.parse::<f64>().ok());
            sum += number.unwrap_or(0.0).abs();
            from = if byte == b'.' { at } else { at + 1 };
        }
    }
    sum
}

/// The longest side of a drawing on a screen, in pixels.
const SCREEN_PX: f64 = 5000.0;

/// How many times its length a line in this `viewBox` may be long on the screen.
pub(super) fn scale(view: &str) -> f64 {
    let numbers = view.split([',', ' ', '\n', '\t', '\r']);
    let sides = numbers.filter(|part| !part.is_empty()).skip(2);
    let scales = sides.map(|side| match side.parse::<f64>() {
        Ok(side) if side > 0.0 => SCREEN_PX / side,
        _ => f64::INFINITY,
    });
    scales.fold(1.0, f64::max)
}

/// Whether a font size of this value is, or may be, larger than usual.
pub(super) fn is_large(property: &str, value: &str) -> bool {
    let sizes = value.split([' ', '/', ',', '\n', '\t', '\r', '(']);
    let mut sizes = sizes
        .filter(|part| part.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+')));
    sizes.any(|part| {
        let number = part.strip_suffix("px").or_else(|| part.strip_suffix("pt"));
        let is_bare = number.is_none();
        match number.unwrap_or(part).parse::<f64>() {
            // Without a unit it is the font weight.
            Ok(_) if is_bare && property == "font" => false,
            Ok(number) => number > LARGE_LETTER_SIZE,
            Err(_) => true,
        }
    })
}

/// Whether `transform` enlarges something by more than a little.
pub(super) fn stretches(transform: &str) -> bool {
    let mut functions = transform.split(')');
    functions.any(|function| {
        let (name, arguments) = function.split_once('(').unwrap_or((function, ""));
        let name = name
            .trim_matches([' ', ',', '\n', '\t', '\r'])
            .to_ascii_lowercase();
        let first = match name.as_str() {
            "translate" | "translatex" | "translatey" | "rotate" => 0,
            _ => 4,
        };
        let numbers = arguments.split([',', ' ', '\n', '\t', '\r']);
        let mut numbers = numbers.filter(|part| !part.is_empty()).take(first);
        numbers.any(|number| number.parse::<f64>().is_ok_and(|number| number.abs() > 1.5))
    })
}
