//! Why nothing was done with packages.

use std::{io, path::PathBuf};

use shared::requirement::RequirementError;
use thiserror::Error;

use crate::trusted_file::TrustedFileError;

/// Most requirements that one change adds or removes.
pub(super) const MAX_EDITED: usize = 100;

/// Why nothing was done with packages.
#[derive(Debug, Error)]
pub(crate) enum PackageError {
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, io::Error),
    #[error("cannot write {0}: {1}")]
    Write(PathBuf, io::Error),
    #[error(transparent)]
    File(#[from] TrustedFileError),
    #[error("{0:?} cannot be installed: {1}")]
    Requirement(String, RequirementError),
    #[error("{0:?} is not asked for in requirements.txt")]
    Unknown(String),
    #[error("{0:?} is to be added and removed")]
    Contradiction(String),
    #[error("there is nothing to add and nothing to remove")]
    Nothing,
    #[error("{MAX_EDITED} packages at most are changed at once")]
    TooMany,
    #[error("{by} has begun to {title}: wait until that has ended, or stop it")]
    Busy { by: String, title: String },
    #[error("no change has the number {0}, or it has ended")]
    Ended(u64),
    #[error(
        "{0} is the Hub's own environment, where a package could break the Hub: give participants' \
         servers one of their own, as `python3 -m venv /opt/participants`, with JupyterHub, \
         JupyterLab and pipalhub-singleuser in it, its bin/jupyterhub-singleuser as c.Spawner.cmd"
    )]
    Hubs(PathBuf),
    #[error("cannot start the worker for {0}: {1}")]
    Worker(PathBuf, io::Error),
    #[error("{0}")]
    Failed(String),
}
