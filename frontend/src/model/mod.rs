//! What the page decides, as plain types: no signals, no DOM, no clock of its own.
//!
//! Everything here compiles and is tested natively. The reactive state that uses it
//! is in [`crate::store`], what is drawn in [`crate::components`].

pub mod age;
pub mod backoff;
pub mod calendar;
pub mod document;
pub mod errand;
pub mod failure;
pub mod fetch;
pub mod fetches;
pub mod follow;
pub mod grid;
pub mod handouts;
pub mod history;
pub mod notices;
pub mod order;
pub mod participant;
pub mod past;
pub mod reading;
pub mod stream;
pub mod theme;
pub mod throttle;
pub mod token;
pub mod view;
pub mod wall;
