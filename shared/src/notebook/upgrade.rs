//! Cells of nbformat 2 and 3, and broken ones, to cells of nbformat 4.
//!
//! Of one notebook alone everything stays as it was; this is for a notebook that is put
//! together of several, where one participant's broken cell must not keep Jupyter from
//! opening the others'.

use serde_json::{Map, Value, json};

use super::{
    cell::{Cell, CellKind, text},
    output::{is_shown, mime_of_old_name},
};

/// What nbformat 4 requires of the cell; what it does not know stays.
pub(super) fn cell(cell: Cell) -> Map<String, Value> {
    let kind = cell.kind();
    // What nbformat 4 has as it is need not be made anew.
    let source = match (&kind, cell.value().get("source")) {
        (CellKind::Code | CellKind::Markdown | CellKind::Raw, Some(source)) if is_text(source) => {
            None
        }
        _ => Some(cell.source()),
    };
    let mut fields = match (cell.into_value(), &kind) {
        (Value::Object(fields), known) if !matches!(known, CellKind::Unknown(_)) => fields,
        (broken, _) => return raw(&broken, source.unwrap_or_default()),
    };
    match kind {
        CellKind::Code => code(&mut fields),
        CellKind::Markdown => drop(fields.insert("cell_type".to_owned(), json!("markdown"))),
        CellKind::Heading(level) => {
            let line = source.as_deref().unwrap_or_default().replace('\n', " ");
            let heading = format!("{} {line}", "#".repeat(usize::from(level)));
            fields.insert("cell_type".to_owned(), json!("markdown"));
            fields.insert("source".to_owned(), json!(heading));
            fields.remove("level");
        }
        CellKind::Raw | CellKind::Unknown(_) => {}
    }
    metadata(&mut fields);
    if let Some(source) = source
        && !fields.get("source").is_some_and(is_text)
    {
        fields.insert("source".to_owned(), json!(source));
    }
    fields
}

/// The fields of `cell` when they are nbformat 4 as they are, which nearly all are: then
/// [`cell`] would make a copy of them.
pub(super) fn current(cell: &Cell) -> Option<&Map<String, Value>> {
    let fields = cell.value().as_object()?;
    let has_what_all_have = fields.get("source").is_some_and(is_text)
        && fields.get("metadata").is_some_and(Value::is_object);
    let is_current = match fields.get("cell_type")?.as_str()? {
        "code" => is_current_code(fields),
        "markdown" | "raw" => true,
        _ => false,
    };
    (has_what_all_have && is_current).then_some(fields)
}

fn is_current_code(fields: &Map<String, Value>) -> bool {
    let old = ["input", "prompt_number", "collapsed", "language"];
    let Some(Value::Array(outputs)) = fields.get("outputs") else {
        return false;
    };
    old.iter().all(|name| !fields.contains_key(*name))
        && fields.get("execution_count").is_some_and(is_count)
        && outputs.iter().all(is_current_output)
}

fn is_current_output(output: &Value) -> bool {
    let has = |name| output.get(name).is_some();
    let is_bundle = || has("data") && output.get("metadata").is_some_and(Value::is_object);
    match output.get("output_type").and_then(Value::as_str) {
        Some("stream") => has("name") && has("text") && !has("stream"),
        Some("error") => true,
        Some("display_data") => is_bundle(),
        Some("execute_result") => {
            is_bundle()
                && !has("prompt_number")
                && output.get("execution_count").is_some_and(is_count)
        }
        _ => false,
    }
}

fn is_count(value: &Value) -> bool {
    value.is_i64() || value.is_null()
}

/// Whether `value` is text as nbformat wants it.
fn is_text(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::Array(lines) => lines.iter().all(Value::is_string),
        _ => false,
    }
}

/// A raw cell that shows what is no cell: its text, else its JSON.
fn raw(broken: &Value, source: String) -> Map<String, Value> {
    let mut fields = Map::new();
    let source = if source.is_empty() {
        broken.to_string()
    } else {
        source
    };
    fields.insert("cell_type".to_owned(), json!("raw"));
    fields.insert("metadata".to_owned(), json!({}));
    fields.insert("source".to_owned(), json!(source));
    fields
}

fn code(fields: &mut Map<String, Value>) {
    rename(fields, "input", "source");
    rename(fields, "prompt_number", "execution_count");
    count(fields);
    if let Some(collapsed @ Value::Bool(_)) = fields.remove("collapsed") {
        metadata(fields).entry("collapsed").or_insert(collapsed);
    }
    // The notebook's metadata says it in nbformat 4.
    fields.remove("language");
    let outputs = match fields.remove("outputs") {
        Some(Value::Array(outputs)) => outputs,
        None | Some(Value::Null) => Vec::new(),
        Some(one) => vec![one],
    };
    let outputs: Vec<Value> = outputs.into_iter().map(output).collect();
    fields.insert("outputs".to_owned(), Value::Array(outputs));
}

/// The execution count, which is a number or null.
fn count(fields: &mut Map<String, Value>) {
    if !fields.get("execution_count").is_some_and(Value::is_i64) {
        fields.insert("execution_count".to_owned(), Value::Null);
    }
}

/// An output nbformat 4 has; one that it has not is shown as its JSON.
fn output(mut value: Value) -> Value {
    let known = is_shown(&value);
    if let Some(fields) = value.as_object_mut().filter(|_| known) {
        known_output(fields);
        return value;
    }
    let text = json!({"text/plain": value.to_string()});
    json!({"output_type": "display_data", "data": text, "metadata": {}})
}

fn known_output(fields: &mut Map<String, Value>) {
    let kind = fields.get("output_type").and_then(Value::as_str);
    let kind = match kind {
        Some("pyout") => "execute_result",
        Some("pyerr") => "error",
        Some("update_display_data") => "display_data",
        Some(other) => other,
        None => return,
    }
    .to_owned();
    match kind.as_str() {
        "stream" => {
            rename(fields, "stream", "name");
            fields.entry("name").or_insert_with(|| json!("stdout"));
            fields.entry("text").or_insert_with(|| json!(""));
        }
        "execute_result" => {
            rename(fields, "prompt_number", "execution_count");
            count(fields);
            bundle(fields);
        }
        "display_data" => bundle(fields),
        _ => {}
    }
    fields.insert("output_type".to_owned(), json!(kind));
}

/// Moves what stands on the output itself into its `data`.
fn bundle(fields: &mut Map<String, Value>) {
    metadata(fields);
    if fields.contains_key("data") {
        return;
    }
    let mut data = Map::new();
    for (key, value) in std::mem::take(fields) {
        let mime = match mime_of_old_name(&key) {
            Some(mime) => mime,
            None if key.contains('/') => key.as_str(),
            None => {
                fields.insert(key, value);
                continue;
            }
        };
        // JSON was text in nbformat 3 and is a value in 4.
        let parsed = (mime == "application/json")
            .then(|| text(&value).and_then(|json| serde_json::from_str(&json).ok()))
            .flatten();
        data.insert(mime.to_owned(), parsed.unwrap_or(value));
    }
    fields.insert("data".to_owned(), Value::Object(data));
}

/// The metadata, made when it is missing or no object.
fn metadata(fields: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let slot = fields.entry("metadata").or_insert(Value::Null);
    if !slot.is_object() {
        *slot = json!({});
    }
    slot.as_object_mut().expect("it was just made an object")
}

fn rename(fields: &mut Map<String, Value>, old: &str, new: &str) {
    if let Some(value) = fields.remove(old) {
        fields.entry(new).or_insert(value);
    }
}
