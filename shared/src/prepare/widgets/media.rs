//! Writes pictures, sounds and films.

use super::{model::Model, writer::WidgetWriter};
use crate::{prepare::Sanitizer, render::escape};

impl<S: Sanitizer> WidgetWriter<'_, '_, '_, S> {
    /// Writes a picture, a sound or a film whose data was saved; `None` when it was not, or when
    /// its format is not shown. The sanitiser checks the data as that of any other.
    pub(super) fn push_media(&mut self, model: &Model<'_>) -> Option<()> {
        let format = model.text("format");
        let data = escape::attribute(model.bytes()?);
        let html = match (model.name, format.as_str()) {
            ("Image", "url") => return None,
            ("Image", format) => {
                let kind = if format == "jpg" { "jpeg" } else { format };
                let kind = escape::attribute(kind);
                let size = ["width", "height"].map(|name| match model.text(name) {
                    size if size.is_empty() => size,
                    size => format!(" {name}=\"{}\"", escape::attribute(&size)),
                });
                let size = size.concat();
                format!("<img src=\"data:image/{kind};base64,{data}\" alt=\"a picture\"{size}>")
            }
            ("Audio" | "Video", "url") => return None,
            (_, format) => {
                let element = model.name.to_ascii_lowercase();
                let format = escape::attribute(format);
                format!(
                    "<{element} controls src=\"data:{element}/{format};base64,{data}\"></{element}>"
                )
            }
        };
        self.push_value(&html, false);
        Some(())
    }
}
