//! The saved state of a notebook's widgets.

use std::{
    cell::{Cell, OnceCell},
    collections::HashMap,
};

use crate::notebook::{Notebook, RawJson};

/// The mime type of the state of all widgets.
const STATE_MIME: &str = "application/vnd.jupyter.widget-state+json";
/// How deep outputs stand in `Output` widgets that stand in outputs.
const MAX_OUTPUT_DEPTH: usize = 3;
/// A notebook may show a widget again and again, each time in few bytes. All that is read of the
/// state is no more than so many times its size, and some bytes.
const STATE_READ_FACTOR: usize = 8;
const FREE_STATE_BYTES: usize = 64 * 1024;

/// The saved state of a notebook's widgets, by the id of the model.
pub(in crate::prepare) struct Widgets<'a> {
    notebook: &'a Notebook,
    models: OnceCell<HashMap<&'a str, RawJson<'a>>>,
    /// The bytes of the state that may still be read.
    unread: Cell<usize>,
    /// How many `Output` widgets the output that is being written stands in.
    depth: Cell<usize>,
}

impl<'a> Widgets<'a> {
    pub(in crate::prepare) fn of(notebook: &'a Notebook) -> Self {
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
    pub(in crate::prepare::widgets) fn read(&self, id: &str) -> Option<RawJson<'a>> {
        let json = *self.models().get(id)?;
        self.unread
            .set(self.unread.get().checked_sub(json.json().len())?);
        Some(json)
    }

    /// Writes an output that a widget may hold in the outputs of another, unless that is too deep.
    pub(in crate::prepare::widgets) fn nested<T>(
        &self,
        write: impl FnOnce() -> Option<T>,
    ) -> Option<T> {
        let depth = self.depth.get();
        (depth < MAX_OUTPUT_DEPTH).then_some(())?;
        self.depth.set(depth + 1);
        let written = write();
        self.depth.set(depth);
        written
    }
}
