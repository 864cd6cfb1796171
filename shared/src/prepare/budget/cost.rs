//! The measures of a cost, and the budgets of a page and of a tile.

use std::fmt::{self, Display};

/// The cost of drawing something. Every sum saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Elements of HTML and MathML, some 15 µs each.
    pub(super) elements: u64,
    /// Places in tables, of which a cell with spans takes up several.
    pub(super) places: u64,
    /// Text, in letters of some 1.5 µs each; text that is laid out slowly counts as more letters.
    pub(super) text: u64,
    /// Pixels of pictures once they are decoded, all frames of those that move, 4 bytes each.
    pub(super) pixels: u64,
    /// Shapes that SVGs draw, references followed, some 40 µs each.
    pub(super) shapes: u64,
    /// Bytes that are sent: HTML with its text, pictures in base64.
    pub(super) bytes: u64,
}

const MIB: u64 = 1024 * 1024;

/// The most cost that a page or a tile may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// The most of one output, or of the prose of one cell.
    pub(in crate::prepare) output: Cost,
    /// The most of all cells together.
    pub(super) all: Cost,
}

/// The budget of a notebook by itself, as a page or as a document. A page at the limit of one
/// measure is drawn within five seconds on two cores without a graphics card. HTML or a picture
/// of more than 8 MiB is not prepared at all (`cut`); prose may have several pictures.
pub(crate) const PAGE_BUDGET: Budget = Budget {
    output: Cost {
        elements: 60_000,
        places: 200_000,
        text: 700_000,
        pixels: 250_000_000,
        shapes: 40_000,
        bytes: 64 * MIB,
    },
    all: Cost {
        elements: 100_000,
        places: 300_000,
        text: 3_000_000,
        pixels: 500_000_000,
        shapes: 80_000,
        bytes: 64 * MIB,
    },
};

/// The budget of a tile: the last cells of a notebook. The wall and a summary show three hundred
/// on a page. Its bytes are few, too, because it is kept in memory and sent to every reader.
pub(crate) const TILE_BUDGET: Budget = Budget {
    output: Cost {
        elements: 5_000,
        places: 10_000,
        text: 400_000,
        pixels: 120_000_000,
        shapes: 6_000,
        bytes: 4 * MIB,
    },
    all: Cost {
        elements: 6_000,
        places: 12_000,
        text: 600_000,
        pixels: 150_000_000,
        shapes: 8_000,
        bytes: 4 * MIB,
    },
};

impl Cost {
    /// The cost of a single element.
    pub(super) const ELEMENT: Self = Self {
        elements: 1,
        ..Self::NONE
    };
    pub(crate) const NONE: Self = Self {
        elements: 0,
        places: 0,
        text: 0,
        pixels: 0,
        shapes: 0,
        bytes: 0,
    };
    /// The cost of a note, and of the frame of a cell.
    pub(in crate::prepare) const NOTE: Self = Self {
        elements: 8,
        text: 200,
        bytes: 400,
        ..Self::NONE
    };

    /// The cost of sending `text`, without drawing it.
    pub(super) fn bytes(text: &str) -> Self {
        Self {
            bytes: text.len() as u64,
            ..Self::NONE
        }
    }

    /// The sum of both.
    pub(in crate::prepare) fn plus(self, other: Self) -> Self {
        Self {
            elements: self.elements.saturating_add(other.elements),
            places: self.places.saturating_add(other.places),
            text: self.text.saturating_add(other.text),
            pixels: self.pixels.saturating_add(other.pixels),
            shapes: self.shapes.saturating_add(other.shapes),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    pub(in crate::prepare) fn add(&mut self, other: Self) {
        *self = self.plus(other);
    }

    pub(super) fn twice(self) -> Self {
        self.plus(self)
    }

    /// The rest after `other`.
    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            elements: self.elements.saturating_sub(other.elements),
            places: self.places.saturating_sub(other.places),
            text: self.text.saturating_sub(other.text),
            pixels: self.pixels.saturating_sub(other.pixels),
            shapes: self.shapes.saturating_sub(other.shapes),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    /// The first measure that exceeds `most`, if any does.
    pub(in crate::prepare) fn beyond(self, most: Self) -> Option<OverBudget> {
        let measures = [
            (self.pixels, most.pixels, "pixels in its pictures"),
            (self.shapes, most.shapes, "shapes in its drawings"),
            (self.places, most.places, "places in its tables"),
            (self.elements, most.elements, "elements"),
            (self.text, most.text, "letters' worth of text"),
            (self.bytes, most.bytes, "bytes of data"),
        ];
        let mut over = measures
            .into_iter()
            .filter(|(actual, most, _)| actual > most);
        over.next().map(|(actual, most, measure)| OverBudget {
            actual,
            most,
            measure,
        })
    }
}

/// A measure that exceeds a budget. Its words follow a name: `has 12 elements; …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OverBudget {
    actual: u64,
    most: u64,
    measure: &'static str,
}

impl Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (actual, most) = (grouped(self.actual), grouped(self.most));
        write!(
            f,
            "has {actual} {}; up to {most} are shown here. The notebook itself has it",
            self.measure
        )
    }
}

/// `number` with commas between thousands, up to a trillion.
pub(super) fn grouped(number: u64) -> String {
    const MAX_GROUPED: u64 = 1_000_000_000_000;
    if number >= MAX_GROUPED {
        return "more than a trillion".to_owned();
    }
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Cost, PAGE_BUDGET, TILE_BUDGET, grouped};

    #[test]
    fn the_words_name_the_exceeded_measure() {
        let cost = Cost {
            elements: 1_000_000,
            ..Cost::NONE
        };
        let words = cost
            .beyond(PAGE_BUDGET.output)
            .expect("too much")
            .to_string();
        assert_eq!(
            words,
            "has 1,000,000 elements; up to 60,000 are shown here. The notebook itself has it"
        );
        let picture = Cost::bytes(&"A".repeat(6_000_000));
        let words = picture
            .beyond(TILE_BUDGET.output)
            .expect("too much")
            .to_string();
        assert_eq!(
            words,
            "has 6,000,000 bytes of data; up to 4,194,304 are shown here. The notebook itself has it"
        );
        assert_eq!(picture.beyond(PAGE_BUDGET.output), None);
        assert_eq!(PAGE_BUDGET.output.beyond(PAGE_BUDGET.output), None);
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(u64::MAX), "more than a trillion");
    }

    #[test]
    fn the_budget_of_an_output_fits_that_of_its_page() {
        for budget in [PAGE_BUDGET, TILE_BUDGET] {
            assert_eq!(budget.output.beyond(budget.all), None);
        }
        assert_eq!(TILE_BUDGET.all.beyond(PAGE_BUDGET.all), None);
    }

    #[test]
    fn sums_saturate() {
        let most = Cost {
            elements: u64::MAX,
            places: u64::MAX,
            text: u64::MAX,
            pixels: u64::MAX,
            shapes: u64::MAX,
            bytes: u64::MAX,
        };
        assert_eq!(most.plus(most), most);
    }
}
