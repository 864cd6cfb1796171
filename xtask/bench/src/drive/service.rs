//! The service as a process of its own, ended when it is dropped.

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

use super::{LONG, TOKEN, http::Client, hub::HubApi, until};

/// How a service is started.
#[derive(Clone)]
pub(crate) struct Plan {
    /// The program with its first arguments: `pipalhub serve`, or a stand-in.
    program: Vec<PathBuf>,
    /// Holds the homes, the data and the log.
    pub(crate) folder: PathBuf,
    /// What of a home's path comes after the participant's name.
    below: String,
    bind: String,
    hub: bool,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
}

impl Plan {
    /// By itself, with a token, on a port of its own.
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

    /// Another program that takes the same arguments.
    pub(crate) fn of_stand_in(program: &[&Path], folder: &Path) -> anyhow::Result<Self> {
        let mut plan = Self::new(Path::new(""), folder)?;
        plan.program = program.iter().map(|word| (*word).to_owned()).collect();
        Ok(plan)
    }

    /// With a variable more.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With homes that are so far below the participant's own folder.
    pub(crate) fn with_homes_below(mut self, below: &str) -> Self {
        below.clone_into(&mut self.below);
        self
    }

    /// At an address that stays the same when it is started again.
    pub(crate) fn at_fixed_port(mut self) -> anyhow::Result<Self> {
        self.bind = free_address()?.to_string();
        Ok(self)
    }

    /// Started by these words, which end by executing what follows them.
    pub(crate) fn wrapped(mut self, words: &[&str]) -> Self {
        self.wrapper = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// As the service of a Hub.
    pub(crate) fn under(self, hub: &HubApi) -> anyhow::Result<Self> {
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

    /// Where it will listen, when that is fixed.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.bind.parse()?)
    }

    pub(crate) fn homes(&self) -> PathBuf {
        self.folder.join("homes")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Makes the data folder before the service does, as it would.
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
            // Of the environment of whoever runs this, nothing may matter.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if !self.hub {
            command
                .args(["--bind", &self.bind])
                .env("PIPALHUB_TOKEN", TOKEN);
        }
        command
    }

    /// Runs it to its end, which must come soon: it is meant to refuse.
    pub(crate) async fn refusal(&self) -> anyhow::Result<Output> {
        let ended = timeout(LONG, self.command().output()).await;
        Ok(ended.context("it should have refused to start and runs")??)
    }
}

/// A service that runs.
pub(crate) struct Service {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the start of the process to its first answer.
    pub(crate) start: Duration,
}

impl Service {
    /// Starts one and waits until it answers.
    pub(crate) async fn start(plan: &Plan) -> anyhow::Result<Self> {
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
            timeout(LONG, BufReader::new(stdout).read_line(&mut line))
                .await
                .context("the service does not say that it listens")??;
            match address_of(&line) {
                Some(address) => address,
                None => bail!("the service printed {line:?}; its log: {}", tail_of(&log)),
            }
        };
        let client = Client {
            address,
            token: String::new(),
        };
        let answers = async || {
            let ended = child.try_wait()?;
            anyhow::ensure!(ended.is_none(), "the service ended: {ended:?}");
            Ok(client.get("/healthz").await.ok())
        };
        until("the first answer", LONG, answers)
            .await
            .with_context(|| format!("the service's log: {}", tail_of(&log)))?;
        Ok(Self {
            child,
            address,
            start: begun.elapsed(),
        })
    }

    /// Asks in the name of the instructor of a service without a Hub.
    pub(crate) fn client(&self) -> Client {
        self.client_of(TOKEN)
    }

    /// Asks in the name of whoever holds `token`.
    pub(crate) fn client_of(&self, token: &str) -> Client {
        Client {
            address: self.address,
            token: token.to_owned(),
        }
    }

    pub(crate) fn pid(&self) -> anyhow::Result<Pid> {
        let id = self.child.id().context("the service has ended")?;
        Pid::from_raw(id.cast_signed()).context("not a process id")
    }

    /// Ends it without warning, as a crash does.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("it cannot be killed")
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn terminate(mut self) -> anyhow::Result<(ExitStatus, Duration)> {
        let begun = Instant::now();
        kill_process(self.pid()?, Signal::TERM)?;
        let status = timeout(LONG, self.child.wait())
            .await
            .context("SIGTERM does not end it")??;
        Ok((status, begun.elapsed()))
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.pid()?)
    }
}

/// What a process has used until now.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// Resident memory now, and at its peak.
    pub(crate) resident_kib: u64,
    pub(crate) peak_kib: u64,
    /// Of all its threads.
    pub(crate) cpu: Duration,
    /// By read calls, from files and connections alike.
    pub(crate) read_bytes: u64,
}

impl Usage {
    pub(crate) fn of(pid: Pid) -> anyhow::Result<Self> {
        let read = |name: &str| {
            let path = format!("/proc/{}/{name}", pid.as_raw_nonzero());
            fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
        };
        let (status, io, stat) = (read("status")?, read("io")?, read("stat")?);
        // In ticks of a hundredth of a second; the name before may hold spaces.
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

/// An address on this machine that nobody uses.
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
