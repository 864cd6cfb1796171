//! Makes one change of the environment after another, and knows what is asked for.
//!
//! A change that somebody asks for is noted before it begins, made by the worker, and written to
//! `requirements.txt` when it has taken effect. After an end in the middle the worker knows whether
//! it had; if so the next start writes the file, and else nothing has happened.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use shared::{
    packages::{
        ListedRequirement, PackageChange, PackageEdit, PackageJob, PackageJobState,
        PackageLogResponse, PackagePlace, PackagePlan, PackagesResponse,
    },
    requirement::{Requirement, normalized_name},
    users::AuditEntry,
};
use tokio::{
    sync::Mutex as AsyncMutex,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    error::PackageError,
    job::JobLog,
    managed_environment::{ManagedEnvironment, another_answer},
    package_edit::{apply_edit, edit_file, title_of},
    package_turn::{self, PackageTurn},
    requirements_file::{MAX_FILE_BYTES, RequirementsFile},
    worker::{EnvironmentWork, InstallerChoice, WorkerLine},
    worker_process::WorkerProcess,
};
use crate::{audit::AuditList, files, time, trusted_file::TrustedFile};

/// Longest time in which it is found out what would change.
const PLAN_PATIENCE: Duration = Duration::from_secs(100);
/// How often a process that waits for another's change looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// The title of a change that the file asks for.
const BY_FILE: &str = "bring the environment to requirements.txt";

/// Where what belongs to packages is.
#[derive(Clone, Debug)]
pub(crate) struct PackageSettings {
    /// The environment's folder.
    pub(crate) environment: PathBuf,
    /// The file `requirements.txt`.
    pub(crate) requirements_file: PathBuf,
    /// The steward's own folder.
    pub(crate) state: PathBuf,
    pub(crate) installer: InstallerChoice,
    /// Longest time of a change.
    pub(crate) limit: Duration,
    /// The environment that the Hub runs in, as it says.
    pub(crate) hub_environment: Option<PathBuf>,
}

/// The environment and what is asked for in it.
pub(crate) struct PackageManager {
    settings: PackageSettings,
    environment: ManagedEnvironment,
    current: Mutex<Option<JobLog>>,
    /// One looks at a time what would change.
    planning: AsyncMutex<()>,
    audit: AuditList,
}

/// How a change has ended.
enum Outcome {
    Done(Vec<PackageChange>),
    Failed(String),
    Stopped,
}

impl PackageManager {
    pub(crate) fn new(settings: PackageSettings) -> Self {
        // What cannot be read is said when a change is to be made.
        let kept = package_turn::kept(&settings.state).unwrap_or_default();
        let current = kept.job.map(|job| JobLog::new(job, kept.log));
        Self {
            environment: ManagedEnvironment::new(
                settings.environment.clone(),
                settings.installer,
                settings.hub_environment.clone(),
            ),
            audit: AuditList::new(&settings.state),
            settings,
            current: Mutex::new(current),
            planning: AsyncMutex::default(),
        }
    }

    /// The file `requirements.txt`.
    pub(crate) fn requirements_file(&self) -> &Path {
        &self.settings.requirements_file
    }

    /// Fails where nothing can be installed.
    pub(crate) async fn check(&self) -> Result<(), PackageError> {
        self.environment
            .ask(EnvironmentWork::Inspect {})
            .await
            .map(drop)
    }

    /// What is asked for, and what is installed.
    pub(crate) async fn list(&self) -> Result<PackagesResponse, PackageError> {
        let file = self.read()?;
        let inspection = self.environment.inspection().await?;
        let requirements = file.requirements().map(|it| {
            let key = it.key();
            let mut of_name = inspection.packages.iter();
            let package = of_name.find(|package| normalized_name(&package.name) == key);
            ListedRequirement {
                requirement: it.to_string(),
                name: it.name().to_owned(),
                installed: package.map(|package| package.version.clone()),
            }
        });
        Ok(PackagesResponse {
            requirements: requirements.collect(),
            problems: file.problems(),
            place: PackagePlace::Environment {
                path: self.environment.root().display().to_string(),
                python: inspection.python,
                installer: inspection.installer,
            },
            installed: inspection.packages,
            job: self.job(),
        })
    }

    /// What a change would do.
    pub(crate) async fn plan(&self, edit: &PackageEdit) -> Result<PackagePlan, PackageError> {
        if let Some(job) = self.running() {
            return Err(busy(&job));
        }
        let mut file = self.read()?;
        let drop = apply_edit(&mut file, edit)?;
        let requirements = file.texts();
        let work = EnvironmentWork::Plan { requirements, drop };
        let plan = async {
            let _turn = self.planning.lock().await;
            self.environment.ask(work).await
        };
        match timeout(PLAN_PATIENCE, plan).await {
            Ok(Ok(WorkerLine::Plan(plan))) => Ok(plan),
            Ok(Ok(_)) => Err(another_answer()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(PackageError::Failed(format!(
                "the plan was not made within {} s: the package index may be slow or out of reach",
                PLAN_PATIENCE.as_secs()
            ))),
        }
    }

    /// Begins a change. It goes on when nobody waits for it.
    pub(crate) async fn start(
        self: &Arc<Self>,
        by: &str,
        edit: PackageEdit,
    ) -> Result<PackageJob, PackageError> {
        self.recover_unless_running().await?;
        let mut file = self.read()?;
        let drop = apply_edit(&mut file, &edit)?;
        let title = title_of(&edit);
        self.begin(by, title, Some(edit), file.texts(), drop)
    }

    /// The change that is being made, or the last one.
    pub(crate) fn job(&self) -> Option<PackageJob> {
        self.current.lock().as_ref().map(|it| it.job.clone())
    }

    /// The log of a change from a line on.
    pub(crate) fn log(&self, id: Option<u64>, from: usize) -> PackageLogResponse {
        let current = self.current.lock();
        let read = current.as_ref().map(|it| it.read(id, from));
        read.unwrap_or(PackageLogResponse {
            job: None,
            first: 0,
            lines: Vec::new(),
        })
    }

    /// Stops the change with this number, if it runs.
    pub(crate) fn stop(&self, by: &str, id: u64) -> Result<(), PackageError> {
        let mut current = self.current.lock();
        let running = current
            .as_mut()
            .filter(|it| it.job.id == id && it.job.state == PackageJobState::Running);
        let running = running.ok_or(PackageError::Ended(id))?;
        running.stopped_by = Some(by.to_owned());
        running.stop.cancel();
        Ok(())
    }

    /// Stops what runs, and waits until it has ended.
    pub(crate) async fn close(&self) {
        if let Some(running) = &*self.current.lock() {
            running.stop.cancel();
        }
        self.idle().await;
    }

    /// Resolves when nothing is being changed.
    pub(crate) async fn idle(&self) {
        while self.running().is_some() {
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Ends what an end in the middle has left. Has to come before all else.
    pub(crate) async fn recover(&self) -> Result<(), PackageError> {
        let recovered = self.try_to_recover().await;
        if let Err(error) = &recovered {
            self.note_unknown(error);
        }
        recovered
    }

    async fn recover_unless_running(&self) -> Result<(), PackageError> {
        match self.running() {
            Some(job) => Err(busy(&job)),
            None => self.recover().await,
        }
    }

    /// Shows a change as failed of which it cannot be known what has become. What is kept of it
    /// stays, so that it is settled when the environment can be looked at again.
    fn note_unknown(&self, error: &PackageError) {
        if let Some(log) = &mut *self.current.lock()
            && log.job.state == PackageJobState::Running
        {
            log.job.state = PackageJobState::Failed;
            log.job.ended_ms = Some(time::now_ms());
            let reason = format!("it is not known whether it has taken effect: {error}");
            log.push(reason.clone());
            log.job.failure = Some(reason);
        }
    }

    async fn try_to_recover(&self) -> Result<(), PackageError> {
        let mut turn = PackageTurn::take(&self.settings.state)?;
        let left = turn.kept().job.clone();
        let Some(job) = left.filter(|it| it.state == PackageJobState::Running) else {
            return Ok(());
        };
        let outcome = match self.environment.last_change().await? {
            Some(last) if last.job == job.id => Outcome::Done(last.changes),
            _ => Outcome::Failed(
                "the steward has ended in the middle; the environment is as it was".to_owned(),
            ),
        };
        let mut log = JobLog::new(job, turn.kept().log.clone());
        self.settle(&mut turn, &mut log, outcome);
        *self.current.lock() = Some(log);
        Ok(())
    }

    /// Brings the environment to what the file says, if it is not there: begins a change.
    pub(crate) async fn reconcile(
        self: &Arc<Self>,
        by: &str,
    ) -> Result<Option<PackageJob>, PackageError> {
        self.environment.refuse_the_hubs()?;
        self.recover_unless_running().await?;
        let file = self.read()?;
        let wanted = file.texts();
        let applied = package_turn::kept(&self.settings.state)?.applied;
        let keys: BTreeSet<String> = file.requirements().map(Requirement::key).collect();
        let dropped = applied.iter().filter_map(|it| {
            let requirement = Requirement::parse(it).ok()?;
            (!keys.contains(&requirement.key())).then(|| requirement.name().to_owned())
        });
        let dropped: Vec<String> = dropped.collect();
        if dropped.is_empty() {
            if wanted.is_empty() {
                return Ok(None);
            }
            let work = EnvironmentWork::Plan {
                requirements: wanted.clone(),
                drop: Vec::new(),
            };
            let planning = self.planning.lock().await;
            let answer = self.environment.ask(work).await?;
            drop(planning);
            if let WorkerLine::Plan(plan) = answer
                && plan.changes.is_empty()
                && plan.conflict.is_none()
            {
                return self.note_applied(wanted).map(|()| None);
            }
        }
        self.begin(by, BY_FILE.to_owned(), None, wanted, dropped)
            .map(Some)
    }

    fn begin(
        self: &Arc<Self>,
        by: &str,
        title: String,
        edit: Option<PackageEdit>,
        requirements: Vec<String>,
        drop: Vec<String>,
    ) -> Result<PackageJob, PackageError> {
        if let Some(job) = self.running() {
            return Err(busy(&job));
        }
        self.environment.refuse_the_hubs()?;
        let mut turn = PackageTurn::take(&self.settings.state)?;
        let last = turn.kept().job.as_ref().map_or(0, |it| it.id);
        let job = PackageJob {
            id: last + 1,
            title,
            by: by.to_owned(),
            started_ms: time::now_ms(),
            ended_ms: None,
            state: PackageJobState::Running,
            failure: None,
            changes: Vec::new(),
            log_lines: 0,
        };
        turn.kept().job = Some(job.clone());
        turn.kept().edit = edit;
        turn.kept().log.clear();
        turn.save()?;
        tracing::info!(job = job.id, by = %job.by, title = %job.title, "packages are changed");
        *self.current.lock() = Some(JobLog::new(job.clone(), Vec::new()));
        let work = EnvironmentWork::Install {
            job: job.id,
            requirements,
            drop,
        };
        let this = Arc::clone(self);
        tokio::spawn(async move { this.make(turn, work).await });
        Ok(job)
    }

    /// Makes the change, to its end.
    async fn make(&self, mut turn: PackageTurn, work: EnvironmentWork) {
        let id = turn.kept().job.as_ref().map(|it| it.id);
        let stop = self.current.lock().as_ref().map(|it| it.stop.clone());
        let outcome = self.outcome_of(work, stop.unwrap_or_default()).await;
        // Whatever was heard last, the worker knows what has taken effect.
        let last = match self.environment.last_change().await {
            Ok(last) => last,
            Err(error) => return self.note_unknown(&error),
        };
        let outcome = match (last, outcome) {
            (Some(last), _) if Some(last.job) == id => Outcome::Done(last.changes),
            (_, Ok(())) => Outcome::Failed("the worker has changed nothing".to_owned()),
            (_, Err(outcome)) => outcome,
        };
        self.environment.forget().await;
        if let Some(log) = &mut *self.current.lock() {
            self.settle(&mut turn, log, outcome);
        }
    }

    /// Waits for the end of the work, or ends it.
    async fn outcome_of(
        &self,
        work: EnvironmentWork,
        stop: CancellationToken,
    ) -> Result<(), Outcome> {
        let started = self.environment.start(work).await;
        let mut worker = started.map_err(|error| Outcome::Failed(error.to_string()))?;
        let limit = self.settings.limit;
        let ended = tokio::select! {
            ended = self.listen(&mut worker) => {
                ended.map_err(|error| Outcome::Failed(error.to_string()))
            }
            () = stop.cancelled() => Err(Outcome::Stopped),
            () = sleep(limit) => Err(Outcome::Failed(format!(
                "it has not ended within {} s (--install-seconds)",
                limit.as_secs()
            ))),
        };
        worker.end().await;
        ended
    }

    /// Takes the lines of a worker's log, until it is done.
    async fn listen(&self, worker: &mut WorkerProcess) -> Result<(), PackageError> {
        loop {
            match worker.next().await? {
                WorkerLine::Log(line) => {
                    if let Some(log) = &mut *self.current.lock() {
                        log.push(line);
                    }
                }
                WorkerLine::Installed {} => return Ok(()),
                WorkerLine::Failed(reason) => return Err(PackageError::Failed(reason)),
                _ => return Err(another_answer()),
            }
        }
    }

    /// Notes how a change has ended; one that has taken effect is written to the file.
    fn settle(&self, turn: &mut PackageTurn, log: &mut JobLog, outcome: Outcome) {
        log.job.ended_ms = Some(time::now_ms());
        match outcome {
            Outcome::Done(changes) => {
                log.job.state = PackageJobState::Done;
                log.job.changes = changes;
                if let Err(error) = self.write_applied(turn) {
                    let reason = format!("it is installed, but {error}");
                    log.push(reason.clone());
                    log.job.failure = Some(reason);
                }
            }
            Outcome::Failed(reason) => {
                log.job.state = PackageJobState::Failed;
                log.push(reason.clone());
                log.job.failure = Some(reason);
            }
            Outcome::Stopped => {
                log.job.state = PackageJobState::Stopped;
                let by = log
                    .stopped_by
                    .as_deref()
                    .unwrap_or("the steward, which ends");
                let reason = format!("stopped by {by}; the environment is as it was");
                log.push(reason.clone());
                log.job.failure = Some(reason);
            }
        }
        let (job, failure) = (log.job.id, log.job.failure.as_deref());
        tracing::info!(job, state = ?log.job.state, failure, "packages are changed no more");
        turn.kept().edit = None;
        turn.kept().log = log.kept_lines();
        turn.kept().job = Some(log.job.clone());
        if let Err(error) = turn.save() {
            tracing::error!(%error, "what was done with packages is not kept");
        }
        let entry = AuditEntry {
            at_ms: log.job.ended_ms.unwrap_or_default(),
            by: log.job.by.clone(),
            action: "packages".to_owned(),
            subject: log.job.title.clone(),
            failure: log.job.failure.clone(),
        };
        if let Err(error) = self.audit.note(&[entry]) {
            tracing::error!(%error, "the audit list cannot be written");
        }
    }

    /// Writes what has taken effect to the file, which somebody may have edited meanwhile.
    fn write_applied(&self, turn: &mut PackageTurn) -> Result<(), PackageError> {
        let mut file = self.read()?;
        if let Some(edit) = turn.kept().edit.take() {
            let before = file.bytes();
            edit_file(&mut file, &edit)?;
            let bytes = file.bytes();
            if bytes != before {
                let path = self.requirements_file();
                let written = files::replace_edited(path, &bytes);
                written.map_err(|error| PackageError::Write(path.to_owned(), error))?;
            }
        }
        turn.kept().applied = file.texts();
        Ok(())
    }

    fn note_applied(&self, applied: Vec<String>) -> Result<(), PackageError> {
        let mut turn = PackageTurn::take(&self.settings.state)?;
        if turn.kept().applied == applied {
            return Ok(());
        }
        turn.kept().applied = applied;
        turn.save()
    }

    fn running(&self) -> Option<PackageJob> {
        let job = self.job()?;
        (job.state == PackageJobState::Running).then_some(job)
    }

    /// Reads the file; one that is not there asks for nothing.
    fn read(&self) -> Result<RequirementsFile, PackageError> {
        let read = TrustedFile::read(self.requirements_file(), MAX_FILE_BYTES, true)?;
        let bytes = read.map(|it| it.bytes).unwrap_or_default();
        Ok(RequirementsFile::parse(&bytes))
    }
}

fn busy(job: &PackageJob) -> PackageError {
    PackageError::Busy {
        by: job.by.clone(),
        title: job.title.clone(),
    }
}
