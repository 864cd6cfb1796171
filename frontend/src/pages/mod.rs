//! One module for each page, and the shortcuts that they share.

pub mod document;
pub mod follow;
pub mod help;
pub mod inputs;
pub mod keyboard;
pub mod login;
pub mod notebook;
pub mod notices;
pub mod participant;
pub mod wall;
