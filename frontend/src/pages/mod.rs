//! One module for each page, and how they move from one to another.

pub mod keyboard;
pub mod login;
pub mod nav;
pub mod notebook;
pub mod wall;
