//! The class's list, `users.txt`, and the accounts it stands for.
//!
//! [`file`] reads and writes the list, [`class_list`] what people paste, [`user_list`] brings the
//! system to what the list says, by [`accounts`]. All of it runs in the steward, or on the
//! command line of an administrator, and never in the service, which has no right to it.

pub(crate) mod accounts;
pub(crate) mod applied;
mod apply;
pub(crate) mod authenticator;
pub(crate) mod class_list;
pub(crate) mod command;
pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod hub_accounts;
pub(crate) mod hub_api;
pub(crate) mod hub_servers;
pub(crate) mod list_store;
pub(crate) mod name;
mod password;
pub(crate) mod protection;
mod running_change;
mod stale_locks;
pub(crate) mod system;
pub(crate) mod system_view;
pub(crate) mod user_list;
mod user_list_lock;

pub(crate) use self::password::generate as new_password;
