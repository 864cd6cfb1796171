//! Commands on a node, by the system's own `ssh`: the trainer's keys, agent and configuration are
//! used as they are, but for whom to believe to be the server.

use std::{
    fs::File,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use thiserror::Error;
use tokio::{io::AsyncWriteExt, process::Command};

use super::{
    api::TOKEN_VARIABLE, host_key::HOST_KEY_ALIAS, settings::NodeSettings, state::NodeFolder,
};

/// The longest time of one attempt to connect, in seconds.
const CONNECT_TIMEOUT_SECONDS: u64 = 10;
/// How often in a row a server may refuse all keys; it has them before it listens.
const MAX_REFUSALS: u32 = 3;
/// The exit code of `ssh` when there was no connection.
const NO_CONNECTION: i32 = 255;
const NO_SSH: &str = "cannot run ssh: install OpenSSH's client";

/// A way to run commands on a node.
pub(super) struct NodeShell {
    address: Ipv4Addr,
    port: u16,
    user: String,
    known_hosts: PathBuf,
    poll: Duration,
}

/// What a command on the node has said.
pub(super) struct ShellOutput {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl From<Output> for ShellOutput {
    fn from(output: Output) -> Self {
        Self {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(super) enum ShellError {
    /// Somebody else answers, or the server has not taken its key.
    #[error(
        "the server at {0} has another host key than it was made with, so that nothing was sent \
         to it: somebody may be in between, or it was installed anew; destroy the node and make \
         it again"
    )]
    WrongHostKey(Ipv4Addr),
    #[error(
        "the server at {0} takes none of this machine's keys: one of the SSH keys in the account \
         must be here, in ssh-agent or in ~/.ssh (it says: {1})"
    )]
    NoKey(Ipv4Addr, String),
    #[error("the server at {0} does not answer by SSH: {1}")]
    NoAnswer(Ipv4Addr, String),
}

impl NodeShell {
    pub(super) fn new(folder: &NodeFolder, settings: &NodeSettings, address: Ipv4Addr) -> Self {
        Self {
            address,
            port: settings.ssh_port,
            user: settings.ssh_user.clone(),
            known_hosts: folder.known_hosts(),
            poll: settings.poll(),
        }
    }

    fn ssh(&self, command: &str) -> Command {
        let mut ssh = Command::new("ssh");
        let timeout = format!("ConnectTimeout={CONNECT_TIMEOUT_SECONDS}");
        // A path with spaces is one word of ssh's configuration when it is quoted, and a percent
        // sign in it begins a name of something else unless it is doubled.
        let known_hosts = self.known_hosts.to_string_lossy().replace('%', "%%");
        let known_hosts = format!("UserKnownHostsFile=\"{known_hosts}\"");
        let alias = format!("HostKeyAlias={HOST_KEY_ALIAS}");
        for option in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "GlobalKnownHostsFile=/dev/null",
            "HostKeyAlgorithms=ssh-ed25519",
            "CheckHostIP=no",
            "VerifyHostKeyDNS=no",
            "UpdateHostKeys=no",
            "ControlPath=none",
            "ForwardAgent=no",
            "ClearAllForwardings=yes",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=8",
            &known_hosts,
            &alias,
            &timeout,
        ] {
            ssh.args(["-o", option]);
        }
        ssh.args(["-T", "-p", &self.port.to_string(), "-l", &self.user]);
        ssh.arg(self.address.to_string()).arg("--").arg(command);
        // The token is for the API, whatever ssh is configured to send.
        ssh.env_remove(TOKEN_VARIABLE).kill_on_drop(true);
        ssh
    }

    /// Runs a command of the node's shell, within `timeout`, and returns what it says.
    pub(super) async fn run(
        &self,
        command: &str,
        timeout: Duration,
    ) -> anyhow::Result<ShellOutput> {
        let mut ssh = self.ssh(command);
        ssh.stdin(Stdio::null());
        let output = tokio::time::timeout(timeout, ssh.output()).await;
        let Ok(output) = output else {
            bail!("it took longer than {} s", timeout.as_secs());
        };
        Ok(output.context(NO_SSH)?.into())
    }

    /// Runs a command that is sent a file, within `timeout`; what it says is seen as it says it.
    pub(super) async fn run_with_file(
        &self,
        command: &str,
        file: &Path,
        timeout: Duration,
    ) -> anyhow::Result<ExitStatus> {
        let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut ssh = self.ssh(command);
        ssh.stdin(Stdio::from(opened));
        let status = tokio::time::timeout(timeout, ssh.status()).await;
        let Ok(status) = status else {
            bail!("it took longer than {} s", timeout.as_secs());
        };
        status.context(NO_SSH)
    }

    /// Runs a command that is sent a text, within `timeout`, and returns what it says.
    pub(super) async fn run_with_input(
        &self,
        command: &str,
        input: &str,
        timeout: Duration,
    ) -> anyhow::Result<ShellOutput> {
        let mut ssh = self.ssh(command);
        ssh.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = ssh.spawn().context(NO_SSH)?;
        let mut stdin = child.stdin.take().context("ssh has a standard input")?;
        let sent = async move {
            // A command that ends without reading all of it says itself what is wrong.
            let _ = stdin.write_all(input.as_bytes()).await;
        };
        let both = async { tokio::join!(child.wait_with_output(), sent).0 };
        let Ok(output) = tokio::time::timeout(timeout, both).await else {
            bail!("it took longer than {} s", timeout.as_secs());
        };
        Ok(output.context(NO_SSH)?.into())
    }

    /// Waits until the node answers, by the key that it was made with.
    pub(super) async fn wait(&self, timeout: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + timeout;
        let mut refusals = 0;
        loop {
            let attempt = Duration::from_secs(3 * CONNECT_TIMEOUT_SECONDS);
            let said = match self.run("true", attempt).await {
                Ok(output) if output.status.success() => return Ok(()),
                Ok(output) if output.status.code() == Some(NO_CONNECTION) => output.stderr,
                Ok(output) => bail!("the server cannot run a command: {}", output.stderr.trim()),
                Err(error) => format!("{error:#}"),
            };
            let last = said.trim().lines().last().unwrap_or_default().to_owned();
            if is_wrong_host_key(&said) {
                return Err(ShellError::WrongHostKey(self.address).into());
            }
            refusals = match said.contains("Permission denied") {
                true => refusals + 1,
                false => 0,
            };
            if refusals == MAX_REFUSALS {
                return Err(ShellError::NoKey(self.address, last).into());
            }
            if Instant::now() + self.poll > until {
                return Err(ShellError::NoAnswer(self.address, last).into());
            }
            tokio::time::sleep(self.poll).await;
        }
    }
}

fn is_wrong_host_key(said: &str) -> bool {
    said.contains("Host key verification failed")
        || said.contains("no matching host key type found")
}
