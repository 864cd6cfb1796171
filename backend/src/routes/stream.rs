//! `GET /events/stream`: events as they are committed, as server-sent events.
//!
//! A reader is sent the journal from where it left off (`Last-Event-ID`, or `after=` for
//! a reader that cannot set headers), then what is committed from then on. One that
//! falls behind is not queued for: it is given more when it is ready. When what it missed
//! is no longer kept it is told so, by `reset`, and goes on from now. One for whom there is
//! nothing moves on as well: a beat says how far, when it is due and when a part of the past
//! held nothing.
//!
//! In between it says what else is news ([`shared::announcements`] and
//! [`shared::notices::NOTICE_ANNOUNCEMENT`]), since a page has no second connection to wait on. Those have no number of the journal's, so whoever reconnects asks once more.

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
    trust::Trust,
};
use crate::{
    app::AppState,
    auth::Authenticated,
    feed::{Announcement, EncodedEvent, EventsAfter, MAX_BATCH_BYTES, beat, greeting},
    limits::Slot,
    store::{EventFilter, JournalPage, StoreError},
    time,
};

/// How many journal entries are read at once: about what is sent at once.
const PAGE: usize = 50;

/// See the module's words.
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
    somebody: Authenticated,
    headers: HeaderMap,
    Query(mut pairs): Query<Vec<(String, String)>>,
) -> Result<Response, AppError> {
    let asked = take_after(&mut pairs)?;
    let filter = filter_from(pairs)?;
    // A browser that reconnects by itself repeats the first address, but with this.
    let asked = last_event_id(&headers).or(asked);
    let slot = state.limits.stream(&somebody.identity)?;
    let changes = state.feed.changes();
    let announcements = state.announcements.subscribe();
    let (name, seq) = beginning(&state, asked).await?;
    let first = greeting(name, &hello(seq));
    let ending = state.ending.clone();
    let limits = state.limits.settings().streams;
    let somebody = Arc::new(somebody);
    let reader = Reader {
        trust: Trust::new(Arc::clone(&state), Arc::clone(&somebody)),
        state,
        filter: visible_to(&somebody.identity, filter),
        somebody,
        reading: None,
        changes,
        seq,
        announcements,
        silent_until: Instant::now() + limits.heartbeat,
        _slot: slot,
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

/// How a stream begins that was asked to begin after a sequence number, and after which
/// one it does.
async fn beginning(
    state: &AppState,
    asked: Option<i64>,
) -> Result<(&'static str, i64), StoreError> {
    if let Some(after) = asked
        && state.feed.covers(after)
    {
        // It was not away for long, and a class that reconnects all at once does not
        // have to wait for the store.
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
struct Reader {
    state: Arc<AppState>,
    somebody: Arc<Authenticated>,
    /// What it asked for and may see; nothing, when it may see nothing of that.
    filter: Option<EventFilter>,
    /// What comes next of the journal, while it is read.
    reading: Option<BoxFuture<'static, Result<JournalPage, StoreError>>>,
    changes: watch::Receiver<i64>,
    seq: i64,
    announcements: broadcast::Receiver<Arc<Announcement>>,
    /// When it has not said until then where it is, it does.
    silent_until: Instant,
    /// Whether it may still read.
    trust: Trust,
    _slot: Slot,
}

impl Reader {
    fn frames(self) -> impl Stream<Item = Bytes> {
        stream::unfold(self, async |mut reader| {
            let frames = reader.next().await?;
            Some((frames, reader))
        })
    }

    /// What is to be sent next; `None` ends the stream, and the browser reconnects.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.trust.holds().await {
            return None;
        }
        loop {
            // First, so that nothing that it is busy with holds it up.
            if Instant::now() >= self.silent_until {
                return Some(self.beat());
            }
            if let Some(announcement) = self.next_announcement().ok()? {
                return Some(announcement);
            }
            match self.state.feed.after(self.seq) {
                EventsAfter::Events(entries) => {
                    let found = self.visible(entries);
                    if !found.is_empty() {
                        return Some(self.said(found));
                    }
                }
                EventsAfter::NotInMemory => {
                    let reading = self.reading.get_or_insert_with(|| {
                        read_journal(&self.state, self.filter.as_ref(), self.seq)
                    });
                    let page = tokio::select! {
                        page = reading => page,
                        () = sleep_until(self.silent_until) => continue,
                        () = self.trust.lost() => return None,
                    };
                    self.reading = None;
                    return self.found_in_journal(page).await.inspect_err(ends).ok();
                }
                EventsAfter::UpToDate => {
                    let seq = self.seq;
                    let more = async {
                        tokio::select! {
                            more = self.changes.wait_for(|newest| *newest > seq) => {
                                more.is_ok().then_some(None)
                            }
                            announcement = self.announcements.recv() => announcement.ok().map(Some),
                            () = self.trust.lost() => None,
                        }
                    };
                    match timeout_at(self.silent_until, more).await {
                        Ok(Some(Some(announcement))) => {
                            if let Some(frame) = announcement.frame_for(&self.somebody.identity) {
                                return Some(frame);
                            }
                        }
                        // There is more, or a beat is due.
                        Ok(Some(None)) | Err(_) => {}
                        // The service ends, too much was missed, or a right was lost.
                        Ok(None) => return None,
                    }
                }
            }
        }
    }

    /// Where it is, since it was not said by an event's number.
    fn beat(&mut self) -> Bytes {
        let heartbeat = self.state.limits.settings().streams.heartbeat;
        self.said(beat(heartbeat, self.seq))
    }

    /// These frames, which say where it is, are sent.
    fn said(&mut self, frames: Bytes) -> Bytes {
        self.silent_until = Instant::now() + self.state.limits.settings().streams.heartbeat;
        frames
    }

    /// The next announcement that is for this reader, if one waits; an error when some were
    /// missed: the reader then comes back, and asks for everything anew.
    fn next_announcement(&mut self) -> Result<Option<Bytes>, TryRecvError> {
        loop {
            match self.announcements.try_recv() {
                Ok(announcement) => {
                    let frame = announcement.frame_for(&self.somebody.identity);
                    if frame.is_some() {
                        return Ok(frame);
                    }
                }
                Err(TryRecvError::Empty) => return Ok(None),
                Err(missed) => return Err(missed),
            }
        }
    }

    /// The frames of those that this reader asked for and may see, as many as are given at
    /// once; and its new place.
    fn visible(&mut self, entries: impl IntoIterator<Item = Arc<EncodedEvent>>) -> Bytes {
        let mut frames = Bytes::new();
        for entry in entries {
            let event = &entry.committed.event;
            let asked = self
                .filter
                .as_ref()
                .is_some_and(|filter| filter.matches(event));
            if asked && self.somebody.identity.may_see(&event.user) {
                if frames.is_empty() {
                    // Often the only one, and then all readers share its bytes.
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

    /// Some of what is no longer in memory; where it is now, if none of that is for this
    /// reader; or, when it is no longer anywhere, the words that say so.
    async fn found_in_journal(
        &mut self,
        page: Result<JournalPage, StoreError>,
    ) -> Result<Bytes, StoreError> {
        let page = page?;
        if !page.is_whole || page.seen <= self.seq {
            let bounds = self.state.store.journal_bounds().await?;
            self.seq = bounds.newest.max(*self.changes.borrow());
            return Ok(self.said(greeting("reset", &hello(self.seq))));
        }
        let last = page.entries.last().map_or(self.seq, |last| last.seq);
        let found = self.visible(
            page.entries
                .into_iter()
                .map(EncodedEvent::new)
                .map(Arc::new),
        );
        if self.seq == last {
            self.seq = page.seen;
        }
        Ok(if found.is_empty() {
            self.beat()
        } else {
            self.said(found)
        })
    }
}

/// What comes after `seq` in the journal of what matches, or at once the end of it when
/// nothing can.
fn read_journal(
    state: &Arc<AppState>,
    filter: Option<&EventFilter>,
    seq: i64,
) -> BoxFuture<'static, Result<JournalPage, StoreError>> {
    let (state, filter) = (Arc::clone(state), filter.cloned());
    Box::pin(async move {
        match filter {
            Some(filter) => state.store.journal_after(seq, PAGE, filter).await,
            None => Ok(JournalPage {
                entries: Vec::new(),
                seen: state.store.journal_bounds().await?.newest,
                is_whole: true,
            }),
        }
    })
}

fn ends(error: &StoreError) {
    tracing::warn!(%error, "an event stream ends");
}
