//! The connection of the event stream: an `EventSource`.

use shared::{announcements, notices::NOTICE_ANNOUNCEMENT, wire::BEAT};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

use crate::model::stream::StreamFrame;

/// An open `EventSource` and its callbacks, which have to live as long.
pub(super) struct StreamConnection {
    source: EventSource,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(web_sys::Event)>,
}

impl StreamConnection {
    /// Opens the stream at `url`; `None` when the browser refuses.
    pub(super) fn open(
        url: &str,
        mut on_frame: impl FnMut(StreamFrame) + 'static,
        mut on_lost: impl FnMut() + 'static,
    ) -> Option<Self> {
        let source = EventSource::new(url).ok()?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            on_frame(StreamFrame {
                kind: message.type_(),
                id: message.last_event_id(),
                data: message.data().as_string().unwrap_or_default(),
            });
        });
        for kind in ["hello", "reset", "message", BEAT, NOTICE_ANNOUNCEMENT]
            .into_iter()
            .chain(announcements::ANNOUNCEMENT_KINDS)
        {
            source
                .add_event_listener_with_callback(kind, on_message.as_ref().unchecked_ref())
                .ok()?;
        }
        let on_error = Closure::<dyn FnMut(web_sys::Event)>::new(move |_| on_lost());
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Self {
            source,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    /// Ends the connection. Safe inside one of its callbacks; dropping there is not.
    pub(super) fn close(&self) {
        self.source.close();
    }
}

impl Drop for StreamConnection {
    fn drop(&mut self) {
        self.source.set_onerror(None);
        self.source.close();
    }
}
