//! The tabs of one browser agree which of them holds the stream; it tells the others.
//!
//! A browser allows six connections to one address, for all tabs together, and a
//! participant's JupyterLab needs them too. So whoever holds a lock of the browser's opens
//! the stream and passes on, through a channel of the browser's, what it says; when that
//! tab is closed the browser gives the lock to the next. A page that came without TLS has
//! no locks, and then each tab has a stream of its own.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

use crate::model::stream::News;

/// The lock's callback: what it promises is how long the lock is held.
type Granted = Closure<dyn FnMut(JsValue) -> Promise>;

/// A tab's part in it; dropping it gives up the lock and the channel.
pub(super) struct Tabs {
    channel: BroadcastChannel,
    lock: Rc<Lock>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _granted: Granted,
}

/// Whether this tab has the lock, and what lets go of it.
#[derive(Default)]
struct Lock {
    held: Cell<bool>,
    given_up: Cell<bool>,
    release: RefCell<Option<Function>>,
}

impl Tabs {
    /// Joins the tabs that share `name`: `heard` is called with what another passes on,
    /// `leads` once when it is this tab's turn to hold the stream. `None` where the browser
    /// has no locks.
    pub(super) fn join(
        name: &str,
        heard: impl Fn(News) + 'static,
        leads: impl Fn() + 'static,
    ) -> Option<Self> {
        let locks = Reflect::get(&web_sys::window()?.navigator(), &"locks".into()).ok()?;
        let request: Function = Reflect::get(&locks, &"request".into())
            .ok()?
            .dyn_into()
            .ok()?;
        let channel = BroadcastChannel::new(name).ok()?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            let text = message.data().as_string().unwrap_or_default();
            if let Some(news) = News::read(&text) {
                heard(news);
            }
        });
        channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let lock = Rc::new(Lock::default());
        let granted = {
            let lock = Rc::clone(&lock);
            Granted::new(move |_| hold(&lock, &leads))
        };
        // Settled when the lock is given up; there is nothing to do then.
        request.call2(&locks, &name.into(), granted.as_ref()).ok()?;
        Some(Self {
            channel,
            lock,
            _on_message: on_message,
            _granted: granted,
        })
    }

    /// Whether it is this tab that holds the stream.
    pub(super) fn leads(&self) -> bool {
        self.lock.held.get()
    }

    /// Passes something on to the other tabs.
    pub(super) fn tell(&self, news: &News) {
        // A channel that was closed has nobody to tell.
        let _ = self.channel.post_message(&news.to_string().into());
    }
}

impl Drop for Tabs {
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

/// Holds the lock until it is released; not at all when its tab gave up waiting.
fn hold(lock: &Rc<Lock>, leads: &impl Fn()) -> Promise {
    if lock.given_up.get() {
        return Promise::resolve(&JsValue::UNDEFINED);
    }
    let held = Promise::new(&mut |resolve, _| {
        lock.release.replace(Some(resolve));
    });
    lock.held.set(true);
    leads();
    held
}
