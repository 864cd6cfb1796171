//! Notebook cells to [`crate::prepared`] ones.
use crate::{notebook::Notebook, prepared::PreparedCell};

/// Turns untrusted HTML into HTML that is safe to put into a page.
pub trait Sanitizer {}

/// Prepares every cell of `notebook`, `first_index` being the place of its first
/// cell in the notebook it was cut from.
pub fn cells(
    _notebook: &Notebook,
    _first_index: usize,
    _sanitizer: &impl Sanitizer,
) -> Vec<PreparedCell> {
    Vec::new()
}
