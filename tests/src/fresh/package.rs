//! A fresh server on which the Debian package is installed, as a service that the Hub does not
//! start.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{BRIDGE_ADDRESS, FreshServer, HubMachine};

/// Where the package is mounted.
const PACKAGE: &str = "/opt/pipalhub/pipalhub.deb";
/// The settings of the package's service.
const SETTINGS: &str = "/etc/pipalhub/pipalhub.env";
/// The token that the Hub and the service share.
const SERVICE_TOKEN: &str = "the-token-of-a-service-that-systemd-starts";

impl FreshServer {
    /// Starts the server, installs the package as its documentation says, and waits until the Hub
    /// and the service answer.
    pub async fn start_with_package(package: &Path) -> Result<Self> {
        let server = Self::boot(&[(package.to_owned(), PACKAGE)]).await?;
        // The image has the user and the folder of a service that the Hub starts.
        let remove = "userdel pipalhub && rm -r /var/lib/pipalhub";
        server.run(&["sh", "-c", remove])?;
        server.run(&["dpkg", "--install", PACKAGE])?;
        server.refuses_to_start_without_a_token()?;
        let address = format!("http://{BRIDGE_ADDRESS}:10101");
        server.change_settings(&[
            ("JUPYTERHUB_API_TOKEN", SERVICE_TOKEN),
            (
                "JUPYTERHUB_API_URL",
                &format!("http://{BRIDGE_ADDRESS}:8081/class/hub/api"),
            ),
            ("JUPYTERHUB_SERVICE_URL", &address),
            ("JUPYTERHUB_BASE_URL", "/class/"),
            ("JUPYTERHUB_SERVICE_PREFIX", "/class/services/dashboard/"),
            (
                "JUPYTERHUB_OAUTH_CALLBACK_URL",
                "/class/services/dashboard/oauth_callback",
            ),
        ])?;
        // The address is that of the engine's network, which is made with the engine.
        server.run(&["systemctl", "start", "docker"])?;
        server.run(&["systemctl", "enable", "--now", "pipalhub"])?;
        let pipalhub = json!({"external": true, "api_token": SERVICE_TOKEN, "address": address});
        server.start_hub(&pipalhub).await?;
        Ok(server)
    }

    /// Checks what the service says as long as nobody has set the token.
    fn refuses_to_start_without_a_token(&self) -> Result<()> {
        let state = self.run(&["sh", "-c", "systemctl is-active pipalhub || true"])?;
        ensure!(state.trim() == "inactive", "after installing: {state}");
        let serve = format!(
            "set -a; . {SETTINGS}; runuser --user pipalhub -- pipalhub serve --data /tmp/none 2>&1 \
             && exit 1 || true"
        );
        let said = self.run(&["sh", "-c", &serve])?;
        ensure!(said.contains("JUPYTERHUB_API_TOKEN is empty"), "{said}");
        Ok(())
    }

    /// Changes lines of the settings, all of which must be there.
    fn change_settings(&self, changes: &[(&str, &str)]) -> Result<()> {
        let mut settings = self.run(&["cat", SETTINGS])?;
        for (name, value) in changes {
            let start = format!("{name}=");
            let line = settings.lines().find(|line| line.starts_with(&start));
            let line = line.with_context(|| format!("{SETTINGS} has no {name}"))?;
            settings = settings.replace(line, &format!("{start}{value}"));
        }
        self.machine.write(SETTINGS, settings.as_bytes())
    }
}
