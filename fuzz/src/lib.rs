//! What holds for every input, tried on inputs nobody would think of.
//!
//! Each of [`targets`] takes any bytes and panics when a property does not hold. libFuzzer
//! drives them through `fuzz_targets/`, started by `cargo xtask fuzz`. What is deliberately
//! not here: properties of well-formed input, which are tested in the notebook crate itself.

pub mod evil;
mod markup;
pub mod targets;
pub mod work;
