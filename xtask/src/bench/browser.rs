//! Measures notebookjs and this project's renderer in headless Chromium.
//!
//! Each measurement starts a new browser, so that none pays for the leftovers of another, and so
//! that the peak memory of the renderer process belongs to one measurement.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::server::ReportServer;
use crate::{
    build,
    command::{cargo, execute, is_there, output, path_with, program, root, say},
    tools,
};

const PEER_PACKAGES: [(&str, &str); 5] = [
    ("notebookjs", "0.8.3"),
    ("marked", "18.2.1"),
    ("dompurify", "3.4.18"),
    ("prismjs", "1.30.0"),
    ("ansi_up", "6.0.6"),
];

const CHROMIUM_FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1000",
];

/// The report of a measured page.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct PageReport {
    pub(super) string_ms: Vec<f64>,
    /// As the page does it: cells out of sight are not laid out.
    pub(super) laid_out_ms: Vec<f64>,
    pub(super) in_full_ms: Vec<f64>,
    #[serde(skip_serializing)]
    pub(super) html: String,
    error: Option<String>,
    /// The peak memory of the process that renders the page.
    pub(super) peak_kib: u64,
}

/// The server and the browser that measure pages.
pub(super) struct BrowserBench {
    server: ReportServer,
    chromium: &'static str,
}

impl BrowserBench {
    /// `notebooks` is the folder of the notebooks to render.
    pub(super) fn get(notebooks: &Path) -> anyhow::Result<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let chromium = names.into_iter().find(|name| is_there(name));
        let chromium = chromium.context("Chromium is needed: install chromium")?;
        let npm = tools::npm_packages("bench", &PEER_PACKAGES)?;
        let folders = HashMap::from([
            ("bench", root().join("xtask/bench")),
            ("css", root().join("shared/src/standalone")),
            ("frontend", root().join("frontend")),
            ("npm", npm),
            ("notebooks", notebooks.to_owned()),
            ("wasm", wasm()?),
        ]);
        let server = ReportServer::start(folders)?;
        Ok(Self { server, chromium })
    }

    /// The versions of the peers and of the browser.
    pub(super) fn peers(&self) -> anyhow::Result<String> {
        let browser = output(program(self.chromium).arg("--version"))?.unwrap_or_default();
        let peers: Vec<String> = PEER_PACKAGES
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        Ok(format!("{} in {browser}", peers.join(", ")))
    }

    /// Measures one page; `side` is `ours`, `notebookjs`, or `blank` for an empty page.
    pub(super) fn run(
        &self,
        side: &str,
        notebook: &str,
        runs: usize,
    ) -> anyhow::Result<PageReport> {
        let profile = tempfile::Builder::new()
            .prefix("pipalhub-bench-")
            .tempdir()?;
        let url = format!(
            "http://127.0.0.1:{}/bench/page.html?side={side}&notebook={notebook}&runs={runs}",
            self.server.port
        );
        let browser = Command::new(self.chromium)
            .args(CHROMIUM_FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("Chromium cannot be started")?;
        let browser = ChromiumProcess(browser);
        let report = self.server.report()?;
        let mut report: PageReport = serde_json::from_str(&report)?;
        if let Some(error) = report.error {
            bail!("{side}, {notebook}: {error}");
        }
        report.peak_kib = browser.peak_kib()?;
        Ok(report)
    }
}

/// Builds the renderer as the page is built; returns its folder.
fn wasm() -> anyhow::Result<PathBuf> {
    let mut folders = tools::web()?;
    let wasm_opt = tools::wasm_opt()?;
    let is_optimised = wasm_opt.is_some();
    folders.extend(wasm_opt.flatten());
    say("Building the renderer for the browser");
    let target = "wasm32-unknown-unknown";
    execute(&mut cargo(&[
        "build",
        "--profile",
        "wasm-release",
        "--locked",
        "-p",
        "bench",
        "--lib",
        "--target",
        target,
    ]))?;
    let folder = build::target_folder().join("bench/wasm");
    fs::create_dir_all(&folder)?;
    let built = build::target_folder()
        .join(target)
        .join("wasm-release/bench.wasm");
    let path = path_with(&folders)?;
    execute(
        program("wasm-bindgen")
            .args(["--target", "web", "--no-typescript", "--out-dir"])
            .args([&folder, &built])
            .env("PATH", &path),
    )?;
    if is_optimised {
        let wasm = folder.join("bench_bg.wasm");
        // The options of frontend/index.html.
        execute(
            program("wasm-opt")
                .args(["-Oz", "--all-features", "-o"])
                .args([&wasm, &wasm])
                .env("PATH", &path),
        )?;
    }
    Ok(folder)
}

/// A browser process that is killed on drop.
struct ChromiumProcess(Child);

impl ChromiumProcess {
    /// The peak memory of the largest renderer process.
    fn peak_kib(&self) -> anyhow::Result<u64> {
        let mut family = vec![self.0.id()];
        let mut peak = 0;
        let processes = processes()?;
        // A parent comes before its children, unless process ids have wrapped around.
        for process in &processes {
            if !family.contains(&process.parent) {
                continue;
            }
            family.push(process.id);
            if process.renders {
                peak = peak.max(process.peak_kib);
            }
        }
        Ok(peak)
    }
}

impl Drop for ChromiumProcess {
    fn drop(&mut self) {
        // The browser may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that may be of the browser, by the fields in `/proc` that are needed here.
struct BrowserProcess {
    id: u32,
    parent: u32,
    renders: bool,
    peak_kib: u64,
}

fn processes() -> anyhow::Result<Vec<BrowserProcess>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("this needs Linux's /proc")? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(id) = name.and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(status) = fs::read_to_string(path.join("status")) else {
            continue;
        };
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let words = fs::read(path.join("cmdline")).unwrap_or_default();
        found.push(BrowserProcess {
            id,
            parent: field("PPid:")
                .and_then(|id| id.try_into().ok())
                .unwrap_or(0),
            renders: String::from_utf8_lossy(&words).contains("--type=renderer"),
            peak_kib: field("VmHWM:").unwrap_or(0),
        });
    }
    found.sort_by_key(|process| process.id);
    Ok(found)
}
