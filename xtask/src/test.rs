//! `cargo xtask test`: everything that must hold. CI runs this and nothing else.

use std::{fs, path::PathBuf, thread, time::Instant};

use anyhow::{Context, bail};
use clap::Args;

use crate::{
    build::{self, Purpose},
    command::{cargo, execute, is_there, output, path_with, program, say},
    load, tools,
};

const WASM: &str = "wasm32-unknown-unknown";

/// Check and test everything: format, lints, docs, unit, API, browser, end to end.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Where the end-to-end tests leave their screenshots.
    #[arg(long, value_name = "DIR")]
    shots: Option<PathBuf>,
}

/// What the tests need beyond cargo.
struct Supplies {
    hub: PathBuf,
    hub5: PathBuf,
    proxy: PathBuf,
}

pub(crate) fn run(args: &TestArgs) -> anyhow::Result<()> {
    let begun = Instant::now();
    // The service does not compile without.
    debian_packages(&[("cc", "gcc"), ("make", "make")])?;
    // Waiting for the network while the compiler has the processors.
    let supplies = thread::spawn(get_supplies);
    let web = tools::web()?;
    check_format_and_lints()?;
    check_docs()?;
    say("Unit and API tests");
    run_cargo(&["test", "--locked", "--workspace", "--exclude", "frontend"])?;
    run_cargo(&["test", "--locked", "--package", "frontend", "--lib"])?;
    // A minute on one processor, which counts nobody else's time or memory.
    let growth = thread::spawn(growth_tests);
    build::page(Purpose::Installing)?;
    say("Building the service");
    run_cargo(&["build", "--locked", "--package", "backend"])?;
    run_cargo(&["build", "--locked", "--package", "bench", "--bins"])?;
    let supplies = supplies
        .join()
        .ok()
        .context("the installation has panicked")??;
    wasm_tests(&web)?;
    say("Tests of the participants' side");
    execute(program(supplies.hub.join("bin/python")).args([
        "-m",
        "unittest",
        "discover",
        "--start-directory",
        "tests/python",
    ]))?;
    growth.join().ok().context("a test has panicked")??;
    end_to_end_tests(args, &supplies)?;
    let debug = build::target_folder().join("debug");
    load::by_debug_builds(&debug.join("bench"), &debug.join("pipalhub"))?;
    say(&format!(
        "All is well, after {} s",
        begun.elapsed().as_secs()
    ));
    Ok(())
}

/// How time and memory grow with notebooks that are made to be slow. Of the whole workspace, so
/// that nothing is compiled anew with fewer features.
fn growth_tests() -> anyhow::Result<()> {
    let all = ["test", "--locked", "--workspace", "--exclude", "frontend"];
    run_cargo(&[&all[..], &["--test", "growth", "--", "--ignored"]].concat())
}

fn run_cargo(arguments: &[&str]) -> anyhow::Result<()> {
    execute(&mut cargo(arguments))
}

fn check_format_and_lints() -> anyhow::Result<()> {
    say("Format");
    run_cargo(&["fmt", "--all", "--check"])?;
    say("Lints");
    let deny = ["--all-targets", "--", "--deny", "warnings"];
    let native = ["clippy", "--locked", "--workspace", "--exclude", "frontend"];
    run_cargo(&[&native[..], &deny].concat())?;
    let wasm = [
        "clippy", "--locked", "--target", WASM, "-p", "shared", "-p", "frontend",
    ];
    run_cargo(&[&wasm[..], &deny].concat())
}

fn check_docs() -> anyhow::Result<()> {
    say("Docs");
    let native = [
        "doc",
        "--locked",
        "--no-deps",
        "--workspace",
        "--exclude",
        "frontend",
    ];
    execute(cargo(&native).env("RUSTDOCFLAGS", "--deny warnings"))?;
    let wasm = [
        "doc",
        "--locked",
        "--no-deps",
        "--package",
        "frontend",
        "--target",
        WASM,
    ];
    execute(cargo(&wasm).env("RUSTDOCFLAGS", "--deny warnings"))
}

/// The shared crate and the frontend as wasm in headless Chrome.
fn wasm_tests(tools: &[PathBuf]) -> anyhow::Result<()> {
    say("Tests as wasm in the browser");
    // Not the examples in the docs: some are of what exists natively only.
    let arguments = [
        "test", "--locked", "--target", WASM, "-p", "shared", "-p", "frontend", "--tests",
    ];
    execute(cargo(&arguments).env("PATH", path_with(tools)?).env(
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
        "wasm-bindgen-test-runner",
    ))
}

fn end_to_end_tests(args: &TestArgs, supplies: &Supplies) -> anyhow::Result<()> {
    say("End-to-end tests");
    let shots = args
        .shots
        .clone()
        .unwrap_or_else(|| build::target_folder().join("screenshots"));
    fs::create_dir_all(&shots).with_context(|| format!("cannot make {}", shots.display()))?;
    let shots = fs::canonicalize(shots)?;
    execute(
        cargo(&[
            "test",
            "--locked",
            "--package",
            "tests",
            "--test",
            "e2e",
            "--",
            "--ignored",
        ])
        .env(
            "PIPALHUB_BIN",
            build::target_folder().join("debug/pipalhub"),
        )
        .env("PIPALHUB_VENV", &supplies.hub)
        .env("PIPALHUB_VENV_HUB5", &supplies.hub5)
        .env("PIPALHUB_PROXY", &supplies.proxy)
        .env("PIPALHUB_SHOTS", shots),
    )
}

fn get_supplies() -> anyhow::Result<Supplies> {
    debian_packages(&[
        ("chromium", "chromium"),
        ("chromedriver", "chromium-driver"),
    ])?;
    let hub = tools::venv(&tools::HUB)?;
    tools::singleuser_package(&hub)?;
    Ok(Supplies {
        hub,
        hub5: tools::venv(&tools::HUB5)?,
        proxy: tools::proxy()?,
    })
}

/// Installs what of `(program, package)` is missing, where we may.
fn debian_packages(wanted: &[(&str, &str)]) -> anyhow::Result<()> {
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|(name, _)| !is_there(name) && !PathBuf::from("/usr/sbin").join(name).is_file())
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let is_root = output(program("id").arg("--user"))?.as_deref() == Some("0");
    if !(is_root && is_there("apt-get")) {
        bail!(
            "please install these first (Debian's names): {}",
            missing.join(" ")
        );
    }
    say(&format!("Installing {}", missing.join(" ")));
    let apt = || {
        let mut apt = program("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .arg("--quiet=2");
        apt
    };
    execute(apt().arg("update"))?;
    execute(
        apt()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(&missing),
    )
}
