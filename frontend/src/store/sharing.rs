//! What participants may see beyond what is their own, kept up to date by the stream.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::asides::SHARING;
use shared::sharing::{FollowRequest, ShareSummaryRequest, SharingResponse};

use crate::api;
use crate::model::failure::Failure;
use crate::paths;
use crate::session::Session;
use crate::stream::{Message, Stream};

/// A handle; a context.
#[derive(Clone, Copy)]
pub struct SharingStore {
    shared: RwSignal<Arc<SharingResponse>>,
    failed: RwSignal<bool>,
    /// Requests are numbered: the last one that was sent, and the last that was answered.
    requests: StoredValue<(u32, u32)>,
    session: Session,
}

impl SharingStore {
    /// Follows the stream for as long as the page is open.
    pub fn start(stream: Stream, session: Session) -> Self {
        let store = Self {
            shared: RwSignal::default(),
            failed: RwSignal::new(false),
            requests: StoredValue::default(),
            session,
        };
        stream.listen(move |message| match message {
            Message::Aside(SHARING, _) | Message::Opened(_) | Message::Resumed | Message::Reset => {
                store.load()
            }
            _ => {}
        });
        store
    }

    /// All of it, as a signal.
    pub fn now(self) -> Arc<SharingResponse> {
        self.shared.get()
    }

    /// The last change that was asked for could not be made, as a signal.
    pub fn has_failed(self) -> bool {
        self.failed.get()
    }

    /// Lets participants follow a notebook of one's own, or none.
    pub fn follow(self, filename: Option<String>) {
        let body = serde_json::to_string(&FollowRequest { filename });
        self.put(paths::SET_FOLLOWED, body.unwrap_or_default());
    }

    /// Lets participants read a summary, or not.
    pub fn share_summary(self, filename: String, shared: bool) {
        let body = serde_json::to_string(&ShareSummaryRequest { filename, shared });
        self.put(paths::SET_SUMMARY, body.unwrap_or_default());
    }

    fn load(self) {
        let number = self.next();
        spawn_local(async move {
            let answer = api::text(paths::SHARING, None, "").await;
            // What could not be had now comes with the next message.
            self.take(number, answer);
        });
    }

    fn put(self, url: &'static str, body: String) {
        let number = self.next();
        let xsrf = self.session.who_untracked().and_then(|who| who.xsrf);
        spawn_local(async move {
            let answer = api::put(url, body, &xsrf.unwrap_or_default()).await;
            self.failed.set(answer.is_err());
            self.take(number, answer);
        });
    }

    fn next(self) -> u32 {
        let next = self.requests.try_update_value(|(sent, _)| {
            *sent += 1;
            *sent
        });
        next.unwrap_or_default()
    }

    /// An answer to an older request than one that was answered already is out of date.
    fn take(self, number: u32, answer: Result<String, Failure>) {
        match answer.and_then(|body| api::read(&body)) {
            Ok(shared) => {
                let is_new = self.requests.try_update_value(|(_, answered)| {
                    let is_new = number > *answered;
                    *answered = number.max(*answered);
                    is_new
                });
                if is_new == Some(true) && **self.shared.read_untracked() != shared {
                    self.shared.set(Arc::new(shared));
                }
            }
            Err(failure) => self.session.note(&failure),
        }
    }
}
