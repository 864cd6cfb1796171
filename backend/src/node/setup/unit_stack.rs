//! The stack as units of systemd, with the Hub in an environment of the release.

use std::{fs, io, os::unix::fs::symlink};

use anyhow::{Context, bail};

use super::{
    bundle,
    environment::ParticipantsEnvironment,
    files::ServerFile,
    release::{ReleaseName, Releases},
    server::Server,
    stack::{self, Stack},
    step::SetupStep,
};

/// Leads to the release that runs.
const CURRENT: &str = "/opt/pipalhub/current";
const RELEASES: &str = "/opt/pipalhub/releases";
/// The units in the order in which they are started, with where each is in the bundle.
const UNITS: [(&str, UnitSource); 5] = [
    ("pipalhub-proxy.service", UnitSource::Node),
    ("pipalhub-hub.service", UnitSource::Node),
    ("pipalhub.service", UnitSource::Package),
    ("pipalhub-steward.service", UnitSource::Package),
    ("pipalhub-packages.service", UnitSource::Package),
];
/// Those that a stop ends. The proxy goes on, and with it participants' connections.
const WRITING: [&str; 4] = [
    "pipalhub-hub.service",
    "pipalhub.service",
    "pipalhub-steward.service",
    "pipalhub-packages.service",
];

/// How often a unit may be started anew while all come up.
const MAX_RESTARTS: u32 = 5;

#[derive(Clone, Copy)]
enum UnitSource {
    /// In `etc/node/systemd`.
    Node,
    /// In `etc/systemd`, as the Debian package has it.
    Package,
}

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

    /// Keeps the units with the release, so that an earlier one has its own to go back to.
    pub(super) fn keep_units(&self, server: &Server, release: &ReleaseName) -> anyhow::Result<()> {
        for (name, source) in UNITS {
            let text = unit_text(name, source);
            let path = format!("{}/units/{name}", self.releases.path(release));
            server.write(&path, text.as_bytes(), 0o644)?;
        }
        Ok(())
    }

    /// The units of a release, as files of systemd.
    fn units(&self, release: &ReleaseName) -> anyhow::Result<Vec<ServerFile>> {
        let unit = |(name, _): (&str, UnitSource)| {
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

/// A unit with the program where it is on such a server.
fn unit_text(name: &str, source: UnitSource) -> String {
    let text = match source {
        UnitSource::Node => bundle::node_file(&format!("systemd/{name}")),
        UnitSource::Package => bundle::systemd_file(name),
    };
    // The package's steward asks no Hub and has no network. This one has the Hub, on the same
    // server, start servers.
    let text = match name {
        "pipalhub-steward.service" => text
            .replace(
                "PrivateNetwork=yes\n",
                "IPAddressDeny=any\nIPAddressAllow=localhost\n",
            )
            .replace(
                "RestrictAddressFamilies=AF_UNIX AF_NETLINK",
                "RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6",
            ),
        // Ports of services are no participant's here, nor the service's without a word.
        "pipalhub.service" => text.replace(
            "CapabilityBoundingSet=\nAmbientCapabilities=\n",
            "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n\
             AmbientCapabilities=CAP_NET_BIND_SERVICE\n",
        ),
        _ => text,
    };
    let is_documentation = |line: &&str| line.starts_with("Documentation=file:");
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !is_documentation(line))
        .collect();
    lines
        .join("\n")
        .replace("/usr/bin/pipalhub", &format!("{CURRENT}/hub/bin/pipalhub"))
        + "\n"
}

impl Stack for UnitStack {
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
        for (name, _) in UNITS {
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
        for (name, _) in UNITS {
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
    UNITS.iter().find_map(|(name, _)| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_what_is_theirs_on_such_a_server() {
        let text = |name: &str| {
            let unit = UNITS.into_iter().find(|(unit, _)| *unit == name).unwrap();
            unit_text(unit.0, unit.1)
        };
        for name in ["pipalhub.service", "pipalhub-proxy.service"] {
            let right = "\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n";
            assert!(text(name).contains(right), "{}", text(name));
        }
        let steward = text("pipalhub-steward.service");
        assert!(
            steward.contains("\nIPAddressAllow=localhost\n"),
            "{steward}"
        );
        assert!(!steward.contains("PrivateNetwork"), "{steward}");
        let program = format!("{CURRENT}/hub/bin/pipalhub steward");
        assert!(steward.contains(&program), "{steward}");
    }
}
