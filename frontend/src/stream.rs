//! The one event stream of the page.
//!
//! The browser's `EventSource` would reconnect by itself, but it gives up for ever on
//! some answers and says little in between; so any error closes it and this module
//! opens a new one, for ever. What the events mean is not decided here.

use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::wire::{Event, StreamHello};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

use crate::api;
use crate::clock::{Clock, monotonic_ms};
use crate::model::backoff;
use crate::model::stream::{Cursor, LiveState};
use crate::paths;
use crate::session::Session;

/// What the stream tells its listeners.
#[derive(Clone, Debug)]
pub enum Message {
    /// The stream is open for the first time; events up to this number were before it.
    Opened(i64),
    /// The stream is open again; what was missed is sent now.
    Resumed,
    /// What came in between is lost: load everything again.
    Reset,
    /// A committed event and its number.
    Event(i64, Event),
}

type Listener = Rc<dyn Fn(&Message)>;

/// An open `EventSource` and the callbacks it must not outlive.
struct Connection {
    source: EventSource,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(web_sys::Event)>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.source.set_onerror(None);
        self.source.close();
    }
}

#[derive(Default)]
struct Inner {
    connection: Option<Connection>,
    cursor: Cursor,
    /// The page is not shown, and the stream closed for that long.
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
}

impl Stream {
    /// A stream that is not open yet.
    pub fn new(clock: Clock, session: Session) -> Self {
        let stream = Self {
            state: RwSignal::new(LiveState::Connecting),
            inner: StoredValue::new_local(Inner::default()),
            clock,
            session,
        };
        // A browser keeps a page that was left, to go back to, and its stream with it: a
        // few of those take all the connections that it allows to one address.
        window_event_listener_untyped("pagehide", move |_| stream.pause());
        window_event_listener_untyped("pageshow", move |_| stream.resume());
        stream
    }

    /// The state for the pill, as a signal.
    pub fn state(self) -> LiveState {
        self.state.get()
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

    /// Opens the stream, or opens it anew.
    pub fn open(self) {
        let cursor = self.inner.with_value(|inner| inner.cursor);
        let connection = self.connect(&paths::stream(cursor.after()));
        let opened = connection.is_some();
        self.inner.update_value(|inner| {
            inner.generation += 1;
            inner.connection = connection;
        });
        if !opened {
            self.lost();
        }
    }

    /// Closes the stream: nobody is signed in any more.
    pub fn close(self) {
        self.inner.update_value(|inner| {
            inner.generation += 1;
            inner.connection = None;
            inner.attempt = 0;
        });
        self.state.set(LiveState::Connecting);
    }

    /// Closes the stream until the page is shown again.
    fn pause(self) {
        self.inner.update_value(|inner| {
            inner.generation += 1;
            inner.paused = inner.connection.take().is_some();
        });
    }

    fn resume(self) {
        let paused = self
            .inner
            .try_update_value(|inner| std::mem::take(&mut inner.paused));
        if paused == Some(true) {
            self.state.set(LiveState::Reconnecting);
            self.open();
        }
    }

    fn connect(self, url: &str) -> Option<Connection> {
        let source = EventSource::new(url).ok()?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            self.received(&message);
        });
        for kind in ["hello", "reset", "message"] {
            source
                .add_event_listener_with_callback(kind, on_message.as_ref().unchecked_ref())
                .ok()?;
        }
        let on_error = Closure::<dyn FnMut(web_sys::Event)>::new(move |_| self.lost());
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Connection {
            source,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    fn received(self, message: &MessageEvent) {
        let data = message.data().as_string().unwrap_or_default();
        let message = match message.type_().as_str() {
            "message" => self.event(&message.last_event_id(), &data),
            kind => self.hello(kind == "reset", &data),
        };
        let Some(message) = message else { return };
        let listeners = self.inner.with_value(|inner| inner.listeners.clone());
        for (_, listener) in listeners {
            listener(&message);
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
            if reset {
                inner.cursor.reset(&hello);
                Message::Reset
            } else if inner.cursor.hello(&hello) {
                Message::Resumed
            } else {
                Message::Opened(hello.cursor)
            }
        });
        self.state.set(LiveState::Live);
        message
    }

    /// Waits, asks whether the session still stands, and opens the stream again.
    fn lost(self) {
        self.state.set(LiveState::Reconnecting);
        let next = self.inner.try_update_value(|inner| {
            // Only closed, not dropped: this runs inside one of its callbacks.
            if let Some(connection) = &inner.connection {
                connection.source.close();
            }
            inner.attempt += 1;
            (inner.attempt, inner.generation)
        });
        let Some((attempt, generation)) = next else {
            return;
        };
        let salt = u32::try_from(monotonic_ms() & 0xFFFF).unwrap_or_default();
        spawn_local(async move {
            TimeoutFuture::new(backoff::delay_ms(attempt, salt)).await;
            if attempt > 1
                && let Err(failure) = api::session().await
            {
                self.session.note(&failure);
            }
            let current = self.inner.try_with_value(|inner| inner.generation);
            if current == Some(generation) {
                self.open();
            }
        });
    }
}
