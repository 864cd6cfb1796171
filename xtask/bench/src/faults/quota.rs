//! One participant fills everything that can be filled from a home: files with a hundred names,
//! thousands of notebooks, version after version. Events, and the builds and versions of the other
//! participants, go on, and the data folder stays within its limits.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::statvfs;
use serde_json::json;

use super::{FaultSetup, Verdict, disk::data_folder_of, is_root, is_there};
use crate::drive::{
    event,
    http::HttpClient,
    poll_until,
    service::{ServicePlan, ServiceProcess},
};

const MIB_BYTES: u64 = 1 << 20;
/// How long a queued build or version may take, on a slow machine.
const BUILD_TIMEOUT: Duration = Duration::from_secs(120);
/// The limit of the data folder: eve's quotas of builds and versions, the log of the events, and
/// the files in progress: a few of eve's, and the log of the versions.
const MAX_DATA_BYTES: u64 = (16 + 8 + 16 + 16) * MIB_BYTES;

/// Eve against her quotas.
pub(super) async fn quota(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let plan = setup
        .plan()?
        .with("PIPALHUB_BUILDS_PER_PERSON_MIB", "16")
        .with("PIPALHUB_HISTORY_PER_PERSON_MIB", "8")
        .with("PIPALHUB_NOTEBOOKS_PER_PERSON", "50");
    let class = QuotaClass::open(plan).await?;
    let mut verdict = Verdict::default();
    class.save("bo", "day1.ipynb", "at first").await?;
    class.until_built("bo", "at first").await?;

    class.save("eve", "links.ipynb", &noise(0)).await?;
    let home = class.plan.homes().join("eve");
    for n in 0..99 {
        let link = home.join(format!("link{n}.ipynb"));
        fs::hard_link(home.join("links.ipynb"), link)?;
    }
    for n in 0..setup.bounded(1_000, 5_000) {
        fs::write(home.join(format!("tiny{n}.ipynb")), notebook("x"))?;
    }
    let mut peak = DiskUsagePeak::default();
    for n in 1..=40 {
        class
            .save("eve", &format!("big{}.ipynb", n % 20), &noise(n))
            .await?;
        peak.look(&class.plan.data());
    }
    class.save("bo", "day1.ipynb", "after all").await?;
    class.until_built("bo", "after all").await?;
    class.until_recorded("bo", 2).await?;
    peak.look(&class.plan.data());
    let DiskUsagePeak {
        builds,
        history,
        all,
    } = peak;
    let [builds, history, whole] = [builds, history, all].map(|bytes| bytes / MIB_BYTES);
    verdict.figure(format!(
        "the data folder had at most {whole} MiB, builds {builds}, versions with their log {history}"
    ));
    verdict.must(all < MAX_DATA_BYTES, "the data folder is beyond its quota");
    let listing = class.client.get("/build/").await?.body;
    verdict.must(
        listing.contains("eve has too many notebooks"),
        "nobody is told",
    );
    let metrics = class.client.get("/metrics").await?.body;
    verdict.must(
        metrics.contains("pipalhub_history_over_quota 1"),
        "no metric tells",
    );
    class.check_refused(&mut verdict);
    Ok(verdict)
}

/// Eve against a small disk.
pub(super) async fn reserve(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    if !(is_root() && is_there("unshare")) {
        return Ok(Verdict::untried("needs root and unshare"));
    }
    let plan = setup.plan()?;
    fs::create_dir_all(plan.data())?;
    let data = plan.data().display().to_string();
    let mount = "mount -t tmpfs -o size=48m,mode=700 tmpfs \"$0\" && exec \"$@\"";
    let plan = plan.wrapped(&["unshare", "--mount", "sh", "-c", mount, &data]);
    let class = QuotaClass::open(plan).await?;
    let mut verdict = Verdict::default();
    let data = data_folder_of(&class.service, &class.plan)?;
    let mut least = u64::MAX;
    for n in 0..40 {
        class.save("eve", &format!("{n}.ipynb"), &noise(n)).await?;
        let disk = statvfs(&data)?;
        least = least.min(disk.f_bavail * disk.f_frsize);
    }
    let waits = async || {
        let metrics = class.client.get("/metrics").await?.body;
        let waits = metrics
            .lines()
            .any(|line| line.starts_with("pipalhub_waiting_for_room{") && line.ends_with(" 1"));
        Ok(waits.then_some(()))
    };
    poll_until("what has no room waits", BUILD_TIMEOUT, waits).await?;
    class.save("bo", "day1.ipynb", "at last").await?;
    for n in 0..50 {
        class
            .post("ana", &format!("{n}.txt"), event::EXERCISE)
            .await?;
    }
    let disk = statvfs(&data)?;
    least = least.min(disk.f_bavail * disk.f_frsize);
    verdict.figure(format!(
        "of 48 MiB at least {:.1} were free",
        least as f64 / MIB_BYTES as f64
    ));
    // A reserve of six, minus the simultaneous writes of several threads.
    verdict.must(least > 2 * MIB_BYTES, "the reserve was written into");

    fs::remove_dir_all(class.plan.homes().join("eve"))?;
    class.until_built("bo", "at last").await?;
    verdict.figure("builds go on when there is room");
    class.check_refused(&mut verdict);
    Ok(verdict)
}

/// The largest observed sizes.
#[derive(Default)]
struct DiskUsagePeak {
    builds: u64,
    history: u64,
    all: u64,
}

impl DiskUsagePeak {
    fn look(&mut self, data: &Path) {
        let size = |name: &str| fs::metadata(data.join(name)).map_or(0, |file| file.len());
        let history = size("history.sqlite3") + size("history.sqlite3-wal");
        self.builds = self.builds.max(folder_bytes(&data.join("build")));
        self.history = self.history.max(history);
        self.all = self.all.max(folder_bytes(data));
    }
}

struct QuotaClass {
    plan: ServicePlan,
    service: ServiceProcess,
    client: HttpClient,
    refused: std::cell::Cell<usize>,
}

impl QuotaClass {
    async fn open(plan: ServicePlan) -> anyhow::Result<Self> {
        for user in ["ana", "bo", "eve"] {
            fs::create_dir_all(plan.homes().join(user))?;
        }
        let service = ServiceProcess::start(&plan).await?;
        Ok(Self {
            client: service.client(),
            plan,
            service,
            refused: std::cell::Cell::default(),
        })
    }

    /// Saves in place, as Jupyter does, and reports the save.
    async fn save(&self, user: &str, filename: &str, source: &str) -> anyhow::Result<()> {
        let path = self.plan.homes().join(user).join(filename);
        File::create(&path)?.write_all(notebook(source).as_bytes())?;
        self.post(user, filename, "save-notebook").await
    }

    async fn post(&self, user: &str, filename: &str, kind: &str) -> anyhow::Result<()> {
        let path = self.plan.homes().join(user).join(filename);
        let body = json!({"type": kind, "user": user, "filename": filename, "path": path});
        let reply = self.client.post("/events", &body.to_string()).await?;
        if reply.status != 201 {
            self.refused.set(self.refused.get() + 1);
        }
        Ok(())
    }

    async fn until_built(&self, user: &str, text: &str) -> anyhow::Result<()> {
        let path = format!("/build/day1/{user}.html");
        let built = async || {
            let reply = self.client.get(&path).await?;
            Ok((reply.status == 200 && reply.body.contains(text)).then_some(()))
        };
        poll_until("the export of another", BUILD_TIMEOUT, built).await
    }

    async fn until_recorded(&self, user: &str, versions: usize) -> anyhow::Result<()> {
        let path = format!("/api/history?filename=day1.ipynb&user={user}");
        let recorded = async || {
            let list = self.client.get_json(&path).await?;
            let found = list["versions"].as_array().map_or(0, Vec::len);
            Ok((found >= versions).then_some(()))
        };
        poll_until("the versions of another", BUILD_TIMEOUT, recorded).await
    }

    fn check_refused(&self, verdict: &mut Verdict) {
        let refused = self.refused.get();
        verdict.must(refused == 0, format!("{refused} events were refused"));
    }
}

fn notebook(source: &str) -> String {
    let cell = json!({"cell_type": "markdown", "id": "a", "metadata": {}, "source": source});
    json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).to_string()
}

/// A megabyte of text that hardly compresses.
fn noise(seed: u64) -> String {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        format!("{state:016x}")
    };
    (0..1 << 16).map(|_| word()).collect()
}

/// The size of all files below `folder`, each inode once.
fn folder_bytes(folder: &Path) -> u64 {
    let mut seen = HashSet::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    let mut size = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            if seen.insert(metadata.ino()) {
                size += metadata.blocks() * 512;
            }
        }
    }
    size
}
