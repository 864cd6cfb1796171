//! Runs other programs, and names the command in the error when one fails.

use std::{
    ffi::{OsStr, OsString},
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

/// The top folder of this checkout.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask
        .parent()
        .expect("xtask is in the top folder")
        .to_owned()
}

/// Prints the current step.
pub(crate) fn say(step: &str) {
    eprintln!("\x1b[1;36m▸\x1b[0m {step}");
}

/// A command that runs `program` in the top folder.
pub(crate) fn program(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The cargo that runs xtask.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a command to its end; its output goes to xtask's.
pub(crate) fn execute(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("{} ended with {status}", command_line(command));
    }
    Ok(())
}

/// Runs a command to its end and returns its stdout; `None` when there is no such program.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<Option<String>> {
    let output = match command.stderr(Stdio::null()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        output => output.with_context(|| cannot_start(command))?,
    };
    Ok(Some(
        String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    ))
}

/// Runs a command until it ends. On Ctrl-C or SIGTERM the command is asked to end first.
pub(crate) fn run_until_asked(command: &mut Command, stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    let flag = Arc::clone(stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst))
        .context("cannot wait for Ctrl-C")?;
    let mut child = command.spawn().with_context(|| cannot_start(command))?;
    let mut asked = false;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if stop.load(Ordering::SeqCst) && !asked {
            asked = true;
            ask_to_end(&child);
        }
        thread::sleep(Duration::from_millis(50));
    };
    let wanted = stop.swap(true, Ordering::SeqCst);
    if !wanted && !status.success() {
        bail!("{} ended with {status}", command_line(command));
    }
    Ok(())
}

/// Sends SIGTERM to the child: Ctrl-C in a terminal reaches it anyway, but a signal to xtask does
/// not.
fn ask_to_end(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // The child may have just ended.
        let _ = kill_process(pid, Signal::TERM);
    }
}

/// `PATH` with these folders first.
pub(crate) fn path_with(folders: &[PathBuf]) -> anyhow::Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = folders.iter().cloned().chain(std::env::split_paths(&path));
    std::env::join_paths(folders).context("a folder's name holds a colon")
}

/// Whether a program of this name is on `PATH`.
pub(crate) fn is_there(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

fn cannot_start(command: &Command) -> String {
    format!("{} cannot be started", command.get_program().display())
}

fn command_line(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words = command.get_args().map(OsStr::to_string_lossy);
    format!("{} {}", name.display(), words.collect::<Vec<_>>().join(" "))
}
