//! Measures what the wall costs a browser: with classes of several sizes, idle and while they save,
//! at each size of its tiles. The measurement is `xtask/bench/wall.mjs`.

use std::{fmt::Write as _, path::PathBuf, process::Stdio};

use anyhow::{Context, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    simulated::{self, SimulatedArgs},
    write_samples,
};
use crate::{
    build,
    command::{program, root, say},
    tools,
};

/// What is found in the saves of simulated classes; or what the wall costs a browser's main thread.
#[derive(Args)]
pub(super) struct WallTaskArgs {
    /// What the wall costs Chromium.
    #[arg(long)]
    browser: bool,
    #[command(flatten)]
    simulated: SimulatedArgs,
    /// The sizes of the classes.
    #[arg(long, value_delimiter = ',', default_values_t = [12, 100, 300])]
    participants: Vec<usize>,
    /// How long each state is watched, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Another build of the service with a page of its own, which is measured in the same run.
    #[arg(long, value_name = "PROGRAM")]
    against: Option<PathBuf>,
}

/// What the browser has counted of a page while it was loaded, or in one of its states.
#[derive(Serialize, Deserialize)]
struct WallSample {
    participants: usize,
    /// The size of the tiles; `loaded` for the load.
    size: String,
    /// Whose saves.
    #[serde(default, rename = "where")]
    whose: String,
    #[serde(default)]
    rate: u32,
    #[serde(default)]
    saves: u32,
    layouts: f64,
    styles: f64,
    script_ms: f64,
    main_ms: f64,
    #[serde(default)]
    longest_ms: f64,
    nodes: f64,
}

pub(super) fn run(args: &WallTaskArgs) -> anyhow::Result<()> {
    if !args.browser {
        return simulated::run(&args.simulated);
    }
    tools::browser()?;
    let ours = build::release()?;
    let mut all = Vec::new();
    for participants in &args.participants {
        // By turns, so that both have the machine as it is.
        if let Some(other) = &args.against {
            let samples = measure(args, other, *participants, "tiles")?;
            all.extend(samples.into_iter().map(|sample| ("the other", sample)));
        }
        let samples = measure(args, &ours, *participants, "tiles,small,dots")?;
        all.extend(samples.into_iter().map(|sample| ("this", sample)));
    }
    println!("{}", table(&all)?);
    write_samples("wall", &json!(all))
}

fn measure(
    args: &WallTaskArgs,
    service: &PathBuf,
    participants: usize,
    sizes: &str,
) -> anyhow::Result<Vec<WallSample>> {
    say(&format!(
        "{participants} participants, {}",
        service.display()
    ));
    let done = program("node")
        .arg("--experimental-websocket")
        .arg(root().join("xtask/bench/wall.mjs"))
        .arg(service)
        .arg(root().join("xtask/sample"))
        .args([&participants.to_string(), &args.seconds.to_string(), sizes])
        .stderr(Stdio::inherit())
        .output()
        .context("Node.js is needed: install nodejs")?;
    ensure!(done.status.success(), "the wall was not measured");
    let text = String::from_utf8(done.stdout)?;
    let lines = text.lines().filter(|line| line.starts_with('{'));
    Ok(lines.map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// A line for each state. What a save costs is the whole of the state by its saves; of an idle page
/// and of a load it is the whole.
fn table(samples: &[(&str, WallSample)]) -> anyhow::Result<String> {
    let mut table = "| page | participants | tiles | saves a second | layouts | styles | script | \
                     main thread | of it in all | longest task | nodes |\n\
                     |---|---:|---|---|---:|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    for (page, sample) in samples {
        let per = f64::from(sample.saves.max(1));
        let saves = match sample.rate {
            0 => sample.whose.clone(),
            rate => format!("{rate}, {}", sample.whose),
        };
        writeln!(
            table,
            "| {page} | {} | {} | {saves} | {:.2} | {:.2} | {:.2} ms | {:.1} ms | {:.0} ms | \
             {:.0} ms | {:.0} |",
            sample.participants,
            sample.size,
            sample.layouts / per,
            sample.styles / per,
            sample.script_ms / per,
            sample.main_ms / per,
            sample.main_ms,
            sample.longest_ms,
            sample.nodes,
        )?;
    }
    Ok(table)
}
