//! The components that pages are made of, one in a file. Components fetch nothing: they take values
//! and signals, and report the reader's actions by callbacks.

pub mod account_menu;
pub mod cells;
pub mod handout_link;
pub mod live_pill;
pub mod notebook_bar;
pub mod notebook_picker;
pub mod notice;
pub mod notice_button;
pub mod sharing;
pub mod shortcuts;
pub mod skeleton;
pub mod theme_toggle;
pub mod tile;
pub mod top_bar;
pub mod view_menu;
