//! Readers lose the stream again and again, and must get every event in the end.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;

use super::{FaultSetup, Verdict};
use crate::drive::{
    HANG_TIMEOUT, SERVICE_TOKEN, event,
    http::HttpClient,
    poll_until, random_below,
    service::ServiceProcess,
    sse::{self, SseStream},
};

const READERS: usize = 8;
const WRITERS: usize = 4;

/// The events that one reader has received.
#[derive(Default)]
struct ReceivedEvents {
    seqs: BTreeSet<i64>,
    twice: usize,
    backwards: usize,
    resets: usize,
}

/// The state that the tasks share.
struct ResumeState {
    address: SocketAddr,
    stop: AtomicBool,
    /// The event number at which readers stop, once it is known.
    target: AtomicI64,
    acknowledged: AtomicUsize,
}

pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let restarts = setup.bounded(20, 200);
    let plan = setup.plan()?.at_fixed_port()?;
    let mut service = ServiceProcess::start(&plan).await?;
    let state = Arc::new(ResumeState {
        address: service.address,
        stop: AtomicBool::new(false),
        target: AtomicI64::new(i64::MAX),
        acknowledged: AtomicUsize::new(0),
    });
    let readers = (0..READERS).map(|_| tokio::spawn(read(Arc::clone(&state))));
    let readers: Vec<_> = readers.collect();
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write(writer, Arc::clone(&state))));
    let writers: Vec<_> = writers.collect();
    for restart in 0..restarts {
        sleep(Duration::from_millis(20 + random_below(60))).await;
        if restart % 2 == 0 {
            service.kill().await?;
        } else {
            service.terminate().await?;
        }
        service = ServiceProcess::start(&plan).await?;
    }
    state.stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await?;
    }
    let newest = sse::newest(service.address, SERVICE_TOKEN).await?;
    state.target.store(newest, Ordering::SeqCst);
    // One more event, for readers that have all of them and wait for the next.
    let client = service.client();
    client
        .post("/events", &event::exercise("last", "last", "/last"))
        .await?;
    let all = || readers.iter().all(tokio::task::JoinHandle::is_finished);
    let ended = poll_until(
        "all readers",
        HANG_TIMEOUT,
        async || Ok(all().then_some(())),
    )
    .await;
    let journal = sse::journal_after(service.address, SERVICE_TOKEN, 0).await?;
    let committed: BTreeSet<i64> = journal.iter().map(|(seq, _)| *seq).collect();
    let committed: BTreeSet<i64> = committed.range(..=newest).copied().collect();

    let mut verdict = Verdict::default();
    verdict.must(ended.is_ok(), "a reader does not get to the end");
    let (mut equal, mut reset) = (0, 0);
    for reader in readers {
        if !reader.is_finished() {
            reader.abort();
            continue;
        }
        let mut received = reader.await?;
        received.seqs.retain(|seq| *seq <= newest);
        equal += usize::from(received.seqs == committed);
        reset += usize::from(received.resets > 0);
        let honest = received.seqs == committed || received.resets > 0;
        verdict.must(
            honest,
            format!("a reader has {} events", received.seqs.len()),
        );
        verdict.must(
            received.twice == 0,
            format!("{} came twice", received.twice),
        );
        verdict.must(
            received.backwards == 0,
            format!("{} out of order", received.backwards),
        );
    }
    let acknowledged = state.acknowledged.load(Ordering::SeqCst);
    verdict.must(
        committed.len() >= acknowledged,
        "acknowledged events are missing",
    );
    verdict.figure(format!(
        "{restarts} restarts; {equal} of {READERS} readers have exactly the {} committed events, \
         {reset} were told to reset",
        committed.len()
    ));
    Ok(verdict)
}

async fn read(state: Arc<ResumeState>) -> ReceivedEvents {
    let mut received = ReceivedEvents::default();
    let mut last = 0;
    while last < state.target.load(Ordering::SeqCst) {
        let Ok(mut stream) = SseStream::resume(state.address, SERVICE_TOKEN, last).await else {
            sleep(Duration::from_millis(5)).await;
            continue;
        };
        while let Ok(Some(message)) = stream.next().await {
            if message.name == "reset" {
                received.resets += 1;
            } else if message.event().is_some() {
                received.backwards += usize::from(message.seq <= last);
                received.twice += usize::from(!received.seqs.insert(message.seq));
            }
            last = message.seq;
            if last >= state.target.load(Ordering::SeqCst) {
                break;
            }
        }
    }
    received
}

async fn write(writer: usize, state: Arc<ResumeState>) {
    let client = HttpClient {
        address: state.address,
        token: SERVICE_TOKEN.to_owned(),
    };
    let user = format!("writer-{writer}");
    let mut n = 0;
    while !state.stop.load(Ordering::SeqCst) {
        n += 1;
        let body = event::exercise(&user, &n.to_string(), &format!("/{user}"));
        match client.post("/events", &body).await {
            Ok(reply) if reply.status == 201 => {
                state.acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            // The service is down for a moment.
            _ => sleep(Duration::from_millis(5)).await,
        }
    }
}
