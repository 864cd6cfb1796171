//! A participant's own disk is full: their tile says so, until a save succeeds.

use std::{
    fs::{self, File},
    io::Write,
    time::Instant,
};

use serde_json::Value;

use super::{
    Lab, Verdict,
    away::{Jupyter, Report},
    is_root, is_there,
};
use crate::drive::{
    LONG, TOKEN,
    service::{Plan, Service},
    until,
};

/// Runs a server in a home that is a disk of its own.
const SMALL: &str = "mount -t tmpfs -o size=1m tmpfs \"$0\" && exec \"$@\"";

pub(super) async fn full(lab: &Lab) -> anyhow::Result<Verdict> {
    let Some(venv) = &lab.venv else {
        return Ok(Verdict::untried(
            "needs a Python environment with jupyter_server",
        ));
    };
    if !(is_root() && is_there("unshare")) {
        return Ok(Verdict::untried("needs root and unshare"));
    }
    let plan = Plan::new(&lab.pipalhub, &lab.folder.join("service"))?.at_fixed_port()?;
    let service = Service::start(&plan).await?;
    let client = service.client();
    // The service sees the folder below the disk, and there the notebook as it was.
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
    let place = home.display().to_string();
    let around = ["unshare", "--mount", "sh", "-c", SMALL, &place];
    let report = Report {
        to: &url,
        token: TOKEN,
    };
    let mut jupyter = Jupyter::start_in(lab, venv, "ana", report, &home, &around).await?;
    let mut verdict = Verdict::default();
    let (status, _) = jupyter.save(0, "second").await?;
    verdict.must(status == 201, format!("a new notebook got {status}"));

    let filler = jupyter.seen(&home)?.join("filler");
    let mut file = File::create(&filler)?;
    while file.write_all(&[0; 4096]).is_ok() {}
    // Or it takes up its room for as long as it is open here.
    drop(file);
    let begun = Instant::now();
    let (status, _) = jupyter.save(0, "third").await?;
    verdict.must(status >= 500, format!("a full disk took a save: {status}"));
    let told = async || Ok((problem().await? == "disk-full").then_some(()));
    let told = until("the tile says so", LONG, told).await;
    verdict.must(told.is_ok(), "the tile does not say that saves fail");
    verdict.figure(format!(
        "a save got {status}, and {} ms later the tile says: saves fail",
        begun.elapsed().as_millis()
    ));

    fs::remove_file(filler)?;
    let (status, _) = jupyter.save(0, "fourth").await?;
    verdict.must(status == 200, format!("a save got {status} afterwards"));
    let ended = async || Ok((problem().await? == Value::Null).then_some(()));
    let ended = until("the tile is well", LONG, ended).await;
    verdict.must(ended.is_ok(), "the tile goes on to say that saves fail");
    verdict.figure("and not any more when one succeeds");
    Ok(verdict)
}
