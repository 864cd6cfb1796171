//! What the saves of a class say: who is where, what goes wrong, and who needs someone now.
//!
//! A save is a [`snapshot::Snapshot`] of a participant's copy. From one to the next:
//!
//! 1. [`lineage`] knows each cell again, and which cell of the [`handout`] it comes from, without
//!    ids, tags or any other preparation.
//! 2. [`progress`] notes what was run, what failed with which error ([`signature`]), and in which
//!    [`state::CellState`] each cell of the handout is.
//! 3. [`classroom`] puts everyone together: [`groups`] of the same error, the [`pace`] over the
//!    handout, and [`attention`], the few people who need someone now, with the reasons.
//!
//! [`answer`] says it in the terms in which it is sent. Beside it, [`exercise`] puts everyone's answers to one cell of the handout together.
//!
//! All of it is a function of the saves and their times: whoever replays a history gets what was
//! there live. There is no clock, no IO and no randomness here, and nothing of a private cell.
//! Memory and time are bounded for every notebook; the bounds are beside what they bound.
//!
//! Not here: the help queue, what the page shows, and where the state is kept.
#![warn(missing_docs)]

pub mod answer;
pub mod attention;
mod cell_print;
pub mod classroom;
mod episode;
pub mod exercise;
pub mod groups;
pub mod handout;
mod hash;
pub mod lineage;
pub mod pace;
mod pairing;
pub mod progress;
mod run;
pub mod signature;
mod similarity;
pub mod snapshot;
pub mod state;
#[cfg(test)]
mod testing;
mod tokens;

pub use episode::{Ending, Episode};
pub use run::Run;
