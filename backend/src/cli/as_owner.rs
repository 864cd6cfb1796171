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
