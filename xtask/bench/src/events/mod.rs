//! `bench events`: measures the cost of an event, of ours and of a peer, and of the disk under
//! ours.
//!
//! Both are driven by the same connections: keep-alive, one request at a time on each,
//! never pipelined. Prints one JSON object with every sample.
//!
//! * [`disk`]: fdatasync alone
//! * [`peer`]: Flask, behind gunicorn

mod disk;
mod peer;

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Args;
use serde::Serialize;

use self::peer::FlaskPeer;
use crate::drive::{
    SERVICE_TOKEN, event,
    http::{HttpClient, HttpConnection, HttpRequest, request},
    random_below,
    service::{ServicePlan, ServiceProcess},
    sse::SseStream,
};

/// The interval at which a page without a stream polls.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How many pages poll in parallel while polling is measured.
const POLLING_PAGES: usize = 10;

/// What an event costs: acknowledged, many at once, and until it is seen.
#[derive(Args)]
pub(crate) struct EventsArgs {
    #[arg(long)]
    pipalhub: PathBuf,
    /// The environment that gunicorn and Flask are in.
    #[arg(long)]
    venv: PathBuf,
    /// The folder of flask_events.py.
    #[arg(long)]
    peer: PathBuf,
    /// How often each is measured, turn by turn.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[arg(long, default_value_t = 64)]
    connections: usize,
}

/// The samples of ours or of the peer.
#[derive(Default, Serialize)]
struct SideReport {
    /// From a POST to its 201, one client, in milliseconds.
    ack_ms: Vec<f64>,
    /// From a POST to its 201 with many connections, in milliseconds.
    crowded_ack_ms: Vec<f64>,
    /// Events a second with many connections, of each round.
    per_second: Vec<f64>,
    /// The share of a core that the side, and the load generator, used meanwhile, of each round.
    cpu_share: Vec<f64>,
    generator_cpu_share: Vec<f64>,
    /// From a POST until a reader has the event, in milliseconds.
    seen_ms: Vec<f64>,
}

#[derive(Serialize)]
struct EventsReport {
    /// Overwriting, as SQLite writes its log once the log has its full length.
    fdatasync_ms: Vec<f64>,
    /// Appending to a file.
    fdatasync_append_ms: Vec<f64>,
    ours: SideReport,
    peer: SideReport,
}

pub(crate) async fn run(args: &EventsArgs) -> anyhow::Result<()> {
    // Beside the build and not in the folder for temporary files, which may be in memory.
    let build = std::env::current_exe()?;
    let build = build.parent().context("the program is in a folder")?;
    let folder = tempfile::Builder::new()
        .prefix("bench-events-")
        .tempdir_in(build)?;
    let pipalhub = std::fs::canonicalize(&args.pipalhub)?;
    let plan = ServicePlan::new(&pipalhub, folder.path())?;
    let service = ServiceProcess::start(&plan).await?;
    let peer = FlaskPeer::start(&args.venv, &args.peer).await?;
    let mut report = EventsReport {
        fdatasync_ms: Vec::new(),
        fdatasync_append_ms: Vec::new(),
        ours: SideReport::default(),
        peer: SideReport::default(),
    };
    // A warm-up, which is not counted.
    one_client(service.address, 2_000, &mut Vec::new()).await?;
    one_client(peer.address, 100, &mut Vec::new()).await?;
    for _ in 0..args.rounds {
        let EventsReport {
            fdatasync_ms,
            fdatasync_append_ms,
            ours,
            peer: theirs,
        } = &mut report;
        // In turns, so that all are measured under the same conditions of the machine.
        for _ in 0..20 {
            disk::overwrite(folder.path(), 50, fdatasync_ms)?;
            one_client(service.address, 50, &mut ours.ack_ms).await?;
            disk::append(folder.path(), 50, fdatasync_append_ms)?;
            one_client(peer.address, 20, &mut theirs.ack_ms).await?;
        }
        let service_cpu = || Ok(service.usage()?.cpu);
        crowd(service.address, args.connections, service_cpu, ours).await?;
        crowd(peer.address, args.connections, || peer.cpu(), theirs).await?;
        by_stream(service.address, 200, &mut ours.seen_ms).await?;
    }
    by_polling(peer.address, 5, &mut report.peer.seen_ms).await?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn post(user: &str) -> HttpRequest {
    let path = format!("/home/{user}/day1.ipynb");
    let body = event::exercise(user, "day1.ipynb", &path);
    request("POST", "/events", SERVICE_TOKEN, Some(&body))
}

async fn one_client(
    address: SocketAddr,
    posts: usize,
    samples: &mut Vec<f64>,
) -> anyhow::Result<()> {
    let mut connection = HttpConnection::open(address).await?;
    let request = post("ana");
    for _ in 0..posts {
        let begun = Instant::now();
        let status = connection.exchange(&request).await?.status;
        samples.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(status == 201, "a post got {status}");
    }
    Ok(())
}

/// Measures how many events all connections together can post in a few seconds.
async fn crowd(
    address: SocketAddr,
    connections: usize,
    cpu: impl Fn() -> anyhow::Result<Duration>,
    side: &mut SideReport,
) -> anyhow::Result<()> {
    const CROWD_TIME: Duration = Duration::from_secs(4);
    let clients = (0..connections).map(async |_| HttpConnection::open(address).await);
    let clients = futures::future::try_join_all(clients).await?;
    let (cpu_before, own_before) = (cpu()?, own_cpu()?);
    let begun = Instant::now();
    let end = begun + CROWD_TIME;
    let posting = clients.into_iter().enumerate().map(|(n, mut connection)| {
        let request = post(&format!("participant-{n}"));
        tokio::spawn(async move {
            let mut samples = Vec::new();
            let mut last = Instant::now();
            while last < end {
                let status = connection.exchange(&request).await?.status;
                ensure!(status == 201, "a post got {status}");
                samples.push(last.elapsed().as_secs_f64() * 1e3);
                last = Instant::now();
            }
            anyhow::Ok(samples)
        })
    });
    let before = side.crowded_ack_ms.len();
    for samples in futures::future::join_all(posting).await {
        side.crowded_ack_ms
            .extend(samples.context("a client has panicked")??);
    }
    let took = begun.elapsed().as_secs_f64();
    let events = side.crowded_ack_ms.len() - before;
    side.per_second.push(events as f64 / took);
    side.cpu_share
        .push((cpu()? - cpu_before).as_secs_f64() / took);
    side.generator_cpu_share
        .push((own_cpu()? - own_before).as_secs_f64() / took);
    Ok(())
}

fn own_cpu() -> anyhow::Result<Duration> {
    let own = rustix::process::getpid();
    Ok(crate::drive::service::ProcessUsage::of(own)?.cpu)
}

/// Measures from a POST to the reader of a stream; one every few milliseconds.
async fn by_stream(
    address: SocketAddr,
    posts: usize,
    samples: &mut Vec<f64>,
) -> anyhow::Result<()> {
    let mut stream = SseStream::open(address, SERVICE_TOKEN, None).await?;
    stream.next().await?.context("no hello")?;
    let mut connection = HttpConnection::open(address).await?;
    let request = post("ben");
    for _ in 0..posts {
        tokio::time::sleep(Duration::from_millis(3)).await;
        let begun = Instant::now();
        let (status, seen) = tokio::join!(
            async { anyhow::Ok(connection.exchange(&request).await?.status) },
            async {
                stream.next().await?.context("the stream has ended")?;
                anyhow::Ok(begun.elapsed())
            }
        );
        let status = status?;
        ensure!(status == 201, "a post got {status}");
        samples.push(seen?.as_secs_f64() * 1e3);
    }
    Ok(())
}

/// Measures from a POST to the answer of a poll that has the event.
async fn by_polling(
    address: SocketAddr,
    posts: usize,
    samples: &mut Vec<f64>,
) -> anyhow::Result<()> {
    let polling = (0..POLLING_PAGES).map(async |n| poll(address, n, posts).await);
    for delays in futures::future::try_join_all(polling).await? {
        samples.extend(delays);
    }
    Ok(())
}

/// One page that polls, and a participant who saves at a random moment.
async fn poll(address: SocketAddr, n: usize, posts: usize) -> anyhow::Result<Vec<f64>> {
    let client = HttpClient {
        address,
        token: SERVICE_TOKEN.to_owned(),
    };
    let user = format!("saver-{n}");
    let path = format!("/events?user={user}");
    let request = post(&user);
    let mut samples = Vec::new();
    let mut next_poll = tokio::time::interval(POLL_INTERVAL);
    for _ in 0..posts {
        next_poll.tick().await;
        let known = client.get(&path).await?.body;
        let some_time = POLL_INTERVAL.mul_f64(random_below(1_000) as f64 / 1_100.0);
        tokio::time::sleep(some_time).await;
        let begun = Instant::now();
        let mut connection = HttpConnection::open(address).await?;
        let status = connection.exchange(&request).await?.status;
        ensure!(status == 201, "a post got {status}");
        next_poll.tick().await;
        let now = client.get(&path).await?.body;
        samples.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(now != known, "a poll did not see the event");
    }
    Ok(samples)
}
