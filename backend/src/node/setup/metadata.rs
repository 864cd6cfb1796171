//! The cloud's metadata for root alone: the server's host key is in it.

use super::{bundle, server::Server, step::SetupStep};

const UNIT: &str = "pipalhub-metadata.service";

/// Rules of the system's routing, set at each start.
pub(super) struct MetadataRules;

impl MetadataRules {
    fn file() -> String {
        format!("/etc/systemd/system/{UNIT}")
    }

    fn content() -> String {
        bundle::node_file(&format!("systemd/{UNIT}"))
    }
}

impl SetupStep for MetadataRules {
    fn name(&self) -> String {
        "The cloud's metadata for root alone".to_owned()
    }

    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>> {
        let rules = server.run("ip", &["rule", "show"])?;
        let is_there = |priority: &str| {
            let mut lines = rules.lines();
            lines.any(|line| line.starts_with(priority) && line.contains("169.254.169.254"))
        };
        let has_rules = is_there("90:") && is_there("91:");
        let has_unit = server.has(&Self::file(), Self::content().as_bytes(), 0o644)
            && server.succeeds("systemctl", &["is-enabled", "--quiet", UNIT]);
        Ok((!has_rules || !has_unit).then(|| "participants could ask for it".to_owned()))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        server.write(&Self::file(), Self::content().as_bytes(), 0o644)?;
        server.run("systemctl", &["daemon-reload"])?;
        server.run("systemctl", &["enable", UNIT])?;
        server.run("systemctl", &["restart", UNIT])?;
        Ok(())
    }
}
