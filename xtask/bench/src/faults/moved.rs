//! Notebooks that go while nobody watches, and folders that are put into the place of others.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;

use super::{
    Lab, Verdict,
    notebooks::{CLASS, NOTEBOOK, Room, first, notebook, user},
};
use crate::{
    drive::{
        LONG, TOKEN,
        service::Service,
        sse::{self, Stream, Told},
        until,
    },
    samples::Percentiles,
};

const SAID_WITHIN: Duration = Duration::from_secs(3);
/// Where nothing is watched, a save is seen when a home is walked, every two seconds.
const WATCHED_MS: f64 = 500.0;

/// Notebooks are deleted, renamed and not mounted while the service is down; who comes back
/// is told what there is to tell.
pub(super) async fn gone_while_away(lab: &Lab) -> anyhow::Result<Verdict> {
    let Room { plan, service, .. } = Room::open(lab).await?;
    let newest = sse::newest(service.address, TOKEN).await?;
    service.terminate().await?;
    let file = |n| plan.homes().join(user(n)).join(NOTEBOOK);
    fs::remove_file(file(0))?;
    fs::rename(file(1), file(1).with_file_name("renamed.ipynb"))?;
    let elsewhere = plan.folder.join("not-mounted");
    fs::rename(plan.homes().join(user(2)), &elsewhere)?;
    let service = Service::start(&plan).await?;
    let mut stream = Stream::open(service.address, TOKEN, Some(newest)).await?;
    let begun = Instant::now();
    let mut verdict = Verdict::default();
    let mut told = listen(&mut stream, 3, begun + SAID_WITHIN).await;
    verdict.figure(format!(
        "told of {} things after {} ms",
        told.len(),
        begun.elapsed().as_millis()
    ));
    // The one whose disk was not there has it again, and nothing was ever said of it.
    fs::rename(&elsewhere, plan.homes().join(user(2)))?;
    let client = service.client();
    let all_there = async || {
        let wall = client
            .get_json(&format!("/api/wall?filename={NOTEBOOK}"))
            .await?;
        let tiles = wall["tiles"].as_array().map_or(0, Vec::len);
        Ok((tiles == CLASS - 2).then_some(()))
    };
    until("the wall is as the disk is", LONG, all_there).await?;
    told.extend(listen(&mut stream, 1, Instant::now() + Duration::from_millis(500)).await);
    let mut words: Vec<String> = told
        .iter()
        .map(|told| format!("{} {} {}", told.kind, told.user, told.filename))
        .collect();
    words.sort();
    let expected = [
        format!("delete-notebook {} {NOTEBOOK}", user(0)),
        format!("delete-notebook {} {NOTEBOOK}", user(1)),
        format!("save-notebook {} renamed.ipynb", user(1)),
    ];
    verdict.must(words == expected, format!("it was told {words:?}"));
    // And it is said once.
    let newest = sse::newest(service.address, TOKEN).await?;
    service.terminate().await?;
    let service = Service::start(&plan).await?;
    let mut stream = Stream::open(service.address, TOKEN, Some(newest)).await?;
    let again = listen(&mut stream, 1, Instant::now() + SAID_WITHIN).await;
    verdict.must(again.is_empty(), format!("it was told again: {again:?}"));
    Ok(verdict)
}

/// So many events, or those that come in time.
async fn listen(stream: &mut Stream, count: usize, until: Instant) -> Vec<Told> {
    let mut told = Vec::new();
    while told.len() < count {
        let left = until.saturating_duration_since(Instant::now());
        let Some(message) = stream.next_within(left).await else {
            break;
        };
        told.extend(message.event());
    }
    told
}

/// What is done to the folder `day1` in the home of a participant, or to the home.
type Exchange = (&'static str, fn(&Path) -> io::Result<()>);

const EXCHANGES: [Exchange; 6] = [
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
        // A moment in which the folder is there and nothing in it.
        std::thread::sleep(Duration::from_millis(60));
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// A save in a folder that took the place of another is seen as soon as any.
pub(super) async fn folder_replaced(lab: &Lab) -> anyhow::Result<Verdict> {
    let plan = lab.plan()?;
    let homes = plan.homes();
    for n in 0..EXCHANGES.len() {
        let folder = homes.join(user(n)).join("day1");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("a.ipynb"), notebook(&first(n)))?;
    }
    let service = Service::start(&plan).await?;
    let mut verdict = Verdict::default();
    let mut stream = Stream::open(service.address, TOKEN, Some(0)).await?;
    listen(&mut stream, EXCHANGES.len(), Instant::now() + LONG).await;
    let mut samples = Vec::new();
    for (n, (what, exchange)) in EXCHANGES.iter().enumerate() {
        let home = homes.join(user(n));
        exchange(&home)?;
        // What the exchange itself brings is told first, and then it is quiet.
        while stream
            .next_within(Duration::from_millis(100))
            .await
            .is_some()
        {}
        for save in 0..lab.bounded(5, 50) {
            let text = format!("{what}, {save}");
            fs::write(home.join("day1/a.ipynb"), notebook(&text))?;
            let saved = Instant::now();
            let told = listen(&mut stream, 1, saved + LONG).await;
            let told = told.first().with_context(|| format!("{text}: not told"))?;
            let ms = saved.elapsed().as_secs_f64() * 1e3;
            let is_it = told.user == user(n) && told.filename == "day1/a.ipynb";
            verdict.must(is_it, format!("{text}: it was told {told:?}"));
            verdict.must(ms <= WATCHED_MS, format!("{text}: after {ms:.0} ms"));
            samples.push(ms);
        }
    }
    let percentiles = Percentiles::of(&samples).context("no samples")?;
    verdict.figure(format!(
        "{} ways to replace a folder; from a save in it to its event: {percentiles}",
        EXCHANGES.len()
    ));
    Ok(verdict)
}
