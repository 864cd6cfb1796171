//! The frame that shows a document.
//!
//! It runs no script, because of its sandbox and of the answer's policy; it keeps the page's
//! origin, so that the page can read the reader's position and the links. A newer version is loaded
//! in a hidden frame, which then replaces the shown one.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Document, HtmlIFrameElement, KeyboardEvent, KeyboardEventInit};

use crate::model::reading::scroll_distance;
use crate::pages::keyboard::{find, find_all};
use crate::paths;
use crate::scroll::{query_all, reading_anchors};

/// The frame's sandbox: no scripts; links may open other pages.
const SANDBOX: &str = "allow-same-origin allow-popups allow-popups-to-escape-sandbox";
/// How long a document of some megabytes may take to load: a proxy may hold a connection for ever.
const LOAD_TIMEOUT_MS: u32 = 60_000;
/// The id of the element that contains the frames.
pub(super) const CONTAINER_ID: &str = "document-place";
const SHOWN_FRAME: &str = "#document-place > :not(.coming)";

/// The callback of [`load`], which is called once.
type DoneCallback = Rc<Cell<Option<Box<dyn FnOnce(bool)>>>>;

/// Removes the shown frame and the one being loaded.
pub(super) fn clear() {
    for frame in find_all("#document-place > *") {
        frame.remove();
    }
}

/// Loads the document at `address` and shows it at the reader's position, then calls `done` with
/// whether it is shown. `export_of` returns the address of a participant's export page.
pub(super) fn load(
    address: &str,
    export_of: impl Fn(&str) -> String + 'static,
    done: impl FnOnce(bool) + 'static,
) {
    let frame = document().create_element("iframe").ok();
    let frame = frame.and_then(|frame| frame.dyn_into::<HtmlIFrameElement>().ok());
    let (Some(frame), Some(container)) = (frame, find(&format!("#{CONTAINER_ID}"))) else {
        return done(false);
    };
    let src = paths::framed(address) + &first_hash();
    for (name, value) in [
        ("class", "document-frame coming"),
        ("sandbox", SANDBOX),
        ("title", "The document"),
        ("src", &src),
    ] {
        if frame.set_attribute(name, value).is_err() {
            return done(false);
        }
    }
    let new = frame.clone();
    // Called once, by the timeout or by the load event.
    let done: DoneCallback = Rc::new(Cell::new(Some(Box::new(done))));
    let late = {
        let (new, done) = (new.clone(), Rc::clone(&done));
        Timeout::new(LOAD_TIMEOUT_MS, move || {
            if let Some(done) = done.take() {
                new.remove();
                done(false);
            }
        })
    };
    let on_load = Closure::once_into_js(move || {
        drop(late);
        if let Some(done) = done.take() {
            let is_shown = put_in_place(&new, export_of);
            if !is_shown {
                new.remove();
            }
            done(is_shown);
        }
    });
    frame.set_onload(Some(on_load.unchecked_ref()));
    // It fails only for an element that cannot have children; the timeout reports it then.
    let _ = container.append_child(&frame);
}

/// Applies the reader's theme to the documents in the frames.
pub(super) fn apply_theme(theme: &str) {
    let scheme = match theme {
        "auto" => "light dark",
        theme => theme,
    };
    let shown = find_all("#document-place > *").into_iter();
    for frame in shown.filter_map(|frame| frame.dyn_into::<HtmlIFrameElement>().ok()) {
        let root = frame
            .content_document()
            .and_then(|it| it.document_element());
        if let Some(root) = root {
            // `scheme` is one of the page's constants, not a participant's text.
            let _ = root.set_attribute("style", &format!("color-scheme: {scheme}"));
        }
    }
}

/// The fragment of the page's address, for the first document; a later one keeps the reader's
/// position.
fn first_hash() -> String {
    match find(SHOWN_FRAME) {
        Some(_) => String::new(),
        None => window().location().hash().unwrap_or_default(),
    }
}

fn put_in_place(frame: &HtmlIFrameElement, export_of: impl Fn(&str) -> String) -> bool {
    // An answer from another origin cannot be read, and an error page has no notebook in it.
    let document = frame.content_document();
    let notebook = |it: &Document| matches!(it.query_selector("main.nb"), Ok(Some(_)));
    let Some(document) = document.filter(notebook) else {
        return false;
    };
    redirect_links(&document, export_of);
    forward_keys(&document);
    let old = find(SHOWN_FRAME).and_then(|old| old.dyn_into::<HtmlIFrameElement>().ok());
    if let Some(before) = old.as_ref().and_then(HtmlIFrameElement::content_document) {
        keep_scroll_position(&before, &document);
    }
    // It fails only for an invalid class name.
    let _ = frame.class_list().remove_1("coming");
    if let Some(old) = old {
        old.remove();
    }
    true
}

/// Makes links open in new tabs. A summary's links to exports lead to the pages of the exports,
/// which offer newer versions too.
fn redirect_links(document: &Document, export_of: impl Fn(&str) -> String) {
    for link in query_all(document, "a[href]") {
        let href = link.get_attribute("href").unwrap_or_default();
        if href.starts_with('#') {
            continue;
        }
        let is_export = link.matches(".sum-part > h2 > a").unwrap_or_default();
        let export = is_export.then(|| export_of(&link.text_content().unwrap_or_default()));
        for (name, value) in [
            ("target", "_blank"),
            ("rel", "noopener noreferrer nofollow"),
            ("href", export.as_deref().unwrap_or(&href)),
        ] {
            // The frame's sandbox blocks a link that could not be changed.
            let _ = link.set_attribute(name, value);
        }
    }
}

/// Dispatches the keys pressed in the document to the page's window.
fn forward_keys(document: &Document) {
    let pressed = Closure::<dyn Fn(KeyboardEvent)>::new(|event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let init = KeyboardEventInit::new();
        init.set_key(&event.key());
        if let Ok(copy) = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init) {
            // Whether a listener handled the key does not matter here.
            let _ = window().dispatch_event(&copy);
        }
    });
    let pressed = pressed.into_js_value();
    // Without the listener the keys work while the focus is outside of the document.
    let _ = document.add_event_listener_with_callback("keydown", pressed.unchecked_ref());
}

fn keep_scroll_position(before: &Document, after: &Document) {
    let scroller = |document: &Document| document.scrolling_element();
    let (Some(old), Some(new)) = (scroller(before), scroller(after)) else {
        return;
    };
    // A reader at the top of the document stays there.
    if old.scroll_top() > 0 {
        let moved = scroll_distance(&reading_anchors(before), &reading_anchors(after));
        let top = moved.map_or_else(|| f64::from(old.scroll_top()), |moved| moved.round());
        #[expect(clippy::cast_possible_truncation, reason = "a document is not so long")]
        new.set_scroll_top(top as i32);
    }
}
