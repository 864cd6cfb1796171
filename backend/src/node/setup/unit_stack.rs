//! The stack as units of systemd, with the Hub in an environment of the release.

use std::{fs, io, os::unix::fs::symlink};

use anyhow::{Context, bail};

use super::{
    accounts::ServiceAccounts,
    bundle,
    confinement::Confinement,
    environment::{HubEnvironment, ParticipantsEnvironment},
    files::{ServerFile, ServerFiles, home_files},
    instructors::first_configuration,
    release::{ReleaseName, Releases},
    secrets::UnitSecrets,
    server::Server,
    stack::{self, PreparedStack, ServerStack},
    step::SetupStep,
    system_packages::PackageNames,
    units::{CURRENT, UNITS},
};

const RELEASES: &str = "/opt/pipalhub/releases";
/// Bytes that an installation takes, with some to work in.
const NEEDED_BYTES: u64 = 2_500_000_000;
/// Those that a stop ends. The proxy goes on, and with it participants' connections.
const WRITING: [&str; 4] = [
    "pipalhub-hub.service",
    "pipalhub.service",
    "pipalhub-steward.service",
    "pipalhub-packages.service",
];

/// How often a unit may be started anew while all come up.
const MAX_RESTARTS: u32 = 5;

/// The units, and the releases that they can be of.
pub(super) struct UnitStack {
    pub(super) releases: Releases,
}

impl UnitStack {
    pub(super) fn new() -> Self {
        Self {
            releases: Releases { folder: RELEASES },
        }
    }

    /// The units of a release, as files of systemd.
    fn units(&self, release: &ReleaseName) -> anyhow::Result<Vec<ServerFile>> {
        let unit = |name: &str| {
            let path = format!("{}/units/{name}", self.releases.path(release));
            let text = fs::read(&path).with_context(|| format!("cannot read {path}"))?;
            Ok(ServerFile::ours(
                format!("/etc/systemd/system/{name}"),
                text,
                0o644,
            ))
        };
        UNITS.into_iter().map(unit).collect()
    }

    fn environment<'a>(&'a self, release: &'a ReleaseName) -> ParticipantsEnvironment<'a> {
        ParticipantsEnvironment {
            releases: &self.releases,
            release,
        }
    }
}

/// The Hub's configuration.
const CONFIGURATION: &str = "/etc/jupyterhub/jupyterhub_config.py";

/// The files of such a server, beside those of its units.
fn settings(instructors: &[String]) -> ServerFiles {
    let wrapper = bundle::node_file("bin/pipalhub-units");
    let packages = "# Settings of what installs participants' packages.\n\
                    PIPALHUB_ENVIRONMENT=/opt/pipalhub/participants\n";
    let pam = bundle::node_file("pam.d/pipalhub");
    let mut files = vec![
        ServerFile::ours("/usr/local/bin/pipalhub", wrapper, 0o755),
        ServerFile::ours("/etc/pam.d/pipalhub", pam, 0o644),
        ServerFile::theirs("/etc/pipalhub/packages.env", packages, 0o600),
        ServerFile::theirs(CONFIGURATION, first_configuration(instructors), 0o644),
        ServerFile::theirs("/etc/jupyterhub/users.txt", "", 0o600),
    ];
    files.extend(home_files());
    ServerFiles {
        name: "Settings and commands",
        files,
    }
}

impl PreparedStack for UnitStack {
    fn system_packages(&self) -> Vec<PackageNames> {
        vec![&["python3"], &["python3-venv"]]
    }

    fn room(&self) -> (&'static str, u64) {
        ("/opt/pipalhub", NEEDED_BYTES)
    }

    fn releases(&self) -> &Releases {
        &self.releases
    }

    fn configuration(&self) -> &'static str {
        CONFIGURATION
    }

    fn preparation<'a>(
        &'a self,
        release: &'a ReleaseName,
        instructors: &[String],
    ) -> Vec<Box<dyn SetupStep + 'a>> {
        vec![
            Box::new(ServiceAccounts),
            Box::new(Confinement),
            Box::new(HubEnvironment {
                releases: &self.releases,
                release,
            }),
            Box::new(UnitSecrets),
            Box::new(settings(instructors)),
        ]
    }
}

impl ServerStack for UnitStack {
    fn current(&self) -> Option<ReleaseName> {
        let target = fs::read_link(CURRENT).ok()?;
        ReleaseName::parse(target.file_name()?.to_str()?)
    }

    fn difference(&self, server: &Server, release: &ReleaseName) -> anyhow::Result<Option<String>> {
        if self.current().as_ref() != Some(release) {
            return Ok(Some(format!(
                "release {} is to be started",
                release.as_str()
            )));
        }
        if let Some(missing) = self.environment(release).missing(server)? {
            return Ok(Some(missing));
        }
        let units = self.units(release)?;
        if let Some(unit) = units.iter().find(|unit| !unit.is_there(server)) {
            return Ok(Some(format!("to be written: {}", unit.path)));
        }
        for name in UNITS {
            let is_on = server.succeeds("systemctl", &["is-enabled", "--quiet", name])
                && server.succeeds("systemctl", &["is-active", "--quiet", name]);
            if !is_on {
                return Ok(Some(format!("{name} does not run")));
            }
            let reload = ["show", "--property=NeedDaemonReload", "--value", name];
            if server.run("systemctl", &reload)?.trim() == "yes" {
                return Ok(Some(format!("{name} runs as it was written before")));
            }
        }
        Ok((!stack::is_up()).then(|| "the Hub or the dashboard does not answer".to_owned()))
    }

    fn start(&self, server: &Server, release: &ReleaseName) -> anyhow::Result<()> {
        if !self.releases.is_complete(release) {
            bail!("release {} is not there", release.as_str());
        }
        let environment = self.environment(release);
        if environment.missing(server)?.is_some() {
            environment.act(server)?;
        }
        for unit in self.units(release)? {
            server.write(&unit.path, &unit.content, unit.mode)?;
        }
        lead_to(&self.releases.path(release))
            .with_context(|| format!("cannot lead {CURRENT} to it"))?;
        server.run("systemctl", &["daemon-reload"])?;
        for name in UNITS {
            server.run("systemctl", &["enable", name])?;
            if server.run("systemctl", &["restart", name]).is_err() {
                bail!("{name} does not start: {}", last_words(server, name));
            }
        }
        stack::wait_until_up(|| unit_that_ends(server))
    }

    fn stop(&self, server: &Server) -> anyhow::Result<()> {
        server.run("systemctl", &[&["stop"], &WRITING[..]].concat())?;
        Ok(())
    }

    fn data_folders(&self) -> Vec<&'static str> {
        vec![
            "/var/lib/jupyterhub",
            "/var/lib/pipalhub",
            "/var/lib/pipalhub-steward",
        ]
    }

    fn upgrade_folder(&self) -> &'static str {
        "/opt/pipalhub/upgrade"
    }
}

/// A unit that ends again and again, with its last words.
fn unit_that_ends(server: &Server) -> Option<String> {
    UNITS.iter().find_map(|name| {
        let show = ["show", "--property=NRestarts", "--value", name];
        let restarts = server.run("systemctl", &show).ok()?;
        let is_lost = restarts
            .trim()
            .parse()
            .is_ok_and(|count: u32| count >= MAX_RESTARTS);
        is_lost.then(|| format!("{name} ends again and again: {}", last_words(server, name)))
    })
}

/// What a unit has logged last.
fn last_words(server: &Server, unit: &str) -> String {
    let show = ["--unit", unit, "--lines=8", "--no-pager", "--output=cat"];
    let words = server.run("journalctl", &show).unwrap_or_default();
    format!("\n{}", words.trim())
}

/// Makes the link lead there, in one step.
fn lead_to(path: &str) -> io::Result<()> {
    let next = format!("{CURRENT}.next");
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => symlink(path, &next)?,
    }
    fs::rename(&next, CURRENT)
}
