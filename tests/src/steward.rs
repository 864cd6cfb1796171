//! A steward whose accounts are the test's own: in namespaces in which `/etc`, `/home` and the logs
//! of sign-ins are folders that go with the test.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{processes, setting, until};

/// The folders that stand in the place of the machine's.
const PLACES: [&str; 3] = ["etc", "home", "var/log"];
/// Enters the folders and runs the rest of its arguments.
const ENTER: &str = "
    set -e
    for place in $PLACES; do mount --bind \"$SANDBOX/$place\" \"/$place\"; done
    exec \"$@\"
";

/// `pipalhub steward` that runs until this is dropped.
pub struct TestSteward {
    folder: PathBuf,
    process: Child,
}

impl TestSteward {
    /// Whether this machine lets the test have namespaces, which take root. Says so when it does not.
    pub fn is_possible() -> bool {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--pid", "--fork", "--mount-proc", "true"]);
        let made = unshare.stderr(Stdio::null()).status();
        let is_possible = made.is_ok_and(|made| made.success());
        if !is_possible {
            eprintln!("not tried: root and namespaces are needed");
        }
        is_possible
    }

    /// Starts a steward that keeps all in `folder` and listens at `steward.sock` there.
    pub async fn start(folder: &Path) -> Result<Self> {
        for place in PLACES {
            fs::create_dir_all(folder.join(place))?;
        }
        let mut copy = Command::new("cp");
        copy.args(["--archive", "/etc/.", "--target-directory"]);
        let copied = copy.arg(folder.join("etc")).status()?;
        ensure!(copied.success(), "the machine's /etc cannot be copied");
        let process = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", ENTER, "sh"])
            .arg(setting("PIPALHUB_BIN"))
            .arg("steward")
            .env("SANDBOX", folder)
            .env("PLACES", PLACES.join(" "))
            .env("PIPALHUB_STEWARD_SOCKET", folder.join("steward.sock"))
            .env("PIPALHUB_USERS_FILE", folder.join("users.txt"))
            .env("PIPALHUB_STEWARD_DATA", folder.join("steward"))
            .stderr(Stdio::null())
            .spawn()
            .context("namespaces need util-linux and root")?;
        let steward = Self {
            folder: folder.to_owned(),
            process,
        };
        let socket = folder.join("steward.sock");
        until("the steward", async || {
            Ok(UnixStream::connect(&socket).is_ok().then_some(()))
        })
        .await?;
        Ok(steward)
    }

    /// The list.
    pub fn users_txt(&self) -> String {
        fs::read_to_string(self.folder.join("users.txt")).unwrap_or_default()
    }

    /// Whether the account is there.
    pub fn has_account(&self, name: &str) -> Result<bool> {
        let passwd = fs::read_to_string(self.folder.join("etc/passwd"))?;
        Ok(passwd
            .lines()
            .any(|line| line.starts_with(&format!("{name}:"))))
    }
}

impl Drop for TestSteward {
    fn drop(&mut self) {
        processes::end(&mut self.process, processes::STOP_TIMEOUT);
    }
}
