//! The environment as the steward sees it: by asking its worker, and never the Hub's.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

use super::{
    error::PackageError,
    hub_environment::is_the_hubs,
    worker::{
        EnvironmentRequest, EnvironmentWork, Inspection, InstallerChoice, LastChange, WorkerLine,
    },
    worker_process::WorkerProcess,
};

/// How long it is known what is installed.
const FRESH: Duration = Duration::from_secs(3);

/// The environment of participants' servers.
pub(super) struct ManagedEnvironment {
    root: PathBuf,
    installer: InstallerChoice,
    /// The environment that the Hub runs in, as it says.
    hub: Option<PathBuf>,
    /// What was installed a moment ago, for everyone who looks.
    inspected: Mutex<Option<(Instant, Inspection)>>,
}

impl ManagedEnvironment {
    pub(super) fn new(root: PathBuf, installer: InstallerChoice, hub: Option<PathBuf>) -> Self {
        Self {
            root,
            installer,
            hub,
            inspected: Mutex::default(),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What is installed.
    pub(super) async fn inspection(&self) -> Result<Inspection, PackageError> {
        let mut inspected = self.inspected.lock().await;
        if let Some((at, inspection)) = &*inspected
            && at.elapsed() < FRESH
        {
            return Ok(inspection.clone());
        }
        match self.ask(EnvironmentWork::Inspect {}).await? {
            WorkerLine::Inspection(inspection) => {
                *inspected = Some((Instant::now(), inspection.clone()));
                Ok(inspection)
            }
            _ => Err(another_answer()),
        }
    }

    /// Forgets what was installed.
    pub(super) async fn forget(&self) {
        *self.inspected.lock().await = None;
    }

    /// What has changed the environment last; finishes what had begun to.
    pub(super) async fn last_change(&self) -> Result<Option<LastChange>, PackageError> {
        match self.ask(EnvironmentWork::Recover {}).await? {
            WorkerLine::Recovered(last) => Ok(last),
            _ => Err(another_answer()),
        }
    }

    /// A worker's answer.
    pub(super) async fn ask(&self, work: EnvironmentWork) -> Result<WorkerLine, PackageError> {
        self.start(work).await?.answer().await
    }

    /// A worker at work.
    pub(super) async fn start(&self, work: EnvironmentWork) -> Result<WorkerProcess, PackageError> {
        self.refuse_the_hubs()?;
        let request = EnvironmentRequest {
            environment: self.root.clone(),
            installer: self.installer,
            work,
        };
        WorkerProcess::start(&request).await
    }

    /// Fails where the Hub runs in the environment.
    pub(super) fn refuse_the_hubs(&self) -> Result<(), PackageError> {
        match is_the_hubs(&self.root, self.hub.as_deref()) {
            true => Err(PackageError::Hubs(self.root.clone())),
            false => Ok(()),
        }
    }
}

/// The error for an answer of another kind.
pub(super) fn another_answer() -> PackageError {
    PackageError::Failed("the worker is of another version: start the steward again".to_owned())
}
