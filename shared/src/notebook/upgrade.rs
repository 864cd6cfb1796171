//! Cells of nbformat 2 and 3, and broken ones, to cells of nbformat 4.
//!
//! Of one notebook alone everything stays as it was; this is for a notebook that is put
//! together of several, where one participant's broken cell must not keep Jupyter from
//! opening the others'.

use std::borrow::Cow;

use super::{
    cell::{Cell, CellKind},
    json::{RawJson, compact, push_text},
    output::{is_shown, mime_has_old_name, mime_of_old_name},
    top,
};

/// Of a cell's outputs that nbformat 4 has not, so many are shown one by one, and the others as
/// one: each takes many times what there is of it.
const MAX_UNKNOWN_OUTPUTS: usize = 3;

/// The fields of an object, to be changed: names as JSON has them between quotes, and the JSON
/// of their values.
pub(super) struct Fields<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    fn of(object: RawJson<'a>) -> Self {
        // Counted first: of a list that grows there may be three times as much for a while.
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

    /// In the order in which Jupyter writes them.
    pub(super) fn sort(&mut self) {
        self.0.sort_unstable_by_key(|(name, _)| *name);
    }

    /// The object that they are.
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
fn text(of: &str) -> String {
    let mut json = String::with_capacity(of.len() + 2);
    push_text(&mut json, of);
    json
}

/// What nbformat 4 requires of the cell; what it does not know stays.
pub(super) fn cell(cell: &Cell) -> Fields<'_> {
    let kind = cell.kind();
    // What nbformat 4 has as it is need not be made anew.
    let source = match (&kind, cell.get("source")) {
        (CellKind::Code | CellKind::Markdown | CellKind::Raw, Some(source)) if source.is_text() => {
            None
        }
        _ => Some(cell.source()),
    };
    if matches!(kind, CellKind::Unknown(_)) {
        return raw(cell.json(), source.as_deref().unwrap_or_default());
    }
    let mut fields = Fields::of(cell.json());
    match kind {
        CellKind::Code => code(&mut fields, cell.get("outputs")),
        CellKind::Markdown => fields.set("cell_type", "\"markdown\""),
        CellKind::Heading(level) => {
            let line = source.as_deref().unwrap_or_default().replace('\n', " ");
            let heading = format!("{} {line}", "#".repeat(usize::from(level)));
            fields.set("cell_type", "\"markdown\"");
            fields.set("source", text(&heading));
            fields.remove("level");
        }
        CellKind::Raw | CellKind::Unknown(_) => {}
    }
    metadata(&mut fields);
    if let Some(source) = source
        && !fields.has("source", |raw| raw.is_text())
    {
        fields.set("source", text(&source));
    }
    fields
}

/// A raw cell that shows what is no cell: its text, else its JSON.
fn raw<'a>(broken: RawJson<'a>, source: &str) -> Fields<'a> {
    let source = match source.is_empty() {
        true => text(broken.json()),
        false => text(source),
    };
    let mut fields = Fields(Vec::with_capacity(4));
    fields.set("cell_type", "\"raw\"");
    fields.set("metadata", "{}");
    fields.set("source", source);
    fields
}

fn code<'a>(fields: &mut Fields<'a>, own: Option<RawJson<'a>>) {
    fields.rename("input", "source");
    fields.rename("prompt_number", "execution_count");
    count(fields);
    let collapsed = fields.remove("collapsed");
    if let Some(collapsed) = collapsed.filter(|json| matches!(&**json, "true" | "false")) {
        metadata(fields);
        let own = fields.get("metadata").expect("there is one now");
        if own.get("collapsed").is_none() {
            let with = top::with(own, "collapsed", Some(&collapsed));
            fields.set("metadata", with);
        }
    }
    // The notebook's metadata says it in nbformat 4.
    fields.remove("language");
    match own {
        Some(list) if list.is_array() => {
            if !list.items().all(is_current) {
                fields.set("outputs", outputs(list.items()));
            }
        }
        None => fields.set("outputs", "[]"),
        Some(null) if null.is_null() => fields.set("outputs", "[]"),
        Some(one) => fields.set("outputs", outputs([one].into_iter())),
    }
}

/// The execution count, which is a number or null.
fn count(fields: &mut Fields<'_>) {
    if !fields.has("execution_count", |raw| raw.as_i64().is_some()) {
        fields.set("execution_count", "null");
    }
}

/// Whether nbformat 4 has this output as it is, which nearly all are.
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

/// Outputs that nbformat 4 has; one that it has not is shown as its JSON.
fn outputs<'a>(all: impl Iterator<Item = RawJson<'a>>) -> String {
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
            push(&known(output));
        } else if unknown < MAX_UNKNOWN_OUTPUTS {
            unknown += 1;
            push(&as_text(output.json()));
        } else {
            others.push_str(if others.is_empty() { "[" } else { "," });
            others.push_str(output.json());
        }
    }
    if !others.is_empty() {
        others.push(']');
        push(&as_text(&others));
    }
    list.push(']');
    list
}

fn as_text(json: &str) -> String {
    let data = text(json);
    format!(
        "{{\"output_type\":\"display_data\",\"data\":{{\"text/plain\":{data}}},\"metadata\":{{}}}}"
    )
}

fn known(output: RawJson<'_>) -> String {
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
            count(&mut fields);
            bundle(&mut fields);
        }
        "display_data" => bundle(&mut fields),
        _ => {}
    }
    fields.set("output_type", format!("\"{kind}\""));
    fields.json()
}

/// Moves what stands on the output itself into its `data`.
fn bundle(fields: &mut Fields<'_>) {
    metadata(fields);
    if fields.get("data").is_some() {
        return;
    }
    let mut data = Fields(Vec::with_capacity(fields.0.len()));
    fields.0.retain_mut(|(key, value)| {
        let (mime, is_known) = match mime_of_old_name(key) {
            Some(mime) => (mime, true),
            None if key.contains('/') => (*key, mime_has_old_name(key)),
            None => return true,
        };
        // JSON was text in nbformat 3 and is a value in 4.
        let parsed = (mime == "application/json")
            .then(|| RawJson::of(value).text().and_then(|json| compact(&json)))
            .flatten();
        let value = parsed.map_or_else(|| std::mem::take(value), Cow::Owned);
        // Only what has two names can be there twice.
        match is_known {
            true => data.set(mime, value),
            false => data.0.push((mime, value)),
        }
        false
    });
    let data = data.json();
    fields.set("data", data);
}

/// The metadata, made when it is missing or no object.
fn metadata(fields: &mut Fields<'_>) {
    if !fields.has("metadata", |raw| raw.is_object()) {
        fields.set("metadata", "{}");
    }
}
