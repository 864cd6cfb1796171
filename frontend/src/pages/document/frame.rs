//! The frame that a document is in.
//!
//! It runs no script, by its own sandbox and by the policy of the answer; that it keeps the
//! page's origin lets the page read where somebody is reading, and the links. A newer
//! version is loaded behind the one that is shown, which goes when the other is in place.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Document, HtmlIFrameElement, KeyboardEvent, KeyboardEventInit};

use crate::model::reading::distance;
use crate::pages::keyboard::{find, find_all};
use crate::paths;
use crate::place::{all, pieces};

/// No scripts: links may open other pages, and nothing else.
const SANDBOX: &str = "allow-same-origin allow-popups allow-popups-to-escape-sandbox";
/// A document has some megabytes; a connection may be held for ever.
const PATIENCE_MS: u32 = 60_000;
/// Where frames are put.
pub(super) const PLACE: &str = "document-place";
const SHOWN: &str = "#document-place > :not(.coming)";

/// What is to be told, and was not yet.
type Done = Rc<Cell<Option<Box<dyn FnOnce(bool)>>>>;

/// Removes what is shown, and what is on its way.
pub(super) fn clear() {
    for frame in find_all("#document-place > *") {
        frame.remove();
    }
}

/// Shows what is at `address` in the reader's place, then tells `done` whether it came.
/// `export_of` is where a participant's own document is shown.
pub(super) fn load(
    address: &str,
    export_of: impl Fn(&str) -> String + 'static,
    done: impl FnOnce(bool) + 'static,
) {
    let frame = document().create_element("iframe").ok();
    let frame = frame.and_then(|frame| frame.dyn_into::<HtmlIFrameElement>().ok());
    let (Some(frame), Some(place)) = (frame, find(&format!("#{PLACE}"))) else {
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
    let coming = frame.clone();
    // Told once, by whichever is first.
    let done: Done = Rc::new(Cell::new(Some(Box::new(done))));
    let late = {
        let (coming, done) = (coming.clone(), Rc::clone(&done));
        Timeout::new(PATIENCE_MS, move || {
            if let Some(done) = done.take() {
                coming.remove();
                done(false);
            }
        })
    };
    let on_load = Closure::once_into_js(move || {
        drop(late);
        if let Some(done) = done.take() {
            let came = put_in_place(&coming, export_of);
            if !came {
                coming.remove();
            }
            done(came);
        }
    });
    frame.set_onload(Some(on_load.unchecked_ref()));
    // It fails only for what is no place at all, and then nothing comes.
    let _ = place.append_child(&frame);
}

/// The theme that the reader chose, in the frame too.
pub(super) fn paint(theme: &str) {
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
            // The page's own attribute, and not a text of anybody's.
            let _ = root.set_attribute("style", &format!("color-scheme: {scheme}"));
        }
    }
}

/// What the address names in the document, until there is a place of the reader's own.
fn first_hash() -> String {
    match find(SHOWN) {
        Some(_) => String::new(),
        None => window().location().hash().unwrap_or_default(),
    }
}

fn put_in_place(frame: &HtmlIFrameElement, export_of: impl Fn(&str) -> String) -> bool {
    // An answer that is no document of ours cannot be read, or has no notebook in it.
    let document = frame.content_document();
    let notebook = |it: &Document| matches!(it.query_selector("main.nb"), Ok(Some(_)));
    let Some(document) = document.filter(notebook) else {
        return false;
    };
    lead_out(&document, export_of);
    pass_keys_on(&document);
    let old = find(SHOWN).and_then(|old| old.dyn_into::<HtmlIFrameElement>().ok());
    if let Some(before) = old.as_ref().and_then(HtmlIFrameElement::content_document) {
        keep_place(&before, &document);
    }
    // A frame has one class list, which takes a name that is written here.
    let _ = frame.class_list().remove_1("coming");
    if let Some(old) = old {
        old.remove();
    }
    true
}

/// Links open beside the page. Those of a summary to exports lead to where these too say
/// when there is a newer one.
fn lead_out(document: &Document, export_of: impl Fn(&str) -> String) {
    for link in all(document, "a[href]") {
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
            // One that cannot be changed leads nowhere, by the frame's sandbox.
            let _ = link.set_attribute(name, value);
        }
    }
}

/// Keys pressed in the document are the page's.
fn pass_keys_on(document: &Document) {
    let pressed = Closure::<dyn Fn(KeyboardEvent)>::new(|event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let init = KeyboardEventInit::new();
        init.set_key(&event.key());
        if let Ok(copy) = KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init) {
            // Nobody has to do anything about it.
            let _ = window().dispatch_event(&copy);
        }
    });
    let pressed = pressed.into_js_value();
    // Without it the keys work where the focus is outside of the document.
    let _ = document.add_event_listener_with_callback("keydown", pressed.unchecked_ref());
}

fn keep_place(before: &Document, after: &Document) {
    let scroller = |document: &Document| document.scrolling_element();
    let (Some(old), Some(new)) = (scroller(before), scroller(after)) else {
        return;
    };
    // Who is at the beginning stays there.
    if old.scroll_top() > 0 {
        let moved = distance(&pieces(before), &pieces(after));
        let top = moved.map_or_else(|| f64::from(old.scroll_top()), |moved| moved.round());
        #[expect(clippy::cast_possible_truncation, reason = "a document is not so long")]
        new.set_scroll_top(top as i32);
    }
}
