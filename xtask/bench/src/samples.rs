//! Percentiles of samples.

use std::fmt;

/// The median, the 99th percentile and the maximum of samples in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Percentiles {
    pub(crate) median: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
}

impl Percentiles {
    /// `None` when there is no sample.
    pub(crate) fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |hundredth: usize| sorted.get(sorted.len() * hundredth / 100).copied();
        Some(Self {
            median: at(50)?,
            p99: at(99)?,
            most: sorted.last().copied()?,
        })
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, p99, most } = self;
        write!(
            f,
            "{median:.2} / {p99:.2} / {most:.2} ms (median / 99 % / most)"
        )
    }
}
