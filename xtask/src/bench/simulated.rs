//! Measures what the service would find in the saves of classes whose truth is known, and in errors
//! of real kernels: `xtask/simulation`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use clap::Args;

use crate::{
    build,
    command::{cargo, execute, program, root, say},
    tools,
};

/// Lineage of cells, groups of errors, states of cells and attention, in simulated classes.
#[derive(Args)]
pub(super) struct SimulatedArgs {
    /// The classes that the rules were made with, and not those that are reported.
    #[arg(long)]
    development: bool,
    /// Without the errors of real kernels, which come from PyPI and npm.
    #[arg(long)]
    without_kernels: bool,
}

pub(super) fn run(args: &SimulatedArgs) -> anyhow::Result<()> {
    let mistakes = match args.without_kernels {
        true => None,
        false => Some(record_mistakes()?),
    };
    say("Building in release");
    execute(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "-p",
        "simulation",
    ]))?;
    say("Simulating classes");
    let mut command = program(build::target_folder().join("release/simulation"));
    command.args([
        "--seeds",
        if args.development {
            "development"
        } else {
            "report"
        },
    ]);
    if let Some(mistakes) = mistakes {
        command.arg("--mistakes").arg(mistakes);
    }
    execute(&mut command)
}

/// Makes mistakes in all kernels at hand; the file of their errors is made once.
fn record_mistakes() -> anyhow::Result<PathBuf> {
    let folder = build::target_folder().join("bench");
    fs::create_dir_all(&folder)?;
    let mut all = Vec::new();
    let mut python = None;
    for venv in &tools::KERNEL_VENVS {
        let folder = tools::venv(venv)?;
        let own = folder.join("bin/python");
        let command = [
            own.as_path(),
            Path::new("-m"),
            Path::new("ipykernel_launcher"),
            Path::new("-f"),
            Path::new("{connection_file}"),
        ];
        all.extend(record(&own, venv.name(), "python", &command)?);
        python = Some(own);
    }
    let python = python.context("there is a venv")?;
    let command = [
        python.as_path(),
        Path::new("-m"),
        Path::new("bash_kernel"),
        Path::new("-f"),
        Path::new("{connection_file}"),
    ];
    all.extend(record(&python, "bash", "bash", &command)?);
    if let Some(deno) = tools::deno()? {
        let command = [
            deno.as_path(),
            Path::new("jupyter"),
            Path::new("--kernel"),
            Path::new("--conn"),
            Path::new("{connection_file}"),
        ];
        all.extend(record(&python, "deno", "javascript", &command)?);
    }
    let file = folder.join("mistakes.jsonl");
    fs::write(&file, all)?;
    Ok(file)
}

fn record(
    python: &Path,
    kernel: &str,
    language: &str,
    command: &[&Path],
) -> anyhow::Result<Vec<u8>> {
    say(&format!("Mistakes in {kernel}"));
    let made = program(python)
        .arg(root().join("xtask/bench/mistakes.py"))
        .args([kernel, language])
        .args(command)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(
        made.status.success(),
        "the mistakes were not made in {kernel}"
    );
    Ok(made.stdout)
}
