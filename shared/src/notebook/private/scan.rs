//! Finds the bytes of private cells: one pass that keeps open containers and no values.
//!
//! It does not matter which of several readings of odd JSON is right. An object is a cell as
//! soon as it has `metadata`, wherever it stands and whatever the metadata is; it is private as
//! soon as the tags of its metadata hold the tag, in a list, an object or a text, at any depth.
//!
//! The data of outputs and attachments is the exception, because `metadata` and `tags` are
//! ordinary words there, and no reader looks for cells in it. In data only a whole cell is cut,
//! which has a type or a source beside its metadata.

use std::ops::Range;

use super::{hint::has_tag, word::says};
use crate::{notebook::json::MAX_JSON_DEPTH, scan};

/// The range of bytes that is cut, and the text that replaces it.
pub(super) type Cut = (Range<usize>, &'static str);

/// The letters of the mime type of saved widget state.
const WIDGET_STATE: &str = "jupyterwidgetstate";

/// What a key tells about its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyRole {
    Metadata,
    Tags,
    /// `cells`, or `worksheets`, which hold cells.
    Cells,
    /// Saved widget state.
    Widgets,
    Outputs,
    /// The data of an output.
    Data,
    Attachments,
    /// A field of cells, which few other objects with metadata have.
    OfCell,
    Other,
}

impl KeyRole {
    fn of(text: &[u8]) -> Self {
        let is = |word| says(text, word);
        if is("metadata") {
            Self::Metadata
        } else if is("tags") || is("tag") {
            Self::Tags
        } else if is("cells") || is("worksheets") {
            Self::Cells
        } else if is("widgets") || is_widget_state(text) {
            Self::Widgets
        } else {
            Self::plain(text)
        }
    }

    /// The role of keys that count only in their exact spelling, because otherwise their values
    /// have to be searched.
    fn plain(text: &[u8]) -> Self {
        match text {
            b"outputs" => Self::Outputs,
            b"data" | b"text" => Self::Data,
            b"attachments" => Self::Attachments,
            b"cell_type" | b"source" | b"input" => Self::OfCell,
            // In outputs of nbformat 2 and 3 the mime types are fields of the output itself.
            mime if mime.contains(&b'/') => Self::Data,
            _ => Self::Other,
        }
    }

    /// Whether an object with this key and metadata is a cell.
    fn is_of_cell(self) -> bool {
        matches!(self, Self::OfCell | Self::Outputs)
    }

    /// Whether the value may hold cells because its container does, without a role of its own.
    fn is_neutral(self) -> bool {
        !matches!(
            self,
            Self::Metadata | Self::Tags | Self::Cells | Self::Widgets
        )
    }
}

fn is_widget_state(text: &[u8]) -> bool {
    // A mime type is short, so a long text is not read.
    if text.len() >= 1000 {
        return false;
    }
    let said = serde_json::from_slice::<String>(&[b"\"", text, b"\""].concat());
    let letters = |said: String| -> String {
        let all = said.chars().flat_map(char::to_lowercase);
        all.filter(|c| c.is_alphanumeric()).collect()
    };
    said.is_ok_and(|said| letters(said).contains(WIDGET_STATE))
}

/// An open container.
struct OpenContainer {
    start: usize,
    is_object: bool,
    /// The role of the next value; `None` while a key is expected.
    key: Option<KeyRole>,
    /// It may hold cells, or is one.
    is_of_cells: bool,
    /// It is metadata, or within it.
    in_metadata: bool,
    /// Its values are tags.
    in_tags: bool,
    /// It is the list of a cell's outputs, or a list within that.
    is_outputs: bool,
    is_output: bool,
    /// It is the data of an output or an attachment, or within it.
    in_data: bool,
    is_private: bool,
    /// It has a field that only cells have.
    has_source: bool,
    /// The numbers of cuts and of saved widget states before it.
    cuts: usize,
    widgets: usize,
    /// The end of the last value that stays in this list.
    kept_to: Option<usize>,
    /// The range of the private values after that one.
    run: Option<Range<usize>>,
}

/// A container deeper than is read, with all that is within it.
#[derive(Default)]
struct DeepContainer {
    start: usize,
    /// The number of open containers: this one and those within it.
    open: usize,
    is_private: bool,
    has_metadata: bool,
    has_source: bool,
    has_widgets: bool,
}

/// One pass over bytes that the tolerant reader has read as JSON, repairing them if need be.
pub(super) struct PrivateCellScan<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Vec<OpenContainer>,
    deep: DeepContainer,
    cuts: Vec<Cut>,
    /// The ranges of saved widget state, which are cut when a cell is.
    widgets: Vec<Range<usize>>,
}

impl<'a> PrivateCellScan<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            open: Vec::new(),
            deep: DeepContainer::default(),
            cuts: Vec::new(),
            widgets: Vec::new(),
        }
    }

    /// Runs the pass; returns the cuts, in order and without overlaps.
    pub(super) fn run(mut self) -> Vec<Cut> {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'"' => self.text(),
                b'{' | b'[' => self.begin(byte == b'{'),
                b'}' | b']' => self.end(),
                b',' => {
                    if let Some(open) = self.top() {
                        open.key = None;
                    }
                    self.at += 1;
                }
                b':' | b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                _ => self.word(),
            }
        }
        if self.cuts.is_empty() {
            return self.cuts;
        }
        let widgets = self.widgets.drain(..).map(|range| (range, "{}"));
        self.cuts.extend(widgets);
        self.cuts
            .sort_unstable_by_key(|(range, _)| (range.start, usize::MAX - range.end));
        // Saved widget state may have cells, or other saved state, within it.
        let mut end = 0;
        self.cuts.retain(|(range, _)| {
            let is_apart = range.start >= end;
            end = end.max(range.end);
            is_apart
        });
        self.cuts
    }

    /// The container whose values come next; `None` within one that is too deep.
    fn top(&mut self) -> Option<&mut OpenContainer> {
        self.open.last_mut().filter(|_| self.deep.open == 0)
    }

    fn begin(&mut self, is_object: bool) {
        let start = self.at;
        self.at += 1;
        if self.open.len() == MAX_JSON_DEPTH {
            if self.deep.open == 0 {
                self.deep.start = start;
            }
            self.deep.open += 1;
            return;
        }
        let mut open = OpenContainer {
            start,
            is_object,
            key: None,
            is_of_cells: false,
            in_metadata: false,
            in_tags: false,
            is_outputs: false,
            is_output: false,
            in_data: false,
            is_private: false,
            has_source: false,
            cuts: self.cuts.len(),
            widgets: self.widgets.len(),
            kept_to: None,
            run: None,
        };
        if let Some(parent) = self.open.last() {
            let is_metadata = parent.key == Some(KeyRole::Metadata);
            let has_cells =
                parent.key == Some(KeyRole::Cells) && (parent.is_of_cells || self.open.len() == 1);
            // A list or an object of cells, or a cell in one.
            let is_one = parent.is_of_cells && parent.key.is_none_or(KeyRole::is_neutral);
            open.is_outputs = parent.holds_outputs() && !is_object;
            open.is_output = parent.holds_outputs() && is_object;
            open.in_data = parent.in_data || parent.holds_data();
            open.is_of_cells = !open.in_data && (has_cells || is_one);
            open.in_metadata = parent.in_metadata || is_metadata;
            open.in_tags = parent.holds_tags() || (is_metadata && !is_object);
        }
        self.open.push(open);
    }

    fn end(&mut self) {
        self.at += 1;
        if self.deep.open > 1 {
            self.deep.open -= 1;
            return;
        }
        if self.deep.open == 1 {
            let deep = std::mem::take(&mut self.deep);
            let range = deep.start..self.at;
            if deep.has_widgets {
                self.widgets.push(range.clone());
            }
            let in_data = self
                .open
                .last()
                .is_some_and(|open| open.in_data || open.holds_data());
            let may_be_cell = !in_data || (deep.has_metadata && deep.has_source);
            self.value(range, deep.is_private && may_be_cell);
            return;
        }
        let Some(ended) = self.open.pop() else { return };
        let range = ended.start..self.at;
        if let Some(run) = ended.run {
            // The commas between them and the values that stay are cut, too.
            let range = match ended.kept_to {
                Some(kept_to) => kept_to..run.end,
                None => ended.start + 1..self.at - 1,
            };
            self.cuts.push((range, ""));
        }
        let is_private = ended.is_private && (!ended.in_data || ended.has_source);
        if is_private {
            // Its cut replaces the cuts within it.
            self.cuts.truncate(ended.cuts);
            self.widgets.truncate(ended.widgets);
        }
        self.value(range, is_private);
    }

    /// Handles the end of a value, which is cut when it is private.
    fn value(&mut self, range: Range<usize>, is_private: bool) {
        let Some(parent) = self.open.last_mut().filter(|_| self.deep.open == 0) else {
            return;
        };
        if parent.key == Some(KeyRole::Widgets) {
            self.widgets.push(range.clone());
        }
        if parent.is_object {
            if is_private {
                self.cuts.push((range, "[]"));
            }
        } else if is_private {
            let start = parent.run.take().map_or(range.start, |run| run.start);
            parent.run = Some(start..range.end);
        } else {
            if let Some(run) = parent.run.take() {
                self.cuts.push((run.start..range.start, ""));
            }
            parent.kept_to = Some(range.end);
        }
    }

    fn text(&mut self) {
        let start = self.at;
        self.at += 1;
        loop {
            self.at += scan::length_before(&self.bytes[self.at..], *b"\"\\");
            match self.bytes.get(self.at) {
                Some(b'\\') => self.at = self.bytes.len().min(self.at + 2),
                Some(_) => break self.at += 1,
                None => return,
            }
        }
        let text = &self.bytes[start + 1..self.at - 1];
        if self.deep.open > 0 {
            self.deep_text(text);
            return;
        }
        let Some(open) = self.open.last_mut() else {
            return;
        };
        // An object of tags has them as its keys.
        let is_key = open.is_object && open.key.is_none();
        let may_be_tag = match open.key {
            _ if open.in_tags => true,
            Some(KeyRole::Metadata) => true,
            Some(KeyRole::Tags) => open.holds_tags(),
            _ => false,
        };
        if is_key {
            let key = KeyRole::of(text);
            open.key = Some(key);
            open.has_source |= key.is_of_cell();
        }
        if may_be_tag && has_tag(text) {
            self.mark_private();
        }
        if !is_key {
            self.value(start..self.at, false);
        }
    }

    /// A text in a container that is too deep, of which it is not known which key it belongs to.
    fn deep_text(&mut self, text: &[u8]) {
        if has_tag(text) {
            let around = self.open.last();
            match around.is_some_and(|open| open.in_metadata || open.holds_tags()) {
                true => self.mark_private(),
                false => self.deep.is_private = true,
            }
        }
        let key = KeyRole::of(text);
        self.deep.has_widgets |= key == KeyRole::Widgets;
        self.deep.has_metadata |= key == KeyRole::Metadata;
        self.deep.has_source |= key.is_of_cell();
    }

    /// The tag was found: marks every open container that it may be a tag of as private, but not
    /// the whole notebook.
    fn mark_private(&mut self) {
        for open in self.open.iter_mut().skip(1).rev() {
            let is_its = match open.key {
                Some(KeyRole::Metadata) => true,
                Some(KeyRole::Tags) => open.is_of_cells,
                _ => false,
            };
            if is_its && open.is_private {
                // The containers around it are marked already.
                return;
            }
            open.is_private |= is_its;
        }
    }

    /// A number, `true`, `null`, or a name of Python's for a number that JSON does not have.
    fn word(&mut self) {
        let start = self.at;
        let rest = self.bytes[start..].iter();
        let ends = |byte: &&u8| !b",:]}[{\" \n\r\t".contains(byte);
        self.at += rest.take_while(ends).count();
        self.value(start..self.at, false);
    }
}

impl OpenContainer {
    /// Whether its next value is the list of a cell's outputs, or one output.
    fn holds_outputs(&self) -> bool {
        let is_list_of_them = self.is_outputs && !self.is_object;
        let is_cell = self.is_of_cells && self.key == Some(KeyRole::Outputs);
        is_list_of_them || (is_cell && !self.in_metadata && !self.in_tags)
    }

    /// Whether its next value is the data of an output or of an attachment.
    fn holds_data(&self) -> bool {
        let is_data = match self.key {
            Some(KeyRole::Data) => self.is_output,
            Some(KeyRole::Attachments) => self.is_of_cells && !self.is_output && !self.is_outputs,
            _ => false,
        };
        is_data && !self.in_metadata && !self.in_tags
    }

    /// Whether its next value holds tags.
    fn holds_tags(&self) -> bool {
        let has_some = self.in_metadata || self.is_of_cells;
        self.in_tags || (self.key == Some(KeyRole::Tags) && has_some)
    }
}
