//! The settings of participants' servers: whether they report saves, and the autosave interval.
//!
//! Both come with the package pipalhub-singleuser, as files of the Python environment that
//! it is installed into. No Python is started here.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::pip::install;
use crate::findings::Finding;

const SUBJECT: &str = "saves";
const AUTOSAVE: &str = "autosave";
/// The program that a Hub starts participants' servers with, in their environment.
const SINGLEUSER_PROGRAM: &str = "jupyterhub-singleuser";
const WHEEL: &str = "pipalhub_singleuser-*.whl";
const PYTHON_REMEDY: &str = "If they run on this machine, say with --python which Python \
                             environment they have, a folder such as /opt/tljh/user.";

/// The checks of the servers' Python environment; none on a machine without a Hub and without
/// participants' servers.
pub(super) fn check(python: Option<PathBuf>, under_hub: bool) -> Vec<Finding> {
    match python.or_else(environment_of_servers) {
        Some(python) => vec![extension(&python), autosave(&python)],
        None if under_hub => {
            let unknown =
                format!("no {SINGLEUSER_PROGRAM} is on PATH, so servers were not looked at");
            vec![Finding::warning(SUBJECT, unknown, PYTHON_REMEDY)]
        }
        None => Vec::new(),
    }
}

/// The environment whose server program is on `PATH`, which is how a Hub finds it.
fn environment_of_servers() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let program = env::split_paths(&path)
        .map(|folder| folder.join(SINGLEUSER_PROGRAM))
        .find(|program| program.is_file())?;
    // It may be a link in /usr/local/bin.
    let program = fs::canonicalize(program).ok()?;
    Some(program.parent()?.parent()?.to_owned())
}

fn extension(python: &Path) -> Finding {
    let shown = python.display();
    let config = read(&python.join("etc/jupyter/jupyter_server_config.d/pipalhub.json"));
    let enabled = config.is_some_and(|config| {
        config["ServerApp"]["jpserver_extensions"]["pipalhub_singleuser"] == true
    });
    if enabled {
        return Finding::ok(
            SUBJECT,
            format!("servers report them, by the package in {shown}"),
        );
    }
    Finding::warning(
        SUBJECT,
        format!("no package in {shown} reports them; the homes are watched instead"),
        &install_remedy(python),
    )
}

fn install_remedy(python: &Path) -> String {
    format!("{}, then restart the servers.", install(WHEEL, python))
}

fn autosave(python: &Path) -> Finding {
    let path = python.join("share/jupyter/lab/settings/overrides.d/pipalhub.json");
    let every = read(&path).and_then(|settings| {
        settings["@jupyterlab/docmanager-extension:plugin"]["autosaveInterval"].as_u64()
    });
    match every {
        Some(seconds) => Finding::ok(AUTOSAVE, format!("JupyterLab saves every {seconds} s")),
        None => Finding::warning(
            AUTOSAVE,
            "JupyterLab saves every two minutes only, as it does by default",
            &install_remedy(python),
        ),
    }
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
