//! Where notebooks live: the template that names the homes, reading a participant's
//! file without trusting them and without what they keep to themself, writing one beside it, and finding out which files there
//! are.
//!
//! Not here: what is in a notebook ([`crate::class`]).

mod as_owner;
mod copies;
mod create;
mod notebook;
mod read;
mod scan;
mod template;
mod watch;

pub use create::{CreateError, create_beside};
pub use notebook::OnDisk;
pub use read::{FileId, Fingerprint, ReadError, read_notebook};
pub use scan::{Found, scan};
pub use template::{Home, HomesTemplate};
pub use watch::{Poke, Watch, watch};
