//! One participant who does all they can to stop the others, among forty who work.
//!
//! Everything is real: files in homes, HTTP, the service under a stand-in for the Hub. What
//! mallory does is in [`acts`], one after another; the others save every two seconds, report
//! it, and look how long it takes until an instructor sees it.

mod acts;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::json;
use tokio::task::JoinSet;

use self::acts::{ACTS, Mallory};
use super::{Lab, Verdict};
use crate::{
    drive::{
        event,
        http::Client,
        hub::{HubApi, INSTRUCTOR, token_of},
        service::{Plan, Service},
    },
    samples::Percentiles,
};

const CLASS: usize = 40;
const NOTEBOOK: &str = "day1.ipynb";
const EVERY: Duration = Duration::from_secs(2);
/// Until a save is on the wall, at the 99th percentile.
const SEEN_WITHIN_MS: f64 = 2_000.0;
const MEMORY_KIB: u64 = 512 << 10;
/// Until a save is given up.
const PATIENCE: Duration = Duration::from_secs(20);
const MIB: u64 = 1 << 20;
/// What mallory may take up, and what all others and the logs do.
const DATA: u64 = (64 + 32 + 64) * MIB;

/// What one of the others came by.
#[derive(Default)]
struct Day {
    seen_ms: Vec<f64>,
    failures: Vec<String>,
}

pub(super) async fn run(lab: &Lab) -> anyhow::Result<Verdict> {
    let hub = HubApi::start().await?;
    let plan = lab
        .plan()?
        .with("PIPALHUB_BUILDS_PER_PERSON_MIB", "64")
        .with("PIPALHUB_HISTORY_PER_PERSON_MIB", "32")
        .under(&hub)?;
    for n in 0..CLASS {
        let home = plan.homes().join(user(n));
        fs::create_dir(&home)?;
        fs::write(home.join(NOTEBOOK), notebook("at first"))?;
    }
    let mallory = Mallory::at(&plan)?;
    let service = Service::start(&plan).await?;
    let begun = Instant::now();
    let end = begun + lab.bounded(Duration::from_secs(30), Duration::from_secs(120));
    let instructor = service.client_of(&token_of(INSTRUCTOR));
    let mut class = JoinSet::new();
    for n in 0..CLASS {
        let one = Participant::new(n, &plan, &service, &instructor);
        let stagger = EVERY.mul_f64(n as f64 / CLASS as f64);
        class.spawn(async move { one.work(begun + stagger, end).await });
    }
    let (mut verdict, mut most) = (Verdict::default(), 0);
    let slice = (end - begun) / ACTS.len() as u32;
    for (at, (name, act)) in ACTS.iter().enumerate() {
        let until = begun + slice * (at as u32 + 1);
        let acted = act(&mallory, until).await;
        let acted = acted.with_context(|| format!("mallory cannot act: {name}"))?;
        most = most.max(taken(&plan.data()));
        let resident = service.usage()?.resident_kib >> 10;
        verdict.figure(format!("{name}: {acted} ({resident} MiB after)"));
    }
    let mut all = Day::default();
    while let Some(day) = class.join_next().await {
        let day = day.context("a participant has panicked")?;
        all.seen_ms.extend(day.seen_ms);
        all.failures.extend(day.failures);
    }
    let percentiles = Percentiles::of(&all.seen_ms).context("nobody saved")?;
    verdict.figure(format!(
        "{} saves of {CLASS} others, on the wall after {percentiles}",
        all.seen_ms.len()
    ));
    let mut sorted = all.seen_ms.clone();
    sorted.sort_by(f64::total_cmp);
    let p99 = sorted[(sorted.len() - 1) * 99 / 100];
    verdict.must(
        p99 <= SEEN_WITHIN_MS,
        format!("the 99th percentile is {p99:.0} ms"),
    );
    if let Some(first) = all.failures.first() {
        let count = all.failures.len();
        verdict.must(false, format!("{count} requests of others failed: {first}"));
    }
    let peak = service.usage()?.peak_kib;
    verdict.figure(format!("{} MiB at the peak", peak >> 10));
    verdict.must(peak <= MEMORY_KIB, "too much memory");
    verdict.figure(format!("the data folder had at most {} MiB", most / MIB));
    verdict.must(most <= DATA, "the data folder is beyond its quota");
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

/// What is in a folder, each file once.
fn taken(folder: &Path) -> u64 {
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

/// One of those who work.
struct Participant {
    user: String,
    file: PathBuf,
    own: Client,
    instructor: Client,
}

impl Participant {
    fn new(n: usize, plan: &Plan, service: &Service, instructor: &Client) -> Self {
        let user = user(n);
        Self {
            file: plan.homes().join(&user).join(NOTEBOOK),
            own: service.client_of(&token_of(&user)),
            instructor: instructor.clone(),
            user,
        }
    }

    async fn work(self, first: Instant, end: Instant) -> Day {
        let mut day = Day::default();
        let mut due = first;
        for n in 0.. {
            tokio::time::sleep_until(due.into()).await;
            if Instant::now() >= end {
                break;
            }
            let begun = Instant::now();
            match self.save(n).await {
                Ok(()) => day.seen_ms.push(begun.elapsed().as_secs_f64() * 1e3),
                Err(error) => day.failures.push(format!("{}: {error:#}", self.user)),
            }
            due = (due + EVERY).max(Instant::now());
        }
        day
    }

    /// Saves, reports it, and looks until an instructor sees it.
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
            anyhow::ensure!(begun.elapsed() < PATIENCE, "a save is not on the wall");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
