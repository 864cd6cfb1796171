//! Measures nbconvert and this project natively: as whole processes, and warm in one process.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::{
    build,
    command::{cargo, execute, output, program, root, say},
    tools,
};

/// The JSON that `bench` and warm.py print.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct PrintedSamples {
    pub(super) ms: Vec<f64>,
    pub(super) read_ms: Vec<f64>,
    pub(super) prepare_ms: Vec<f64>,
    pub(super) encode_ms: Vec<f64>,
    pub(super) render_ms: Vec<f64>,
    pub(super) peak_kib: u64,
}

/// The built programs of this project: `pipalhub`, and `bench`, which measures it.
pub(crate) struct OurPrograms {
    pub(crate) bench: PathBuf,
    pub(crate) pipalhub: PathBuf,
}

/// Builds both in release, without the page, which is not measured here.
pub(crate) fn release() -> anyhow::Result<OurPrograms> {
    say("Building in release");
    let packages = ["-p", "bench", "-p", "backend", "--bins"];
    execute(cargo(&["build", "--release", "--locked"]).args(packages))?;
    let release = build::target_folder().join("release");
    Ok(OurPrograms {
        bench: release.join("bench"),
        pipalhub: release.join("pipalhub"),
    })
}

/// The programs that are measured.
pub(super) struct BenchPrograms {
    pub(super) bench: PathBuf,
    pub(super) pipalhub: PathBuf,
    venv: PathBuf,
}

impl BenchPrograms {
    /// Builds ours in release and installs the peer.
    pub(super) fn get() -> anyhow::Result<Self> {
        let venv = tools::venv(&tools::BENCH_VENV)?;
        let OurPrograms { bench, pipalhub } = release()?;
        Ok(Self {
            bench,
            pipalhub,
            venv,
        })
    }

    /// The peer with its version, and the Python it runs on.
    pub(super) fn peer(&self) -> anyhow::Result<String> {
        let code = "import nbconvert, platform; \
                    print('nbconvert', nbconvert.__version__, 'on Python', platform.python_version())";
        output(program(self.python()).args(["-c", code]))?.context("there is no Python")
    }

    /// A whole process of the peer, from its start to its end.
    pub(super) fn peer_process(&self, file: &Path, runs: usize) -> anyhow::Result<PrintedSamples> {
        let jupyter = self.venv.join("bin/jupyter");
        let words = ["nbconvert", "--to", "html", "--stdout"].map(Path::new);
        self.process(runs, &jupyter, &[&words[..], &[file]].concat(), None)
    }

    /// A whole process of ours.
    pub(super) fn our_process(&self, file: &Path, runs: usize) -> anyhow::Result<PrintedSamples> {
        let words = ["render", "-o", "-"].map(Path::new);
        self.process(runs, &self.pipalhub, &[&words[..], &[file]].concat(), None)
    }

    /// Any whole process; `before` is a shell command that runs before each and is not counted.
    pub(super) fn process(
        &self,
        runs: usize,
        executable: &Path,
        words: &[&Path],
        before: Option<&str>,
    ) -> anyhow::Result<PrintedSamples> {
        let mut process = program(&self.bench);
        process.arg("process");
        if let Some(before) = before {
            process.args(["--before", before]);
        }
        samples(process.arg(runs.to_string()).arg(executable).args(words))
    }

    /// The Python that the peers run on.
    pub(super) fn python(&self) -> PathBuf {
        self.venv.join("bin/python")
    }

    /// The peer in a warm Python process; the page is written to `result`.
    pub(super) fn peer_warm(
        &self,
        file: &Path,
        runs: usize,
        result: &Path,
    ) -> anyhow::Result<PrintedSamples> {
        samples(
            program(self.python())
                .arg(script("warm.py"))
                .arg(file)
                .arg(runs.to_string())
                .arg(result),
        )
    }

    /// Ours in a warm process.
    pub(super) fn our_warm(&self, file: &Path, runs: usize) -> anyhow::Result<PrintedSamples> {
        samples(
            program(&self.bench)
                .arg("warm")
                .arg(file)
                .arg(runs.to_string()),
        )
    }

    /// The page that ours renders.
    pub(super) fn our_page(&self, file: &Path) -> anyhow::Result<String> {
        let page = program(&self.pipalhub)
            .args(["render", "-o", "-"])
            .arg(file)
            .output()?;
        anyhow::ensure!(page.status.success(), "pipalhub render failed");
        Ok(String::from_utf8(page.stdout)?)
    }

    /// The cells as the service sends them to the page in the browser.
    pub(super) fn prepare(&self, file: &Path, out: &Path) -> anyhow::Result<()> {
        samples(program(&self.bench).arg("prepare").arg(file).arg(out)).map(drop)
    }
}

/// A Python script of xtask/bench.
pub(super) fn script(name: &str) -> PathBuf {
    root().join("xtask/bench").join(name)
}

fn samples(command: &mut std::process::Command) -> anyhow::Result<PrintedSamples> {
    let done = command.output()?;
    if !done.status.success() {
        anyhow::bail!(
            "{} failed: {}",
            command.get_program().display(),
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
    let line = String::from_utf8(done.stdout)?;
    Ok(serde_json::from_str(&line)?)
}

/// The size of a text, raw and in brotli, in bytes.
pub(super) fn sizes(text: &str) -> anyhow::Result<(usize, usize)> {
    let mut compressed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut compressed, 1 << 16, 9, 22);
    std::io::Write::write_all(&mut writer, text.as_bytes())?;
    drop(writer);
    Ok((text.len(), compressed.len()))
}

/// Reads the file that a peer has written.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
