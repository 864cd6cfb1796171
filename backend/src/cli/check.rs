//! `pipalhub check`: a class tried from outside, with participants made for it.

use std::{cell::RefCell, env, io, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, bail, ensure};
use clap::{Args, value_parser};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::cloud_account::one_thread;
use crate::{
    check::{
        CheckRequest, CheckRights, ClassAddress, ConnectTo, MAX_SERVERS, SUBJECT_WIDTH, check,
    },
    findings::{self, Finding, FindingReport, has_colours},
    secret::Secret,
};

const PASSWORD_VARIABLE: &str = "PIPALHUB_CHECK_PASSWORD";
const TOKEN_VARIABLE: &str = "PIPALHUB_CHECK_TOKEN";

/// Try a class from outside: certificate, sign-in, servers, cells, saves, and what class fits.
///
/// Made for the evening before, from the trainer's own machine. It makes participants
/// (check-pipalhub-…), has them sign in and work as a class does, and removes them with all they
/// made, also after Ctrl-C. It ends with 1 when there is a problem.
///
/// Who checks is an instructor or admin: --as NAME, with the password asked for on the terminal or
/// in PIPALHUB_CHECK_PASSWORD; or PIPALHUB_CHECK_TOKEN, a token from the Hub's page Token.
#[derive(Args)]
pub(super) struct CheckArgs {
    /// The Hub's address, as participants have it: alpha-lab.pipal.in.
    #[arg(default_value = "http://127.0.0.1:8000", value_name = "URL")]
    address: ClassAddress,
    /// The name to sign in with, an instructor's or an admin's.
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// So many participants, 50 at most.
    #[arg(long, value_name = "N", default_value_t = 3,
        value_parser = value_parser!(u8).range(1..=MAX_SERVERS as i64))]
    servers: u8,
    /// Make nobody: try it with one's own server.
    #[arg(long)]
    own: bool,
    /// The dashboard's name in the Hub.
    #[arg(long, value_name = "NAME", default_value = "dashboard")]
    service: String,
    /// The certificate, in PEM, of an authority to be trusted besides the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Connect there, in place of where the name leads: ADDR, ADDR:PORT or PORT=ADDR:PORT.
    #[arg(long, value_name = "ADDR")]
    connect: Vec<ConnectTo>,
    /// Longest wait for one thing, such as a server's start, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120,
        value_parser = value_parser!(u64).range(5..=600))]
    timeout: u64,
    /// Only remove what earlier checks have left that were killed.
    #[arg(long)]
    clean: bool,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let as_json = args.json;
    let request = request(args)?;
    let report = RefCell::new(FindingReport::default());
    let colours = has_colours();
    let tell = |finding: Finding| {
        if !as_json {
            // A reader who is gone ends no check that has things to remove.
            let _ = findings::print(&finding.text(SUBJECT_WIDTH, colours));
        }
        report.borrow_mut().add(finding);
    };
    let checking = async {
        let interrupted = interruption()?;
        check(&request, &tell, interrupted).await
    };
    let size = one_thread()?.block_on(checking)?;
    let report = report.into_inner();
    if as_json {
        let mut whole = report.json();
        whole["class_size"] = serde_json::to_value(size)?;
        findings::print(&format!("{whole:#}\n"))?;
    } else {
        findings::print(&report.sum())?;
    }
    Ok(report.exit_code())
}

fn request(args: CheckArgs) -> anyhow::Result<CheckRequest> {
    let rights = rights(args.name, &args.address)?;
    Ok(CheckRequest {
        address: args.address,
        connect: args.connect,
        authority: args.ca,
        service: args.service,
        rights,
        servers: args.servers.into(),
        own: args.own,
        patience: Duration::from_secs(args.timeout),
        clean: args.clean,
    })
}

fn rights(name: Option<String>, address: &ClassAddress) -> anyhow::Result<CheckRights> {
    let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
    match (name, variable(TOKEN_VARIABLE)) {
        (Some(_), Some(_)) => {
            bail!("--as is for a password, and {TOKEN_VARIABLE} has a token: leave one of them out")
        }
        (None, Some(token)) => {
            let token = token.trim();
            ensure!(
                !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()),
                "the token in {TOKEN_VARIABLE} is empty, or is not one word"
            );
            Ok(CheckRights::Token(Secret::new(token)))
        }
        (None, None) => bail!(
            "say who signs in: --as NAME, an instructor's or an admin's, or {TOKEN_VARIABLE} with \
             a token of the Hub's page Token"
        ),
        (Some(name), None) => {
            let password = match variable(PASSWORD_VARIABLE) {
                Some(password) => password,
                None => asked(&name, address)?,
            };
            Ok(CheckRights::Password(name, Secret::new(password)))
        }
    }
}

/// The password, from the terminal, where it is not shown.
fn asked(name: &str, address: &ClassAddress) -> anyhow::Result<String> {
    let question = format!("Password of {name} at {address}: ");
    let asked = rpassword::prompt_password(question).with_context(|| {
        format!("there is no terminal to ask for the password: give it in {PASSWORD_VARIABLE}")
    })?;
    ensure!(!asked.is_empty(), "there was no password");
    Ok(asked)
}

/// Ends when somebody wants the check to end.
fn interruption() -> anyhow::Result<impl Future<Output = ()>> {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let signals: io::Result<Vec<Signal>> = kinds.into_iter().map(signal).collect();
    let mut signals = signals.context("cannot hear of signals")?;
    Ok(async move {
        let each = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures::future::select_all(each).await;
    })
}
