//! `bench push`: two real services, one that takes pushes and one that reads homes, for
//! `tests/python/bench_push.py`, which measures what a participant's server sends to them.

use std::{fs, path::PathBuf};

use anyhow::ensure;
use clap::Args;
use tokio::process::Command;

use crate::drive::{
    hub::{FakeHubApi, token_of},
    service::{ServicePlan, ServiceProcess},
};

/// What a push costs a participant's server, and how soon a reader has it; prints the samples.
#[derive(Args)]
pub(crate) struct PushArgs {
    #[arg(long)]
    pipalhub: PathBuf,
    /// The Python environment that has jupyter_server.
    #[arg(long)]
    venv: PathBuf,
    /// The script that measures.
    #[arg(long)]
    script: PathBuf,
    /// How often each change of the smallest notebook is sent.
    #[arg(long)]
    runs: usize,
}

pub(crate) async fn run(args: &PushArgs) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("pipalhub-push-")
        .tempdir()?;
    let hub = FakeHubApi::start().await?;
    let pipalhub = fs::canonicalize(&args.pipalhub)?;
    let plan_of = |source: &str| {
        let folder = folder.path().join(source);
        fs::create_dir(&folder)?;
        let plan = ServicePlan::new(&pipalhub, &folder)?.under(&hub)?;
        anyhow::Ok(plan.with("PIPALHUB_SOURCE", source))
    };
    let (push_plan, homes_plan) = (plan_of("push")?, plan_of("homes")?);
    let pushed = ServiceProcess::start(&push_plan).await?;
    let of_homes = ServiceProcess::start(&homes_plan).await?;
    // Its standard output is this program's: the samples.
    let status = Command::new(args.venv.join("bin/python"))
        .arg(&args.script)
        .arg(format!("http://{}/", pushed.address))
        .arg(format!("http://{}/", of_homes.address))
        .arg(homes_plan.homes())
        .arg(token_of(""))
        .arg(args.runs.to_string())
        .kill_on_drop(true)
        .status()
        .await?;
    ensure!(status.success(), "{} failed", args.script.display());
    Ok(())
}
