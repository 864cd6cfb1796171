//! The disk is full, refuses to be written, or lies about having written.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;
use rusqlite::Connection as Database;

use super::{FaultSetup, Verdict, is_root, is_there, strace::Injection};
use crate::drive::{
    event,
    http::HttpClient,
    poll_until,
    service::{ServicePlan, ServiceProcess},
};

/// How soon the service must recover by itself.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(10);

/// A fault of the disk.
enum DiskFault {
    /// System calls fail, by an injection of strace.
    Calls(&'static str),
    /// The file system is really full: a small one in the service's mount namespace.
    Full,
}

/// A fault that is in force.
enum ActiveFault {
    Calls(Injection),
    Full { filler: PathBuf },
}

pub(super) async fn full(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    if !(is_root() && is_there("unshare")) {
        return Ok(Verdict::untried("needs root and unshare"));
    }
    let plan = setup.plan()?;
    let data = plan.make_data()?.display().to_string();
    let mount = "mount -t tmpfs -o size=3m,mode=700 tmpfs \"$0\" && exec \"$@\"";
    let plan = plan.wrapped(&["unshare", "--mount", "sh", "-c", mount, &data]);
    attempt(&plan, &DiskFault::Full).await
}

pub(super) async fn no_space(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    with_failing_calls(setup, "pwrite64,ftruncate,fallocate:error=ENOSPC").await
}

pub(super) async fn write_error(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    with_failing_calls(setup, "pwrite64,ftruncate,fallocate:error=EIO").await
}

pub(super) async fn read_only(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    with_failing_calls(setup, "pwrite64,ftruncate,fallocate:error=EROFS").await
}

pub(super) async fn sync_error(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    with_failing_calls(setup, "fdatasync,fsync:error=EIO").await
}

async fn with_failing_calls(setup: &FaultSetup, rule: &'static str) -> anyhow::Result<Verdict> {
    if !is_there("strace") {
        return Ok(Verdict::untried("needs strace"));
    }
    attempt(&setup.plan()?, &DiskFault::Calls(rule)).await
}

impl DiskFault {
    async fn begin(
        &self,
        plan: &ServicePlan,
        service: &ServiceProcess,
    ) -> anyhow::Result<ActiveFault> {
        match self {
            Self::Calls(rule) => {
                let injection = Injection::begin(service.pid()?, rule).await?;
                Ok(ActiveFault::Calls(injection))
            }
            Self::Full => {
                let filler = data_folder_of(service, plan)?.join("filler");
                let mut file = File::create(&filler)?;
                while file.write_all(&[0; 4096]).is_ok() {}
                Ok(ActiveFault::Full { filler })
            }
        }
    }
}

impl ActiveFault {
    async fn end(self) -> anyhow::Result<()> {
        match self {
            Self::Calls(injection) => injection.end().await,
            Self::Full { filler } => Ok(fs::remove_file(filler)?),
        }
    }
}

/// The path of the data folder in the service's mount namespace.
pub(super) fn data_folder_of(
    service: &ServiceProcess,
    plan: &ServicePlan,
) -> anyhow::Result<PathBuf> {
    let root = PathBuf::from(format!("/proc/{}/root", service.pid()?.as_raw_nonzero()));
    Ok(root.join(plan.data().strip_prefix("/")?))
}

async fn attempt(plan: &ServicePlan, fault: &DiskFault) -> anyhow::Result<Verdict> {
    let service = ServiceProcess::start(plan).await?;
    let client = service.client();
    let mut verdict = Verdict::default();
    let mut posts = PostCounts::default();
    posts.post(&client, 5).await;
    verdict.must(posts.refused == 0, "refused while all was well");

    let active = fault.begin(plan, &service).await?;
    posts.post(&client, 20).await;
    verdict.must(posts.refused > 0, "nothing was refused");
    verdict.figure(format!("{} of 20 refused", posts.refused));
    let listed = client.get("/events").await?;
    verdict.must(
        listed.status == 200,
        format!("GET /events: {}", listed.status),
    );
    let notebooks = client.get("/api/notebooks").await?;
    verdict.must(notebooks.status == 200, "the page cannot read");
    let health = client.get("/healthz").await?;
    verdict.must(
        health.status == 503,
        format!("/healthz is {}", health.status),
    );
    verdict.figure(format!("/healthz: {}", health.body));
    active.end().await?;

    let begun = Instant::now();
    let well = async || Ok((client.get("/healthz").await?.status == 200).then_some(()));
    let recovered = poll_until("/healthz is 200", RECOVERY_TIMEOUT, well).await;
    let refused = posts.refused;
    if recovered.is_ok() {
        verdict.figure(format!(
            "well again after {} ms",
            begun.elapsed().as_millis()
        ));
    } else {
        verdict.must(false, "/healthz does not recover by itself");
    }
    posts.post(&client, 5).await;
    verdict.must(posts.refused == refused, "still refusing afterwards");

    check_disk(plan, &service, &posts, &mut verdict)?;
    Ok(verdict)
}

/// Checks a copy of the database file without the service, so that its memory does not count.
fn check_disk(
    plan: &ServicePlan,
    service: &ServiceProcess,
    posts: &PostCounts,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let (from, copy) = (data_folder_of(service, plan)?, plan.folder.join("copy"));
    fs::create_dir(&copy)?;
    for name in ["events.sqlite3", "events.sqlite3-wal"] {
        // There is no log when all of it has been checkpointed.
        if from.join(name).exists() {
            fs::copy(from.join(name), copy.join(name)).context("cannot copy the database")?;
        }
    }
    let database = Database::open(copy.join("events.sqlite3"))?;
    let integrity: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    verdict.must(integrity == "ok", format!("integrity: {integrity}"));
    let mut query = database.prepare("SELECT filename FROM journal")?;
    let stored: Result<BTreeSet<String>, _> = query.query_map([], |row| row.get(0))?.collect();
    let missing = posts.acknowledged.difference(&stored?).count();
    verdict.figure(format!(
        "{} acknowledged, {missing} not on disk",
        posts.acknowledged.len()
    ));
    verdict.must(missing == 0, "a 201 is not on disk");
    Ok(())
}

/// The posts and their answers.
#[derive(Default)]
struct PostCounts {
    sent: usize,
    acknowledged: BTreeSet<String>,
    refused: usize,
}

impl PostCounts {
    /// Posts `count` events; a missing answer counts as a refusal.
    async fn post(&mut self, client: &HttpClient, count: usize) {
        for _ in 0..count {
            self.sent += 1;
            let name = self.sent.to_string();
            let body = event::exercise("ana", &name, &format!("/ana/{name}"));
            match client.post("/events", &body).await {
                Ok(reply) if reply.status == 201 => {
                    self.acknowledged.insert(name);
                }
                _ => self.refused += 1,
            }
        }
    }
}
