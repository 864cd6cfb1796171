//! Keeping what was fetched up to date: one way for everything that the page asks for again
//! and again. When to ask is [`Fetch`]'s to say; what an answer means is the owner's.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api;
use crate::clock::monotonic_ms;
use crate::model::backoff;
use crate::model::failure::Failure;
use crate::model::fetch::{Fetch, Pause};
use crate::session::Session;

/// How many things on this page may be older than they should be, because asking for them
/// fails; a context.
#[derive(Clone, Copy, Default)]
pub struct Behind(RwSignal<u32>);

impl Behind {
    /// Whether anything is, as a signal.
    pub fn any(self) -> bool {
        self.0.get() > 0
    }
}

/// One thing that may be [`Behind`]; belongs to whatever shows it.
#[derive(Clone, Copy)]
pub struct Lag {
    behind: Behind,
    counted: StoredValue<bool>,
}

impl Lag {
    /// It is not yet.
    pub fn start() -> Self {
        let lag = Self {
            behind: expect_context(),
            counted: StoredValue::new(false),
        };
        on_cleanup(move || lag.set(false));
        lag
    }

    /// Whether it is.
    pub fn set(self, behind: bool) {
        let before = self
            .counted
            .try_update_value(|counted| std::mem::replace(counted, behind));
        // `None`: its owner is gone.
        if before == Some(!behind) {
            self.behind.0.try_update(|count| {
                *count = match behind {
                    true => count.saturating_add(1),
                    false => count.saturating_sub(1),
                };
            });
        }
    }
}

/// An answer takes some hundredths of a second; what takes so long is told.
pub const LATE_MS: u32 = 4_000;

/// The address to ask now; none when nothing is chosen.
type Ask = Rc<dyn Fn() -> Option<String>>;
/// Takes what came in; `false` when it has to come again, because it is older than what was
/// heard of or may be another later ([`Failure::may_pass`]).
type Take = Rc<dyn Fn(Result<String, Failure>) -> bool>;

struct Inner {
    fetch: Fetch,
    ask: Ask,
    take: Take,
}

/// A handle; belongs to whatever shows the thing.
#[derive(Clone, Copy)]
pub struct Upkeep {
    inner: StoredValue<Inner, LocalStorage>,
    lag: Lag,
    session: Session,
}

impl Upkeep {
    /// Nothing is asked for before [`Upkeep::serve`].
    pub fn new(session: Session) -> Self {
        Self {
            inner: StoredValue::new_local(Inner {
                fetch: Fetch::default(),
                ask: Rc::new(|| None),
                take: Rc::new(|_| true),
            }),
            lag: Lag::start(),
            session,
        }
    }

    /// What is asked, and what is done with the answers.
    pub fn serve(
        self,
        ask: impl Fn() -> Option<String> + 'static,
        take: impl Fn(Result<String, Failure>) -> bool + 'static,
    ) {
        self.update(|inner| {
            inner.ask = Rc::new(ask);
            inner.take = Rc::new(take);
        });
    }

    /// It has changed, or may have.
    pub fn want(self) {
        self.update(|inner| inner.fetch.want());
        self.step();
    }

    /// The same, and what made it fail may be over.
    pub fn now(self) {
        self.update(|inner| {
            inner.fetch.hurry();
            inner.fetch.want();
        });
        self.step();
    }

    /// Another thing is meant from now on.
    pub fn retarget(self) {
        self.update(|inner| inner.fetch.retarget());
        self.step();
    }

    /// What came was of no use, because something failed that was to follow: it is asked for
    /// again, after a pause.
    pub fn spoiled(self) {
        if let Some(pause) = self.update(|inner| inner.fetch.spoiled()) {
            self.pause(pause);
        }
        self.step();
    }

    /// What came was of use, with all that was to follow.
    pub fn used(self) {
        self.update(|inner| inner.fetch.used());
    }

    /// Whether a request is on its way or to come.
    pub fn is_pending(self) -> bool {
        self.update(|inner| inner.fetch.is_pending()) == Some(true)
    }

    /// `None`: its owner is gone.
    fn update<T>(self, change: impl FnOnce(&mut Inner) -> T) -> Option<T> {
        self.inner.try_update_value(change)
    }

    fn step(self) {
        let start = self.update(|inner| {
            let target = inner.fetch.start()?;
            Some((target, inner.fetch.request(), Rc::clone(&inner.ask)))
        });
        self.tell();
        let Some(Some((target, request, ask))) = start else {
            return;
        };
        let Some(url) = ask() else {
            // Nothing is to be kept up to date now.
            self.update(|inner| {
                inner.fetch.came(target);
                inner.fetch.succeeded();
            });
            self.lag.set(false);
            return;
        };
        spawn_local(async move {
            let answer = api::text(&url, None, "").await;
            self.came(target, answer);
        });
        spawn_local(async move {
            TimeoutFuture::new(LATE_MS).await;
            self.update(|inner| inner.fetch.late(request));
            self.tell();
        });
    }

    /// Whether it is behind.
    fn tell(self) {
        self.lag
            .set(self.update(|inner| inner.fetch.is_behind()) == Some(true));
    }

    fn came(self, target: u32, answer: Result<String, Failure>) {
        let meant = self.update(|inner| {
            let is_meant = inner.fetch.came(target);
            is_meant.then(|| Rc::clone(&inner.take))
        });
        let Some(Some(take)) = meant else {
            return;
        };
        if let Err(failure) = &answer {
            self.session.note(failure);
        }
        let is_new = take(answer);
        let pause = self.update(|inner| {
            if inner.fetch.target() != target {
                return None;
            }
            if is_new {
                inner.fetch.succeeded();
                return None;
            }
            Some(inner.fetch.failed())
        });
        if let Some(Some(pause)) = pause {
            self.pause(pause);
        }
        self.step();
    }

    fn pause(self, pause: Pause) {
        spawn_local(async move {
            TimeoutFuture::new(backoff::pause_ms(pause.failures, salt())).await;
            self.update(|inner| inner.fetch.paused(pause));
            self.step();
        });
    }
}

/// Differs from page to page, so that they do not come back all at once.
pub fn salt() -> u32 {
    u32::try_from(monotonic_ms() & 0xFFFF).unwrap_or_default()
}
