//! How long the parts of a test take.

use std::time::Instant;

/// Prints the duration of each part of a test.
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins with the first part.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Ends a part, and begins with the next.
    pub fn lap(&mut self, what: &str) {
        eprintln!("{what}: {:.1} s", self.0.elapsed().as_secs_f64());
        self.0 = Instant::now();
    }
}
