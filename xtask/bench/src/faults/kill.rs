//! The process is killed in the middle of its work, again and again.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use rusqlite::Connection as Database;

use super::{
    Lab, Verdict,
    journal::{Account, WRITERS, Work},
};
use crate::{
    drive::{
        TOKEN, random_below,
        service::{Plan, Service},
        sse,
    },
    samples::Percentiles,
};

/// How many kills there are in full.
const KILLS: usize = 500;
/// How long they may take unless a number is asked for.
const BUDGET: Duration = Duration::from_secs(60);
/// From the start of the process to its first answer.
const LISTENING_MS: f64 = 200.0;

/// What the kills have shown.
struct Outcome {
    account: Account,
    kills: usize,
    starts_ms: Vec<f64>,
}

/// The service.
pub(super) async fn run(lab: &Lab) -> anyhow::Result<Verdict> {
    let plan = lab.plan()?;
    let rounds = lab.rounds.or(lab.full.then_some(KILLS));
    let budget = rounds.map_or(Some(BUDGET), |_| None);
    let outcome = kill_often(&plan, rounds.unwrap_or(KILLS), budget).await?;
    let account = &outcome.account;
    let starts = Percentiles::of(&outcome.starts_ms).context("nothing was started")?;
    let integrity = integrity(&plan.database())?;
    let mut verdict = Verdict::default();
    verdict.figure(format!("{} kills of {WRITERS} writers", outcome.kills));
    tell(&mut verdict, account);
    verdict.figure(format!(
        "answering after {:.0} ms in the median, {:.0} ms at most",
        starts.median, starts.most
    ));
    verdict.must(account.acknowledged > 0, "nothing was acknowledged");
    verdict.must(account.shown > 0, "nothing was shown on the stream");
    let kept = account.missing + account.phantoms + account.strange + account.reused == 0;
    verdict.must(kept, "a promise was broken");
    verdict.must(integrity == "ok", format!("integrity: {integrity}"));
    let slow = format!("answering only after {:.0} ms", starts.most);
    verdict.must(starts.most <= LISTENING_MS, slow);
    Ok(verdict)
}

/// A server that acknowledges and shows before it writes: the same kills must be seen to
/// lose events, or the row above proves nothing.
pub(super) async fn control(lab: &Lab) -> anyhow::Result<Verdict> {
    let this = std::env::current_exe()?;
    let plan = Plan::of_stand_in(&[&this, Path::new("weak")], &lab.folder)?;
    let outcome = kill_often(&plan, 10, None).await?;
    let account = &outcome.account;
    let mut verdict = Verdict::default();
    verdict.figure("a server that promises 5 ms before it writes".to_owned());
    verdict.figure(format!("{} kills", outcome.kills));
    tell(&mut verdict, account);
    verdict.must(account.missing > 0, "its losses were not noticed");
    verdict.must(account.phantoms > 0, "its phantoms were not noticed");
    Ok(verdict)
}

fn tell(verdict: &mut Verdict, account: &Account) {
    verdict.figure(format!(
        "{} acknowledged, {} missing; {} shown, {} never stored; {} twice or never posted; \
         {} numbers reused",
        account.acknowledged,
        account.missing,
        account.shown,
        account.phantoms,
        account.strange,
        account.reused
    ));
}

async fn kill_often(
    plan: &Plan,
    rounds: usize,
    budget: Option<Duration>,
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let mut outcome = Outcome {
        account: Account::default(),
        kills: 0,
        starts_ms: Vec::new(),
    };
    let mut service = Service::start(plan).await?;
    for round in 0..rounds {
        let work = Work::begin(service.address, round).await?;
        let run_for = 3_000 + random_below(60_000);
        tokio::time::sleep(Duration::from_micros(run_for)).await;
        service.kill().await?;
        outcome.kills += 1;
        let heard = work.end().await;
        service = Service::start(plan).await?;
        outcome.starts_ms.push(service.start.as_secs_f64() * 1e3);
        let account = &mut outcome.account;
        let journal = sse::journal_after(service.address, TOKEN, account.newest).await?;
        account.settle(&heard, &journal);
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
