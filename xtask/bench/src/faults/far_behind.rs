//! The whole class comes back after a restart, each far behind in a journal in which next to
//! nothing is for them: all are live again soon.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use rusqlite::Connection as Database;
use tokio::time::timeout_at;

use super::{Lab, Verdict};
use crate::{
    drive::{
        event,
        http::Client,
        hub::{HubApi, token_of},
        service::{Plan, Service},
        sse::Stream,
    },
    samples::Percentiles,
};

const CLASS: usize = 300;
const ENTRIES: usize = 200_000;
/// What is not optimised takes longer, and less than what looks at every entry for each.
const LIVE_WITHIN: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 3 });

pub(super) async fn run(lab: &Lab) -> anyhow::Result<Verdict> {
    let hub = HubApi::start().await?;
    // More than there are, so that nobody's past is cut by what is saved meanwhile.
    let kept = (2 * ENTRIES).to_string();
    let plan = lab.plan()?.under(&hub)?;
    let plan = plan.with("PIPALHUB_KEEP_EVENTS", &kept);
    Service::start(&plan).await?.terminate().await?;
    fill(&plan)?;
    let service = Service::start(&plan).await?;
    let begun = Instant::now();
    let until = begun + LIVE_WITHIN;
    let class = (0..CLASS).map(|n| come_back(&plan, service.address, n, until));
    let class = futures::future::join_all(class).await;
    let took: Vec<f64> = class
        .iter()
        .filter_map(|live| live.as_ref().ok())
        .map(|live| (*live - begun).as_secs_f64() * 1e3)
        .collect();
    let mut verdict = Verdict::default();
    verdict.figure(format!(
        "{CLASS} readers, {ENTRIES} entries behind, of which one each is for them: {} live",
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
                LIVE_WITHIN.as_secs_f64()
            ),
        );
    }
    Ok(verdict)
}

/// Comes back as one who was there before all of this, saves, and hears of it; when.
async fn come_back(
    plan: &Plan,
    address: SocketAddr,
    n: usize,
    until: Instant,
) -> anyhow::Result<Instant> {
    let user = user(n);
    let token = token_of(&user);
    let live = async {
        let mut stream = Stream::open(address, &token, Some(0)).await?;
        let hello = stream.next().await?.context("no hello")?;
        ensure!(hello.name == "hello", "it began with {hello:?}");
        let client = Client { address, token };
        let path = plan.homes().join(&user).join("now.ipynb");
        let body = event::exercise(&user, "now.ipynb", &path.display().to_string());
        let status = client.post("/events", &body).await?.status;
        ensure!(status == 201, "a post got {status}");
        for expected in ["before.ipynb", "now.ipynb"] {
            let message = stream.next().await?.context("it ended")?;
            let told = message.event().context("no event")?;
            ensure!(
                told.user == user && told.filename == expected,
                "it was told {told:?} and not of {expected}"
            );
        }
        Ok(Instant::now())
    };
    let in_time = timeout_at(until.into(), live).await;
    in_time.context("it has not heard of its save")?
}

fn user(n: usize) -> String {
    format!("user-{n}")
}

/// All but one each are of people who are not there; theirs are in the middle.
fn fill(plan: &Plan) -> anyhow::Result<()> {
    let mut database = Database::open(plan.database())?;
    let transaction = database.transaction()?;
    let middle = ENTRIES / 2;
    transaction.execute_batch(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ENTRIES})
         INSERT INTO journal (seq, event_id, type, user, filename, path, timestamp)
            SELECT i, i, 'exercise',
                iif(i >= {middle} AND i < {middle} + {CLASS}, 'user-' || (i - {middle}),
                    'away-' || (i % {CLASS})),
                'before.ipynb', '/before.ipynb', '2026-01-01T00:00:00+00:00' FROM n"
    ))?;
    transaction.commit()?;
    Ok(())
}
