//! Notebooks that disappear while the service is down, and folders that replace others.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;

use super::{
    FaultSetup, Verdict,
    notebooks::{CLASS_SIZE, NOTEBOOK, TestClass, first_text, notebook, user},
};
use crate::{
    drive::{
        HANG_TIMEOUT, SERVICE_TOKEN, poll_until,
        service::ServiceProcess,
        sse::{self, ReceivedEvent, SseStream},
    },
    samples::Percentiles,
};

const EVENT_TIMEOUT: Duration = Duration::from_secs(3);
/// How soon a save must be seen by the watch; without a watch it is seen when the home is walked,
/// every two seconds.
const MAX_WATCHED_MS: f64 = 500.0;

/// Notebooks are deleted, renamed and not mounted while the service is down; a reader that
/// reconnects gets the events of the first two.
pub(super) async fn gone_while_away(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let TestClass { plan, service, .. } = TestClass::open(setup).await?;
    let newest = sse::newest(service.address, SERVICE_TOKEN).await?;
    service.terminate().await?;
    let file = |n| plan.homes().join(user(n)).join(NOTEBOOK);
    fs::remove_file(file(0))?;
    fs::rename(file(1), file(1).with_file_name("renamed.ipynb"))?;
    let elsewhere = plan.folder.join("not-mounted");
    fs::rename(plan.homes().join(user(2)), &elsewhere)?;
    let service = ServiceProcess::start(&plan).await?;
    let mut stream = SseStream::open(service.address, SERVICE_TOKEN, Some(newest)).await?;
    let begun = Instant::now();
    let mut verdict = Verdict::default();
    let mut received = collect_events(&mut stream, 3, begun + EVENT_TIMEOUT).await;
    verdict.figure(format!(
        "told of {} things after {} ms",
        received.len(),
        begun.elapsed().as_millis()
    ));
    // The disk that was not mounted is back; there was no event about its notebook.
    fs::rename(&elsewhere, plan.homes().join(user(2)))?;
    let client = service.client();
    let all_there = async || {
        let wall = client
            .get_json(&format!("/api/wall?filename={NOTEBOOK}"))
            .await?;
        let tiles = wall["tiles"].as_array().map_or(0, Vec::len);
        Ok((tiles == CLASS_SIZE - 2).then_some(()))
    };
    poll_until("the wall is as the disk is", HANG_TIMEOUT, all_there).await?;
    received
        .extend(collect_events(&mut stream, 1, Instant::now() + Duration::from_millis(500)).await);
    let mut words: Vec<String> = received
        .iter()
        .map(|received| format!("{} {} {}", received.kind, received.user, received.filename))
        .collect();
    words.sort();
    let expected = [
        format!("delete-notebook {} {NOTEBOOK}", user(0)),
        format!("delete-notebook {} {NOTEBOOK}", user(1)),
        format!("save-notebook {} renamed.ipynb", user(1)),
    ];
    verdict.must(words == expected, format!("it was told {words:?}"));
    // Each event comes once.
    let newest = sse::newest(service.address, SERVICE_TOKEN).await?;
    service.terminate().await?;
    let service = ServiceProcess::start(&plan).await?;
    let mut stream = SseStream::open(service.address, SERVICE_TOKEN, Some(newest)).await?;
    let again = collect_events(&mut stream, 1, Instant::now() + EVENT_TIMEOUT).await;
    verdict.must(again.is_empty(), format!("it was told again: {again:?}"));
    Ok(verdict)
}

/// The next `count` events, or those that come in time.
async fn collect_events(
    stream: &mut SseStream,
    count: usize,
    until: Instant,
) -> Vec<ReceivedEvent> {
    let mut received = Vec::new();
    while received.len() < count {
        let left = until.saturating_duration_since(Instant::now());
        let Some(message) = stream.next_within(left).await else {
            break;
        };
        received.extend(message.event());
    }
    received
}

/// A change of the folder `day1` in a participant's home, or of the home.
type FolderChange = (&'static str, fn(&Path) -> io::Result<()>);

const FOLDER_CHANGES: [FolderChange; 6] = [
    ("copied back", |home| {
        fs::rename(home.join("day1"), home.join("old"))?;
        copy(&home.join("old"), &home.join("day1"))
    }),
    ("deleted and made anew", |home| {
        fs::remove_dir_all(home.join("day1"))?;
        fs::create_dir(home.join("day1"))?;
        fs::write(home.join("day1/a.ipynb"), notebook("anew"))
    }),
    ("a file and back", |home| {
        fs::rename(home.join("day1"), home.join("old"))?;
        fs::write(home.join("day1"), "")?;
        fs::remove_file(home.join("day1"))?;
        fs::rename(home.join("old"), home.join("day1"))
    }),
    ("moved in from elsewhere", |home| {
        let outside = home.with_file_name(".outside");
        copy(&home.join("day1"), &outside)?;
        fs::remove_dir_all(home.join("day1"))?;
        fs::rename(outside, home.join("day1"))
    }),
    ("another renamed onto it", |home| {
        copy(&home.join("day1"), &home.join("day2"))?;
        for entry in fs::read_dir(home.join("day1"))? {
            fs::remove_file(entry?.path())?;
        }
        fs::rename(home.join("day2"), home.join("day1"))
    }),
    ("the home itself copied back", |home| {
        let old = home.with_file_name("zoe");
        fs::rename(home, &old)?;
        fs::create_dir(home)?;
        copy(&old.join("day1"), &home.join("day1"))?;
        fs::remove_dir_all(old)
    }),
];

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        // For a moment the folder is there and empty.
        std::thread::sleep(Duration::from_millis(60));
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// A save in a folder that replaced another is seen as soon as any.
pub(super) async fn folder_replaced(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let plan = setup.plan()?;
    let homes = plan.homes();
    for n in 0..FOLDER_CHANGES.len() {
        let folder = homes.join(user(n)).join("day1");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("a.ipynb"), notebook(&first_text(n)))?;
    }
    let service = ServiceProcess::start(&plan).await?;
    let mut verdict = Verdict::default();
    let mut stream = SseStream::open(service.address, SERVICE_TOKEN, Some(0)).await?;
    collect_events(
        &mut stream,
        FOLDER_CHANGES.len(),
        Instant::now() + HANG_TIMEOUT,
    )
    .await;
    let mut samples = Vec::new();
    for (n, (what, exchange)) in FOLDER_CHANGES.iter().enumerate() {
        let home = homes.join(user(n));
        exchange(&home)?;
        // The events of the change itself come first; wait until there are no more.
        while stream
            .next_within(Duration::from_millis(100))
            .await
            .is_some()
        {}
        for save in 0..setup.bounded(5, 50) {
            let text = format!("{what}, {save}");
            fs::write(home.join("day1/a.ipynb"), notebook(&text))?;
            let saved = Instant::now();
            let received = collect_events(&mut stream, 1, saved + HANG_TIMEOUT).await;
            let received = received
                .first()
                .with_context(|| format!("{text}: not told"))?;
            let ms = saved.elapsed().as_secs_f64() * 1e3;
            let is_it = received.user == user(n) && received.filename == "day1/a.ipynb";
            verdict.must(is_it, format!("{text}: it was told {received:?}"));
            verdict.must(ms <= MAX_WATCHED_MS, format!("{text}: after {ms:.0} ms"));
            samples.push(ms);
        }
    }
    let percentiles = Percentiles::of(&samples).context("no samples")?;
    verdict.figure(format!(
        "{} ways to replace a folder; from a save in it to its event: {percentiles}",
        FOLDER_CHANGES.len()
    ));
    Ok(verdict)
}
