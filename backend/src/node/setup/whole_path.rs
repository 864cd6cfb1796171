//! What a browser's request goes through: nginx, the Hub's proxy, the Hub, the service.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};

use super::{http, server::Server, site::ServerSite, stack::wait_for, step::SetupStep};

/// How long nginx may take to take up a site, and the Hub to answer.
const TIMEOUT: Duration = Duration::from_secs(30);
const PLAIN_PORT: u16 = 80;
const TLS_PORT: u16 = 443;
/// What a visitor without a session is answered with.
const ANSWERS: [(&str, u16); 3] = [
    ("/hub/login", 200),
    // To the Hub, to sign in.
    ("/services/dashboard/", 303),
    ("/services/dashboard/healthz", 200),
];

/// Asks all of it, through the front door.
pub(super) struct WholePath<'a>(pub(super) &'a ServerSite);

impl WholePath<'_> {
    fn check(&self) -> anyhow::Result<()> {
        let host = self.0.host.as_str();
        let here = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let certificate = self.0.certificate();
        for (path, expected) in ANSWERS {
            let status = match &certificate {
                Some(file) => http::status_by_tls(here(TLS_PORT), host, path, file),
                None => http::status(here(PLAIN_PORT), host, path),
            };
            let status = status.with_context(|| format!("{path} on {host} does not answer"))?;
            ensure!(
                status == expected,
                "{path} on {host} answers with {status}, and should with {expected}"
            );
        }
        if certificate.is_some() {
            let status = http::status(here(PLAIN_PORT), host, "/hub/login")?;
            ensure!(
                status == 301,
                "plain requests are answered with {status}, and not led to HTTPS"
            );
        }
        Ok(())
    }
}

impl SetupStep for WholePath<'_> {
    fn name(&self) -> String {
        format!("The whole path, {} to the dashboard", self.0.host.as_str())
    }

    fn missing(&self, _: &Server) -> anyhow::Result<Option<String>> {
        wait_for(Instant::now() + TIMEOUT, || self.check())?;
        Ok(None)
    }

    fn act(&self, _: &Server) -> anyhow::Result<()> {
        Ok(())
    }
}
