//! The keys of the page of one notebook.

use leptos::prelude::*;

use super::Parts;
use crate::pages::keyboard::on_shortcut;

/// The keys of this page; those of every page are in the dialog that lists them.
pub(super) fn shortcuts(parts: Parts, around: Memo<(Option<String>, Option<String>)>) {
    on_shortcut(move |key| {
        let timeline = || parts.timeline.timeline_untracked();
        let shown = parts.router.view_untracked().version;
        let has_history = untrack(|| parts.keeps_history());
        let (before, after) = around.get_untracked();
        let neighbour = match key {
            "k" | "ArrowLeft" => before,
            "j" | "ArrowRight" => after,
            "Escape" => {
                parts.leave();
                return true;
            }
            "h" if has_history => {
                parts.toggle_panel();
                return true;
            }
            "o" if parts.panel.get_untracked() => {
                parts.step(timeline().older(shown));
                return true;
            }
            "n" if parts.panel.get_untracked() => {
                parts.step(timeline().newer(shown));
                return true;
            }
            "c" if parts.panel.get_untracked() => {
                parts.toggle_changes();
                return true;
            }
            _ => None,
        };
        if let Some(href) = &neighbour {
            parts.router.open(href);
        }
        neighbour.is_some()
    });
}
