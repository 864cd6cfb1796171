//! Leader election among the tabs of one browser: the leader holds the stream and passes its frames
//! on to the other tabs.
//!
//! A browser allows six connections to one address, for all tabs together, and a
//! participant's JupyterLab needs them too. So the tab that holds a lock of the Web Locks API opens
//! the stream and passes its frames on through a `BroadcastChannel`; when that tab is closed the
//! browser gives the lock to the next. A page that came without TLS has no locks, and then each
//! tab opens a stream.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

use crate::model::stream::StreamFrame;

/// The lock's callback: the browser holds the lock until the returned promise is settled.
type Granted = Closure<dyn FnMut(JsValue) -> Promise>;

/// This tab's membership in the group; dropping it gives up the lock and the channel.
pub(super) struct TabGroup {
    channel: BroadcastChannel,
    lock: Rc<TabLock>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _granted: Granted,
}

/// Whether this tab holds the lock, and the function that releases it.
#[derive(Default)]
struct TabLock {
    held: Cell<bool>,
    given_up: Cell<bool>,
    release: RefCell<Option<Function>>,
}

impl TabGroup {
    /// Joins the tabs that share `name`. Calls `on_frame` with each frame that another tab sends,
    /// and `on_elected` once when this tab becomes the leader. `None` where the browser has no
    /// locks.
    pub(super) fn join(
        name: &str,
        on_frame: impl Fn(StreamFrame) + 'static,
        on_elected: impl Fn() + 'static,
    ) -> Option<Self> {
        let locks = Reflect::get(&web_sys::window()?.navigator(), &"locks".into()).ok()?;
        let request: Function = Reflect::get(&locks, &"request".into())
            .ok()?
            .dyn_into()
            .ok()?;
        let channel = BroadcastChannel::new(name).ok()?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            let text = message.data().as_string().unwrap_or_default();
            if let Some(frame) = StreamFrame::parse(&text) {
                on_frame(frame);
            }
        });
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let lock = Rc::new(TabLock::default());
        let granted = {
            let lock = Rc::clone(&lock);
            Granted::new(move |_| hold(&lock, &on_elected))
        };
        // The promise settles when the lock is released; nothing has to be done then.
        request.call2(&locks, &name.into(), granted.as_ref()).ok()?;
        Some(Self {
            channel,
            lock,
            _on_message: on_message,
            _granted: granted,
        })
    }

    /// Whether this tab is the leader, which holds the stream.
    pub(super) fn is_leader(&self) -> bool {
        self.lock.held.get()
    }

    /// Sends a frame to the other tabs.
    pub(super) fn send(&self, frame: &StreamFrame) {
        // A closed channel has no listeners.
        let _ = self.channel.post_message(&frame.to_string().into());
    }
}

impl Drop for TabGroup {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
        self.lock.held.set(false);
        self.lock.given_up.set(true);
        if let Some(release) = self.lock.release.take() {
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Holds the lock until it is released; not at all when the tab has left the group.
fn hold(lock: &Rc<TabLock>, on_elected: &impl Fn()) -> Promise {
    if lock.given_up.get() {
        return Promise::resolve(&JsValue::UNDEFINED);
    }
    let held = Promise::new(&mut |resolve, _| {
        lock.release.replace(Some(resolve));
    });
    lock.held.set(true);
    on_elected();
    held
}
