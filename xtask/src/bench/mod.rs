//! `cargo xtask bench`: benchmarks against the usual alternatives, as docs/performance.md explains.
//!
//! A benchmark is a command, never a test: durations decide nothing. It prints ratios measured in
//! one run, because a bare time says more about the machine.
//!
//! * [`notebooks`], generated from [`parts`]: the notebooks that are rendered
//! * [`native`]: the peer and this project as processes, whole and warm
//! * [`browser`], with its [`server`]: the peers and this project's wasm in Chromium
//! * [`events`], [`builds`]: the service
//! * [`simulated`]: what is found in the saves of classes whose truth is known
//! * [`saves`]: what reporting adds to a participant's save
//! * [`push`]: what a push costs, and how soon a reader has it
//! * [`wall`]: what the wall costs a browser
//! * `growth`: how time and memory grow with a file
//! * [`samples`], [`table`], [`ratios`]: the results

mod browser;
mod builds;
mod events;
mod native;
mod notebooks;
mod parts;
mod push;
mod ratios;
mod samples;
mod saves;
mod server;
mod simulated;
mod table;
mod wall;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

pub(crate) use self::native::release;
use self::{
    browser::BrowserBench,
    native::{BenchPrograms, PrintedSamples},
    samples::Quartiles,
    table::{RenderRow, RenderTable},
};
use crate::{
    build,
    command::{execute, root, say},
};

/// Measure against what people use instead.
#[derive(Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    bench: BenchTask,
}

#[derive(Subcommand)]
enum BenchTask {
    Render(RenderTaskArgs),
    Events(events::EventsTaskArgs),
    Builds(builds::BuildsArgs),
    Saves(saves::SavesArgs),
    Push(push::PushTaskArgs),
    Wall(wall::WallTaskArgs),
    Growth(GrowthArgs),
}

/// How time and memory grow with a notebook's size, for every kind of evil one; fails when one
/// grows faster than its size, or takes more than 8 times its size and 32 MiB.
#[derive(Args)]
struct GrowthArgs {
    /// The smallest size, in MiB; it is doubled three times.
    #[arg(long, default_value_t = 1.0)]
    mib: f64,
    /// Only the notebooks whose kind has this in its name.
    #[arg(long, default_value = "")]
    only: String,
}

/// A notebook to HTML: nbconvert natively, notebookjs in the browser.
#[derive(Args)]
struct RenderTaskArgs {
    /// How often the peers do each; ours does it ten times as often.
    #[arg(long, default_value_t = 9)]
    runs: usize,
    /// Only the notebooks with these names.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Natively alone, without the browser.
    #[arg(long)]
    native: bool,
}

pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    match &args.bench {
        BenchTask::Render(args) => render(args),
        BenchTask::Events(args) => events::run(args),
        BenchTask::Builds(args) => builds::run(args),
        BenchTask::Saves(args) => saves::run(args),
        BenchTask::Push(args) => push::run(args),
        BenchTask::Wall(args) => wall::run(args),
        BenchTask::Growth(args) => {
            release()?;
            growth(args)
        }
    }
}

/// Runs `growth`, which prints its table.
fn growth(args: &GrowthArgs) -> anyhow::Result<()> {
    say("Growing notebooks");
    let program = build::target_folder().join("release/growth");
    let mib = args.mib.to_string();
    execute(crate::command::program(program).args(["--mib", &mib, "--only", &args.only]))
}

/// The target factors: a whole process, warm, to the string, laid out.
const TARGET_SPEEDUPS: [f64; 4] = [500.0, 150.0, 8.0, 2.5];

/// A notebook on the disk that is rendered.
struct BenchNotebook {
    name: &'static str,
    file: PathBuf,
    bytes: usize,
}

fn render(args: &RenderTaskArgs) -> anyhow::Result<()> {
    let folder = build::target_folder().join("bench/notebooks");
    fs::create_dir_all(&folder)?;
    let folder = fs::canonicalize(folder)?;
    let programs = BenchPrograms::get()?;
    let browser = if args.native {
        None
    } else {
        Some(BrowserBench::get(&folder)?)
    };
    let mut subjects = Vec::new();
    for notebook in notebooks::all()? {
        if !args.only.is_empty() && !args.only.iter().any(|name| name == notebook.name) {
            continue;
        }
        let file = folder.join(format!("{}.ipynb", notebook.name));
        fs::write(&file, &notebook.json)?;
        programs.prepare(&file, &file.with_extension("prepared.json"))?;
        subjects.push(BenchNotebook {
            name: notebook.name,
            file,
            bytes: notebook.json.len(),
        });
    }
    let mut table = RenderTable::new();
    let mut raw = Vec::new();
    let mut natively = Vec::new();
    for subject in &subjects {
        natively.push(native_rows(args, &programs, subject, &mut table, &mut raw)?);
    }
    if let Some(browser) = &browser {
        for (subject, natively) in subjects.iter().zip(&natively) {
            browser_rows(args, browser, subject, *natively, &mut table, &mut raw)?;
        }
    }
    finish(&programs, browser.as_ref(), &subjects, &mut table, &raw)?;
    match args.only.is_empty() {
        true => growth(&GrowthArgs {
            mib: 1.0,
            only: String::new(),
        }),
        false => Ok(()),
    }
}

/// Measures natively; returns the time until the cells are encoded for the page, in milliseconds.
fn native_rows(
    args: &RenderTaskArgs,
    programs: &BenchPrograms,
    subject: &BenchNotebook,
    table: &mut RenderTable,
    raw: &mut Vec<Value>,
) -> anyhow::Result<f64> {
    let BenchNotebook { name, file, bytes } = subject;
    say(&format!("{name} ({} kB), natively", bytes / 1000));
    let ours = args.runs * 10;
    let page = file.with_extension("peer.html");
    let whole = [
        programs.peer_process(file, args.runs)?,
        programs.our_process(file, ours)?,
    ];
    let warm = [
        programs.peer_warm(file, args.runs, &page)?,
        programs.our_warm(file, ours)?,
    ];
    let sizes = [
        native::sizes(&native::read(&page)?)?,
        native::sizes(&programs.our_page(file)?)?,
    ];
    for (label, target, [peer, ours]) in [
        ("whole process", TARGET_SPEEDUPS[0], &whole),
        ("warm", TARGET_SPEEDUPS[1], &warm),
    ] {
        table.push(&RenderRow {
            label,
            notebook: name,
            times: [median(&peer.ms)?, median(&ours.ms)?],
            natively: None,
            target,
            peaks_kib: [peer.peak_kib, ours.peak_kib],
            sizes,
        });
        raw.push(json!({"what": label, "notebook": name, "peer": peer, "ours": ours}));
    }
    let stage = |samples: &[f64]| median(samples).map(|summary| summary.median);
    let PrintedSamples {
        read_ms,
        prepare_ms,
        encode_ms,
        render_ms,
        ..
    } = &warm[1];
    let [read, prepare, encode] = [stage(read_ms)?, stage(prepare_ms)?, stage(encode_ms)?];
    table.note(format!(
        "{name}, warm: reading {read:.2} ms, preparing and sanitising {prepare:.2} ms, \
         rendering {:.2} ms; encoding for the page {encode:.2} ms",
        stage(render_ms)?,
    ));
    Ok(read + prepare + encode)
}

fn browser_rows(
    args: &RenderTaskArgs,
    browser: &BrowserBench,
    subject: &BenchNotebook,
    natively: f64,
    table: &mut RenderTable,
    raw: &mut Vec<Value>,
) -> anyhow::Result<()> {
    let name = subject.name;
    say(&format!("{name}, in the browser"));
    let runs = args.runs * 3;
    let peer = browser.run("notebookjs", name, runs)?;
    let ours = browser.run("ours", name, runs)?;
    let sizes = [native::sizes(&peer.html)?, native::sizes(&ours.html)?];
    for (label, target, [peer_ms, our_ms]) in [
        (
            "to the string",
            TARGET_SPEEDUPS[2],
            [&peer.string_ms, &ours.string_ms],
        ),
        (
            "laid out",
            TARGET_SPEEDUPS[3],
            [&peer.laid_out_ms, &ours.laid_out_ms],
        ),
        (
            "laid out in full",
            TARGET_SPEEDUPS[3],
            [&peer.in_full_ms, &ours.in_full_ms],
        ),
    ] {
        table.push(&RenderRow {
            label,
            notebook: name,
            times: [median(peer_ms)?, median(our_ms)?],
            natively: Some(natively),
            target,
            peaks_kib: [peer.peak_kib, ours.peak_kib],
            sizes,
        });
    }
    raw.push(json!({"what": "browser", "notebook": name, "peer": peer, "ours": ours}));
    Ok(())
}

fn finish(
    programs: &BenchPrograms,
    browser: Option<&BrowserBench>,
    subjects: &[BenchNotebook],
    table: &mut RenderTable,
    raw: &[Value],
) -> anyhow::Result<()> {
    let mut peers = vec![programs.peer()?];
    if let Some(browser) = browser {
        peers.push(browser.peers()?);
        let blank = browser.run("blank", "small", 0)?.peak_kib;
        table.note(format!(
            "an empty page has a peak of {} MB in the same browser",
            blank / 1024
        ));
    }
    for subject in subjects {
        table.note(format!("{}: {} kB", subject.name, subject.bytes / 1000));
    }
    println!("Peers: {}\n\n{table}", peers.join("; "));
    write_samples("render", &json!({"peers": peers, "samples": raw}))
}

/// Writes every sample to target/bench.
fn write_samples(name: &str, samples: &Value) -> anyhow::Result<()> {
    let folder = build::target_folder().join("bench");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{name}.json"));
    fs::write(&file, serde_json::to_string_pretty(samples)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let shown = file.strip_prefix(root()).unwrap_or(Path::new(&file));
    say(&format!("The samples are in {}", shown.display()));
    Ok(())
}

fn median(samples: &[f64]) -> anyhow::Result<Quartiles> {
    Quartiles::of(samples).context("nothing was measured")
}
