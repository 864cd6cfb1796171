//! The service is down while a class works, and comes back: no save waits or fails, and all that was
//! saved last is there within a minute, also when the service has lost its data.
//!
//! The class is `save_all_along.py`: a real reporter and a real inventory of each participant.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde::{Deserialize, de::DeserializeOwned};
use shared::copies::KeptCopy;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{FaultSetup, Verdict};
use crate::drive::{
    hub::{FakeHubApi, INSTRUCTOR, token_of},
    poll_until,
    service::{ServicePlan, ServiceProcess},
};

const PARTICIPANTS: usize = 300;
/// How long they save before the service is away, and after it is back.
const WORK_TIME: Duration = Duration::from_secs(10);
/// How long after its return the last of all saves may take.
const MAX_CATCH_UP: Duration = Duration::from_secs(60);
/// How often the class is looked at while the service is away.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// What the memory of all reporters may grow by while the service is away, in KiB.
const MAX_GROWTH_KIB: u64 = 64 << 10;
/// How long a save may be held up at the 99th percentile, of which the time is the machine's in
/// which the threads of 300 servers share an interpreter.
const MAX_NOTE_MS: f64 = 25.0;
/// The answers of a service that has too much to do.
const REFUSALS: [&str; 2] = ["429", "503"];

#[derive(Deserialize)]
struct ClassFigures {
    saves: usize,
    failed: usize,
    /// How long it took to note a save: the median and the 99th percentile.
    note_ms: [f64; 2],
    threads: usize,
    resident_kib: u64,
    /// How many events wait in the fullest of the reporters.
    most_pending: usize,
    requests: RequestFigures,
}

#[derive(Deserialize)]
struct RequestFigures {
    /// How many had this status, or this error.
    outcomes: HashMap<String, usize>,
    most_per_second: usize,
}

#[derive(Deserialize)]
struct FilesOnDisks {
    files: Vec<FileOnDisk>,
}

#[derive(Deserialize)]
struct FileOnDisk {
    user: String,
    filename: String,
    sha256: String,
}

/// The process of the class.
struct SavingClass {
    _child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl SavingClass {
    fn start(setup: &FaultSetup, venv: &Path, plan: &ServicePlan) -> anyhow::Result<Self> {
        let mut child = Command::new(venv.join("bin/python"))
            .arg(setup.etc.join("../xtask/bench/save_all_along.py"))
            .arg(format!("http://{}/", plan.address()?))
            .arg(setup.folder.join("servers"))
            .arg(PARTICIPANTS.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(setup.folder.join("participants.log"))?)
            .kill_on_drop(true)
            .spawn()
            .context("Python cannot be started")?;
        let answers = child.stdout.take().context("its output is piped")?;
        Ok(Self {
            commands: child.stdin.take().context("its input is piped")?,
            answers: BufReader::new(answers).lines(),
            _child: child,
        })
    }

    async fn ask<T: DeserializeOwned>(&mut self, command: &str) -> anyhow::Result<T> {
        self.commands
            .write_all(format!("{command}\n").as_bytes())
            .await?;
        let line = self.answers.next_line().await?;
        let line = line.with_context(|| format!("the class has ended at {command:?}"))?;
        serde_json::from_str(&line).with_context(|| format!("{command}: {line}"))
    }

    async fn tell(&mut self, command: &str) -> anyhow::Result<()> {
        self.ask::<serde_json::Value>(command).await.map(drop)
    }
}

/// The service is down for a while, and comes back with its data.
pub(super) async fn down(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    run(setup, false).await
}

/// The service is down for a while, and comes back without its data.
pub(super) async fn data_lost(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    run(setup, true).await
}

async fn run(setup: &FaultSetup, loses_data: bool) -> anyhow::Result<Verdict> {
    let Some(venv) = &setup.venv else {
        return Ok(Verdict::untried("needs a Python environment"));
    };
    let mut verdict = Verdict::default();
    let hub = FakeHubApi::start().await?;
    let plan = setup.plan()?.under(&hub)?.with("PIPALHUB_SOURCE", "push");
    let service = ServiceProcess::start(&plan).await?;
    let mut class = SavingClass::start(setup, venv, &plan)?;
    class.tell("begin").await?;
    tokio::time::sleep(WORK_TIME).await;
    let before: ClassFigures = class.ask("figures").await?;

    service.kill().await?;
    if loses_data {
        fs::remove_dir_all(plan.data())?;
    }
    class.tell("clear").await?;
    let end = Instant::now() + setup.away();
    let mut away: Vec<ClassFigures> = Vec::new();
    while Instant::now() < end {
        let left = end.saturating_duration_since(Instant::now());
        tokio::time::sleep(left.min(LOOK_INTERVAL)).await;
        away.push(class.ask("figures").await?);
    }

    class.tell("clear").await?;
    let service = ServiceProcess::start(&plan).await?;
    let returned = Instant::now();
    tokio::time::sleep(WORK_TIME).await;
    let on_disks: FilesOnDisks = class.ask("stop").await?;
    let instructor = service.client_of(&token_of(INSTRUCTOR));
    let mut missing = on_disks.files.len();
    let all_there = async || {
        let copies = instructor.get_json("/api/copies").await?;
        let copies: Vec<KeptCopy> = serde_json::from_value(copies)?;
        missing = missing_of(&on_disks.files, &copies);
        if missing > 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok((missing == 0).then(|| returned.elapsed()))
    };
    let caught_up = poll_until("everything saved", MAX_CATCH_UP - WORK_TIME, all_there).await;
    let after: ClassFigures = class.ask("figures").await?;
    report(&mut verdict, &before, &away, &after);
    match caught_up {
        Ok(elapsed) => verdict.figure(format!(
            "the newest of all {} notebooks at most {:.1} s after the return",
            on_disks.files.len(),
            elapsed.as_secs_f64()
        )),
        Err(_) => verdict.must(
            false,
            format!("{missing} of {} are missing", on_disks.files.len()),
        ),
    }
    Ok(verdict)
}

/// How many of these files are not kept as they are.
fn missing_of(files: &[FileOnDisk], copies: &[KeptCopy]) -> usize {
    let kept: HashMap<(&str, &str), &str> = copies
        .iter()
        .map(|copy| ((&copy.user[..], &copy.filename[..]), &copy.sha256[..]))
        .collect();
    let is_missing = |file: &&FileOnDisk| {
        kept.get(&(&file.user[..], &file.filename[..])) != Some(&&file.sha256[..])
    };
    files.iter().filter(is_missing).count()
}

/// Adds what the class and the service have done before, during and after it.
fn report(
    verdict: &mut Verdict,
    before: &ClassFigures,
    away: &[ClassFigures],
    after: &ClassFigures,
) {
    let most = |figure: fn(&ClassFigures) -> u64| away.iter().map(figure).max().unwrap_or(0);
    let threads = most(|it| it.threads as u64);
    let resident_kib = most(|it| it.resident_kib).max(after.resident_kib);
    let pending = most(|it| it.most_pending as u64);
    let at_end = away.last().unwrap_or(before);
    let [median, p99] = at_end.note_ms;
    verdict.figure(format!(
        "{PARTICIPANTS} participants: {} saves while it was away, noted in {median:.2} / {p99:.2} ms \
         (median / 99 %), before {:.2} / {:.2} ms; {threads} threads, before {}; {} MiB of all, \
         before {}; at most {pending} pending of one; at most {} attempts a second",
        at_end.saves,
        before.note_ms[0],
        before.note_ms[1],
        before.threads,
        resident_kib >> 10,
        before.resident_kib >> 10,
        at_end.requests.most_per_second,
    ));
    let RequestFigures {
        outcomes,
        most_per_second,
    } = &after.requests;
    let sum: usize = outcomes.values().sum();
    let count = |outcome: &str| outcomes.get(outcome).copied().unwrap_or(0);
    let refused: usize = REFUSALS.iter().map(|status| count(status)).sum();
    let mut counts: Vec<String> = outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} × {outcome}"))
        .collect();
    counts.sort();
    verdict.figure(format!(
        "after its return {sum} requests, at most {most_per_second} a second: {}",
        counts.join(", ")
    ));
    let failed = before.failed + at_end.failed + after.failed;
    verdict.must(failed == 0, format!("{failed} saves failed"));
    verdict.must(p99 <= MAX_NOTE_MS, "saves were held up");
    verdict.must(
        threads <= before.threads as u64,
        "there were more threads than before",
    );
    verdict.must(
        resident_kib <= before.resident_kib + MAX_GROWTH_KIB,
        "the memory of the reporters grew",
    );
    // A service that refuses now and then only asks for patience.
    verdict.must(
        refused * 20 <= sum,
        format!("{refused} of {sum} requests were refused"),
    );
}
