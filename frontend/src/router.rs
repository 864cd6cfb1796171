//! Which page is shown, and moving between pages without loading anything.
//!
//! Two pages and a query do not need a router crate, which would be a twelfth of
//! everything the browser loads; and this one takes only clicks on links that lead to
//! one of its pages. Links to the Hub, to a participant's server or to anywhere else
//! are the browser's, whatever the prefix.

use leptos::ev::{self, MouseEvent};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlAnchorElement};

use crate::base;
use crate::model::view::View;
use crate::paths::{self, Page};

/// A handle to the address bar; a context.
#[derive(Clone, Copy)]
pub struct Router {
    page: RwSignal<Option<Page>>,
    view: RwSignal<View>,
    prefix: StoredValue<String>,
    left: StoredValue<Option<String>>,
}

impl Router {
    /// Starts following the address bar, until the reactive owner is gone.
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

    /// The page, as a signal; `None` when the address is none of this app.
    pub fn page(self) -> Option<Page> {
        self.page.get()
    }

    /// What the query says, as a signal.
    pub fn view(self) -> View {
        self.view.get()
    }

    /// What the query says, without following it.
    pub fn view_untracked(self) -> View {
        self.view.get_untracked()
    }

    /// The participant whose notebook was left for this page; told once.
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

    /// The address of what is built of the notebook of `view`'s participant, or without one
    /// of everyone's.
    pub fn document_href(self, view: &View) -> String {
        self.prefix
            .with_value(|prefix| paths::document(prefix, view))
    }

    /// Goes to an address of this app, as a link would.
    pub fn open(self, href: &str) {
        let history = window().history();
        let before = self.view_untracked();
        // A browser that refuses to note the step still shows the page.
        let _ = history.map(|history| history.push_state_with_url(&JsValue::NULL, "", Some(href)));
        self.read();
        // Another version of a notebook is looked at in the same place. Where there is a
        // place in the address, its page finds it.
        let same = before.user.is_some() && before.is_same_copy(&self.view_untracked());
        if !href.contains('#') && !same {
            window().scroll_to_with_x_and_y(0.0, 0.0);
        }
    }

    /// Goes to `view` of a notebook without a step in the browser's history.
    pub fn turn(self, view: &View) {
        self.replace(&self.notebook_href(view));
    }

    fn replace(self, href: &str) {
        let history = window().history();
        let _ =
            history.map(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(href)));
        self.read();
    }

    /// Changes the URL of the wall without a step in the browser's history.
    pub fn amend(self, change: impl FnOnce(&mut View)) {
        self.replace(&self.changed(change));
    }

    /// Changes the wall's URL with a step in the history, for a choice one may want to
    /// go back from.
    pub fn change(self, change: impl FnOnce(&mut View)) {
        self.open(&self.changed(change));
    }

    fn changed(self, change: impl FnOnce(&mut View)) -> String {
        let mut view = self.view_untracked();
        change(&mut view);
        self.wall_href(&view)
    }

    /// Takes over what the address bar says.
    fn read(self) {
        let location = window().location();
        let path = location.pathname().unwrap_or_default();
        let view = View::parse(&location.search().unwrap_or_default());
        let page = self
            .prefix
            .with_value(|prefix| paths::page_of(prefix, &path));
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
                .with_value(|prefix| paths::page_of(prefix, &link.pathname()))
                .is_some();
        if leads_here {
            event.prevent_default();
            self.open(&link.href());
        }
    }
}
