//! Measures the summary of a class: built from nothing, and after one participant has saved.
//!
//! Ours is measured as whole processes, and once as the service does it, with every participant's
//! part in memory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::{
    native::{self, BenchPrograms, PrintedSamples},
    notebooks,
    ratios::{RatioRow, RatioTable},
    samples::Quartiles,
    write_samples,
};
use crate::{
    build,
    command::{output, program, say},
};

/// The summary of 300 participants' notebooks, against Python's json and nbconvert.
#[derive(Args)]
pub(super) struct BuildsArgs {
    /// How many participants there are.
    #[arg(long, default_value_t = 300)]
    participants: usize,
    /// How often the peers do each; ours does it five times as often.
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

const NOTEBOOK: &str = "day1.ipynb";

/// A generated class on the disk.
struct GeneratedClass {
    folder: PathBuf,
    files: Vec<PathBuf>,
    bytes: usize,
}

impl GeneratedClass {
    fn generate(participants: usize) -> anyhow::Result<Self> {
        let folder = build::target_folder().join("bench/builds");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let mut class = Self {
            folder: PathBuf::new(),
            files: Vec::new(),
            bytes: 0,
        };
        for n in 0..participants {
            let home = folder.join(format!("homes/participant-{n:03}"));
            fs::create_dir_all(&home)?;
            let json = notebooks::of_participant(n)?;
            class.bytes += json.len();
            let file = fs::canonicalize(&home)?.join(NOTEBOOK);
            fs::write(&file, json)?;
            class.files.push(file);
        }
        class.folder = fs::canonicalize(&folder)?;
        Ok(class)
    }

    fn homes(&self) -> String {
        format!("{}/homes/{{user}}", self.folder.display())
    }

    fn out(&self) -> PathBuf {
        self.folder.join("out")
    }
}

pub(super) fn run(args: &BuildsArgs) -> anyhow::Result<()> {
    let programs = BenchPrograms::get()?;
    say("Making a class");
    let class = GeneratedClass::generate(args.participants)?;
    let mut table = RatioTable::new("peer");
    let mut raw = vec![merged_tails(args, &programs, &class, &mut table)?];
    let (in_memory, rebuilt_ms) = in_memory(args, &programs, &class, &mut table)?;
    raw.push(in_memory);
    raw.push(after_one_save(
        args, &programs, &class, rebuilt_ms, &mut table,
    )?);
    table.note(format!(
        "{} notebooks, {} MB",
        class.files.len(),
        class.bytes / 1_000_000
    ));
    let peer = programs.peer()?;
    println!("Peers: {peer}\n\n{table}");
    write_samples("builds", &json!({"peers": [peer], "samples": raw}))
}

/// All last cells merged to one notebook: the same work on both sides.
fn merged_tails(
    args: &BuildsArgs,
    programs: &BenchPrograms,
    class: &GeneratedClass,
    table: &mut RatioTable,
) -> anyhow::Result<Value> {
    say("Everyone's tail, merged");
    let files: Vec<&Path> = class.files.iter().map(PathBuf::as_path).collect();
    let merged = class.folder.join("merged.ipynb");
    let script = native::script("tail_merge.py");
    let words = [&[script.as_path(), &merged][..], &files].concat();
    let peer = programs.process(args.runs, &programs.python(), &words, None)?;
    let words = [&[Path::new("tail")][..], &files].concat();
    let ours = programs.process(args.runs * 5, &programs.pipalhub, &words, None)?;
    compare(
        "everyone's tail merged to one notebook, whole process",
        "12x",
        &peer,
        &ours,
        table,
    )
}

/// As the service does it: the class is read once, and then only the saved notebooks.
fn in_memory(
    args: &BuildsArgs,
    programs: &BenchPrograms,
    class: &GeneratedClass,
    table: &mut RatioTable,
) -> anyhow::Result<(Value, Vec<f64>)> {
    say("The summary in memory");
    let homes = class.homes();
    let runs = (args.runs * 5).to_string();
    let measured = output(program(&programs.bench).args(["builds", &homes, NOTEBOOK, &runs]))?;
    let raw: Value = serde_json::from_str(&measured.context("the measurement failed")?)?;
    for (label, field) in [
        (
            "the summary in memory, from nothing (target: 120 ms)",
            "cold_ms",
        ),
        (
            "the summary in memory, after one save (target: 1 ms)",
            "saved_ms",
        ),
        ("its HTML written out", "written_ms"),
        (
            "after one save in the service, until every file is there",
            "rebuilt_ms",
        ),
    ] {
        let samples: Vec<f64> = serde_json::from_value(raw[field].clone())?;
        let summary = Quartiles::of(&samples).context("nothing was measured")?;
        table.note(format!("{label}: {summary}"));
    }
    let rebuilt_ms = serde_json::from_value(raw["rebuilt_ms"].clone())?;
    let raw = json!({"what": "the summary in memory", "ours": raw});
    Ok((raw, rebuilt_ms))
}

/// From nothing, and after one participant has saved: the HTML of their export and of the summary.
fn after_one_save(
    args: &BuildsArgs,
    programs: &BenchPrograms,
    class: &GeneratedClass,
    rebuilt_ms: Vec<f64>,
    table: &mut RatioTable,
) -> anyhow::Result<Value> {
    say("Everything built from nothing");
    let (out, homes) = (class.out(), class.homes());
    let words = ["build", "-d"].map(Path::new);
    let tail = [Path::new("--homes"), Path::new(&homes), Path::new(NOTEBOOK)];
    let words = [&words[..], &[out.as_path()], &tail].concat();
    let afresh = format!("rm -rf '{}'", out.display());
    let cold = programs.process(args.runs, &programs.pipalhub, &words, Some(&afresh))?;
    let cold = Quartiles::of(&cold.ms).context("nothing was measured")?;
    table.note(format!(
        "pipalhub build from nothing, which makes everyone's export and the summary: {cold}"
    ));
    say("One notebook is saved, and built");
    let file = &class.files[args.participants / 2];
    // One more newline makes another version of the same notebook.
    let save = format!("echo >> '{}'", file.display());
    let ours = programs.process(args.runs * 5, &programs.pipalhub, &words, Some(&save))?;
    let summary = out.join("day1/00-summary.ipynb");
    let [one, all] = [file.as_path(), &summary].map(|file| programs.peer_process(file, args.runs));
    let (one, all) = (one?, all?);
    let ms = one.ms.iter().zip(&all.ms).map(|(one, all)| one + all);
    let peer = PrintedSamples {
        ms: ms.collect(),
        ..PrintedSamples::default()
    };
    let in_service = PrintedSamples {
        ms: rebuilt_ms,
        ..PrintedSamples::default()
    };
    compare(
        "after one save: theirs and the summary, in the service",
        "5000x",
        &peer,
        &in_service,
        table,
    )?;
    compare("the same, whole process", "", &peer, &ours, table)
}

fn compare(
    label: &str,
    target: &str,
    peer: &PrintedSamples,
    ours: &PrintedSamples,
    table: &mut RatioTable,
) -> anyhow::Result<Value> {
    let summary =
        |samples: &PrintedSamples| Quartiles::of(&samples.ms).context("nothing was measured");
    let (peer_ms, our_ms) = (summary(peer)?, summary(ours)?);
    table.push(RatioRow {
        label,
        peer: peer_ms.to_string(),
        ours: our_ms.to_string(),
        ratio: peer_ms.median / our_ms.median,
        target: target.to_owned(),
    });
    Ok(json!({"what": label, "peer": peer, "ours": ours}))
}
