//! The pages of an archive, and its text for whoever opens it: from the file system, without a
//! script and without a network.

use std::fmt::Write;

use shared::render::escape::text;

use crate::{builds::listing_style, text::percent_encoded, time};

/// The text at the beginning of an archive.
pub(super) const README: &str = "\
An archive of a class, made by PipalHub.\r\n\
\r\n\
index.html        everyone, and a page of each participant's notebooks: unpack this file,\r\n\
                  and open it in a browser\r\n\
participants/     for each a folder: notebooks as documents (exports) and as they are\r\n\
data/             events, versions of notebooks and notices, as SQLite files\r\n\
users.txt         the names of the class's list, without passwords\r\n\
manifest.json     every file, with its SHA-256, and what was left out, with the reason\r\n\
\r\n\
`pipalhub archive --verify FILE` checks it, `pipalhub restore FILE DIR` puts everything into an\r\n\
empty folder, `pipalhub restore --participants FILE DIR` makes a zip for each participant.\r\n\
\r\n\
Cells that participants have marked as private are not in it, and neither are passwords, keys and\r\n\
tokens.\r\n";

/// A row of a participant's page.
pub(super) struct NotebookRow {
    /// The path of the notebook below the home.
    pub(super) filename: String,
    /// Its name in the archive, below the page.
    pub(super) notebook: String,
    /// The same of its document, when there is one.
    pub(super) export: Option<String>,
    /// When it was saved; milliseconds since the Unix epoch.
    pub(super) saved_ms: i64,
    /// Its size, bytes.
    pub(super) size: u64,
}

/// A row of the page of everyone.
pub(super) struct ParticipantRow {
    pub(super) user: String,
    /// The path of their page below this one.
    pub(super) page: String,
    pub(super) notebooks: usize,
    /// When they saved last; milliseconds since the Unix epoch.
    pub(super) saved_ms: Option<i64>,
}

/// One participant's page.
pub(super) fn of_participant(user: &str, rows: &[NotebookRow]) -> String {
    let mut out = begin(user);
    if rows.is_empty() {
        out.push_str("<p class=\"empty\">There is no notebook.</p>\n");
    } else {
        out.push_str(&table_head(&["Notebook", "Last saved", "Size", "As it is"]));
    }
    for row in rows {
        let name = match &row.export {
            Some(export) => format!("<a href=\"{}\">{}</a>", link(export), text(&row.filename)),
            None => format!(
                "{} <span class=\"problem\">this is no notebook, and is not shown</span>",
                text(&row.filename)
            ),
        };
        push(
            &mut out,
            format_args!(
                "<tr><th scope=\"row\">{name}</th>{}<td>{}</td>\
                 <td><a href=\"{}\" download>.ipynb</a></td></tr>\n",
                time_cell(Some(row.saved_ms)),
                size(row.size),
                link(&row.notebook)
            ),
        );
    }
    end(out, !rows.is_empty())
}

/// The page of everyone.
pub(super) fn of_class(rows: &[ParticipantRow]) -> String {
    let mut out = begin("The class");
    if rows.is_empty() {
        out.push_str("<p class=\"empty\">Nobody has a notebook.</p>\n");
    } else {
        out.push_str(&table_head(&["Participant", "Notebooks", "Last saved"]));
    }
    for row in rows {
        push(
            &mut out,
            format_args!(
                "<tr><th scope=\"row\"><a href=\"{}\">{}</a></th><td>{}</td>{}</tr>\n",
                link(&row.page),
                text(&row.user),
                row.notebooks,
                time_cell(row.saved_ms)
            ),
        );
    }
    end(out, !rows.is_empty())
}

fn begin(title: &str) -> String {
    let title = text(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <style>{}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n</header>\n<main>\n",
        listing_style()
    )
}

fn table_head(columns: &[&str]) -> String {
    let mut out = "<div class=\"scrolls\"><table>\n<thead><tr>".to_owned();
    for column in columns {
        push(&mut out, format_args!("<th scope=\"col\">{column}</th>"));
    }
    out + "</tr></thead>\n<tbody>\n"
}

fn end(mut out: String, has_table: bool) -> String {
    if has_table {
        out.push_str("</tbody>\n</table></div>\n");
    }
    out + "</main>\n</body>\n</html>\n"
}

/// A path in the archive as the address of a link.
fn link(path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(percent_encoded).collect();
    format!("./{}", parts.join("/"))
}

fn time_cell(ms: Option<i64>) -> String {
    match ms {
        None => "<td></td>".to_owned(),
        Some(ms) => format!(
            "<td><time datetime=\"{}\">{}</time></td>",
            time::iso(ms),
            time::for_people(ms)
        ),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_in_a_page_and_no_markup() {
        let user = "<b>\"ana\"&co</b>";
        let rows = [NotebookRow {
            filename: "m 1/<i>.ipynb".to_owned(),
            notebook: "notebooks/m 1/é#.ipynb".to_owned(),
            export: None,
            saved_ms: 0,
            size: 1_500,
        }];
        let page = of_participant(user, &rows);
        assert!(!page.contains("<b>") && !page.contains("<i>"), "{page}");
        assert!(page.contains("href=\"./notebooks/m%201/%C3%A9%23.ipynb\""));
        assert!(page.contains("2 kB") && page.contains("1 Jan 1970, 00:00 UTC"));
        let class = of_class(&[ParticipantRow {
            user: user.to_owned(),
            page: "participants/_~-b-/index.html".to_owned(),
            notebooks: 1,
            saved_ms: None,
        }]);
        assert!(!class.contains("<b>") && class.contains("_~-b-/index.html\""));
    }
}
