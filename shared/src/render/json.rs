//! JSON as a tree that can be folded.

use super::{escape, highlight};
use crate::prepared::JsonTree;

/// From this depth on a node is folded at first, and so is one of more entries than
/// [`MAX_OPEN_ENTRIES`].
const MAX_OPEN_DEPTH: usize = 2;
const MAX_OPEN_ENTRIES: usize = 20;

/// Appends the tree to `out`.
pub(super) fn push(out: &mut String, json: &JsonTree) {
    push_node(out, None, json, 0);
}

fn push_node(out: &mut String, key: Option<&str>, json: &JsonTree, depth: usize) {
    let (kind, shown, more) = match json {
        JsonTree::Leaf(text) => {
            out.push_str("<code>");
            push_key(out, key);
            highlight::push(out, text, "json");
            out.push_str("</code>");
            return;
        }
        JsonTree::List { items, more } => ("list", items.len(), *more),
        JsonTree::Object { entries, more } => ("object", entries.len(), *more),
    };
    let is_open = depth == 0 || (depth < MAX_OPEN_DEPTH && shown <= MAX_OPEN_ENTRIES);
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
        JsonTree::Leaf(_) => {}
        JsonTree::List { items, .. } => {
            for item in items {
                push_item(out, None, item, depth);
            }
        }
        JsonTree::Object { entries, .. } => {
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

fn push_item(out: &mut String, key: Option<&str>, json: &JsonTree, depth: usize) {
    out.push_str("<li>");
    push_node(out, key, json, depth + 1);
    out.push_str("</li>");
}

fn push_key(out: &mut String, key: Option<&str>) {
    if let Some(key) = key {
        out.push_str("<span class=\"tok-def\">");
        escape::push(out, key);
        out.push_str("</span>: ");
    }
}
