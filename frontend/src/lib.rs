//! The page in the browser: every participant's last cells, live.
//!
//! * [`app`]: the contexts and the choice of the page
//! * [`router`]: the state of a page in the address bar; [`scroll`]: the position in a page
//! * [`session`]: the signed-in user, and signing in
//! * [`stream`]: the one event stream of the page
//! * [`store`]: the reactive state, updated from the stream and by [`api`];
//!   [`behind`]: which of it is older than it should be
//! * [`answers`]: what the service says, as types; [`fields`]: what they are read of
//! * [`pages`] and [`components`]: the views; components fetch nothing
//! * [`model`]: the decisions, as plain types with native tests
//! * [`manage`]: the pages that only whoever runs the class opens, an app of their own
//! * [`mod@html`]: the type of HTML that may be put into an element
//!
//! Notebooks are read and rendered by the crate `shared`, because the service does the same
//! natively.

// A component's function is named like the element it draws, and the props that the macro
// generates from its parameters are taken by value.
#![allow(
    clippy::needless_pass_by_value,
    clippy::must_use_candidate,
    reason = "components take their props by value"
)]

pub mod answers;
pub mod api;
pub mod app;
pub mod base;
pub mod behind;
pub mod clipboard;
pub mod clock;
pub mod components;
pub mod fields;
pub mod html;
pub mod manage;
pub mod model;
pub mod pages;
pub mod panic;
pub mod paths;
pub mod router;
pub mod scroll;
pub mod session;
pub mod store;
pub mod stream;
pub mod theme;
