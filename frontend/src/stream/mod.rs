//! The one event stream of the browser, as this page hears it.
//!
//! One tab holds the connection (`source`) and passes on what it says (`tabs`). The
//! browser's `EventSource` would reconnect by itself, but it gives up for ever on some
//! answers and says little in between; so any error closes it and this module opens a new
//! one, for ever. So does a silence, which `EventSource` would bear: a proxy may keep a
//! connection whose service has died. What the events mean is not decided here.

mod source;
mod tabs;

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::announcements;
use shared::notices::NOTICE_ANNOUNCEMENT;
use shared::wire::{BEAT, Event, StreamHello};

use self::source::Source;
use self::tabs::Tabs;
use crate::api;
use crate::base;
use crate::clock::{Clock, monotonic_ms, wall_ms};
use crate::model::backoff;
use crate::model::stream::{Cursor, LiveState, News, Pulse, Sleep};
use crate::paths;
use crate::session::Session;
use crate::store::upkeep::{Behind, salt};

/// What the stream tells its listeners.
#[derive(Clone, Debug)]
pub enum Message {
    /// The stream is open for the first time; events up to this number were before it.
    Opened(i64),
    /// The stream is open again, and events up to this number were before that; those that
    /// were missed are sent now. What is said without a number is not said again.
    Resumed(i64),
    /// What came in between is lost: load everything again, at least as new as this number.
    Reset(i64),
    /// A committed event and its number.
    Event(i64, Event),
    /// There is news among the notices.
    Notices,
    /// An announcement: the kind, of [`announcements::ANNOUNCEMENT_KINDS`], and its data, JSON.
    Aside(&'static str, String),
}

type Listener = Rc<dyn Fn(&Message)>;

#[derive(Default)]
struct Inner {
    /// The other tabs; none while nobody is signed in, or where the browser has no locks.
    tabs: Option<Tabs>,
    /// Where this tab is the one that holds it.
    source: Option<Source>,
    /// Of the connection, whichever tab has it.
    pulse: Option<Pulse>,
    cursor: Cursor,
    sleep: Sleep,
    /// Whoever holds it has said where it is, since this tab joined the others.
    greeted: bool,
    /// Somebody is signed in.
    wanted: bool,
    /// The page is not shown, and has no part in the stream for that long.
    paused: bool,
    attempt: u32,
    /// Counts connections, so that a wait that was overtaken does nothing.
    generation: u32,
    next_listener: usize,
    listeners: Vec<(usize, Listener)>,
}

/// A handle to the stream; a context.
#[derive(Clone, Copy)]
pub struct Stream {
    state: RwSignal<LiveState>,
    inner: StoredValue<Inner, LocalStorage>,
    clock: Clock,
    session: Session,
    behind: Behind,
}

impl Stream {
    /// A stream that is not open yet.
    pub fn new(clock: Clock, session: Session) -> Self {
        let stream = Self {
            state: RwSignal::new(LiveState::Connecting),
            inner: StoredValue::new_local(Inner::default()),
            clock,
            session,
            behind: expect_context(),
        };
        // A browser keeps a page that was left, to go back to, and its stream with it: a
        // few of those take all the connections that it allows to one address.
        window_event_listener_untyped("pagehide", move |_| stream.pause());
        window_event_listener_untyped("pageshow", move |_| stream.resume());
        window_event_listener_untyped("online", move |_| stream.begin_anew());
        Effect::new(move || {
            clock.now_ms();
            if stream.was_asleep() {
                stream.begin_anew();
            } else {
                stream.feel_the_pulse();
            }
        });
        stream
    }

    /// The state for the pill, as a signal.
    pub fn state(self) -> LiveState {
        match self.state.get() {
            LiveState::Live if self.behind.any() => LiveState::Behind,
            state => state,
        }
    }

    /// Calls `listener` with every message until the reactive owner is gone.
    pub fn listen(self, listener: impl Fn(&Message) + 'static) {
        let id = self.inner.try_update_value(|inner| {
            inner.next_listener += 1;
            inner
                .listeners
                .push((inner.next_listener, Rc::new(listener)));
            inner.next_listener
        });
        on_cleanup(move || {
            self.inner.try_update_value(|inner| {
                inner.listeners.retain(|(other, _)| Some(*other) != id);
            });
        });
    }

    /// Takes part in the stream: somebody is signed in.
    pub fn open(self) {
        self.inner.update_value(|inner| inner.wanted = true);
        self.join();
    }

    /// Has no part in it any more: nobody is signed in.
    pub fn close(self) {
        self.leave();
        self.inner.update_value(|inner| {
            inner.wanted = false;
            inner.attempt = 0;
        });
        self.state.set(LiveState::Connecting);
    }

    /// Leaves the stream until the page is shown again.
    fn pause(self) {
        self.leave();
        self.inner.update_value(|inner| inner.paused = true);
    }

    fn resume(self) {
        let was_paused = self.inner.try_update_value(|inner| {
            let paused = std::mem::take(&mut inner.paused);
            paused && inner.wanted
        });
        if was_paused == Some(true) {
            self.state.set(LiveState::Reconnecting);
            self.join();
        }
    }

    /// The machine has a network again, perhaps another one, or it has slept: nothing that was
    /// open is worth waiting for.
    fn begin_anew(self) {
        let holds_it = self.inner.with_value(|inner| {
            let leads = inner.tabs.as_ref().is_none_or(Tabs::leads);
            inner.wanted && !inner.paused && leads
        });
        if holds_it {
            self.inner.update_value(|inner| inner.attempt = 0);
            self.connect();
        }
    }

    fn join(self) {
        let user = self.session.who_untracked().map(|who| who.user);
        let name = paths::stream_name(&base::prefix(), &user.unwrap_or_default());
        let tabs = Tabs::join(&name, move |news| self.told(&news), move || self.connect());
        let alone = tabs.is_none();
        if let Some(tabs) = &tabs {
            tabs.tell(&News::of("join"));
        }
        self.inner.update_value(|inner| {
            inner.tabs = tabs;
            inner.greeted = false;
            inner.pulse = Some(Pulse::new(monotonic_ms()));
        });
        if alone {
            self.connect();
        }
    }

    fn leave(self) {
        let left = self.inner.try_update_value(|inner| {
            inner.generation += 1;
            inner.pulse = None;
            (inner.source.take(), inner.tabs.take())
        });
        // After the value is free again, since letting go calls back.
        drop(left);
    }

    /// Opens the connection, or opens it anew: this tab holds it.
    fn connect(self) {
        let cursor = self.inner.with_value(|inner| inner.cursor);
        let source = Source::open(
            &paths::stream(cursor.after()),
            move |news| self.heard(&news),
            move || self.lost(),
        );
        let opened = source.is_some();
        let before = self.inner.try_update_value(|inner| {
            inner.generation += 1;
            inner.pulse = Some(Pulse::new(monotonic_ms()));
            std::mem::replace(&mut inner.source, source)
        });
        drop(before);
        if !opened {
            self.lost();
        }
    }

    /// The connection that this tab holds said something.
    fn heard(self, news: &News) {
        self.note_pulse(news);
        self.pass_on(news);
        self.received(news);
    }

    fn note_pulse(self, news: &News) {
        self.inner.update_value(|inner| {
            if let Some(pulse) = &mut inner.pulse {
                pulse.heard(news, monotonic_ms());
            }
        });
    }

    fn was_asleep(self) -> bool {
        let slept = self
            .inner
            .try_update_value(|inner| inner.sleep.was_asleep(wall_ms(), monotonic_ms()));
        slept == Some(true)
    }

    /// Gives up a connection of which nothing was heard for too long. Where another tab has
    /// it, that one is asked to: a browser slows the clocks of tabs that are not shown.
    fn feel_the_pulse(self) {
        let (is_overdue, has_source) = self.inner.with_value(|inner| {
            let is_overdue = |pulse: Pulse| pulse.is_overdue(monotonic_ms());
            (inner.pulse.is_some_and(is_overdue), inner.source.is_some())
        });
        if !is_overdue {
            return;
        }
        if has_source {
            self.lost();
        } else {
            self.state.set(LiveState::Reconnecting);
            self.pass_on(&News::of("silent"));
            self.inner
                .update_value(|inner| inner.pulse = Some(Pulse::new(monotonic_ms())));
        }
    }

    /// Another tab hears nothing. The one that has the connection, and hears nothing either,
    /// gives it to the next, which opens it anew.
    fn yield_if_silent(self) {
        let is_silent = self.inner.with_value(|inner| {
            let leads = inner.tabs.as_ref().is_some_and(Tabs::leads);
            // Without a pulse it is between two attempts.
            let is_overdue = |pulse: Pulse| pulse.is_overdue(monotonic_ms());
            leads && document().hidden() && inner.pulse.is_none_or(is_overdue)
        });
        if is_silent {
            self.leave();
            self.state.set(LiveState::Reconnecting);
            self.join();
        }
    }

    fn pass_on(self, news: &News) {
        self.inner.with_value(|inner| {
            if let Some(tabs) = &inner.tabs {
                tabs.tell(news);
            }
        });
    }

    /// Another tab said something.
    fn told(self, news: &News) {
        let leads = |inner: &Inner| inner.tabs.as_ref().is_some_and(Tabs::leads);
        if !matches!(news.kind.as_str(), "join" | "lost" | "silent") {
            self.note_pulse(news);
        }
        match news.kind.as_str() {
            "join" if self.inner.with_value(leads) => self.greet(),
            "lost" => self.state.set(LiveState::Reconnecting),
            "silent" => self.yield_if_silent(),
            // It was for another that has joined.
            "greeting" if self.inner.with_value(|inner| inner.greeted) => {}
            "hello" | "greeting" if self.is_behind(news) => self.received(&News {
                kind: "reset".to_owned(),
                ..news.clone()
            }),
            "hello" | "greeting" | "reset" | "message" | BEAT | NOTICE_ANNOUNCEMENT => {
                self.received(news)
            }
            kind if announcements::ANNOUNCEMENT_KINDS.contains(&kind) => self.received(news),
            _ => {}
        }
    }

    /// Tells a tab that has just come where the stream is.
    fn greet(self) {
        let after = self.inner.with_value(|inner| inner.cursor.after());
        let live = self.state.get_untracked() == LiveState::Live;
        if let (Some(cursor), true) = (after, live) {
            let now_ms = self.clock.now_ms_untracked();
            let hello = serde_json::to_string(&StreamHello { cursor, now_ms });
            self.pass_on(&News {
                data: hello.unwrap_or_default(),
                ..News::of("greeting")
            });
        }
    }

    /// Whether another tab goes on from a place that this one has not come to.
    fn is_behind(self, hello: &News) -> bool {
        let hello: Option<StreamHello> = serde_json::from_str(&hello.data).ok();
        let seen = self.inner.with_value(|inner| inner.cursor.after());
        seen.is_some_and(|seen| hello.is_some_and(|hello| hello.cursor > seen))
    }

    fn received(self, news: &News) {
        let message = match news.kind.as_str() {
            BEAT => return self.beat(&news.id),
            "message" => self.event(&news.id, &news.data),
            NOTICE_ANNOUNCEMENT => Some(Message::Notices),
            kind => match announcements::ANNOUNCEMENT_KINDS
                .into_iter()
                .find(|known| *known == kind)
            {
                Some(known) => Some(Message::Aside(known, news.data.clone())),
                None => self.hello(kind == "reset", &news.data),
            },
        };
        let Some(message) = message else { return };
        let listeners = self.inner.with_value(|inner| inner.listeners.clone());
        for (_, listener) in listeners {
            listener(&message);
        }
    }

    /// Whoever hears a beat hears whatever there is to hear, and up to its number there was
    /// no more for this page.
    fn beat(self, last_event_id: &str) {
        let is_open = self.inner.try_update_value(|inner| {
            inner.cursor.beat(last_event_id);
            inner.cursor.after().is_some()
        });
        if is_open == Some(true) {
            self.state.set(LiveState::Live);
        }
    }

    fn event(self, last_event_id: &str, data: &str) -> Option<Message> {
        let seq = self
            .inner
            .try_update_value(|inner| inner.cursor.event(last_event_id))??;
        // An event this page cannot read is not for it; its number still counts.
        let event = serde_json::from_str(data).ok()?;
        Some(Message::Event(seq, event))
    }

    fn hello(self, reset: bool, data: &str) -> Option<Message> {
        let hello: StreamHello = serde_json::from_str(data).ok()?;
        self.clock.observe(hello.now_ms);
        let message = self.inner.try_update_value(|inner| {
            inner.attempt = 0;
            inner.greeted = true;
            if reset {
                inner.cursor.reset(&hello);
                Message::Reset(hello.cursor)
            } else if inner.cursor.hello(&hello) {
                Message::Resumed(hello.cursor)
            } else {
                Message::Opened(hello.cursor)
            }
        });
        self.state.set(LiveState::Live);
        message
    }

    /// Waits and opens the stream again, and asks whether the session still stands: an
    /// `EventSource` does not say why it failed. Neither waits for the other.
    fn lost(self) {
        self.state.set(LiveState::Reconnecting);
        self.pass_on(&News::of("lost"));
        let next = self.inner.try_update_value(|inner| {
            // Only closed, not dropped: this runs inside one of its callbacks.
            if let Some(source) = &inner.source {
                source.close();
            }
            inner.pulse = None;
            inner.attempt += 1;
            (inner.attempt, inner.generation)
        });
        let Some((attempt, generation)) = next else {
            return;
        };
        spawn_local(async move {
            TimeoutFuture::new(backoff::delay_ms(attempt, salt())).await;
            let current = self.inner.try_with_value(|inner| inner.generation);
            if current == Some(generation) {
                self.connect();
            }
            if attempt > 1
                && let Err(failure) = api::session().await
            {
                self.session.note(&failure);
            }
        });
    }
}
