//! How alike two sources are, by hashes of their tokens, so that no source has to be kept.

use serde::{Deserialize, Serialize};

use crate::{
    hash::{hash, mix},
    tokens::{looked_at, tokens},
};

/// Hashes of one kind that are kept of a cell; of a longer one, the smallest.
const MAX_HASHES: usize = 256;
/// From so many grams on, finding all of them in another cell says something.
const MIN_CONTAINED_GRAMS: usize = 8;

/// What is kept of a cell's source to know it again when it has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Features {
    /// Three tokens each, sorted.
    grams: Box<[u32]>,
    /// Single tokens, sorted.
    words: Box<[u32]>,
    /// Lines without the space around them and without blank ones, in order.
    lines: Box<[u32]>,
}

impl Features {
    pub(crate) fn of(source: &str) -> Self {
        let hashes: Vec<u64> = tokens(source).map(|token| hash(token.as_bytes())).collect();
        let grams = hashes.windows(3);
        let grams = grams.map(|gram| mix(mix(gram[0], gram[1]), gram[2]));
        let lines = looked_at(source).lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty()).take(MAX_HASHES);
        Self {
            grams: smallest(grams.map(short).collect()),
            words: smallest(hashes.iter().copied().map(short).collect()),
            lines: lines.map(|line| short(hash(line.as_bytes()))).collect(),
        }
    }

    /// Whether the cell has so few tokens that another may well have the same by chance.
    pub(crate) fn is_short(&self) -> bool {
        self.words.len() < 6
    }

    /// How much of this source the other one has kept, or how much both have in common, from 0
    /// to 1.
    pub(crate) fn similarity(&self, later: &Self) -> f32 {
        if self.words.is_empty() || later.words.is_empty() {
            return 0.0;
        }
        let grams = common(&self.grams, &later.grams);
        let words = common(&self.words, &later.words);
        let dice = |common: usize, a: &[u32], b: &[u32]| {
            2.0 * common as f32 / (a.len() + b.len()).max(1) as f32
        };
        let alike = dice(grams, &self.grams, &later.grams);
        let alike = alike.max(0.7 * dice(words, &self.words, &later.words));
        if self.grams.len() < MIN_CONTAINED_GRAMS {
            return alike;
        }
        alike.max(0.9 * grams as f32 / self.grams.len() as f32)
    }

    /// The share of this cell's lines that the other has.
    pub(crate) fn lines_in(&self, other: &Self) -> f32 {
        if self.lines.is_empty() {
            return 0.0;
        }
        let found = self.lines.iter().filter(|line| other.lines.contains(line));
        found.count() as f32 / self.lines.len() as f32
    }

    /// Whether this source is `first` and `last` one after the other.
    pub(crate) fn is_joined(&self, first: &Self, last: &Self) -> bool {
        let lines = first.lines.iter().chain(&last.lines);
        !first.lines.is_empty() && !last.lines.is_empty() && self.lines.iter().eq(lines)
    }
}

fn short(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn smallest(mut hashes: Vec<u32>) -> Box<[u32]> {
    hashes.sort_unstable();
    hashes.dedup();
    hashes.truncate(MAX_HASHES);
    hashes.into()
}

/// The number of hashes that two sorted lists have in common.
fn common(a: &[u32], b: &[u32]) -> usize {
    let (mut i, mut j, mut found) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        found += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn similarity(a: &str, b: &str) -> f32 {
        Features::of(a).similarity(&Features::of(b))
    }

    #[test]
    fn an_edited_cell_is_alike_and_another_is_not() {
        let stub = "def mean(values):\n    # YOUR CODE\n    return ...";
        let solved = "def mean(values):\n    # YOUR CODE\n    return sum(values) / len(values)";
        assert_eq!(similarity(stub, stub), 1.0);
        assert!(similarity(stub, solved) > 0.6);
        assert!(similarity(stub, "import pandas as pd\ndf = pd.read_csv('a.csv')") < 0.2);
        assert_eq!(similarity("", ""), 0.0);
    }

    #[test]
    fn a_source_is_known_by_its_pieces() {
        let both = Features::of("a = 1\n\nb = 2\nc = 3\n");
        let [first, last] = ["a = 1\n", "  b = 2\nc = 3"].map(Features::of);
        assert!(both.is_joined(&first, &last) && !both.is_joined(&last, &first));
        assert_eq!(first.lines_in(&both), 1.0);
        assert!(both.lines_in(&last) > 0.6);
    }

    #[test]
    fn what_is_kept_of_a_source_is_bounded() {
        let long: String = (0..30_000).map(|n| format!("x{n} = {n}\n")).collect();
        let Features {
            grams,
            words,
            lines,
        } = Features::of(&long);
        assert_eq!([grams.len(), words.len(), lines.len()], [MAX_HASHES; 3]);
    }
}
