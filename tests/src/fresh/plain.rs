//! A fresh server without containers: the Hub's participants are users of the machine, and nothing
//! of PipalHub is on it until the test follows the documentation.

use std::{fmt::Write, ops::Deref};

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};

use super::{HubMachine, machine::Machine};
use crate::{
    hub::PASSWORD,
    remote::{ParticipantServer, RemoteHub},
    setting, until,
};

/// The folder in which whoever reads the documentation has put the packages, in `dist`.
const READERS_FOLDER: &str = "/root";
/// The Hub's configuration.
const CONFIG: &str = "/etc/jupyterhub/jupyterhub_config.py";
/// The same as it was before anything was installed.
const CONFIG_BEFORE: &str = "/etc/jupyterhub/before.py";
/// What those names of accounts begin with that The Littlest JupyterHub makes.
const TLJH_PREFIX: &str = "jupyter-";

/// A server that runs until this is dropped.
pub struct PlainServer {
    machine: Machine,
    remote: RemoteHub,
    /// What stands before a user's name in the name of their account.
    prefix: &'static str,
}

impl PlainServer {
    /// Starts the server of the image in this variable, and waits until the Hub answers.
    pub async fn start(image: &str) -> Result<Self> {
        let server = Self::boot(image, "").await?;
        server.run(&["cp", CONFIG, CONFIG_BEFORE])?;
        Ok(server)
    }

    /// Starts the server of The Littlest JupyterHub, and waits until the Hub answers.
    pub async fn start_tljh() -> Result<Self> {
        Self::boot("PIPALHUB_FRESH_TLJH", TLJH_PREFIX).await
    }

    async fn boot(image: &str, prefix: &'static str) -> Result<Self> {
        let dist = [(setting("PIPALHUB_DIST"), "/root/dist")];
        let machine = Machine::start(&setting(image), &dist).await?;
        let server = Self {
            remote: RemoteHub::new(format!("http://{}:8000/", machine.address()))?,
            machine,
            prefix,
        };
        server.restart_hub().await?;
        Ok(server)
    }

    /// Runs lines of the documentation as its reader does who is in this folder, and returns their
    /// output. The reader is root, so that sudo has nothing to do.
    pub fn follow_in(&self, folder: &str, lines: &str) -> Result<String> {
        // As the documentation tells whoever has an arm64 machine.
        let lines = match std::env::consts::ARCH {
            "aarch64" => lines
                .replace("x86_64", "aarch64")
                .replace("_amd64.deb", "_arm64.deb"),
            _ => lines.to_owned(),
        };
        let script = format!("set -e\nsudo() {{ \"$@\"; }}\ncd {READERS_FOLDER}/{folder}\n{lines}");
        self.run(&["sh", "-c", &script])
    }

    /// [`Self::follow_in`] the folder that has the packages in `dist`.
    pub fn follow(&self, lines: &str) -> Result<String> {
        self.follow_in("", lines)
    }

    /// Puts lines of the documentation at the end of the Hub's configuration, in place of those that
    /// a call before has put there, and restarts the Hub.
    pub async fn configure(&self, lines: &str) -> Result<()> {
        let mut config = self.run(&["cat", CONFIG_BEFORE])?;
        write!(config, "\n{lines}")?;
        self.machine.write(CONFIG, config.as_bytes())?;
        self.restart_hub().await
    }

    /// Starts the Hub again and waits until it answers, with a service or without.
    pub async fn restart_hub(&self) -> Result<()> {
        self.run(&["systemctl", "restart", "jupyterhub"])?;
        until("the Hub", async || {
            let answer = self.anonymous(Method::GET, &self.url("hub/api/")).send();
            Ok(answer.await?.status().is_success().then_some(()))
        })
        .await
    }

    /// Waits until the Hub and the service answer.
    pub async fn wait_for_service(&self) -> Result<()> {
        until("the Hub and the service", async || {
            Ok(self.remote.is_ready().await?.then_some(()))
        })
        .await
    }

    /// Whether the Hub has no service of this name: then it takes what is below the service's address
    /// for a page of its own.
    pub async fn is_without_service(&self) -> Result<bool> {
        let url = self.service("healthz");
        let answer = self.anonymous(Method::GET, &url).send().await?;
        let location = answer.headers().get("Location");
        let is_of_hub = location.is_some_and(|url| url.as_bytes().starts_with(b"/hub/"));
        Ok(answer.status() == StatusCode::FOUND && is_of_hub)
    }

    /// What the Hub that runs has logged so far.
    pub fn hub_log(&self) -> Result<String> {
        let log = "journalctl --sync; journalctl --no-pager --output=cat \
             _SYSTEMD_INVOCATION_ID=$(systemctl show --property=InvocationID --value jupyterhub)";
        self.run(&["sh", "-c", log])
    }

    /// Makes an account of the machine with the password of all.
    pub fn add_account(&self, user: &str) -> Result<()> {
        let make = "useradd --create-home \"$0\"; chmod 700 \"/home/$0\"; \
                    echo \"$0:$1\" | chpasswd";
        self.run(&["sh", "-ec", make, user, PASSWORD]).map(drop)
    }

    /// Starts the server of a user of the Hub.
    pub async fn start_server(&self, user: &str) -> Result<ParticipantServer> {
        let state = self.remote.spawn(user).await?;
        let process = match state["unit_name"].as_str() {
            Some(unit) => {
                self.run(&["systemctl", "show", "--property=MainPID", "--value", unit])?
            }
            None => state["pid"].as_i64().context("a process")?.to_string(),
        };
        // The Hub gives the token to the server only.
        let environment = format!("tr '\\0' '\\n' </proc/{}/environ", process.trim());
        let environment = self.run(&["sh", "-c", &environment])?;
        let mut lines = environment.lines();
        let token = lines.find_map(|line| line.strip_prefix("JUPYTERHUB_API_TOKEN="));
        let token = token.context("the server's token")?;
        Ok(self.remote.server(user, token.to_owned()))
    }

    /// The only process of this program, which is a path or a name.
    pub fn process_of(&self, program: &str) -> Result<String> {
        let found = self.run(&["pgrep", "--full", &format!("^{program} serve")])?;
        let mut processes = found.lines();
        let process = processes.next().context("a process")?;
        ensure!(processes.next().is_none(), "more than one: {found}");
        Ok(process.to_owned())
    }
}

impl HubMachine for PlainServer {
    fn run(&self, command: &[&str]) -> Result<String> {
        self.machine.run(command)
    }

    fn path_in_home(&self, user: &str, filename: &str) -> Result<String> {
        Ok(format!("/home/{}{user}/{filename}", self.prefix))
    }
}

impl Deref for PlainServer {
    type Target = RemoteHub;

    fn deref(&self) -> &RemoteHub {
        &self.remote
    }
}

impl Drop for PlainServer {
    fn drop(&mut self) {
        super::print_log(&self.machine);
    }
}
