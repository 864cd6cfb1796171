//! `GET /events/stream`: events as they are committed, as server-sent events.
//!
//! A reader is sent the journal from where it left off (`Last-Event-ID`, or `after=` for
//! a reader that cannot set headers), then what is committed from then on. One that
//! falls behind is not queued for: it reads the journal again when it is ready.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Query, State},
    http::{HeaderMap, HeaderName, header},
    response::{
        IntoResponse, Response,
        sse::{Event as Message, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt, stream};
use shared::wire::{Event, StreamHello};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{
    events::{filter_from, take_after},
    openapi::EventQuery,
};
use crate::{
    app::AppState,
    auth::{Identity, Participant},
    error::AppError,
    store::{Committed, EventFilter, StoreError},
    time,
};

/// Proxies cut a stream that is silent for long.
const HEARTBEAT: Duration = Duration::from_secs(8);
/// How many journal entries are read at once.
const PAGE: usize = 500;

/// See the module's words.
#[utoipa::path(get, path = "/events/stream", tag = "events",
    params(EventQuery,
        ("after" = Option<i64>, Query, description = "Resume after this sequence number"),
        ("Last-Event-ID" = Option<i64>, Header, description = "The same; wins")),
    summary = "Events as they are committed, as server-sent events",
    description = "First `hello` (or `reset`, when the past that was asked for is no longer \
        kept) with a StreamHello, then a message for each event with its sequence number as id.",
    responses((status = OK, body = Event, content_type = "text/event-stream")))]
pub(super) async fn stream_events(
    State(state): State<Arc<AppState>>,
    Participant(identity): Participant,
    headers: HeaderMap,
    Query(mut pairs): Query<Vec<(String, String)>>,
) -> Result<Response, AppError> {
    let asked = take_after(&mut pairs)?;
    let filter = filter_from(pairs)?;
    // A browser that reconnects by itself repeats the first address, but with this.
    let asked = last_event_id(&headers).or(asked);
    // Before the journal is looked at, so that nothing falls between the two.
    let live = state.store.subscribe();
    let bounds = state.store.journal_bounds().await?;
    let resumable = |after: i64| (bounds.complete_after..=bounds.newest).contains(&after);
    let (after, greeting) = match asked {
        None => (bounds.newest, "hello"),
        Some(after) if resumable(after) => (after, "hello"),
        Some(_) => (bounds.newest, "reset"),
    };
    let hello = StreamHello {
        cursor: after,
        now_ms: time::now_ms(),
    };
    let first = message(greeting, after, &hello)?;
    let ending = state.ending.clone();
    let reader = Reader {
        state,
        identity,
        filter,
        live,
        seq: after,
        behind: true,
    };
    let messages = stream::once(async { Ok(first) })
        .chain(reader.messages())
        .take_until(async move { ending.cancelled().await });
    let no_buffering = (HeaderName::from_static("x-accel-buffering"), "no");
    let no_store = (header::CACHE_CONTROL, "no-store");
    let sse = Sse::new(messages).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    Ok(([no_buffering, no_store], sse).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Option<i64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

fn message(name: &str, seq: i64, hello: &StreamHello) -> Result<Message, AppError> {
    let message = Message::default()
        .event(name)
        .id(seq.to_string())
        .retry(Duration::from_secs(1));
    message.json_data(hello).map_err(AppError::internal)
}

/// One connection's place in the journal.
struct Reader {
    state: Arc<AppState>,
    identity: Identity,
    filter: EventFilter,
    live: Receiver<Committed>,
    seq: i64,
    /// There may be entries in the journal that were not sent yet.
    behind: bool,
}

impl Reader {
    fn messages(self) -> impl Stream<Item = Result<Message, Infallible>> {
        stream::unfold(self, async |mut reader| {
            let batch = reader.next_batch().await?;
            Some((batch, reader))
        })
        .flat_map(stream::iter)
    }

    /// The next messages, perhaps none; `None` ends the stream, and the browser
    /// reconnects.
    async fn next_batch(&mut self) -> Option<Vec<Result<Message, Infallible>>> {
        let committed = match self.next_committed().await {
            Ok(committed) => committed,
            Err(error) => {
                tracing::warn!(%error, "an event stream ends");
                return None;
            }
        };
        let mut messages = Vec::with_capacity(committed.len());
        for Committed { seq, event } in committed {
            if seq <= self.seq {
                continue;
            }
            self.seq = seq;
            if self.filter.matches(&event) && self.identity.may_see(&event.user) {
                let message = Message::default().id(seq.to_string()).json_data(&event);
                messages.push(Ok(message.expect("an event is JSON")));
            }
        }
        Some(messages)
    }

    async fn next_committed(&mut self) -> Result<Vec<Committed>, StoreError> {
        if self.behind {
            let page = self.state.store.journal_after(self.seq, PAGE).await?;
            self.behind = page.len() == PAGE;
            return Ok(page);
        }
        match self.live.recv().await {
            Ok(committed) => Ok(vec![committed]),
            Err(RecvError::Lagged(_)) => {
                self.behind = true;
                Ok(Vec::new())
            }
            Err(RecvError::Closed) => Err(StoreError::Closed),
        }
    }
}
