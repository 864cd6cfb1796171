//! Widgets as they were saved, as HTML without a script.
//!
//! A notebook may hold the state of its widgets: of each its model's name, its fields, and the
//! models that it shows. From that the standard controls of ipywidgets are written as plain HTML:
//! `writer` puts one into another, `control` writes those that show a value, `media` pictures,
//! sounds and films, `captured` the outputs that an `Output` widget holds; `model` reads the
//! fields, `value` brings them to words. HTML from the notebook is sanitised by itself, so that
//! none of it reaches beyond its widget. The plain text of a widget's output is what it was when
//! it was made, and is never shown as its state. Deliberately not here: widgets of other
//! libraries.

mod captured;
mod control;
mod media;
mod model;
mod value;
mod writer;

use std::{
    cell::{Cell, OnceCell},
    collections::HashMap,
};

use super::{Sanitizer, output_context::OutputContext};
use crate::{
    notebook::{MimeBundle, Notebook, RawJson},
    prepared::SafeHtml,
};

/// The mime type of a view of a widget, and of the state of all.
const VIEW_MIME: &str = "application/vnd.jupyter.widget-view+json";
const STATE_MIME: &str = "application/vnd.jupyter.widget-state+json";
/// How deep outputs stand in `Output` widgets that stand in outputs.
const MAX_OUTPUT_DEPTH: usize = 3;
/// A notebook may show a widget again and again, each time in few bytes. All that is read of the
/// state is no more than so many times its size, and some bytes.
const STATE_READ_FACTOR: usize = 8;
const FREE_STATE_BYTES: usize = 64 * 1024;

/// The saved state of a notebook's widgets, by the id of the model.
pub(super) struct Widgets<'a> {
    notebook: &'a Notebook,
    models: OnceCell<HashMap<&'a str, RawJson<'a>>>,
    /// The bytes of the state that may still be read.
    unread: Cell<usize>,
    /// How many `Output` widgets the output that is being written stands in.
    depth: Cell<usize>,
}

impl<'a> Widgets<'a> {
    pub(super) fn of(notebook: &'a Notebook) -> Self {
        Self {
            notebook,
            models: OnceCell::new(),
            unread: Cell::new(0),
            depth: Cell::new(0),
        }
    }

    fn models(&self) -> &HashMap<&'a str, RawJson<'a>> {
        self.models.get_or_init(|| {
            let widgets = self.notebook.metadata().and_then(|own| own.get("widgets"));
            let saved = widgets.and_then(|widgets| widgets.get(STATE_MIME));
            // Colab writes the models without an object around them.
            let state = saved.map(|saved| saved.get("state").unwrap_or(saved));
            let models: HashMap<_, _> = state.into_iter().flat_map(RawJson::entries).collect();
            let bytes: usize = models.values().map(|model| model.json().len()).sum();
            self.unread
                .set(STATE_READ_FACTOR * bytes + FREE_STATE_BYTES);
            models
        })
    }

    /// The JSON of a model; `None` when it was not saved, or too much was read before.
    fn read(&self, id: &str) -> Option<RawJson<'a>> {
        let json = *self.models().get(id)?;
        self.unread
            .set(self.unread.get().checked_sub(json.json().len())?);
        Some(json)
    }

    /// The widget that `bundle` is a view of, as HTML, which is empty where the widget shows
    /// nothing; `None` when it is none, or nothing of it was saved.
    pub(super) fn html<'c, S: Sanitizer>(
        &self,
        bundle: &MimeBundle<'_>,
        context: &OutputContext<'c, 'a, S>,
    ) -> Option<SafeHtml> {
        let view = bundle.get(VIEW_MIME)?;
        let id = view.get("model_id")?.as_str()?;
        let depth = self.depth.get();
        (depth < MAX_OUTPUT_DEPTH).then_some(())?;
        self.depth.set(depth + 1);
        let html = writer::html(&id, context);
        self.depth.set(depth);
        html
    }
}

/// Whether `bundle` is a view of a widget.
pub(super) fn is_view(bundle: &MimeBundle<'_>) -> bool {
    bundle.get(VIEW_MIME).is_some()
}
