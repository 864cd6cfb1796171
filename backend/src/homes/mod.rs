//! Where notebooks live: the template that names the homes, opening one so that nothing its
//! owner does leads elsewhere, reading a participant's file without trusting them and without
//! what they keep to themself, writing one beside it, finding out which files there are and
//! hearing of those that change.
//!
//! Everything goes from an [`OpenHome`], and from there by descriptors: outside of this
//! module there is nothing of a home that could be opened by its path.
//!
//! Not here: what is in a notebook ([`crate::class`]).

mod as_owner;
mod copies;
mod create;
mod home;
mod notebook;
mod read;
mod reader;
mod scan;
mod template;
mod watch;

pub use create::CreateError;
pub(crate) use create::with_suffix;
pub use home::{Home, HomeError, OpenHome};
pub use notebook::OnDisk;
pub use read::{FileId, Fingerprint, Opened, ReadError, open_notebook, read_notebook};
pub use reader::Reader;
pub use scan::{Found, MOST_NOTEBOOKS, scan};
pub use template::HomesTemplate;
pub use watch::{Poke, Watch, watch};
