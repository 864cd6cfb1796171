//! Makes system calls of a running process fail or wait, by strace.

use std::{fs, path::Path, process::Stdio};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::drive::{HANG_TIMEOUT, poll_until};

/// An injection that is in force until [`Injection::end`].
pub(super) struct Injection {
    strace: Child,
}

impl Injection {
    /// Injects `rule`, the value of strace's `-e inject=`.
    pub(super) async fn begin(pid: Pid, rule: &str) -> anyhow::Result<Self> {
        Self::of(pid, rule, &[]).await
    }

    /// Injects `rule` only into calls on this file.
    pub(super) async fn on(pid: Pid, rule: &str, file: &Path) -> anyhow::Result<Self> {
        let file = file.display().to_string();
        Self::of(pid, rule, &["-P", &file]).await
    }

    async fn of(pid: Pid, rule: &str, only: &[&str]) -> anyhow::Result<Self> {
        let calls = rule.split(':').next().unwrap_or_default();
        let mut strace = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null"])
            .arg(format!("--attach={}", pid.as_raw_nonzero()))
            .args(["-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={rule}")])
            .args(only)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("strace cannot be started")?;
        poll_until("strace attached", HANG_TIMEOUT, async || {
            anyhow::ensure!(strace.try_wait()?.is_none(), "strace cannot attach");
            Ok(is_traced(pid)?.then_some(()))
        })
        .await?;
        Ok(Self { strace })
    }

    /// Ends the injection; the process continues.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        let pid = self
            .strace
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()));
        kill_process(pid.context("strace has ended")?, Signal::INT)?;
        self.strace.wait().await?;
        Ok(())
    }
}

/// Whether every thread of the process is traced.
fn is_traced(pid: Pid) -> anyhow::Result<bool> {
    for task in fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()))? {
        // A thread may have ended meanwhile.
        let status = fs::read_to_string(task?.path().join("status")).unwrap_or_default();
        if status.contains("TracerPid:\t0\n") {
            return Ok(false);
        }
    }
    Ok(true)
}
