//! The summary of a class as the service keeps it: in memory, everyone's part by itself.
//!
//! *Cold* is from the homes on the disk to the HTML of the summary; *after one save* from a
//! file that has changed to a summary that has the change; *rebuilt* is until it is on the
//! disk with everything else that is built of it. What `pipalhub build` takes as a whole
//! process is measured from outside.

use std::{
    fs, io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use backend::{
    builds::Builds,
    class::{Class, CopyId, TailLimits},
    homes::HomesTemplate,
};
use serde::Serialize;
use serde_json::{Value, json};

/// As many as the service has on the smallest machine it is meant for.
const THREADS: usize = 2;

/// In milliseconds.
#[derive(Default, Serialize)]
pub(crate) struct BuildSamples {
    cold_ms: Vec<f64>,
    saved_ms: Vec<f64>,
    /// The summary written out after each save, which the service does once a second.
    written_ms: Vec<f64>,
    /// Until export, copy and both summaries are files.
    rebuilt_ms: Vec<f64>,
    html_bytes: u64,
}

/// Everyone's copy of `filename` below `homes`, `runs` times from nothing; then `runs`
/// saves by one of them after the other.
pub(crate) fn in_memory(
    homes: &HomesTemplate,
    filename: &str,
    runs: usize,
) -> anyhow::Result<BuildSamples> {
    let mut samples = BuildSamples::default();
    let mut last = None;
    for _ in 0..runs {
        let kept = Kept::new(homes)?;
        let begun = Instant::now();
        kept.class.scan_homes(|key| key.filename == filename);
        kept.class.read_all(THREADS);
        kept.builds.settle_sections();
        let mut html = Counted(0);
        kept.write(filename, &mut html)?;
        samples.cold_ms.push(milliseconds(begun));
        samples.html_bytes = html.0;
        last = Some(kept);
    }
    let kept = last.context("it must be done at least once")?;
    let keys = kept.class.copy_ids();
    kept.builds.class_was_read(&kept.class);
    kept.builds.settle();
    for (run, key) in keys.iter().cycle().take(runs).enumerate() {
        let before = kept.saved_at_ms(key);
        save_changed(homes, key, run)?;
        let begun = Instant::now();
        kept.class
            .wait_for_tile(key)
            .context("a notebook has gone")?;
        // Not by waiting to be woken: what is written next may take the processor first.
        while kept.saved_at_ms(key) == before {
            thread::yield_now();
        }
        samples.saved_ms.push(milliseconds(begun));
        kept.builds.settle();
        let begun = Instant::now();
        kept.write(filename, &mut io::sink())?;
        samples.written_ms.push(milliseconds(begun));
    }
    for (run, key) in keys.iter().cycle().take(runs).enumerate() {
        save_changed(homes, key, runs + run)?;
        let begun = Instant::now();
        kept.class
            .wait_for_tile(key)
            .context("a notebook has gone")?;
        kept.builds.settle();
        samples.rebuilt_ms.push(milliseconds(begun));
    }
    Ok(samples)
}

/// A class and what is built of it, until it is dropped.
struct Kept {
    class: Class,
    builds: Arc<Builds>,
    _folder: tempfile::TempDir,
}

impl Kept {
    fn new(homes: &HomesTemplate) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let limits = TailLimits::default();
        let builds = Builds::new(homes.clone(), limits, &folder.path().join("out"))?;
        let builds = Arc::new(builds.writing_every(Duration::ZERO));
        builds.start(THREADS)?;
        let class = Class::new(homes.clone(), limits).observed_by(Arc::clone(&builds) as _);
        Ok(Self {
            class,
            builds,
            _folder: folder,
        })
    }

    /// Of what is in the summary by now.
    fn saved_at_ms(&self, key: &CopyId) -> Option<i64> {
        let listed = self.builds.list("", Some(&key.user));
        let mut copies = listed
            .into_iter()
            .flat_map(|notebook| notebook.participants);
        copies.next().map(|copy| copy.saved_at_ms)
    }

    fn write(&self, filename: &str, out: &mut dyn io::Write) -> anyhow::Result<()> {
        let summary = self.builds.summary(filename);
        Ok(summary.context("there is no summary")?.write_html(out)?)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.builds.end();
    }
}

/// Changes the source of the last cell, as somebody at work does.
fn save_changed(homes: &HomesTemplate, key: &CopyId, run: usize) -> anyhow::Result<()> {
    let home = homes.home_of(&key.user).context("nobody's home")?;
    let path = home.shown(&key.filename);
    let mut notebook: Value = serde_json::from_slice(&fs::read(&path)?)?;
    let cells = notebook["cells"].as_array_mut();
    let cell = cells.and_then(|cells| cells.last_mut());
    cell.context("a notebook without cells")?["source"] = json!(format!("answer = {run}"));
    fs::write(&path, serde_json::to_vec(&notebook)?)?;
    Ok(())
}

/// How much was written, and nothing else of it.
struct Counted(u64);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}
