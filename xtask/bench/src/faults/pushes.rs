//! Pushes that are cut off, made for another version, wrong or bombs, and more of them than the
//! service is made for.

use std::{
    collections::HashSet,
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{FaultSetup, Verdict};
use crate::{
    drive::{
        http::{HttpAnswer, HttpConnection},
        hub::{FakeHubApi, INSTRUCTOR, token_of},
        push::{push_body, push_request, sha256},
        service::{ServicePlan, ServiceProcess},
        sse,
    },
    samples::Percentiles,
};

/// How many participants push at the same time.
const PARTICIPANTS: usize = 300;
/// How many pushes of all of them there are in a second.
const PUSHES_PER_SECOND: usize = 600;
/// How long after the flood the newest version of each may take.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The most memory of the service, in KiB.
const MAX_MEMORY_KIB: u64 = 512 << 10;

/// A notebook of about 50 kB that is another one for each `version` of each `user`.
pub(super) fn notebook(user: &str, version: usize) -> Vec<u8> {
    let cell = |n: usize| {
        json!({
            "cell_type": "code", "execution_count": n, "id": format!("c{n}"), "metadata": {},
            "outputs": [], "source": format!("{user}_{n} = {version}  # {}", "x".repeat(400)),
        })
    };
    let cells: Vec<Value> = (0..100).map(cell).collect();
    let notebook = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
    notebook.to_string().into_bytes()
}

/// The head of a push of all of `content`.
pub(super) fn head_of(content: &[u8]) -> Value {
    json!({
        "filename": "day1.ipynb", "path": "/home/jovyan/day1.ipynb", "server": "",
        "saved_at_ms": 1_700_000_000_000_i64, "size": content.len(), "sha256": sha256(content),
        "base": null, "prefix": 0, "suffix": 0,
    })
}

pub(super) async fn push(
    service: &ServiceProcess,
    user: &str,
    head: &Value,
    middle: &[u8],
) -> anyhow::Result<HttpAnswer> {
    let mut connection = HttpConnection::open(service.address).await?;
    let request = push_request(user, push_body(head, middle));
    connection.exchange(&request).await
}

/// The content that the service has of a participant's notebook.
async fn kept(service: &ServiceProcess, user: &str) -> anyhow::Result<String> {
    let instructor = service.client_of(&token_of(INSTRUCTOR));
    let path = format!("/api/copies/content?user={user}&filename=day1.ipynb");
    Ok(instructor.get(&path).await?.body)
}

pub(super) fn plan(setup: &FaultSetup, hub: &FakeHubApi) -> anyhow::Result<ServicePlan> {
    Ok(setup.plan()?.under(hub)?.with("PIPALHUB_SOURCE", "push"))
}

/// Pushes that are cut off, made for another version, of a wrong hash, or bombs; and all data lost.
pub(super) async fn broken(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    let hub = FakeHubApi::start().await?;
    let plan = plan(setup, &hub)?;
    let service = ServiceProcess::start(&plan).await?;
    let (first, second) = (notebook("ana", 1), notebook("ana", 2));
    let answer = push(&service, "ana", &head_of(&first), &first).await?;
    ensure!(answer.status == 200, "a good push got {}", answer.status);

    let body = push_body(&head_of(&second), &second);
    let head = format!(
        "PUT /api/copies HTTP/1.1\r\nHost: localhost\r\nAuthorization: token {}\r\nContent-Type: \
         application/vnd.pipalhub.copy\r\nContent-Length: {}\r\n\r\n",
        token_of("ana"),
        body.len()
    );
    for part in 1..20 {
        let mut stream = TcpStream::connect(service.address).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&body[..body.len() * part / 20]).await?;
    }
    let before = service.usage()?.peak_kib;
    let mut wrong = head_of(&second);
    wrong["sha256"] = json!("0".repeat(64));
    let mut of_another = head_of(&second);
    of_another["base"] = json!(sha256(&second));
    of_another["prefix"] = json!(10);
    let bomb = vec![b' '; 256 << 20];
    for (label, head, middle, expected) in [
        ("a wrong hash", &wrong, &second, 409),
        ("another base", &of_another, &second, 409),
        ("a bomb", &head_of(&second), &bomb, 400),
    ] {
        let status = push(&service, "ana", head, middle).await?.status;
        verdict.must(status == expected, format!("{label} got {status}"));
    }
    let grew = service.usage()?.peak_kib.saturating_sub(before);
    verdict.must(grew <= 64 << 10, format!("a bomb took {grew} KiB"));
    let is_first = kept(&service, "ana").await?.as_bytes() == first;
    verdict.must(is_first, "a broken push has changed the copy");

    service.kill().await?;
    fs::remove_dir_all(plan.data())?;
    let service = ServiceProcess::start(&plan).await?;
    let mut delta = head_of(&second);
    delta["base"] = json!(sha256(&first));
    let answer = push(&service, "ana", &delta, &second).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    verdict.must(
        answer.status == 409 && text.contains("whole"),
        format!(
            "without its data the service answered {}: {text}",
            answer.status
        ),
    );
    push(&service, "ana", &head_of(&second), &second).await?;
    let is_second = kept(&service, "ana").await?.as_bytes() == second;
    verdict.must(is_second, "the whole notebook was not kept");
    verdict.figure(
        "19 pushes cut off, a wrong hash, another base, a bomb of 256 MiB: the copy is as it was; \
         without its data the service asks for the whole",
    );
    Ok(verdict)
}

/// What became of one participant's pushes.
#[derive(Default)]
struct FloodRecord {
    acknowledged: usize,
    refused: usize,
    times_ms: Vec<f64>,
    newest: String,
    /// The sequence numbers of the events that were acknowledged.
    events: Vec<i64>,
}

/// Pushes until `end`, and the newest version until it is acknowledged.
async fn push_all(service: &ServiceProcess, n: usize, end: Instant) -> anyhow::Result<FloodRecord> {
    let user = user(n);
    let interval =
        Duration::from_secs(1) * u32::try_from(PARTICIPANTS)? / u32::try_from(PUSHES_PER_SECOND)?;
    let mut connection = HttpConnection::open(service.address).await?;
    let mut record = FloodRecord::default();
    let mut next = Instant::now() + interval * u32::try_from(n)? / u32::try_from(PARTICIPANTS)?;
    for version in 0.. {
        tokio::time::sleep_until(next.into()).await;
        next = (next + interval).max(Instant::now());
        let is_last = Instant::now() >= end;
        let content = notebook(&user, version);
        let request = push_request(&user, push_body(&head_of(&content), &content));
        loop {
            let begun = Instant::now();
            let answer = connection.exchange(&request).await?;
            if answer.status == 200 {
                record.acknowledged += 1;
                record.times_ms.push(begun.elapsed().as_secs_f64() * 1e3);
                record.newest = sha256(&content);
                let said: Value = serde_json::from_slice(&answer.body)?;
                record.events.extend(said["seq"].as_i64());
                break;
            }
            record.refused += 1;
            ensure!(
                matches!(answer.status, 429 | 503),
                "a push got {}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
            if !is_last {
                break;
            }
            ensure!(
                end.elapsed() < SETTLE_TIMEOUT,
                "the newest version is refused"
            );
            let seconds = answer
                .header("retry-after")
                .and_then(|text| text.parse().ok());
            tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(1))).await;
        }
        if is_last {
            return Ok(record);
        }
    }
    unreachable!("it ends with the last version")
}

fn user(n: usize) -> String {
    format!("p{n}")
}

/// How many participants' newest version is not the one in this list of copies.
fn lost_of(records: &[FloodRecord], copies: &Value) -> anyhow::Result<usize> {
    let copies = copies.as_array().context("a list")?;
    let is_newest = |n: usize, record: &FloodRecord| {
        copies
            .iter()
            .any(|copy| copy["user"] == user(n) && copy["sha256"] == record.newest.as_str())
    };
    let all = records.iter().enumerate();
    Ok(all.filter(|(n, record)| !is_newest(*n, record)).count())
}

/// Twice as many pushes a second as a class of 300 makes at its busiest.
pub(super) async fn flood(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    let hub = FakeHubApi::start().await?;
    let plan = plan(setup, &hub)?;
    let service = ServiceProcess::start(&plan).await?;
    let seconds = setup.bounded(10, 60);
    let end = Instant::now() + Duration::from_secs(seconds);
    let pushing = (0..PARTICIPANTS).map(|n| push_all(&service, n, end));
    let records = try_join_all(pushing).await?;
    let settled = end.elapsed();
    let instructor = service.client_of(&token_of(INSTRUCTOR));
    let lost = lost_of(&records, &instructor.get_json("/api/copies").await?)?;
    let peak = service.usage()?.peak_kib;
    // What was acknowledged is on the disk, and an event is there for each of them.
    service.kill().await?;
    let service = ServiceProcess::start(&plan).await?;
    let lost_by_kill = lost_of(&records, &instructor.get_json("/api/copies").await?)?;
    let journal = sse::journal_after(service.address, &token_of(INSTRUCTOR), 0).await?;
    let journal: HashSet<(i64, String)> = journal
        .into_iter()
        .map(|(seq, event)| (seq, event.user))
        .collect();
    let in_journal = |n: usize, seq: &i64| journal.contains(&(*seq, user(n)));
    let events_lost: usize = records
        .iter()
        .enumerate()
        .map(|(n, record)| {
            record
                .events
                .iter()
                .filter(|seq| !in_journal(n, seq))
                .count()
        })
        .sum();
    let acknowledged: usize = records.iter().map(|record| record.acknowledged).sum();
    let refused: usize = records.iter().map(|record| record.refused).sum();
    let times: Vec<f64> = records
        .iter()
        .flat_map(|record| record.times_ms.iter().copied())
        .collect();
    verdict.figure(format!(
        "{PARTICIPANTS} participants, {PUSHES_PER_SECOND} pushes a second for {seconds} s: \
         {acknowledged} acknowledged in {}, {refused} put off; the newest of all after {:.1} s; {} \
         MiB at the peak",
        Percentiles::of(&times).context("no pushes")?,
        settled.as_secs_f64(),
        peak >> 10
    ));
    verdict.must(lost == 0, format!("{lost} copies are not the newest"));
    verdict.must(
        lost_by_kill == 0,
        format!("after kill -9 {lost_by_kill} copies are not the newest"),
    );
    verdict.must(
        events_lost == 0,
        format!("{events_lost} acknowledged events are not in the journal"),
    );
    verdict.must(settled <= SETTLE_TIMEOUT, "the newest came too late");
    verdict.must(peak <= MAX_MEMORY_KIB, "too much memory");
    Ok(verdict)
}
