//! Writes the controls that show a value.

use super::{model::Model, value, writer::WidgetWriter};
use crate::{notebook::RawJson, prepare::Sanitizer};

/// The most chosen entries of a list that are shown.
const MAX_CHOSEN: usize = 20;

impl<S: Sanitizer> WidgetWriter<'_, '_, '_, S> {
    /// Writes a control; `None` when it is no standard one.
    pub(super) fn push_control(&mut self, model: &Model<'_>) -> Option<()> {
        push(self, model)
    }
}

fn push<S: Sanitizer>(writer: &mut WidgetWriter<'_, '_, '_, S>, model: &Model<'_>) -> Option<()> {
    match model.name {
        "HTML" | "HTMLMath" => {
            push_line(writer, &model.text("description"), "");
            writer.push_value(&model.text("value"), model.name == "HTMLMath");
        }
        "Label" => {
            let words = model.text("value");
            if !words.is_empty() {
                writer.push_markup(&["<div><samp>"]);
                writer.push_words(&words);
                writer.push_markup(&["</samp></div>"]);
            }
        }
        "IntProgress" | "FloatProgress" => push_progress(writer, model)?,
        "IntSlider"
        | "FloatSlider"
        | "FloatLogSlider"
        | "IntRangeSlider"
        | "FloatRangeSlider"
        | "IntText"
        | "FloatText"
        | "BoundedIntText"
        | "BoundedFloatText"
        | "Text"
        | "Textarea"
        | "Combobox"
        | "DatePicker"
        | "TimePicker"
        | "NaiveDatetimePicker"
        | "ColorPicker"
        | "Play" => {
            let format = model.text("readout_format");
            let words = model.get("value").map(|value| value::words(value, &format));
            push_line(
                writer,
                &model.text("description"),
                &words.unwrap_or_default(),
            );
        }
        "DatetimePicker" => {
            let words = model.get("value").map(|value| value::words(value, ""));
            let words = words.filter(|words| !words.is_empty());
            let words = words.map(|words| words + " UTC").unwrap_or_default();
            push_line(writer, &model.text("description"), &words);
        }
        "Password" => {
            let is_empty = model.text("value").is_empty();
            let words = if is_empty { "" } else { "•••" };
            push_line(writer, &model.text("description"), words);
        }
        "TagsInput" | "ColorsInput" | "IntsInput" | "FloatsInput" => {
            let words = value::list(model.items("value"));
            push_line(writer, &model.text("description"), &words);
        }
        "Dropdown"
        | "Select"
        | "RadioButtons"
        | "ToggleButtons"
        | "SelectionSlider"
        | "SelectMultiple"
        | "SelectionRangeSlider" => push_choice(writer, model),
        "Checkbox" | "ToggleButton" | "Valid" => {
            let mark = if model.is_true("value") { "☑" } else { "☐" };
            writer.push_markup(&["<div><samp>", mark, " "]);
            writer.push_words(&model.text("description"));
            writer.push_markup(&["</samp></div>"]);
        }
        "Button" => {
            let fields = ["description", "tooltip", "icon"].map(|field| model.text(field));
            let words = fields.into_iter().find(|words| !words.is_empty());
            push_button(writer, &words.unwrap_or_default());
            writer.push_markup(&["</div>"]);
        }
        "FileUpload" => {
            push_button(writer, &model.text("description"));
            // With ipywidgets 7 the names are in a field of their own.
            let fields = ["metadata", "value"].map(|field| model.get(field));
            let names = fields.into_iter().flatten().map(value::file_names);
            if let Some(names) = names.into_iter().find(|names| !names.is_empty()) {
                writer.push_markup(&[" <samp>"]);
                writer.push_text(&names);
                writer.push_markup(&["</samp>"]);
            }
            writer.push_markup(&["</div>"]);
        }
        "Image" | "Audio" | "Video" => writer.push_media(model)?,
        _ => return None,
    }
    Some(())
}

/// Begins a line with a button.
fn push_button<S: Sanitizer>(writer: &mut WidgetWriter<'_, '_, '_, S>, words: &str) {
    writer.push_markup(&["<div><kbd>"]);
    writer.push_text(words);
    writer.push_markup(&["</kbd>"]);
}

/// Writes a description and a value, each only where there is one.
fn push_line<S: Sanitizer>(
    writer: &mut WidgetWriter<'_, '_, '_, S>,
    description: &str,
    value: &str,
) {
    if description.is_empty() && value.is_empty() {
        return;
    }
    writer.push_markup(&["<div>"]);
    writer.push_words(description);
    if value.contains('\n') {
        // A parser drops a line end right after the start tag.
        writer.push_markup(&["<pre>\n"]);
        writer.push_text(value);
        writer.push_markup(&["</pre>"]);
    } else if !value.is_empty() {
        let space = if description.is_empty() { "" } else { " " };
        writer.push_markup(&[space, "<samp>"]);
        writer.push_text(value);
        writer.push_markup(&["</samp>"]);
    }
    writer.push_markup(&["</div>"]);
}

fn push_progress<S: Sanitizer>(
    writer: &mut WidgetWriter<'_, '_, '_, S>,
    model: &Model<'_>,
) -> Option<()> {
    let value = model.number("value")?;
    let least = model.number("min").unwrap_or_default();
    let most = model.number("max")?;
    let part = match most > least {
        true => ((value - least) / (most - least)).clamp(0.0, 1.0),
        false => 1.0,
    };
    // Bars are drawn in steps, and only one that has ended is full.
    let percent = match part {
        0.0 | 1.0 => 100.0 * part,
        _ => (20.0 * part).round().clamp(1.0, 19.0) * 5.0,
    };
    let colour = match model.text("bar_style").as_str() {
        "success" => "green",
        "danger" => "red",
        "warning" => "orange",
        _ => "blue",
    };
    push_line(writer, &model.text("description"), "");
    let whole = |field| {
        let number = model.get(field).map_or("", RawJson::json);
        number.trim_end_matches(".0").to_owned()
    };
    writer.push_markup(&[&format!(
        "<table><tbody><tr><td style=\"background: linear-gradient(90deg, {colour} {percent}%, \
         transparent {percent}%)\">"
    )]);
    writer.push_text(&format!("{} of {}", whole("value"), whole("max")));
    writer.push_markup(&["</td></tr></tbody></table>"]);
    Some(())
}

/// Writes what is chosen of a list.
fn push_choice<S: Sanitizer>(writer: &mut WidgetWriter<'_, '_, '_, S>, model: &Model<'_>) {
    let labels: Vec<RawJson<'_>> = model.items("_options_labels").collect();
    let label = |at: RawJson<'_>| {
        let label = labels.get(usize::try_from(at.as_u64()?).ok()?)?;
        Some(value::words(*label, ""))
    };
    let index = model.get("index");
    let one = index.filter(|index| !index.is_array());
    let mut all = one.into_iter().chain(model.items("index"));
    let shown = all.by_ref().take(MAX_CHOSEN).filter_map(label);
    let mut chosen = shown.collect::<Vec<_>>().join(", ");
    let more = all.count();
    if more > 0 {
        chosen.push_str(&format!(", … and {more} more"));
    }
    push_line(writer, &model.text("description"), &chosen);
}
