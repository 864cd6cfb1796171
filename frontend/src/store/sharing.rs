//! What participants may see beyond what is their own, kept up to date by the stream.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::announcements::SHARING_KIND;
use shared::sharing::{FollowRequest, ShareSummaryRequest, SharingResponse};

use super::upkeep::Upkeep;
use crate::api;
use crate::model::failure::Failure;
use crate::model::order::Order;
use crate::paths;
use crate::session::Session;
use crate::stream::{Message, Stream};

/// A handle; a context.
#[derive(Clone, Copy)]
pub struct SharingStore {
    shared: RwSignal<Arc<SharingResponse>>,
    failed: RwSignal<bool>,
    order: StoredValue<Order>,
    /// The number of the request for all of it.
    asked: StoredValue<u32>,
    upkeep: Upkeep,
    session: Session,
}

impl SharingStore {
    /// Follows the stream for as long as the page is open.
    pub fn start(stream: Stream, session: Session) -> Self {
        let store = Self {
            shared: RwSignal::default(),
            failed: RwSignal::new(false),
            order: StoredValue::default(),
            asked: StoredValue::default(),
            upkeep: Upkeep::new(session),
            session,
        };
        let ask = move || {
            store.asked.set_value(store.begin());
            Some(paths::SHARING.to_owned())
        };
        store.upkeep.serve(ask, move |answer| {
            store.take(store.asked.get_value(), answer)
        });
        stream.listen(move |message| match message {
            Message::Aside(SHARING_KIND, _) => store.upkeep.want(),
            Message::Opened(_) | Message::Resumed(_) | Message::Reset(_) => store.upkeep.now(),
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
        let number = self.order.try_update_value(Order::begin);
        number.unwrap_or_default()
    }

    /// What an answer says is shown, unless something newer is; `false` when it may be another
    /// later.
    fn take(self, number: u32, answer: Result<String, Failure>) -> bool {
        match answer.and_then(|body| api::read(&body)) {
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
