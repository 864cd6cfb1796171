//! Upgrades cells of nbformat 2 and 3, and broken ones, to cells of nbformat 4.
//!
//! A notebook by itself stays as it was. Merging upgrades, because one participant's broken cell
//! must not keep Jupyter from opening the notebook that holds the others'.

use std::borrow::Cow;

use super::{
    cell::{Cell, CellKind},
    json::{RawJson, compact, push_text},
    output::{is_shown, mime_has_old_name, mime_of_old_name},
    top,
};

/// The most outputs of unknown types that a cell shows one by one, and the others as one, because
/// each is shown in many times its size.
const MAX_UNKNOWN_OUTPUTS: usize = 3;

/// The fields of an object, to be changed: their names as they stand between the quotes of the
/// JSON, and the JSON of their values.
pub(super) struct Fields<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    fn of(object: RawJson<'a>) -> Self {
        // Counting first saves memory, because a growing list may take three times its size.
        let mut fields = Vec::with_capacity(object.entries().count() + 4);
        let all = object.entries();
        fields.extend(all.map(|(name, value)| (name, Cow::Borrowed(value.json()))));
        Self(fields)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, RawJson<'_>)> + Clone {
        self.0
            .iter()
            .map(|(name, value)| (*name, RawJson::of(value)))
    }

    fn get(&self, name: &str) -> Option<RawJson<'_>> {
        self.iter()
            .find(|(own, _)| *own == name)
            .map(|(_, raw)| raw)
    }

    fn has(&self, name: &str, is: impl Fn(RawJson<'_>) -> bool) -> bool {
        self.get(name).is_some_and(is)
    }

    fn remove(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let at = self.0.iter().position(|(own, _)| *own == name)?;
        Some(self.0.remove(at).1)
    }

    pub(super) fn set(&mut self, name: &'a str, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        match self.0.iter_mut().find(|(own, _)| *own == name) {
            Some((_, own)) => *own = value,
            None => self.0.push((name, value)),
        }
    }

    fn rename(&mut self, old: &str, new: &'a str) {
        if let Some(value) = self.remove(old)
            && self.get(new).is_none()
        {
            self.0.push((new, value));
        }
    }

    /// Sorts the fields by name, which is the order in which Jupyter writes them.
    pub(super) fn sort(&mut self) {
        self.0.sort_unstable_by_key(|(name, _)| *name);
    }

    /// The JSON of the object.
    pub(super) fn json(&self) -> String {
        let length = |(name, value): &(&str, Cow<'_, str>)| name.len() + value.len() + 4;
        let mut json = String::with_capacity(2 + self.0.iter().map(length).sum::<usize>());
        for (name, value) in &self.0 {
            top::push_entry(&mut json, name, value);
        }
        top::close(&mut json);
        json
    }
}

/// The JSON of a text.
fn text_json(of: &str) -> String {
    let mut json = String::with_capacity(of.len() + 2);
    push_text(&mut json, of);
    json
}

/// The fields of `cell` as nbformat 4 requires them; unknown fields stay.
pub(super) fn cell(cell: &Cell) -> Fields<'_> {
    let kind = cell.kind();
    // A source that is valid in nbformat 4 need not be written again.
    let source = match (&kind, cell.get("source")) {
        (CellKind::Code | CellKind::Markdown | CellKind::Raw, Some(source)) if source.is_text() => {
            None
        }
        _ => Some(cell.source()),
    };
    if matches!(kind, CellKind::Unknown(_)) {
        return raw_cell(cell.json(), source.as_deref().unwrap_or_default());
    }
    let mut fields = Fields::of(cell.json());
    match kind {
        CellKind::Code => upgrade_code(&mut fields, cell.get("outputs")),
        CellKind::Markdown => fields.set("cell_type", "\"markdown\""),
        CellKind::Heading(level) => {
            let line = source.as_deref().unwrap_or_default().replace('\n', " ");
            let heading = format!("{} {line}", "#".repeat(usize::from(level)));
            fields.set("cell_type", "\"markdown\"");
            fields.set("source", text_json(&heading));
            fields.remove("level");
        }
        CellKind::Raw | CellKind::Unknown(_) => {}
    }
    require_metadata(&mut fields);
    if let Some(source) = source
        && !fields.has("source", |raw| raw.is_text())
    {
        fields.set("source", text_json(&source));
    }
    fields
}

/// A raw cell that shows a broken cell: its source, or its JSON when it has none.
fn raw_cell<'a>(broken: RawJson<'a>, source: &str) -> Fields<'a> {
    let source = match source.is_empty() {
        true => text_json(broken.json()),
        false => text_json(source),
    };
    let mut fields = Fields(Vec::with_capacity(4));
    fields.set("cell_type", "\"raw\"");
    fields.set("metadata", "{}");
    fields.set("source", source);
    fields
}

/// Upgrades the fields of a code cell, whose outputs are `own`.
fn upgrade_code<'a>(fields: &mut Fields<'a>, own: Option<RawJson<'a>>) {
    fields.rename("input", "source");
    fields.rename("prompt_number", "execution_count");
    require_count(fields);
    let collapsed = fields.remove("collapsed");
    if let Some(collapsed) = collapsed.filter(|json| matches!(&**json, "true" | "false")) {
        require_metadata(fields);
        let own = fields.get("metadata").expect("there is one now");
        if own.get("collapsed").is_none() {
            let with = top::with_field(own, "collapsed", Some(&collapsed));
            fields.set("metadata", with);
        }
    }
    // In nbformat 4 the language is in the notebook's metadata.
    fields.remove("language");
    match own {
        Some(list) if list.is_array() => {
            if !list.items().all(is_current) {
                fields.set("outputs", upgraded_outputs(list.items()));
            }
        }
        None => fields.set("outputs", "[]"),
        Some(null) if null.is_null() => fields.set("outputs", "[]"),
        Some(one) => fields.set("outputs", upgraded_outputs([one].into_iter())),
    }
}

/// Sets the execution count to null unless it is a number.
fn require_count(fields: &mut Fields<'_>) {
    if !fields.has("execution_count", |raw| raw.as_i64().is_some()) {
        fields.set("execution_count", "null");
    }
}

/// Whether this output is valid in nbformat 4 as it is, as nearly all outputs are.
fn is_current(output: RawJson<'_>) -> bool {
    let names = ["output_type", "data", "metadata", "name", "text", "stream"];
    let [kind, data, metadata, name, text, stream] = output.get_all(names);
    let is_bundle = || data.is_some() && metadata.is_some_and(RawJson::is_object);
    match kind.and_then(RawJson::as_written) {
        Some("stream") => name.is_some() && text.is_some() && stream.is_none(),
        Some("error") => true,
        Some("display_data") => is_bundle(),
        Some("execute_result") => {
            let is_count = |raw: RawJson<'_>| raw.as_i64().is_some() || raw.is_null();
            is_bundle()
                && output.get("prompt_number").is_none()
                && output.get("execution_count").is_some_and(is_count)
        }
        _ => false,
    }
}

/// The JSON of the outputs in nbformat 4; an output of an unknown type is shown as its JSON.
fn upgraded_outputs<'a>(all: impl Iterator<Item = RawJson<'a>>) -> String {
    let mut list = String::from("[");
    let mut push = |json: &str| {
        list.push_str(if list.len() > 1 { "," } else { "" });
        list.push_str(json);
    };
    let mut unknown = 0;
    let mut others = String::new();
    for output in all {
        if is_current(output) {
            push(output.json());
        } else if is_shown(output) {
            push(&upgraded_output(output));
        } else if unknown < MAX_UNKNOWN_OUTPUTS {
            unknown += 1;
            push(&text_output(output.json()));
        } else {
            others.push_str(if others.is_empty() { "[" } else { "," });
            others.push_str(output.json());
        }
    }
    if !others.is_empty() {
        others.push(']');
        push(&text_output(&others));
    }
    list.push(']');
    list
}

/// The JSON of an output that shows `json` as text.
fn text_output(json: &str) -> String {
    let data = text_json(json);
    format!(
        "{{\"output_type\":\"display_data\",\"data\":{{\"text/plain\":{data}}},\"metadata\":{{}}}}"
    )
}

/// The JSON of an output of a known type in nbformat 4.
fn upgraded_output(output: RawJson<'_>) -> String {
    let mut fields = Fields::of(output);
    let kind = match output.get("output_type").and_then(RawJson::as_written) {
        Some("pyout") => "execute_result",
        Some("pyerr") => "error",
        Some("update_display_data") => "display_data",
        other => other.unwrap_or_default(),
    };
    match kind {
        "stream" => {
            fields.rename("stream", "name");
            for (name, value) in [("name", "\"stdout\""), ("text", "\"\"")] {
                if fields.get(name).is_none() {
                    fields.set(name, value);
                }
            }
        }
        "execute_result" => {
            fields.rename("prompt_number", "execution_count");
            require_count(&mut fields);
            collect_data(&mut fields);
        }
        "display_data" => collect_data(&mut fields),
        _ => {}
    }
    fields.set("output_type", format!("\"{kind}\""));
    fields.json()
}

/// Moves the mime types that are fields of the output itself into its `data`.
fn collect_data(fields: &mut Fields<'_>) {
    require_metadata(fields);
    if fields.get("data").is_some() {
        return;
    }
    rename_metadata(fields);
    let mut data = Fields(Vec::with_capacity(fields.0.len()));
    fields.0.retain_mut(|(key, value)| {
        let (mime, is_known) = match mime_of_old_name(key) {
            Some(mime) => (mime, true),
            None if key.contains('/') => (*key, mime_has_old_name(key)),
            None => return true,
        };
        // JSON is a text in nbformat 3 and a value in 4.
        let parsed = (mime == "application/json")
            .then(|| RawJson::of(value).text().and_then(|json| compact(&json)))
            .flatten();
        let value = parsed.map_or_else(|| std::mem::take(value), Cow::Owned);
        // Only a mime type with two names can occur twice.
        match is_known {
            true => data.set(mime, value),
            false => data.0.push((mime, value)),
        }
        false
    });
    let data = data.json();
    fields.set("data", data);
}

/// Renames what the metadata of an output says of its mime types, such as the size of a picture.
fn rename_metadata(fields: &mut Fields<'_>) {
    let own = fields.get("metadata").expect("there is one now");
    let is_old =
        |(name, of): (&str, RawJson<'_>)| mime_of_old_name(name).is_some() && of.is_object();
    if !own.entries().any(is_old) {
        return;
    }
    let mut renamed = Fields::of(own);
    let old: Vec<(&str, &str)> = own
        .entries()
        .filter(|entry| is_old(*entry))
        .filter_map(|(name, _)| Some((name, mime_of_old_name(name)?)))
        .collect();
    for (name, mime) in old {
        renamed.rename(name, mime);
    }
    let renamed = renamed.json();
    fields.set("metadata", renamed);
}

/// Sets the metadata to an empty object when it is missing or no object.
fn require_metadata(fields: &mut Fields<'_>) {
    if !fields.has("metadata", |raw| raw.is_object()) {
        fields.set("metadata", "{}");
    }
}
