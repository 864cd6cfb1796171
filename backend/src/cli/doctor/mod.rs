//! `pipalhub doctor`: checks all that the service needs to work, and prints each finding with its
//! remedy. It changes nothing.
//!
//! A module here has the checks of one subject; each gives [`Finding`]s.

mod address;
mod configuration;
mod data;
mod homes;
mod hub;
mod jupyter;
mod limits;
mod participants;
mod pip;
mod quota;
mod rights;

use std::{env, net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Args;
use tokio::runtime;

use self::participants::ParticipantsArgs;
use super::{
    cookie_key::CookieKeyArgs,
    data::data_path,
    history::HistoryArgs,
    homes::{HomesArg, SourceSetting},
    quota::QuotaArgs,
};
use crate::{
    findings::{Finding, FindingReport},
    store,
};

/// Check the installation: data, homes, limits, the address and, under one, JupyterHub.
///
/// Give it the settings of the service, as flags or in the environment, and run it as the
/// service's user; with --hub-config as the Hub's. It changes nothing, and ends with 1 when there is a problem.
#[derive(Args)]
pub(super) struct DoctorArgs {
    /// The folder for events and keys.
    #[arg(long, env = "PIPALHUB_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    cookie_key: CookieKeyArgs,
    #[command(flatten)]
    homes: HomesArg,
    #[command(flatten)]
    source: SourceSetting,
    #[command(flatten)]
    history: HistoryArgs,
    #[command(flatten)]
    quota: QuotaArgs,
    /// The folder for what is built of notebooks. [default: build in the data folder]
    #[arg(long, env = "PIPALHUB_OUT", value_name = "DIR")]
    out: Option<PathBuf>,
    /// The address the service listens on. [default: as for serve]
    #[arg(long, env = "PIPALHUB_BIND", value_name = "ADDR:PORT")]
    bind: Option<SocketAddr>,
    /// The Python environment of participants' servers. [default: that of the
    /// jupyterhub-singleuser on PATH]
    #[arg(long, env = "PIPALHUB_PYTHON", value_name = "DIR")]
    python: Option<PathBuf>,
    /// The Hub's configuration, which is read as the Hub reads it: whether the service is in it,
    /// what would keep the Hub from starting, and what listens on the service's address.
    #[arg(long, value_name = "FILE")]
    hub_config: Option<PathBuf>,
    #[command(flatten)]
    participants: ParticipantsArgs,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    if args.participants.participants {
        let table = args.participants.run(args.bind, args.hub_config, args.json);
        return runtime.block_on(table);
    }
    let variable = |name: &str| env::var(name).ok();
    let mut report = FindingReport::default();
    report.add(program());
    let mut users = Vec::new();
    match data_path(args.data) {
        Ok(folder) => {
            users = data::users(&folder);
            report.extend(data::check(&folder, &args.history, &args.cookie_key));
            report.extend(rights::check(&folder, args.source.kind));
            let out = args.out.unwrap_or_else(|| folder.join("build"));
            report.extend(quota::check(&folder, &out, &args.quota));
        }
        Err(error) => report.add(Finding::problem(
            "data folder",
            "there is no home folder to keep data in",
            &format!("{error:#}"),
        )),
    }
    let homes = args.source.kind.reads_homes();
    let homes = homes.then(|| homes::check(&args.homes.homes(), &users));
    let folders = homes.as_ref().map_or(0, |homes| homes.folders);
    report.extend(homes.map_or_else(Vec::new, |homes| homes.findings));
    report.extend(limits::check(folders));
    if let Some(config) = &args.hub_config {
        // The service's address and the Hub's are in the configuration.
        report.extend(configuration::check(config));
    } else {
        report.extend(runtime.block_on(address::check(args.bind, &variable)));
        report.extend(runtime.block_on(hub::check(&variable)));
    }
    let under_hub = args.hub_config.is_some() || variable("JUPYTERHUB_API_TOKEN").is_some();
    report.extend(jupyter::check(args.python, under_hub));
    report.print(args.json)
}

fn program() -> Finding {
    let (sqlite, schema) = store::versions();
    Finding::ok(
        "program",
        format!(
            "pipalhub {}, SQLite {sqlite}, schema {schema}",
            env!("CARGO_PKG_VERSION")
        ),
    )
}
