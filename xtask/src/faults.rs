//! `cargo xtask faults`: injects faults into the real service.

use std::path::Path;

use clap::Args;

use crate::{
    bench,
    command::{execute, is_there, program, say},
    tools,
};

/// Break what can break, and print what the service makes of it; fails when a promise is
/// broken.
///
/// Kills it under sixteen writers, fills its disk, makes its syscalls fail, takes the Hub
/// away and itself away from Jupyter and from a whole class, tears notebooks, floods and starves it,
/// and looks for private cells in all that travels and is kept. Takes about eight minutes; --full
/// takes about twenty. Nothing outside of fresh temporary folders is touched. The rows of the disk
/// need strace, and root for a file system that is really full; without them they are shown as not
/// tried. Packets are captured by tcpdump, on the service's and the Hub's ports alone, where it is
/// installed and allowed to; the row says so when it is not.
#[derive(Args, Default)]
pub(crate) struct FaultsTaskArgs {
    /// Only the rows whose names hold this, such as kill, disk, notebooks or hub.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How often the service is killed. [default: as often as fits into 60 s, at most 500]
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// How many generated notebooks with private cells are pushed. [default: 300, with --full
    /// 10000]
    #[arg(long, value_name = "N")]
    notebooks: Option<usize>,
    /// How many minutes the service is away while a class works. [default: 1]
    #[arg(long, value_name = "N")]
    away_minutes: Option<u64>,
    /// Every row in full: 500 kills, 200 restarts of the stream, a minute without the
    /// service, more than a minute without the Hub, a minute of 600 pushes a second.
    #[arg(long)]
    full: bool,
}

pub(crate) fn run(args: &FaultsTaskArgs) -> anyhow::Result<()> {
    let venv = tools::venv(&tools::HUB_VENV)?;
    let programs = bench::release()?;
    say("Breaking things");
    drive(&programs.bench, &programs.pipalhub, &venv, args)
}

/// Runs what is short and promised to participants with debug builds, for `cargo xtask test`.
pub(crate) fn by_debug_builds(bench: &Path, pipalhub: &Path, venv: &Path) -> anyhow::Result<()> {
    say("Private cells, a flood of pushes, and an umask of 0");
    let args = FaultsTaskArgs {
        only: ["private-cells", "pushes-flood", "open-umask"]
            .map(str::to_owned)
            .to_vec(),
        ..FaultsTaskArgs::default()
    };
    drive(bench, pipalhub, venv, &args)
}

/// Installs tcpdump where that is possible; without it the row of private cells says that it looked
/// at no packets.
fn install_tcpdump() -> anyhow::Result<()> {
    if !(tools::is_root()? && is_there("apt-get")) {
        return Ok(());
    }
    if let Err(error) = tools::debian_packages(&[("tcpdump", "tcpdump")]) {
        say(&format!("Without tcpdump: {error:#}"));
    }
    Ok(())
}

fn drive(bench: &Path, pipalhub: &Path, venv: &Path, args: &FaultsTaskArgs) -> anyhow::Result<()> {
    install_tcpdump()?;
    let mut faults = program(bench);
    faults
        .args(["faults", "--etc", "etc", "--pipalhub"])
        .arg(pipalhub)
        .arg("--venv")
        .arg(venv);
    for name in &args.only {
        faults.args(["--only", name]);
    }
    for (option, number) in [
        ("--rounds", args.rounds.map(|rounds| rounds as u64)),
        ("--notebooks", args.notebooks.map(|count| count as u64)),
        ("--away-minutes", args.away_minutes),
    ] {
        if let Some(number) = number {
            faults.args([option, &number.to_string()]);
        }
    }
    if args.full {
        faults.arg("--full");
    }
    execute(&mut faults)
}
