//! Measures the cost of an event: until it is acknowledged and on the disk, many at once, and until
//! a reader sees it; compared with Flask with events in memory, and with the disk itself.

use anyhow::{Context, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    native::{OurPrograms, release},
    ratios::{RatioRow, RatioTable},
    samples::Quartiles,
    write_samples,
};
use crate::{
    command::{output, program, say},
    tools,
};

/// Events: acknowledged on disk, a second, and until they are seen, against Flask.
#[derive(Args)]
pub(super) struct EventsTaskArgs {
    /// How often each is measured, turn by turn; a round takes about ten seconds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many connections there are when it is about events a second.
    #[arg(long, default_value_t = 64)]
    connections: usize,
}

/// The JSON that `bench events` prints.
#[derive(Serialize, Deserialize)]
struct EventsSamples {
    fdatasync_ms: Vec<f64>,
    fdatasync_append_ms: Vec<f64>,
    ours: SideSamples,
    peer: SideSamples,
}

/// The samples of ours or of the peer.
#[derive(Serialize, Deserialize)]
struct SideSamples {
    ack_ms: Vec<f64>,
    crowded_ack_ms: Vec<f64>,
    per_second: Vec<f64>,
    cpu_share: Vec<f64>,
    generator_cpu_share: Vec<f64>,
    seen_ms: Vec<f64>,
}

pub(super) fn run(args: &EventsTaskArgs) -> anyhow::Result<()> {
    let venv = tools::venv(&tools::BENCH_VENV)?;
    let OurPrograms { bench, pipalhub } = release()?;
    say("Posting events");
    let mut command = program(bench);
    command
        .args(["events", "--peer", "xtask/bench"])
        .args(["--rounds", &args.rounds.to_string()])
        .args(["--connections", &args.connections.to_string()])
        .arg("--pipalhub")
        .arg(pipalhub)
        .arg("--venv")
        .arg(&venv);
    let done = command.stderr(std::process::Stdio::inherit()).output()?;
    ensure!(done.status.success(), "bench events failed");
    let report: EventsSamples = serde_json::from_slice(&done.stdout)?;
    let code = "import importlib.metadata as m, platform; \
                print('Flask', m.version('flask'), 'on gunicorn', m.version('gunicorn'), \
                '(1 worker, gthread, 4 threads), Python', platform.python_version())";
    let python = venv.join("bin/python");
    let peer = output(program(python).args(["-c", code]))?.context("there is no Python")?;
    println!("Peer: {peer}\n\n{}", table(args, &report)?);
    write_samples("events", &json!({"peers": [peer], "samples": report}))
}

fn table(args: &EventsTaskArgs, report: &EventsSamples) -> anyhow::Result<RatioTable> {
    let EventsSamples { ours, peer, .. } = report;
    let summary = |samples: &[f64]| Quartiles::of(samples).context("nothing was measured");
    let sync = summary(&report.fdatasync_ms)?;
    let (ack, peer_ack) = (summary(&ours.ack_ms)?, summary(&peer.ack_ms)?);
    let (seen, polled) = (summary(&ours.seen_ms)?, summary(&peer.seen_ms)?);
    let (rate, peer_rate) = (summary(&ours.per_second)?, summary(&peer.per_second)?);
    let connections = args.connections;
    let many = format!("events a second, {connections} connections");
    let mut table = RatioTable::new("peer, in memory");
    table.push(RatioRow {
        label: "POST to 201, one client",
        peer: peer_ack.to_string(),
        ours: ack.to_string(),
        ratio: peer_ack.median / ack.median,
        target: String::new(),
    });
    table.push(RatioRow {
        label: "the same against this disk's fdatasync",
        peer: format!("fdatasync: {sync}"),
        ours: ack.to_string(),
        ratio: ack.median / sync.median,
        target: "2.2x at most".to_owned(),
    });
    table.push(RatioRow {
        label: &many,
        peer: format!("{:.0}", peer_rate.median),
        ours: format!("{:.0}", rate.median),
        ratio: rate.median / peer_rate.median,
        target: "40x; 25000".to_owned(),
    });
    table.push(RatioRow {
        label: "POST until a reader has it (peer: polling every 2 s)",
        peer: polled.to_string(),
        ours: seen.to_string(),
        ratio: polled.median / seen.median,
        target: "60x; 0.6 ms".to_owned(),
    });
    table.note(format!(
        "one client: 99 % of ours are below {:.2} ms (target: 5 ms), of the peer's below {:.2} ms",
        p99(&ours.ack_ms),
        p99(&peer.ack_ms)
    ));
    table.note(format!(
        "{connections} connections: POST to 201 takes {} of ours and {} of the peer's",
        summary(&ours.crowded_ack_ms)?,
        summary(&peer.crowded_ack_ms)?
    ));
    let share = |samples: &[f64]| summary(samples).map(|share| share.median * 100.0);
    table.note(format!(
        "meanwhile ours used {:.0} % of one core and the generator {:.0} %; the peer {:.0} % and \
         the generator {:.0} %",
        share(&ours.cpu_share)?,
        share(&ours.generator_cpu_share)?,
        share(&peer.cpu_share)?,
        share(&peer.generator_cpu_share)?
    ));
    table.note(format!(
        "fdatasync is of a page of 4 kB written over another, as SQLite's log is; at the end of \
         a file that grows it takes {}",
        summary(&report.fdatasync_append_ms)?
    ));
    Ok(table)
}

fn p99(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(sorted.len() * 99 / 100)
        .copied()
        .unwrap_or_default()
}
