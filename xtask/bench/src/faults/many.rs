//! A database with a million events.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, bail};
use rusqlite::Connection as Database;

use super::{FaultSetup, Verdict};
use crate::{
    drive::{
        SERVICE_TOKEN, event,
        http::{HttpConnection, request},
        service::{ServicePlan, ServiceProcess},
    },
    samples::Percentiles,
};

const EVENTS: usize = 1_000_000;
/// Of three hundred participants, twenty notebooks each.
const NOTEBOOKS: usize = 6_000;
const MAX_START_MS: f64 = 300.0;
/// How many events the service is set to keep, and the tolerance, because the journal is cut only
/// now and then.
const KEPT_EVENTS: i64 = 100_000;
const KEPT_SLACK: i64 = 10_000;

pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    // All events are kept at first, so that the starts are measured with a large file.
    let plan = setup.plan()?;
    ServiceProcess::start(&plan).await?.terminate().await?;
    fill(&plan.database())?;
    let mut verdict = Verdict::default();
    let large = size(&plan);
    let mut starts = Vec::new();
    for _ in 0..5 {
        let service = ServiceProcess::start(&plan).await?;
        starts.push(service.start.as_secs_f64() * 1e3);
        service.kill().await?;
    }
    let starts = Percentiles::of(&starts).context("no start")?;
    verdict.figure(format!(
        "{EVENTS} events of {NOTEBOOKS} notebooks, {} MB: answering after {:.0} ms in the \
         median, {:.0} ms at most",
        large / 1_000_000,
        starts.median,
        starts.most
    ));
    verdict.must(starts.most <= MAX_START_MS, "later than 300 ms");

    let plan = plan.with("PIPALHUB_KEEP_EVENTS", &KEPT_EVENTS.to_string());
    let service = ServiceProcess::start(&plan).await?;
    post(&service, 6_000).await?;
    // The journal is cut after the posts, perhaps a moment later.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let bounded = size(&plan);
    post(&service, 6_000).await?;
    let later = size(&plan);
    service.terminate().await?;
    let kept = journal_length(&plan.database())?;
    verdict.figure(format!(
        "12000 more posted: {kept} kept in the journal (PIPALHUB_KEEP_EVENTS={KEPT_EVENTS}), {} MB, \
         then {} MB",
        bounded / 1_000_000,
        later / 1_000_000
    ));
    verdict.must(
        kept <= KEPT_EVENTS + KEPT_SLACK,
        "the journal is not cut to what is to be kept",
    );
    let grew = later.saturating_sub(bounded);
    verdict.must(grew < 5_000_000, format!("the files grew by {grew} bytes"));
    Ok(verdict)
}

fn fill(path: &Path) -> anyhow::Result<()> {
    let mut database = Database::open(path)?;
    let transaction = database.transaction()?;
    let rows = "FROM n, (SELECT '2026-01-01T00:00:00+00:00' AS t)";
    let names = "'save-notebook', 'user-' || (i % 300), 'notebook-' || (i / 300 % 20) || '.ipynb', \
                 '/home/user-' || (i % 300) || '/notebook-' || (i / 300 % 20) || '.ipynb', t";
    let count = |most: usize| {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {most} - 1)"
        )
    };
    transaction.execute_batch(&format!(
        "{} INSERT INTO events (type, user, filename, path, timestamp) SELECT {names} {rows};
         {} INSERT INTO journal (event_id, type, user, filename, path, timestamp)
            SELECT i % {NOTEBOOKS} + 1, {names} {rows};",
        count(NOTEBOOKS),
        count(EVENTS)
    ))?;
    transaction.commit()?;
    Ok(())
}

fn journal_length(path: &Path) -> anyhow::Result<i64> {
    let database = Database::open(path)?;
    Ok(database.query_row("SELECT count(*) FROM journal", [], |row| row.get(0))?)
}

/// The size of the database and its log.
fn size(plan: &ServicePlan) -> u64 {
    let files = fs::read_dir(plan.data()).into_iter().flatten().flatten();
    files
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .sum()
}

async fn post(service: &ServiceProcess, count: usize) -> anyhow::Result<()> {
    let posts = (0..16).map(async |writer| -> anyhow::Result<()> {
        let mut connection = HttpConnection::open(service.address).await?;
        for n in 0..count / 16 {
            let user = format!("user-{writer}");
            let body = event::exercise(&user, &n.to_string(), &format!("/{user}"));
            let request = request("POST", "/events", SERVICE_TOKEN, Some(&body));
            let status = connection.exchange(&request).await?.status;
            if status != 201 {
                bail!("a post got {status}");
            }
        }
        Ok(())
    });
    futures::future::try_join_all(posts).await?;
    Ok(())
}
