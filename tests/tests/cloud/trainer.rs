//! A trainer's machine, and the account that it works with.

use std::{
    fs,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tests::{
    fresh::{BareServer, TestAuthority},
    setting,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    sync::watch,
};

use crate::{
    account::{FakeAccount, folder},
    api::{SharedAccount, TOKEN, router},
    pause,
    sshd::ServerPlace,
};

pub(crate) struct CloudTrainer {
    folder: TempDir,
    account: SharedAccount,
    server: Arc<BareServer>,
    url: String,
}

/// What a command has said, and how it has ended.
pub(crate) struct CommandSaid {
    pub(crate) text: String,
    pub(crate) is_ok: bool,
    pub(crate) is_killed: bool,
}

impl CloudTrainer {
    pub(crate) async fn new(server: BareServer, authority: &TestAuthority) -> Self {
        let root = tempfile::tempdir().unwrap();
        let key = root.path().join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key)
            .status();
        assert!(made.unwrap().success());
        let ssh = folder(root.path(), "bin").join("ssh");
        let script = format!(
            "#!/bin/sh\nexec /usr/bin/ssh -F none -i {} \"$@\"\n",
            key.display()
        );
        fs::write(&ssh, script).unwrap();
        fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
        let settings = format!(
            "docker = false\nauthority = {:?}\nemail = \"ines@pipal.test\"\npoll_ms = 50\n",
            authority.directory()
        );
        let home = folder(root.path(), "home/.config/pipalhub");
        fs::write(home.join("node.toml"), settings).unwrap();
        let server = Arc::new(server);
        let place = Arc::new(ServerPlace {
            server: Arc::clone(&server),
            public_key: fs::read_to_string(root.path().join("key.pub")).unwrap(),
        });
        let (_, program) = watch::channel(None);
        let account = Arc::new(Mutex::new(FakeAccount::new(program, place)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = router(Arc::clone(&account));
        tokio::spawn(async { axum::serve(listener, router).await });
        Self {
            folder: root,
            account,
            server,
            url,
        }
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, FakeAccount> {
        self.account.lock()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the server is reached.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.server.address()
    }

    /// The command that makes the workshop.
    pub(crate) fn create(&self) -> Vec<String> {
        let class = self.at("class.csv").display().to_string();
        let node = [
            "create-node",
            "--name",
            "alpha",
            "--size",
            "small",
            "--hostname",
            "alpha-lab",
        ];
        let class = ["--users", &class, "--instructor", "ines"];
        node.iter().chain(&class).map(ToString::to_string).collect()
    }

    /// Runs a command, which is killed when it says this.
    pub(crate) async fn run_until(&self, arguments: &[impl AsRef<str>], word: &str) -> CommandSaid {
        let mut command = tokio::process::Command::new("sh");
        let mut child = command
            // Both outputs in the order in which they are written.
            .args(["-c", "exec \"$@\" 2>&1", "sh"])
            .arg(setting("PIPALHUB_EMBEDDED"))
            .args(arguments.iter().map(AsRef::as_ref))
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.at("bin").display()),
            )
            .env("HOME", self.at("home"))
            .env("DIGITALOCEAN_TOKEN", TOKEN)
            .env("PIPALHUB_DIGITALOCEAN_URL", &self.url)
            .env("PIPALHUB_CHECK_PASSWORD", "her own password")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut text = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            text.push_str(&line);
            text.push('\n');
            if !word.is_empty() && line.contains(word) {
                let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
                kill_process(pid.unwrap(), Signal::KILL).unwrap();
                break;
            }
        }
        let status = child.wait().await.unwrap();
        CommandSaid {
            text,
            is_ok: status.success(),
            is_killed: status.code().is_none(),
        }
    }

    /// Runs what must do well.
    pub(crate) async fn well(&self, arguments: &[impl AsRef<str>]) -> String {
        let said = self.run_until(arguments, "").await;
        assert!(said.is_ok, "{}", said.text);
        said.text
    }

    /// The same, again and again while what was interrupted goes on by itself on the server.
    pub(crate) async fn well_when_free(&self, arguments: &[impl AsRef<str>]) -> String {
        loop {
            let said = self.run_until(arguments, "").await;
            if !said
                .text
                .contains("another setup of this server is going on")
            {
                assert!(said.is_ok, "{}", said.text);
                return said.text;
            }
            pause();
        }
    }

    /// Makes an archive on the server and brings it here, as the handbook has it.
    pub(crate) fn fetch_archive(&self, to: &Path) {
        let known = self.at("home/.local/share/pipalhub/nodes/alpha/known_hosts");
        let ssh = |command: &str| {
            Command::new(self.at("bin/ssh"))
                .arg("-o")
                .arg(format!("UserKnownHostsFile={}", known.display()))
                .args(["-o", "HostKeyAlias=pipalhub-node"])
                .arg(format!("root@{}", self.address()))
                .arg(command)
                .output()
                .unwrap()
        };
        let made = ssh("pipalhub archive /var/tmp/alpha.zip");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
        fs::write(to, ssh("cat /var/tmp/alpha.zip").stdout).unwrap();
    }

    /// Nothing is left in the account of what was made.
    pub(crate) fn assert_nothing_left(&self) {
        let account = self.account();
        assert_eq!(account.named("alpha").len(), 0);
        assert_eq!(account.pointing("alpha-lab"), []);
        assert_eq!(account.tags.len(), 1, "{:?}", account.tags);
        assert_eq!(account.records.len(), 3);
    }
}
