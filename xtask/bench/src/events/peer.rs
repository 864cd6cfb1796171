//! The peer: Flask behind gunicorn, with one worker process, because its events are in its memory,
//! and threads.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::drive::{
    HANG_TIMEOUT,
    http::HttpClient,
    poll_until,
    service::{ProcessUsage, free_address},
};

pub(super) struct FlaskPeer {
    pub(super) address: SocketAddr,
    master: Child,
}

impl Drop for FlaskPeer {
    fn drop(&mut self) {
        // The worker ends with the master on SIGTERM, but not when the master is killed.
        if let Ok(pid) = self.pid() {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl FlaskPeer {
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
        let client = HttpClient {
            address,
            token: String::new(),
        };
        let answers = async || Ok(client.get("/events").await.ok());
        poll_until("gunicorn answers", HANG_TIMEOUT, answers).await?;
        Ok(peer)
    }

    /// The processor time of the worker.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        let master = self.pid()?.as_raw_nonzero();
        let path = format!("/proc/{master}/task/{master}/children");
        let children = std::fs::read_to_string(path)?;
        let worker = children.split_whitespace().next().context("no worker")?;
        let worker = Pid::from_raw(worker.parse()?).context("not a process id")?;
        Ok(ProcessUsage::of(worker)?.cpu)
    }

    fn pid(&self) -> anyhow::Result<Pid> {
        let id = self.master.id().context("gunicorn has ended")?;
        Pid::from_raw(id.cast_signed()).context("not a process id")
    }
}
