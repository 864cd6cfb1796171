//! The cost of sanitised HTML, counted tag by tag.

use super::{Cost, picture, text::TextWeigher};
use crate::{
    prepared::ImageKind,
    render::html::{attributes, tag_length},
    scan::length_before,
};

/// Inline elements, of which a browser makes a box in every line that they span, are not counted
/// for up to so many of them within each other.
const FREE_INLINE_DEPTH: u64 = 8;
/// The number of letters in a line of a narrow place, about.
const LETTERS_PER_LINE: u64 = 16;

/// So many bytes of a tag's attributes cost as much as one letter.
const TAG_BYTES_PER_LETTER: usize = 16;

/// An open table.
#[derive(Default)]
struct OpenTable {
    /// The places that its cells take up by their spans.
    places: u64,
    rows: u64,
    /// The widths of the widest row and of the current one.
    columns: u64,
    row: u64,
}

/// The cost of drawing `html`, which a sanitiser or this crate wrote.
pub(super) fn cost(html: &str) -> Cost {
    let mut cost = Cost::NONE;
    let mut weigher = TextWeigher::default();
    let mut tables: Vec<OpenTable> = Vec::new();
    let mut inline = 0_u64;
    let mut rest = html;
    loop {
        let (text, tag) = rest.split_at(length_before(rest.as_bytes(), *b"<"));
        weigher.push_html(text);
        if tag.is_empty() {
            break;
        }
        // Few texts stand that deep, so that few have to be counted.
        if inline > FREE_INLINE_DEPTH {
            cost.add(boxes(lines(text), inline));
        }
        let (tag, after) = tag.split_at(tag_length(tag));
        rest = after;
        if let Some(name) = tag.strip_prefix("</") {
            let name = name.strip_suffix('>').unwrap_or(name);
            if name == "table" {
                cost.add(tables.pop().map_or(Cost::NONE, OpenTable::cost));
            }
            inline = inline.saturating_sub(u64::from(is_inline(name)));
            continue;
        }
        cost.add(Cost::ELEMENT);
        let inside = tag.strip_prefix('<').unwrap_or(tag);
        let inside = inside.strip_suffix('>').unwrap_or(inside);
        let (name, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        match name {
            "table" => tables.push(OpenTable::default()),
            "tr" => tables.last_mut().into_iter().for_each(OpenTable::next_row),
            "td" | "th" => tables
                .last_mut()
                .into_iter()
                .for_each(|table| table.cell(attributes)),
            "img" => {
                cost.add(image_cost(attributes));
                continue;
            }
            _ => {}
        }
        if is_inline(name) {
            inline += 1;
        } else {
            // Elements that are not inline break the line.
            cost.add(boxes(1, inline));
        }
        weigher.push_letters((attributes.len() / TAG_BYTES_PER_LETTER) as u64);
    }
    // A sanitiser closes its elements; this counts tables that it would not have closed.
    while let Some(table) = tables.pop() {
        cost.add(table.cost());
    }
    cost.text = cost.text.saturating_add(weigher.weight());
    // The bytes of pictures are part of the HTML.
    cost.bytes = html.len() as u64;
    cost
}

/// Whether an element is inline, so that a browser makes a box of it in every line that it spans.
fn is_inline(name: &str) -> bool {
    matches!(
        name.as_bytes(),
        b"a" | b"abbr"
            | b"b"
            | b"bdi"
            | b"bdo"
            | b"big"
            | b"cite"
            | b"code"
            | b"data"
            | b"del"
            | b"dfn"
            | b"em"
            | b"font"
            | b"i"
            | b"ins"
            | b"kbd"
            | b"label"
            | b"mark"
            | b"q"
            | b"ruby"
            | b"s"
            | b"samp"
            | b"small"
            | b"span"
            | b"strong"
            | b"sub"
            | b"sup"
            | b"time"
            | b"u"
            | b"var"
    )
}

/// The number of places at which a line of `text` may be broken.
fn lines(text: &str) -> u64 {
    let white = text.bytes().filter(u8::is_ascii_whitespace).count() as u64;
    white + text.len() as u64 / LETTERS_PER_LINE
}

/// The cost of so many lines within `inline` inline elements.
fn boxes(lines: u64, inline: u64) -> Cost {
    Cost {
        elements: lines.saturating_mul(inline.saturating_sub(FREE_INLINE_DEPTH)),
        ..Cost::NONE
    }
}

/// The cost of the picture that an `img` with these attributes shows.
fn image_cost(text: &str) -> Cost {
    let found = attributes(text)
        .into_iter()
        .find(|(name, _)| *name == "src");
    let data = found.and_then(|(_, value)| value.strip_prefix("data:")?.split_once(";base64,"));
    data.and_then(|(mime, base64)| Some(picture::cost(ImageKind::of_mime(mime)?, base64)))
        .unwrap_or(Cost::NONE)
}

impl OpenTable {
    fn next_row(&mut self) {
        self.rows += 1;
        self.row = 0;
    }

    fn cell(&mut self, text: &str) {
        let span = |wanted: &str| -> u64 {
            let attributes = attributes(text);
            let found = attributes.iter().find(|(name, _)| *name == wanted);
            found.and_then(|(_, value)| value.parse().ok()).unwrap_or(1)
        };
        let (mut columns, mut rows) = (1, 1);
        if text.contains("span=\"") {
            // The sanitiser has replaced a span of 0, which stands for all that are left.
            (columns, rows) = (span("colspan").max(1), span("rowspan").max(1));
        }
        self.row = self.row.saturating_add(columns);
        self.columns = self.columns.max(self.row);
        self.places = self.places.saturating_add(columns.saturating_mul(rows));
    }

    /// The cost of the table, in which short rows are filled up.
    fn cost(self) -> Cost {
        let filled = self.rows.saturating_mul(self.columns);
        Cost {
            places: self.places.max(filled),
            ..Cost::NONE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::cost;

    #[test]
    fn elements_text_and_places_are_counted() {
        let html = "<p>a &lt; b</p><table><tbody><tr><td colspan=\"2\">x</td></tr>\
                    <tr><td>1</td><td rowspan=\"3\">2</td></tr></tbody></table>";
        let cost = cost(html);
        assert_eq!((cost.elements, cost.places, cost.text), (8, 6, 8));
        assert_eq!(cost.bytes, html.len() as u64);
    }

    #[test]
    fn inline_elements_cost_a_box_in_every_line() {
        let deep = |open: &str, close: &str, depth, lines: &str| {
            let html = format!(
                "<pre>{}{lines}{}</pre>",
                open.repeat(depth),
                close.repeat(depth)
            );
            cost(&html).elements
        };
        for line in ["x\n", "x ", "x<br>", "<div>x</div>", "abcdefghijklmnop"] {
            let lines = line.repeat(16_000);
            let flat = deep("<mark>", "</mark>", 4, &lines);
            assert!(flat <= 16_005, "{line}: {flat}");
            let steep = deep("<mark>", "</mark>", 400, &lines);
            assert!(steep > 300 * 16_000, "{line}: {steep}");
            let steep = deep(
                "<mark class=\"a\"><div><b>",
                "</b></div></mark>",
                100,
                &lines,
            );
            assert!(steep > 100 * 16_000, "{line}: {steep}");
        }
        // Elements one after the other are not within each other.
        let apart = "<b>x\n</b>".repeat(1000);
        assert_eq!(cost(&apart).elements, 1000);
    }

    #[test]
    fn tables_in_tables_have_their_own_places() {
        let inner = "<table><tr><td>1</td><td>2</td></tr></table>";
        let html = format!("<table><tr><td>{inner}</td></tr><tr><td>{inner}</td></tr></table>");
        assert_eq!(cost(&html).places, 6);
    }

    #[test]
    fn the_bytes_of_a_picture_count_once() {
        for kind in ["png", "svg+xml"] {
            let data = "PHN2Zy8+".repeat(1000);
            let html = format!("<img src=\"data:image/{kind};base64,{data}\">");
            assert_eq!(cost(&html).bytes, html.len() as u64, "{kind}");
        }
    }

    #[test]
    fn short_rows_are_counted_as_filled() {
        let html = format!(
            "<table><tr>{}</tr>{}</table>",
            "<td></td>".repeat(1000),
            "<tr></tr>".repeat(999)
        );
        assert_eq!(cost(&html).places, 1_000_000);
    }
}
