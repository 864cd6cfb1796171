//! The keys of the page of one notebook; those of every page are in the dialog that lists
//! them.

use leptos::prelude::*;

use super::Parts;
use crate::pages::keyboard::on_shortcut;

pub(super) fn shortcuts(parts: Parts, around: Memo<(Option<String>, Option<String>)>) {
    on_shortcut(move |key| {
        let (before, after) = around.get_untracked();
        let deed: fn(Parts) = match key {
            "k" | "ArrowLeft" => return go(parts, before),
            "j" | "ArrowRight" => return go(parts, after),
            "Escape" => Parts::leave,
            "h" if untrack(|| parts.keeps_history()) => Parts::toggle_panel,
            _ if !parts.panel.get_untracked() => return false,
            "o" => Parts::step_back,
            "n" => Parts::step_on,
            "c" => Parts::toggle_changes,
            _ => return false,
        };
        deed(parts);
        true
    });
}

fn go(parts: Parts, href: Option<String>) -> bool {
    if let Some(href) = &href {
        parts.router.open(href);
    }
    href.is_some()
}
