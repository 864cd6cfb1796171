//! Readers of the stream lose it again and again and must end up with every event.

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

use super::{Lab, Verdict};
use crate::drive::{
    LONG, TOKEN, event,
    http::Client,
    random_below,
    service::Service,
    sse::{self, Stream},
    until,
};

const READERS: usize = 8;
const WRITERS: usize = 4;

/// One reader's view.
#[derive(Default)]
struct Seen {
    seqs: BTreeSet<i64>,
    twice: usize,
    backwards: usize,
    resets: usize,
}

/// What the tasks share.
struct Shared {
    address: SocketAddr,
    stop: AtomicBool,
    /// Where readers may stop, once it is known.
    target: AtomicI64,
    acknowledged: AtomicUsize,
}

pub(super) async fn run(lab: &Lab) -> anyhow::Result<Verdict> {
    let restarts = lab.bounded(20, 200);
    let plan = lab.plan()?.at_fixed_port()?;
    let mut service = Service::start(&plan).await?;
    let shared = Arc::new(Shared {
        address: service.address,
        stop: AtomicBool::new(false),
        target: AtomicI64::new(i64::MAX),
        acknowledged: AtomicUsize::new(0),
    });
    let readers = (0..READERS).map(|_| tokio::spawn(read(Arc::clone(&shared))));
    let readers: Vec<_> = readers.collect();
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write(writer, Arc::clone(&shared))));
    let writers: Vec<_> = writers.collect();
    for restart in 0..restarts {
        sleep(Duration::from_millis(20 + random_below(60))).await;
        if restart % 2 == 0 {
            service.kill().await?;
        } else {
            service.terminate().await?;
        }
        service = Service::start(&plan).await?;
    }
    shared.stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await?;
    }
    let newest = sse::newest(service.address, TOKEN).await?;
    shared.target.store(newest, Ordering::SeqCst);
    // One more, for readers that have all already and wait for the next.
    let client = service.client();
    client
        .post("/events", &event::exercise("last", "last", "/last"))
        .await?;
    let all = || readers.iter().all(tokio::task::JoinHandle::is_finished);
    let ended = until("all readers", LONG, async || Ok(all().then_some(()))).await;
    let journal = sse::journal_after(service.address, TOKEN, 0).await?;
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
        let mut seen = reader.await?;
        seen.seqs.retain(|seq| *seq <= newest);
        equal += usize::from(seen.seqs == committed);
        reset += usize::from(seen.resets > 0);
        let honest = seen.seqs == committed || seen.resets > 0;
        verdict.must(honest, format!("a reader has {} events", seen.seqs.len()));
        verdict.must(seen.twice == 0, format!("{} came twice", seen.twice));
        verdict.must(
            seen.backwards == 0,
            format!("{} out of order", seen.backwards),
        );
    }
    let acknowledged = shared.acknowledged.load(Ordering::SeqCst);
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

async fn read(shared: Arc<Shared>) -> Seen {
    let mut seen = Seen::default();
    let mut last = 0;
    while last < shared.target.load(Ordering::SeqCst) {
        let Ok(mut stream) = Stream::resume(shared.address, TOKEN, last).await else {
            sleep(Duration::from_millis(5)).await;
            continue;
        };
        while let Ok(Some(message)) = stream.next().await {
            if message.name == "reset" {
                seen.resets += 1;
            } else if message.event().is_some() {
                seen.backwards += usize::from(message.seq <= last);
                seen.twice += usize::from(!seen.seqs.insert(message.seq));
            }
            last = message.seq;
            if last >= shared.target.load(Ordering::SeqCst) {
                break;
            }
        }
    }
    seen
}

async fn write(writer: usize, shared: Arc<Shared>) {
    let client = Client {
        address: shared.address,
        token: TOKEN.to_owned(),
    };
    let user = format!("writer-{writer}");
    let mut n = 0;
    while !shared.stop.load(Ordering::SeqCst) {
        n += 1;
        let body = event::exercise(&user, &n.to_string(), &format!("/{user}"));
        match client.post("/events", &body).await {
            Ok(reply) if reply.status == 201 => {
                shared.acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            // Away for a moment.
            _ => sleep(Duration::from_millis(5)).await,
        }
    }
}
