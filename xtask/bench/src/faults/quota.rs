//! One participant fills what can be filled from a home: files with a hundred names,
//! thousands of notebooks, version after version. Events go on, everyone else's builds and
//! versions go on, and the data folder stays within what it is allowed.

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

use super::{Lab, Verdict, disk::seen_by, is_root, is_there};
use crate::drive::{
    event,
    http::Client,
    service::{Plan, Service},
    until,
};

const MIB: u64 = 1 << 20;
/// Until what waits for its turn has had it, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// What eve may take up; the log of the events, which may have so much; and what is in the
/// making: a few files of hers, and the log of the versions.
const ALLOWED: u64 = (16 + 8 + 16 + 16) * MIB;

/// Eve against her quotas.
pub(super) async fn quota(lab: &Lab) -> anyhow::Result<Verdict> {
    let plan = lab
        .plan()?
        .with("PIPALHUB_BUILDS_PER_PERSON_MIB", "16")
        .with("PIPALHUB_HISTORY_PER_PERSON_MIB", "8")
        .with("PIPALHUB_NOTEBOOKS_PER_PERSON", "50");
    let class = Class::open(plan).await?;
    let mut verdict = Verdict::default();
    class.save("bo", "day1.ipynb", "at first").await?;
    class.until_built("bo", "at first").await?;

    class.save("eve", "links.ipynb", &noise(0)).await?;
    let home = class.plan.homes().join("eve");
    for n in 0..99 {
        let link = home.join(format!("link{n}.ipynb"));
        fs::hard_link(home.join("links.ipynb"), link)?;
    }
    for n in 0..lab.bounded(1_000, 5_000) {
        fs::write(home.join(format!("tiny{n}.ipynb")), notebook("x"))?;
    }
    let mut peak = Taken::default();
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
    let Taken {
        builds,
        history,
        all,
    } = peak;
    let [builds, history, whole] = [builds, history, all].map(|bytes| bytes / MIB);
    verdict.figure(format!(
        "the data folder had at most {whole} MiB, builds {builds}, versions with their log {history}"
    ));
    verdict.must(all < ALLOWED, "the data folder is beyond its quota");
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
    class.judge(&mut verdict);
    Ok(verdict)
}

/// Eve against a small disk.
pub(super) async fn reserve(lab: &Lab) -> anyhow::Result<Verdict> {
    if !(is_root() && is_there("unshare")) {
        return Ok(Verdict::untried("needs root and unshare"));
    }
    let plan = lab.plan()?;
    fs::create_dir_all(plan.data())?;
    let data = plan.data().display().to_string();
    let mount = "mount -t tmpfs -o size=48m,mode=700 tmpfs \"$0\" && exec \"$@\"";
    let plan = plan.wrapped(&["unshare", "--mount", "sh", "-c", mount, &data]);
    let class = Class::open(plan).await?;
    let mut verdict = Verdict::default();
    let data = seen_by(&class.service, &class.plan)?;
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
    until("what has no room waits", PATIENCE, waits).await?;
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
        least as f64 / MIB as f64
    ));
    // A reserve of six, and what several wrote at the same moment.
    verdict.must(least > 2 * MIB, "the reserve was written into");

    fs::remove_dir_all(class.plan.homes().join("eve"))?;
    class.until_built("bo", "at last").await?;
    verdict.figure("builds go on when there is room");
    class.judge(&mut verdict);
    Ok(verdict)
}

/// The most that was seen of each.
#[derive(Default)]
struct Taken {
    builds: u64,
    history: u64,
    all: u64,
}

impl Taken {
    fn look(&mut self, data: &Path) {
        let size = |name: &str| fs::metadata(data.join(name)).map_or(0, |file| file.len());
        let history = size("history.sqlite3") + size("history.sqlite3-wal");
        self.builds = self.builds.max(on_disk(&data.join("build")));
        self.history = self.history.max(history);
        self.all = self.all.max(on_disk(data));
    }
}

struct Class {
    plan: Plan,
    service: Service,
    client: Client,
    refused: std::cell::Cell<usize>,
}

impl Class {
    async fn open(plan: Plan) -> anyhow::Result<Self> {
        for user in ["ana", "bo", "eve"] {
            fs::create_dir_all(plan.homes().join(user))?;
        }
        let service = Service::start(&plan).await?;
        Ok(Self {
            client: service.client(),
            plan,
            service,
            refused: std::cell::Cell::default(),
        })
    }

    /// As Jupyter does it: in its place, and then the report.
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
        until("the export of another", PATIENCE, built).await
    }

    async fn until_recorded(&self, user: &str, versions: usize) -> anyhow::Result<()> {
        let path = format!("/api/history?filename=day1.ipynb&user={user}");
        let recorded = async || {
            let list = self.client.get_json(&path).await?;
            let found = list["versions"].as_array().map_or(0, Vec::len);
            Ok((found >= versions).then_some(()))
        };
        until("the versions of another", PATIENCE, recorded).await
    }

    fn judge(&self, verdict: &mut Verdict) {
        let refused = self.refused.get();
        verdict.must(refused == 0, format!("{refused} events were refused"));
    }
}

fn notebook(source: &str) -> String {
    let cell = json!({"cell_type": "markdown", "id": "a", "metadata": {}, "source": source});
    json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).to_string()
}

/// A megabyte that no compression makes much smaller.
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

/// What is below `folder`, each file once.
fn on_disk(folder: &Path) -> u64 {
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
