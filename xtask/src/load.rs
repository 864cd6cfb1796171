//! `cargo xtask load`: a simulated class, and whether every reader sees every save.

use std::path::Path;

use clap::Args;

use crate::{
    bench,
    command::{execute, program, say},
};

/// Run a class at work over real HTTP and real files; fails when a save is lost, shown
/// twice or out of order.
///
/// Every participant saves a notebook of 200 KB every five seconds as JupyterLab does and
/// reports it as the hook does; readers follow the stream. How long it takes is printed
/// and decides nothing.
#[derive(Args)]
pub(crate) struct LoadTaskArgs {
    /// How many participants save.
    #[arg(long, value_name = "N", default_value_t = 300)]
    participants: usize,
    /// How many readers follow.
    #[arg(long, value_name = "N", default_value_t = 50)]
    readers: usize,
    /// For how long.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
}

pub(crate) fn run(args: &LoadTaskArgs) -> anyhow::Result<()> {
    let programs = bench::release()?;
    drive(&programs.bench, &programs.pipalhub, args)
}

/// Runs the load with debug builds, for `cargo xtask test`.
pub(crate) fn by_debug_builds(bench: &Path, pipalhub: &Path) -> anyhow::Result<()> {
    let args = LoadTaskArgs {
        participants: 300,
        readers: 50,
        seconds: 60,
    };
    drive(bench, pipalhub, &args)
}

fn drive(bench: &Path, pipalhub: &Path, args: &LoadTaskArgs) -> anyhow::Result<()> {
    say("A class at work");
    let mut load = program(bench);
    load.args(["load", "--participants", &args.participants.to_string()])
        .args(["--readers", &args.readers.to_string()])
        .args(["--seconds", &args.seconds.to_string()])
        .arg("--pipalhub")
        .arg(pipalhub);
    execute(&mut load)
}
