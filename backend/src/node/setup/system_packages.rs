//! Packages of the system, by apt.

use anyhow::bail;

use super::{server::Server, step::SetupStep};

/// How long another apt or dpkg may hold its lock: Ubuntu's own upgrades run at the first start.
const LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=600";

/// Names of a package, of which one is enough, the best first.
pub(super) type PackageNames = &'static [&'static str];

/// Packages that have to be there.
pub(super) struct SystemPackages {
    pub(super) packages: Vec<PackageNames>,
}

impl SystemPackages {
    fn not_installed(&self, server: &Server) -> Vec<PackageNames> {
        let is_installed = |name: &&str| {
            let query = ["--show", "--showformat=${db:Status-Status}", name];
            let status = server.run("dpkg-query", &query).unwrap_or_default();
            status.trim() == "installed"
        };
        let is_missing = |names: &PackageNames| !names.iter().any(is_installed);
        self.packages.iter().copied().filter(is_missing).collect()
    }
}

impl SetupStep for SystemPackages {
    fn name(&self) -> String {
        "Packages of the system".to_owned()
    }

    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>> {
        // A run that was killed may have left some unpacked and not configured.
        if !server.run("dpkg", &["--audit"])?.trim().is_empty() {
            return Ok(Some("some were left half installed".to_owned()));
        }
        let missing = self.not_installed(server);
        let names: Vec<_> = missing.iter().map(|names| names.join(" or ")).collect();
        Ok((!missing.is_empty()).then(|| format!("missing: {}", names.join(", "))))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        server.run("dpkg", &["--configure", "-a"])?;
        let update = ["--option", LOCK_TIMEOUT, "--quiet=2", "update"];
        let updated = server.run("apt-get", &[&update[..], &["--error-on=any"]].concat());
        let chosen = |names: PackageNames| {
            let best = names.iter().find(|name| has_candidate(server, name));
            // Where apt knows none, it says so of the last.
            best.or(names.last()).copied().unwrap_or_default()
        };
        let names: Vec<_> = self.not_installed(server).into_iter().map(chosen).collect();
        if names.is_empty() {
            return Ok(());
        }
        let install = ["--option", LOCK_TIMEOUT, "--quiet=2", "install", "--yes"];
        // Settings of the system that were changed by hand stay.
        let keep = [
            "--no-install-recommends",
            "--option=Dpkg::Options::=--force-confold",
        ];
        let installed = server.run("apt-get", &[&install[..], &keep, &names].concat());
        // A source of packages that is away, which may be one that nothing is needed of, makes apt
        // know none of them.
        match (installed, updated) {
            (Err(installed), Err(updated)) => bail!("{updated:#}\n{installed:#}"),
            (installed, _) => installed.map(drop),
        }
    }
}

/// Whether apt could install the package.
fn has_candidate(server: &Server, name: &str) -> bool {
    let policy = server
        .run("apt-cache", &["policy", name])
        .unwrap_or_default();
    policy
        .lines()
        .any(|line| line.trim().starts_with("Candidate: ") && !line.contains("(none)"))
}
