//! Properties that hold for every input, checked with random inputs.
//!
//! Each of [`targets`] takes any bytes and panics when a property does not hold. libFuzzer drives
//! them through `fuzz_targets/`, started by `cargo xtask fuzz`. Properties of well-formed input are
//! tested in the notebook crate itself.

pub mod evil;
mod markup;
pub mod targets;
pub mod work;
