//! A fresh server as a cloud gives it, which `pipalhub setup-node` sets up. It reaches the package
//! registries, and nothing else, by a proxy on this machine.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};
use serde_json::json;
use tempfile::TempDir;

use super::{authority::TestAuthority, machine::Machine};
use crate::setting;

/// Where the program is on the server, as a trainer has copied it there.
pub const NEW_PROGRAM: &str = "/opt/new/pipalhub";
/// Where the certificates are that this machine trusts.
const CERTIFICATES: &str = "/machine/certificates.pem";
/// Whom certbot trusts to be its authority; a test puts the file there.
const AUTHORITIES: &str = "/etc/ssl/test-authority.pem";
const PROXY_PORT: u16 = 8888;

/// A server that runs until this is dropped.
pub struct BareServer {
    machine: Machine,
    /// None while the network is broken.
    proxy: Mutex<Option<ForwardProxy>>,
}

/// What a command said, and how it ended.
pub struct CommandEnd {
    pub text: String,
    pub is_ok: bool,
}

/// What is killed of a command.
#[derive(Clone, Copy)]
pub enum Killed {
    All,
    /// The program, and nothing that it has started.
    Alone,
}

impl BareServer {
    /// Starts a server of the image in this variable, with these files of this machine on it.
    pub async fn start(image: &str, mounts: &[(PathBuf, &str)]) -> Result<Self> {
        let program = setting("PIPALHUB_EMBEDDED");
        let own = [
            (program, NEW_PROGRAM),
            (setting("PIPALHUB_CERTIFICATES"), CERTIFICATES),
        ];
        let machine = Machine::start(&setting(image), &[&own, mounts].concat()).await?;
        let server = Self {
            machine,
            proxy: Mutex::default(),
        };
        server.mend_network()?;
        server.tell_of_proxy()?;
        Ok(server)
    }

    /// Where it is reached.
    pub fn address(&self) -> Ipv4Addr {
        self.machine.address()
    }

    /// Where it reaches this machine.
    pub fn host_address(&self) -> Ipv4Addr {
        self.machine.host_address()
    }

    /// Ends all connections to the package registries, and refuses new ones.
    pub fn break_network(&self) {
        self.set_proxy(None);
    }

    /// Lets the server reach the package registries, as at first.
    pub fn mend_network(&self) -> Result<()> {
        let proxy = ForwardProxy::start(self.host_address(), self.address())?;
        self.set_proxy(Some(proxy));
        Ok(())
    }

    fn set_proxy(&self, proxy: Option<ForwardProxy>) {
        *self.proxy.lock().unwrap_or_else(PoisonError::into_inner) = proxy;
    }

    /// Runs a program on the server as root and returns its output.
    pub fn run(&self, command: &[&str]) -> Result<String> {
        self.machine.run(command)
    }

    /// Writes a file on the server, in a folder that exists.
    pub fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        self.machine.write(path, content)
    }

    /// The variables of everyone who signs in to the server, here for a command as well.
    fn tell_of_proxy(&self) -> Result<()> {
        let proxy = format!("http://{}:{PROXY_PORT}", self.host_address());
        let variables = format!(
            "http_proxy={proxy}\nhttps_proxy={proxy}\n\
             no_proxy=localhost,127.0.0.1,{},{}\n\
             PIP_CERT={CERTIFICATES}\nNODE_EXTRA_CA_CERTS={CERTIFICATES}\n\
             npm_config_cafile={CERTIFICATES}\nREQUESTS_CA_BUNDLE={AUTHORITIES}\n",
            self.host_address(),
            self.address(),
        );
        self.write("/etc/environment", variables.as_bytes())?;
        self.run(&["mkdir", "--parents", "/etc/ssl"])?;
        self.write(AUTHORITIES, &fs::read(setting("PIPALHUB_CERTIFICATES"))?)
    }

    fn command(&self, command: &[&str]) -> Command {
        // In a session of its own, by which all that it starts is found.
        let shell = "export $(cat /etc/environment); exec setsid --wait \"$@\"";
        self.machine
            .command(&[&["sh", "-c", shell, "sh"], command].concat())
    }

    /// Lets certbot trust an authority's own site.
    pub fn trust(&self, authority: &TestAuthority) -> Result<()> {
        // pip takes the same variable for more than its own.
        let mut certificate = fs::read(setting("PIPALHUB_CERTIFICATES"))?;
        certificate.extend(fs::read(authority.own_certificate())?);
        self.write(AUTHORITIES, &certificate)
    }

    /// Gives Docker's engine on the server an image of this machine, under a name of a registry's, and
    /// what builds and containers reach the package registries by.
    pub fn give_image(&self, image: &Path, name: &str) -> Result<()> {
        let loaded = self.machine.load(image)?;
        self.run(&["docker", "tag", &loaded, name])?;
        let proxy = format!("http://{}:{PROXY_PORT}", self.host_address());
        let no_proxy = format!("localhost,127.0.0.1,{}", self.address());
        let config = json!({"proxies": {"default":
            {"httpProxy": proxy, "httpsProxy": proxy, "noProxy": no_proxy}}});
        self.run(&["mkdir", "--parents", "/root/.docker"])?;
        self.write("/root/.docker/config.json", config.to_string().as_bytes())
    }

    fn kill(&self, killed: Killed) -> Result<()> {
        let kill = match killed {
            Killed::All => "pkill --signal KILL --session $pid",
            Killed::Alone => "kill -KILL $pid",
        };
        // It may have ended by now.
        let find = format!("pid=$(pgrep --oldest --full '^/opt/new.*/pipalhub') || exit 0; {kill}");
        self.run(&["sh", "-c", &find]).map(drop)
    }

    /// Runs a program as root with those variables, and returns all that it says.
    pub fn run_to_end(&self, command: &[&str]) -> Result<CommandEnd> {
        self.run_until(command, Killed::All, |_| false)
    }

    /// The same, and kills the program when it has printed a line of which `is_enough` says so: with
    /// all that it has started, as a power cut does, or alone.
    pub fn run_until(
        &self,
        command: &[&str],
        killed: Killed,
        mut is_enough: impl FnMut(&str) -> bool,
    ) -> Result<CommandEnd> {
        let (said, end) = std::io::pipe()?;
        let mut command = self.command(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(end.try_clone()?)
            .stderr(end)
            .spawn()?;
        // It holds the pipe's other end.
        drop(command);
        let mut text = String::new();
        for line in BufReader::new(said).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            text.push_str(&line);
            text.push('\n');
            if is_enough(&line) {
                self.kill(killed)?;
                break;
            }
        }
        let is_ok = child.wait()?.success();
        Ok(CommandEnd { text, is_ok })
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = "tail -n 60 /var/log/pipalhub-setup.log; journalctl --no-pager -n 60";
            if let Ok(log) = self.run(&["sh", "-c", log]) {
                eprintln!("{log}");
            }
        }
    }
}

/// A proxy to which one server may come.
struct ForwardProxy {
    process: Child,
    _folder: TempDir,
}

impl ForwardProxy {
    fn start(host: Ipv4Addr, server: Ipv4Addr) -> Result<Self> {
        let folder = TempDir::with_prefix("pipalhub-proxy-")?;
        let config = folder.path().join("tinyproxy.conf");
        let text = format!(
            "Port {PROXY_PORT}\nListen {host}\nAllow {server}\nTimeout 600\nMaxClients 100\n\
             ConnectPort 443\nLogLevel Error\n"
        );
        fs::write(&config, text)?;
        let process = Command::new(setting("PIPALHUB_FORWARD_PROXY"))
            .arg("-d")
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("the proxy cannot be started")?;
        Ok(Self {
            process,
            _folder: folder,
        })
    }
}

impl Drop for ForwardProxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
