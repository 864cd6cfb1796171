//! JSON as a tree that can be folded.

use super::{escape, highlight};
use crate::prepared::Json;

/// Below this depth a tree is folded at first, and so is a part of more entries.
const OPEN_DEPTH: usize = 2;
const OPEN_ENTRIES: usize = 20;

/// `json` onto the end of `out`.
pub(super) fn push(out: &mut String, json: &Json) {
    node(out, None, json, 0);
}

fn node(out: &mut String, key: Option<&str>, json: &Json, depth: usize) {
    let (kind, shown, more) = match json {
        Json::Leaf(text) => {
            out.push_str("<code>");
            push_key(out, key);
            highlight::push(out, text, "json");
            out.push_str("</code>");
            return;
        }
        Json::List { items, more } => ("list", items.len(), *more),
        Json::Object { entries, more } => ("object", entries.len(), *more),
    };
    let is_open = depth == 0 || (depth < OPEN_DEPTH && shown <= OPEN_ENTRIES);
    out.push_str("<details class=\"nb-node\"");
    out.push_str(if is_open {
        " open=\"\"><summary>"
    } else {
        "><summary>"
    });
    if key.is_some() {
        out.push_str("<code>");
        push_key(out, key);
        out.push_str("</code>");
    }
    let count = shown.saturating_add(more);
    out.push_str(&format!("{kind} of {count}</summary><ul>"));
    match json {
        Json::Leaf(_) => {}
        Json::List { items, .. } => {
            for item in items {
                push_item(out, None, item, depth);
            }
        }
        Json::Object { entries, .. } => {
            for (key, value) in entries {
                push_item(out, Some(key), value, depth);
            }
        }
    }
    out.push_str("</ul>");
    if more > 0 {
        out.push_str(&format!("<p class=\"nb-more\">{more} more</p>"));
    }
    out.push_str("</details>");
}

fn push_item(out: &mut String, key: Option<&str>, json: &Json, depth: usize) {
    out.push_str("<li>");
    node(out, key, json, depth + 1);
    out.push_str("</li>");
}

fn push_key(out: &mut String, key: Option<&str>) {
    if let Some(key) = key {
        out.push_str("<span class=\"tok-def\">");
        escape::push(out, key);
        out.push_str("</span>: ");
    }
}
