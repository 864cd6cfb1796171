//! The reactive state of the page: fetched from the service, kept up to date by the stream.
//!
//! The rules (what an event means, what to fetch next) are in [`crate::model`]; the
//! stores only carry them out.

pub mod class;
pub mod insight;
pub mod load;
pub mod notebook;
pub mod people;
pub mod refetcher;
pub mod sharing;
pub mod wall;
