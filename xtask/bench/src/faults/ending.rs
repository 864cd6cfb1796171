//! SIGTERM while sixteen writers are at work.

use std::time::Duration;

use super::{
    Lab, Verdict,
    journal::{Account, Work},
};
use crate::drive::{TOKEN, service::Service, sse};

const TIMES: usize = 10;
const WITHIN: Duration = Duration::from_secs(2);

pub(super) async fn run(lab: &Lab) -> anyhow::Result<Verdict> {
    let plan = lab.plan()?;
    let mut verdict = Verdict::default();
    let mut account = Account::default();
    let mut slowest = Duration::ZERO;
    let mut service = Service::start(&plan).await?;
    for time in 0..TIMES {
        let work = Work::begin(service.address, time).await?;
        tokio::time::sleep(Duration::from_millis(150)).await;
        let (status, took) = service.terminate().await?;
        slowest = slowest.max(took);
        verdict.must(status.success(), format!("it ended with {status}"));
        let heard = work.end().await;
        service = Service::start(&plan).await?;
        let journal = sse::journal_after(service.address, TOKEN, account.newest).await?;
        account.settle(&heard, &journal);
    }
    let Account {
        acknowledged,
        missing,
        unanswered,
        ..
    } = account;
    verdict.figure(format!(
        "{TIMES} times; {acknowledged} acknowledged, {missing} missing; {unanswered} stored and \
         not answered; ended within {} ms",
        slowest.as_millis()
    ));
    verdict.must(acknowledged > 0, "nothing was acknowledged");
    verdict.must(missing == 0, "acknowledged events are missing");
    verdict.must(unanswered == 0, "accepted events were not answered");
    verdict.must(slowest <= WITHIN, "it takes longer than 2 s");
    Ok(verdict)
}
