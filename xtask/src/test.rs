//! `cargo xtask test`: all checks and tests. CI runs this and nothing else.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

use anyhow::{Context, ensure};
use clap::Args;
use rustix::fs::statvfs;

use crate::{
    build::{self, BuildProfile},
    command::{cargo, execute, path_with, program, say},
    faults, fresh, load, tools,
};

/// What all tests take of the disk, in bytes, where nothing is built yet.
const ROOM_FROM_NOTHING: u64 = 10_000_000_000;
/// What they take where they have run before.
const ROOM_AGAIN: u64 = 4_000_000_000;

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Check and test everything: format, lints, docs, unit, API, browser, end to end.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Where the end-to-end tests leave their screenshots.
    #[arg(long, value_name = "DIR")]
    shots: Option<PathBuf>,
}

/// The installed programs that the tests need besides cargo.
struct TestTools {
    hub: PathBuf,
    oldest_hub: PathBuf,
    /// With jupyter-collaboration 4 and 5.
    collaboration: [PathBuf; 2],
    proxy: PathBuf,
    nginx: PathBuf,
    /// The script that looks for what bars people from a page.
    axe: PathBuf,
    /// The images of a fresh server, or the reason why there is none.
    fresh: Result<fresh::FreshImages, String>,
}

pub(crate) fn run(args: &TestArgs) -> anyhow::Result<()> {
    let begun = Instant::now();
    check_room()?;
    // The service does not compile without these.
    tools::debian_packages(&[("cc", "gcc"), ("make", "make")])?;
    // Of a trainer's machine, and the certificates of a made-up API.
    tools::debian_packages(&[("ssh", "openssh-client"), ("openssl", "openssl")])?;
    // In parallel: this waits for the network while the compiler uses the processors.
    let test_tools = thread::spawn(install_test_tools);
    let web = tools::web()?;
    check_format_and_lints()?;
    check_docs()?;
    say("Unit and API tests");
    run_cargo(&["test", "--locked", "--workspace", "--exclude", "frontend"])?;
    run_cargo(&["test", "--locked", "--package", "frontend", "--lib"])?;
    // In parallel: a minute on one processor; it measures only its own time and memory.
    let growth = thread::spawn(growth_tests);
    build::page(BuildProfile::Release)?;
    say("Building the service");
    run_cargo(&["build", "--locked", "--package", "backend"])?;
    run_cargo(&["build", "--locked", "--package", "bench", "--bins"])?;
    let test_tools = test_tools
        .join()
        .ok()
        .context("the installation has panicked")??;
    wasm_tests(&web)?;
    say("Tests of the Hub's configuration and of the participants' side");
    let service = build::target_folder().join("debug/pipalhub");
    execute(
        program(test_tools.hub.join("bin/python"))
            .args([
                "-m",
                "unittest",
                "discover",
                "--start-directory",
                "tests/python",
            ])
            .env("PIPALHUB_BIN", &service)
            .env("PIPALHUB_NGINX", &test_tools.nginx)
            .env("PIPALHUB_PROXY", &test_tools.proxy),
    )?;
    say("Tests of the Hub's configuration on the oldest Hub");
    execute(
        program(test_tools.oldest_hub.join("bin/python"))
            .args([
                "-m",
                "unittest",
                "discover",
                "--start-directory",
                "tests/python",
                "--pattern",
                "test_configure*.py",
            ])
            .env("PIPALHUB_BIN", &service),
    )?;
    growth.join().ok().context("a test has panicked")??;
    let shots = build::shots(args.shots.as_deref())?;
    end_to_end_tests(&shots, &test_tools)?;
    match &test_tools.fresh {
        Ok(images) => fresh::test(images, &shots)?,
        Err(obstacle) => say(&format!("No tests on a fresh server: {obstacle}")),
    }
    let debug = build::target_folder().join("debug");
    let (bench, pipalhub) = (debug.join("bench"), debug.join("pipalhub"));
    faults::by_debug_builds(&bench, &pipalhub, &test_tools.hub)?;
    load::by_debug_builds(&bench, &pipalhub)?;
    say(&format!(
        "All is well, after {} s",
        begun.elapsed().as_secs()
    ));
    Ok(())
}

/// Says at once that the disk is too small: a compiler that finds no room says so somewhere in the
/// middle of its own words.
fn check_room() -> anyhow::Result<()> {
    let target = build::target_folder();
    fs::create_dir_all(&target).with_context(|| format!("cannot make {}", target.display()))?;
    let is_built = target.join("wasm-release").is_dir();
    let wanted = if is_built {
        ROOM_AGAIN
    } else {
        ROOM_FROM_NOTHING
    };
    let disk = statvfs(&target)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    ensure!(
        free >= wanted,
        "{} has {:.1} GB free, and the tests take up to {:.0}: make room, for example by \
         `cargo clean`, or name a folder on a larger disk in CARGO_TARGET_DIR",
        target.display(),
        free as f64 / 1e9,
        wanted as f64 / 1e9,
    );
    Ok(())
}

/// Tests how time and memory grow with notebooks that are made to be slow. Run for the whole
/// workspace, so that nothing is compiled again with fewer features.
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
        "clippy",
        "--locked",
        "--target",
        WASM_TARGET,
        "-p",
        "shared",
        "-p",
        "frontend",
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
        WASM_TARGET,
    ];
    execute(cargo(&wasm).env("RUSTDOCFLAGS", "--deny warnings"))
}

/// The shared crate and the frontend as wasm in headless Chrome.
fn wasm_tests(tools: &[PathBuf]) -> anyhow::Result<()> {
    say("Tests as wasm in the browser");
    // Without doctests: some are of native-only items.
    let arguments = [
        "test",
        "--locked",
        "--target",
        WASM_TARGET,
        "-p",
        "shared",
        "-p",
        "frontend",
        "--tests",
    ];
    execute(cargo(&arguments).env("PATH", path_with(tools)?).env(
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
        "wasm-bindgen-test-runner",
    ))
}

fn end_to_end_tests(shots: &Path, test_tools: &TestTools) -> anyhow::Result<()> {
    say("End-to-end tests");
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
        .env("PIPALHUB_VENV", &test_tools.hub)
        .env("PIPALHUB_VENV_HUB5", &test_tools.oldest_hub)
        .env(
            "PIPALHUB_VENV_COLLABORATION_4",
            &test_tools.collaboration[0],
        )
        .env(
            "PIPALHUB_VENV_COLLABORATION_5",
            &test_tools.collaboration[1],
        )
        .env("PIPALHUB_PROXY", &test_tools.proxy)
        .env("PIPALHUB_AXE", &test_tools.axe)
        .env("PIPALHUB_SHOTS", shots),
    )
}

fn install_test_tools() -> anyhow::Result<TestTools> {
    tools::browser()?;
    tools::firefox()?;
    let hub = tools::venv(&tools::HUB_VENV)?;
    tools::singleuser_package(&hub)?;
    let [four, five] = tools::COLLABORATION_VENVS;
    let collaboration = [tools::venv(&four)?, tools::venv(&five)?];
    for venv in &collaboration {
        tools::singleuser_package(venv)?;
    }
    Ok(TestTools {
        hub,
        oldest_hub: tools::venv(&tools::OLDEST_HUB_VENV)?,
        collaboration,
        proxy: tools::proxy()?,
        nginx: tools::nginx()?,
        axe: tools::npm_packages("axe", &[("axe-core", "4.11.0")])?.join("axe-core/axe.min.js"),
        fresh: match fresh::obstacle()? {
            // Packages for the images may be out of reach where those for this machine are not.
            None => fresh::images(fresh::HUB_VERSION).map_err(|error| format!("{error:#}")),
            Some(obstacle) => Err(obstacle),
        },
    })
}
