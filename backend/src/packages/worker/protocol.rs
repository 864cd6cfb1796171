//! What a worker is asked for, and what it prints.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use shared::packages::{InstalledPackage, PackageChange, PackagePlan};

/// What installs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InstallerChoice {
    /// uv where it is installed and pip has no settings that uv would not read, else pip.
    #[default]
    Auto,
    /// uv.
    Uv,
    /// pip.
    Pip,
}

/// A request, of which a process gets one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EnvironmentRequest {
    /// The environment's folder.
    pub(crate) environment: PathBuf,
    pub(crate) installer: InstallerChoice,
    pub(crate) work: EnvironmentWork,
}

/// What is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum EnvironmentWork {
    /// Say what is installed.
    Inspect {},
    /// Say what would change if these requirements held, and those that are dropped did not.
    Plan {
        requirements: Vec<String>,
        drop: Vec<String>,
    },
    /// Make it so.
    Install {
        /// The number of the job, which [`EnvironmentWork::Recover`] answers.
        job: u64,
        requirements: Vec<String>,
        drop: Vec<String>,
    },
    /// Finish a change that had begun to take effect, and tidy away any other.
    Recover {},
}

/// A line that a worker prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WorkerLine {
    /// A line of the log; more lines follow.
    Log(String),
    Inspection(Inspection),
    Plan(PackagePlan),
    /// The change has taken effect.
    Installed {},
    /// What has changed the environment last, if anything has.
    Recovered(Option<LastChange>),
    /// It could not be done, and why.
    Failed(String),
}

/// What has changed an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastChange {
    /// The number of the job.
    pub(crate) job: u64,
    pub(crate) changes: Vec<PackageChange>,
}

/// What an environment has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inspection {
    /// The version of its Python.
    pub(crate) python: String,
    /// What installs, with its version.
    pub(crate) installer: String,
    /// What is installed, by name.
    pub(crate) packages: Vec<InstalledPackage>,
}
