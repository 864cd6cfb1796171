//! The Hub's configuration, without the service's variables: the package that adds the service to
//! it (`wheel/pipalhub/examine.py`) reads it with the Hub's own Python, and says what it finds.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use super::pip::install;
use crate::{
    findings::{Finding, OtherFinding},
    secret::SECRET_VARIABLES,
};

const SUBJECT: &str = "Hub configuration";
/// The Hub's own program, a script that names its Python in the first line.
const HUB_PROGRAM: &str = "jupyterhub";

pub(super) fn check(config: &Path) -> Vec<Finding> {
    let Some(python) = hub_python() else {
        return vec![Finding::problem(
            SUBJECT,
            format!("no {HUB_PROGRAM} is beside this program or on PATH"),
            "Run doctor with the PATH that the Hub has.",
        )];
    };
    match examine(&python, config) {
        Ok(findings) => findings.iter().map(Finding::of_other).collect(),
        Err(error) => vec![Finding::problem(
            SUBJECT,
            format!("{} cannot read it: {error:#}", python.display()),
            &install("pipalhub-*.whl", prefix_of(&python)),
        )],
    }
}

/// The address of the service that is in the Hub's configuration.
pub(super) fn service_url(config: &Path) -> anyhow::Result<String> {
    let python = hub_python().with_context(|| {
        format!("no {HUB_PROGRAM} is beside this program or on PATH: give --url instead")
    })?;
    let findings = examine(&python, config)
        .with_context(|| format!("{} cannot read {}", python.display(), config.display()))?;
    let url = findings.into_iter().find_map(|finding| finding.url);
    url.with_context(|| format!("no PipalHub is in {}: give --url instead", config.display()))
}

fn examine(python: &Path, config: &Path) -> anyhow::Result<Vec<OtherFinding>> {
    let mut command = Command::new(python);
    command.args(["-m", "pipalhub.examine"]).arg(config);
    for secret in SECRET_VARIABLES {
        command.env_remove(secret);
    }
    let output = command.output()?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{}", errors.lines().last().unwrap_or("it ended"));
    }
    serde_json::from_slice(&output.stdout).context("its answer is not understood")
}

/// The Python that the Hub runs with.
fn hub_python() -> Option<PathBuf> {
    let beside = env::current_exe().ok()?.with_file_name(HUB_PROGRAM);
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join(HUB_PROGRAM));
    std::iter::once(beside)
        .chain(on_path)
        .find_map(|program| interpreter(&program))
}

/// The folder of the environment that a Python is in the `bin` of.
fn prefix_of(python: &Path) -> &Path {
    let prefix = python.parent().and_then(Path::parent);
    prefix.unwrap_or(Path::new("/usr"))
}

/// The interpreter in the first line of a script.
fn interpreter(script: &Path) -> Option<PathBuf> {
    let text = fs::read(script).ok()?;
    let line = text.split(|byte| *byte == b'\n').next()?;
    let line = str::from_utf8(line).ok()?.strip_prefix("#!")?;
    Some(PathBuf::from(line.split_whitespace().next()?))
}
