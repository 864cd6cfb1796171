//! Fresh servers. [`FreshServer`] has a real Docker engine, a real JupyterHub that spawns
//! containers, and the service as an unprivileged user without access to participants' volumes;
//! [`PlainServer`] a Hub whose participants are users of the machine; [`Stack`] is a node's container,
//! with all of it inside.
//!
//! `cargo xtask` builds the images from `tests/fresh/`.

mod authority;
mod bare;
mod machine;
mod package;
mod plain;
mod stack;

use std::{ops::Deref, path::PathBuf};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    hub::{ADMIN, HELPER, INSTRUCTOR, PASSWORD},
    remote::{API_TOKEN, ParticipantServer, RemoteHub},
    repository, setting, until,
};

pub use authority::TestAuthority;
pub use bare::{BareServer, CommandEnd, Killed, NEW_PROGRAM};
pub use plain::PlainServer;
pub use stack::Stack;

use machine::Machine;

/// The data folder of the service on the server.
const DATA_FOLDER: &str = "/var/lib/pipalhub";
/// The path of the service's program on the server.
const PROGRAM: &str = "/opt/pipalhub/pipalhub";
/// Where the package that configures the Hub is mounted.
const WHEEL: &str = "/opt/pipalhub/wheel";

/// The address of the server in the network of its containers, as in `tests/fresh/daemon.json`.
const BRIDGE_ADDRESS: &str = "172.17.0.1";

/// A server with a Hub, and with participants' homes on its disk.
pub trait HubMachine: Deref<Target = RemoteHub> {
    /// Runs a program on the server as root and returns its output.
    fn run(&self, command: &[&str]) -> Result<String>;

    /// The path of a participant's file on the server's disk.
    fn path_in_home(&self, user: &str, filename: &str) -> Result<String>;
}

/// A server that runs until this is dropped.
pub struct FreshServer {
    machine: Machine,
    remote: RemoteHub,
}

impl FreshServer {
    /// Starts the server and waits until the Hub and the service answer. `settings` are
    /// names and values of the service's settings, keywords of `pipalhub.configure`.
    pub async fn start(settings: &[(&str, &str)]) -> Result<Self> {
        let page = repository().join("frontend/dist");
        // A debug build looks for the page where it was built.
        let page_target = page.display().to_string();
        let mounts = [
            (setting("PIPALHUB_BIN"), PROGRAM),
            (page, page_target.as_str()),
        ];
        let server = Self::boot(&mounts).await?;
        // The dynamic linker's error names a missing C library, the Hub's log does not.
        server.run(&[PROGRAM, "--version"])?;
        let mut pipalhub = json!({"program": PROGRAM, "data": DATA_FOLDER, "user": "pipalhub"});
        for (name, value) in settings {
            pipalhub[*name] = json!(value);
        }
        server.start_hub(&pipalhub).await?;
        Ok(server)
    }

    /// Starts the server with these folders and files mounted, and nothing on it.
    async fn boot(mounts: &[(PathBuf, &str)]) -> Result<Self> {
        let wheel = [(repository().join("wheel"), WHEEL)];
        let mounts = [&wheel[..], mounts].concat();
        let machine = Machine::start(&setting("PIPALHUB_FRESH_SERVER"), &mounts).await?;
        let url = format!("http://{}:8000/class/", machine.address());
        Ok(Self {
            remote: RemoteHub::new(url)?,
            machine,
        })
    }

    /// Starts the Hub with these keywords of `pipalhub.configure`, and waits until it and the
    /// service answer.
    async fn start_hub(&self, pipalhub: &Value) -> Result<()> {
        let image = self.machine.load(&setting("PIPALHUB_FRESH_PARTICIPANT"))?;
        self.configure(&image, pipalhub)?;
        self.run(&["systemctl", "start", "jupyterhub"])?;
        self.wait_until_ready().await
    }

    /// Writes the settings that tests/fresh/hub_config.py reads.
    fn configure(&self, image: &str, pipalhub: &Value) -> Result<()> {
        let settings = json!({
            "wheel": WHEEL,
            "pipalhub": pipalhub,
            "bind_url": self.url(""),
            "bridge": BRIDGE_ADDRESS,
            "image": image,
            "password": PASSWORD,
            "admin": ADMIN,
            "instructor": INSTRUCTOR,
            "helper": HELPER,
            "api_token": API_TOKEN,
        });
        let path = "/etc/jupyterhub/settings.json";
        self.machine.write(path, settings.to_string().as_bytes())
    }

    /// Waits until the Hub and the service answer.
    pub async fn wait_until_ready(&self) -> Result<()> {
        until("the Hub and the service", async || {
            Ok(self.remote.is_ready().await?.then_some(()))
        })
        .await
    }

    /// Runs a program in a participant's container, as the participant, and returns its output.
    pub fn run_as_participant(&self, user: &str, command: &[&str]) -> Result<String> {
        let container = format!("jupyter-{user}");
        self.run(&[&["docker", "exec", &container], command].concat())
    }

    /// Runs a program on the server as the service's user and returns its output.
    pub fn run_as_service(&self, command: &[&str]) -> Result<String> {
        self.run(&[&["runuser", "--user", "pipalhub", "--"], command].concat())
    }

    /// Starts the server of a user of the Hub.
    pub async fn start_server(&self, user: &str) -> Result<ParticipantServer> {
        self.remote.spawn(user).await?;
        // The Hub gives the token to the server only, so it is read in the container.
        let token = self.run_as_participant(user, &["printenv", "JUPYTERHUB_API_TOKEN"])?;
        Ok(self.server(user, token.trim().to_owned()))
    }

    /// Stops the server of a user. The Hub removes the container and keeps the volume.
    pub async fn stop_server(&self, user: &str) -> Result<()> {
        self.remote.stop(user).await
    }

    /// Stops a participant's container and starts it again without the Hub, and waits until the
    /// server in it answers.
    pub async fn restart_container(&self, user: &str, server: &ParticipantServer) -> Result<()> {
        self.run(&["docker", "restart", &format!("jupyter-{user}")])?;
        until(("the server in the container of", user), async || {
            Ok(server.is_ready().await?.then_some(()))
        })
        .await
    }

    /// Kills the service and deletes all its data. The Hub starts the service again.
    pub fn lose_data(&self) -> Result<()> {
        // One command, so that the Hub cannot start the service before the data are deleted.
        let lose = format!(
            "pkill -KILL -u pipalhub; while pgrep -u pipalhub -r D,R,S; do sleep 0.02; done; rm -rf {DATA_FOLDER}/*"
        );
        self.run(&["sh", "-c", &lose]).map(drop)
    }

    /// The files of the service that hold the text, and the lines with it in the log of the server
    /// and in those of these participants' containers.
    pub fn places_of(&self, text: &str, participants: &[&str]) -> Result<Vec<String>> {
        let mut logs = self.run(&["journalctl", "--no-pager", "--output=short"])?;
        ensure!(!logs.is_empty(), "the server has no log");
        for user in participants {
            let container_log = format!("docker logs jupyter-{user} 2>&1");
            logs += &self.run(&["sh", "-c", &container_log])?;
        }
        // grep ends with 1 when no file holds the text.
        let find = "grep --recursive --files-with-matches --text --fixed-strings \"$0\" \"$1\"; \
                    test $? -le 1";
        let files = self.run(&["sh", "-c", find, text, DATA_FOLDER])?;
        let lines = logs.lines().filter(|line| line.contains(text));
        Ok(lines.chain(files.lines()).map(str::to_owned).collect())
    }
}

impl HubMachine for FreshServer {
    fn run(&self, command: &[&str]) -> Result<String> {
        self.machine.run(command)
    }

    fn path_in_home(&self, user: &str, filename: &str) -> Result<String> {
        let format = ["--format", "{{.Mountpoint}}", &format!("home-{user}")];
        let folder = self.run(&[&["docker", "volume", "inspect"], &format[..]].concat())?;
        Ok(format!("{}/{filename}", folder.trim()))
    }
}

impl Deref for FreshServer {
    type Target = RemoteHub;

    fn deref(&self) -> &RemoteHub {
        &self.remote
    }
}

impl Drop for FreshServer {
    fn drop(&mut self) {
        print_log(&self.machine);
    }
}

/// Prints the end of the logs, which the test runner shows only when the test fails.
fn print_log(machine: &Machine) {
    let unit = ["--unit=jupyterhub", "--unit=pipalhub", "--lines=60"];
    match machine.run(&[&["journalctl", "--no-pager", "--output=cat"], &unit[..]].concat()) {
        Ok(log) => eprintln!("The end of the Hub's log:\n{log}"),
        Err(error) => eprintln!("The log of the Hub: {error:#}"),
    }
}
