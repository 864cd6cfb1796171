//! JSON to the tree that is shown of it.

use serde_json::Value;

use crate::{
    notebook::{Bundle, text},
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
    let lines = |lines: &Vec<Value>| !lines.is_empty() && lines.iter().all(Value::is_string);
    let may_be_text = value.is_string() || value.as_array().is_some_and(lines);
    let parsed = may_be_text
        .then(|| serde_json::from_str(&text(value)?).ok())
        .flatten();
    Some(Rich::Json(tree(parsed.as_ref().unwrap_or(value))))
}

/// As much of `value` as a page should hold.
pub(super) fn tree(value: &Value) -> Json {
    let length = value.to_string().len();
    let mut budget = (GROWTH * length + FREE).min(MAX_MARKUP);
    node(value, 0, &mut budget)
}

/// `budget` is the markup that may still be made.
fn node(value: &Value, depth: usize, budget: &mut usize) -> Json {
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
    match value {
        Value::Array(all) => {
            let mut items = Vec::new();
            for item in all.iter().take(MAX_ENTRIES) {
                if *budget == 0 || depth >= MAX_DEPTH {
                    break;
                }
                items.push(node(item, depth + 1, budget));
            }
            let more = all.len() - items.len();
            Json::List { items, more }
        }
        Value::Object(all) => {
            let mut entries = Vec::new();
            for (key, value) in all.iter().take(MAX_ENTRIES) {
                if *budget == 0 || depth >= MAX_DEPTH {
                    break;
                }
                let key = shortened(key);
                *budget = budget.saturating_sub(5 * key.len());
                entries.push((key, node(value, depth + 1, budget)));
            }
            let more = all.len() - entries.len();
            Json::Object { entries, more }
        }
        scalar => {
            let text = match scalar {
                Value::String(text) => Value::String(shortened(text)).to_string(),
                other => other.to_string(),
            };
            *budget = budget.saturating_sub(5 * text.len());
            Json::Leaf(text)
        }
    }
}

/// The JSON of `value` when it is short.
fn on_one_line(value: &Value, depth: usize) -> Option<String> {
    // A long one is not even written.
    let length = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => 2 * items.len(),
        Value::Object(entries) => 6 * entries.len(),
        _ => 0,
    };
    if length > SHORT || depth > 2 {
        return None;
    }
    let text = match value {
        Value::Array(items) => {
            let items: Option<Vec<String>> = items
                .iter()
                .map(|item| on_one_line(item, depth + 1))
                .collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let key = Value::from(key.as_str());
                Some(format!("{key}: {}", on_one_line(value, depth + 1)?))
            });
            format!(
                "{{{}}}",
                entries.collect::<Option<Vec<String>>>()?.join(", ")
            )
        }
        scalar => scalar.to_string(),
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
    use serde_json::json;

    use super::tree;
    use crate::prepared::Json;

    #[test]
    fn short_values_stay_on_a_line() {
        let leaf = |text: &str| Json::Leaf(text.to_owned());
        assert_eq!(tree(&json!([1, "a", null])), leaf("[1, \"a\", null]"));
        assert_eq!(tree(&json!({"a": {"b": []}})), leaf("{\"a\": {\"b\": []}}"));
        let long = "x".repeat(100);
        let Json::Object { entries, more: 0 } = tree(&json!({"a": long, "b": 1})) else {
            panic!("a long text is no leaf of an object");
        };
        assert_eq!(entries[1], ("b".to_owned(), leaf("1")));
    }

    #[test]
    fn long_and_deep_values_say_what_is_missing() {
        let Json::List { items, more } = tree(&json!(vec!["a number of words"; 1000])) else {
            panic!("a list");
        };
        assert_eq!((items.len(), more), (200, 800));
        let mut deep = json!(["x".repeat(100)]);
        for _ in 0..90 {
            deep = json!([deep]);
        }
        let mut at = &tree(&deep);
        let mut depth = 0;
        while let Json::List { items, .. } = at {
            let Some(next) = items.first() else { break };
            (at, depth) = (next, depth + 1);
        }
        assert_eq!(depth, 16);
    }
}
