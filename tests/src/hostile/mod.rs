//! Notebooks that attack the page: payloads in every place that can hold text.
//!
//! A payload calls `alert` with the number of its payload and sink, so that a hook in the page can
//! tell which one got through. The scripts beside this module judge a page: [`HOOKS`] before the
//! page's own scripts run, [`AUDIT`] when it is complete.

mod costs;
mod payloads;
mod sinks;
mod ways_out;

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};

pub use costs::{CostlyOutput, control, costly_outputs};
use sinks::SINKS;
pub use ways_out::{WAYS_OUT, WayOut};

/// A host that a safe page sends no request to. The domain can never exist.
pub const CANARY: &str = "canary.invalid";

/// Records calls of payloads. It must run in every document before all other scripts.
pub const HOOKS: &str = include_str!("hooks.js");

/// Touches every element in the notebooks of a page, then lists its faults.
pub const AUDIT: &str = include_str!("audit.js");

/// A script in a frame that tries to get out and reports the results.
const PRISONER_SCRIPT: &str = include_str!("prisoner.js");

/// A page that shows payloads unsanitised, a frame for each.
pub const CONTROL: &str = include_str!("control.html");

/// Stands in a payload for half a surrogate pair, until the JSON is written.
const SURROGATE_PLACEHOLDER: char = '\u{E000}';

/// One payload in one sink.
#[derive(Clone, Debug)]
pub struct Attack {
    /// The number that it calls `alert` with.
    pub id: usize,
    /// The name of the sink.
    pub sink: &'static str,
    /// The payload as it is in the notebook.
    pub payload: String,
    /// The cell that holds it.
    pub cell: Value,
}

/// Sinks that parse their text; every payload is tried in them.
const PARSING_SINKS: [&str; 8] = [
    "source",
    "markdown",
    "raw",
    "stdout",
    "traceback",
    "html",
    "markdown output",
    "latex",
];
/// Each payload is tried in every sixth of the other sinks, the next payload in the next, because
/// all payloads in all sinks would take a browser minutes.
const SINK_INTERVAL: usize = 6;

/// Every payload in every sink that parses its text, and in some of the others.
pub fn attacks() -> Vec<Attack> {
    let mut attacks = Vec::new();
    for (at, template) in templates().enumerate() {
        for (place, sink) in SINKS.iter().enumerate() {
            if !PARSING_SINKS.contains(&sink.name) && !(at + place).is_multiple_of(SINK_INTERVAL) {
                continue;
            }
            let id = at * 100 + place;
            let payload = filled(template, id);
            let mut cell = (sink.cell)(&payload);
            if let Some(fields) = cell.as_object_mut() {
                fields
                    .entry("id")
                    .or_insert_with(|| json!(format!("a{id}")));
            }
            attacks.push(Attack {
                id,
                sink: sink.name,
                payload,
                cell,
            });
        }
    }
    attacks
}

/// The payloads that act on an unprotected page, with their numbers.
pub fn html_payloads() -> Vec<(usize, String)> {
    let html = payloads::HTML.iter().enumerate();
    html.map(|(at, template)| {
        (
            at,
            filled(template, at).replace(SURROGATE_PLACEHOLDER, "\u{fffd}"),
        )
    })
    .collect()
}

/// The payloads that change the look, the links or the requests of a page.
pub fn markup_payloads() -> Vec<String> {
    let markup = payloads::MARKUP.iter();
    markup.map(|template| filled(template, 0)).collect()
}

/// Payloads that can be the name of a file or a folder, at most `most` of them.
pub fn names(most: usize) -> Vec<String> {
    let can_be = |name: &String| {
        name.len() <= 200
            && !name.starts_with('.')
            && !name.contains(|c: char| c == '/' || c == SURROGATE_PLACEHOLDER || c.is_control())
    };
    let named = templates().enumerate().map(|(at, template)| {
        // Numbers beyond those of the sinks.
        filled(template, at * 100 + 99)
    });
    let all: Vec<String> = named.filter(can_be).collect();
    // Spread over all kinds of payloads, and not only the first.
    let step = all.len().div_ceil(most.max(1)).max(1);
    all.into_iter().step_by(step).collect()
}

/// A notebook of these cells whose own fields hold payloads, too.
pub fn notebook(attacks: &[Attack]) -> Value {
    let cells: Vec<&Value> = attacks.iter().map(|attack| &attack.cell).collect();
    let own = attacks.first().map_or("", |attack| attack.payload.as_str());
    json!({
        "cells": cells,
        "metadata": {
            "title": own,
            "authors": [{"name": own}],
            "kernelspec": {"name": own, "display_name": own, "language": own},
            "language_info": {"name": own, "pygments_lexer": own, "codemirror_mode": {"name": own}},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    })
}

/// A notebook of these cells.
pub fn of_cells(cells: &[&Value]) -> Value {
    json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
}

/// A notebook whose only output needs its own script to be shown.
pub fn prisoner() -> Value {
    let data = json!({"text/html": format!("<div>drawn by a script</div><script>{PRISONER_SCRIPT}</script>")});
    let output = json!({"output_type": "display_data", "metadata": {}, "data": data});
    json!({
        "cells": [{"cell_type": "code", "id": "a", "execution_count": 1, "metadata": {},
                   "source": "show()", "outputs": [output]}],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
    })
}

/// Writes a notebook with its lone surrogates, which are only possible as escapes.
pub fn save(path: &Path, notebook: &Value) -> Result<()> {
    let folder = path.parent().context("a notebook lies in a folder")?;
    fs::create_dir_all(folder)?;
    let json = serde_json::to_string(notebook)?.replace(SURROGATE_PLACEHOLDER, "\\ud83d");
    fs::write(path, json).with_context(|| path.display().to_string())
}

fn templates() -> impl Iterator<Item = &'static str> {
    let all = [
        payloads::HTML,
        payloads::MARKUP,
        payloads::MARKDOWN,
        payloads::LATEX,
        payloads::TERMINAL,
        payloads::IMAGES,
    ];
    all.into_iter().flatten().copied()
}

fn filled(template: &str, id: usize) -> String {
    template
        .replace("FIRE", &format!("alert({id})"))
        .replace("'ID'", &format!("{id}"))
        .replace("CANARY", CANARY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_are_many_and_have_numbers_of_their_own() {
        let attacks = attacks();
        assert!(attacks.len() >= 2000, "only {}", attacks.len());
        let mut ids: Vec<usize> = attacks.iter().map(|attack| attack.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), attacks.len());
        assert!(SINKS.len() < 99, "99 is for names");
        for attack in &attacks {
            let json = attack.cell.to_string();
            let marks = [format!("alert({})", attack.id), CANARY.to_owned()];
            assert!(
                marks.iter().any(|mark| json.contains(mark)) || !attack.payload.contains("alert"),
                "{json}"
            );
        }
        assert!(names(20).len() >= 15);
    }
}
