//! The one event stream of the browser, as this page receives it.
//!
//! One tab holds the connection (`connection`) and passes its frames on to the others (`tabs`). The
//! browser's `EventSource` would reconnect by itself, but it gives up for ever on some answers and
//! does not report its attempts; so any error closes it and this module opens a new one, for ever.
//! A silence closes it too, which `EventSource` would not notice: a proxy may keep a connection
//! whose service has died. The listeners decide what events mean.

mod connection;
mod tabs;

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::announcements;
use shared::notices::NOTICE_ANNOUNCEMENT;
use shared::wire::{BEAT, Event, StreamHello};

use self::connection::StreamConnection;
use self::tabs::TabGroup;
use crate::answers;
use crate::api;
use crate::base;
use crate::behind::BehindCount;
use crate::clock::{Clock, jitter_salt, monotonic_ms, wall_ms};
use crate::model::backoff;
use crate::model::stream::{LiveState, SilenceTimer, SleepDetector, StreamCursor, StreamFrame};
use crate::paths;
use crate::session::SessionHandle;

/// A message of the stream to its listeners.
#[derive(Clone, Debug)]
pub enum StreamMessage {
    /// The stream is open for the first time; this is the number of the newest event before it.
    Opened(i64),
    /// The stream is open again; this is the number of the newest event before that. Missed events
    /// are sent now; announcements, which have no number, are not repeated.
    Resumed(i64),
    /// Events were missed for good: load everything again, at least as new as this event number.
    Reset(i64),
    /// A committed event and its number.
    Event(i64, Event),
    /// The notices have changed.
    Notices,
    /// A message without a number: its kind, one of [`announcements::ANNOUNCEMENT_KINDS`], and its
    /// data, JSON.
    Announcement(&'static str, String),
}

type Listener = Rc<dyn Fn(&StreamMessage)>;

#[derive(Default)]
struct StreamState {
    /// The other tabs; `None` without a signed-in user, or where the browser has no locks.
    tabs: Option<TabGroup>,
    /// The connection, when this tab holds it.
    connection: Option<StreamConnection>,
    /// How long the connection has been silent, whichever tab holds it.
    silence: Option<SilenceTimer>,
    cursor: StreamCursor,
    sleep: SleepDetector,
    /// A `hello` or `greeting` came since this tab joined the others.
    positioned: bool,
    /// A user is signed in.
    signed_in: bool,
    /// The page is hidden in the browser's cache, and has left the stream meanwhile.
    paused: bool,
    attempt: u32,
    /// Counts connections: a wait for an earlier one does nothing when it ends.
    generation: u32,
    next_listener: usize,
    listeners: Vec<(usize, Listener)>,
}

/// A handle to the stream; a context.
#[derive(Clone, Copy)]
pub struct EventStream {
    live: RwSignal<LiveState>,
    state: StoredValue<StreamState, LocalStorage>,
    clock: Clock,
    session: SessionHandle,
    behind: BehindCount,
}

impl EventStream {
    /// A stream that is not open yet.
    pub fn new(clock: Clock, session: SessionHandle) -> Self {
        let stream = Self {
            live: RwSignal::new(LiveState::Connecting),
            state: StoredValue::new_local(StreamState::default()),
            clock,
            session,
            behind: expect_context(),
        };
        // A browser caches a page that was left, for the Back button, and keeps its stream open: a
        // few of those use up all the connections that it allows to one address.
        window_event_listener_untyped("pagehide", move |_| stream.pause());
        window_event_listener_untyped("pageshow", move |_| stream.resume());
        window_event_listener_untyped("online", move |_| stream.connect_anew());
        Effect::new(move || {
            clock.now_ms();
            if stream.was_asleep() {
                stream.connect_anew();
            } else {
                stream.check_silence();
            }
        });
        stream
    }

    /// The state for the live pill, as a signal.
    pub fn state(self) -> LiveState {
        match self.live.get() {
            LiveState::Live if self.behind.any() => LiveState::Behind,
            state => state,
        }
    }

    /// Calls `listener` with every message until the reactive owner is gone.
    pub fn listen(self, listener: impl Fn(&StreamMessage) + 'static) {
        let id = self.state.try_update_value(|state| {
            state.next_listener += 1;
            state
                .listeners
                .push((state.next_listener, Rc::new(listener)));
            state.next_listener
        });
        on_cleanup(move || {
            self.state.try_update_value(|state| {
                state.listeners.retain(|(other, _)| Some(*other) != id);
            });
        });
    }

    /// Joins the stream, once a user is signed in.
    pub fn open(self) {
        self.state.update_value(|state| state.signed_in = true);
        self.join();
    }

    /// Leaves the stream, because the user has signed out.
    pub fn close(self) {
        self.leave();
        self.state.update_value(|state| {
            state.signed_in = false;
            state.attempt = 0;
        });
        self.live.set(LiveState::Connecting);
    }

    /// Leaves the stream until the page is shown again.
    fn pause(self) {
        self.leave();
        self.state.update_value(|state| state.paused = true);
    }

    fn resume(self) {
        let must_rejoin = self.state.try_update_value(|state| {
            let paused = std::mem::take(&mut state.paused);
            paused && state.signed_in
        });
        if must_rejoin == Some(true) {
            self.live.set(LiveState::Reconnecting);
            self.join();
        }
    }

    /// Connects anew when the machine has a network again, perhaps another one, or has slept: an
    /// older connection may be dead.
    fn connect_anew(self) {
        let is_holder = self.state.with_value(|state| {
            let is_leader = state.tabs.as_ref().is_none_or(TabGroup::is_leader);
            state.signed_in && !state.paused && is_leader
        });
        if is_holder {
            self.state.update_value(|state| state.attempt = 0);
            self.connect();
        }
    }

    fn join(self) {
        let user = self.session.who_untracked().map(|who| who.user);
        let name = paths::stream_name(&base::prefix(), &user.unwrap_or_default());
        let tabs = TabGroup::join(
            &name,
            move |frame| self.on_tab_frame(&frame),
            move || self.connect(),
        );
        let alone = tabs.is_none();
        if let Some(tabs) = &tabs {
            tabs.send(&StreamFrame::of_kind("join"));
        }
        self.state.update_value(|state| {
            state.tabs = tabs;
            state.positioned = false;
            state.silence = Some(SilenceTimer::new(monotonic_ms()));
        });
        if alone {
            self.connect();
        }
    }

    fn leave(self) {
        let left = self.state.try_update_value(|state| {
            state.generation += 1;
            state.silence = None;
            (state.connection.take(), state.tabs.take())
        });
        // Dropped after the update, because their destructors call back into this state.
        drop(left);
    }

    /// Opens the connection in this tab, or opens it anew.
    fn connect(self) {
        let cursor = self.state.with_value(|state| state.cursor);
        let connection = StreamConnection::open(
            &paths::stream(cursor.after()),
            move |frame| self.on_frame(&frame),
            move || self.reconnect(),
        );
        let opened = connection.is_some();
        let before = self.state.try_update_value(|state| {
            state.generation += 1;
            state.silence = Some(SilenceTimer::new(monotonic_ms()));
            std::mem::replace(&mut state.connection, connection)
        });
        drop(before);
        if !opened {
            self.reconnect();
        }
    }

    /// Takes a frame of the connection that this tab holds.
    fn on_frame(self, frame: &StreamFrame) {
        self.reset_silence(frame);
        self.pass_on(frame);
        self.deliver(frame);
    }

    fn reset_silence(self, frame: &StreamFrame) {
        self.state.update_value(|state| {
            if let Some(silence) = &mut state.silence {
                silence.note(frame, monotonic_ms());
            }
        });
    }

    fn was_asleep(self) -> bool {
        let slept = self
            .state
            .try_update_value(|state| state.sleep.was_asleep(wall_ms(), monotonic_ms()));
        slept == Some(true)
    }

    /// Gives up a connection that was silent for too long. When another tab holds it, asks that tab
    /// to: a browser slows down the timers of hidden tabs.
    fn check_silence(self) {
        let (is_overdue, has_connection) = self.state.with_value(|state| {
            let is_overdue = |silence: SilenceTimer| silence.is_overdue(monotonic_ms());
            (
                state.silence.is_some_and(is_overdue),
                state.connection.is_some(),
            )
        });
        if !is_overdue {
            return;
        }
        if has_connection {
            self.reconnect();
        } else {
            self.live.set(LiveState::Reconnecting);
            self.pass_on(&StreamFrame::of_kind("silent"));
            self.state
                .update_value(|state| state.silence = Some(SilenceTimer::new(monotonic_ms())));
        }
    }

    /// Gives the connection to the next tab, which opens it anew, when another tab reports silence
    /// and this tab holds the connection, is hidden, and has received nothing either.
    fn yield_if_silent(self) {
        let is_silent = self.state.with_value(|state| {
            let is_leader = state.tabs.as_ref().is_some_and(TabGroup::is_leader);
            // Without a timer this tab is between two attempts.
            let is_overdue = |silence: SilenceTimer| silence.is_overdue(monotonic_ms());
            is_leader && document().hidden() && state.silence.is_none_or(is_overdue)
        });
        if is_silent {
            self.leave();
            self.live.set(LiveState::Reconnecting);
            self.join();
        }
    }

    fn pass_on(self, frame: &StreamFrame) {
        self.state.with_value(|state| {
            if let Some(tabs) = &state.tabs {
                tabs.send(frame);
            }
        });
    }

    /// Takes a frame that another tab has sent.
    fn on_tab_frame(self, frame: &StreamFrame) {
        let is_leader = |state: &StreamState| state.tabs.as_ref().is_some_and(TabGroup::is_leader);
        if !matches!(frame.kind.as_str(), "join" | "lost" | "silent") {
            self.reset_silence(frame);
        }
        match frame.kind.as_str() {
            "join" if self.state.with_value(is_leader) => self.greet(),
            "lost" => self.live.set(LiveState::Reconnecting),
            "silent" => self.yield_if_silent(),
            // The greeting was for another tab that has joined.
            "greeting" if self.state.with_value(|state| state.positioned) => {}
            "hello" | "greeting" if self.is_behind(frame) => self.deliver(&StreamFrame {
                kind: "reset".to_owned(),
                ..frame.clone()
            }),
            "hello" | "greeting" | "reset" | "message" | BEAT | NOTICE_ANNOUNCEMENT => {
                self.deliver(frame)
            }
            kind if announcements::ANNOUNCEMENT_KINDS.contains(&kind) => self.deliver(frame),
            _ => {}
        }
    }

    /// Tells a tab that has just joined the cursor of the stream.
    fn greet(self) {
        let after = self.state.with_value(|state| state.cursor.after());
        let live = self.live.get_untracked() == LiveState::Live;
        if let (Some(cursor), true) = (after, live) {
            let now_ms = self.clock.now_ms_untracked();
            let hello = serde_json::to_string(&StreamHello { cursor, now_ms });
            self.pass_on(&StreamFrame {
                data: hello.unwrap_or_default(),
                ..StreamFrame::of_kind("greeting")
            });
        }
    }

    /// Whether another tab continues from a later event than this tab has received.
    fn is_behind(self, hello: &StreamFrame) -> bool {
        let hello: Option<StreamHello> = answers::read_message(&hello.data);
        let seen = self.state.with_value(|state| state.cursor.after());
        seen.is_some_and(|seen| hello.is_some_and(|hello| hello.cursor > seen))
    }

    fn deliver(self, frame: &StreamFrame) {
        let message = match frame.kind.as_str() {
            BEAT => return self.beat(&frame.id),
            "message" => self.event(&frame.id, &frame.data),
            NOTICE_ANNOUNCEMENT => Some(StreamMessage::Notices),
            kind => match announcements::ANNOUNCEMENT_KINDS
                .into_iter()
                .find(|known| *known == kind)
            {
                Some(known) => Some(StreamMessage::Announcement(known, frame.data.clone())),
                None => self.hello(kind == "reset", &frame.data),
            },
        };
        let Some(message) = message else { return };
        let listeners = self.state.with_value(|state| state.listeners.clone());
        for (_, listener) in listeners {
            listener(&message);
        }
    }

    /// Notes a beat: the stream is alive, and up to the beat's number there was no further event
    /// for this page.
    fn beat(self, last_event_id: &str) {
        let is_open = self.state.try_update_value(|state| {
            state.cursor.beat(last_event_id);
            state.cursor.after().is_some()
        });
        if is_open == Some(true) {
            self.live.set(LiveState::Live);
        }
    }

    fn event(self, last_event_id: &str, data: &str) -> Option<StreamMessage> {
        let seq = self
            .state
            .try_update_value(|state| state.cursor.event(last_event_id))??;
        // An event that this page cannot parse is ignored; its number still counts.
        let event: Event = answers::read_message(data)?;
        Some(StreamMessage::Event(seq, event))
    }

    fn hello(self, reset: bool, data: &str) -> Option<StreamMessage> {
        let hello: StreamHello = answers::read_message(data)?;
        self.clock.observe(hello.now_ms);
        let message = self.state.try_update_value(|state| {
            state.attempt = 0;
            state.positioned = true;
            if reset {
                state.cursor.reset(&hello);
                StreamMessage::Reset(hello.cursor)
            } else if state.cursor.hello(&hello) {
                StreamMessage::Resumed(hello.cursor)
            } else {
                StreamMessage::Opened(hello.cursor)
            }
        });
        self.live.set(LiveState::Live);
        message
    }

    /// Waits and opens the stream again, and fetches the session to see whether it still stands: an
    /// `EventSource` does not say why it failed. The two run independently.
    fn reconnect(self) {
        self.live.set(LiveState::Reconnecting);
        self.pass_on(&StreamFrame::of_kind("lost"));
        let next = self.state.try_update_value(|state| {
            // Closed and not dropped, because this runs inside one of its callbacks.
            if let Some(connection) = &state.connection {
                connection.close();
            }
            state.silence = None;
            state.attempt += 1;
            (state.attempt, state.generation)
        });
        let Some((attempt, generation)) = next else {
            return;
        };
        spawn_local(async move {
            TimeoutFuture::new(backoff::reconnect_wait_ms(attempt, jitter_salt())).await;
            let current = self.state.try_with_value(|state| state.generation);
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
