//! What holds for every input, tried on inputs nobody would think of.
//!
//! Each of [`targets`] takes any bytes and panics when a property does not hold. They
//! are driven by libFuzzer through `fuzz_targets/`, where that is to be had, and on any
//! machine by [`driver`], which is this crate's own binary: `cargo xtask fuzz` chooses.
//! What is deliberately not here: properties of well-formed input, which are tested in
//! the notebook crate itself.

pub mod driver;
pub mod evil;
mod markup;
mod mutate;
pub mod targets;
pub mod work;

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]) -> u64);

/// All of them.
pub const TARGETS: [Target; 7] = [
    ("parser", targets::parser),
    ("private", targets::private),
    ("cut", targets::cut),
    ("ansi", targets::ansi),
    ("markdown", targets::markdown),
    ("sanitizer", targets::sanitizer),
    ("highlighter", targets::highlighter),
];
