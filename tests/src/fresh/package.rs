//! A fresh server on which the Debian package is installed, as a service that the Hub does not
//! start.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{BRIDGE_ADDRESS, FreshServer, HubMachine};
use crate::setting;

/// Where the package is mounted.
const PACKAGE: &str = "/opt/pipalhub/pipalhub.deb";
/// The settings of the package's service.
const SETTINGS: &str = "/etc/pipalhub/pipalhub.env";
/// The token that the Hub and the service share.
const SERVICE_TOKEN: &str = "the-token-of-a-service-that-systemd-starts";

/// Where the service listens.
fn service_address() -> String {
    format!("http://{BRIDGE_ADDRESS}:10101")
}

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
        // The address is that of the engine's network, which is made with the engine.
        server.run(&["systemctl", "start", "docker"])?;
        server.tell_the_service()?;
        server.run(&["systemctl", "enable", "--now", "pipalhub"])?;
        server.start_hub_beside_the_service().await?;
        Ok(server)
    }

    /// Starts the server with the packages of the folder `dist` in `/root/dist` and an image of
    /// Debian in its engine, follows `build`, sets the service's settings, follows `run`, and waits
    /// until the Hub and the service answer. Both are lines of the documentation.
    pub async fn start_with_container(dist: &Path, build: &str, run: &str) -> Result<Self> {
        let server = Self::boot(&[(dist.to_owned(), "/root/dist")]).await?;
        server.run(&["systemctl", "start", "docker"])?;
        // There is no registry: the files of a participant's image, which is of Debian too, stand
        // for it, without that image's user and variables.
        let image = server
            .machine
            .load(&setting("PIPALHUB_FRESH_PARTICIPANT"))?;
        let import = "container=$(docker create \"$0\" true) && \
                      docker export $container | docker import - debian:bookworm-slim && \
                      docker rm $container";
        server.run(&["sh", "-c", import, &image])?;
        let follow = |lines: &str| {
            let script = format!("set -e; sudo() {{ \"$@\"; }}; cd /root; {lines}");
            server.run(&["sh", "-c", &script])
        };
        follow(build)?;
        server.tell_the_service()?;
        follow(run)?;
        server.start_hub_beside_the_service().await?;
        Ok(server)
    }

    /// Writes the settings of a service that the Hub of this server does not start.
    fn tell_the_service(&self) -> Result<()> {
        self.change_settings(&[
            ("JUPYTERHUB_API_TOKEN", SERVICE_TOKEN),
            (
                "JUPYTERHUB_API_URL",
                &format!("http://{BRIDGE_ADDRESS}:8081/class/hub/api"),
            ),
            ("JUPYTERHUB_SERVICE_URL", &service_address()),
            ("JUPYTERHUB_BASE_URL", "/class/"),
            ("JUPYTERHUB_SERVICE_PREFIX", "/class/services/dashboard/"),
            (
                "JUPYTERHUB_OAUTH_CALLBACK_URL",
                "/class/services/dashboard/oauth_callback",
            ),
        ])
    }

    async fn start_hub_beside_the_service(&self) -> Result<()> {
        let address = service_address();
        let pipalhub = json!({"external": true, "api_token": SERVICE_TOKEN, "address": address});
        self.start_hub(&pipalhub).await
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
