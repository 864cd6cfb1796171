//! `pipalhub setup-node`: a bare server becomes one with a Hub, nginx and a certificate.

use std::process::ExitCode;

use clap::Args;

use super::step_lines::StepLines;
use crate::{
    node::{
        SiteFile, SiteHost,
        setup::{ServerSetup, ServerTls, StackKind},
    },
    users::name::{NameError, NameRule, Username},
};

/// Set up this server for a class: JupyterHub, PipalHub, nginx, a certificate that is renewed.
///
/// For Debian 12 and 13, Ubuntu 22.04 and 24.04, as root. Each step looks first and acts only where
/// something is missing, so that the command may be run again: after an interruption it goes on,
/// and on a server that is set up it changes nothing. With a newer program it upgrades; an upgrade
/// that does not work is undone.
#[derive(Args)]
pub(super) struct SetupNodeArgs {
    /// The name that leads to this server, such as alpha-lab.pipal.in.
    #[arg(value_name = "HOSTNAME")]
    host: SiteHost,
    /// Whom the certificate authority writes to when something is wrong with the certificate.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Who teaches, and gets an account; may be given several times. The password is told at the end.
    #[arg(long = "instructor", value_name = "NAME", value_parser = parse_name)]
    instructors: Vec<Username>,
    /// Make no accounts for instructors: they come with the class.
    #[arg(long, requires = "instructors")]
    no_accounts: bool,
    /// Without containers: as units of systemd, with participants as users of the server.
    #[arg(long)]
    no_docker: bool,
    /// Plain HTTP only: for a closed network, since passwords can be read on the way.
    #[arg(long, conflicts_with_all = ["email", "certificate", "authority"])]
    no_tls: bool,
    /// A certificate that is there, with those between it and its authority's; it is not renewed.
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["email", "authority"])]
    certificate: Option<SiteFile>,
    /// Its key.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<SiteFile>,
    /// The ACME directory of the certificate authority. [default: Let's Encrypt's]
    #[arg(long, value_name = "URL")]
    authority: Option<String>,
}

pub(super) fn run(args: SetupNodeArgs) -> anyhow::Result<ExitCode> {
    let tls = match (args.no_tls, args.certificate.zip(args.key)) {
        (true, _) => ServerTls::None,
        (false, Some((certificate, key))) => ServerTls::Files { certificate, key },
        (false, None) => ServerTls::Certbot {
            email: args.email,
            authority: args.authority,
        },
    };
    let setup = ServerSetup {
        host: args.host,
        kind: match args.no_docker {
            true => StackKind::Units,
            false => StackKind::Container,
        },
        tls,
        instructors: args.instructors.iter().map(ToString::to_string).collect(),
        makes_accounts: !args.no_accounts,
    };
    let lines = StepLines::new();
    let report = setup.run(&lines).inspect_err(|_| println!())?;
    if let Some(before) = &report.upgraded_from {
        println!(
            "Upgraded from {} to {}.",
            before.as_str(),
            report.release.as_str()
        );
    }
    match report.changed {
        0 => println!(
            "Nothing was changed: {} is set up, after {}",
            setup.url(),
            lines.total()
        ),
        _ => println!("{} is set up, after {}", setup.url(), lines.total()),
    }
    for password in &report.passwords {
        println!("{password}");
    }
    if !report.unnamed.is_empty() {
        println!(
            "{} is yours, and does not name {}: add them to its instructors, and start the Hub again.",
            report.configuration,
            report.unnamed.join(", ")
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// A name that an account of the system can have.
pub(super) fn parse_name(name: &str) -> Result<Username, NameError> {
    Username::parse(name, NameRule::System)
}
