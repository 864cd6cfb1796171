//! A participant's disk is full: their tile says so, until a save succeeds.

use std::{
    fs::{self, File},
    io::Write,
    time::Instant,
};

use serde_json::Value;

use super::{
    FaultSetup, Verdict,
    away::{Jupyter, ReportTarget},
    is_root, is_there,
};
use crate::drive::{
    HANG_TIMEOUT, SERVICE_TOKEN, poll_until,
    service::{ServicePlan, ServiceProcess},
};

/// A shell command that mounts a small disk as the home, and starts the server in it.
const MOUNT_SMALL_HOME: &str = "mount -t tmpfs -o size=1m tmpfs \"$0\" && exec \"$@\"";

pub(super) async fn full(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let Some(venv) = &setup.venv else {
        return Ok(Verdict::untried(
            "needs a Python environment with jupyter_server",
        ));
    };
    if !(is_root() && is_there("unshare")) {
        return Ok(Verdict::untried("needs root and unshare"));
    }
    let plan = ServicePlan::new(&setup.pipalhub, &setup.folder.join("service"))?.at_fixed_port()?;
    let service = ServiceProcess::start(&plan).await?;
    let client = service.client();
    // The service sees the folder below the mount, and there the notebook as it was.
    let home = plan.homes().join("ana");
    fs::create_dir(&home)?;
    let saved = Jupyter::notebook("first").to_string();
    fs::write(home.join("0.ipynb"), saved)?;
    let problem = async || {
        let tile = client.get_json("/api/tile?user=ana&filename=0.ipynb").await;
        let problem = tile.map(|tile| tile["tile"]["save_problem"].clone());
        anyhow::Ok(problem.unwrap_or_default())
    };
    let url = format!("http://{}/", service.address);
    let mount_point = home.display().to_string();
    let wrapper = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        MOUNT_SMALL_HOME,
        &mount_point,
    ];
    let report = ReportTarget {
        to: &url,
        token: SERVICE_TOKEN,
    };
    let mut jupyter = Jupyter::start_in(setup, venv, "ana", report, &home, &wrapper).await?;
    let mut verdict = Verdict::default();
    let (status, _) = jupyter.save(0, "second").await?;
    verdict.must(status == 201, format!("a new notebook got {status}"));

    let filler = jupyter.view_of(&home)?.join("filler");
    let mut file = File::create(&filler)?;
    while file.write_all(&[0; 4096]).is_ok() {}
    // An open file would keep its space after its removal.
    drop(file);
    let begun = Instant::now();
    let (status, _) = jupyter.save(0, "third").await?;
    verdict.must(status >= 500, format!("a full disk took a save: {status}"));
    let is_shown = async || Ok((problem().await? == "disk-full").then_some(()));
    let is_shown = poll_until("the tile says so", HANG_TIMEOUT, is_shown).await;
    verdict.must(is_shown.is_ok(), "the tile does not say that saves fail");
    verdict.figure(format!(
        "a save got {status}, and {} ms later the tile says: saves fail",
        begun.elapsed().as_millis()
    ));

    fs::remove_file(filler)?;
    let (status, _) = jupyter.save(0, "fourth").await?;
    verdict.must(status == 200, format!("a save got {status} afterwards"));
    let ended = async || Ok((problem().await? == Value::Null).then_some(()));
    let ended = poll_until("the tile is well", HANG_TIMEOUT, ended).await;
    verdict.must(ended.is_ok(), "the tile goes on to say that saves fail");
    verdict.figure("and not any more when one succeeds");
    Ok(verdict)
}
