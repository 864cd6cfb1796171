//! Limits the spans of table cells to the size of their table.
//!
//! A cell may span a thousand columns and a thousand rows; a browser keeps a slot for each, and
//! a page of such cells has a thousand million slots. No table needs more columns than it has
//! cells, nor a span of more rows than it has.

use std::borrow::Cow;

use crate::render::html::{attributes, tag_length};

/// The cells and rows of a table, without those of tables in it.
#[derive(Clone, Copy, Default)]
struct TableExtent {
    cells: usize,
    rows: usize,
}

/// `html`, which this sanitiser wrote, with no span larger than its table.
pub(super) fn limited(html: String) -> String {
    if !html.contains("span=\"") {
        return html;
    }
    let tables = tables(&html);
    let mut out = String::with_capacity(html.len());
    let mut open: Vec<TableExtent> = Vec::new();
    let mut opened = 0;
    each_tag(&html, |before, tag| {
        out.push_str(before);
        match name(tag) {
            "table" => {
                open.push(tables[opened]);
                opened += 1;
            }
            "/table" => drop(open.pop()),
            "td" | "th" if tag.contains("span=\"") => {
                let table = open.last().copied().unwrap_or_default();
                return push_cell(&mut out, tag, table);
            }
            _ => {}
        }
        out.push_str(tag);
    });
    out
}

/// The tables of `html`, in the order in which they begin.
fn tables(html: &str) -> Vec<TableExtent> {
    let mut tables: Vec<TableExtent> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    each_tag(html, |_, tag| match name(tag) {
        "table" => {
            open.push(tables.len());
            tables.push(TableExtent::default());
        }
        "/table" => drop(open.pop()),
        "tr" => open.last().into_iter().for_each(|at| tables[*at].rows += 1),
        "td" | "th" => open
            .last()
            .into_iter()
            .for_each(|at| tables[*at].cells += 1),
        _ => {}
    });
    tables
}

/// Gives each tag to `sink`, with the text before it; then the text after the last tag, with an
/// empty tag.
fn each_tag<'h>(html: &'h str, mut sink: impl FnMut(&'h str, &'h str)) {
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let length = tag_length(&rest[start..]);
        sink(&rest[..start], &rest[start..start + length]);
        rest = &rest[start + length..];
    }
    sink(rest, "");
}

/// The name in a tag, with the slash of an end tag.
fn name(tag: &str) -> &str {
    let inside = tag.trim_start_matches('<').trim_end_matches('>');
    inside.split(' ').next().unwrap_or(inside)
}

/// Writes the start tag of a cell of `table`, without spans that became 1.
fn push_cell(out: &mut String, tag: &str, table: TableExtent) {
    let name = name(tag);
    out.extend(["<", name]);
    for (attribute, value) in attributes(&tag[1 + name.len()..]) {
        let most = match attribute {
            "colspan" => Some(table.cells),
            "rowspan" => Some(table.rows),
            _ => None,
        };
        let value = match most {
            Some(most) => Cow::Owned(span(value, most)),
            None => Cow::Borrowed(value),
        };
        if !value.is_empty() || most.is_none() {
            out.extend([" ", attribute, "=\"", &value, "\""]);
        }
    }
    out.push('>');
}

/// The span `value`, but at most `most`; empty where that makes it 1, which is the default. A
/// span of 0 stands for all that are left.
fn span(value: &str, most: usize) -> String {
    let most = most.max(1);
    let wanted = value.parse().unwrap_or(1);
    match if wanted == 0 { most } else { wanted.min(most) } {
        1 if wanted != 1 => String::new(),
        span => span.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::limited;

    #[test]
    fn spans_are_no_larger_than_their_table() {
        for (html, expected) in [
            (
                "<table><tr><td colspan=\"1000\" rowspan=\"1000\">a</td></tr></table>",
                "<table><tr><td>a</td></tr></table>",
            ),
            (
                "<table><tr><th class=\"nb-left\" colspan=\"2\">a</th></tr>\
                 <tr><td>b</td><td rowspan=\"0\">c</td></tr></table>",
                "<table><tr><th class=\"nb-left\" colspan=\"2\">a</th></tr>\
                 <tr><td>b</td><td rowspan=\"2\">c</td></tr></table>",
            ),
            (
                "<table><tr><td colspan=\"9\"><table><tr><td>a</td><td>b</td></tr></table>\
                 </td></tr></table>",
                "<table><tr><td><table><tr><td>a</td><td>b</td></tr></table></td></tr></table>",
            ),
            (
                "<p title=\"span=\">&lt;td colspan=\"9\"&gt;</p>",
                "<p title=\"span=\">&lt;td colspan=\"9\"&gt;</p>",
            ),
        ] {
            let once = limited(html.to_owned());
            assert_eq!(once, expected);
            assert_eq!(limited(once), expected);
        }
    }

    #[test]
    fn spans_that_fit_stay() {
        // No row has as many cells as the table has columns.
        let html = "<table><tr><td colspan=\"2\">a</td><td>b</td></tr>\
                    <tr><td rowspan=\"2\">c</td><td colspan=\"2\">d</td></tr><tr></tr></table>";
        assert_eq!(limited(html.to_owned()), html);
    }
}
