//! Prepared cells to HTML.
use crate::prepared::PreparedCell;

/// How to render.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Goes before every `id` in the result, so that two notebooks can share a page.
    pub id_prefix: String,
}

/// The HTML of `cells`, in order.
pub fn cells(_cells: &[PreparedCell], _options: &Options) -> String {
    String::new()
}
