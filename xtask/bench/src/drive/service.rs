//! The service as a process, which is killed on drop.

use std::{
    fs::{self, DirBuilder, File},
    io,
    net::{SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::{HANG_TIMEOUT, SERVICE_TOKEN, http::HttpClient, hub::FakeHubApi, poll_until};

/// How a service process is started.
#[derive(Clone)]
pub(crate) struct ServicePlan {
    /// The program with its first arguments: `pipalhub serve`, or another server.
    program: Vec<PathBuf>,
    /// The folder of the homes, the data and the log.
    pub(crate) folder: PathBuf,
    /// The part of a home's path after the participant's name.
    below: String,
    bind: String,
    hub: bool,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
}

impl ServicePlan {
    /// A service without a Hub, with a token, on a free port.
    pub(crate) fn new(pipalhub: &Path, folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder.join("homes"))?;
        Ok(Self {
            program: vec![pipalhub.to_owned(), "serve".into()],
            folder: folder.to_owned(),
            below: String::new(),
            bind: "127.0.0.1:0".to_owned(),
            hub: false,
            variables: Vec::new(),
            wrapper: Vec::new(),
        })
    }

    /// Another server that takes the same arguments.
    pub(crate) fn of_program(program: &[&Path], folder: &Path) -> anyhow::Result<Self> {
        let mut plan = Self::new(Path::new(""), folder)?;
        plan.program = program.iter().map(|word| (*word).to_owned()).collect();
        Ok(plan)
    }

    /// Sets an environment variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Puts the homes at the path `below` in the participants' folders.
    pub(crate) fn with_homes_below(mut self, below: &str) -> Self {
        below.clone_into(&mut self.below);
        self
    }

    /// Fixes the address, so that it stays the same after a restart.
    pub(crate) fn at_fixed_port(mut self) -> anyhow::Result<Self> {
        self.bind = free_address()?.to_string();
        Ok(self)
    }

    /// Starts the service by a wrapper command, which executes its last arguments.
    pub(crate) fn wrapped(mut self, words: &[&str]) -> Self {
        self.wrapper = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Starts the service as a service of `hub`.
    pub(crate) fn under(self, hub: &FakeHubApi) -> anyhow::Result<Self> {
        let mut plan = self.at_fixed_port()?;
        plan.hub = true;
        let url = format!("http://{}", plan.bind);
        Ok(plan
            .with("JUPYTERHUB_API_TOKEN", "the-token-of-the-service")
            .with("JUPYTERHUB_API_URL", &hub.url())
            .with("JUPYTERHUB_CLIENT_ID", "service-dashboard")
            .with("JUPYTERHUB_SERVICE_NAME", "dashboard")
            .with("JUPYTERHUB_OAUTH_CALLBACK_URL", "/oauth_callback")
            .with("JUPYTERHUB_SERVICE_URL", &url))
    }

    /// The address, if it is fixed.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.bind.parse()?)
    }

    pub(crate) fn homes(&self) -> PathBuf {
        self.folder.join("homes")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Creates the data folder before the service does, with the same mode.
    pub(crate) fn make_data(&self) -> io::Result<PathBuf> {
        let data = self.data();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&data)?;
        Ok(data)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data().join("events.sqlite3")
    }

    fn command(&self) -> Command {
        let words: Vec<PathBuf> = self.wrapper.iter().map(PathBuf::from).collect();
        let words = [words, self.program.clone()].concat();
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg("--homes")
            .arg(self.homes().join(format!("{{user}}{}", self.below)))
            .arg("--data")
            .arg(self.data())
            // The environment of the caller must not matter.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if !self.hub {
            command
                .args(["--bind", &self.bind])
                .env("PIPALHUB_TOKEN", SERVICE_TOKEN);
        }
        command
    }

    /// Runs the service to its end, which must come soon, because it has to refuse to start.
    pub(crate) async fn refusal(&self) -> anyhow::Result<Output> {
        let ended = timeout(HANG_TIMEOUT, self.command().output()).await;
        Ok(ended.context("it should have refused to start and runs")??)
    }
}

/// A running service process.
pub(crate) struct ServiceProcess {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the start of the process to its first answer.
    pub(crate) start: Duration,
}

impl ServiceProcess {
    /// Starts a service and waits until it answers.
    pub(crate) async fn start(plan: &ServicePlan) -> anyhow::Result<Self> {
        let log = plan.folder.join("log");
        let file = File::options().create(true).append(true).open(&log)?;
        let begun = Instant::now();
        let mut child = plan
            .command()
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .context("the service cannot be started")?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let address = if plan.hub {
            plan.bind.parse()?
        } else {
            let mut line = String::new();
            timeout(HANG_TIMEOUT, BufReader::new(stdout).read_line(&mut line))
                .await
                .context("the service does not say that it listens")??;
            match address_of(&line) {
                Some(address) => address,
                None => bail!("the service printed {line:?}; its log: {}", tail_of(&log)),
            }
        };
        let client = HttpClient {
            address,
            token: String::new(),
        };
        let answers = async || {
            let ended = child.try_wait()?;
            anyhow::ensure!(ended.is_none(), "the service ended: {ended:?}");
            Ok(client.get("/healthz").await.ok())
        };
        poll_until("the first answer", HANG_TIMEOUT, answers)
            .await
            .with_context(|| format!("the service's log: {}", tail_of(&log)))?;
        Ok(Self {
            child,
            address,
            start: begun.elapsed(),
        })
    }

    /// A client with the token of the service, which is the instructor's.
    pub(crate) fn client(&self) -> HttpClient {
        self.client_of(SERVICE_TOKEN)
    }

    /// A client with `token`.
    pub(crate) fn client_of(&self, token: &str) -> HttpClient {
        HttpClient {
            address: self.address,
            token: token.to_owned(),
        }
    }

    pub(crate) fn pid(&self) -> anyhow::Result<Pid> {
        let id = self.child.id().context("the service has ended")?;
        Pid::from_raw(id.cast_signed()).context("not a process id")
    }

    /// Kills the process, as a crash does.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("it cannot be killed")
    }

    /// Sends SIGTERM and waits until the process has ended.
    pub(crate) async fn terminate(mut self) -> anyhow::Result<(ExitStatus, Duration)> {
        let begun = Instant::now();
        kill_process(self.pid()?, Signal::TERM)?;
        let status = timeout(HANG_TIMEOUT, self.child.wait())
            .await
            .context("SIGTERM does not end it")??;
        Ok((status, begun.elapsed()))
    }

    /// Whether the process still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub(crate) fn usage(&self) -> anyhow::Result<ProcessUsage> {
        ProcessUsage::of(self.pid()?)
    }
}

/// The resources that a process has used so far.
#[derive(Clone, Copy)]
pub(crate) struct ProcessUsage {
    /// The resident memory now, and at its peak.
    pub(crate) resident_kib: u64,
    pub(crate) peak_kib: u64,
    /// The processor time of all threads.
    pub(crate) cpu: Duration,
    /// The bytes read by system calls, from files and connections.
    pub(crate) read_bytes: u64,
}

impl ProcessUsage {
    pub(crate) fn of(pid: Pid) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = format!("/proc/{}/{name}", pid.as_raw_nonzero());
            fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
        };
        let (status, io, stat) = (read("status")?, read("io")?, read("stat")?);
        // In ticks of a hundredth of a second; the name before them may contain spaces.
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        let ticks = after_name.split(' ').skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|word| word.parse::<u64>().ok()).sum();
        Ok(Self {
            resident_kib: number_after(&status, "VmRSS:")?,
            peak_kib: number_after(&status, "VmHWM:")?,
            cpu: Duration::from_millis(ticks * 10),
            read_bytes: number_after(&io, "rchar:")?,
        })
    }
}

fn number_after(text: &str, name: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.with_context(|| format!("no {name}"))?.parse()?)
}

/// A free address on this machine.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn address_of(link: &str) -> Option<SocketAddr> {
    let host = link.strip_prefix("http://")?.split('/').next()?;
    host.parse().ok()
}

fn tail_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
