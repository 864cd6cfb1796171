//! The progress of `pipalhub archive` and `pipalhub restore`: a bar on a terminal, and nothing
//! elsewhere.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

use crate::archive::ArchiveProgress;

/// The bar on stderr.
pub(super) struct ArchiveBar(ProgressBar);

impl ArchiveBar {
    pub(super) fn new() -> Self {
        let bar = match io::stderr().is_terminal() {
            true => ProgressBar::new(0),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template(
            "{msg:12} {bar:30} {binary_bytes} of {binary_total_bytes}  {eta}",
        );
        Self(bar.with_style(style.expect("a literal template")))
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}

impl ArchiveProgress for ArchiveBar {
    fn begin(&self, what: &str, bytes: u64) {
        self.0.reset();
        self.0.set_length(bytes);
        self.0.set_message(what.to_owned());
    }

    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}
