//! Draws what has changed of the history.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlDialogElement, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::HistoryController;
use crate::clock::local;
use crate::html::{Html, set_html};
use crate::model::history_panel::HistoryContext;
use crate::pages::keyboard::find;
use crate::paths;

impl HistoryController {
    /// Draws every part that has changed into its element.
    pub(super) fn draw(self) {
        let view = self.router.view_untracked();
        let download = || {
            let newest = self
                .state
                .with_value(|state| state.history.timeline.newest());
            let version = view.version.or(newest)?;
            Some(paths::download(
                view.notebook.as_ref()?,
                view.user.as_ref()?,
                version,
            ))
        };
        let may_restore = self.session.who_untracked().is_some_and(|who| {
            let user = view.user.as_deref();
            user.is_some_and(|user| who.may_change(user))
        });
        let context = HistoryContext {
            download: download(),
            may_restore,
            now: local(self.clock.now_ms_untracked()),
            local: &local,
            href: &|view| self.router.notebook_href(view),
            view,
        };
        let drawn = self.state.try_with_value(|state| {
            let history = &state.history;
            let none = Html::default;
            let changes = history.open && context.view.changes;
            [
                (
                    "#version-bar",
                    if history.open {
                        history.bar(&context)
                    } else {
                        none()
                    },
                ),
                (
                    "#history",
                    if history.open {
                        history.panel(&context)
                    } else {
                        none()
                    },
                ),
                (
                    "#changes",
                    if changes {
                        history.changes.clone()
                    } else {
                        none()
                    },
                ),
                ("#restore", history.dialog(&context)),
            ]
        });
        for (at, (place, html)) in drawn.into_iter().flatten().enumerate() {
            let is_new = self.state.try_update_value(|state| {
                let is_new = state.drawn[at] != html;
                state.drawn[at].clone_from(&html);
                is_new
            });
            if is_new == Some(true) {
                draw_part(place, &html);
            }
        }
        if let Some(page) = find(".notebook-page") {
            let old = if context.view.version.is_some() {
                " old"
            } else {
                ""
            };
            let open = if self.is_open() { " with-history" } else { "" };
            let changes = if context.view.changes {
                " with-changes"
            } else {
                ""
            };
            page.set_class_name(&format!("notebook-page{open}{old}{changes}"));
        }
    }
}

/// Draws one part. The shown version is scrolled into view, and takes the focus if the part had it.
fn draw_part(place: &str, html: &Html) {
    let Some(element) = find(place) else { return };
    let focused = document().active_element();
    let had_focus = focused.is_some_and(|focused| element.contains(Some(&focused)));
    set_html(&element, html);
    if let Some(dialog) = element.dyn_ref::<HtmlDialogElement>() {
        match html.is_empty() {
            true => dialog.close(),
            // It fails only for a dialog that is not in the page.
            false if !dialog.open() => drop(dialog.show_modal()),
            false => {}
        }
        return;
    }
    if let Ok(Some(current)) = element.query_selector("[aria-current]") {
        let options = ScrollIntoViewOptions::new();
        options.set_block(ScrollLogicalPosition::Nearest);
        current.scroll_into_view_with_scroll_into_view_options(&options);
        if had_focus && let Some(link) = current.dyn_ref::<web_sys::HtmlElement>() {
            // It may be gone again.
            let _ = link.focus();
        }
    }
}
