//! The decisions of the page as plain types, without signals, DOM or clock.
//!
//! Everything here compiles and is tested natively. The reactive state that uses it
//! is in [`crate::store`], the views in [`crate::components`].

pub mod age;
pub mod arrangement;
pub mod backoff;
pub mod calendar;
pub mod document;
pub mod errand;
pub mod exercise;
pub mod failure;
pub mod fetch_schedule;
pub mod follow;
pub mod grid;
pub mod handouts;
pub mod help;
pub mod history;
pub mod history_panel;
pub mod insight;
pub mod lane;
pub mod login_cards;
pub mod notebooks;
pub mod notices;
pub mod order;
pub mod package_plan;
pub mod packages;
pub mod participant;
pub mod queue;
pub mod reading;
pub mod requirement_field;
pub mod setup;
pub mod shown_log;
pub mod stream;
pub mod tail;
pub mod theme;
pub mod throttle;
pub mod tile_fetches;
pub mod token;
pub mod users;
pub mod view;
pub mod wall;
