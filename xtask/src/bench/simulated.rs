//! Measures what the service finds in the saves of classes whose truth is known, in process
//! (`xtask/simulation`) and over HTTP (`xtask/bench`), and in errors of real kernels.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, ensure};
use clap::Args;

use crate::{
    build,
    command::{cargo, execute, is_there, program, root, say},
    tools,
};

/// Where a kernel is told of its connection.
const FILE: &str = "{connection_file}";

/// Lineage of cells, groups of errors, states of cells and attention, in simulated classes.
#[derive(Args)]
pub(super) struct SimulatedArgs {
    /// The classes that the rules were made with, and not those that are reported.
    #[arg(long)]
    development: bool,
    /// Without the errors of real kernels, which come from PyPI, npm and Debian.
    #[arg(long)]
    without_kernels: bool,
    /// Without the classes over HTTP, which take some minutes.
    #[arg(long)]
    without_http: bool,
    /// The service for classes over HTTP as it was built for debugging, if there is one.
    #[arg(long)]
    debug_service: bool,
}

pub(super) fn run(args: &SimulatedArgs) -> anyhow::Result<()> {
    let mistakes = match args.without_kernels {
        true => None,
        false => Some(record_mistakes()?),
    };
    let seeds = match args.development {
        true => "development",
        false => "report",
    };
    say("Building in release");
    let mut command = cargo(&["build", "--release", "--locked", "--bins"]);
    command.args(["-p", "simulation"]);
    if !args.without_http {
        // Together, so that they share what they are built of.
        command.args(["-p", "bench", "-p", "backend"]);
    }
    execute(&mut command)?;
    say("Simulating classes");
    let mut command = program(build::target_folder().join("release/simulation"));
    command.args(["--seeds", seeds]);
    if let Some(mistakes) = mistakes {
        command.arg("--mistakes").arg(mistakes);
    }
    execute(&mut command)?;
    if args.without_http {
        return Ok(());
    }
    say("Pushing classes to a service");
    let debug = build::target_folder().join("debug/pipalhub");
    let service = match args.debug_service && debug.is_file() {
        true => debug,
        false => build::target_folder().join("release/pipalhub"),
    };
    // Its rows are those of the same table.
    let mut command = program(build::target_folder().join("release/bench"));
    command.args(["simulated", "--seeds", seeds, "--pipalhub"]);
    execute(command.arg(service))
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
            Path::new(FILE),
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
        Path::new(FILE),
    ];
    all.extend(record(&python, "bash", "bash", &command)?);
    if let Some(deno) = tools::deno()? {
        let command = [
            deno.as_path(),
            Path::new("jupyter"),
            Path::new("--kernel"),
            Path::new("--conn"),
            Path::new(FILE),
        ];
        all.extend(record(&python, "deno", "javascript", &command)?);
    }
    if tools::r_kernel()? {
        let command = ["R", "--slave", "-e", "IRkernel::main()", "--args", FILE];
        all.extend(record(&python, "IRkernel", "R", &command.map(Path::new))?);
    } else {
        say("Without R and its kernel (Debian's r-cran-irkernel)");
    }
    if is_there("jshell") {
        let kernel = tools::venv(&tools::JAVA_KERNEL_VENV)?.join("share/jupyter/kernels/java");
        let (launcher, jar) = (kernel.join("jjava-launcher.jar"), kernel.join("jjava.jar"));
        let command = [
            Path::new("java"),
            Path::new("-jar"),
            &launcher,
            &jar,
            Path::new(FILE),
        ];
        all.extend(record(&python, "JJava", "java", &command)?);
    } else {
        say("Without Java (Debian's default-jdk-headless)");
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
