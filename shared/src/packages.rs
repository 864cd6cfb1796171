//! The wire types of packages: what participants can import, and what is done with it. They travel
//! between the steward, the service, the page and the command line.

use serde::{Deserialize, Serialize};

/// The page of packages, below the service's prefix. A program that asks for it gets the list.
pub const PACKAGES_PAGE: &str = "packages";

/// Where packages for participants go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum PackagePlace {
    /// Into an environment of this machine, which all servers use.
    Environment {
        /// Its folder.
        path: String,
        /// The version of its Python.
        python: String,
        /// What installs: `uv 0.9.1`, or `pip 26.0`.
        installer: String,
    },
    /// Into an image, of which the Hub starts a container for each server.
    Image {
        /// The image that the Hub's configuration names; none where each chooses theirs.
        image: Option<String>,
        /// What starts servers, as `DockerSpawner`.
        spawner: String,
    },
}

/// A package that participants can import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InstalledPackage {
    /// Its name, as the package writes it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is, in a line; empty where it does not say.
    pub summary: String,
}

/// A line of `requirements.txt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ListedRequirement {
    /// What is asked for, as `pandas>=2`.
    pub requirement: String,
    /// The name of the package.
    pub name: String,
    /// The version that is installed; none where it is not.
    pub installed: Option<String>,
}

/// A line of `requirements.txt` that is passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RequirementsFileProblem {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// What participants can import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PackagesResponse {
    /// Where packages go.
    pub place: PackagePlace,
    /// What was asked for, in the order of the file; nothing where packages go into an image.
    pub requirements: Vec<ListedRequirement>,
    /// What of the file is passed over.
    pub problems: Vec<RequirementsFileProblem>,
    /// All that is installed, by name.
    pub installed: Vec<InstalledPackage>,
    /// The change that is being made, or the last one.
    pub job: Option<PackageJob>,
}

/// The body of `POST /packages/plan` and of `POST /packages`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PackageEdit {
    /// Requirements to add, as `numpy`, `name[extra]` or `pandas>=2,<3`. One of a package that is
    /// asked for already takes its place.
    #[serde(default)]
    pub add: Vec<String>,
    /// Names of packages that are asked for no more.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// What would become of a package, or what has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PackageChange {
    /// The name of the package.
    pub name: String,
    /// The version before; none where it is new.
    pub from: Option<String>,
    /// The version after; none where it is removed.
    pub to: Option<String>,
}

/// What a change would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PackagePlan {
    /// What would be installed, changed and removed, by name.
    pub changes: Vec<PackageChange>,
    /// Why it cannot be done, in the installer's words; nothing would change.
    pub conflict: Option<String>,
    /// What should be known before.
    pub warnings: Vec<String>,
    /// The lines of `requirements.txt` after it.
    pub requirements: Vec<String>,
}

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PackageJobState {
    /// It is being made.
    Running,
    /// It is made.
    Done,
    /// It did not work; the environment is as it was.
    Failed,
    /// Somebody has stopped it; the environment is as it was.
    Stopped,
}

/// A change of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PackageJob {
    /// Its number; a later one has a greater.
    pub id: u64,
    /// What is done, as `add numpy` or `what requirements.txt says`.
    pub title: String,
    /// Who has asked for it.
    pub by: String,
    /// When it began, in milliseconds since 1970, by the steward's clock.
    pub started_ms: i64,
    /// When it ended; none while it runs.
    pub ended_ms: Option<i64>,
    /// How far it is.
    pub state: PackageJobState,
    /// Why it did not work.
    pub failure: Option<String>,
    /// What has changed, when it is done.
    pub changes: Vec<PackageChange>,
    /// How many lines its log has.
    pub log_lines: usize,
}

/// The answer of `GET /packages/log`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PackageLogResponse {
    /// The change whose log this is; none where there was none yet.
    pub job: Option<PackageJob>,
    /// The number of the first of these lines, from 0: where the log was cut, or the change is
    /// another, it is not the one that was asked for.
    pub first: usize,
    /// Lines of the log.
    pub lines: Vec<String>,
}
