//! What participants can import beside what their servers came with: `requirements.txt`, and the
//! environment it stands for.
//!
//! [`requirements_file`] reads and edits the file, [`package_manager`] makes one change after
//! another, and [`worker`] is the process that does it, as the environment's owner. Like the users'
//! part, all of it runs in the steward or on an administrator's command line.

pub(crate) mod error;
mod hub_environment;
mod job;
mod kept;
mod managed_environment;
mod package_edit;
pub(crate) mod package_manager;
mod package_turn;
mod requirements_file;
pub(crate) mod worker;
pub(crate) mod worker_process;
