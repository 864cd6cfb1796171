//! The service is away while participants save: no save fails, none is slower, and when it
//! is back it hears of the latest of each.
//!
//! A real jupyter_server with the extension saves side by side with one that has nothing
//! to report to, so that what the machine does meanwhile slows both.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::json;
use tokio::process::{Child, Command};

use super::{Lab, Verdict};
use crate::{
    drive::{
        LONG, TOKEN,
        http::{Client, Connection, request},
        service::{Plan, Service, free_address},
        until,
    },
    samples::Percentiles,
};

const NOTEBOOKS: usize = 20;
const ADDED_MS: f64 = 3.0;
const BACK_WITHIN: Duration = Duration::from_secs(3);

/// Where a server reports its saves, and by which token.
pub(super) struct Report<'a> {
    pub(super) to: &'a str,
    pub(super) token: &'a str,
}

/// A participant's server.
pub(super) struct Jupyter {
    child: Child,
    connection: Connection,
    address: SocketAddr,
}

impl Jupyter {
    /// With `report_to`, its saves are reported there.
    async fn start(lab: &Lab, venv: &Path, name: &str, report_to: &str) -> anyhow::Result<Self> {
        let home = lab.folder.join(name);
        fs::create_dir(&home)?;
        let report = Report {
            to: report_to,
            token: TOKEN,
        };
        Self::start_in(lab, venv, name, report, &home, &[]).await
    }

    /// The same in a home that is there, started by the words `around`, which end by executing
    /// what follows them.
    pub(super) async fn start_in(
        lab: &Lab,
        venv: &Path,
        name: &str,
        report: Report<'_>,
        home: &Path,
        around: &[&str],
    ) -> anyhow::Result<Self> {
        let log = File::create(lab.folder.join(format!("{name}.log")))?;
        let address = free_address()?;
        let program = venv.join("bin/jupyter-server").display().to_string();
        let words = [around, &[program.as_str()]].concat();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(["--allow-root", "--no-browser", "--ServerApp.port_retries=0"])
            .arg(format!("--ServerApp.port={}", address.port()))
            .arg(format!("--ServerApp.root_dir={}", home.display()))
            .arg(format!("--IdentityProvider.token={TOKEN}"))
            .arg("--ServerApp.jpserver_extensions=pipalhub_singleuser=True")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            // Outside of the home, whose disk may be full.
            .env("JUPYTER_RUNTIME_DIR", lab.folder.join("runtime"))
            // As it is here, and not as it may be installed.
            .env("PYTHONPATH", lab.etc.join("../singleuser"))
            .env("JUPYTER_CONFIG_PATH", lab.etc.join("jupyter"))
            .env("JUPYTERHUB_USER", name)
            .env("JUPYTERHUB_API_TOKEN", report.token)
            .env("PIPALHUB_URL", report.to)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let child = command
            .spawn()
            .context("jupyter-server cannot be started")?;
        let client = Client {
            address,
            token: TOKEN.to_owned(),
        };
        let ready = async || {
            Ok(client
                .get("/api/status")
                .await
                .ok()
                .filter(|r| r.status == 200))
        };
        until("jupyter_server answers", LONG, ready).await?;
        let connection = Connection::open(address).await?;
        Ok(Self {
            child,
            connection,
            address,
        })
    }

    /// A notebook with this text in its one cell.
    pub(super) fn notebook(text: &str) -> serde_json::Value {
        let cell = json!({
            "cell_type": "code", "metadata": {}, "execution_count": 1, "source": text, "outputs": [],
        });
        json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    }

    /// A folder as this server sees it, whatever is mounted there for it alone.
    pub(super) fn seen(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let id = self.child.id().context("the server has ended")?;
        let root = PathBuf::from(format!("/proc/{id}/root"));
        Ok(root.join(folder.strip_prefix("/")?))
    }

    /// Saves as JupyterLab does; the status and how long it took, in milliseconds.
    pub(super) async fn save(&mut self, notebook: usize, text: &str) -> anyhow::Result<(u16, f64)> {
        self.save_at(&format!("{notebook}.ipynb"), text).await
    }

    /// The same of a notebook anywhere below the server's folder.
    pub(super) async fn save_at(
        &mut self,
        notebook: &str,
        text: &str,
    ) -> anyhow::Result<(u16, f64)> {
        let content = Self::notebook(text);
        let body = json!({"type": "notebook", "format": "json", "content": content}).to_string();
        let path = format!("/api/contents/{notebook}");
        let request = request("PUT", &path, TOKEN, Some(&body));
        let begun = Instant::now();
        if let Ok(answer) = self.connection.exchange(&request).await {
            return Ok((answer.status, begun.elapsed().as_secs_f64() * 1e3));
        }
        self.connection = Connection::open(self.address).await?;
        let status = self.connection.exchange(&request).await?.status;
        Ok((status, begun.elapsed().as_secs_f64() * 1e3))
    }
}

pub(super) async fn run(lab: &Lab) -> anyhow::Result<Verdict> {
    let Some(venv) = &lab.venv else {
        return Ok(Verdict::untried(
            "needs a Python environment with jupyter_server",
        ));
    };
    // Its homes are elsewhere, so that only the extension can tell it of these saves.
    let plan = Plan::new(&lab.pipalhub, &lab.folder.join("service"))?.at_fixed_port()?;
    let service = Service::start(&plan).await?;
    let url = format!("http://{}/", service.address);
    let mut reporting = Jupyter::start(lab, venv, "reporting", &url).await?;
    let mut silent = Jupyter::start(lab, venv, "silent", "").await?;
    let mut verdict = Verdict::default();
    // Once each, so that both have done everything before.
    for notebook in 0..NOTEBOOKS {
        reporting.save(notebook, "first").await?;
        silent.save(notebook, "first").await?;
    }
    let all_there = async || Ok((reported(&service.client()).await? == NOTEBOOKS).then_some(()));
    until("the first saves are reported", LONG, all_there).await?;
    let kept = service.client().get_json("/events").await?;
    service.kill().await?;

    let away = Duration::from_secs(lab.bounded(10, 60));
    let begun = Instant::now();
    let (mut failed, mut times, mut baseline, mut n) = (0, Vec::new(), Vec::new(), 0);
    while begun.elapsed() < away {
        let text = format!("save {n}");
        let (status, ms) = reporting.save(n % NOTEBOOKS, &text).await?;
        failed += usize::from(status != 200);
        times.push(ms);
        baseline.push(silent.save(n % NOTEBOOKS, &text).await?.1);
        n += 1;
    }
    let back = Instant::now();
    let service = Service::start(&plan).await?;
    let client = service.client();
    // Stored once, and again since.
    let anew = async || {
        let now = client.get_json("/events").await?;
        Ok((newer(&kept, &now) == NOTEBOOKS).then_some(()))
    };
    let arrived = until("the latest saves", LONG, anew).await;
    let after = back.elapsed();

    let (times, baseline) = (
        Percentiles::of(&times).context("no saves")?,
        Percentiles::of(&baseline).context("no saves")?,
    );
    let added = times.p99 - baseline.p99;
    verdict.figure(format!(
        "away for {} s: {n} saves, {failed} failed; {times} against {baseline} without the \
         extension",
        away.as_secs()
    ));
    verdict.must(failed == 0, "saves failed");
    verdict.must(
        added <= ADDED_MS,
        format!("{added:.1} ms slower at the 99th percentile"),
    );
    verdict.must(arrived.is_ok(), "not all latest saves have arrived");
    verdict.figure(format!(
        "all {NOTEBOOKS} latest saves there {:.1} s after it is back",
        after.as_secs_f64()
    ));
    verdict.must(after <= BACK_WITHIN, "later than 3 s");
    Ok(verdict)
}

async fn reported(client: &Client) -> anyhow::Result<usize> {
    let events = client.get_json("/events?user=reporting").await?;
    Ok(events.as_array().map_or(0, Vec::len))
}

/// How many notebooks have a later event now than they had.
fn newer(before: &serde_json::Value, now: &serde_json::Value) -> usize {
    let (Some(before), Some(now)) = (before.as_array(), now.as_array()) else {
        return 0;
    };
    let later = |event: &&serde_json::Value| {
        let had = before.iter().find(|had| had["path"] == event["path"]);
        had.is_some_and(|had| had["timestamp"].as_str() < event["timestamp"].as_str())
    };
    now.iter().filter(later).count()
}
