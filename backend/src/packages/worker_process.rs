//! Starts the process that changes an environment, as the user who owns it.

use std::{
    env, fs, io,
    os::unix::{fs::MetadataExt, process::ExitStatusExt},
    process::Stdio,
};

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{
    error::PackageError,
    worker::{EnvironmentRequest, WorkerLine},
};

/// The command of the worker, which nobody runs by hand.
pub(crate) const WORKER_COMMAND: &str = "environment-worker";

/// Variables of this process that are of use to an installer, and what their names begin with.
const PASSED: [&str; 12] = [
    "PATH",
    "LANG",
    "HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];
const PASSED_PREFIXES: [&str; 3] = ["LC_", "PIP_", "UV_"];
/// Longest line of a worker: whoever owns the environment can write to it as the worker does.
const MAX_LINE_BYTES: u64 = 8 << 20;
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A worker at work. It ends when this is dropped, with all that it has started.
pub(super) struct WorkerProcess {
    child: Child,
    /// The process group, which is the worker's own.
    group: Option<Pid>,
    /// The worker ends when this does.
    _input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl WorkerProcess {
    /// Starts a worker with its request.
    pub(super) async fn start(request: &EnvironmentRequest) -> Result<Self, PackageError> {
        let root = &request.environment;
        let fail = |error| PackageError::Worker(root.clone(), error);
        let owner = fs::metadata(root).map_err(|error| PackageError::Read(root.clone(), error))?;
        let mut command = Command::new(env::current_exe().map_err(fail)?);
        command
            .arg(WORKER_COMMAND)
            .env_clear()
            .env("PATH", DEFAULT_PATH)
            .envs(env::vars_os().filter(|(name, _)| is_passed(&name.to_string_lossy())))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0)
            .kill_on_drop(true);
        if geteuid().is_root() && owner.uid() != 0 {
            // Root's own settings are none of theirs.
            command.uid(owner.uid()).gid(owner.gid()).env("HOME", root);
        }
        let mut child = command.spawn().map_err(fail)?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let mut input = child.stdin.take();
        let output = child.stdout.take();
        if let Some(input) = &mut input {
            let mut line = serde_json::to_vec(request).map_err(|error| fail(error.into()))?;
            line.push(b'\n');
            input.write_all(&line).await.map_err(fail)?;
        }
        let output = output.ok_or_else(|| fail(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self {
            child,
            group,
            _input: input,
            output: BufReader::new(output),
        })
    }

    /// The next line that it prints that is for the log, or its answer.
    pub(super) async fn next(&mut self) -> Result<WorkerLine, PackageError> {
        let failed = |reason: String| PackageError::Failed(reason);
        let mut line = Vec::new();
        let mut limited = (&mut self.output).take(MAX_LINE_BYTES);
        match limited.read_until(b'\n', &mut line).await {
            Ok(read) if read > 0 => serde_json::from_slice(&line)
                .map_err(|error| failed(format!("the worker prints something else: {error}"))),
            Ok(_) => {
                // Before it is waited for: until then nobody else's group has its number.
                self.kill();
                let status = self.child.wait().await;
                let said = match status {
                    Ok(status) if status.signal().is_some() => "was ended".to_owned(),
                    Ok(status) => format!("ended with {}", status.code().unwrap_or(-1)),
                    Err(error) => format!("cannot be waited for: {error}"),
                };
                Err(failed(format!("the worker {said} before it was done")))
            }
            Err(error) => Err(failed(format!("the worker cannot be heard: {error}"))),
        }
    }

    /// Ends it, with all that it has started, and waits until it has.
    pub(super) async fn end(mut self) {
        self.kill();
        // It has ended, or cannot be waited for.
        let _ = self.child.wait().await;
    }

    fn kill(&mut self) {
        if self.child.id().is_some()
            && let Some(group) = self.group.take()
        {
            // It has ended by itself, perhaps.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Its answer, where nobody reads the log.
    pub(super) async fn answer(&mut self) -> Result<WorkerLine, PackageError> {
        loop {
            match self.next().await? {
                WorkerLine::Log(_) => {}
                WorkerLine::Failed(reason) => return Err(PackageError::Failed(reason)),
                answer => return Ok(answer),
            }
        }
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_passed(name: &str) -> bool {
    PASSED.contains(&name)
        || PASSED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}
