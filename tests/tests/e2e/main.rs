//! The end-to-end tests, with a real Hub, real servers and a real browser.
//!
//! They are ignored by default, because they need a Hub, Jupyter and a browser: run `cargo xtask
//! test`, which installs these and sets their paths.

mod accessibility;
mod builds;
mod closed;
mod costs;
mod custom;
mod differential;
mod errands;
mod exercise;
mod firefox;
mod follow;
mod handbook;
mod history;
mod hostile;
mod hour;
mod hub;
mod hub5;
mod insight;
mod interfaces;
mod keyboard;
mod lab;
mod lab_disk;
mod live;
mod names;
mod notices;
mod packages;
mod pictures;
mod poll;
mod private;
mod queue;
mod restarts;
mod roles;
mod sessions;
mod setup;
mod standalone;
mod threats;
mod updates;
mod users;
mod wall;
mod workshop;

/// The notebook of all participants in these tests.
const NOTEBOOK: &str = "module1/day1.ipynb";

/// Selects the tile of a participant.
fn tile(user: &str) -> String {
    format!("[data-testid=tile][data-user=\"{user}\"]")
}
