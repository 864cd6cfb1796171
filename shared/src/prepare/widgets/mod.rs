//! Widgets as they were saved, as HTML without a script.
//!
//! A notebook may hold the state of its widgets: of each its model's name, its fields, and the
//! models that it shows. From that the standard controls of ipywidgets are written as plain HTML:
//! `writer` puts one into another, `control` writes those that show a value, `media` pictures,
//! sounds and films, `captured` the outputs that an `Output` widget holds; `state` finds models in the notebook, `model` reads their
//! fields, `value` brings them to words. HTML from the notebook is sanitised by itself, so that
//! none of it reaches beyond its widget. The plain text of a widget's output is what it was when
//! it was made, and is never shown as its state. Deliberately not here: widgets of other
//! libraries.

mod captured;
mod control;
mod media;
mod model;
pub(super) mod state;
mod value;
mod writer;

use super::{Sanitizer, output_context::OutputContext};
use crate::{notebook::MimeBundle, prepared::SafeHtml};

/// The mime type of a view of a widget.
const VIEW_MIME: &str = "application/vnd.jupyter.widget-view+json";

/// The widget that `bundle` is a view of, as HTML, which is empty where the widget shows nothing;
/// `None` when it is none, or nothing of it was saved.
pub(super) fn html<S: Sanitizer>(
    bundle: &MimeBundle<'_>,
    context: &OutputContext<'_, '_, S>,
) -> Option<SafeHtml> {
    let view = bundle.get(VIEW_MIME)?;
    let id = view.get("model_id")?.as_str()?;
    context.widgets.nested(|| writer::html(&id, context))
}

/// Whether `bundle` is a view of a widget.
pub(super) fn is_view(bundle: &MimeBundle<'_>) -> bool {
    bundle.get(VIEW_MIME).is_some()
}
