//! Writes the outputs that an `Output` widget holds, as `interact` makes one.

use super::{model::Model, writer::WidgetWriter};
use crate::{
    notebook,
    prepare::{Sanitizer, outputs},
    prepared::{Markdown, PreparedOutput, RichOutput, SafeHtml},
    render,
};

impl<'a, S: Sanitizer> WidgetWriter<'_, '_, 'a, S> {
    /// Writes the outputs as those of a cell.
    pub(super) fn push_captured(&mut self, model: &Model<'a>) {
        let held = model.items("outputs").map(notebook::Output::of);
        let (held, _) = outputs::of(held, self.context);
        for output in held {
            match output {
                PreparedOutput::Result(rich) | PreparedOutput::Display(rich) => {
                    self.push_markup(&["<div>"]);
                    self.push_rich(rich);
                    self.push_markup(&["</div>"]);
                }
                text => self.push_rendered(&text),
            }
        }
    }

    fn push_rich(&mut self, rich: RichOutput) {
        match rich {
            // Ids get their prefix when the whole is rendered.
            RichOutput::Html(html)
            | RichOutput::Markdown(Markdown::Written(html) | Markdown::Html(html)) => {
                self.push_safe(html);
            }
            // A frame shows outputs of cells only.
            RichOutput::Live { note, shown, .. } => {
                self.push_note(&note);
                if let Some(shown) = shown {
                    self.push_rich(*shown);
                }
            }
            other => self.push_rendered(&PreparedOutput::Display(other)),
        }
    }

    fn push_rendered(&mut self, output: &PreparedOutput) {
        // It is no output of the cell itself.
        let html = render::output(output).replacen("nb-output ", "", 1);
        self.push_safe(SafeHtml::trust(html));
    }
}
