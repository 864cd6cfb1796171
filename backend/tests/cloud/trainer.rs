//! A trainer's machine and the account that it works with.

use std::{
    ffi::OsStr,
    fs,
    net::TcpListener as StdListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    account::{FakeAccount, folder},
    api::{SharedAccount, TOKEN, router},
    sshd::{ServerPlace, generate_key},
};

/// What is asked for in most tests.
pub(crate) const ALPHA: &[&str] = &[
    "create-node",
    "--name",
    "alpha",
    "--size",
    "small",
    "--hostname",
    "alpha-lab",
    "--no-setup",
];
pub(crate) const DESTROY_ALPHA: &[&str] = &["destroy-node", "--name", "alpha", "--force"];

pub(crate) struct Trainer {
    folder: TempDir,
    account: SharedAccount,
    program: watch::Sender<Option<Pid>>,
    url: String,
    pub(crate) token: &'static str,
    pub(crate) variables: Vec<(&'static str, PathBuf)>,
}

/// What a command has said, and how it has ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) is_ok: bool,
    pub(crate) is_killed: bool,
}

impl Trainer {
    pub(crate) async fn new() -> Self {
        let trainer = Self::without_api();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = router(Arc::clone(&trainer.account));
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, ..trainer }
    }

    /// One whose API is served by the test.
    pub(crate) fn without_api() -> Self {
        let root = tempfile::tempdir().unwrap();
        // Free a moment ago, and bound by the server alone.
        let port = StdListener::bind("127.0.0.1:0").unwrap();
        let port = port.local_addr().unwrap().port();
        let server = folder(root.path(), "server");
        script(
            &folder(&server, "bin").join("cloud-init"),
            "#!/bin/sh\n\
             cd \"$(dirname \"$0\")/..\"\n\
             echo \"$@\" >> cloud-init.log\n\
             [ -f cloud-init.result ] && . ./cloud-init.result\n\
             echo 'status: done'\n",
        );
        generate_key(&server.join("trainer_key"));
        script(
            &folder(root.path(), "bin").join("ssh"),
            &format!(
                "#!/bin/sh\nexec /usr/bin/ssh -F none -i {} \"$@\"\n",
                server.join("trainer_key").display()
            ),
        );
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap();
        let settings = format!(
            "ssh_user = {:?}\nssh_port = {port}\npoll_ms = 20\napi_timeout_seconds = 2\n\
             droplet_wait_seconds = 20\nssh_wait_seconds = 20\nrate_limit_wait_seconds = 3\n\
             cloud_init_wait_seconds = 20\nsetup_wait_seconds = 20\n",
            user.trim()
        );
        fs::write(
            folder(root.path(), "home/.config/pipalhub").join("node.toml"),
            settings,
        )
        .unwrap();
        let (program, receiver) = watch::channel(None);
        let place = Arc::new(ServerPlace {
            folder: server,
            port,
        });
        let account = FakeAccount::new(receiver, place);
        Self {
            folder: root,
            account: Arc::new(Mutex::new(account)),
            program,
            url: String::new(),
            token: TOKEN,
            variables: vec![],
        }
    }

    pub(crate) fn with_url(self, url: String) -> Self {
        Self { url, ..self }
    }

    pub(crate) fn shared(&self) -> SharedAccount {
        Arc::clone(&self.account)
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, FakeAccount> {
        self.account.lock()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What is known of nodes on the trainer's machine.
    pub(crate) fn node(&self, name: &str) -> PathBuf {
        self.at("home/.local/share/pipalhub/nodes").join(name)
    }

    pub(crate) async fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Said {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_pipalhub"));
        let child = command
            .args(arguments)
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.at("bin").display()),
            )
            .env("HOME", self.at("home"))
            .env("DIGITALOCEAN_TOKEN", self.token)
            .env("PIPALHUB_DIGITALOCEAN_URL", &self.url)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let id = i32::try_from(child.id().unwrap()).unwrap();
        self.program.send_replace(Pid::from_raw(id));
        let output = child.wait_with_output().await.unwrap();
        self.program.send_replace(None);
        Said::of(&output)
    }

    /// Kills the command that runs.
    pub(crate) fn kill(&self) {
        let pid = *self.program.borrow();
        kill_process(pid.unwrap(), Signal::KILL).unwrap();
    }

    /// Runs what must do well.
    pub(crate) async fn well(&self, arguments: &[impl AsRef<OsStr>]) -> String {
        let said = self.run(arguments).await;
        assert!(said.is_ok, "{}\n{}", said.text, self.server_log());
        said.text
    }

    /// Runs what must fail, and returns why it says so.
    pub(crate) async fn refused(&self, arguments: &[impl AsRef<OsStr>]) -> String {
        let said = self.run(arguments).await;
        assert!(!said.is_ok && !said.is_killed, "{}", said.text);
        said.text
    }

    pub(crate) fn server_log(&self) -> String {
        fs::read_to_string(self.at("server/sshd.log")).unwrap_or_default()
    }

    /// Nothing is left in the account, or here, of what was made.
    pub(crate) fn assert_nothing_left(&self) {
        let account = self.account();
        assert_eq!(account.named("alpha").len(), 0);
        assert_eq!(account.pointing("alpha-lab"), []);
        assert_eq!(account.tags.len(), 1, "{:?}", account.tags);
        assert_eq!(account.records.len(), 3);
        assert!(!self.node("alpha").join("node.json").exists());
    }
}

impl Said {
    fn of(output: &Output) -> Self {
        let both = [&output.stdout[..], &output.stderr[..]].concat();
        let text = String::from_utf8(both).unwrap();
        assert!(!text.contains(TOKEN), "the token is told: {text}");
        Self {
            text,
            is_ok: output.status.success(),
            is_killed: output.status.code().is_none(),
        }
    }
}

pub(crate) fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
