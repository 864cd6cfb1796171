//! How often an element of a drawing draws a reference.

/// How often an element draws an element that it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    /// Once for the element.
    Once,
    /// Once for each shape in it, because shapes inherit their fill and stroke.
    EachShape,
    /// Once for each vertex of each shape in it.
    EachVertex,
}
