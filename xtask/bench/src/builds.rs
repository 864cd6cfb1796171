//! Measures the summary of a class as the service keeps it: in memory, with one part for each
//! participant.
//!
//! *Cold* is from the homes on the disk to the HTML of the summary; *after one save* from a changed
//! file to a summary with the change; *rebuilt* is until the summary and all other built files are
//! on the disk. `cargo xtask bench` measures `pipalhub build` as a whole process.

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

/// As many threads as the service has on the smallest supported machine.
const READER_THREADS: usize = 2;

/// Samples in milliseconds.
#[derive(Default, Serialize)]
pub(crate) struct BuildSamples {
    cold_ms: Vec<f64>,
    saved_ms: Vec<f64>,
    /// The summary written out after each save, which the service does once a second.
    written_ms: Vec<f64>,
    /// Until the export, the copy and both summaries are written.
    rebuilt_ms: Vec<f64>,
    html_bytes: u64,
}

/// Reads all copies of `filename` below `homes` `runs` times from nothing; then measures `runs`
/// saves, by one participant after the other.
pub(crate) fn in_memory(
    homes: &HomesTemplate,
    filename: &str,
    runs: usize,
) -> anyhow::Result<BuildSamples> {
    let mut samples = BuildSamples::default();
    let mut last = None;
    for _ in 0..runs {
        let built = BuiltClass::new(homes)?;
        let begun = Instant::now();
        built.class.scan_homes(|key| key.filename == filename);
        built.class.read_all(READER_THREADS);
        built.builds.settle_sections();
        let mut html = ByteCounter(0);
        built.write(filename, &mut html)?;
        samples.cold_ms.push(milliseconds(begun));
        samples.html_bytes = html.0;
        last = Some(built);
    }
    let built = last.context("it must be done at least once")?;
    let keys = built.class.copy_ids();
    built.builds.class_was_read(&built.class);
    built.builds.settle();
    for (run, key) in keys.iter().cycle().take(runs).enumerate() {
        let before = built.saved_at_ms(key);
        save_changed(homes, key, run)?;
        let begun = Instant::now();
        built
            .class
            .wait_for_tile(key)
            .context("a notebook has gone")?;
        // A busy loop, because a blocked thread might wake only after the builds have used the
        // processor.
        while built.saved_at_ms(key) == before {
            thread::yield_now();
        }
        samples.saved_ms.push(milliseconds(begun));
        built.builds.settle();
        let begun = Instant::now();
        built.write(filename, &mut io::sink())?;
        samples.written_ms.push(milliseconds(begun));
    }
    for (run, key) in keys.iter().cycle().take(runs).enumerate() {
        save_changed(homes, key, runs + run)?;
        let begun = Instant::now();
        built
            .class
            .wait_for_tile(key)
            .context("a notebook has gone")?;
        built.builds.settle();
        samples.rebuilt_ms.push(milliseconds(begun));
    }
    Ok(samples)
}

/// A class and its builds, which end on drop.
struct BuiltClass {
    class: Class,
    builds: Arc<Builds>,
    _folder: tempfile::TempDir,
}

impl BuiltClass {
    fn new(homes: &HomesTemplate) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let limits = TailLimits::default();
        let builds = Builds::new(homes.clone(), limits, &folder.path().join("out"))?;
        let builds = Arc::new(builds.writing_every(Duration::ZERO));
        builds.start(READER_THREADS)?;
        let class = Class::new(homes.clone(), limits).observed_by(Arc::clone(&builds) as _);
        Ok(Self {
            class,
            builds,
            _folder: folder,
        })
    }

    /// When the copy that the summary shows now was saved.
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

impl Drop for BuiltClass {
    fn drop(&mut self) {
        self.builds.end();
    }
}

/// Changes the source of the last cell, as a participant does.
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

/// A writer that only counts the bytes.
struct ByteCounter(u64);

impl io::Write for ByteCounter {
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
