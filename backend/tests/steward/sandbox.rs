//! A machine's accounts of the test's own: namespaces in which `/etc`, `/home` and what else
//! `useradd` writes to are folders that go with the test.

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::commands::{RunningSteward, text_of, until};

/// The folders that stand in the place of the machine's.
const PLACES: [&str; 3] = ["etc", "home", "var/log"];
/// Enters the folders and runs the rest of its arguments.
const ENTER: &str = "
    set -e
    for place in $PLACES; do mount --bind \"$SANDBOX/$place\" \"/$place\"; done
    exec \"$@\"
";

/// The folders of one test.
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// Folders with a copy of the machine's `/etc`; `None` where the test may make no namespaces,
    /// which is said.
    pub(crate) fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        for place in PLACES {
            fs::create_dir_all(folder.path().join(place)).unwrap();
        }
        let sandbox = Self { folder };
        let copied = Command::new("cp")
            .args(["--archive", "/etc/.", "--target-directory"])
            .arg(sandbox.path("etc"))
            .stderr(Stdio::null())
            .status();
        let works = copied.is_ok() && sandbox.run(&["id", "--user"]).is_ok_and(|id| id == "0\n");
        if !works {
            eprintln!("not tried: root and namespaces are needed");
            return None;
        }
        sandbox.users_file_is("");
        Some(sandbox)
    }

    /// A path in the folder of the test, which is the same inside and outside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", ENTER, "sh"])
            .args(words)
            .env("SANDBOX", self.folder.path())
            .env("PLACES", PLACES.join(" "))
            .env("PIPALHUB_STEWARD_SOCKET", self.path("steward.sock"))
            .env("PIPALHUB_USERS_FILE", self.users_file())
            .env("PIPALHUB_STEWARD_DATA", self.path("state"));
        command
    }

    /// What a program prints, or says when it fails.
    pub(crate) fn run(&self, words: &[&str]) -> Result<String, String> {
        text_of(self.command(words).output().unwrap())
    }

    /// Runs `pipalhub users`.
    pub(crate) fn users(&self, words: &[&str]) -> Result<String, String> {
        self.users_with(words, "")
    }

    /// The same with a text on standard input.
    pub(crate) fn users_with(&self, words: &[&str], input: &str) -> Result<String, String> {
        let words = [&[env!("CARGO_BIN_EXE_pipalhub"), "users"], words].concat();
        let mut child = self
            .command(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that needs no input may have ended.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        text_of(child.wait_with_output().unwrap())
    }

    /// Starts a steward and waits until it answers.
    pub(crate) fn steward(&self, words: &[&str]) -> RunningSteward {
        let words = [&[env!("CARGO_BIN_EXE_pipalhub"), "steward"], words].concat();
        let log = fs::File::create(self.path("steward.log")).unwrap();
        let child = self.command(&words).stderr(log).spawn().unwrap();
        let steward = RunningSteward { child };
        // The socket of one that was killed is there, too.
        until("the steward", || {
            self.hello().is_ok_and(|it| !it.is_empty())
        });
        steward
    }

    /// What the steward says of itself.
    fn hello(&self) -> io::Result<String> {
        let mut stream = UnixStream::connect(self.path("steward.sock"))?;
        writeln!(stream, "{{\"do\": \"hello\"}}")?;
        let mut said = String::new();
        BufReader::new(stream).read_line(&mut said)?;
        Ok(said)
    }

    /// What the steward has said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("steward.log")).unwrap()
    }

    fn users_file(&self) -> PathBuf {
        self.path("users.txt")
    }

    pub(crate) fn users_txt(&self) -> String {
        fs::read_to_string(self.users_file()).unwrap()
    }

    /// Writes the list as an editor does: a new file in the place of the old one.
    pub(crate) fn users_file_is(&self, text: &str) {
        let new = self.path("users.txt~");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.users_file()).unwrap();
    }

    /// A line of `/etc/passwd` or a file like it.
    pub(crate) fn account(&self, file: &str, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.path("etc").join(file)).unwrap();
        let start = format!("{name}:");
        let mut lines = text.lines().filter(|line| line.starts_with(&start));
        lines.next().map(ToOwned::to_owned)
    }

    /// The number of an account.
    pub(crate) fn id(&self, name: &str) -> Option<String> {
        let line = self.account("passwd", name)?;
        line.split(':').nth(2).map(ToOwned::to_owned)
    }

    /// Whether this is the password of the account, by the system's own crypt.
    pub(crate) fn is_password(&self, name: &str, password: &str) -> bool {
        let Some(line) = self.account("shadow", name) else {
            return false;
        };
        let hash = line.split(':').nth(1).unwrap();
        let crypt = "print crypt($ARGV[0], $ARGV[1]) eq $ARGV[1] ? 'yes' : 'no'";
        let said = Command::new("perl")
            .args(["-e", crypt, password, hash])
            .output();
        text_of(said.unwrap()).unwrap() == "yes"
    }

    /// The accounts that were made here.
    pub(crate) fn made(&self) -> Vec<String> {
        let line = self
            .account("group", "pipalhub-participants")
            .unwrap_or_default();
        let members = line.rsplit(':').next().unwrap_or_default().to_owned();
        let mut made: Vec<String> = members
            .split(',')
            .filter(|it| !it.is_empty())
            .map(ToOwned::to_owned)
            .collect();
        made.sort();
        made
    }
}
