//! The notebook and the summaries that are shared with participants, kept up to date by the stream.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::announcements::SHARING_KIND;
use shared::sharing::{FollowRequest, ShareSummaryRequest, SharingResponse};

use super::refetcher::Refetcher;
use crate::model::failure::RequestFailure;
use crate::model::order::RequestOrder;
use crate::paths;
use crate::session::SessionHandle;
use crate::stream::{EventStream, StreamMessage};
use crate::{answers, api};

/// A handle to what is shared with participants; a context.
#[derive(Clone, Copy)]
pub struct SharingStore {
    shared: RwSignal<Arc<SharingResponse>>,
    failed: RwSignal<bool>,
    order: StoredValue<RequestOrder>,
    /// The number of the request on its way.
    request: StoredValue<u32>,
    refetcher: Refetcher,
    session: SessionHandle,
}

impl SharingStore {
    /// Starts listening to the stream, for as long as the page is open.
    pub fn start(stream: EventStream, session: SessionHandle) -> Self {
        let store = Self {
            shared: RwSignal::default(),
            failed: RwSignal::new(false),
            order: StoredValue::default(),
            request: StoredValue::default(),
            refetcher: Refetcher::new(session),
            session,
        };
        let ask = move || {
            store.request.set_value(store.begin());
            Some(paths::SHARING.to_owned())
        };
        store.refetcher.configure(ask, move |answer| {
            store.take(store.request.get_value(), answer)
        });
        stream.listen(move |message| match message {
            StreamMessage::Announcement(SHARING_KIND, _) => store.refetcher.refetch(),
            StreamMessage::Opened(_) | StreamMessage::Resumed(_) | StreamMessage::Reset(_) => {
                store.refetcher.refetch_now()
            }
            _ => {}
        });
        store
    }

    /// The current answer, as a signal.
    pub fn current(self) -> Arc<SharingResponse> {
        self.shared.get()
    }

    /// Whether the reader's last change has failed, as a signal.
    pub fn has_failed(self) -> bool {
        self.failed.get()
    }

    /// Lets participants follow a notebook of the signed-in instructor, or none.
    pub fn follow(self, filename: Option<String>) {
        let body = serde_json::to_string(&FollowRequest { filename });
        self.put(paths::SET_FOLLOWED, body.unwrap_or_default());
    }

    /// Sets whether participants may read a summary.
    pub fn share_summary(self, filename: String, shared: bool) {
        let body = serde_json::to_string(&ShareSummaryRequest { filename, shared });
        self.put(paths::SET_SUMMARY, body.unwrap_or_default());
    }

    fn put(self, url: &'static str, body: String) {
        let number = self.begin();
        let xsrf = self.session.who_untracked().and_then(|who| who.xsrf);
        spawn_local(async move {
            let answer = api::put(url, body, &xsrf.unwrap_or_default()).await;
            self.failed.set(answer.is_err());
            self.take(number, answer);
        });
    }

    fn begin(self) -> u32 {
        let number = self.order.try_update_value(RequestOrder::begin);
        number.unwrap_or_default()
    }

    /// Shows an answer unless a newer one is shown; `false` when the failure may pass.
    fn take(self, number: u32, answer: Result<String, RequestFailure>) -> bool {
        match answer.and_then(|body| answers::read::<SharingResponse>(&body)) {
            Ok(shared) => {
                let is_new = self.order.try_update_value(|order| {
                    let is_new = order.is_newer("", number);
                    order.take_all(number);
                    is_new
                });
                if is_new == Some(true) && **self.shared.read_untracked() != shared {
                    self.shared.set(Arc::new(shared));
                }
                true
            }
            Err(failure) => {
                self.session.note(&failure);
                !failure.may_pass()
            }
        }
    }
}
