//! `GET /events/stream`: events as they are committed, as server-sent events.
//!
//! A reader gets the journal from where it left off (`Last-Event-ID`, or `after=` for a reader
//! that cannot set headers), then the events committed from then on. Nothing is queued for a
//! reader that falls behind: it gets more when it is ready. When the events it missed are no
//! longer kept it gets a `reset` and goes on from now. A reader that has no events moves on as
//! well: a beat has its new cursor, when a beat is due and when a part of the past held no event
//! for it.
//!
//! In between the stream carries other news ([`shared::announcements`] and
//! [`shared::notices::NOTICE_ANNOUNCEMENT`]), since a page has no second connection to wait on. Those have
//! no sequence number, so a page that reconnects asks for them once more.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, future::BoxFuture, stream};
use shared::wire::{Event, StreamHello};
use tokio::{
    sync::{
        broadcast::{self, error::TryRecvError},
        watch,
    },
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    error::AppError,
    events::{filter_from, take_after, visible_to},
    extract::Query,
    openapi::EventQuery,
    rights_check::RightsCheck,
};
use crate::{
    app::AppState,
    auth::Authenticated,
    feed::{Announcement, EncodedEvent, EventsAfter, MAX_BATCH_BYTES, beat, greeting},
    limits::Slot,
    notices::NoticeListener,
    store::{EventFilter, JournalPage, StoreError},
    time,
};

/// Journal entries read at once: about as many as one frame of bytes holds.
const JOURNAL_PAGE_ENTRIES: usize = 50;

/// `GET /events/stream`
#[utoipa::path(get, path = "/events/stream", tag = "events",
    params(EventQuery,
        ("after" = Option<i64>, Query, description = "Resume after this sequence number"),
        ("Last-Event-ID" = Option<i64>, Header, description = "The same; wins")),
    summary = "Events as they are committed, as server-sent events",
    description = "First `hello` (or `reset`, when the past that was asked for is no longer \
        kept) with a StreamHello, then a message for each event with its sequence number as id. \
        Without id, a `notice` says that there is news at /api/notices, and `built`, `recorded`, \
        `sharing` and `followed` what else is new. A `beat` says that up to its id there was \
        nothing more to say, and in how many milliseconds there is another at the latest.",
    responses((status = OK, body = Event, content_type = "text/event-stream")))]
pub(super) async fn stream_events(
    State(state): State<Arc<AppState>>,
    requester: Authenticated,
    headers: HeaderMap,
    Query(mut pairs): Query<Vec<(String, String)>>,
) -> Result<Response, AppError> {
    let asked = take_after(&mut pairs)?;
    let filter = filter_from(pairs)?;
    // A browser that reconnects by itself repeats the first address, but with this.
    let asked = last_event_id(&headers).or(asked);
    let slot = state.limits.stream(&requester.identity)?;
    let changes = state.feed.changes();
    let announcements = state.announcements.subscribe();
    let (name, seq) = beginning(&state, asked).await?;
    let first = greeting(name, &hello(seq));
    let ending = state.ending.clone();
    let limits = state.limits.settings().streams;
    let requester = Arc::new(requester);
    let listener = state.notices.listeners().listen(&requester.identity.user);
    let reader = StreamReader {
        rights: RightsCheck::new(Arc::clone(&state), Arc::clone(&requester)),
        state,
        filter: visible_to(&requester.identity, filter),
        requester,
        reading: None,
        changes,
        seq,
        announcements,
        next_beat: Instant::now() + limits.heartbeat,
        _slot: slot,
        _listener: listener,
    };
    let frames = stream::once(async { first })
        .chain(reader.frames())
        .map(Ok::<_, Infallible>)
        .take_until(ending.cancelled_owned());
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(frames)).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Option<i64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

/// The name of the first message, `hello` or `reset`, and the sequence number after which the
/// stream begins, given the one that was asked for.
async fn beginning(
    state: &AppState,
    asked: Option<i64>,
) -> Result<(&'static str, i64), StoreError> {
    if let Some(after) = asked
        && state.feed.covers(after)
    {
        // The feed has all events since, so a class that reconnects all at once does not wait
        // for the store.
        return Ok(("hello", after));
    }
    let bounds = state.store.journal_bounds().await?;
    match asked {
        None => Ok(("hello", bounds.newest)),
        Some(after) if (bounds.complete_after..=bounds.newest).contains(&after) => {
            Ok(("hello", after))
        }
        Some(_) => Ok(("reset", bounds.newest)),
    }
}

fn hello(cursor: i64) -> StreamHello {
    StreamHello {
        cursor,
        now_ms: time::now_ms(),
    }
}

/// One connection's place in the journal.
struct StreamReader {
    state: Arc<AppState>,
    requester: Arc<Authenticated>,
    /// The events that it asked for and may see; `None` when it may see none of them.
    filter: Option<EventFilter>,
    /// The next page of the journal, while it is read.
    reading: Option<BoxFuture<'static, Result<JournalPage, StoreError>>>,
    changes: watch::Receiver<i64>,
    seq: i64,
    announcements: broadcast::Receiver<Arc<Announcement>>,
    /// The time of the next beat, unless a message with a sequence number is sent before.
    next_beat: Instant,
    rights: RightsCheck,
    _slot: Slot,
    _listener: NoticeListener,
}

impl StreamReader {
    fn frames(self) -> impl Stream<Item = Bytes> {
        stream::unfold(self, async |mut reader| {
            let frames = reader.next().await?;
            Some((frames, reader))
        })
    }

    /// The frames to send next; `None` ends the stream, and the browser reconnects.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.rights.holds().await {
            return None;
        }
        loop {
            // Before all other work, so that a beat is never late.
            if Instant::now() >= self.next_beat {
                return Some(self.beat());
            }
            if let Some(announcement) = self.next_announcement().ok()? {
                return Some(announcement);
            }
            match self.state.feed.after(self.seq) {
                EventsAfter::Events(entries) => {
                    let frames = self.visible(entries);
                    if !frames.is_empty() {
                        return Some(self.with_cursor(frames));
                    }
                }
                EventsAfter::NotInMemory => {
                    let reading = self.reading.get_or_insert_with(|| {
                        read_journal(&self.state, self.filter.as_ref(), self.seq)
                    });
                    let page = tokio::select! {
                        page = reading => page,
                        () = sleep_until(self.next_beat) => continue,
                        () = self.rights.lost() => return None,
                    };
                    self.reading = None;
                    return self.frames_of(page).await.inspect_err(log_end).ok();
                }
                EventsAfter::UpToDate => {
                    let seq = self.seq;
                    let more = async {
                        tokio::select! {
                            more = self.changes.wait_for(|newest| *newest > seq) => {
                                more.is_ok().then_some(None)
                            }
                            announcement = self.announcements.recv() => announcement.ok().map(Some),
                            () = self.rights.lost() => None,
                        }
                    };
                    match timeout_at(self.next_beat, more).await {
                        Ok(Some(Some(announcement))) => {
                            if let Some(frame) = announcement.frame_for(&self.requester.identity) {
                                return Some(frame);
                            }
                        }
                        // There are more events, or a beat is due.
                        Ok(Some(None)) | Err(_) => {}
                        // The service ends, the reader missed announcements, or a right was lost.
                        Ok(None) => return None,
                    }
                }
            }
        }
    }

    /// A message that has the reader's cursor and no event.
    fn beat(&mut self) -> Bytes {
        let heartbeat = self.state.limits.settings().streams.heartbeat;
        self.with_cursor(beat(heartbeat, self.seq))
    }

    /// These frames, which have the reader's cursor, so that the next beat is put off.
    fn with_cursor(&mut self, frames: Bytes) -> Bytes {
        self.next_beat = Instant::now() + self.state.limits.settings().streams.heartbeat;
        frames
    }

    /// The next announcement that is for this reader, if one waits; an error when the reader missed
    /// some, so that it reconnects and asks for everything anew.
    fn next_announcement(&mut self) -> Result<Option<Bytes>, TryRecvError> {
        loop {
            match self.announcements.try_recv() {
                Ok(announcement) => {
                    let frame = announcement.frame_for(&self.requester.identity);
                    if frame.is_some() {
                        return Ok(frame);
                    }
                }
                Err(TryRecvError::Empty) => return Ok(None),
                Err(missed) => return Err(missed),
            }
        }
    }

    /// The frames of the entries that this reader asked for and may see, as many as are sent at
    /// once; moves its cursor on.
    fn visible(&mut self, entries: impl IntoIterator<Item = Arc<EncodedEvent>>) -> Bytes {
        let mut frames = Bytes::new();
        for entry in entries {
            let event = &entry.committed.event;
            let asked = self
                .filter
                .as_ref()
                .is_some_and(|filter| filter.matches(event));
            if asked && self.requester.identity.may_see(&event.user) {
                if frames.is_empty() {
                    // Not copied: it is often the only one, and then all readers share its bytes.
                    frames = entry.frame.clone();
                } else if frames.len() + entry.frame.len() <= MAX_BATCH_BYTES {
                    frames = [&frames[..], &entry.frame].concat().into();
                } else {
                    break;
                }
            }
            self.seq = entry.committed.seq;
        }
        frames
    }

    /// The frames of a page of the journal; a beat, if none of its events is for this reader; or
    /// a `reset`, when the journal no longer has the events after the reader's cursor.
    async fn frames_of(
        &mut self,
        page: Result<JournalPage, StoreError>,
    ) -> Result<Bytes, StoreError> {
        let page = page?;
        if !page.is_whole || page.seen <= self.seq {
            let bounds = self.state.store.journal_bounds().await?;
            self.seq = bounds.newest.max(*self.changes.borrow());
            return Ok(self.with_cursor(greeting("reset", &hello(self.seq))));
        }
        let last = page.entries.last().map_or(self.seq, |last| last.seq);
        let frames = self.visible(
            page.entries
                .into_iter()
                .map(EncodedEvent::new)
                .map(Arc::new),
        );
        if self.seq == last {
            self.seq = page.seen;
        }
        Ok(if frames.is_empty() {
            self.beat()
        } else {
            self.with_cursor(frames)
        })
    }
}

/// The page of the journal after `seq` with the entries that match `filter`; without a filter
/// nothing matches, and the page is empty and ends at the newest entry.
fn read_journal(
    state: &Arc<AppState>,
    filter: Option<&EventFilter>,
    seq: i64,
) -> BoxFuture<'static, Result<JournalPage, StoreError>> {
    let (state, filter) = (Arc::clone(state), filter.cloned());
    Box::pin(async move {
        match filter {
            Some(filter) => {
                let entries = JOURNAL_PAGE_ENTRIES;
                state.store.journal_after(seq, entries, filter).await
            }
            None => Ok(JournalPage {
                entries: Vec::new(),
                seen: state.store.journal_bounds().await?.newest,
                is_whole: true,
            }),
        }
    })
}

fn log_end(error: &StoreError) {
    tracing::warn!(%error, "an event stream ends");
}
