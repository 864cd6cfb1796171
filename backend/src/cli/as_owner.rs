//! A command that root has started is run as the user whom the service's data belong to: files of
//! root's in that folder could be in the way of the service.

use std::{
    env, fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Command, ExitStatus},
};

use anyhow::Context;
use rustix::process::geteuid;

use crate::secret::SECRET_VARIABLES;

/// Variables that such a command is given beside this program's own. All others are root's, and a
/// token of a cloud may be among them.
const PASSED: [&str; 7] = [
    "COLUMNS", "LANG", "LC_ALL", "NO_COLOR", "PATH", "TERM", "TZ",
];
/// With it the names of this program's settings begin.
const OWN_PREFIX: &str = "PIPALHUB_";
/// Those of other commands, as `pipalhub check`, that are secrets.
const SECRET_SUFFIXES: [&str; 2] = ["_PASSWORD", "_TOKEN"];

/// How the same command has ended as the owner of `data`; nothing when this process is to do it,
/// since it is not root's, or the folder is.
///
/// # Errors
/// When there is no such folder, or the command cannot be started.
pub(super) fn run_as_owner(data: &Path) -> anyhow::Result<Option<ExitStatus>> {
    let metadata = fs::metadata(data).with_context(|| {
        format!(
            "there is no data folder at {}: say where with --data DIR",
            data.display()
        )
    })?;
    if !geteuid().is_root() || metadata.uid() == 0 {
        return Ok(None);
    }
    let program = env::current_exe().context("cannot find this program's own file")?;
    let ended = Command::new(&program)
        .args(env::args_os().skip(1))
        .env_clear()
        .envs(env::vars_os().filter(|(name, _)| is_passed(&name.to_string_lossy())))
        .uid(metadata.uid())
        .gid(metadata.gid())
        .status()
        .with_context(|| {
            format!(
                "cannot run {} as user {}, whose the data folder {} is",
                program.display(),
                metadata.uid(),
                data.display()
            )
        })?;
    Ok(Some(ended))
}

fn is_passed(name: &str) -> bool {
    let is_secret =
        SECRET_VARIABLES.contains(&name) || SECRET_SUFFIXES.iter().any(|it| name.ends_with(it));
    (name.starts_with(OWN_PREFIX) && !is_secret) || PASSED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_are_passed_on() {
        for name in ["PIPALHUB_DATA", "PIPALHUB_HOMES", "TERM", "PATH"] {
            assert!(is_passed(name), "{name}");
        }
        for name in ["DIGITALOCEAN_TOKEN", "SUDO_USER", "SSH_AUTH_SOCK", "HOME"] {
            assert!(!is_passed(name), "{name}");
        }
        for name in SECRET_VARIABLES.iter().chain(&["PIPALHUB_CHECK_PASSWORD"]) {
            assert!(!is_passed(name), "{name}");
        }
    }
}
