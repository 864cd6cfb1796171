//! The phase of a load.

use crate::model::failure::RequestFailure;

/// The phase of loading a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LoadPhase {
    /// Nothing was requested.
    #[default]
    Idle,
    /// The first answer is awaited.
    Loading,
    /// There is an answer to show.
    Ready,
    /// There is no answer to show, because of this failure.
    Failed(RequestFailure),
}
