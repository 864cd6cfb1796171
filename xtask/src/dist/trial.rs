//! Each package installed and started once, as far as this machine can: the wheels and the tarball
//! in folders of their own without a network, then every package on fresh servers, by the lines of
//! its documentation. The program for arm64 is started by qemu on other machines, out of each of
//! its packages.

use std::path::Path;

use super::DistTarget;
use crate::{
    command::{cargo, execute, say},
    fresh, tools,
};

/// Starts a program for arm64 on another machine, with the C library that Debian cross-compiles
/// with.
const EMULATOR: [&str; 3] = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"];
/// Debian's packages of both, by files that are there then.
const EMULATOR_PACKAGES: [(&str, &str); 2] = [
    ("qemu-aarch64-static", "qemu-user-static"),
    (
        "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
        "libc6-arm64-cross",
    ),
];

/// Installs and starts the packages in `dist`.
pub(super) fn run(targets: &[DistTarget], dist: &Path) -> anyhow::Result<()> {
    let runs_here = targets.iter().any(|target| target.is_host());
    let has_emulator = needs_emulator(targets) && has_emulator();
    if !runs_here && !has_emulator {
        say("None of the packages runs on this machine, so none is tried");
        return Ok(());
    }
    let [hub, oldest_hub] = [&tools::HUB_VENV, &tools::OLDEST_HUB_VENV].map(tools::venv);
    say("Installing and starting the wheels and the tarball");
    let mut test = cargo(&["test", "--locked", "--package", "tests"]);
    test.args(["--test", "packages", "--", "--ignored"])
        .env("PIPALHUB_DIST", dist)
        .env("PIPALHUB_VENV", hub?)
        .env("PIPALHUB_VENV_HUB5", oldest_hub?);
    if has_emulator {
        test.env("PIPALHUB_EMULATOR", EMULATOR.join(" "));
    } else {
        test.args(["--skip", "by_an_emulator"]);
    }
    if !runs_here {
        test.args(["by_an_emulator", "every_package"]);
    }
    execute(&mut test)?;
    if !runs_here {
        return Ok(());
    }
    match fresh::obstacle()? {
        None => {
            tools::browser()?;
            let images = fresh::images(fresh::HUB_VERSION)?;
            fresh::test_packages(&images, dist)
        }
        Some(obstacle) => {
            say(&format!(
                "No package is tried on a fresh server: {obstacle}"
            ));
            Ok(())
        }
    }
}

fn needs_emulator(targets: &[DistTarget]) -> bool {
    targets.contains(&DistTarget::Arm64) && !DistTarget::Arm64.is_host()
}

/// Whether there is an emulator, which is installed where that is possible.
fn has_emulator() -> bool {
    let installed = tools::debian_packages(&EMULATOR_PACKAGES);
    if let Err(error) = &installed {
        say(&format!("The program for arm64 is not started: {error:#}"));
    }
    installed.is_ok()
}
