//! Measures our rendering for `cargo xtask bench render`, and any program as a whole process.

use std::{
    fs,
    hint::black_box,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use shared::{notebook::Notebook, prepare, prepared::PreparedCell, sanitize::Ammonia, standalone};
use wait4::Wait4;

/// Samples in milliseconds; memory in KiB.
#[derive(Default, Serialize)]
pub(crate) struct RenderSamples {
    ms: Vec<f64>,
    read_ms: Vec<f64>,
    prepare_ms: Vec<f64>,
    encode_ms: Vec<f64>,
    render_ms: Vec<f64>,
    peak_kib: u64,
}

/// Renders `file` again and again; an additional tenth of the runs warms up and is not counted.
pub(crate) fn warm(file: &Path, runs: usize) -> anyhow::Result<RenderSamples> {
    let mut samples = RenderSamples::default();
    for run in 0..runs + runs.div_ceil(10) {
        let begun = Instant::now();
        let parsed = Notebook::parse(&fs::read(file)?)?;
        let read = begun.elapsed();
        let cells = prepare::cells(&parsed.notebook, 0, &Ammonia);
        let prepared = begun.elapsed();
        black_box(standalone::document("bench", &cells, "en"));
        let all = begun.elapsed();
        // Not part of a page: the service encodes the cells instead of rendering them.
        let begun = Instant::now();
        black_box(serde_json::to_vec(&cells)?);
        let encoded = begun.elapsed();
        if run >= runs.div_ceil(10) {
            let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1000.0;
            samples.ms.push(ms(all));
            samples.read_ms.push(ms(read));
            samples.prepare_ms.push(ms(prepared - read));
            samples.render_ms.push(ms(all - prepared));
            samples.encode_ms.push(ms(encoded));
        }
    }
    samples.peak_kib = peak_kib()?;
    Ok(samples)
}

pub(crate) fn write_prepared(file: &Path, out: &Path) -> anyhow::Result<RenderSamples> {
    let parsed = Notebook::parse(&fs::read(file)?)?;
    let cells: Vec<PreparedCell> = prepare::cells(&parsed.notebook, 0, &Ammonia);
    fs::write(out, serde_json::to_vec(&cells)?)?;
    Ok(RenderSamples::default())
}

/// Measures a program as a whole process; its output is discarded.
pub(crate) fn process(
    before: Option<&str>,
    runs: usize,
    program: &str,
    arguments: &[String],
) -> anyhow::Result<RenderSamples> {
    let mut samples = RenderSamples::default();
    // The first run reads the program from the disk.
    for run in 0..=runs {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(before) = before {
            let done = Command::new("sh").args(["-c", before]).status()?;
            ensure!(done.success(), "{before} failed");
        }
        let begun = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("{program} cannot be started"))?;
        let ended = child.wait4()?;
        let elapsed = begun.elapsed();
        if !ended.status.success() {
            bail!("{program} ended with {}", ended.status);
        }
        if run > 0 {
            samples.ms.push(elapsed.as_secs_f64() * 1000.0);
        }
        samples.peak_kib = samples.peak_kib.max(ended.rusage.maxrss / 1024);
    }
    Ok(samples)
}

fn peak_kib() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("this needs Linux's /proc")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no VmHWM in the status")?.parse()?)
}
