//! Reads the top-level object of a notebook in one pass: its cells one by one, the rest as text.

use std::{fmt, rc::Rc};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Cell, CellsPlace, ParseError,
    json::{CompactWriter, ObjectWriter, RawJson, WrittenNumbers},
};

/// The most cells of a notebook that is read, because even an empty cell takes memory, and room
/// on a page.
pub(super) const MAX_NOTEBOOK_CELLS: usize = 10_000;

/// The JSON that was read as a notebook.
pub(super) enum TopLevel {
    /// The JSON is no object.
    NotAnObject,
    /// An object, with null in place of its list of cells.
    Object {
        json: String,
        cells: Option<Vec<Cell>>,
        /// It has a key of notebooks: cells, worksheets or nbformat.
        is_notebook: bool,
        has_sheets: bool,
        has_too_many: bool,
    },
}

impl TopLevel {
    /// Whether it is surely a valid notebook: worksheets and too many cells need more checks.
    pub(super) fn is_plain(&self) -> bool {
        matches!(
            self,
            Self::Object {
                is_notebook: true,
                has_sheets: false,
                has_too_many: false,
                ..
            }
        )
    }

    /// The parts of a [`super::Notebook`], when it is one.
    pub(super) fn into_parts(
        self,
        warnings: &mut Vec<String>,
    ) -> Result<(Box<str>, CellsPlace, Vec<Cell>), ParseError> {
        let (json, cells) = match self {
            Self::NotAnObject => {
                return Err(ParseError::at_start(
                    "not a notebook: the JSON is not an object",
                ));
            }
            Self::Object {
                is_notebook: false, ..
            } => {
                return Err(ParseError::at_start(
                    "not a notebook: the JSON has no cells and no nbformat",
                ));
            }
            Self::Object {
                has_too_many: true, ..
            } => return Err(too_many()),
            Self::Object { json, cells, .. } => (json, cells),
        };
        if let Some(cells) = cells {
            return Ok((json.into(), CellsPlace::Cells, cells));
        }
        let [sheets, other] = RawJson::of(&json).get_all(["worksheets", "cells"]);
        if let Some(sheets) = sheets.filter(|sheets| sheets.is_array()) {
            let (sheet, cells) = flatten(sheets)?;
            let top = with_field(RawJson::of(&json), "worksheets", Some("null"));
            return Ok((top.into(), CellsPlace::Worksheet(sheet.into()), cells));
        }
        if other.is_some() {
            warnings.push("the notebook's cells are not a list".to_owned());
        }
        Ok((json.into(), CellsPlace::Nowhere, Vec::new()))
    }
}

fn too_many() -> ParseError {
    ParseError::at_start(&format!(
        "a notebook of more than {MAX_NOTEBOOK_CELLS} cells is not read; put them into several"
    ))
}

/// Reads a notebook. Without `keeps` it only checks it, and drops the values.
pub(super) struct TopLevelReader {
    pub(super) keeps: bool,
    pub(super) numbers: Rc<WrittenNumbers>,
}

impl<'de> DeserializeSeed<'de> for TopLevelReader {
    type Value = TopLevel;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<TopLevel, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TopLevelReader {
    type Value = TopLevel;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<TopLevel, A::Error> {
        let mut json = String::new();
        let mut object = ObjectWriter::begin(&mut json, &self.numbers);
        let mut cells = None;
        let (mut is_notebook, mut has_sheets, mut has_too_many) = (false, false, false);
        while let Some(key) = object.key(&mut entries)? {
            let is_cells = key == "\"cells\"";
            has_sheets |= key == "\"worksheets\"";
            is_notebook |= is_cells || has_sheets || key == "\"nbformat\"";
            let out = object.begin_value();
            if is_cells {
                let read = entries.next_value_seed(CellsReader {
                    out,
                    keeps: self.keeps,
                    numbers: &self.numbers,
                })?;
                has_too_many = matches!(read, CellsValue::TooMany);
                cells = match read {
                    CellsValue::List(cells) => Some(cells),
                    _ => None,
                };
            } else if self.keeps {
                entries.next_value_seed(CompactWriter::new(out, &self.numbers))?;
            } else {
                entries.next_value::<IgnoredAny>()?;
                out.push_str("null");
            }
        }
        object.end();
        Ok(TopLevel::Object {
            json,
            cells,
            is_notebook,
            has_sheets,
            has_too_many,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<TopLevel, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(TopLevel::NotAnObject)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<TopLevel, E> {
        Ok(TopLevel::NotAnObject)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<TopLevel, E> {
        Ok(TopLevel::NotAnObject)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<TopLevel, E> {
        Ok(TopLevel::NotAnObject)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<TopLevel, E> {
        Ok(TopLevel::NotAnObject)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<TopLevel, E> {
        Ok(TopLevel::NotAnObject)
    }

    fn visit_unit<E: Error>(self) -> Result<TopLevel, E> {
        Ok(TopLevel::NotAnObject)
    }
}

/// The value of `cells`.
enum CellsValue {
    List(Vec<Cell>),
    TooMany,
    NoList,
}

/// Reads the value of `cells`. Writes null for a list, and any other value as it is.
struct CellsReader<'o> {
    out: &'o mut String,
    keeps: bool,
    numbers: &'o WrittenNumbers,
}

impl<'de> DeserializeSeed<'de> for CellsReader<'_> {
    type Value = CellsValue;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<CellsValue, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellsReader<'_> {
    type Value = CellsValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<CellsValue, A::Error> {
        self.out.push_str("null");
        let mut cells = Vec::new();
        let mut count = 0_usize;
        loop {
            if count >= MAX_NOTEBOOK_CELLS || !self.keeps {
                if items.next_element::<IgnoredAny>()?.is_none() {
                    break;
                }
            } else {
                let mut json = String::new();
                if items
                    .next_element_seed(CompactWriter::new(&mut json, self.numbers))?
                    .is_none()
                {
                    break;
                }
                cells.push(Cell::new(json));
            }
            count += 1;
        }
        Ok(match count > MAX_NOTEBOOK_CELLS {
            true => CellsValue::TooMany,
            false => CellsValue::List(cells),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<CellsValue, A::Error> {
        CompactWriter::new(self.out, self.numbers)
            .visit_map(entries)
            .map(|()| CellsValue::NoList)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<CellsValue, E> {
        CompactWriter::new(self.out, self.numbers)
            .visit_str(value)
            .map(|()| CellsValue::NoList)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<CellsValue, E> {
        CompactWriter::new(self.out, self.numbers)
            .visit_bool(value)
            .map(|()| CellsValue::NoList)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<CellsValue, E> {
        CompactWriter::new(self.out, self.numbers)
            .visit_i64(value)
            .map(|()| CellsValue::NoList)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<CellsValue, E> {
        CompactWriter::new(self.out, self.numbers)
            .visit_u64(value)
            .map(|()| CellsValue::NoList)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<CellsValue, E> {
        CompactWriter::new(self.out, self.numbers)
            .visit_f64(value)
            .map(|()| CellsValue::NoList)
    }

    fn visit_unit<E: Error>(self) -> Result<CellsValue, E> {
        CompactWriter::new(self.out, self.numbers)
            .visit_unit()
            .map(|()| CellsValue::NoList)
    }
}

/// The object `json` with `value` for the key `name`, in its place or at the end; without the key
/// when `value` is `None`.
pub(super) fn with_field(json: RawJson<'_>, name: &str, value: Option<&str>) -> String {
    let mut out = String::with_capacity(json.json().len() + value.map_or(0, str::len) + name.len());
    let mut left = value;
    for (key, own) in json.entries() {
        match (key == name, value) {
            (true, Some(value)) => {
                left = None;
                push_entry(&mut out, key, value);
            }
            (true, None) => {}
            (false, _) => push_entry(&mut out, key, own.json()),
        }
    }
    if let Some(value) = left {
        push_entry(&mut out, name, value);
    }
    close(&mut out);
    out
}

/// Appends an entry of an object to `out`, the first entry with the object's brace.
pub(super) fn push_entry(out: &mut String, key: &str, value: &str) {
    let before = if out.is_empty() { "{\"" } else { ",\"" };
    for part in [before, key, "\":", value] {
        out.push_str(part);
    }
}

/// Closes the object in `out`.
pub(super) fn close(out: &mut String) {
    out.push_str(if out.is_empty() { "{}" } else { "}" });
}

/// The first worksheet without its cells, and the cells of all worksheets.
fn flatten(sheets: RawJson<'_>) -> Result<(String, Vec<Cell>), ParseError> {
    let mut first = None;
    let mut cells = Vec::new();
    let mut push = |json: String| {
        cells.push(Cell::new(json));
        if cells.len() > MAX_NOTEBOOK_CELLS {
            Err(too_many())
        } else {
            Ok(())
        }
    };
    for sheet in sheets.items() {
        if !sheet.is_object() {
            push(sheet.json().to_owned())?;
            continue;
        }
        match sheet.get("cells") {
            Some(own) if own.is_array() => {
                for cell in own.items() {
                    let mut json = String::with_capacity(cell.json().len());
                    push_with_line_ends(&mut json, cell);
                    push(json)?;
                }
            }
            Some(other) if !other.is_null() => push(other.json().to_owned())?,
            _ => {}
        }
        first.get_or_insert(sheet);
    }
    let first = first.unwrap_or(RawJson::of("{}"));
    Ok((with_field(first, "cells", Some("null")), cells))
}

/// The fields of nbformat 2 and 3 that hold texts, in cells and in outputs.
const NBFORMAT_3_TEXTS: [&str; 8] = [
    "source",
    "input",
    "text",
    "html",
    "svg",
    "latex",
    "javascript",
    "json",
];

/// Appends `cell` to `out`, with line ends in its lists of lines. The oldest notebooks were
/// written without them, so that joined lines would run together. As in Jupyter, the first line
/// of a list tells whether they are missing.
fn push_with_line_ends(out: &mut String, cell: RawJson<'_>) {
    if !cell.is_object() {
        out.push_str(cell.json());
        return;
    }
    let mut separator = '{';
    for (name, value) in cell.entries() {
        out.push(separator);
        separator = ',';
        for part in ["\"", name, "\":"] {
            out.push_str(part);
        }
        let is_list = value.is_array();
        if is_list && name == "outputs" {
            let mut items = value.items();
            push_list(out, &mut items, |out, item, _| {
                push_with_line_ends(out, item);
            });
        } else if is_list && NBFORMAT_3_TEXTS.contains(&name) {
            push_lines(out, value);
        } else {
            out.push_str(value.json());
        }
    }
    out.push_str(if separator == '{' { "{}" } else { "}" });
}

fn push_lines(out: &mut String, lines: RawJson<'_>) {
    let first = lines.items().next().and_then(RawJson::as_written);
    let ends = |line: &str| line.ends_with("\\n") || line.ends_with("\\r");
    if first.is_none_or(ends) {
        out.push_str(lines.json());
        return;
    }
    push_list(out, &mut lines.items(), |out, line, is_last| {
        match line.as_written().filter(|_| !is_last) {
            Some(text) => {
                for part in ["\"", text, "\\n\""] {
                    out.push_str(part);
                }
            }
            None => out.push_str(line.json()),
        }
    });
}

/// Appends a list to `out`; `push` appends each item, and is told whether it is the last.
fn push_list<'a>(
    out: &mut String,
    items: &mut dyn Iterator<Item = RawJson<'a>>,
    push: impl Fn(&mut String, RawJson<'a>, bool),
) {
    out.push('[');
    let mut items = items.peekable();
    while let Some(item) = items.next() {
        let is_last = items.peek().is_none();
        push(out, item, is_last);
        if !is_last {
            out.push(',');
        }
    }
    out.push(']');
}
