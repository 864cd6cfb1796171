//! An environment for participants' servers with a steward that installs into it, from packages
//! that the test makes. It takes no rights: all belongs to the test.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{processes, setting, until};

/// Makes the packages.
const WHEELS: &str = include_str!("wheels.py");

/// A virtual environment, and `pipalhub steward` for packages that runs until this is dropped.
pub struct TestEnvironment {
    folder: PathBuf,
    process: Child,
}

impl TestEnvironment {
    /// The socket of a steward that [`TestEnvironment::start`] starts in this folder.
    pub fn socket(folder: &Path) -> PathBuf {
        folder.join("steward.sock")
    }

    /// Makes the environment and packages in `folder`, and starts the steward.
    pub async fn start(folder: &Path) -> Result<Self> {
        let python = setting("PIPALHUB_VENV").join("bin/python");
        run(Command::new(&python)
            .args(["-m", "venv"])
            .arg(folder.join("participants")))?;
        run(Command::new(&python)
            .args(["-c", WHEELS])
            .arg(folder.join("wheels")))?;
        let log = fs::File::create(folder.join("steward.log"))?;
        let process = Command::new(setting("PIPALHUB_BIN"))
            .args(["steward", "--no-users"])
            .env("PIPALHUB_STEWARD_SOCKET", Self::socket(folder))
            .env("PIPALHUB_STEWARD_DATA", folder.join("steward"))
            .env("PIPALHUB_ENVIRONMENT", folder.join("participants"))
            .env("PIPALHUB_REQUIREMENTS_FILE", requirements(folder))
            .env("PIPALHUB_INSTALLER", "pip")
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", folder.join("wheels"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .context("pipalhub steward cannot be started")?;
        let environment = Self {
            folder: folder.to_owned(),
            process,
        };
        until("the steward", async || {
            let socket = Self::socket(folder);
            Ok(UnixStream::connect(socket).is_ok().then_some(()))
        })
        .await?;
        Ok(environment)
    }

    /// What is asked for.
    pub fn requirements_txt(&self) -> String {
        fs::read_to_string(requirements(&self.folder)).unwrap_or_default()
    }

    /// The version of a module that Python imports there; none where it imports none.
    pub fn imported_version(&self, module: &str) -> Result<Option<String>> {
        let python = self.folder.join("participants/bin/python");
        let output = Command::new(python)
            .args(["-c", &format!("import {module}; print({module}.version)")])
            .output()?;
        let said = String::from_utf8(output.stdout)?;
        Ok(output.status.success().then(|| said.trim().to_owned()))
    }
}

impl Drop for TestEnvironment {
    fn drop(&mut self) {
        processes::end(&mut self.process, processes::STOP_TIMEOUT);
        // Shown by the test runner only when the test fails.
        let log = fs::read(self.folder.join("steward.log")).unwrap_or_default();
        eprintln!("The steward's log:\n{}", String::from_utf8_lossy(&log));
    }
}

fn requirements(folder: &Path) -> PathBuf {
    folder.join("requirements.txt")
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().context("Python cannot be started")?;
    ensure!(status.success(), "{command:?} has failed");
    Ok(())
}
