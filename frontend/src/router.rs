//! Which page is shown, and navigation between pages without loading a document.
//!
//! Four pages and a query do not need a router crate, which would be a twelfth of everything the
//! browser loads. This router handles only clicks on links to one of its pages; the browser
//! handles links to the Hub, to a participant's server or to another site, whatever the prefix.

use leptos::ev::{self, MouseEvent};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlAnchorElement};

use crate::base;
use crate::model::view::View;
use crate::paths::{self, PageRoute};

/// A handle to the address bar; a context.
#[derive(Clone, Copy)]
pub struct Router {
    page: RwSignal<Option<PageRoute>>,
    view: RwSignal<View>,
    prefix: StoredValue<String>,
    left: StoredValue<Option<String>>,
}

impl Router {
    /// Tracks the address bar until the reactive owner is gone.
    pub fn start() -> Self {
        let router = Self {
            page: RwSignal::default(),
            view: RwSignal::default(),
            prefix: StoredValue::new(base::prefix()),
            left: StoredValue::default(),
        };
        router.read();
        let back = window_event_listener(ev::popstate, move |_| router.read());
        let click = window_event_listener(ev::click, move |event| router.clicked(&event));
        on_cleanup(move || {
            back.remove();
            click.remove();
        });
        router
    }

    /// The page, as a signal; `None` when the address belongs to no page of this app.
    pub fn page(self) -> Option<PageRoute> {
        self.page.get()
    }

    /// The shown page.
    pub fn page_untracked(self) -> Option<PageRoute> {
        self.page.get_untracked()
    }

    /// The state in the query, as a signal.
    pub fn view(self) -> View {
        self.view.get()
    }

    /// The state in the query, without tracking the signal.
    pub fn view_untracked(self) -> View {
        self.view.get_untracked()
    }

    /// The participant whose notebook was open before this page; returned once.
    pub fn take_left(self) -> Option<String> {
        self.left.try_update_value(Option::take).flatten()
    }

    /// The address of the wall in `view`.
    pub fn wall_href(self, view: &View) -> String {
        self.prefix.with_value(|prefix| paths::wall(prefix, view))
    }

    /// The address of the notebook of `view`'s participant.
    pub fn notebook_href(self, view: &View) -> String {
        self.prefix
            .with_value(|prefix| paths::notebook(prefix, view))
    }

    /// The address of the export of the copy of `view`'s participant, or of the summary when `view`
    /// has no participant.
    pub fn document_href(self, view: &View) -> String {
        self.prefix
            .with_value(|prefix| paths::document(prefix, view))
    }

    /// Navigates to an address of this app, as a link would.
    pub fn open(self, href: &str) {
        let history = window().history();
        let before = self.view_untracked();
        // The page is shown even when the browser refuses to add a history entry.
        let _ = history.map(|history| history.push_state_with_url(&JsValue::NULL, "", Some(href)));
        self.read();
        // Another version of the same copy keeps the scroll position. A fragment in the address is
        // found by its page.
        let same = before.user.is_some() && before.is_same_copy(&self.view_untracked());
        if !href.contains('#') && !same {
            window().scroll_to_with_x_and_y(0.0, 0.0);
        }
    }

    /// Shows `view` of a notebook without a new entry in the browser's history.
    pub fn replace_notebook(self, view: &View) {
        self.replace(&self.notebook_href(view));
    }

    fn replace(self, href: &str) {
        let history = window().history();
        let _ =
            history.map(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(href)));
        self.read();
    }

    /// Changes the URL of the wall without a new entry in the browser's history.
    pub fn replace_wall(self, change: impl FnOnce(&mut View)) {
        self.replace(&self.changed(change));
    }

    /// Changes the URL of the wall with a new entry in the history, for a choice that the reader
    /// may want to undo by going back.
    pub fn push_wall(self, change: impl FnOnce(&mut View)) {
        self.open(&self.changed(change));
    }

    fn changed(self, change: impl FnOnce(&mut View)) -> String {
        let mut view = self.view_untracked();
        change(&mut view);
        self.wall_href(&view)
    }

    /// Updates the signals from the address bar.
    fn read(self) {
        let location = window().location();
        let path = location.pathname().unwrap_or_default();
        let view = View::parse(&location.search().unwrap_or_default());
        let page = self
            .prefix
            .with_value(|prefix| paths::route_of(prefix, &path));
        let left = self.view_untracked().user;
        if self.view.with_untracked(|old| *old != view) {
            self.view.set(view);
        }
        if self.page.get_untracked() != page {
            self.left.set_value(left);
            self.page.set(page);
        }
    }

    fn clicked(self, event: &MouseEvent) {
        let modified = event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key();
        if event.default_prevented() || event.button() != 0 || modified {
            return;
        }
        let link = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .and_then(|target| target.closest("a[href]").ok().flatten())
            .and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok());
        let Some(link) = link else { return };
        let here = window().location().origin().unwrap_or_default();
        let leads_here = link.origin() == here
            && link.target().is_empty()
            && self
                .prefix
                .with_value(|prefix| paths::route_of(prefix, &link.pathname()))
                .is_some();
        if leads_here {
            event.prevent_default();
            self.open(&link.href());
        }
    }
}
