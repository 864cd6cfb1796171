//! The whole class reconnects after a restart, each reader far behind in a journal that has next to
//! no events for them: all have caught up soon.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use rusqlite::Connection as Database;
use tokio::time::timeout_at;

use super::{FaultSetup, Verdict};
use crate::{
    drive::{
        event,
        http::HttpClient,
        hub::{FakeHubApi, token_of},
        service::{ServicePlan, ServiceProcess},
        sse::SseStream,
    },
    samples::Percentiles,
};

const CLASS_SIZE: usize = 300;
const JOURNAL_ENTRIES: usize = 200_000;
/// How soon all readers must have caught up. A debug build may take longer, but less than a service
/// that reads every entry for each reader.
const MAX_CATCH_UP: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 3 });

pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let hub = FakeHubApi::start().await?;
    // More than there are, so that no entry is removed because of the new events.
    let kept = (2 * JOURNAL_ENTRIES).to_string();
    let plan = setup.plan()?.under(&hub)?;
    let plan = plan.with("PIPALHUB_KEEP_EVENTS", &kept);
    ServiceProcess::start(&plan).await?.terminate().await?;
    fill(&plan)?;
    let service = ServiceProcess::start(&plan).await?;
    let begun = Instant::now();
    let deadline = begun + MAX_CATCH_UP;
    let class = (0..CLASS_SIZE).map(|n| come_back(&plan, service.address, n, deadline));
    let class = futures::future::join_all(class).await;
    let took: Vec<f64> = class
        .iter()
        .filter_map(|live| live.as_ref().ok())
        .map(|live| (*live - begun).as_secs_f64() * 1e3)
        .collect();
    let mut verdict = Verdict::default();
    verdict.figure(format!(
        "{CLASS_SIZE} readers, {JOURNAL_ENTRIES} entries behind, of which one each is for them: {} live",
        took.len()
    ));
    if let Some(percentiles) = Percentiles::of(&took) {
        verdict.figure(format!("after {percentiles}"));
    }
    if let Some(Err(error)) = class.into_iter().find(Result::is_err) {
        verdict.must(
            false,
            format!(
                "not all within {} s; one: {error:#}",
                MAX_CATCH_UP.as_secs_f64()
            ),
        );
    }
    Ok(verdict)
}

/// Reconnects as a reader from before all entries, posts an event, and returns when it arrived.
async fn come_back(
    plan: &ServicePlan,
    address: SocketAddr,
    n: usize,
    deadline: Instant,
) -> anyhow::Result<Instant> {
    let user = user(n);
    let token = token_of(&user);
    let live = async {
        let mut stream = SseStream::open(address, &token, Some(0)).await?;
        let hello = stream.next().await?.context("no hello")?;
        ensure!(hello.name == "hello", "it began with {hello:?}");
        let client = HttpClient { address, token };
        let path = plan.homes().join(&user).join("now.ipynb");
        let body = event::exercise(&user, "now.ipynb", &path.display().to_string());
        let status = client.post("/events", &body).await?.status;
        ensure!(status == 201, "a post got {status}");
        for expected in ["before.ipynb", "now.ipynb"] {
            let message = stream.next().await?.context("it ended")?;
            let received = message.event().context("no event")?;
            ensure!(
                received.user == user && received.filename == expected,
                "it was told {received:?} and not of {expected}"
            );
        }
        Ok(Instant::now())
    };
    let in_time = timeout_at(deadline.into(), live).await;
    in_time.context("it has not heard of its save")?
}

fn user(n: usize) -> String {
    format!("user-{n}")
}

/// Fills the journal: one entry for each reader, in the middle; the others are of absent users.
fn fill(plan: &ServicePlan) -> anyhow::Result<()> {
    let mut database = Database::open(plan.database())?;
    let transaction = database.transaction()?;
    let middle = JOURNAL_ENTRIES / 2;
    transaction.execute_batch(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {JOURNAL_ENTRIES})
         INSERT INTO journal (seq, event_id, type, user, filename, path, timestamp)
            SELECT i, i, 'exercise',
                iif(i >= {middle} AND i < {middle} + {CLASS_SIZE}, 'user-' || (i - {middle}),
                    'away-' || (i % {CLASS_SIZE})),
                'before.ipynb', '/before.ipynb', '2026-01-01T00:00:00+00:00' FROM n"
    ))?;
    transaction.commit()?;
    Ok(())
}
