//! Server-sent events, as bytes.

use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;
use shared::wire::{BEAT, StreamHello};

use crate::store::CommittedEvent;

/// Keeps a connection in the eyes of proxies: a comment, which readers skip, and for those
/// who want to know that nothing was lost when the next one comes, and that up to `seq`
/// there was nothing more for them: whoever sees little comes back to there all the same.
pub(crate) fn beat(every: Duration, seq: i64) -> Bytes {
    let every = every.as_millis();
    format!(":\nevent: {BEAT}\nid: {seq}\ndata: {every}\n\n").into()
}

/// How soon a browser reconnects by itself, in milliseconds.
const RETRY_MS: u32 = 1_000;

/// How many bytes of frames a reader is given at once, unless one alone is larger. This
/// and what its socket has queued are all that waits for one reader.
pub(crate) const AT_ONCE: usize = 8 << 10;

/// A committed event and how it is sent.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) committed: CommittedEvent,
    pub(crate) frame: Bytes,
}

impl Entry {
    pub(crate) fn new(committed: CommittedEvent) -> Self {
        // JSON of this writer's has no line breaks, which would end the field.
        let data = serde_json::to_string(&committed.event).expect("a struct of strings is JSON");
        let frame = format!("id: {}\ndata: {data}\n\n", committed.seq);
        Self {
            committed,
            frame: frame.into(),
        }
    }
}

/// What a stream begins with, and again when its reader has to begin anew.
pub(crate) fn greeting(name: &str, hello: &StreamHello) -> Bytes {
    let data = serde_json::to_string(hello).expect("a struct of numbers is JSON");
    let cursor = hello.cursor;
    format!("event: {name}\nid: {cursor}\nretry: {RETRY_MS}\ndata: {data}\n\n").into()
}

/// What is no event, and so has no number to resume from.
pub(crate) fn unnumbered(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).expect("what is sent so is plain data");
    format!("event: {name}\ndata: {data}\n\n").into()
}
