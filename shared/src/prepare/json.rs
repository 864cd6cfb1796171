//! JSON to the tree that is shown of it.

use serde_json::Value;

use crate::{
    notebook::{Bundle, Raw, compact, number, unescaped},
    prepared::{Json, Rich},
};

/// A value whose JSON is no longer than this stays on one line.
const SHORT: usize = 80;
const MAX_DEPTH: usize = 16;
/// Items of one list, entries of one object.
const MAX_ENTRIES: usize = 200;
/// Bytes of one text.
const MAX_TEXT: usize = 4000;
/// Markup for each byte of JSON, and what there is for nothing.
const GROWTH: usize = 6;
const FREE: usize = 2500;
const MAX_MARKUP: usize = 1 << 20;
/// Markup for an entry that is not in its text.
const ENTRY: usize = 80;

/// The JSON of the first of these mime types that `bundle` has.
pub(super) fn of(bundle: &Bundle<'_>, mimes: &[&str]) -> Option<Rich> {
    let value = mimes.iter().find_map(|mime| bundle.get(mime))?;
    // nbformat 3 has it as text, and lines are joined like those of any text.
    let has_one = |list: Raw<'_>| list.items().next().is_some();
    let may_be_text = value.is_string() || (value.is_text() && has_one(value));
    let parsed = may_be_text.then(|| compact(&value.text()?)).flatten();
    Some(Rich::Json(tree(parsed.as_deref().map_or(value, Raw::of))))
}

/// As much of `value` as a page should hold.
pub(super) fn tree(value: Raw<'_>) -> Json {
    let mut budget = (GROWTH * value.json().len() + FREE).min(MAX_MARKUP);
    node(value, 0, &mut budget)
}

/// `budget` is the markup that may still be made.
fn node(value: Raw<'_>, depth: usize, budget: &mut usize) -> Json {
    if let Some(text) = on_one_line(value, 0) {
        // In a list of numbers each has a tag of its own.
        let growth = if value.is_array() || value.is_object() {
            16
        } else {
            5
        };
        *budget = budget.saturating_sub(ENTRY + growth * text.len());
        return Json::Leaf(text);
    }
    *budget = budget.saturating_sub(2 * ENTRY);
    let is_full = |budget: &usize| *budget == 0 || depth >= MAX_DEPTH;
    if value.is_array() {
        let mut all = value.items();
        let mut items = Vec::new();
        while items.len() < MAX_ENTRIES && !is_full(budget) {
            let Some(item) = all.next() else { break };
            items.push(node(item, depth + 1, budget));
        }
        let more = all.count();
        return Json::List { items, more };
    }
    if value.is_object() {
        let mut all = value.entries();
        let mut entries = Vec::new();
        while entries.len() < MAX_ENTRIES && !is_full(budget) {
            let Some((key, value)) = all.next() else {
                break;
            };
            let key = shortened(&unescaped(key));
            *budget = budget.saturating_sub(5 * key.len());
            entries.push((key, node(value, depth + 1, budget)));
        }
        let more = all.count();
        return Json::Object { entries, more };
    }
    let text = match value.as_str() {
        Some(text) => Value::String(shortened(&text)).to_string(),
        None => number(value.json()).into_owned(),
    };
    *budget = budget.saturating_sub(5 * text.len());
    Json::Leaf(text)
}

/// The JSON of `value` when it is short.
fn on_one_line(value: Raw<'_>, depth: usize) -> Option<String> {
    // A long one is not even looked at.
    if value.json().len() > SHORT || depth > 2 {
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
    } else if value.is_string() {
        value.json().to_owned()
    } else {
        number(value.json()).into_owned()
    };
    (text.len() <= SHORT).then_some(text)
}

fn shortened(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_TEXT)])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{notebook::Raw, prepared::Json};

    #[expect(clippy::needless_pass_by_value, reason = "callers write it in place")]
    fn tree(value: Value) -> Json {
        super::tree(Raw::of(&value.to_string()))
    }

    #[test]
    fn short_values_stay_on_a_line() {
        let leaf = |text: &str| Json::Leaf(text.to_owned());
        assert_eq!(tree(json!([1, "a", null])), leaf("[1, \"a\", null]"));
        assert_eq!(tree(json!({"a": {"b": []}})), leaf("{\"a\": {\"b\": []}}"));
        let long = "x".repeat(100);
        let Json::Object { entries, more: 0 } = tree(json!({"a": long, "b": 1})) else {
            panic!("a long text is no leaf of an object");
        };
        assert_eq!(entries[1], ("b".to_owned(), leaf("1")));
    }

    #[test]
    fn long_and_deep_values_say_what_is_missing() {
        let Json::List { items, more } = tree(json!(vec!["a number of words"; 1000])) else {
            panic!("a list");
        };
        assert_eq!((items.len(), more), (200, 800));
        let mut deep = json!(["x".repeat(100)]);
        for _ in 0..90 {
            deep = json!([deep]);
        }
        let mut at = &tree(deep);
        let mut depth = 0;
        while let Json::List { items, .. } = at {
            let Some(next) = items.first() else { break };
            (at, depth) = (next, depth + 1);
        }
        assert_eq!(depth, 16);
    }
}
