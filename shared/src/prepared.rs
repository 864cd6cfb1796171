//! Cells ready to render: what [`crate::prepare`] makes and [`crate::render`] reads.
//!
//! They are the wire form too. Whatever is in here was made safe natively:
//! [`SafeHtml`] has been through the sanitiser, everything else is plain text that
//! the renderer escapes.

use serde::{Deserialize, Serialize};

/// One cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreparedCell {
    /// Its place in the whole notebook, from 0.
    pub index: usize,
}
