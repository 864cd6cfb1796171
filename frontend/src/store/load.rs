//! Where the loading of something stands.

use crate::model::failure::Failure;

/// Where the loading of something stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was asked for.
    #[default]
    Idle,
    /// The first answer is awaited.
    Loading,
    /// There is something to show.
    Ready,
    /// There is nothing to show, because of this.
    Failed(Failure),
}
