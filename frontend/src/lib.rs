//! The page in the browser: every participant's last cells, live.
//!
//! * [`app`]: the contexts and the choice of the page
//! * [`router`]: the address bar, where the state of a page is; [`place`]: where in it
//! * [`session`]: who is signed in, and what to do when nobody is
//! * [`stream`]: the one event stream of the page
//! * [`store`]: the reactive state, brought up to date by the two above and [`api`]
//! * [`pages`] and [`components`]: what is drawn; components fetch nothing
//! * [`model`]: what is decided, as plain types with native tests
//! * [`mod@html`]: what of it is HTML, and the one way into an element
//!
//! Reading and rendering notebooks is not here but in the crate `shared`, because the
//! service does the same natively.

// A component's function is named like the element it draws, and what the macro
// makes of its parameters takes them by value.
#![allow(
    clippy::needless_pass_by_value,
    clippy::must_use_candidate,
    reason = "components take their props by value"
)]

pub mod api;
pub mod app;
pub mod base;
pub mod clock;
pub mod components;
pub mod fields;
pub mod html;
pub mod model;
pub mod pages;
pub mod panic;
pub mod paths;
pub mod place;
pub mod router;
pub mod session;
pub mod store;
pub mod stream;
pub mod theme;
