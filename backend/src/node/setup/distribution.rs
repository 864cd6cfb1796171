//! Which system the server has, and whether it is one that this sets up.

use std::fs;

use anyhow::{Context, bail};

use super::{server::Server, step::SetupStep};

const RELEASE_FILE: &str = "/etc/os-release";
/// Systems that are set up, as their os-release says ID and VERSION_ID.
const KNOWN: [(&str, &str); 4] = [
    ("debian", "12"),
    ("debian", "13"),
    ("ubuntu", "22.04"),
    ("ubuntu", "24.04"),
];

/// The system, its init, and room for what comes.
pub(super) struct SystemCheck {
    /// The folder that will be filled, with the bytes that go there.
    pub(super) room: Option<(&'static str, u64)>,
}

impl SetupStep for SystemCheck {
    fn name(&self) -> String {
        "The system".to_owned()
    }

    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>> {
        let text = fs::read_to_string(RELEASE_FILE).with_context(|| {
            format!("cannot read {RELEASE_FILE}, which says what system this is")
        })?;
        check_system(&text)?;
        if fs::metadata("/run/systemd/system").is_err() {
            bail!("systemd is not this machine's init, and starts and watches what is set up");
        }
        if fs::metadata("/usr/bin/pipalhub").is_ok() {
            bail!(
                "the Debian package pipalhub is installed, whose units have the same names: remove \
                 it first, with: apt-get remove pipalhub (settings and data stay)"
            );
        }
        if let Some((folder, needed)) = self.room {
            let free = server.free_bytes(folder)?;
            if free < needed {
                bail!(
                    "the disk of {folder} has {} MB free, and {} MB are needed: make room, or take \
                     a larger disk; nothing was changed",
                    free / 1_000_000,
                    needed / 1_000_000
                );
            }
        }
        Ok(None)
    }

    fn act(&self, _: &Server) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Refuses a system that this was not made for.
fn check_system(os_release: &str) -> anyhow::Result<()> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let (id, version) = (value("ID="), value("VERSION_ID="));
    if KNOWN.contains(&(id.as_str(), version.as_str())) {
        return Ok(());
    }
    let known: Vec<_> = KNOWN.iter().map(|(id, it)| format!("{id} {it}")).collect();
    bail!(
        "this is {}, and what is set up here is {}; on others, docs/install.md has the steps",
        match value("PRETTY_NAME=").as_str() {
            "" => "an unknown system",
            name => name,
        },
        known.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_systems_are_set_up() {
        let of = |id: &str, version: &str| {
            check_system(&format!(
                "PRETTY_NAME=\"It\"\nNAME=x\nVERSION_ID=\"{version}\"\nVERSION=\"{version} (x)\"\nID={id}\n"
            ))
        };
        for (id, version) in KNOWN {
            of(id, version).unwrap();
        }
        for (id, version) in [
            ("debian", "11"),
            ("ubuntu", "20.04"),
            ("fedora", "42"),
            ("", ""),
        ] {
            let refused = of(id, version).unwrap_err().to_string();
            assert!(
                refused.contains("debian 12, debian 13, ubuntu 22.04"),
                "{refused}"
            );
        }
    }
}
