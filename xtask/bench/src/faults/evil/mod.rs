//! One participant who tries to stop the others, among forty who work.
//!
//! Files, HTTP and the service are real; the Hub is a fake. Mallory's [`attacks`] run one after
//! another; the other participants save every two seconds, report the save, and measure how long it
//! takes until an instructor sees it.

mod attacks;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::json;
use tokio::task::JoinSet;

use self::attacks::{ATTACKS, Mallory};
use super::{FaultSetup, Verdict};
use crate::{
    drive::{
        event,
        http::HttpClient,
        hub::{FakeHubApi, INSTRUCTOR, token_of},
        service::{ServicePlan, ServiceProcess},
    },
    samples::Percentiles,
};

const CLASS_SIZE: usize = 40;
const NOTEBOOK: &str = "day1.ipynb";
const SAVE_INTERVAL: Duration = Duration::from_secs(2);
/// The longest time until a save is on the wall, at the 99th percentile.
const MAX_SEEN_MS: f64 = 2_000.0;
const MAX_MEMORY_KIB: u64 = 512 << 10;
/// How long a participant waits for a save to be on the wall.
const SAVE_TIMEOUT: Duration = Duration::from_secs(20);
const MIB_BYTES: u64 = 1 << 20;
/// The limit of the data folder: mallory's quotas, and the builds, versions and logs of the others.
const MAX_DATA_BYTES: u64 = (64 + 32 + 64) * MIB_BYTES;

/// The saves of one other participant.
#[derive(Default)]
struct SaveResults {
    seen_ms: Vec<f64>,
    failures: Vec<String>,
}

pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let hub = FakeHubApi::start().await?;
    let plan = setup
        .plan()?
        .with("PIPALHUB_BUILDS_PER_PERSON_MIB", "64")
        .with("PIPALHUB_HISTORY_PER_PERSON_MIB", "32")
        .under(&hub)?;
    for n in 0..CLASS_SIZE {
        let home = plan.homes().join(user(n));
        fs::create_dir(&home)?;
        fs::write(home.join(NOTEBOOK), notebook("at first"))?;
    }
    let mallory = Mallory::at(&plan)?;
    let service = ServiceProcess::start(&plan).await?;
    let begun = Instant::now();
    let end = begun + setup.bounded(Duration::from_secs(30), Duration::from_secs(120));
    let instructor = service.client_of(&token_of(INSTRUCTOR));
    let mut class = JoinSet::new();
    for n in 0..CLASS_SIZE {
        let one = WorkingParticipant::new(n, &plan, &service, &instructor);
        let stagger = SAVE_INTERVAL.mul_f64(n as f64 / CLASS_SIZE as f64);
        class.spawn(async move { one.work(begun + stagger, end).await });
    }
    let (mut verdict, mut most) = (Verdict::default(), 0);
    let slice = (end - begun) / ATTACKS.len() as u32;
    for (at, (name, attack)) in ATTACKS.iter().enumerate() {
        let deadline = begun + slice * (at as u32 + 1);
        let done = attack(&mallory, deadline).await;
        let done = done.with_context(|| format!("mallory cannot act: {name}"))?;
        most = most.max(folder_bytes(&plan.data()));
        let resident = service.usage()?.resident_kib >> 10;
        verdict.figure(format!("{name}: {done} ({resident} MiB after)"));
    }
    let mut all = SaveResults::default();
    while let Some(results) = class.join_next().await {
        let results = results.context("a participant has panicked")?;
        all.seen_ms.extend(results.seen_ms);
        all.failures.extend(results.failures);
    }
    let percentiles = Percentiles::of(&all.seen_ms).context("nobody saved")?;
    verdict.figure(format!(
        "{} saves of {CLASS_SIZE} others, on the wall after {percentiles}",
        all.seen_ms.len()
    ));
    let mut sorted = all.seen_ms.clone();
    sorted.sort_by(f64::total_cmp);
    let p99 = sorted[(sorted.len() - 1) * 99 / 100];
    verdict.must(
        p99 <= MAX_SEEN_MS,
        format!("the 99th percentile is {p99:.0} ms"),
    );
    if let Some(first) = all.failures.first() {
        let count = all.failures.len();
        verdict.must(false, format!("{count} requests of others failed: {first}"));
    }
    let peak = service.usage()?.peak_kib;
    verdict.figure(format!("{} MiB at the peak", peak >> 10));
    verdict.must(peak <= MAX_MEMORY_KIB, "too much memory");
    verdict.figure(format!(
        "the data folder had at most {} MiB",
        most / MIB_BYTES
    ));
    verdict.must(
        most <= MAX_DATA_BYTES,
        "the data folder is beyond its quota",
    );
    Ok(verdict)
}

fn user(n: usize) -> String {
    format!("participant-{n:02}")
}

fn notebook(text: &str) -> String {
    let cell = json!({
        "cell_type": "code", "metadata": {}, "execution_count": 1, "source": "print(text)",
        "outputs": [{"output_type": "stream", "name": "stdout", "text": text}],
    });
    json!({"cells": vec![cell; 8], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string()
}

/// The size of all files in a folder, each inode once.
fn folder_bytes(folder: &Path) -> u64 {
    let mut inodes = std::collections::HashSet::new();
    let (mut bytes, mut folders) = (0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if inodes.insert(metadata.ino()) {
                bytes += metadata.blocks() * 512;
            }
        }
    }
    bytes
}

/// A participant who works during the attacks.
struct WorkingParticipant {
    user: String,
    file: PathBuf,
    own: HttpClient,
    instructor: HttpClient,
}

impl WorkingParticipant {
    fn new(
        n: usize,
        plan: &ServicePlan,
        service: &ServiceProcess,
        instructor: &HttpClient,
    ) -> Self {
        let user = user(n);
        Self {
            file: plan.homes().join(&user).join(NOTEBOOK),
            own: service.client_of(&token_of(&user)),
            instructor: instructor.clone(),
            user,
        }
    }

    async fn work(self, first: Instant, end: Instant) -> SaveResults {
        let mut results = SaveResults::default();
        let mut due = first;
        for n in 0.. {
            tokio::time::sleep_until(due.into()).await;
            if Instant::now() >= end {
                break;
            }
            let begun = Instant::now();
            match self.save(n).await {
                Ok(()) => results.seen_ms.push(begun.elapsed().as_secs_f64() * 1e3),
                Err(error) => results.failures.push(format!("{}: {error:#}", self.user)),
            }
            due = (due + SAVE_INTERVAL).max(Instant::now());
        }
        results
    }

    /// Saves, reports the save, and waits until an instructor sees it.
    async fn save(&self, n: usize) -> anyhow::Result<()> {
        let text = format!("save {n} of {}", self.user);
        let part = self.file.with_extension("part");
        tokio::fs::write(&part, notebook(&text)).await?;
        tokio::fs::rename(&part, &self.file).await?;
        let path = self.file.display().to_string();
        let body = event::save(&self.user, NOTEBOOK, &path, None);
        let reply = self.own.post("/events", &body).await?;
        anyhow::ensure!(
            reply.status == 201,
            "a report got {}: {}",
            reply.status,
            reply.body
        );
        let begun = Instant::now();
        let tile = format!("/api/tile?filename={NOTEBOOK}&user={}", self.user);
        loop {
            let tile = self.instructor.get(&tile).await?;
            anyhow::ensure!(
                tile.status == 200,
                "a tile got {}: {}",
                tile.status,
                tile.body
            );
            if tile.body.contains(&text) {
                return Ok(());
            }
            anyhow::ensure!(begun.elapsed() < SAVE_TIMEOUT, "a save is not on the wall");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
