//! Keeps one fetched resource up to date: every part of the page that fetches more than once uses
//! a [`Refetcher`]. [`FetchSchedule`] decides when to fetch; the owner decides what an answer
//! means.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api;
use crate::behind::BehindMark;
use crate::clock::jitter_salt;
use crate::model::backoff;
use crate::model::failure::RequestFailure;
use crate::model::fetch_schedule::{FetchPause, FetchSchedule};
use crate::session::SessionHandle;

/// After this long without an answer the part counts as behind; an answer usually takes some
/// hundredths of a second.
pub const LATE_ANSWER_MS: u32 = 4_000;

/// Returns the URL to fetch now; `None` when nothing is chosen.
type AddressFn = Rc<dyn Fn() -> Option<String>>;
/// Takes an answer; returns `false` when it has to be fetched again, because it is older than the
/// last event, or because the failure may pass ([`RequestFailure::may_pass`]).
type AnswerFn = Rc<dyn Fn(Result<String, RequestFailure>) -> bool>;

struct RefetchState {
    schedule: FetchSchedule,
    address: AddressFn,
    on_answer: AnswerFn,
}

/// A handle to the fetching of one resource; belongs to the store or page that shows it.
#[derive(Clone, Copy)]
pub struct Refetcher {
    state: StoredValue<RefetchState, LocalStorage>,
    behind_mark: BehindMark,
    session: SessionHandle,
}

impl Refetcher {
    /// A handle that fetches nothing before [`Refetcher::configure`].
    pub fn new(session: SessionHandle) -> Self {
        Self {
            state: StoredValue::new_local(RefetchState {
                schedule: FetchSchedule::default(),
                address: Rc::new(|| None),
                on_answer: Rc::new(|_| true),
            }),
            behind_mark: BehindMark::start(),
            session,
        }
    }

    /// Sets the URL to fetch and the function that takes the answers.
    pub fn configure(
        self,
        address: impl Fn() -> Option<String> + 'static,
        on_answer: impl Fn(Result<String, RequestFailure>) -> bool + 'static,
    ) {
        self.update(|state| {
            state.address = Rc::new(address);
            state.on_answer = Rc::new(on_answer);
        });
    }

    /// Fetches, because the resource has changed, or may have.
    pub fn refetch(self) {
        self.update(|state| state.schedule.want());
        self.step();
    }

    /// Fetches without a pause, because the cause of earlier failures may be over.
    pub fn refetch_now(self) {
        self.update(|state| {
            state.schedule.skip_pause();
            state.schedule.want();
        });
        self.step();
    }

    /// Fetches another resource from now on.
    pub fn retarget(self) {
        self.update(|state| state.schedule.retarget());
        self.step();
    }

    /// Fetches again after a pause, because a request that followed the answer has failed.
    pub fn followup_failed(self) {
        if let Some(pause) = self.update(|state| state.schedule.followup_failed()) {
            self.pause(pause);
        }
        self.step();
    }

    /// Notes that the answer and the requests that followed it have succeeded.
    pub fn followup_succeeded(self) {
        self.update(|state| state.schedule.followup_succeeded());
    }

    /// Whether a request is running or will start.
    pub fn is_pending(self) -> bool {
        self.update(|state| state.schedule.is_pending()) == Some(true)
    }

    /// Changes the state; `None` when the owner is gone.
    fn update<T>(self, change: impl FnOnce(&mut RefetchState) -> T) -> Option<T> {
        self.state.try_update_value(change)
    }

    fn step(self) {
        let start = self.update(|state| {
            let target = state.schedule.start()?;
            Some((target, state.schedule.request(), Rc::clone(&state.address)))
        });
        self.update_behind();
        let Some(Some((target, request, address))) = start else {
            return;
        };
        let Some(url) = address() else {
            // Nothing is chosen, so nothing is behind.
            self.update(|state| {
                state.schedule.answered(target);
                state.schedule.succeeded();
            });
            self.behind_mark.set(false);
            return;
        };
        spawn_local(async move {
            let answer = api::text(&url, None, "").await;
            self.answered(target, answer);
        });
        spawn_local(async move {
            TimeoutFuture::new(LATE_ANSWER_MS).await;
            self.update(|state| state.schedule.note_late(request));
            self.update_behind();
        });
    }

    /// Sets or clears the mark that the resource is behind.
    fn update_behind(self) {
        self.behind_mark
            .set(self.update(|state| state.schedule.is_behind()) == Some(true));
    }

    fn answered(self, target: u32, answer: Result<String, RequestFailure>) {
        let on_answer = self.update(|state| {
            let is_current = state.schedule.answered(target);
            is_current.then(|| Rc::clone(&state.on_answer))
        });
        let Some(Some(on_answer)) = on_answer else {
            return;
        };
        if let Err(failure) = &answer {
            self.session.note(failure);
        }
        let is_new = on_answer(answer);
        let pause = self.update(|state| {
            if state.schedule.target() != target {
                return None;
            }
            if is_new {
                state.schedule.succeeded();
                return None;
            }
            Some(state.schedule.failed())
        });
        if let Some(Some(pause)) = pause {
            self.pause(pause);
        }
        self.step();
    }

    fn pause(self, pause: FetchPause) {
        spawn_local(async move {
            TimeoutFuture::new(backoff::retry_wait_ms(pause.failures, jitter_salt())).await;
            self.update(|state| state.schedule.end_pause(pause));
            self.step();
        });
    }
}
