//! The process is killed while it works, again and again.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use rusqlite::Connection as Database;

use super::{
    FaultSetup, Verdict,
    journal::{JournalAudit, RunningClients, WRITERS},
};
use crate::{
    drive::{
        SERVICE_TOKEN, random_below,
        service::{ServicePlan, ServiceProcess},
        sse,
    },
    samples::Percentiles,
};

/// How many kills a full run has.
const KILLS: usize = 500;
/// How long the kills may take when no number of rounds is given.
const KILL_TIME_LIMIT: Duration = Duration::from_secs(60);
/// The longest time from the start of the process to its first answer.
const MAX_START_MS: f64 = 200.0;

/// The result of the kills.
struct KillOutcome {
    audit: JournalAudit,
    kills: usize,
    starts_ms: Vec<f64>,
}

/// Kills the real service.
pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let plan = setup.plan()?;
    let rounds = setup.rounds.or(setup.full.then_some(KILLS));
    let budget = rounds.map_or(Some(KILL_TIME_LIMIT), |_| None);
    let outcome = kill_often(&plan, rounds.unwrap_or(KILLS), budget).await?;
    let audit = &outcome.audit;
    let starts = Percentiles::of(&outcome.starts_ms).context("nothing was started")?;
    let integrity = integrity(&plan.database())?;
    let mut verdict = Verdict::default();
    verdict.figure(format!("{} kills of {WRITERS} writers", outcome.kills));
    print_audit(&mut verdict, audit);
    verdict.figure(format!(
        "answering after {:.0} ms in the median, {:.0} ms at most",
        starts.median, starts.most
    ));
    verdict.must(audit.acknowledged > 0, "nothing was acknowledged");
    verdict.must(audit.shown > 0, "nothing was shown on the stream");
    let kept = audit.missing + audit.phantoms + audit.unexpected + audit.reused == 0;
    verdict.must(kept, "a promise was broken");
    verdict.must(integrity == "ok", format!("integrity: {integrity}"));
    let slow = format!("answering only after {:.0} ms", starts.most);
    verdict.must(starts.most <= MAX_START_MS, slow);
    Ok(verdict)
}

/// Kills a server that acknowledges and publishes before it writes: the audit must find lost
/// events, or the row above proves nothing.
pub(super) async fn control(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let this = std::env::current_exe()?;
    let plan = ServicePlan::of_program(&[&this, Path::new("weak")], &setup.folder)?;
    let outcome = kill_often(&plan, 10, None).await?;
    let audit = &outcome.audit;
    let mut verdict = Verdict::default();
    verdict.figure("a server that promises 5 ms before it writes".to_owned());
    verdict.figure(format!("{} kills", outcome.kills));
    print_audit(&mut verdict, audit);
    verdict.must(audit.missing > 0, "its losses were not noticed");
    verdict.must(audit.phantoms > 0, "its phantoms were not noticed");
    Ok(verdict)
}

fn print_audit(verdict: &mut Verdict, audit: &JournalAudit) {
    verdict.figure(format!(
        "{} acknowledged, {} missing; {} shown, {} never stored; {} twice or never posted; \
         {} numbers reused",
        audit.acknowledged,
        audit.missing,
        audit.shown,
        audit.phantoms,
        audit.unexpected,
        audit.reused
    ));
}

async fn kill_often(
    plan: &ServicePlan,
    rounds: usize,
    budget: Option<Duration>,
) -> anyhow::Result<KillOutcome> {
    let begun = Instant::now();
    let mut outcome = KillOutcome {
        audit: JournalAudit::default(),
        kills: 0,
        starts_ms: Vec::new(),
    };
    let mut service = ServiceProcess::start(plan).await?;
    for round in 0..rounds {
        let work = RunningClients::begin(service.address, round).await?;
        let run_for = 3_000 + random_below(60_000);
        tokio::time::sleep(Duration::from_micros(run_for)).await;
        service.kill().await?;
        outcome.kills += 1;
        let round_log = work.end().await;
        service = ServiceProcess::start(plan).await?;
        outcome.starts_ms.push(service.start.as_secs_f64() * 1e3);
        let audit = &mut outcome.audit;
        let journal = sse::journal_after(service.address, SERVICE_TOKEN, audit.newest).await?;
        audit.check_round(&round_log, &journal);
        if budget.is_some_and(|budget| begun.elapsed() > budget) {
            break;
        }
    }
    service.kill().await?;
    Ok(outcome)
}

fn integrity(database: &Path) -> anyhow::Result<String> {
    let database = Database::open(database)?;
    Ok(database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?)
}
