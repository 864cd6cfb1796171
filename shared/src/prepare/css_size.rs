//! Lengths and sizes of letters in CSS, as a browser reads them.

/// A length of CSS or of an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Length {
    Pixels(f64),
    /// Per cent of something around.
    PerCent(f64),
    /// Sizes of the letters around.
    Em(f64),
}

/// The length that `value` begins with; a number without a unit is pixels. `None` for parts of the
/// window, which the page of the notebook is not.
pub(crate) fn length(value: &str) -> Option<Length> {
    let value = value.trim_start();
    let digits = value.find(|c: char| !(c.is_ascii_digit() || c == '.'));
    let (number, rest) = value.split_at(digits.unwrap_or(value.len()));
    let number: f64 = number.parse().ok()?;
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !(c.is_ascii_alphabetic() || c == '%'));
    Some(match &rest[..end.unwrap_or(rest.len())] {
        "%" => Length::PerCent(number),
        "em" | "rem" => Length::Em(number),
        "pt" => Length::Pixels(number * 4.0 / 3.0),
        "cm" => Length::Pixels(number * 37.8),
        "mm" => Length::Pixels(number * 3.78),
        "in" => Length::Pixels(number * 96.0),
        unit if unit.starts_with('v') => return None,
        _ => Length::Pixels(number),
    })
}

/// The size of text in JupyterLab, in pixels.
const TEXT_PIXELS: f64 = 14.0;

/// Sizes of letters by HTML's numbers from 1 to 7, in those of text.
const STEPS: [f64; 7] = [0.7, 0.85, 1.0, 1.2, 1.6, 2.2, 3.0];

/// Which of HTML's seven sizes, of which 3 is that of text, `font-size` comes closest to.
pub(crate) fn letters(value: &str) -> Option<usize> {
    let named = match value {
        "xx-small" | "x-small" => 1,
        "small" | "smaller" => 2,
        "medium" => 3,
        "large" | "larger" => 4,
        "x-large" => 5,
        "xx-large" => 6,
        "xxx-large" => 7,
        _ => 0,
    };
    if named > 0 {
        return Some(named);
    }
    let size = match length(value)? {
        Length::Pixels(pixels) => pixels / TEXT_PIXELS,
        Length::PerCent(part) => part / 100.0,
        Length::Em(size) => size,
    };
    let distance = |step: f64| (step - size).abs();
    (1..=STEPS.len()).min_by(|a, b| distance(STEPS[a - 1]).total_cmp(&distance(STEPS[b - 1])))
}

/// The size that the attribute `size` of `font` asks for: a number, or what is added to 3.
pub(crate) fn of_font(value: &str) -> Option<usize> {
    let value = value.trim();
    let number: i32 = value.trim_start_matches('+').parse().ok()?;
    let size = if value.starts_with(['+', '-']) {
        3_i32.saturating_add(number)
    } else {
        number
    };
    usize::try_from(size.clamp(1, 7)).ok()
}

#[cfg(test)]
mod tests {
    use super::{Length, length, letters, of_font};

    #[test]
    fn lengths_have_units() {
        for (value, expected) in [
            ("50%", Length::PerCent(50.0)),
            ("300px;", Length::Pixels(300.0)),
            ("12", Length::Pixels(12.0)),
            ("1.5em", Length::Em(1.5)),
            (" 3in", Length::Pixels(288.0)),
            ("2px solid", Length::Pixels(2.0)),
        ] {
            assert_eq!(length(value), Some(expected), "{value}");
        }
        for value in ["50vw", "auto", "", "-3px", "1.2.3px"] {
            assert_eq!(length(value), None, "{value}");
        }
    }

    #[test]
    fn letters_have_the_closest_of_seven_sizes() {
        for (value, expected) in [
            ("14px", 3),
            ("20px", 5),
            ("18px", 4),
            ("24px", 5),
            ("150%", 5),
            ("2em", 6),
            ("1000px", 7),
            ("0", 1),
            ("8pt", 1),
            ("xx-large", 6),
            ("smaller", 2),
        ] {
            assert_eq!(letters(value), Some(expected), "{value}");
        }
        assert_eq!(letters("calc(1px)"), None);
        for (value, expected) in [("5", 5), ("+2", 5), ("-1", 2), ("-9", 1), ("99", 7)] {
            assert_eq!(of_font(value), Some(expected), "{value}");
        }
        assert_eq!(of_font("big"), None);
    }
}
