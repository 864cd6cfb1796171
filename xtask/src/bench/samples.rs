//! The median and the quartiles of samples.

use std::fmt;

/// The median and the quartiles of durations in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quartiles {
    pub(super) median: f64,
    /// The lower quartile.
    low: f64,
    /// The upper quartile.
    high: f64,
}

impl Quartiles {
    /// `None` when there is no sample.
    pub(super) fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |quarter: usize| sorted.get(sorted.len() * quarter / 4).copied();
        Some(Self {
            median: at(2)?,
            low: at(1)?,
            high: at(3)?,
        })
    }
}

impl fmt::Display for Quartiles {
    /// The median, and the quartiles around it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |ms: f64| match ms {
            ms if ms < 10.0 => format!("{ms:.2}"),
            ms if ms < 100.0 => format!("{ms:.1}"),
            ms => format!("{ms:.0}"),
        };
        let [low, median, high] = [self.low, self.median, self.high].map(short);
        write!(f, "{median} ms ({low}–{high})")
    }
}

#[cfg(test)]
mod tests {
    use super::Quartiles;

    #[test]
    fn quartiles_show_the_median_first() {
        let summary = Quartiles::of(&[5.0, 1.0, 3.0, 200.0, 4.0]).unwrap();
        assert_eq!(summary.to_string(), "4.00 ms (3.00–5.00)");
        assert!(Quartiles::of(&[]).is_none());
    }
}
