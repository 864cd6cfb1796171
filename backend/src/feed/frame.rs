//! Server-sent events, as bytes.

use std::time::Duration;

use axum::body::Bytes;
use serde::Serialize;
use shared::wire::{BEAT, StreamHello};

use crate::store::CommittedEvent;

/// A heartbeat, which keeps proxies from closing a silent connection: a comment, which readers
/// skip, and an event that says when the next heartbeat comes. Its id is `seq`, up to which
/// there were no more events for the reader, so that a reader of few events resumes from there.
pub(crate) fn beat(every: Duration, seq: i64) -> Bytes {
    let every = every.as_millis();
    format!(":\nevent: {BEAT}\nid: {seq}\ndata: {every}\n\n").into()
}

/// How soon a browser reconnects by itself, in milliseconds.
const RETRY_MS: u32 = 1_000;

/// Bytes of frames that a reader is given at once, unless one frame alone is larger. These and
/// the bytes queued in its socket are all that is held for one reader.
pub(crate) const MAX_BATCH_BYTES: usize = 8 << 10;

/// A committed event and the bytes in which streams send it.
#[derive(Debug)]
pub(crate) struct EncodedEvent {
    pub(crate) committed: CommittedEvent,
    pub(crate) frame: Bytes,
}

impl EncodedEvent {
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

/// The first frame of a stream, sent again when the reader has to begin anew.
pub(crate) fn greeting(name: &str, hello: &StreamHello) -> Bytes {
    let data = serde_json::to_string(hello).expect("a struct of numbers is JSON");
    let cursor = hello.cursor;
    format!("event: {name}\nid: {cursor}\nretry: {RETRY_MS}\ndata: {data}\n\n").into()
}

/// A frame without a sequence number, from which no reader resumes.
pub(crate) fn unnumbered(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).expect("what is sent so is plain data");
    format!("event: {name}\ndata: {data}\n\n").into()
}
