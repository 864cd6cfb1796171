//! Flask behind gunicorn: one process, because its events are in its memory, and threads.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::drive::{
    LONG,
    http::Client,
    service::{Usage, free_address},
    until,
};

pub(super) struct Peer {
    pub(super) address: SocketAddr,
    master: Child,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Its worker ends with it when it is asked, and not when it is killed.
        if let Ok(pid) = self.pid() {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Peer {
    pub(super) async fn start(venv: &Path, app: &Path) -> anyhow::Result<Self> {
        let address = free_address()?;
        let master = Command::new(venv.join("bin/gunicorn"))
            .args([
                "--workers",
                "1",
                "--worker-class",
                "gthread",
                "--threads",
                "4",
            ])
            .args(["--keep-alive", "60", "--log-level", "error"])
            .args(["--graceful-timeout", "1"])
            .args(["--bind", &address.to_string(), "flask_events:app"])
            .current_dir(app)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("gunicorn cannot be started")?;
        let peer = Self { address, master };
        let client = Client {
            address,
            token: String::new(),
        };
        let answers = async || Ok(client.get("/events").await.ok());
        until("gunicorn answers", LONG, answers).await?;
        Ok(peer)
    }

    /// Of the worker.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        let master = self.pid()?.as_raw_nonzero();
        let path = format!("/proc/{master}/task/{master}/children");
        let children = std::fs::read_to_string(path)?;
        let worker = children.split_whitespace().next().context("no worker")?;
        let worker = Pid::from_raw(worker.parse()?).context("not a process id")?;
        Ok(Usage::of(worker)?.cpu)
    }

    fn pid(&self) -> anyhow::Result<Pid> {
        let id = self.master.id().context("gunicorn has ended")?;
        Pid::from_raw(id.cast_signed()).context("not a process id")
    }
}
