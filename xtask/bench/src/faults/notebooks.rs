//! Notebooks that are half there, broken, gone, renamed or not files at all.

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::{Value, json};

use super::{Lab, Verdict};
use crate::{
    drive::{
        LONG, TOKEN,
        http::Client,
        service::{Plan, Service},
        sse::{self, Stream},
        until,
    },
    samples::Percentiles,
};

/// How many participants there are.
pub(super) const CLASS: usize = 12;
pub(super) const NOTEBOOK: &str = "day1.ipynb";
/// From the end of a save until a page that listens has it.
const CONVERGED_MS: f64 = 100.0;

/// A class with a good notebook each.
pub(super) struct Room {
    pub(super) plan: Plan,
    pub(super) service: Service,
    pub(super) client: Client,
}

impl Room {
    pub(super) async fn open(lab: &Lab) -> anyhow::Result<Self> {
        let plan = lab.plan()?;
        for n in 0..CLASS {
            let home = plan.homes().join(user(n));
            fs::create_dir(&home)?;
            fs::write(home.join(NOTEBOOK), notebook(&first(n)))?;
        }
        let service = Service::start(&plan).await?;
        let client = service.client();
        let known =
            async || Ok((sse::newest(service.address, TOKEN).await? >= CLASS as i64).then_some(()));
        until("every notebook is known", LONG, known).await?;
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

    /// The tiles of everyone by their place; null where there is none.
    pub(super) async fn wall(&self) -> anyhow::Result<Vec<Value>> {
        let path = format!("/api/wall?filename={NOTEBOOK}");
        let wall = self.client.get_json(&path).await?;
        let tiles = wall["tiles"].as_array().context("no tiles")?;
        let of = |n| tiles.iter().find(|tile| tile["user"] == user(n));
        Ok((0..CLASS)
            .map(|n| of(n).cloned().unwrap_or_default())
            .collect())
    }

    /// Whether all are as they were at first, save those.
    async fn others_are_well(&self, except: &[usize]) -> anyhow::Result<bool> {
        let wall = self.wall().await?;
        let well = |n: usize| shows(&wall[n], &first(n)) && wall[n]["problem"].is_null();
        Ok((0..CLASS).filter(|n| !except.contains(n)).all(well))
    }
}

pub(super) fn user(n: usize) -> String {
    format!("participant-{n:02}")
}

pub(super) fn first(n: usize) -> String {
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

/// In place, as Jupyter writes, with a pause in the middle.
fn save_slowly(file: &PathBuf, content: &str, pause: Duration) -> anyhow::Result<()> {
    let mut file = File::create(file)?;
    let (begin, end) = content.split_at(content.len() / 2);
    file.write_all(begin.as_bytes())?;
    std::thread::sleep(pause);
    Ok(file.write_all(end.as_bytes())?)
}

/// Files that are torn for a moment, and one that stays so.
pub(super) async fn torn(lab: &Lab) -> anyhow::Result<Verdict> {
    let room = Room::open(lab).await?;
    let mut verdict = Verdict::default();
    verdict.must(
        room.others_are_well(&[]).await?,
        "not all were shown at first",
    );
    let (file, mut looks, mut empty) = (room.file(0), 0, 0);
    for n in 0..20 {
        let (file, content) = (file.clone(), notebook(&format!("{}, again {n}", first(0))));
        let saving = tokio::task::spawn_blocking(move || {
            save_slowly(&file, &content, Duration::from_millis(30))
        });
        while !saving.is_finished() {
            looks += 1;
            empty += usize::from(!shows(&room.tile(0).await?, &first(0)));
        }
        saving.await??;
    }
    verdict.figure(format!(
        "{looks} looks while it was written, {empty} without the notebook"
    ));
    verdict.must(empty == 0, "a tile was empty while its file was written");

    let whole = notebook(&first(1));
    fs::write(room.file(1), &whole[..whole.len() / 2])?;
    let named = async || {
        let tile = room.tile(1).await?;
        problem_of(&tile)
    };
    let problem = until("the tile says what is wrong", LONG, named).await?;
    verdict.figure(format!(
        "torn for good: the last good cells stay, with {problem:?}"
    ));
    let well = room.others_are_well(&[0, 1]).await?;
    verdict.must(well, "the others were hidden");
    fs::write(room.file(1), notebook("mended"))?;
    let tile = room.tile(1).await?;
    let mended = shows(&tile, "mended") && tile["problem"].is_null();
    verdict.must(mended, "it does not recover");
    Ok(verdict)
}

/// What the tile says is wrong, once it does; the last good cells must be there all along.
fn problem_of(tile: &Value) -> anyhow::Result<Option<String>> {
    anyhow::ensure!(shows(tile, &first(1)), "the last good rendering is gone");
    Ok(tile["problem"].as_str().map(str::to_owned))
}

/// Files that are deleted, renamed, or no longer files.
pub(super) async fn gone(lab: &Lab) -> anyhow::Result<Verdict> {
    let room = Room::open(lab).await?;
    let mut verdict = Verdict::default();
    fs::remove_file(room.file(0))?;
    fs::rename(room.file(1), room.file(1).with_file_name("moved.ipynb"))?;
    // Root may read anything that is a file, so these are none.
    fs::remove_file(room.file(2))?;
    fs::create_dir(room.file(2))?;
    let outside = room.plan.folder.join("outside.ipynb");
    fs::write(&outside, notebook("outside of the homes"))?;
    fs::remove_file(room.file(3))?;
    std::os::unix::fs::symlink(&outside, room.file(3))?;
    let begun = Instant::now();
    let left = async || {
        let wall = room.wall().await?;
        Ok((wall[0].is_null() && wall[1].is_null()).then_some(()))
    };
    until("deleted and renamed are off the wall", LONG, left).await?;
    verdict.figure(format!(
        "deleted and renamed: off the wall after {} ms",
        begun.elapsed().as_millis()
    ));
    let moved = async || {
        let path = "/api/wall?filename=moved.ipynb";
        let wall = room.client.get_json(path).await?;
        Ok(shows(&wall["tiles"][0], &first(1)).then_some(()))
    };
    until("the new name is on a wall", LONG, moved).await?;
    let wall = room.wall().await?;
    let inside = wall.iter().all(|tile| !shows(tile, "outside of the homes"));
    verdict.must(inside, "a link led out of a home");
    let well = room.others_are_well(&[0, 1, 2, 3]).await?;
    verdict.must(well, "the others were hidden");
    verdict.figure(format!(
        "a folder and a link in place of files; the other {} are shown",
        CLASS - 4
    ));
    Ok(verdict)
}

/// Files that are deleted between the first look at the homes and the first event of them.
pub(super) async fn fleeting(lab: &Lab) -> anyhow::Result<Verdict> {
    let plan = lab.plan()?;
    // So many that the last are not reported yet when the service answers.
    let many = 300;
    for n in 0..many {
        let home = plan.homes().join(user(n));
        fs::create_dir(&home)?;
        fs::write(home.join(NOTEBOOK), notebook(&first(n)))?;
    }
    let service = Service::start(&plan).await?;
    fs::remove_file(plan.homes().join(user(many - 1)).join(NOTEBOOK))?;
    let mut verdict = Verdict::default();
    let client = service.client();
    let left = async || {
        let overview = client.get_json("/api/notebooks").await?;
        let copies = overview["notebooks"][0]["participants"].as_u64();
        Ok((copies == Some(many as u64 - 1)).then_some(()))
    };
    let gone = until("it is off the wall", Duration::from_secs(10), left).await;
    verdict.figure("deleted right after the start, before it was reported");
    verdict.must(gone.is_ok(), "it stays on the wall for ever");
    Ok(verdict)
}

/// How long after a save a page that listens shows it.
pub(super) async fn converge(lab: &Lab) -> anyhow::Result<Verdict> {
    let room = Room::open(lab).await?;
    let mut verdict = Verdict::default();
    let mut stream = Stream::open(room.service.address, TOKEN, None).await?;
    stream.next().await?.context("no hello")?;
    let mut samples = Vec::new();
    for n in 0..lab.bounded(60, 300) {
        let text = format!("save number {n}");
        // What is left of the first look at the homes.
        while stream
            .next_within(Duration::from_millis(50))
            .await
            .is_some()
        {}
        save_slowly(
            &room.file(n % CLASS),
            &notebook(&text),
            Duration::from_millis(2),
        )?;
        let saved = Instant::now();
        loop {
            let message = stream.next_within(Duration::from_secs(5)).await;
            let message = message.context("no event within 5 s after a save")?;
            let told = message.event().context("not an event")?;
            if told.user == user(n % CLASS) && shows(&room.tile(n % CLASS).await?, &text) {
                break;
            }
        }
        samples.push(saved.elapsed().as_secs_f64() * 1e3);
    }
    let percentiles = Percentiles::of(&samples).context("no samples")?;
    verdict.figure(format!(
        "from the end of a save to its tile by the stream: {percentiles}"
    ));
    verdict.must(percentiles.most <= CONVERGED_MS, "later than 100 ms");
    Ok(verdict)
}
