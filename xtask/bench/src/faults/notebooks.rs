//! Notebooks that are half written, broken, deleted, renamed or not files at all.

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::{Value, json};

use super::{FaultSetup, Verdict};
use crate::{
    drive::{
        HANG_TIMEOUT, SERVICE_TOKEN,
        http::HttpClient,
        poll_until,
        service::{ServicePlan, ServiceProcess},
        sse::{self, SseStream},
    },
    samples::Percentiles,
};

/// How many participants there are.
pub(super) const CLASS_SIZE: usize = 12;
pub(super) const NOTEBOOK: &str = "day1.ipynb";
/// The longest time from the end of a save until a page with a stream can fetch it.
const MAX_CONVERGE_MS: f64 = 100.0;

/// A class in which every participant has a good notebook.
pub(super) struct TestClass {
    pub(super) plan: ServicePlan,
    pub(super) service: ServiceProcess,
    pub(super) client: HttpClient,
}

impl TestClass {
    pub(super) async fn open(setup: &FaultSetup) -> anyhow::Result<Self> {
        let plan = setup.plan()?;
        for n in 0..CLASS_SIZE {
            let home = plan.homes().join(user(n));
            fs::create_dir(&home)?;
            fs::write(home.join(NOTEBOOK), notebook(&first_text(n)))?;
        }
        let service = ServiceProcess::start(&plan).await?;
        let client = service.client();
        let known = async || {
            Ok(
                (sse::newest(service.address, SERVICE_TOKEN).await? >= CLASS_SIZE as i64)
                    .then_some(()),
            )
        };
        poll_until("every notebook is known", HANG_TIMEOUT, known).await?;
        Ok(Self {
            plan,
            service,
            client,
        })
    }

    pub(super) fn file(&self, n: usize) -> PathBuf {
        self.plan.homes().join(user(n)).join(NOTEBOOK)
    }

    pub(super) async fn tile(&self, n: usize) -> anyhow::Result<Value> {
        let path = format!("/api/tile?filename={NOTEBOOK}&user={}", user(n));
        Ok(self.client.get_json(&path).await?["tile"].take())
    }

    /// The tile of each participant by number; null where there is none.
    pub(super) async fn wall(&self) -> anyhow::Result<Vec<Value>> {
        let path = format!("/api/wall?filename={NOTEBOOK}");
        let wall = self.client.get_json(&path).await?;
        let tiles = wall["tiles"].as_array().context("no tiles")?;
        let of = |n| tiles.iter().find(|tile| tile["user"] == user(n));
        Ok((0..CLASS_SIZE)
            .map(|n| of(n).cloned().unwrap_or_default())
            .collect())
    }

    /// Whether all tiles except those in `except` are as they were at first.
    async fn others_are_well(&self, except: &[usize]) -> anyhow::Result<bool> {
        let wall = self.wall().await?;
        let well = |n: usize| shows(&wall[n], &first_text(n)) && wall[n]["problem"].is_null();
        Ok((0..CLASS_SIZE).filter(|n| !except.contains(n)).all(well))
    }
}

pub(super) fn user(n: usize) -> String {
    format!("participant-{n:02}")
}

pub(super) fn first_text(n: usize) -> String {
    format!("the first version of {}", user(n))
}

/// A notebook of 60 kB whose last cell prints `text`.
pub(super) fn notebook(text: &str) -> String {
    let cell = |text: &str| {
        json!({
            "cell_type": "code", "metadata": {}, "execution_count": 1, "source": "print(text)",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": text}],
        })
    };
    let mut cells = vec![cell(&"something that was printed\n".repeat(250)); 8];
    cells.push(cell(text));
    json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string()
}

pub(super) fn shows(tile: &Value, text: &str) -> bool {
    tile["cells"].to_string().contains(text)
}

/// Saves in place, as Jupyter does, with a pause in the middle.
fn save_slowly(file: &PathBuf, content: &str, pause: Duration) -> anyhow::Result<()> {
    let mut file = File::create(file)?;
    let (begin, end) = content.split_at(content.len() / 2);
    file.write_all(begin.as_bytes())?;
    std::thread::sleep(pause);
    Ok(file.write_all(end.as_bytes())?)
}

/// Files that are half written for a moment, and one that stays so.
pub(super) async fn torn(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let class = TestClass::open(setup).await?;
    let mut verdict = Verdict::default();
    verdict.must(
        class.others_are_well(&[]).await?,
        "not all were shown at first",
    );
    let (file, mut looks, mut empty) = (class.file(0), 0, 0);
    for n in 0..20 {
        let (file, content) = (
            file.clone(),
            notebook(&format!("{}, again {n}", first_text(0))),
        );
        let saving = tokio::task::spawn_blocking(move || {
            save_slowly(&file, &content, Duration::from_millis(30))
        });
        while !saving.is_finished() {
            looks += 1;
            empty += usize::from(!shows(&class.tile(0).await?, &first_text(0)));
        }
        saving.await??;
    }
    verdict.figure(format!(
        "{looks} looks while it was written, {empty} without the notebook"
    ));
    verdict.must(empty == 0, "a tile was empty while its file was written");

    let whole = notebook(&first_text(1));
    fs::write(class.file(1), &whole[..whole.len() / 2])?;
    let named = async || {
        let tile = class.tile(1).await?;
        problem_of(&tile)
    };
    let problem = poll_until("the tile says what is wrong", HANG_TIMEOUT, named).await?;
    verdict.figure(format!(
        "torn for good: the last good cells stay, with {problem:?}"
    ));
    let well = class.others_are_well(&[0, 1]).await?;
    verdict.must(well, "the others were hidden");
    fs::write(class.file(1), notebook("mended"))?;
    let tile = class.tile(1).await?;
    let mended = shows(&tile, "mended") && tile["problem"].is_null();
    verdict.must(mended, "it does not recover");
    Ok(verdict)
}

/// The problem in the tile, once there is one; fails when the last good cells are gone.
fn problem_of(tile: &Value) -> anyhow::Result<Option<String>> {
    anyhow::ensure!(
        shows(tile, &first_text(1)),
        "the last good rendering is gone"
    );
    Ok(tile["problem"].as_str().map(str::to_owned))
}

/// Files that are deleted, renamed, or no longer files.
pub(super) async fn gone(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let class = TestClass::open(setup).await?;
    let mut verdict = Verdict::default();
    fs::remove_file(class.file(0))?;
    fs::rename(class.file(1), class.file(1).with_file_name("moved.ipynb"))?;
    // Root may read every file, so an unreadable notebook is a folder here.
    fs::remove_file(class.file(2))?;
    fs::create_dir(class.file(2))?;
    let outside = class.plan.folder.join("outside.ipynb");
    fs::write(&outside, notebook("outside of the homes"))?;
    fs::remove_file(class.file(3))?;
    std::os::unix::fs::symlink(&outside, class.file(3))?;
    let begun = Instant::now();
    let left = async || {
        let wall = class.wall().await?;
        Ok((wall[0].is_null() && wall[1].is_null()).then_some(()))
    };
    poll_until("deleted and renamed are off the wall", HANG_TIMEOUT, left).await?;
    verdict.figure(format!(
        "deleted and renamed: off the wall after {} ms",
        begun.elapsed().as_millis()
    ));
    let moved = async || {
        let path = "/api/wall?filename=moved.ipynb";
        let wall = class.client.get_json(path).await?;
        Ok(shows(&wall["tiles"][0], &first_text(1)).then_some(()))
    };
    poll_until("the new name is on a wall", HANG_TIMEOUT, moved).await?;
    let wall = class.wall().await?;
    let inside = wall.iter().all(|tile| !shows(tile, "outside of the homes"));
    verdict.must(inside, "a link led out of a home");
    let well = class.others_are_well(&[0, 1, 2, 3]).await?;
    verdict.must(well, "the others were hidden");
    verdict.figure(format!(
        "a folder and a link in place of files; the other {} are shown",
        CLASS_SIZE - 4
    ));
    Ok(verdict)
}

/// Files that are deleted between the first scan of the homes and their first event.
pub(super) async fn fleeting(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let plan = setup.plan()?;
    // So many that the last ones are not yet reported when the service answers.
    let many = 300;
    for n in 0..many {
        let home = plan.homes().join(user(n));
        fs::create_dir(&home)?;
        fs::write(home.join(NOTEBOOK), notebook(&first_text(n)))?;
    }
    let service = ServiceProcess::start(&plan).await?;
    fs::remove_file(plan.homes().join(user(many - 1)).join(NOTEBOOK))?;
    let mut verdict = Verdict::default();
    let client = service.client();
    let left = async || {
        let overview = client.get_json("/api/notebooks").await?;
        let copies = overview["notebooks"][0]["participants"].as_u64();
        Ok((copies == Some(many as u64 - 1)).then_some(()))
    };
    let gone = poll_until("it is off the wall", Duration::from_secs(10), left).await;
    verdict.figure("deleted right after the start, before it was reported");
    verdict.must(gone.is_ok(), "it stays on the wall for ever");
    Ok(verdict)
}

/// Measures from a save until a page with a stream can show it.
pub(super) async fn converge(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let class = TestClass::open(setup).await?;
    let mut verdict = Verdict::default();
    let mut stream = SseStream::open(class.service.address, SERVICE_TOKEN, None).await?;
    stream.next().await?.context("no hello")?;
    let mut samples = Vec::new();
    for n in 0..setup.bounded(60, 300) {
        let text = format!("save number {n}");
        // The remaining events of the first scan of the homes.
        while stream
            .next_within(Duration::from_millis(50))
            .await
            .is_some()
        {}
        save_slowly(
            &class.file(n % CLASS_SIZE),
            &notebook(&text),
            Duration::from_millis(2),
        )?;
        let saved = Instant::now();
        loop {
            let message = stream.next_within(Duration::from_secs(5)).await;
            let message = message.context("no event within 5 s after a save")?;
            let received = message.event().context("not an event")?;
            if received.user == user(n % CLASS_SIZE)
                && shows(&class.tile(n % CLASS_SIZE).await?, &text)
            {
                break;
            }
        }
        samples.push(saved.elapsed().as_secs_f64() * 1e3);
    }
    let percentiles = Percentiles::of(&samples).context("no samples")?;
    verdict.figure(format!(
        "from the end of a save to its tile by the stream: {percentiles}"
    ));
    verdict.must(percentiles.most <= MAX_CONVERGE_MS, "later than 100 ms");
    Ok(verdict)
}
