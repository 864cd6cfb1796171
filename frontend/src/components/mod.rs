//! What is drawn, one component a file. Components fetch nothing: they take values and
//! signals, and tell what the reader did by callbacks.

pub mod cells;
pub mod live_pill;
pub mod notebook_bar;
pub mod notebook_select;
pub mod notice;
pub mod notice_button;
pub mod sharing;
pub mod shortcuts;
pub mod skeleton;
pub mod theme_toggle;
pub mod tile;
pub mod top_bar;
