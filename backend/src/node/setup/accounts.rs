//! The users of the service and of participants' packages, made by systemd.

use super::{bundle, server::Server, step::SetupStep};

const FILE: &str = "/etc/sysusers.d/pipalhub.conf";
const NAMES: [&str; 2] = ["pipalhub", "pipalhub-packages"];

/// Both users.
pub(super) struct ServiceAccounts;

impl SetupStep for ServiceAccounts {
    fn name(&self) -> String {
        "Users of the services".to_owned()
    }

    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>> {
        let text = bundle::systemd_file("pipalhub.sysusers");
        let are_there = NAMES
            .iter()
            .all(|name| server.succeeds("getent", &["passwd", name]))
            && server.has(FILE, text.as_bytes(), 0o644);
        Ok((!are_there).then(|| format!("to be made: {}", NAMES.join(", "))))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        let text = bundle::systemd_file("pipalhub.sysusers");
        server.write(FILE, text.as_bytes(), 0o644)?;
        server.run("systemd-sysusers", &[FILE])?;
        Ok(())
    }
}
