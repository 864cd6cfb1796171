//! The tree that is shown of JSON.

use serde_json::Value;

use crate::{
    notebook::{MimeBundle, RawJson, compact, unescaped},
    prepared::{JsonTree, RichOutput},
};

/// A value whose JSON has no more bytes than this stays on one line.
const MAX_LEAF_BYTES: usize = 80;
const MAX_TREE_DEPTH: usize = 16;
/// The most items of one list and entries of one object that are shown.
const MAX_TREE_ENTRIES: usize = 200;
/// The most bytes of one text that are shown.
const MAX_TREE_TEXT_BYTES: usize = 4000;
/// The bytes of markup that a tree may have for each byte of JSON, and those it may have beyond.
const TREE_GROWTH_FACTOR: usize = 6;
const TREE_FREE_BYTES: usize = 2500;
const MAX_MARKUP_BYTES: usize = 1 << 20;
/// The bytes of an entry's markup beside its text.
const ENTRY_MARKUP_BYTES: usize = 80;

/// The tree of the first of these mime types that `bundle` has.
pub(super) fn of(bundle: &MimeBundle<'_>, mimes: &[&str]) -> Option<RichOutput> {
    let value = mimes.iter().find_map(|mime| bundle.get(mime))?;
    // In nbformat 3 JSON is a text, whose lines are joined like those of any text.
    let has_one = |list: RawJson<'_>| list.items().next().is_some();
    let is_text = value.is_string() || (value.is_text() && has_one(value));
    let parsed = (bundle.is_old && is_text)
        .then(|| compact(&value.text()?))
        .flatten();
    Some(RichOutput::Json(tree(
        parsed.as_deref().map_or(value, RawJson::of),
    )))
}

/// The tree of `value`, as far as it fits into the bounds of a page.
pub(super) fn tree(value: RawJson<'_>) -> JsonTree {
    let mut budget =
        (TREE_GROWTH_FACTOR * value.json().len() + TREE_FREE_BYTES).min(MAX_MARKUP_BYTES);
    node(value, 0, &mut budget)
}

/// A node of the tree; `budget` is the number of bytes of markup that may still be made.
fn node(value: RawJson<'_>, depth: usize, budget: &mut usize) -> JsonTree {
    if let Some(text) = on_one_line(value, 0) {
        // Each number of a list has a tag of its own.
        let growth = if value.is_array() || value.is_object() {
            16
        } else {
            5
        };
        *budget = budget.saturating_sub(ENTRY_MARKUP_BYTES + growth * text.len());
        return JsonTree::Leaf(text);
    }
    *budget = budget.saturating_sub(2 * ENTRY_MARKUP_BYTES);
    let is_full = |budget: &usize| *budget == 0 || depth >= MAX_TREE_DEPTH;
    if value.is_array() {
        let mut all = value.items();
        let mut items = Vec::new();
        while items.len() < MAX_TREE_ENTRIES && !is_full(budget) {
            let Some(item) = all.next() else { break };
            items.push(node(item, depth + 1, budget));
        }
        let more = all.count();
        return JsonTree::List { items, more };
    }
    if value.is_object() {
        let mut all = value.entries();
        let mut entries = Vec::new();
        while entries.len() < MAX_TREE_ENTRIES && !is_full(budget) {
            let Some((key, value)) = all.next() else {
                break;
            };
            let key = shortened(&unescaped(key));
            *budget = budget.saturating_sub(5 * key.len());
            entries.push((key, node(value, depth + 1, budget)));
        }
        let more = all.count();
        return JsonTree::Object { entries, more };
    }
    let text = match value.as_str() {
        Some(text) => Value::String(shortened(&text)).to_string(),
        None => value.json().to_owned(),
    };
    *budget = budget.saturating_sub(5 * text.len());
    JsonTree::Leaf(text)
}

/// The JSON of `value` when it is short enough for one line.
fn on_one_line(value: RawJson<'_>, depth: usize) -> Option<String> {
    // A long value is not even read.
    if value.json().len() > MAX_LEAF_BYTES || depth > 2 {
        return None;
    }
    let text = if value.is_array() {
        let items = value.items().map(|item| on_one_line(item, depth + 1));
        format!("[{}]", items.collect::<Option<Vec<_>>>()?.join(", "))
    } else if value.is_object() {
        let entries = value
            .entries()
            .map(|(key, value)| Some(format!("\"{key}\": {}", on_one_line(value, depth + 1)?)));
        format!("{{{}}}", entries.collect::<Option<Vec<_>>>()?.join(", "))
    } else {
        value.json().to_owned()
    };
    (text.len() <= MAX_LEAF_BYTES).then_some(text)
}

fn shortened(text: &str) -> String {
    if text.len() <= MAX_TREE_TEXT_BYTES {
        return text.to_owned();
    }
    format!(
        "{}…",
        &text[..text.floor_char_boundary(MAX_TREE_TEXT_BYTES)]
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{notebook::RawJson, prepared::JsonTree};

    #[expect(clippy::needless_pass_by_value, reason = "callers write it in place")]
    fn tree(value: Value) -> JsonTree {
        super::tree(RawJson::of(&value.to_string()))
    }

    #[test]
    fn short_values_stay_on_one_line() {
        let leaf = |text: &str| JsonTree::Leaf(text.to_owned());
        assert_eq!(tree(json!([1, "a", null])), leaf("[1, \"a\", null]"));
        assert_eq!(tree(json!({"a": {"b": []}})), leaf("{\"a\": {\"b\": []}}"));
        let long = "x".repeat(100);
        let JsonTree::Object { entries, more: 0 } = tree(json!({"a": long, "b": 1})) else {
            panic!("a long text is no leaf of an object");
        };
        assert_eq!(entries[1], ("b".to_owned(), leaf("1")));
    }

    #[test]
    fn long_and_deep_values_count_what_is_missing() {
        let JsonTree::List { items, more } = tree(json!(vec!["a number of words"; 1000])) else {
            panic!("a list");
        };
        assert_eq!((items.len(), more), (200, 800));
        let mut deep = json!(["x".repeat(100)]);
        for _ in 0..90 {
            deep = json!([deep]);
        }
        let mut at = &tree(deep);
        let mut depth = 0;
        while let JsonTree::List { items, .. } = at {
            let Some(next) = items.first() else { break };
            (at, depth) = (next, depth + 1);
        }
        assert_eq!(depth, 16);
    }
}
