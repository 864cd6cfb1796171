//! Reading and changing the URL, where the state of a page is.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use crate::model::view::View;
use crate::{base, paths};

type Go = Box<dyn Fn(&str, NavigateOptions)>;

/// A handle to the URL; made anew by each page.
#[derive(Clone, Copy)]
pub struct Nav {
    view: Memo<View>,
    prefix: StoredValue<String>,
    go: StoredValue<Go, LocalStorage>,
}

impl Nav {
    /// The URL of the page this is called in; needs the router.
    pub fn new() -> Self {
        let search = use_location().search;
        let navigate = use_navigate();
        Self {
            view: Memo::new(move |_| View::parse(&search.get())),
            prefix: StoredValue::new(base::prefix()),
            go: StoredValue::new_local(Box::new(navigate)),
        }
    }

    /// What the URL says, as a signal.
    pub fn view(self) -> View {
        self.view.get()
    }

    /// What the URL says, without following it.
    pub fn view_untracked(self) -> View {
        self.view.get_untracked()
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

    /// Goes to an address of this app.
    pub fn open(self, href: &str) {
        self.navigate(href, false, true);
    }

    /// Changes the URL of the wall without a step in the browser's history.
    pub fn amend(self, change: impl FnOnce(&mut View)) {
        let mut view = self.view.get_untracked();
        change(&mut view);
        self.navigate(&self.wall_href(&view), true, false);
    }

    /// Changes the wall's URL with a step in the history, for a choice one may want to
    /// go back from.
    pub fn change(self, change: impl FnOnce(&mut View)) {
        let mut view = self.view.get_untracked();
        change(&mut view);
        self.navigate(&self.wall_href(&view), false, true);
    }

    fn navigate(self, href: &str, replace: bool, scroll: bool) {
        self.go.with_value(|go| {
            go(
                href,
                NavigateOptions {
                    resolve: false,
                    replace,
                    scroll,
                    ..NavigateOptions::default()
                },
            );
        });
    }
}

impl Default for Nav {
    fn default() -> Self {
        Self::new()
    }
}
