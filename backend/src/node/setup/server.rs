//! The server that is being set up: its programs are run, and its files replaced, by this alone, so
//! that all is in one log.

use std::{
    cell::RefCell,
    collections::VecDeque,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    process::Command,
};

use anyhow::{Context, bail};
use rustix::{
    fs::{FlockOperation, flock, statvfs},
    io::{FdFlags, fcntl_setfd},
    process::geteuid,
};

/// What every program that was run has said.
pub(super) const LOG_FILE: &str = "/var/log/pipalhub-setup.log";
const LOCK_FILE: &str = "/run/pipalhub-setup.lock";
/// Lines of a failed program that are shown.
const SHOWN_LINES: usize = 12;

/// This machine, for root.
pub(super) struct Server {
    log: RefCell<File>,
    /// Held as long as the setup goes on.
    _lock: File,
}

impl Server {
    /// # Errors
    /// When this is not root's, or another setup is going on.
    pub(super) fn open() -> anyhow::Result<Self> {
        if !geteuid().is_root() {
            bail!("a server is set up by root: put sudo before the command");
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(LOCK_FILE)
            .with_context(|| format!("cannot open {LOCK_FILE}"))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!(
                "another setup of this server is going on, or a program that an interrupted one has \
                 started: wait for its end"
            );
        }
        // Programs that are run have it too: one that outlives this holds the next setup up.
        fcntl_setfd(&lock, FdFlags::empty())?;
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(LOG_FILE)
            .with_context(|| format!("cannot write {LOG_FILE}"))?;
        Ok(Self {
            log: RefCell::new(log),
            _lock: lock,
        })
    }

    /// One whose log is nowhere, and which keeps no setup away.
    #[cfg(test)]
    pub(super) fn for_tests() -> Self {
        Self {
            log: RefCell::new(tempfile::tempfile().expect("a test has room")),
            _lock: tempfile::tempfile().expect("a test has room"),
        }
    }

    /// Runs a program to its end and returns what it has said.
    ///
    /// # Errors
    /// With the last lines, when it fails.
    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        self.run_command(Command::new(program).args(arguments))
    }

    /// The same for a program with variables or a folder of its own.
    pub(super) fn run_command(&self, command: &mut Command) -> anyhow::Result<String> {
        let program = command.get_program().to_string_lossy().into_owned();
        self.note(&format!("$ {}", shown(command)));
        let (said, end) = io::pipe()?;
        let child = command
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive")
            // Ubuntu asks which services to restart.
            .env("NEEDRESTART_MODE", "a")
            .stdin(std::process::Stdio::null())
            .stdout(end.try_clone()?)
            .stderr(end)
            .spawn();
        // The command keeps the pipe's end until it is set anew, and the last line would not come.
        command.stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        let mut child = child.with_context(|| format!("{program} cannot be started"))?;
        let mut all = String::new();
        let mut last = VecDeque::new();
        for line in BufReader::new(said).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            self.note(&line);
            all.push_str(&line);
            all.push('\n');
            if !line.trim().is_empty() {
                last.push_back(line);
                if last.len() > SHOWN_LINES {
                    last.pop_front();
                }
            }
        }
        let status = child.wait()?;
        if status.success() {
            return Ok(all);
        }
        let last: Vec<_> = last.into();
        bail!(
            "{program} has ended with {status}:\n    {}\n  (all of it is in {LOG_FILE})",
            last.join("\n    ")
        )
    }

    /// Whether a program ends well.
    pub(super) fn succeeds(&self, program: &str, arguments: &[&str]) -> bool {
        self.run(program, arguments).is_ok()
    }

    /// Makes this the content of the file, which is there as a whole or as it was, also when the
    /// power fails. Folders above it are made.
    pub(super) fn write(&self, path: &str, content: &[u8], mode: u32) -> anyhow::Result<()> {
        let write = || {
            let path = Path::new(path);
            let folder = path.parent().unwrap_or(Path::new("/"));
            fs::create_dir_all(folder)?;
            let written = path.with_extension("pipalhub-new");
            let mut file = File::create(&written)?;
            file.set_permissions(Permissions::from_mode(mode))?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&written, path)?;
            File::open(folder)?.sync_all()
        };
        self.note(&format!("writes {path}"));
        write().with_context(|| format!("cannot write {path}"))
    }

    /// Whether the file has this content and this mode.
    pub(super) fn has(&self, path: &str, content: &[u8], mode: u32) -> bool {
        let has_mode = fs::metadata(path).is_ok_and(|file| file.mode() & 0o7777 == mode);
        has_mode && fs::read(path).is_ok_and(|there| there == content)
    }

    /// Bytes that are free on the disk of a folder, or of the nearest one above it that is there.
    pub(super) fn free_bytes(&self, folder: &str) -> anyhow::Result<u64> {
        let there = Path::new(folder).ancestors().find(|path| path.exists());
        let disk = statvfs(there.unwrap_or(Path::new("/")))?;
        Ok(disk.f_bavail * disk.f_frsize)
    }

    fn note(&self, line: &str) {
        // A log that cannot be written is no reason to leave the server half set up.
        let _ = writeln!(self.log.borrow_mut(), "{line}");
    }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
