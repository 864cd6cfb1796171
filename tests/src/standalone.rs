//! The service without a Hub.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{processes, setting, until};

/// The token of the service.
pub const TOKEN: &str = "the-token-of-a-service-without-a-hub";

/// `pipalhub serve` that runs until this is dropped.
pub struct Standalone {
    program: PathBuf,
    folder: TempDir,
    process: Child,
    link: String,
    client: Client,
}

impl Standalone {
    /// Starts the service over empty homes and waits for the link that it prints.
    pub fn start() -> Result<Self> {
        Self::start_program(setting("PIPALHUB_BIN"))
    }

    /// The same with this program.
    pub fn start_program(program: PathBuf) -> Result<Self> {
        let folder = TempDir::with_prefix("pipalhub-standalone-")?;
        std::fs::create_dir(folder.path().join("homes"))?;
        Self::start_in(program, folder, "127.0.0.1:0", &[])
    }

    /// The same with these variables in its environment.
    pub fn start_with(variables: &[(&str, &str)]) -> Result<Self> {
        let folder = TempDir::with_prefix("pipalhub-standalone-")?;
        std::fs::create_dir(folder.path().join("homes"))?;
        Self::start_in(setting("PIPALHUB_BIN"), folder, "127.0.0.1:0", variables)
    }

    /// Ends the service, applies `change` to its folder, and starts it again at the same address.
    pub fn restart(mut self, change: impl FnOnce(&Path) -> Result<()>) -> Result<Self> {
        processes::end(&mut self.process, processes::STOP_TIMEOUT);
        let address = self.link.split('/').nth(2).unwrap_or_default().to_owned();
        let empty = TempDir::with_prefix("pipalhub-standalone-")?;
        let folder = std::mem::replace(&mut self.folder, empty);
        let program = std::mem::take(&mut self.program);
        drop(self);
        change(folder.path())?;
        Self::start_in(program, folder, &address, &[])
    }

    fn start_in(
        program: PathBuf,
        folder: TempDir,
        bind: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.path().join("log"))?;
        let mut process = command(&program, &folder, bind)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("pipalhub cannot be started")?;
        let stdout = process.stdout.take().context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let service = Self {
            program,
            folder,
            process,
            link: line.trim().to_owned(),
            client: Client::builder()
                .no_proxy()
                .timeout(crate::WAIT_TIMEOUT)
                .build()?,
        };
        let link = service.link();
        ensure!(
            link.starts_with("http://127.0.0.1:") && link.ends_with(&format!("/#token={TOKEN}")),
            "it printed {line:?}"
        );
        Ok(service)
    }

    /// Runs a service with an address that it cannot have, until it ends.
    pub fn run_to_end(bind: &str) -> Result<Output> {
        let folder = TempDir::with_prefix("pipalhub-standalone-")?;
        Ok(command(&setting("PIPALHUB_BIN"), &folder, bind).output()?)
    }

    /// The printed link, with the token.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// The address of `path`.
    pub fn url(&self, path: &str) -> String {
        let root = self.link.split('#').next().unwrap_or_default();
        format!("{root}{path}")
    }

    /// The folder of the service: homes, data, the log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of all homes.
    pub fn homes(&self) -> PathBuf {
        self.folder.path().join("homes")
    }

    /// The path of a participant's notebook.
    pub fn home_path(&self, user: &str, filename: &str) -> PathBuf {
        self.homes().join(user).join(filename)
    }

    /// A request without a token.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A request with the token.
    pub fn authorized(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path)
            .header("Authorization", format!("token {TOKEN}"))
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn terminate(mut self) -> Result<ExitStatus> {
        let pid = Pid::from_raw(self.process.id().cast_signed()).context("it has a pid")?;
        kill_process(pid, Signal::TERM)?;
        let process = &mut self.process;
        until("the end of the service", async || Ok(process.try_wait()?)).await
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        processes::end(&mut self.process, processes::STOP_TIMEOUT);
        // Shown by the test runner only when the test fails.
        let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        eprintln!("The service's log:\n{}", String::from_utf8_lossy(&log));
    }
}

fn command(program: &Path, folder: &TempDir, bind: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(["serve", "--bind", bind, "--homes"])
        .arg(folder.path().join("homes/{user}"))
        .arg("--data")
        .arg(folder.path().join("data"))
        .arg("--steward-socket")
        .arg(folder.path().join("steward.sock"))
        .env("PIPALHUB_TOKEN", TOKEN);
    // The tests may be run in a participant's terminal, which has the Hub's variables.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("JUPYTERHUB_") {
            command.env_remove(name);
        }
    }
    command
}
