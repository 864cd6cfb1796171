//! Each package that this machine can run, installed and started once: the wheels and the tarball
//! in folders of their own without a network, then every package on fresh servers, by the lines of
//! its documentation.

use std::path::Path;

use super::DistTarget;
use crate::{
    command::{cargo, execute, say},
    fresh, tools,
};

/// Installs and starts the packages in `dist`.
pub(super) fn run(targets: &[DistTarget], dist: &Path) -> anyhow::Result<()> {
    if !targets.iter().any(|target| target.is_host()) {
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
    execute(&mut test)?;
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
