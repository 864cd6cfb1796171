//! nginx in front of the Hub, and the certificate that it shows.

use std::{fs, path::Path};

use anyhow::Context;

use super::{server::Server, step::SetupStep};
use crate::node::{
    SiteFile, SiteHost,
    nginx::{SiteSettings, TlsSettings, challenge_site},
};

const SITE_FILE: &str = "/etc/nginx/conf.d/pipalhub.conf";
/// The site that nginx was told to read, until the server is started again: a run may end between
/// the site's writing and that.
const LOADED_FILE: &str = "/run/pipalhub-site.conf";
/// Where certbot puts what its authority fetches.
const CHALLENGES: &str = "/var/www/pipalhub";
/// A certificate that ends sooner than that is renewed by a run of the setup; the timer of certbot
/// does it 30 days before.
const RENEWED_SECONDS: &str = "604800";

/// How a server is known by browsers.
#[derive(Clone, Debug)]
pub(crate) enum ServerTls {
    /// Not at all: for a closed network.
    None,
    /// By a certificate that somebody has brought.
    Files {
        certificate: SiteFile,
        key: SiteFile,
    },
    /// By one of an authority, which certbot gets and renews.
    Certbot {
        email: Option<String>,
        /// The authority's directory, where it is not Let's Encrypt's.
        authority: Option<String>,
    },
}

/// The site of a hostname.
#[derive(Clone, Debug)]
pub(super) struct ServerSite {
    pub(super) host: SiteHost,
    pub(super) tls: ServerTls,
}

impl ServerSite {
    /// The file with its certificate; `None` for a site without.
    pub(super) fn certificate(&self) -> Option<String> {
        match &self.tls {
            ServerTls::None => None,
            ServerTls::Files { certificate, .. } => Some(certificate.as_str().to_owned()),
            ServerTls::Certbot { .. } => Some(self.live("fullchain.pem")),
        }
    }

    /// A file of certbot's for this host.
    fn live(&self, name: &str) -> String {
        format!("/etc/letsencrypt/live/{}/{name}", self.host.as_str())
    }

    fn text(&self) -> String {
        let default = |text: &str| text.parse().ok();
        let (hub, base, service) = ("127.0.0.1:8000", "/", "dashboard");
        let tls = match &self.tls {
            ServerTls::None => None,
            ServerTls::Files { certificate, key } => Some(TlsSettings {
                certificate_and_key: Some((certificate.clone(), key.clone())),
                hsts: false,
            }),
            ServerTls::Certbot { .. } => Some(TlsSettings {
                certificate_and_key: None,
                hsts: false,
            }),
        };
        let settings = SiteSettings {
            hosts: vec![self.host.clone()],
            tls,
            hub: hub.parse().expect("it is an address"),
            base: base.parse().expect("it is a path"),
            service: service.parse().expect("it is a name"),
            acme_webroot: match &self.tls {
                ServerTls::Certbot { .. } => default(CHALLENGES),
                _ => None,
            },
            ipv6: has_ipv6(),
        };
        settings.site()
    }
}

fn has_ipv6() -> bool {
    fs::read_to_string("/proc/net/if_inet6").is_ok_and(|text| !text.trim().is_empty())
}

/// nginx with the site.
pub(super) struct NginxSite<'a>(pub(super) &'a ServerSite);

impl SetupStep for NginxSite<'_> {
    fn name(&self) -> String {
        format!("nginx's site for {}", self.0.host.as_str())
    }

    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>> {
        if !server.has(SITE_FILE, self.0.text().as_bytes(), 0o644) {
            return Ok(Some(format!("to be written: {SITE_FILE}")));
        }
        if !server.has(LOADED_FILE, self.0.text().as_bytes(), 0o644) {
            return Ok(Some("nginx may not have read it".to_owned()));
        }
        let is_up = server.succeeds("systemctl", &["is-active", "--quiet", "nginx"])
            && server.succeeds("systemctl", &["is-enabled", "--quiet", "nginx"]);
        Ok((!is_up).then(|| "nginx does not run".to_owned()))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        if let ServerTls::Files { certificate, key } = &self.0.tls {
            for file in [certificate, key] {
                let path = file.as_str();
                fs::metadata(path).with_context(|| format!("cannot read {path}"))?;
            }
        }
        put_site(server, &self.0.text())
    }
}

/// Puts the site in place, where nginx takes it; else the one before is there again.
fn put_site(server: &Server, text: &str) -> anyhow::Result<()> {
    let before = fs::read(SITE_FILE).ok();
    let _ = fs::remove_file(LOADED_FILE);
    server.write(SITE_FILE, text.as_bytes(), 0o644)?;
    if let Err(error) = server.run("nginx", &["-t"]) {
        match before {
            Some(before) => server.write(SITE_FILE, &before, 0o644)?,
            None => fs::remove_file(SITE_FILE)?,
        }
        return Err(error).context("nginx takes no site, its other sites may be wrong");
    }
    server.run("systemctl", &["enable", "--now", "nginx"])?;
    // It may have run before.
    server.run("systemctl", &["reload", "nginx"])?;
    server.write(LOADED_FILE, text.as_bytes(), 0o644)
}

/// A certificate of an authority, renewed by certbot's timer.
pub(super) struct CertbotCertificate<'a> {
    pub(super) site: &'a ServerSite,
    pub(super) email: Option<&'a str>,
    pub(super) authority: Option<&'a str>,
}

impl SetupStep for CertbotCertificate<'_> {
    fn name(&self) -> String {
        format!("A certificate for {}", self.site.host.as_str())
    }

    fn missing(&self, server: &Server) -> anyhow::Result<Option<String>> {
        let file = self.site.live("fullchain.pem");
        if !Path::new(&file).exists() {
            return Ok(Some("to be had by certbot".to_owned()));
        }
        let check = ["x509", "-noout", "-checkend", RENEWED_SECONDS, "-in", &file];
        if !server.succeeds("openssl", &check) {
            return Ok(Some("it ends within a week".to_owned()));
        }
        let timer = ["is-active", "--quiet", "certbot.timer"];
        Ok((!server.succeeds("systemctl", &timer)).then(|| "nothing renews it".to_owned()))
    }

    fn act(&self, server: &Server) -> anyhow::Result<()> {
        let host = self.site.host.as_str();
        server.run("systemctl", &["enable", "--now", "certbot.timer"])?;
        if Path::new(&self.site.live("fullchain.pem")).exists() {
            // It would wait for minutes otherwise, so that not all servers ask at once.
            let now = "--no-random-sleep-on-renew";
            let renew = ["renew", "--non-interactive", now, "--cert-name", host];
            server.run("certbot", &renew)?;
            return Ok(());
        }
        fs::create_dir_all(CHALLENGES).with_context(|| format!("cannot make {CHALLENGES}"))?;
        put_site(
            server,
            &challenge_site(&self.site.host, CHALLENGES, has_ipv6()),
        )?;
        let mut arguments = vec!["certonly", "--webroot", "--webroot-path", CHALLENGES];
        arguments.extend(["--domain", host, "--cert-name", host]);
        arguments.extend(["--non-interactive", "--agree-tos", "--keep-until-expiring"]);
        // Kept with the certificate, and done after each renewal.
        arguments.extend(["--deploy-hook", "systemctl reload nginx"]);
        match self.email {
            Some(email) => arguments.extend(["--email", email, "--no-eff-email"]),
            None => arguments.push("--register-unsafely-without-email"),
        }
        if let Some(authority) = self.authority {
            arguments.extend(["--server", authority]);
        }
        server.run("certbot", &arguments).with_context(|| {
            format!(
                "no certificate was given: the authority fetches http://{host}/ from outside, so \
                 the name must lead to this server, and port 80 must be open"
            )
        })?;
        Ok(())
    }
}
