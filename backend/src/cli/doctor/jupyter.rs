//! What participants' servers are told: whether they report saves, and how often they save.

use std::{fs, path::Path};

use serde_json::Value;

use super::report::Finding;

const SUBJECT: &str = "saves";
/// Where it is all copied from.
const REMEDY: &str = "sudo cp -r etc/jupyter/. /etc/jupyter/ of the release, then restart the \
                      participants' servers.";

/// On a machine without a Hub or Jupyter there is nothing to find.
pub(super) fn check(etc: &Path, under_hub: bool) -> Vec<Finding> {
    if !under_hub && !etc.is_dir() {
        return Vec::new();
    }
    vec![extension(etc), autosave(etc)]
}

fn extension(etc: &Path) -> Finding {
    let shown = etc.display();
    let enabled = read(&etc.join("jupyter_server_config.d/pipalhub_saves.json"));
    let enabled = enabled
        .is_some_and(|config| config["ServerApp"]["jpserver_extensions"]["pipalhub_saves"] == true);
    let installed = etc.join("pipalhub_saves.py").is_file();
    match (enabled, installed) {
        (true, true) => Finding::ok(SUBJECT, format!("servers report them, by {shown}")),
        (true, false) => Finding::problem(
            SUBJECT,
            format!("the extension is enabled in {shown}, but pipalhub_saves.py is not there"),
            REMEDY,
        ),
        (false, _) => Finding::warning(
            SUBJECT,
            format!("no extension in {shown} reports them; the homes are watched instead"),
            REMEDY,
        ),
    }
}

fn autosave(etc: &Path) -> Finding {
    let subject = "autosave";
    let path = etc.join("labconfig/default_setting_overrides.json");
    let every = read(&path).and_then(|settings| {
        settings["@jupyterlab/docmanager-extension:plugin"]["autosaveInterval"].as_u64()
    });
    match every {
        Some(seconds) => Finding::ok(subject, format!("JupyterLab saves every {seconds} s")),
        None => Finding::warning(
            subject,
            "JupyterLab saves every two minutes only, as it does by default",
            REMEDY,
        ),
    }
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
