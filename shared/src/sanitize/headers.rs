//! Header cells with nothing in them become cells: to who hears a page, a header is the name of its
//! column or row, and one without a word is a riddle.

use crate::render::html::tag_length;

/// `html`, which this sanitiser wrote, without header cells that are empty.
pub(super) fn without_empty(html: String) -> String {
    if !html.contains("<th") {
        return html;
    }
    let mut out = String::with_capacity(html.len());
    let mut kept = 0;
    for (end, _) in html.match_indices(END) {
        let before = &html[kept..end];
        let start = before.rfind('<').unwrap_or_default();
        let (before, cell) = before.split_at(start);
        out.push_str(before);
        match empty(cell) {
            Some((attributes, content)) => {
                out.push_str("<td");
                out.push_str(attributes.split(" scope=\"").next().unwrap_or_default());
                // What stands behind the only attribute that a cell may not have.
                let behind = attributes.split_once(" scope=\"");
                let behind = behind.and_then(|(_, it)| it.split_once('"'));
                out.extend(behind.map(|(_, it)| it));
                out.extend([content, "</td>"]);
            }
            None => out.extend([cell, END]),
        }
        kept = end + END.len();
    }
    out.push_str(&html[kept..]);
    out
}

const END: &str = "</th>";

/// The attributes of a header cell without a word, with the end of its tag, and its content.
fn empty(cell: &str) -> Option<(&str, &str)> {
    let inside = cell.strip_prefix("<th")?;
    if !inside.starts_with([' ', '>']) {
        return None;
    }
    let (tag, content) = cell.split_at(tag_length(cell));
    let is_empty = content.replace("&nbsp;", "").trim().is_empty();
    is_empty.then(|| (&tag["<th".len()..], content))
}

#[cfg(test)]
mod tests {
    use super::without_empty;

    #[test]
    fn empty_headers_are_cells() {
        for (html, expected) in [
            ("<th></th><th>a</th>", "<td></td><th>a</th>"),
            (
                "<th class=\"blank\" scope=\"col\" colspan=\"2\">&nbsp;</th>",
                "<td class=\"blank\" colspan=\"2\">&nbsp;</td>",
            ),
            ("<th scope=\"row\"> \n</th>", "<td> \n</td>"),
            (
                "<th><img></th><th> <b></b></th>",
                "<th><img></th><th> <b></b></th>",
            ),
            (
                "<th><table><tr><th></th></tr></table></th>",
                "<th><table><tr><td></td></tr></table></th>",
            ),
            ("<thead></thead>", "<thead></thead>"),
        ] {
            let once = without_empty(html.to_owned());
            assert_eq!(once, expected);
            assert_eq!(without_empty(once), expected);
        }
    }
}
