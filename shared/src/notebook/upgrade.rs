//! Cells of nbformat 2 and 3 to cells of nbformat 4.

use serde_json::{Map, Value, json};

use super::{
    cell::{Cell, CellKind, text},
    output::mime_of_old_name,
};

/// What nbformat 4 requires of the cell; what it does not know stays.
pub(super) fn cell(cell: Cell) -> Map<String, Value> {
    let kind = cell.kind();
    let source = cell.source();
    let mut fields = match cell.into_value() {
        Value::Object(fields) => fields,
        broken => return raw(&broken),
    };
    match kind {
        CellKind::Code => code(&mut fields),
        CellKind::Markdown => drop(fields.insert("cell_type".to_owned(), json!("markdown"))),
        CellKind::Heading(level) => {
            let line = source.replace('\n', " ");
            let heading = format!("{} {line}", "#".repeat(usize::from(level)));
            fields.insert("cell_type".to_owned(), json!("markdown"));
            fields.insert("source".to_owned(), json!(heading));
            fields.remove("level");
        }
        CellKind::Raw | CellKind::Unknown(_) => {}
    }
    metadata(&mut fields);
    fields.entry("source").or_insert_with(|| json!(""));
    fields
}

/// A raw cell that shows JSON that is no cell.
fn raw(broken: &Value) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("cell_type".to_owned(), json!("raw"));
    fields.insert("metadata".to_owned(), json!({}));
    fields.insert("source".to_owned(), json!(broken.to_string()));
    fields
}

fn code(fields: &mut Map<String, Value>) {
    rename(fields, "input", "source");
    rename(fields, "prompt_number", "execution_count");
    fields.entry("execution_count").or_insert(Value::Null);
    if let Some(collapsed @ Value::Bool(_)) = fields.remove("collapsed") {
        metadata(fields).entry("collapsed").or_insert(collapsed);
    }
    // The notebook's metadata says it in nbformat 4.
    fields.remove("language");
    let outputs = fields.entry("outputs").or_insert_with(|| json!([]));
    if let Value::Array(outputs) = outputs {
        outputs
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(output);
    }
}

fn output(fields: &mut Map<String, Value>) {
    let kind = fields.get("output_type").and_then(Value::as_str);
    let kind = match kind {
        Some("pyout") => "execute_result",
        Some("pyerr") => "error",
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
            fields.entry("execution_count").or_insert(Value::Null);
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
