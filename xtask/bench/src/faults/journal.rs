//! Who was told what: what writers posted and were promised, what readers were shown, held
//! against what the journal has afterwards.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::JoinHandle;

use crate::drive::{
    TOKEN, event,
    http::{Connection, request},
    sse::{Stream, Told},
};

/// How many writers post at the same time.
pub(super) const WRITERS: usize = 16;

/// What one event is known by: its user and filename.
pub(super) type Name = (String, String);

/// What happened while a service ran.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) sent: HashSet<Name>,
    pub(super) acknowledged: HashSet<Name>,
    pub(super) refused: usize,
    pub(super) shown: Vec<(i64, Name)>,
}

/// Writers and a reader at work until the service goes.
pub(super) struct Work {
    heard: Arc<Mutex<Heard>>,
    writers: Vec<JoinHandle<()>>,
    reader: JoinHandle<()>,
}

impl Work {
    /// `round` makes names that no other work has.
    pub(super) async fn begin(address: SocketAddr, round: usize) -> anyhow::Result<Self> {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let stream = Stream::open(address, TOKEN, None).await?;
        let reader = tokio::spawn(read(stream, Arc::clone(&heard)));
        let writers = (0..WRITERS).map(|writer| {
            let heard = Arc::clone(&heard);
            // It ends with the service, which is what is meant to happen.
            tokio::spawn(async move { drop(write(address, writer, round, &heard).await) })
        });
        let writers = writers.collect();
        Ok(Self {
            heard,
            writers,
            reader,
        })
    }

    /// Waits until everybody has noticed that the service is gone.
    pub(super) async fn end(self) -> Heard {
        for writer in self.writers {
            let _ = writer.await;
        }
        let _ = self.reader.await;
        std::mem::take(&mut *lock(&self.heard))
    }
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write(
    address: SocketAddr,
    writer: usize,
    round: usize,
    heard: &Mutex<Heard>,
) -> anyhow::Result<()> {
    let user = format!("writer-{writer}");
    // A new path each round, so that ids are given out in each.
    let path = format!("/{user}/{round}.ipynb");
    let mut connection = Connection::open(address).await?;
    for n in 0.. {
        let name = (user.clone(), format!("{round}-{n}.ipynb"));
        let body = event::exercise(&user, &name.1, &path);
        let request = request("POST", "/events", TOKEN, Some(&body));
        lock(heard).sent.insert(name.clone());
        let status = connection.exchange(&request).await?.status;
        if status == 201 {
            lock(heard).acknowledged.insert(name);
        } else {
            lock(heard).refused += 1;
        }
    }
    Ok(())
}

async fn read(mut stream: Stream, heard: Arc<Mutex<Heard>>) {
    while let Ok(Some(message)) = stream.next().await {
        if let Some(told) = message.event() {
            lock(&heard).shown.push((message.seq, name_of(&told)));
        }
    }
}

fn name_of(told: &Told) -> Name {
    (told.user.clone(), told.filename.clone())
}

/// What was promised and not kept, summed up over all rounds.
#[derive(Default)]
pub(super) struct Account {
    pub(super) sent: usize,
    pub(super) acknowledged: usize,
    pub(super) shown: usize,
    pub(super) stored: usize,
    pub(super) refused: usize,
    /// Acknowledged and not in the journal.
    pub(super) missing: usize,
    /// Shown on the stream and not in the journal under that number.
    pub(super) phantoms: usize,
    /// In the journal twice, or never posted.
    pub(super) strange: usize,
    /// Ids or sequence numbers given out twice.
    pub(super) reused: usize,
    /// Stored, and whoever posted it had no answer.
    pub(super) unanswered: usize,
    path_of_id: HashMap<i64, String>,
    /// Where the journal has been read to.
    pub(super) newest: i64,
}

impl Account {
    /// Holds what was heard in one round against the journal since the round before.
    pub(super) fn settle(&mut self, heard: &Heard, journal: &[(i64, Told)]) {
        let mut stored = HashSet::new();
        let mut by_seq = HashMap::new();
        for (seq, told) in journal {
            let name = name_of(told);
            if !heard.sent.contains(&name) || !stored.insert(name.clone()) {
                self.strange += 1;
            }
            if *seq <= self.newest {
                self.reused += 1;
            }
            self.newest = self.newest.max(*seq);
            let key = format!("{} {}", told.user, told.path);
            if self
                .path_of_id
                .entry(told.id)
                .or_insert_with(|| key.clone())
                != &key
            {
                self.reused += 1;
            }
            by_seq.insert(*seq, name);
        }
        self.sent += heard.sent.len();
        self.acknowledged += heard.acknowledged.len();
        self.refused += heard.refused;
        self.shown += heard.shown.len();
        self.stored += stored.len();
        self.missing += heard.acknowledged.difference(&stored).count();
        self.unanswered += stored.difference(&heard.acknowledged).count();
        let phantom = |(seq, name): &&(i64, Name)| by_seq.get(seq) != Some(name);
        self.phantoms += heard.shown.iter().filter(phantom).count();
    }
}
