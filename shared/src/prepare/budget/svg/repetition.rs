//! How often something of a drawing is drawn.

/// How often an element draws what it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    /// Once.
    Once,
    /// Once for each shape in it, because those inherit what fills them.
    EachShape,
    /// Once for each vertex of each shape in it.
    EachVertex,
}
