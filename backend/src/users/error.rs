//! Why nothing was done with the list at all.

use std::{io, path::PathBuf};

use shared::users::RunningChange;
use thiserror::Error;

use super::{hub_api::HubError, system::AccountError};
use crate::trusted_file::TrustedFileError;

/// Most users that one request adds.
pub(super) const MAX_ADDED: usize = 2_000;

/// Why nothing was done at all.
#[derive(Debug, Error)]
pub(crate) enum UserListError {
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, io::Error),
    #[error("cannot write {0}: {1}")]
    Write(PathBuf, io::Error),
    #[error(transparent)]
    File(#[from] TrustedFileError),
    #[error("{0} users are more than {MAX_ADDED} at once")]
    TooMany(usize),
    #[error("another pipalhub changes users: try again when it has ended")]
    Busy,
    #[error("{0}: try again when that is done")]
    Running(RunningChange),
    #[error("{0}, so it cannot be seen who is protected from changes, and nothing is done")]
    Protection(HubError),
    #[error(
        "{0} is gone or empty, and {1} accounts are there that it has made: put it back first, or \
         remove them with `pipalhub users apply --remove {1}`"
    )]
    Emptied(PathBuf, usize),
    #[error(transparent)]
    Accounts(#[from] AccountError),
    #[error("{0:?} is not in the list")]
    Unknown(String),
    #[error("{0}")]
    Refused(String),
}
