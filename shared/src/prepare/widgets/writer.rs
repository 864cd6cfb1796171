//! Writes a widget with all that it shows.

use super::model::Model;
use crate::{
    notebook::RawJson,
    prepare::{Sanitizer, cut, maths, output_context::OutputContext, rich},
    prepared::SafeHtml,
    render::{escape, stand_in},
};

/// The most widgets that one output shows, and how deep they nest.
const MAX_WIDGETS: usize = 400;
const MAX_DEPTH: usize = 12;

/// What stands in the place of a widget that is not written.
const NOT_SHOWN: &str = "An interactive widget is not shown here.";

/// The model `id` as HTML; `None` when it was not saved, or is no standard control.
pub(super) fn html<S: Sanitizer>(id: &str, context: &OutputContext<'_, '_, S>) -> Option<SafeHtml> {
    let mut writer = WidgetWriter {
        context,
        out: String::new(),
        values: Vec::new(),
        left: MAX_WIDGETS,
        room: cut::MAX_DATA_BYTES,
    };
    writer.push(id, 0)?;
    (writer.out.len() <= cut::MAX_DATA_BYTES).then_some(())?;
    let own = context.sanitizer.sanitize(&writer.out);
    Some(maths::insert(own.as_str(), &writer.values))
}

/// The markup so far. HTML of the notebook is sanitised by itself and stands in `values`, with a
/// stand-in in its place, so that it neither opens nor closes anything outside.
pub(super) struct WidgetWriter<'w, 'c, 'a, S> {
    pub(super) context: &'w OutputContext<'c, 'a, S>,
    out: String,
    values: Vec<maths::Formula>,
    /// The widgets that may still be written, and the bytes of values.
    left: usize,
    room: usize,
}

impl<'a, S: Sanitizer> WidgetWriter<'_, '_, 'a, S> {
    /// Writes the model `id`, if it is not hidden; `None` when it was not saved, or is of no
    /// standard control.
    fn push(&mut self, id: &str, depth: usize) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        (depth <= MAX_DEPTH).then_some(())?;
        let model = Model::of(self.context.widgets.read(id)?)?;
        if self.is_hidden(&model) {
            return Some(());
        }
        match model.name {
            "Box" | "HBox" => self.push_row(&model, depth),
            "VBox" | "GridBox" => self.push_column(&model, depth),
            "Tab" | "Accordion" => self.push_pages(&model, depth),
            "Stack" => self.push_stack(&model, depth),
            "Output" => {
                self.push_captured(&model);
                Some(())
            }
            _ => self.push_control(&model),
        }
    }

    /// Whether the layout, which is a model of its own, hides the widget.
    fn is_hidden(&self, model: &Model<'a>) -> bool {
        let read = |id: String| Model::of(self.context.widgets.read(&id)?);
        let layout = model.reference("layout").and_then(read);
        layout.is_some_and(|layout| {
            layout.text("display") == "none" || layout.text("visibility") == "hidden"
        })
    }

    /// Writes the parts of a widget, each between `before` and `after`, and a note in the place of
    /// each that is not written; `None` when none is.
    fn push_children(
        &mut self,
        model: &Model<'a>,
        depth: usize,
        mut around: impl FnMut(usize) -> [String; 2],
        keeps_empty: bool,
    ) -> Option<()> {
        let mut children = model.children().enumerate();
        let (mut written, mut missing) = (0, 0);
        while self.left > 0 {
            let Some((number, child)) = children.next() else {
                break;
            };
            let [before, after] = around(number);
            let start = self.out.len();
            self.out.push_str(&before);
            let inside = self.out.len();
            let shown = child.and_then(|child| self.push(&child, depth + 1));
            match shown {
                Some(()) => written += 1,
                None => {
                    missing += 1;
                    self.out.truncate(inside);
                    self.push_note(NOT_SHOWN);
                }
            }
            match self.out.len() == inside && !keeps_empty {
                true => self.out.truncate(start),
                false => self.out.push_str(&after),
            }
        }
        let more = children.count();
        if more > 0 {
            let [before, after] = around(written + missing);
            self.out.push_str(&before);
            self.push_note(&format!("{more} more widgets are not shown here."));
            self.out.push_str(&after);
        }
        (written > 0 || missing + more == 0).then_some(())
    }

    /// Writes what a box holds between `before` and `after`; nothing where the box shows nothing.
    fn push_box(
        &mut self,
        model: &Model<'a>,
        depth: usize,
        [before, after]: [&str; 2],
        around: [&str; 2],
    ) -> Option<()> {
        let start = self.out.len();
        self.out.push_str(before);
        let inside = self.out.len();
        self.push_children(model, depth, |_| around.map(str::to_owned), false)?;
        match self.out.len() == inside {
            true => self.out.truncate(start),
            false => self.out.push_str(after),
        }
        Some(())
    }

    fn push_row(&mut self, model: &Model<'a>, depth: usize) -> Option<()> {
        let row = ["<table><tbody><tr>", "</tr></tbody></table>"];
        self.push_box(model, depth, row, ["<td>", "</td>"])
    }

    fn push_column(&mut self, model: &Model<'a>, depth: usize) -> Option<()> {
        self.push_box(model, depth, ["<div>", "</div>"], ["<div>", "</div>"])
    }

    /// Writes tabs, or the parts of an accordion, each with its title; the chosen one is open.
    fn push_pages(&mut self, model: &Model<'a>, depth: usize) -> Option<()> {
        let titles: Vec<RawJson<'_>> = model.items("titles").collect();
        let old = model.get("_titles");
        let chosen = model.chosen_page();
        let page = |at: usize| {
            let old = || old.and_then(|old| old.get(&at.to_string()));
            let title = titles.get(at).copied().or_else(old);
            let title = title.and_then(RawJson::as_str);
            let title = title.map_or_else(|| (at + 1).to_string(), std::borrow::Cow::into_owned);
            let is_open = chosen == Some(at as u64);
            let open = if is_open { " open" } else { "" };
            let mut before = format!("<details{open}><summary>");
            stand_in::push_text(&mut before, &escape::text(&title));
            before.push_str("</summary><div>");
            [before, "</div></details>".to_owned()]
        };
        self.push_children(model, depth, page, true)
    }

    /// Writes the part of a stack that was chosen.
    fn push_stack(&mut self, model: &Model<'a>, depth: usize) -> Option<()> {
        let Some(chosen) = model.chosen_page() else {
            return Some(());
        };
        let child = model.children().nth(usize::try_from(chosen).ok()?)??;
        self.push(&child, depth + 1)
    }

    /// Appends markup of this module's own.
    pub(super) fn push_markup(&mut self, parts: &[&str]) {
        self.out.extend(parts.iter().copied());
    }

    /// Appends text.
    pub(super) fn push_text(&mut self, text: &str) {
        stand_in::push_text(&mut self.out, &escape::text(text));
    }

    /// Appends a note on something that is not written.
    pub(super) fn push_note(&mut self, note: &str) {
        self.push_markup(&["<p class=\"nb-note\">"]);
        self.push_text(note);
        self.push_markup(&["</p>"]);
    }

    /// Appends text in which formulas are typeset.
    pub(super) fn push_words(&mut self, words: &str) {
        match maths::may_have_formulas(words) {
            true => self.push_value(&escape::text(words), true),
            false => self.push_text(words),
        }
    }

    /// Appends HTML of the notebook; `typesets` when its formulas are typeset.
    pub(super) fn push_value(&mut self, html: &str, typesets: bool) {
        if html.is_empty() || !self.has_room(html.len()) {
            return;
        }
        let html = match typesets {
            true => rich::with_formulas(html, self.context),
            false => self.context.sanitizer.sanitize(html),
        };
        self.push_safe(html);
    }

    /// Appends HTML that has been sanitised, or was written here.
    pub(super) fn push_safe(&mut self, html: SafeHtml) {
        if !self.has_room(html.as_str().len()) {
            return;
        }
        self.room -= html.as_str().len();
        stand_in::push(&mut self.out, self.values.len());
        // No source stands for it, since no stand-in of a value is in `pre` or `code`.
        let source = String::new();
        self.values.push(maths::Formula { source, html });
    }

    /// Whether a value of so many bytes fits; a note says it when it does not.
    fn has_room(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.room;
        if !fits {
            self.push_note(&format!("HTML of {bytes} bytes is not shown here."));
        }
        fits
    }
}
