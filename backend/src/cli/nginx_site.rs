//! `pipalhub nginx-site`: the site of nginx in front of the Hub.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;

use crate::node::{
    BasePath, HubAddress, ServiceName, SiteFile, SiteHost,
    nginx::{SiteSettings, TlsSettings},
};

/// Print nginx's site for the Hub: websockets, live streams, uploads, and TLS.
///
/// It goes to /etc/nginx/conf.d/pipalhub.conf.
#[derive(Args)]
pub(super) struct NginxSiteArgs {
    /// The names of the site, such as hub.example.org; `*.hub.example.org` for a Hub with a
    /// `subdomain_host`.
    #[arg(required = true, value_name = "HOSTNAME")]
    hosts: Vec<SiteHost>,
    /// Plain HTTP only: for a closed network, or until there is a certificate.
    #[arg(long)]
    no_tls: bool,
    /// Where the Hub's proxy listens.
    #[arg(long, default_value = "127.0.0.1:8000", value_name = "HOST:PORT")]
    hub: HubAddress,
    /// The Hub's `base_url`.
    #[arg(long, default_value = "/", value_name = "PATH")]
    base_url: BasePath,
    /// The name of the service in the Hub, which `configure(name=…)` changes.
    #[arg(long, default_value = "dashboard", value_name = "NAME")]
    service: ServiceName,
    /// The certificate with its chain; certbot's of the first name unless it is given.
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "no_tls")]
    cert: Option<SiteFile>,
    /// The certificate's key.
    #[arg(
        long,
        value_name = "FILE",
        requires = "cert",
        conflicts_with = "no_tls"
    )]
    key: Option<SiteFile>,
    /// The folder in which `certbot certonly --webroot` puts what its authority asks for.
    #[arg(long, value_name = "DIR")]
    acme_webroot: Option<SiteFile>,
    /// Tell browsers to come by HTTPS only, for a year; there is no way back in that time.
    #[arg(long, conflicts_with = "no_tls")]
    hsts: bool,
    /// For a machine that has no IPv6.
    #[arg(long)]
    no_ipv6: bool,
}

/// Runs the command.
pub(super) fn run(args: NginxSiteArgs) -> anyhow::Result<ExitCode> {
    let tls = (!args.no_tls).then(|| TlsSettings {
        certificate_and_key: args.cert.zip(args.key),
        hsts: args.hsts,
    });
    let settings = SiteSettings {
        hosts: args.hosts,
        tls,
        hub: args.hub,
        base: args.base_url,
        service: args.service,
        acme_webroot: args.acme_webroot,
        ipv6: !args.no_ipv6,
    };
    io::stdout()
        .write_all(settings.site().as_bytes())
        .context("cannot write the site")?;
    Ok(ExitCode::SUCCESS)
}
