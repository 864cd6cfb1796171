//! The Hub does not answer, answers late, or answers with something else than JSON.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{FaultSetup, Verdict};
use crate::drive::{
    event,
    hub::{FakeHubApi, HubBehaviour, token_of},
    service::{ServicePlan, ServiceProcess},
};

/// The largest number of simultaneous requests to the Hub.
const MAX_HUB_CALLS: usize = 8;
/// Longer than an answer of the Hub about a participant counts as fresh.
const ANSWER_EXPIRY: Duration = Duration::from_secs(302);

async fn post_as(
    service: &ServiceProcess,
    plan: &ServicePlan,
    user: &str,
) -> anyhow::Result<(u16, bool)> {
    let path = plan.homes().join(user).join("day1.ipynb");
    let body = event::exercise(user, "day1.ipynb", &path.display().to_string());
    let reply = service
        .client_of(&token_of(user))
        .post("/events", &body)
        .await?;
    Ok((reply.status, reply.retry_after.is_some()))
}

/// Known tokens go on; new ones get a 503 with Retry-After.
pub(super) async fn down(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let hub = FakeHubApi::start().await?;
    let plan = setup.plan()?.under(&hub)?;
    let service = ServiceProcess::start(&plan).await?;
    let mut verdict = Verdict::default();
    let known = post_as(&service, &plan, "known").await?;
    verdict.must(
        known.0 == 201,
        format!("a participant got {} while all was well", known.0),
    );
    let bad = service.client_of("nonsense").get("/events").await?;
    verdict.must(bad.status == 401, format!("a bad token got {}", bad.status));

    for (behaviour, name) in [
        (HubBehaviour::Down, "down"),
        (HubBehaviour::Failing, "500"),
        (HubBehaviour::NotJson, "no JSON"),
    ] {
        hub.set(behaviour);
        let known = post_as(&service, &plan, "known").await?;
        verdict.must(
            known.0 == 201,
            format!("{name}: a known token got {}", known.0),
        );
        let stranger = post_as(&service, &plan, &format!("new-{}", behaviour as u8)).await?;
        let message = format!("{name}: a new token got {} {}", stranger.0, stranger.1);
        verdict.must(stranger == (503, true), message);
    }
    verdict.figure("down, 500, no JSON: known tokens 201, new ones 503 with Retry-After");
    if setup.full {
        let calls = hub.calls();
        tokio::time::sleep(ANSWER_EXPIRY).await;
        let known = post_as(&service, &plan, "known").await?;
        verdict.must(
            known.0 == 201,
            format!("after five minutes a known token got {}", known.0),
        );
        verdict.must(hub.calls() > calls, "the Hub was not asked again");
        verdict.figure("known tokens go on after the Hub's word has gone stale");
    } else {
        verdict.figure("within the five minutes that the Hub's word holds; --full waits them out");
    }
    hub.set(HubBehaviour::Healthy);
    let stranger = post_as(&service, &plan, "new-1").await?;
    verdict.must(
        stranger.0 == 201,
        format!("afterwards a new token got {}", stranger.0),
    );
    Ok(verdict)
}

/// Sixty requests at once with a slow Hub; then a Hub that never answers.
pub(super) async fn slow(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let hub = FakeHubApi::start().await?;
    let plan = setup.plan()?.under(&hub)?;
    let service = ServiceProcess::start(&plan).await?;
    let mut verdict = Verdict::default();
    post_as(&service, &plan, "known").await?;
    hub.set(HubBehaviour::Slow);
    let mut asking = JoinSet::new();
    for n in 0..60 {
        // Two requests with each token, as of two pages of one participant.
        let client = service.client_of(&token_of(&format!("p{}", n / 2)));
        asking.spawn(async move { client.get("/events").await });
    }
    let begun = Instant::now();
    let known = post_as(&service, &plan, "known").await?;
    let known_ms = begun.elapsed().as_millis();
    verdict.must(known.0 == 201, format!("a known token got {}", known.0));
    verdict.must(
        known_ms < 300,
        format!("a known token waited {known_ms} ms"),
    );
    let mut well = 0;
    while let Some(reply) = asking.join_next().await {
        well += usize::from(reply??.status == 200);
    }
    verdict.must(well == 60, format!("{well} of 60 were let in"));
    verdict.figure(format!(
        "60 requests of 30 tokens, a Hub that takes 300 ms: {} questions, {} at a time at most; \
         a known token meanwhile {known_ms} ms",
        hub.calls() - 1,
        hub.most_in_flight()
    ));
    verdict.must(hub.calls() == 31, "a token was asked for twice");

    hub.set(HubBehaviour::Hanging);
    let mut asking = JoinSet::new();
    for n in 0..8 {
        let client = service.client_of(&token_of(&format!("q{n}")));
        asking.spawn(async move { client.get("/events").await });
    }
    let begun = Instant::now();
    while let Some(reply) = asking.join_next().await {
        let status = reply??.status;
        verdict.must(status == 503, format!("a Hub that hangs: {status}"));
        let known = post_as(&service, &plan, "known").await?;
        verdict.must(known.0 == 201, format!("a known token got {}", known.0));
    }
    verdict.figure(format!(
        "a Hub that hangs: 503 after {:.1} s",
        begun.elapsed().as_secs_f64()
    ));
    let most = hub.most_in_flight();
    verdict.must(most <= MAX_HUB_CALLS, format!("{most} questions at a time"));
    Ok(verdict)
}
