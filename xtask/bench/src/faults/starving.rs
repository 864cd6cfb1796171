//! One client uses up a resource: connections, or begun sign-ins. Other clients are not affected.

use std::{net::SocketAddr, time::Instant};

use anyhow::{Context, ensure};
use hyper::header::{COOKIE, HeaderValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{FaultSetup, Verdict};
use crate::{
    drive::{
        HANG_TIMEOUT, SERVICE_TOKEN, event,
        http::{HttpConnection, HttpRequest, request},
        hub::FakeHubApi,
        service::ServiceProcess,
        sse::SseStream,
    },
    samples::Percentiles,
};

/// More connections than the service accepts.
const IDLE_CONNECTIONS: usize = 4_300;
/// How long a new connection may wait for its answer meanwhile. Idle ones are ended after ten
/// seconds anyway.
const MAX_ANSWER_MS: f64 = 250.0;
/// More begun sign-ins than the service once remembered.
const SIGN_INS: usize = 13_000;

/// Idle connections, some of which have begun a request.
pub(super) async fn idle_connections(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let service = ServiceProcess::start(&setup.plan()?).await?;
    let mut verdict = Verdict::default();
    let mut stream = SseStream::open(service.address, SERVICE_TOKEN, None).await?;
    stream.next().await?.context("no hello")?;
    let crowd = crowd(service.address).await?;
    let client = service.client();
    let (mut times, mut refused) = (Vec::new(), 0);
    for n in 0..50 {
        let begun = Instant::now();
        let body = event::exercise("ana", &n.to_string(), "/ana");
        let status = client.post("/events", &body).await?.status;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        refused += usize::from(status != 201);
    }
    let percentiles = Percentiles::of(&times).context("no posts")?;
    let slowest = times.iter().copied().fold(0.0, f64::max);
    verdict.figure(format!(
        "{IDLE_CONNECTIONS} connections stand idle: a new one is answered in {percentiles}, {slowest:.1} ms \
         at most"
    ));
    verdict.must(refused == 0, "others were refused");
    verdict.must(slowest <= MAX_ANSWER_MS, "others wait");
    for n in 0..50 {
        let received = timeout(HANG_TIMEOUT, stream.next()).await??;
        let received = received.and_then(|message| message.event());
        let filename = received.map(|event| event.filename);
        verdict.must(
            filename == Some(n.to_string()),
            format!("the stream that was open before said {filename:?}"),
        );
    }
    drop(crowd);
    Ok(verdict)
}

/// Opens the idle connections as fast as possible.
async fn crowd(address: SocketAddr) -> anyhow::Result<Vec<TcpStream>> {
    let mut crowd = Vec::with_capacity(IDLE_CONNECTIONS);
    for n in 0..IDLE_CONNECTIONS {
        let mut one = TcpStream::connect(address).await?;
        if n % 3 == 0 {
            // The service may have closed this one already.
            let _ = one.write_all(b"POST /events HTTP/1.1\r\nHost: x\r\n").await;
        }
        crowd.push(one);
    }
    Ok(crowd)
}

/// One user types their password while another client begins sign-ins without end.
pub(super) async fn begun_sign_ins(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let hub = FakeHubApi::start().await?;
    let service = ServiceProcess::start(&setup.plan()?.under(&hub)?).await?;
    let mut verdict = Verdict::default();
    let (state, cookie) = begin(service.address).await?;
    let before = service.usage()?.resident_kib;
    let begun = Instant::now();
    flood(service.address).await?;
    let grew = service.usage()?.resident_kib.saturating_sub(before);
    verdict.figure(format!(
        "{SIGN_INS} more begun in {:.1} s; memory grew by {grew} KiB",
        begun.elapsed().as_secs_f64()
    ));
    let back = format!("/oauth_callback?code=ana&state={state}");
    let mut request = navigation(&back);
    request.headers_mut().insert(COOKIE, cookie.parse()?);
    let mut connection = HttpConnection::open(service.address).await?;
    let status = connection.exchange(&request).await?.status;
    verdict.figure(format!("the first one ends with {status}"));
    verdict.must(status == 303, "it was thrown away");
    Ok(verdict)
}

fn navigation(path: &str) -> HttpRequest {
    let mut request = request("GET", path, "", None);
    let navigate = HeaderValue::from_static("navigate");
    request.headers_mut().insert("sec-fetch-mode", navigate);
    request
}

/// Begins a sign-in; returns its state and its cookie.
async fn begin(address: SocketAddr) -> anyhow::Result<(String, String)> {
    let mut connection = HttpConnection::open(address).await?;
    let answer = connection.exchange(&navigation("/")).await?;
    ensure!(
        answer.status == 303,
        "a sign-in begins with {}",
        answer.status
    );
    let location = answer.header("location").context("it leads nowhere")?;
    let state = location.split("state=").nth(1).context("no state")?;
    let state = state.split('&').next().unwrap_or_default();
    let cookie = answer.header("set-cookie").context("no cookie")?;
    let cookie = cookie.split(';').next().unwrap_or_default();
    Ok((state.to_owned(), cookie.to_owned()))
}

/// Begins all sign-ins over one connection, pipelined.
async fn flood(address: SocketAddr) -> anyhow::Result<()> {
    let stream = TcpStream::connect(address).await?;
    let (mut reader, mut writer) = stream.into_split();
    let asking = async {
        let navigation =
            |more| format!("GET / HTTP/1.1\r\nHost: x\r\nSec-Fetch-Mode: navigate\r\n{more}\r\n");
        let some = navigation("").repeat(100);
        for _ in 1..SIGN_INS / 100 {
            writer.write_all(some.as_bytes()).await?;
        }
        let last = navigation("Connection: close\r\n");
        let rest = navigation("").repeat(99) + &last;
        anyhow::Ok(writer.write_all(rest.as_bytes()).await?)
    };
    let reading = async {
        let mut answers = Vec::new();
        reader.read_to_end(&mut answers).await?;
        anyhow::Ok(answers)
    };
    let (asked, answers) =
        timeout(2 * HANG_TIMEOUT, futures::future::join(asking, reading)).await?;
    asked?;
    let answers = answers?;
    let begun = answers.windows(13).filter(|text| *text == b"HTTP/1.1 303 ");
    let begun = begun.count();
    ensure!(begun == SIGN_INS, "{begun} of {SIGN_INS} began");
    Ok(())
}
