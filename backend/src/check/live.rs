//! The dashboard's live stream: when its first byte comes, and when each save is seen.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::{StatusCode, header::CONTENT_ENCODING};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use parking_lot::Mutex;
use shared::wire::{Event, SAVE_NOTEBOOK};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{timeout, timeout_at},
};

use super::{browser::Browser, trouble::Trouble};

/// A proxy that buffers holds the first event back until more has come, which takes longer.
const FIRST_EVENT_PATIENCE: Duration = Duration::from_secs(5);
const HELD_BACK: &str = "A proxy on the way holds it back, and pages change late or not at all: \
                         proxy_buffering off and gzip off in nginx, as `pipalhub nginx-site` has \
                         it.";
/// What is kept of a line that does not end.
const MAX_LINE_BYTES: usize = 1 << 20;

/// The saves that the stream has told of, and when.
#[derive(Default)]
struct SeenSaves {
    saves: Mutex<BTreeMap<(String, String), Instant>>,
    changed: Notify,
}

/// An open stream, which is read until this is dropped.
pub(super) struct LiveStream {
    seen: Arc<SeenSaves>,
    reading: JoinHandle<()>,
}

impl Drop for LiveStream {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl LiveStream {
    /// Opens the stream at `path`; the time is until its first event came.
    pub(super) async fn open(browser: &Browser, path: &str) -> Result<(Self, Duration), Trouble> {
        let begun = Instant::now();
        // A buffering proxy sends no head either before it has something to send.
        let opening = async {
            let answer = browser.stream(path).await?;
            if answer.status() != StatusCode::OK {
                return Err(Trouble::new(
                    format!("the live stream is refused with {}", answer.status()),
                    "The dashboard's log says more: pages do not change by themselves without it.",
                ));
            }
            if answer.headers().contains_key(CONTENT_ENCODING) {
                return Err(Trouble::new(
                    "the live stream is compressed on the way",
                    HELD_BACK,
                ));
            }
            let mut body = answer.into_body();
            let first = body.frame().await;
            Ok((body, first))
        };
        let Ok(opened) = timeout(FIRST_EVENT_PATIENCE, opening).await else {
            return Err(Trouble::new(
                format!(
                    "the live stream sends nothing within {} s",
                    FIRST_EVENT_PATIENCE.as_secs()
                ),
                HELD_BACK,
            ));
        };
        let (body, first) = opened?;
        let Some(Ok(first)) = first else {
            return Err(Trouble::new(
                "the live stream ends at once",
                "The dashboard's log says more.",
            ));
        };
        let time = begun.elapsed();
        let seen = Arc::new(SeenSaves::default());
        let begin = first.into_data().unwrap_or_default().to_vec();
        let reading = tokio::spawn(read(body, begin, seen.clone()));
        Ok((Self { seen, reading }, time))
    }

    /// When the save of this notebook was seen, and what the dashboard calls it; `None` when it is
    /// not seen before `deadline`. A server may show a folder of the home only, so its path here
    /// may be a longer one.
    pub(super) async fn save_of(
        &self,
        user: &str,
        filename: &str,
        deadline: Instant,
    ) -> Option<(Instant, String)> {
        let below = format!("/{filename}");
        let is_it = |(of, name): &(String, String)| {
            of == user && (name == filename || name.ends_with(&below))
        };
        loop {
            let changed = self.seen.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let found = {
                let saves = self.seen.saves.lock();
                let mut saves = saves.iter();
                saves.find_map(|(key, at)| is_it(key).then(|| (*at, key.1.clone())))
            };
            if found.is_some() {
                return found;
            }
            timeout_at(deadline.into(), changed).await.ok()?;
        }
    }
}

async fn read(mut body: Incoming, begin: Vec<u8>, seen: Arc<SeenSaves>) {
    let mut unread = begin;
    loop {
        take_lines(&mut unread, &seen);
        match body.frame().await {
            Some(Ok(frame)) => unread.extend(frame.into_data().unwrap_or_default()),
            Some(Err(_)) | None => return,
        }
    }
}

/// Notes the saves in the whole lines that are there, and leaves the rest.
fn take_lines(unread: &mut Vec<u8>, seen: &SeenSaves) {
    let Some(end) = unread.iter().rposition(|byte| *byte == b'\n') else {
        if unread.len() > MAX_LINE_BYTES {
            unread.clear();
        }
        return;
    };
    let rest = unread.split_off(end + 1);
    let text = String::from_utf8_lossy(unread).into_owned();
    *unread = rest;
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let events = data.filter_map(|data| serde_json::from_str::<Event>(data.trim_start()).ok());
    let saves = events.filter(|event| event.kind == SAVE_NOTEBOOK);
    for save in saves {
        let key = (save.user, save.filename);
        let mut known = seen.saves.lock();
        known.entry(key).or_insert_with(Instant::now);
    }
    seen.changed.notify_waiters();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saves_are_found_in_whatever_pieces_the_stream_comes() {
        let seen = SeenSaves::default();
        let text = "event: hello\ndata: {\"cursor\": 1}\n\nid: 7\ndata: {\"id\": 7, \"type\": \
                    \"save-notebook\", \"user\": \"ana\", \"filename\": \"a.ipynb\", \"path\": \
                    \"/home/ana/a.ipynb\", \"timestamp\": \"2026-11-30T02:00:00Z\"}\n\n";
        let mut unread = Vec::new();
        for byte in text.bytes() {
            unread.push(byte);
            take_lines(&mut unread, &seen);
        }
        let saves = seen.saves.lock();
        let keys: Vec<_> = saves.keys().cloned().collect();
        assert_eq!(keys, [("ana".to_owned(), "a.ipynb".to_owned())]);
        assert!(unread.is_empty());
    }
}
