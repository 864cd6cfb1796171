//! A reader that never reads, and a participant who posts without end.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{FaultSetup, Verdict};
use crate::{
    drive::{
        HANG_TIMEOUT, SERVICE_TOKEN, event,
        http::{HttpConnection, raw_get, request},
        hub::{FakeHubApi, token_of},
        service::ServiceProcess,
        sse::SseStream,
    },
    samples::Percentiles,
};

const EVENTS: usize = 4_000;
/// The memory that a stalled reader may cost, with everything else in this row.
const MAX_MEMORY_KIB: u64 = 16 << 10;
/// How soon the stalled reader must be disconnected.
const DROP_TIMEOUT: Duration = Duration::from_secs(45);

/// A stalled reader is disconnected, and another one gets every event.
pub(super) async fn slow_reader(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let service = ServiceProcess::start(&setup.plan()?).await?;
    let mut verdict = Verdict::default();
    let stalled = stall(service.address).await?;
    let mut healthy = SseStream::open(service.address, SERVICE_TOKEN, None).await?;
    healthy.next().await?.context("no hello")?;
    let before = service.usage()?.resident_kib;
    // With long names, so that the buffers of the kernel are full soon.
    let long = "x".repeat(4_000);
    let writing = async {
        let mut connection = HttpConnection::open(service.address).await?;
        for n in 0..EVENTS {
            let body = event::exercise("ana", &format!("{n}-{long}"), "/ana");
            let request = request("POST", "/events", SERVICE_TOKEN, Some(&body));
            let status = connection.exchange(&request).await?.status;
            anyhow::ensure!(status == 201, "a post got {status}");
        }
        anyhow::Ok(())
    };
    let reading = async {
        let mut delays = 0;
        for n in 0..EVENTS {
            let message = timeout(HANG_TIMEOUT, healthy.next())
                .await??
                .context("it ended")?;
            let received = message.event().context("not an event")?;
            delays += usize::from(!received.filename.starts_with(&format!("{n}-")));
        }
        anyhow::Ok(delays)
    };
    let (written, read) = tokio::join!(writing, reading);
    written?;
    verdict.must(read? == 0, "the other reader missed events");
    let grew = service.usage()?.resident_kib.saturating_sub(before);
    verdict.figure(format!(
        "{EVENTS} events of 4 kB: the other reader has all; memory grew by {grew} KiB"
    ));
    verdict.must(grew <= MAX_MEMORY_KIB, "too much memory");
    let begun = Instant::now();
    match timeout(DROP_TIMEOUT, was_dropped(stalled)).await {
        Ok(read) => verdict.figure(format!(
            "the one that stalls was let go after at most {:.1} s, with {} kB on their way",
            begun.elapsed().as_secs_f64(),
            read? / 1000
        )),
        Err(_) => verdict.must(false, "the one that stalls was not let go"),
    }
    Ok(verdict)
}

/// Opens a stream with a small receive buffer and never reads.
async fn stall(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    set_socket_recv_buffer_size(&socket, 4096)?;
    let mut stream = socket.connect(address).await?;
    stream
        .write_all(&raw_get("/events/stream", SERVICE_TOKEN))
        .await?;
    Ok(stream)
}

/// Waits until the service has closed the connection, without reading; then returns how many bytes
/// were still on their way.
async fn was_dropped(mut stream: TcpStream) -> anyhow::Result<usize> {
    let (ours, theirs) = (stream.local_addr()?, stream.peer_addr()?);
    while is_established(theirs, ours)? {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut rest = Vec::new();
    // A reset is as good as a close.
    let _ = stream.read_to_end(&mut rest).await;
    Ok(rest.len())
}

/// Whether the service has this connection open. The kernel keeps a closed one for a while, in
/// another state, for the bytes that the reader has not read yet.
fn is_established(service: SocketAddr, reader: SocketAddr) -> anyhow::Result<bool> {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").context("this needs Linux's /proc")?;
    let [service, reader] = [service, reader].map(|address| format!(":{:04X}", address.port()));
    Ok(table.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, local, remote, state, ..] = words[..] else {
            return false;
        };
        local.ends_with(&service) && remote.ends_with(&reader) && state == ESTABLISHED
    }))
}

/// One participant posts without end; another one is not slowed.
pub(super) async fn flood(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let hub = FakeHubApi::start().await?;
    let plan = setup.plan()?.under(&hub)?;
    let service = ServiceProcess::start(&plan).await?;
    let mut verdict = Verdict::default();
    let body = |user: &str| {
        let path = plan.homes().join(user).join("a.ipynb");
        event::exercise(user, "a.ipynb", &path.display().to_string())
    };
    let until = Instant::now() + Duration::from_secs(3);
    let flood = async {
        let mut connection = HttpConnection::open(service.address).await?;
        let request = request(
            "POST",
            "/events",
            &token_of("mallory"),
            Some(&body("mallory")),
        );
        let (mut taken, mut refused, mut without) = (0, 0, 0);
        while Instant::now() < until {
            let answer = connection.exchange(&request).await?;
            match answer.status {
                201 => taken += 1,
                429 => {
                    refused += 1;
                    without += usize::from(answer.header("retry-after").is_none());
                }
                other => anyhow::bail!("a flood got {other}"),
            }
        }
        anyhow::Ok((taken, refused, without))
    };
    let calm = async {
        let (mut times, mut refused) = (Vec::new(), 0);
        let client = service.client_of(&token_of("ana"));
        while Instant::now() < until {
            let begun = Instant::now();
            let status = client.post("/events", &body("ana")).await?.status;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            refused += usize::from(status != 201);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        anyhow::Ok((times, refused))
    };
    let (flood, calm) = tokio::join!(flood, calm);
    let ((taken, refused, without), (times, calm_refused)) = (flood?, calm?);
    let percentiles = Percentiles::of(&times).context("no posts")?;
    verdict.figure(format!(
        "3 s of posts by one: {taken} taken, {refused} answered 429; another's posts: \
         {percentiles}"
    ));
    verdict.must(refused > 0, "nothing limits a participant");
    verdict.must(without == 0, "429 without Retry-After");
    verdict.must(calm_refused == 0, "another participant was refused");
    Ok(verdict)
}
