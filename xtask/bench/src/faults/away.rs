//! The service is away while participants save: no save fails, none is slower, and when the service
//! is back the latest save of each notebook is reported.
//!
//! A real jupyter_server with the extension saves in turns with one that has no service to report
//! to, so that other load of the machine slows both.

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

use super::{FaultSetup, Verdict};
use crate::{
    drive::{
        HANG_TIMEOUT, SERVICE_TOKEN,
        http::{HttpClient, HttpConnection, request},
        poll_until,
        service::{ServicePlan, ServiceProcess, free_address},
    },
    samples::Percentiles,
};

const NOTEBOOKS: usize = 20;
const MAX_ADDED_MS: f64 = 3.0;
const MAX_CATCH_UP: Duration = Duration::from_secs(3);

/// The URL to which a server reports its saves, and the token.
pub(super) struct ReportTarget<'a> {
    pub(super) to: &'a str,
    pub(super) token: &'a str,
}

/// A participant's server.
pub(super) struct Jupyter {
    child: Child,
    connection: HttpConnection,
    address: SocketAddr,
}

impl Jupyter {
    /// Starts a server that reports its saves to `report_to`, if not empty.
    async fn start(
        setup: &FaultSetup,
        venv: &Path,
        name: &str,
        report_to: &str,
    ) -> anyhow::Result<Self> {
        let home = setup.folder.join(name);
        fs::create_dir(&home)?;
        let report = ReportTarget {
            to: report_to,
            token: SERVICE_TOKEN,
        };
        Self::start_in(setup, venv, name, report, &home, &[]).await
    }

    /// Starts a server in an existing home, by the command `wrapper`, which executes its last
    /// arguments.
    pub(super) async fn start_in(
        setup: &FaultSetup,
        venv: &Path,
        name: &str,
        report: ReportTarget<'_>,
        home: &Path,
        wrapper: &[&str],
    ) -> anyhow::Result<Self> {
        let log = File::create(setup.folder.join(format!("{name}.log")))?;
        let address = free_address()?;
        let program = venv.join("bin/jupyter-server").display().to_string();
        let words = [wrapper, &[program.as_str()]].concat();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(["--allow-root", "--no-browser", "--ServerApp.port_retries=0"])
            .arg(format!("--ServerApp.port={}", address.port()))
            .arg(format!("--ServerApp.root_dir={}", home.display()))
            .arg(format!("--IdentityProvider.token={SERVICE_TOKEN}"))
            .arg("--ServerApp.jpserver_extensions=pipalhub_singleuser=True")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            // Outside of the home, whose disk may be full.
            .env("JUPYTER_RUNTIME_DIR", setup.folder.join("runtime"))
            // The package of this checkout, not an installed one.
            .env("PYTHONPATH", setup.etc.join("../singleuser"))
            .env("JUPYTER_CONFIG_PATH", setup.etc.join("jupyter"))
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
        let client = HttpClient {
            address,
            token: SERVICE_TOKEN.to_owned(),
        };
        let ready = async || {
            Ok(client
                .get("/api/status")
                .await
                .ok()
                .filter(|r| r.status == 200))
        };
        poll_until("jupyter_server answers", HANG_TIMEOUT, ready).await?;
        let connection = HttpConnection::open(address).await?;
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

    /// The path of a folder in this server's mount namespace.
    pub(super) fn view_of(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let id = self.child.id().context("the server has ended")?;
        let root = PathBuf::from(format!("/proc/{id}/root"));
        Ok(root.join(folder.strip_prefix("/")?))
    }

    /// Saves as JupyterLab does; returns the status and the duration in milliseconds.
    pub(super) async fn save(&mut self, notebook: usize, text: &str) -> anyhow::Result<(u16, f64)> {
        self.save_at(&format!("{notebook}.ipynb"), text).await
    }

    /// Saves a notebook at a path below the server's folder.
    pub(super) async fn save_at(
        &mut self,
        notebook: &str,
        text: &str,
    ) -> anyhow::Result<(u16, f64)> {
        let content = Self::notebook(text);
        let body = json!({"type": "notebook", "format": "json", "content": content}).to_string();
        let path = format!("/api/contents/{notebook}");
        let request = request("PUT", &path, SERVICE_TOKEN, Some(&body));
        let begun = Instant::now();
        if let Ok(answer) = self.connection.exchange(&request).await {
            return Ok((answer.status, begun.elapsed().as_secs_f64() * 1e3));
        }
        self.connection = HttpConnection::open(self.address).await?;
        let status = self.connection.exchange(&request).await?.status;
        Ok((status, begun.elapsed().as_secs_f64() * 1e3))
    }
}

pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let Some(venv) = &setup.venv else {
        return Ok(Verdict::untried(
            "needs a Python environment with jupyter_server",
        ));
    };
    // The homes are elsewhere, so that only the extension reports these saves.
    let plan = ServicePlan::new(&setup.pipalhub, &setup.folder.join("service"))?.at_fixed_port()?;
    let service = ServiceProcess::start(&plan).await?;
    let url = format!("http://{}/", service.address);
    let mut reporting = Jupyter::start(setup, venv, "reporting", &url).await?;
    let mut silent = Jupyter::start(setup, venv, "silent", "").await?;
    let mut verdict = Verdict::default();
    // Each notebook is saved once before, as a warm-up.
    for notebook in 0..NOTEBOOKS {
        reporting.save(notebook, "first").await?;
        silent.save(notebook, "first").await?;
    }
    let all_there = async || Ok((reported(&service.client()).await? == NOTEBOOKS).then_some(()));
    poll_until("the first saves are reported", HANG_TIMEOUT, all_there).await?;
    let before = service.client().get_json("/events").await?;
    service.kill().await?;

    let away = Duration::from_secs(setup.bounded(10, 60));
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
    let service = ServiceProcess::start(&plan).await?;
    let client = service.client();
    // Every notebook has a later event than before.
    let anew = async || {
        let now = client.get_json("/events").await?;
        Ok((newer(&before, &now) == NOTEBOOKS).then_some(()))
    };
    let arrived = poll_until("the latest saves", HANG_TIMEOUT, anew).await;
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
        added <= MAX_ADDED_MS,
        format!("{added:.1} ms slower at the 99th percentile"),
    );
    verdict.must(arrived.is_ok(), "not all latest saves have arrived");
    verdict.figure(format!(
        "all {NOTEBOOKS} latest saves there {:.1} s after it is back",
        after.as_secs_f64()
    ));
    verdict.must(after <= MAX_CATCH_UP, "later than 3 s");
    Ok(verdict)
}

async fn reported(client: &HttpClient) -> anyhow::Result<usize> {
    let events = client.get_json("/events?user=reporting").await?;
    Ok(events.as_array().map_or(0, Vec::len))
}

/// How many notebooks have a later event in `now` than in `before`.
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
