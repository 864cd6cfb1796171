//! Measures what a push costs a participant's server, against sending whole files gzipped and
//! against git, and how soon a reader has a save by a push and by a home that is read.
//!
//! The measurement runs in Python, as the participants' package does:
//! `tests/python/bench_push.py`.

use std::{fmt::Write as _, process::Stdio};

use anyhow::ensure;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    median,
    native::{OurPrograms, release},
    write_samples,
};
use crate::{
    command::{program, say},
    tools,
};

/// What a push of a save costs, and how soon a reader has it.
#[derive(Args)]
pub(super) struct PushTaskArgs {
    /// How often each change of the smallest notebook is sent; of large ones there are fewer.
    #[arg(long, default_value_t = 30)]
    runs: usize,
}

/// The JSON that `bench_push.py` prints.
#[derive(Serialize, Deserialize)]
struct PushSamples {
    sends: Vec<EditSamples>,
    /// Until a reader has the tile.
    seen: Vec<SeenSamples>,
    /// Until a page in Chromium has painted it.
    shown: Vec<SeenSamples>,
}

/// One kind of change of one notebook, sent in three ways.
#[derive(Serialize, Deserialize)]
struct EditSamples {
    megabytes: f64,
    edit: String,
    /// Of the file, in bytes.
    size: u64,
    ours: SendSamples,
    gzipped: SendSamples,
    git: SendSamples,
}

#[derive(Serialize, Deserialize)]
struct SendSamples {
    /// In both directions, with headers.
    bytes: Vec<f64>,
    /// Until the other end has it on the disk.
    ms: Vec<f64>,
    cpu_ms: Vec<f64>,
}

/// From the beginning of a save until somebody has it, in milliseconds.
#[derive(Serialize, Deserialize)]
struct SeenSamples {
    megabytes: f64,
    push: Vec<f64>,
    homes: Vec<f64>,
}

pub(super) fn run(args: &PushTaskArgs) -> anyhow::Result<()> {
    tools::browser()?;
    let venv = tools::venv(&tools::HUB_VENV)?;
    let OurPrograms { bench, pipalhub } = release()?;
    say("Pushing saves");
    let mut command = program(bench);
    command
        .args(["push", "--script", "tests/python/bench_push.py"])
        .args(["--runs", &args.runs.to_string()])
        .arg("--pipalhub")
        .arg(pipalhub)
        .arg("--venv")
        .arg(&venv);
    let done = command.stderr(Stdio::inherit()).output()?;
    ensure!(done.status.success(), "bench push failed");
    let samples: PushSamples = serde_json::from_slice(&done.stdout)?;
    println!(
        "{}\n{}",
        table_of_sends(&samples.sends)?,
        table_of_saves(&samples)?
    );
    write_samples("push", &json!(samples))
}

fn table_of_sends(edits: &[EditSamples]) -> anyhow::Result<String> {
    let mut table = "| | change | bytes: whole, gzipped | git | ours | until it is kept: whole, \
                     gzipped | git | ours | processor: whole, gzipped | git | ours |\n\
                     |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for edit in edits {
        write!(table, "| {} MB | {} |", edit.megabytes, edit.edit)?;
        let ways = [&edit.gzipped, &edit.git, &edit.ours];
        for way in ways {
            write!(table, " {} |", bytes(median(&way.bytes)?.median))?;
        }
        for way in ways {
            write!(table, " {} |", median(&way.ms)?)?;
        }
        for way in ways {
            write!(table, " {:.1} ms |", median(&way.cpu_ms)?.median)?;
        }
        writeln!(table)?;
    }
    Ok(table)
}

fn table_of_saves(samples: &PushSamples) -> anyhow::Result<String> {
    let mut table =
        "| from the beginning of a save | | the home is read | pushed | ratio | target \
                     |\n|---|---|---:|---:|---:|---:|\n"
            .to_owned();
    for (until, all, target) in [
        ("until a reader has the tile", &samples.seen, ""),
        ("until the Wall has painted it", &samples.shown, "1.05x"),
    ] {
        for seen in all {
            let (push, homes) = (median(&seen.push)?, median(&seen.homes)?);
            let ratio = push.median / homes.median;
            let size = seen.megabytes;
            writeln!(
                table,
                "| {until} | {size} MB | {homes} | {push} | {ratio:.2}x | {target} |"
            )?;
        }
    }
    Ok(table)
}

/// As people read it: `1.2 kB`.
fn bytes(count: f64) -> String {
    match count {
        count if count < 1e4 => format!("{:.1} kB", count / 1e3),
        count if count < 1e6 => format!("{:.0} kB", count / 1e3),
        count => format!("{:.1} MB", count / 1e6),
    }
}
