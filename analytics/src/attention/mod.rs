//! Who needs someone now, and why.
//!
//! An error alone says little: most are gone in a minute. What says more is how long it stays and
//! what was tried (`signals`). Reasons are words, to be judged by whoever reads them; the weights
//! behind them only order and are never shown. The `shortlist` holds the few people who need someone
//! now; nobody enters or leaves it for a moment.

mod shortlist;
mod signals;

pub use shortlist::{Settled, Shortlist, ShortlistEntry};
pub use signals::{Attention, ClassView, Reason};
