//! Where notebooks live: the template or the lookup that finds the homes, opening a home so that
//! nothing its owner does leads elsewhere, reading a participant's file without trusting them and
//! without its private cells, writing a file beside it, listing the files that are there and
//! watching for those that change.
//!
//! Everything goes from an [`OpenHome`], and from there by descriptors: outside of this
//! module there is nothing of a home that could be opened by its path.
//!
//! Not here: the content of a notebook ([`crate::class`]).

mod as_owner;
mod copies;
mod create;
mod home;
mod lookup;
mod names;
mod notebook;
mod program;
mod read;
mod scan;
mod table;
mod template;
mod watch;

pub use create::CreateError;
pub(crate) use create::with_suffix;
pub use home::{Home, HomeError, OpenHome};
pub use lookup::{AccountPattern, Homes, HomesLookup};
pub use notebook::NotebookFile;
pub use read::{FileId, Fingerprint, OpenNotebook, ReadError, open_notebook, read_notebook};
pub use scan::{FoundNotebook, HomeScan, MAX_NOTEBOOKS_PER_HOME, ScanGap, scan};
pub use template::HomesTemplate;
pub use watch::{Poke, Watch, watch};

/// How long tests let two threads race, at most.
#[cfg(test)]
const RACE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);
