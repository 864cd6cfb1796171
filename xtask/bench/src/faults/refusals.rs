//! A second service on the same data, data of a newer version, and a file that is no database: each
//! is refused with a helpful message.

use std::{fs, process::Output};

use rusqlite::Connection as Database;

use super::{FaultSetup, Verdict};
use crate::drive::service::{ServicePlan, ServiceProcess};

pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let plan = setup.plan()?;
    let mut verdict = Verdict::default();
    let mut service = ServiceProcess::start(&plan).await?;
    check(
        &mut verdict,
        "a second service",
        &plan.refusal().await?,
        "another pipalhub",
    );
    verdict.must(service.is_alive(), "the first one has ended");
    let health = service.client().get("/healthz").await?.status;
    verdict.must(health == 200, format!("the first one is unwell: {health}"));
    service.terminate().await?;

    let database = Database::open(plan.database())?;
    database.pragma_update(None, "user_version", 999)?;
    drop(database);
    check(
        &mut verdict,
        "a newer schema",
        &plan.refusal().await?,
        "newer pipalhub",
    );

    let broken = ServicePlan::new(&setup.pipalhub, &setup.folder.join("broken"))?;
    broken.make_data()?;
    fs::write(
        broken.database(),
        "no database at all, but long enough to be looked at".repeat(99),
    )?;
    check(
        &mut verdict,
        "no database",
        &broken.refusal().await?,
        "events.sqlite3",
    );
    Ok(verdict)
}

fn check(verdict: &mut Verdict, what: &str, output: &Output, word: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim().lines().last().unwrap_or_default();
    verdict.figure(format!("{what}: {last:?}"));
    verdict.must(
        !output.status.success(),
        format!("{what}: it ended as if all were well"),
    );
    verdict.must(said.contains(word), format!("{what}: {word:?} is not said"));
    verdict.must(!said.contains("panicked"), format!("{what}: it panicked"));
}
