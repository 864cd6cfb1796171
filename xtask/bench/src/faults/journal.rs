//! Compares the posts and acknowledgements of writers, and the events that readers saw, with the
//! journal afterwards.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::JoinHandle;

use crate::drive::{
    SERVICE_TOKEN, event,
    http::{HttpConnection, request},
    sse::{ReceivedEvent, SseStream},
};

/// How many writers post at the same time.
pub(super) const WRITERS: usize = 16;

/// The user and filename that identify an event.
pub(super) type EventName = (String, String);

/// The posts, answers and shown events of one round, while a service ran.
#[derive(Default)]
pub(super) struct RoundLog {
    pub(super) sent: HashSet<EventName>,
    pub(super) acknowledged: HashSet<EventName>,
    pub(super) refused: usize,
    pub(super) shown: Vec<(i64, EventName)>,
}

/// Writers and a reader that run until the service ends.
pub(super) struct RunningClients {
    log: Arc<Mutex<RoundLog>>,
    writers: Vec<JoinHandle<()>>,
    reader: JoinHandle<()>,
}

impl RunningClients {
    /// Starts the clients; `round` makes their event names unique.
    pub(super) async fn begin(address: SocketAddr, round: usize) -> anyhow::Result<Self> {
        let log = Arc::new(Mutex::new(RoundLog::default()));
        let stream = SseStream::open(address, SERVICE_TOKEN, None).await?;
        let reader = tokio::spawn(read(stream, Arc::clone(&log)));
        let writers = (0..WRITERS).map(|writer| {
            let log = Arc::clone(&log);
            // The writer ends with an error when the service ends, as expected.
            tokio::spawn(async move { drop(write(address, writer, round, &log).await) })
        });
        let writers = writers.collect();
        Ok(Self {
            log,
            writers,
            reader,
        })
    }

    /// Waits until all clients have noticed that the service has ended.
    pub(super) async fn end(self) -> RoundLog {
        for writer in self.writers {
            let _ = writer.await;
        }
        let _ = self.reader.await;
        std::mem::take(&mut *lock(&self.log))
    }
}

fn lock(log: &Mutex<RoundLog>) -> std::sync::MutexGuard<'_, RoundLog> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write(
    address: SocketAddr,
    writer: usize,
    round: usize,
    log: &Mutex<RoundLog>,
) -> anyhow::Result<()> {
    let user = format!("writer-{writer}");
    // A new path in each round, so that the service assigns new ids.
    let path = format!("/{user}/{round}.ipynb");
    let mut connection = HttpConnection::open(address).await?;
    for n in 0.. {
        let name = (user.clone(), format!("{round}-{n}.ipynb"));
        let body = event::exercise(&user, &name.1, &path);
        let request = request("POST", "/events", SERVICE_TOKEN, Some(&body));
        lock(log).sent.insert(name.clone());
        let status = connection.exchange(&request).await?.status;
        if status == 201 {
            lock(log).acknowledged.insert(name);
        } else {
            lock(log).refused += 1;
        }
    }
    Ok(())
}

async fn read(mut stream: SseStream, log: Arc<Mutex<RoundLog>>) {
    while let Ok(Some(message)) = stream.next().await {
        if let Some(received) = message.event() {
            lock(&log).shown.push((message.seq, name_of(&received)));
        }
    }
}

fn name_of(received: &ReceivedEvent) -> EventName {
    (received.user.clone(), received.filename.clone())
}

/// The broken promises of all rounds.
#[derive(Default)]
pub(super) struct JournalAudit {
    pub(super) sent: usize,
    pub(super) acknowledged: usize,
    pub(super) shown: usize,
    pub(super) stored: usize,
    pub(super) refused: usize,
    /// Events acknowledged and not in the journal.
    pub(super) missing: usize,
    /// Events shown on the stream and not in the journal under that number.
    pub(super) phantoms: usize,
    /// Events in the journal twice, or never posted.
    pub(super) unexpected: usize,
    /// Ids or sequence numbers that were assigned twice.
    pub(super) reused: usize,
    /// Events stored whose writer got no answer.
    pub(super) unanswered: usize,
    path_of_id: HashMap<i64, String>,
    /// The sequence number up to which the journal was read.
    pub(super) newest: i64,
}

impl JournalAudit {
    /// Compares the log of one round with the journal since the round before.
    pub(super) fn check_round(&mut self, log: &RoundLog, journal: &[(i64, ReceivedEvent)]) {
        let mut stored = HashSet::new();
        let mut by_seq = HashMap::new();
        for (seq, received) in journal {
            let name = name_of(received);
            if !log.sent.contains(&name) || !stored.insert(name.clone()) {
                self.unexpected += 1;
            }
            if *seq <= self.newest {
                self.reused += 1;
            }
            self.newest = self.newest.max(*seq);
            let key = format!("{} {}", received.user, received.path);
            if self
                .path_of_id
                .entry(received.id)
                .or_insert_with(|| key.clone())
                != &key
            {
                self.reused += 1;
            }
            by_seq.insert(*seq, name);
        }
        self.sent += log.sent.len();
        self.acknowledged += log.acknowledged.len();
        self.refused += log.refused;
        self.shown += log.shown.len();
        self.stored += stored.len();
        self.missing += log.acknowledged.difference(&stored).count();
        self.unanswered += stored.difference(&log.acknowledged).count();
        let phantom = |(seq, name): &&(i64, EventName)| by_seq.get(seq) != Some(name);
        self.phantoms += log.shown.iter().filter(phantom).count();
    }
}
