//! SIGTERM while sixteen writers post.

use std::time::Duration;

use super::{
    FaultSetup, Verdict,
    journal::{JournalAudit, RunningClients},
};
use crate::drive::{SERVICE_TOKEN, service::ServiceProcess, sse};

const ROUNDS: usize = 10;
const MAX_SHUTDOWN: Duration = Duration::from_secs(2);

pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let plan = setup.plan()?;
    let mut verdict = Verdict::default();
    let mut audit = JournalAudit::default();
    let mut slowest = Duration::ZERO;
    let mut service = ServiceProcess::start(&plan).await?;
    for time in 0..ROUNDS {
        let work = RunningClients::begin(service.address, time).await?;
        tokio::time::sleep(Duration::from_millis(150)).await;
        let (status, took) = service.terminate().await?;
        slowest = slowest.max(took);
        verdict.must(status.success(), format!("it ended with {status}"));
        let round_log = work.end().await;
        service = ServiceProcess::start(&plan).await?;
        let journal = sse::journal_after(service.address, SERVICE_TOKEN, audit.newest).await?;
        audit.check_round(&round_log, &journal);
    }
    let JournalAudit {
        acknowledged,
        missing,
        unanswered,
        ..
    } = audit;
    verdict.figure(format!(
        "{ROUNDS} times; {acknowledged} acknowledged, {missing} missing; {unanswered} stored and \
         not answered; ended within {} ms",
        slowest.as_millis()
    ));
    verdict.must(acknowledged > 0, "nothing was acknowledged");
    verdict.must(missing == 0, "acknowledged events are missing");
    verdict.must(unanswered == 0, "accepted events were not answered");
    verdict.must(slowest <= MAX_SHUTDOWN, "it takes longer than 2 s");
    Ok(verdict)
}
