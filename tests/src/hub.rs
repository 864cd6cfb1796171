//! A real JupyterHub below a random base URL, configured by `pipalhub.configure`,
//! with the service as its managed service and real servers for participants.
//!
//! The generated configuration adds only the settings of a machine: the users, the spawner and the
//! addresses.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    ports, processes,
    remote::{API_TOKEN, ParticipantServer, RemoteHub},
    setting, until,
};

/// Everyone's password.
pub const PASSWORD: &str = "correct horse battery staple";
/// An admin of the Hub.
pub const ADMIN: &str = "ada";
/// A member of the group `instructors`, who is not an admin.
pub const INSTRUCTOR: &str = "ines";
/// A member of the group `helpers`.
pub const HELPER: &str = "helga";

/// The token of a service that the Hub does not start.
const SERVICE_TOKEN: &str = "the-token-of-an-external-service";

/// Longest wait for the end of the Hub, which first stops the servers, the service and the proxy.
const HUB_STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The configuration: what a Hub needs by itself, and the lines that add the service.
const HUB_CONFIG: &str = r#"
import json, os, sys

c = get_config()
here = json.loads(os.environ["HUB_SETTINGS"])

c.JupyterHub.bind_url = here["bind_url"]
c.JupyterHub.hub_port = here["hub_port"]
c.ConfigurableHTTPProxy.api_url = here["proxy_api_url"]
c.ConfigurableHTTPProxy.command = [here["proxy"]]
# A server that is slow to start must not make its request a 500.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}

# Knows no users of its own: those whom an admin has added may sign in.
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_existing_users = True
c.DummyAuthenticator.password = here["password"]
c.Authenticator.admin_users = {here["admin"]}
c.JupyterHub.load_groups = {
    "instructors": {"users": [here["instructor"]]},
    "helpers": {"users": [here["helper"]]},
}

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = here["homes"] + "/{username}"
if os.geteuid() == 0:
    c.Spawner.args = ["--allow-root"]

# A name that is signed in with becomes one of small letters, but for these.
c.Authenticator.username_map = {user.lower(): user for user in here["folders"]}


addresses = {}


def before_spawn(spawner):
    user = spawner.user.name
    folder = here["folders"].get(user)
    if folder:
        spawner.home_dir = here["homes"] + "/" + folder
    # The package does nothing in a server that is not told where the service is.
    address = addresses.setdefault(user, spawner.environment.get("PIPALHUB_URL", ""))
    with open("without_package") as names:
        is_without = user in names.read().split()
    spawner.environment = {
        **spawner.environment,
        "PIPALHUB_URL": "" if is_without else address,
        "PIPALHUB_CUSTOM": os.path.abspath("custom"),
    }


c.Spawner.pre_spawn_hook = before_spawn

if here["service_poll_s"]:
    # The spawner of services reads no configuration.
    from jupyterhub.services.service import _ServiceSpawner

    _ServiceSpawner.poll_interval = here["service_poll_s"]

c.JupyterHub.services = [{"name": "tests", "api_token": here["api_token"]}]
c.JupyterHub.load_roles = [{
    "name": "tests",
    "services": ["tests"],
    "scopes": ["admin:users", "admin:servers", "tokens"],
}]

sys.path.insert(0, here["wheel"])
import pipalhub
pipalhub.configure(c, **here["pipalhub"])
"#;

/// A file in the Hub's folder that names the users whose servers lack the package.
const WITHOUT_PACKAGE: &str = "without_package";

/// A shell command that mounts a small disk on a folder, in a mount namespace that ends with the
/// Hub, and runs the Hub there.
const MOUNT_SMALL_HOME: &str = "mount -t tmpfs -o size=8m tmpfs \"$0\" && exec \"$@\"";

/// A Hub that runs until this is dropped.
pub struct Hub {
    folder: TempDir,
    /// The home folders that do not have their user's name.
    folders: BTreeMap<String, String>,
    program: HubCommand,
    process: Child,
    /// The service, where the Hub does not start it.
    external: Option<Child>,
    remote: RemoteHub,
}

/// A Hub before it is started, with what a test wants of it.
pub struct HubSetup {
    folder: TempDir,
    small_home_of: Option<String>,
    folders: BTreeMap<String, String>,
    service_settings: BTreeMap<String, String>,
    service_poll_s: Option<u32>,
    is_external: bool,
}

impl HubSetup {
    /// One like [`Hub::start`] starts.
    pub fn new() -> Result<Self> {
        let folder = TempDir::with_prefix("pipalhub-hub-")?;
        fs::create_dir(folder.path().join("homes"))?;
        Ok(Self {
            folder,
            small_home_of: None,
            folders: BTreeMap::new(),
            service_settings: BTreeMap::new(),
            service_poll_s: None,
            is_external: false,
        })
    }

    /// The folder of all files of the Hub and the service.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives this user a disk of 8 MB as their home; for root only. [`Hub::seen_home_path`] leads
    /// to it.
    #[must_use]
    pub fn small_home(mut self, user: &str) -> Self {
        self.small_home_of = Some(user.to_owned());
        self
    }

    /// Gives users home folders of these names, which are not theirs.
    #[must_use]
    pub fn home_folders<'a>(
        mut self,
        folders: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let folders = folders.into_iter();
        self.folders = folders
            .map(|(user, name)| (user.to_owned(), name.to_owned()))
            .collect();
        self
    }

    /// Sets one of the service's settings, a keyword of `configure`.
    #[must_use]
    pub fn service_setting(mut self, name: &str, value: impl Into<String>) -> Self {
        self.service_settings.insert(name.to_owned(), value.into());
        self
    }

    /// Makes the Hub notice within a second, and not within half a minute, that the service has
    /// ended.
    #[must_use]
    pub fn restarting_the_service_soon(mut self) -> Self {
        self.service_poll_s = Some(1);
        self
    }

    /// Does not have the Hub start the service, which is told what docs/install.md says.
    #[must_use]
    pub fn external_service(mut self) -> Self {
        self.is_external = true;
        self
    }

    /// Starts the Hub of the venv that `venv` names (`PIPALHUB_VENV` or `PIPALHUB_VENV_HUB5`) and
    /// waits until it and the service answer.
    pub async fn start(self, venv: &str) -> Result<Hub> {
        let venv = setting(venv);
        let [port, hub_port, proxy_port, service_port] = ports::free()?;
        let base_url = random_base_url(self.folder());
        let url = format!("http://127.0.0.1:{port}{base_url}");
        let homes = self.folder().join("homes");
        fs::write(self.folder().join("config.py"), HUB_CONFIG)?;
        fs::write(self.folder().join(WITHOUT_PACKAGE), "")?;
        let service = format!("127.0.0.1:{service_port}");
        let external = match self.is_external {
            true => Some(external_service(
                self.folder(),
                &service,
                hub_port,
                &base_url,
            )?),
            false => None,
        };
        let settings = json!({
            "wheel": crate::repository().join("wheel"),
            "pipalhub": self.configured(&service, &homes),
            "bind_url": url,
            "hub_port": hub_port,
            "proxy_api_url": format!("http://127.0.0.1:{proxy_port}"),
            "proxy": setting("PIPALHUB_PROXY"),
            "password": PASSWORD,
            "admin": ADMIN,
            "instructor": INSTRUCTOR,
            "helper": HELPER,
            "homes": homes,
            "folders": self.folders,
            "service_poll_s": self.service_poll_s,
            "api_token": API_TOKEN,
        });
        let small_home = self.small_home_of.map(|user| homes.join(user));
        if let Some(home) = &small_home {
            fs::create_dir(home)?;
        }
        let program = HubCommand {
            venv,
            settings,
            small_home,
        };
        let process = program.start(self.folder.path())?;
        let mut hub = Hub {
            folder: self.folder,
            folders: self.folders,
            program,
            process,
            external,
            remote: RemoteHub::new(url)?,
        };
        hub.wait_until_ready().await?;
        Ok(hub)
    }

    /// The arguments of `configure`.
    fn configured(&self, service: &str, homes: &Path) -> Value {
        if self.is_external {
            return json!({"external": true, "api_token": SERVICE_TOKEN, "address": service});
        }
        let mut arguments = json!({
            "program": setting("PIPALHUB_BIN"),
            "address": service,
            "homes": homes.join("{user}"),
            "data": self.folder().join("data"),
        });
        for (name, value) in &self.service_settings {
            arguments[name] = json!(value);
        }
        arguments
    }
}

/// The command line and the settings of the Hub.
struct HubCommand {
    venv: PathBuf,
    settings: Value,
    /// The home that is a small disk.
    small_home: Option<PathBuf>,
}

impl HubCommand {
    fn start(&self, folder: &Path) -> Result<Child> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("hub.log"))?;
        let hub = self.venv.join("bin/jupyterhub");
        let mut command = match &self.small_home {
            None => Command::new(hub),
            Some(home) => {
                let mut command = Command::new("unshare");
                command.args(["--mount", "sh", "-c", MOUNT_SMALL_HOME]);
                command.arg(home).arg(hub);
                command
            }
        };
        command
            .args(["-f", "config.py"])
            .current_dir(folder)
            .env("HUB_SETTINGS", self.settings.to_string())
            .env("PATH", path_with(&self.venv.join("bin"))?)
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log));
        command.spawn().context("jupyterhub cannot be started")
    }
}

impl Hub {
    /// Starts the Hub of the venv that `venv` names (`PIPALHUB_VENV` or
    /// `PIPALHUB_VENV_HUB5`) and waits until it and the service answer.
    pub async fn start(venv: &str) -> Result<Self> {
        HubSetup::new()?.start(venv).await
    }

    /// Ends the Hub as an administrator does, and with it all it runs but participants' servers;
    /// starts it again and waits until it and the service answer.
    pub async fn restart(&mut self) -> Result<()> {
        processes::end(&mut self.process, HUB_STOP_TIMEOUT);
        self.process = self.program.start(self.folder.path())?;
        self.wait_until_ready().await
    }

    /// Kills the Hub's own process, as the kernel does when memory runs out, and starts it again;
    /// waits until it and the service answer.
    pub async fn restart_killed(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        self.process = self.program.start(self.folder.path())?;
        self.wait_until_ready().await
    }

    /// Sends a signal to the Hub's own process; proxy, service and servers go on.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.process.id().cast_signed()).context("it has a pid")?;
        Ok(kill_process(pid, signal)?)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let (process, remote) = (&mut self.process, &self.remote);
        let ended = until("the Hub", async || {
            if let Some(status) = process.try_wait()? {
                return Ok(Some(Some(status)));
            }
            Ok(remote.is_ready().await?.then_some(None))
        })
        .await?;
        match ended {
            Some(status) => bail!("the Hub ended with {status}"),
            None => Ok(()),
        }
    }

    /// The folder of all files of the Hub and the service, and of all homes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a participant's notebook.
    pub fn home_path(&self, user: &str, filename: &str) -> PathBuf {
        let folder = self.folders.get(user).map_or(user, String::as_str);
        self.folder().join("homes").join(folder).join(filename)
    }

    /// The same in the mount namespace of the Hub, which may have a disk of its own there.
    pub fn seen_home_path(&self, user: &str, filename: &str) -> Result<PathBuf> {
        let root = PathBuf::from(format!("/proc/{}/root", self.process.id()));
        let path = self.home_path(user, filename);
        Ok(root.join(path.strip_prefix("/")?))
    }

    /// Lets the servers of these users, which are started from now on, be as without the
    /// participants' package, and those of all others as with it.
    pub fn without_package(&self, users: &[&str]) -> Result<()> {
        Ok(fs::write(
            self.folder().join(WITHOUT_PACKAGE),
            users.join("\n"),
        )?)
    }

    /// Adds a participant and starts their server.
    pub async fn start_server(&self, user: &str) -> Result<ParticipantServer> {
        self.add_user(user).await?;
        self.start_known_server(user).await
    }

    /// Starts the server of a participant whom the Hub knows.
    pub async fn start_known_server(&self, user: &str) -> Result<ParticipantServer> {
        let state = self.spawn(user).await?;
        let pid = state["pid"].as_i64().context("a process")?;
        // The Hub gives the token to the server only, so it is read from the process.
        let token = processes::variable_of(pid.try_into()?, "JUPYTERHUB_API_TOKEN")?;
        Ok(self.server(user, token))
    }

    /// Sends a signal to the service's process, and returns its number.
    pub fn signal_service(&self, signal: Signal) -> Result<Pid> {
        let found = self.services();
        let &[pid] = &found[..] else {
            bail!("services that run: {found:?}");
        };
        kill_process(pid, signal)?;
        Ok(pid)
    }

    /// Kills the service and waits for its end. The Hub starts it again, which may be at once.
    pub async fn kill_service(&self) -> Result<()> {
        let killed = self.signal_service(Signal::KILL)?;
        until("the end of the service", async || {
            Ok((!self.services().contains(&killed)).then_some(()))
        })
        .await
    }

    fn services(&self) -> Vec<Pid> {
        processes::running(&setting("PIPALHUB_BIN"), "serve", self.folder.path())
    }

    fn log_tail(&self) -> String {
        let log = fs::read(self.folder.path().join("hub.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Deref for Hub {
    type Target = RemoteHub;

    fn deref(&self) -> &RemoteHub {
        &self.remote
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // On SIGTERM the Hub stops the servers, the service and the proxy itself.
        processes::end(&mut self.process, HUB_STOP_TIMEOUT);
        if let Some(service) = &mut self.external {
            processes::end(service, processes::STOP_TIMEOUT);
        }
        processes::kill_all_of(self.folder.path());
        // Shown by the test runner only when the test fails.
        eprintln!("The end of the Hub's log:\n{}", self.log_tail());
    }
}

/// Starts the service as systemd does: with the variables of docs/install.md.
fn external_service(folder: &Path, address: &str, hub_port: u16, base: &str) -> Result<Child> {
    let log = File::create(folder.join("service.log"))?;
    let prefix = format!("{base}services/dashboard/");
    let api = format!("http://127.0.0.1:{hub_port}{base}hub/api");
    Command::new(setting("PIPALHUB_BIN"))
        .arg("serve")
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--homes")
        .arg(folder.join("homes/{user}"))
        .env("JUPYTERHUB_API_TOKEN", SERVICE_TOKEN)
        .env("JUPYTERHUB_API_URL", api)
        .env("JUPYTERHUB_BASE_URL", base)
        .env("JUPYTERHUB_CLIENT_ID", "service-dashboard")
        .env(
            "JUPYTERHUB_OAUTH_CALLBACK_URL",
            format!("{prefix}oauth_callback"),
        )
        .env("JUPYTERHUB_SERVICE_NAME", "dashboard")
        .env("JUPYTERHUB_SERVICE_PREFIX", &prefix)
        .env("JUPYTERHUB_SERVICE_URL", format!("http://{address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::from(log))
        .spawn()
        .context("the service cannot be started")
}

/// A base URL of two levels, so that no code can rely on one; new for every Hub.
fn random_base_url(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let random = name.rsplit('-').next().unwrap_or_default();
    format!("/class/{random}/")
}

fn path_with(folder: &Path) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}
