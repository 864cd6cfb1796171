//! A reader of the event stream that keeps book of what it sees.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use jiff::Timestamp;

use super::participant::Save;
use crate::drive::{
    hub::{INSTRUCTOR, token_of},
    now_us,
    sse::{Stream, Told},
};

/// What a reader has seen.
#[derive(Default)]
pub(super) struct Book {
    /// Each save, and how long after it, in milliseconds, it was seen first.
    pub(super) seen: HashMap<Save, f64>,
    pub(super) twice: usize,
    pub(super) unordered: usize,
    last: i64,
}

pub(super) struct Reader {
    book: Arc<Mutex<Book>>,
}

impl Reader {
    /// Opens a stream as an instructor's page does, each instructor another.
    pub(super) async fn open(address: SocketAddr, n: usize) -> anyhow::Result<Self> {
        let token = token_of(&format!("{INSTRUCTOR}-{n}"));
        let mut stream = Stream::open(address, &token, None).await?;
        stream.next().await?.context("the stream said nothing")?;
        let book = Arc::new(Mutex::new(Book::default()));
        let shared = Arc::clone(&book);
        tokio::spawn(async move {
            // It ends with the service; what is missing then is counted.
            while let Ok(Some(message)) = stream.next().await {
                let now = now_us();
                if let Some(told) = message.event() {
                    lock(&shared).enter(message.seq, &told, now);
                }
            }
        });
        Ok(Self { book })
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    pub(super) fn has_all(&self, saves: &HashSet<Save>) -> bool {
        let book = self.book();
        saves.iter().all(|save| book.seen.contains_key(save))
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Book {
    fn enter(&mut self, seq: i64, told: &Told, now_us: i64) {
        self.unordered += usize::from(seq <= self.last);
        self.last = seq;
        let saved = told.timestamp.parse::<Timestamp>();
        let saved_us = saved.map(Timestamp::as_microsecond).unwrap_or_default();
        let delay_ms = (now_us - saved_us) as f64 / 1e3;
        let before = self.seen.insert((told.user.clone(), saved_us), delay_ms);
        self.twice += usize::from(before.is_some());
    }
}
