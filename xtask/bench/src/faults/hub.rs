//! The Hub does not answer, answers late, or answers nonsense.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{Lab, Verdict};
use crate::drive::{
    event,
    hub::{HubApi, Mood, token_of},
    service::{Plan, Service},
};

/// Questions to the Hub at the same time.
const AT_ONCE: usize = 8;
/// Longer than an answer of the Hub's on a participant is taken as fresh.
const NO_LONGER_FRESH: Duration = Duration::from_secs(302);

async fn post_as(service: &Service, plan: &Plan, user: &str) -> anyhow::Result<(u16, bool)> {
    let path = plan.homes().join(user).join("day1.ipynb");
    let body = event::exercise(user, "day1.ipynb", &path.display().to_string());
    let reply = service
        .client_of(&token_of(user))
        .post("/events", &body)
        .await?;
    Ok((reply.status, reply.retry_after.is_some()))
}

/// Those who are known go on, strangers are told to come again.
pub(super) async fn down(lab: &Lab) -> anyhow::Result<Verdict> {
    let hub = HubApi::start().await?;
    let plan = lab.plan()?.under(&hub)?;
    let service = Service::start(&plan).await?;
    let mut verdict = Verdict::default();
    let known = post_as(&service, &plan, "known").await?;
    verdict.must(
        known.0 == 201,
        format!("a participant got {} while all was well", known.0),
    );
    let bad = service.client_of("nonsense").get("/events").await?;
    verdict.must(bad.status == 401, format!("a bad token got {}", bad.status));

    for (mood, name) in [
        (Mood::Down, "down"),
        (Mood::Failing, "500"),
        (Mood::Mad, "no JSON"),
    ] {
        hub.set(mood);
        let known = post_as(&service, &plan, "known").await?;
        verdict.must(
            known.0 == 201,
            format!("{name}: a known token got {}", known.0),
        );
        let stranger = post_as(&service, &plan, &format!("new-{}", mood as u8)).await?;
        let told = format!("{name}: a new token got {} {}", stranger.0, stranger.1);
        verdict.must(stranger == (503, true), told);
    }
    verdict.figure("down, 500, no JSON: known tokens 201, new ones 503 with Retry-After");
    if lab.full {
        let calls = hub.calls();
        tokio::time::sleep(NO_LONGER_FRESH).await;
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
    hub.set(Mood::Well);
    let stranger = post_as(&service, &plan, "new-1").await?;
    verdict.must(
        stranger.0 == 201,
        format!("afterwards a new token got {}", stranger.0),
    );
    Ok(verdict)
}

/// Sixty at once ask a slow Hub; then one that never answers.
pub(super) async fn slow(lab: &Lab) -> anyhow::Result<Verdict> {
    let hub = HubApi::start().await?;
    let plan = lab.plan()?.under(&hub)?;
    let service = Service::start(&plan).await?;
    let mut verdict = Verdict::default();
    post_as(&service, &plan, "known").await?;
    hub.set(Mood::Slow);
    let mut asking = JoinSet::new();
    for n in 0..60 {
        // Some come twice, as pages of one participant do.
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

    hub.set(Mood::Hanging);
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
    verdict.must(most <= AT_ONCE, format!("{most} questions at a time"));
    Ok(verdict)
}
