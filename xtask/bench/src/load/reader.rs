//! A reader of the event stream that logs the saves that it sees.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use jiff::Timestamp;

use super::participant::SaveId;
use crate::drive::{
    hub::{INSTRUCTOR, token_of},
    now_us,
    sse::{ReceivedEvent, SseStream},
};

/// The saves that a reader has seen.
#[derive(Default)]
pub(super) struct ReaderLog {
    /// Each save, and the milliseconds from the save until it was seen.
    pub(super) seen: HashMap<SaveId, f64>,
    pub(super) twice: usize,
    pub(super) unordered: usize,
    last: i64,
}

pub(super) struct LoadReader {
    log: Arc<Mutex<ReaderLog>>,
}

impl LoadReader {
    /// Opens a stream as instructor number `n`.
    pub(super) async fn open(address: SocketAddr, n: usize) -> anyhow::Result<Self> {
        let token = token_of(&format!("{INSTRUCTOR}-{n}"));
        let mut stream = SseStream::open(address, &token, None).await?;
        stream.next().await?.context("the stream said nothing")?;
        let log = Arc::new(Mutex::new(ReaderLog::default()));
        let shared = Arc::clone(&log);
        tokio::spawn(async move {
            // The stream ends with the service; missing saves are counted then.
            while let Ok(Some(message)) = stream.next().await {
                let now = now_us();
                if let Some(received) = message.event() {
                    lock(&shared).record(message.seq, &received, now);
                }
            }
        });
        Ok(Self { log })
    }

    pub(super) fn log(&self) -> MutexGuard<'_, ReaderLog> {
        lock(&self.log)
    }

    pub(super) fn has_all(&self, saves: &HashSet<SaveId>) -> bool {
        let log = self.log();
        saves.iter().all(|save| log.seen.contains_key(save))
    }
}

fn lock(log: &Mutex<ReaderLog>) -> MutexGuard<'_, ReaderLog> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ReaderLog {
    fn record(&mut self, seq: i64, received: &ReceivedEvent, now_us: i64) {
        self.unordered += usize::from(seq <= self.last);
        self.last = seq;
        let saved = received.timestamp.parse::<Timestamp>();
        let saved_us = saved.map(Timestamp::as_microsecond).unwrap_or_default();
        let delay_ms = (now_us - saved_us) as f64 / 1e3;
        let before = self
            .seen
            .insert((received.user.clone(), saved_us), delay_ms);
        self.twice += usize::from(before.is_some());
    }
}
