//! Widgets as they were saved, as HTML without a script.
//!
//! A notebook may hold the state of its widgets: of each its model's name, its fields, and the
//! models that it shows. From that the standard controls of ipywidgets are written as plain HTML,
//! which is sanitised like any other. The plain text of a widget's output is what it was when it
//! was made, and is never shown as its state. Deliberately not here: widgets of other libraries.

use std::{cell::OnceCell, collections::HashMap};

use crate::{
    notebook::{MimeBundle, Notebook, RawJson},
    render::escape,
};

/// The mime type of a view of a widget, and of the state of all.
const VIEW_MIME: &str = "application/vnd.jupyter.widget-view+json";
const STATE_MIME: &str = "application/vnd.jupyter.widget-state+json";
/// The prefix of a reference to another model.
const REFERENCE: &str = "IPY_MODEL_";
/// The most widgets that one output shows, and how deep they nest.
const MAX_WIDGETS: usize = 400;
const MAX_DEPTH: usize = 12;

/// The saved state of a notebook's widgets, by the id of the model.
pub(super) struct Widgets<'a> {
    notebook: &'a Notebook,
    models: OnceCell<HashMap<&'a str, RawJson<'a>>>,
}

impl<'a> Widgets<'a> {
    pub(super) fn of(notebook: &'a Notebook) -> Self {
        Self {
            notebook,
            models: OnceCell::new(),
        }
    }

    fn models(&self) -> &HashMap<&'a str, RawJson<'a>> {
        self.models.get_or_init(|| {
            let widgets = self.notebook.metadata().and_then(|own| own.get("widgets"));
            let state = widgets.and_then(|widgets| widgets.get(STATE_MIME)?.get("state"));
            state.into_iter().flat_map(RawJson::entries).collect()
        })
    }

    /// The widget that `bundle` is a view of, as HTML; `None` when it is none, or nothing of it was
    /// saved.
    pub(super) fn html(&self, bundle: &MimeBundle<'_>) -> Option<String> {
        let view = bundle.get(VIEW_MIME)?;
        let id = view.get("model_id")?.as_str()?;
        let mut writer = WidgetWriter {
            models: self.models(),
            out: String::new(),
            left: MAX_WIDGETS,
        };
        writer.push(&id, 0)?;
        Some(writer.out)
    }
}

/// Whether `bundle` is a view of a widget.
pub(super) fn is_view(bundle: &MimeBundle<'_>) -> bool {
    bundle.get(VIEW_MIME).is_some()
}

/// A model: its name without `Model`, and its fields.
#[derive(Clone, Copy)]
struct Model<'a> {
    json: RawJson<'a>,
    state: RawJson<'a>,
}

impl<'a> Model<'a> {
    fn text(&self, field: &str) -> String {
        let value = self.state.get(field).and_then(RawJson::as_str);
        value.unwrap_or_default().into_owned()
    }

    /// A number or text as it is written.
    fn shown(&self, field: &str) -> Option<String> {
        let value = self.state.get(field)?;
        if value.is_array() {
            let items: Vec<&str> = value.items().map(RawJson::json).collect();
            return Some(items.join(" – "));
        }
        match value.as_str() {
            Some(text) => Some(text.into_owned()),
            None => (!value.is_null() && !value.is_object()).then(|| value.json().to_owned()),
        }
    }

    fn number(&self, field: &str) -> Option<f64> {
        self.state.get(field).and_then(RawJson::as_f64)
    }

    fn is_true(&self, field: &str) -> bool {
        self.state.get(field).is_some_and(RawJson::is_true)
    }

    /// The ids of the models that it shows.
    fn children(&self) -> impl Iterator<Item = String> + 'a {
        let children = self.state.get("children").into_iter();
        let items = children.flat_map(RawJson::items);
        items.filter_map(|item| Some(item.as_str()?.strip_prefix(REFERENCE)?.to_owned()))
    }
}

struct WidgetWriter<'w, 'a> {
    models: &'w HashMap<&'a str, RawJson<'a>>,
    out: String,
    left: usize,
}

impl WidgetWriter<'_, '_> {
    /// Writes the model `id`; `None` when it was not saved, or is of no standard control.
    fn push(&mut self, id: &str, depth: usize) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        (depth <= MAX_DEPTH).then_some(())?;
        let json = *self.models.get(id)?;
        let state = json.get("state")?;
        let model = Model { json, state };
        let name = json.get("model_name")?.as_str()?;
        let name = name.trim_end_matches("Model");
        match name {
            "HBox" | "VBox" | "Box" | "GridBox" => self.push_box(name, &model, depth),
            "Tab" | "Accordion" | "Stack" => self.push_pages(&model, depth),
            "HTML" | "HTMLMath" => {
                self.push_words(&model.text("description"), None);
                self.out.push_str(&model.text("value"));
                Some(())
            }
            "Label" => self.push_line("", &model.text("value")),
            "IntProgress" | "FloatProgress" => self.push_progress(&model),
            "IntSlider" | "FloatSlider" | "FloatLogSlider" | "IntRangeSlider"
            | "FloatRangeSlider" | "IntText" | "FloatText" | "BoundedIntText"
            | "BoundedFloatText" | "Text" | "Textarea" | "Combobox" | "DatePicker"
            | "TimePicker" | "ColorPicker" | "Play" => {
                let value = model.shown("value").unwrap_or_default();
                self.push_line(&model.text("description"), &value)
            }
            "Password" => self.push_line(&model.text("description"), "•••"),
            "Dropdown"
            | "Select"
            | "RadioButtons"
            | "ToggleButtons"
            | "SelectionSlider"
            | "SelectMultiple"
            | "SelectionRangeSlider" => self.push_choice(&model),
            "Checkbox" | "ToggleButton" | "Valid" => {
                let mark = if model.is_true("value") { "☑" } else { "☐" };
                self.push_line("", &format!("{mark} {}", model.text("description")))
            }
            "Button" => {
                let words = escape::text(&model.text("description")).into_owned();
                self.out.extend(["<div><kbd>", &words, "</kbd></div>"]);
                Some(())
            }
            "Image" => self.push_picture(&model),
            _ => None,
        }
    }

    /// Writes what a box holds, side by side or one below the other. A part that was not saved is
    /// left out, as long as there is another.
    fn push_box(&mut self, name: &str, model: &Model<'_>, depth: usize) -> Option<()> {
        let [open, close, before, after] = match name {
            "HBox" => [
                "<table><tbody><tr>",
                "</tr></tbody></table>",
                "<td>",
                "</td>",
            ],
            _ => ["<div>", "</div>", "<div>", "</div>"],
        };
        let start = self.out.len();
        self.out.push_str(open);
        let mut shown = 0;
        for child in model.children() {
            let at = self.out.len();
            self.out.push_str(before);
            match self.push(&child, depth + 1) {
                Some(()) => {
                    shown += 1;
                    self.out.push_str(after);
                }
                None => self.out.truncate(at),
            }
        }
        if shown == 0 {
            self.out.truncate(start);
            return None;
        }
        self.out.push_str(close);
        Some(())
    }

    /// Writes tabs, or the parts of an accordion, each with its title; the chosen one is open.
    fn push_pages(&mut self, model: &Model<'_>, depth: usize) -> Option<()> {
        let titles = model.state.get("titles");
        let titles: Vec<String> = titles
            .into_iter()
            .flat_map(RawJson::items)
            .filter_map(|title| title.as_str().map(std::borrow::Cow::into_owned))
            .collect();
        let old = model.state.get("_titles");
        let chosen = model.state.get("selected_index").and_then(RawJson::as_u64);
        let mut shown = 0;
        for (at, child) in model.children().enumerate() {
            let old = old.and_then(|old| old.get(&at.to_string())?.as_str());
            let title = titles
                .get(at)
                .cloned()
                .or(old.map(|title| title.into_owned()));
            let title = title.unwrap_or_else(|| (at + 1).to_string());
            let start = self.out.len();
            let open = if chosen == Some(at as u64) {
                " open"
            } else {
                ""
            };
            let title = escape::text(&title).into_owned();
            self.out
                .extend(["<details", open, "><summary>", &title, "</summary><div>"]);
            match self.push(&child, depth + 1) {
                Some(()) => {
                    shown += 1;
                    self.out.push_str("</div></details>");
                }
                None => self.out.truncate(start),
            }
        }
        (shown > 0).then_some(())
    }

    fn push_progress(&mut self, model: &Model<'_>) -> Option<()> {
        let value = model.number("value")?;
        let [least, most] = [("min", 0.0), ("max", 100.0)]
            .map(|(field, default)| model.number(field).unwrap_or(default));
        let part = if most > least {
            (value - least) / (most - least)
        } else {
            1.0
        };
        let part = (part.clamp(0.0, 1.0) * 100.0).round();
        let colour = match model.text("bar_style").as_str() {
            "success" => "green",
            "danger" => "red",
            "warning" => "orange",
            _ => "blue",
        };
        self.push_words(&model.text("description"), None);
        let whole = |field| {
            model
                .shown(field)
                .map(|number| number.trim_end_matches(".0").to_owned())
        };
        let words = whole("value").unwrap_or_default();
        let most = whole("max").unwrap_or_else(|| "100".to_owned());
        self.out.push_str(&format!(
            "<table><tbody><tr><td style=\"background: linear-gradient(90deg, {colour} {part}%, \
             transparent {part}%)\">{}</td></tr></tbody></table>",
            escape::text(&format!("{words} of {most}"))
        ));
        Some(())
    }

    fn push_choice(&mut self, model: &Model<'_>) -> Option<()> {
        let labels = model.state.get("_options_labels")?;
        let label = |at: u64| {
            let label = labels.items().nth(usize::try_from(at).ok()?)?;
            label.as_str().map(std::borrow::Cow::into_owned)
        };
        let index = model.state.get("index")?;
        let chosen: Vec<String> = match index.as_u64() {
            Some(at) => label(at).into_iter().collect(),
            None => index
                .items()
                .take(20)
                .filter_map(|at| label(at.as_u64()?))
                .collect(),
        };
        self.push_line(&model.text("description"), &chosen.join(", "))
    }

    fn push_picture(&mut self, model: &Model<'_>) -> Option<()> {
        let format = model.shown("format").unwrap_or_else(|| "png".to_owned());
        let kind = match format.as_str() {
            "jpg" => "jpeg",
            "png" | "jpeg" | "gif" | "webp" => &format,
            _ => return None,
        };
        let mut buffers = model.json.get("buffers")?.items();
        let of_value = buffers.find(|buffer| {
            let path = buffer
                .get("path")
                .into_iter()
                .flat_map(RawJson::items)
                .next();
            path.and_then(RawJson::as_str).as_deref() == Some("value")
        })?;
        let data = of_value.get("data")?.as_str()?;
        self.out.push_str(&format!(
            "<img src=\"data:image/{kind};base64,{}\" alt=\"a picture\">",
            escape::attribute(&data)
        ));
        Some(())
    }

    fn push_line(&mut self, description: &str, value: &str) -> Option<()> {
        self.push_words(description, Some(value));
        Some(())
    }

    /// Writes a description and a value.
    fn push_words(&mut self, description: &str, value: Option<&str>) {
        if description.is_empty() && value.is_none() {
            return;
        }
        self.out.push_str("<div>");
        self.out.push_str(&escape::text(description));
        if let Some(value) = value {
            if !description.is_empty() {
                self.out.push(' ');
            }
            self.out.extend(["<samp>", &escape::text(value), "</samp>"]);
        }
        self.out.push_str("</div>");
    }
}
