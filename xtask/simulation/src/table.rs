//! What is printed: a row for each measure, with its gate.

use std::fmt;

/// A table in Markdown.
#[derive(Default)]
pub struct Table(Vec<[String; 4]>);

impl Table {
    pub fn push(&mut self, class: &str, measure: &str, value: String, gate: &str) {
        self.0
            .push([class.to_owned(), measure.to_owned(), value, gate.to_owned()]);
    }
}

impl Table {
    /// The rows alone, for the end of another table.
    #[must_use]
    pub fn rows(&self) -> String {
        let row = |[class, measure, value, gate]: &[String; 4]| {
            format!("| {class} | {measure} | {value} | {gate} |\n")
        };
        self.0.iter().map(row).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| classes | measure | value | gate |\n|---|---|---:|---:|\n{}",
            self.rows()
        )
    }
}

/// How many of what was found is right, and how much of what there is was found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hits {
    pub(crate) right: usize,
    pub(crate) found: usize,
    pub(crate) there: usize,
}

impl Hits {
    pub(crate) fn precision(&self) -> f64 {
        self.right as f64 / self.found.max(1) as f64
    }

    pub(crate) fn recall(&self) -> f64 {
        self.right as f64 / self.there.max(1) as f64
    }
}

impl fmt::Display for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} / {:.4}", self.precision(), self.recall())
    }
}
