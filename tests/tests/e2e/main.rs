//! The main job, end to end, on real parts.
//!
//! Ignored unless asked for, because they need a Hub, Jupyter and a browser: run
//! `cargo xtask test`, which gets these and says where they are.

mod builds;
mod closed;
mod costs;
mod differential;
mod errands;
mod follow;
mod history;
mod hostile;
mod hour;
mod hub;
mod hub5;
mod lab;
mod lab_disk;
mod live;
mod notices;
mod poll;
mod private;
mod restarts;
mod roles;
mod sessions;
mod standalone;
mod threats;
mod updates;

/// The notebook everyone in these tests works on.
const NOTEBOOK: &str = "module1/day1.ipynb";

/// Selects the tile of a participant.
fn tile(user: &str) -> String {
    format!("[data-testid=tile][data-user={user}]")
}
