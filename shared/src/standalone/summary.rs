//! The last cells of all participants' copies of a notebook as one HTML document, which shows
//! how far each participant is.
//!
//! The caller writes it in parts, because it can be large and most of it has not changed: the
//! [`head`] with its table of contents, then for each participant a [`section`], the HTML of
//! their cells (rendered with their [`id_prefix`]) and [`SECTION_END`], then [`SUMMARY_END`].
//! Like every document here it needs no script and no network.

use std::sync::LazyLock;

use super::{head as document_head, minify};
use crate::render::escape;

static SUMMARY_STYLE: LazyLock<String> =
    LazyLock::new(|| minify::minified(include_str!("summary.css")));

/// The end of a participant's section, after their cells.
pub const SECTION_END: &str = "</section>\n";

/// The end of the summary, after the last section.
pub const SUMMARY_END: &str = "</main>\n</body>\n</html>\n";

/// What the summary shows of a participant beside their cells.
#[derive(Clone, Copy, Debug)]
pub struct ParticipantSummary<'a> {
    /// The participant's user name.
    pub user: &'a str,
    /// The address of their notebook's own document; `None` when there is none.
    pub href: Option<&'a str>,
    /// When they last saved, in RFC 3339.
    pub saved: &'a str,
    /// The same time in words.
    pub saved_text: &'a str,
    /// How many cells the notebook has.
    pub total_cells: usize,
    /// How many of them are in the summary.
    pub shown_cells: usize,
    /// Why there is no notebook to show, in words.
    pub problem: Option<&'a str>,
    /// The last code cell that was run ended in an error.
    pub ends_in_error: bool,
}

/// The prefix of every id in the section of `user`, to render their cells with. No user's prefix
/// is the beginning of another user's.
///
/// ```
/// use shared::standalone::summary::id_prefix;
///
/// assert_eq!(id_prefix("ana"), "u-ana.");
/// assert_eq!(id_prefix("ana.b@c"), "u-ana_2eb_40c.");
/// ```
#[must_use]
pub fn id_prefix(user: &str) -> String {
    id(user) + "."
}

/// The id of the section of `user`. Letters, digits, `-` and `_` only, so that it can stand
/// in an address and an attribute as it is.
fn id(user: &str) -> String {
    let mut id = "u-".to_owned();
    for byte in user.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => id.push(char::from(byte)),
            _ => id.push_str(&format!("_{byte:02x}")),
        }
    }
    id
}

/// The document up to the first section: `title` names the notebook, as text.
///
/// ```
/// use shared::standalone::summary::{self, ParticipantSummary};
///
/// let ana = ParticipantSummary {
///     user: "ana",
///     href: Some("./ana.html"),
///     saved: "2026-03-01T10:00:00Z",
///     saved_text: "1 March 2026, 10:00 UTC",
///     total_cells: 12,
///     shown_cells: 10,
///     problem: None,
///     ends_in_error: false,
/// };
/// let head = summary::head("day1", &[ana], "en");
/// assert!(head.contains("<a href=\"#u-ana\">ana</a>"));
/// ```
#[must_use]
pub fn head(title: &str, entries: &[ParticipantSummary<'_>], language: &str) -> String {
    let mut out = document_head(title, language, &SUMMARY_STYLE);
    let participants = match entries.len() {
        1 => "1 participant".to_owned(),
        number => format!("{number} participants"),
    };
    for part in [
        "<header class=\"sum-head\">\n<h1>",
        &escape::text(title),
        "</h1>\n<p>",
        &participants,
        ", the last cells of each</p>\n<nav aria-label=\"Participants\">\n<ol>\n",
    ] {
        out.push_str(part);
    }
    for entry in entries {
        let id = id(entry.user);
        let user = escape::text(entry.user);
        out.push_str(&format!("<li><a href=\"#{id}\">{user}</a>"));
        push_state(&mut out, " ", entry);
        out.push_str("</li>\n");
    }
    out.push_str("</ol>\n</nav>\n</header>\n<main class=\"nb\">\n");
    out
}

/// Appends a word on a participant who may need help to `out`.
fn push_state(out: &mut String, before: &str, entry: &ParticipantSummary<'_>) {
    let state = match entry.problem {
        Some(_) => "cannot be read",
        None if entry.ends_in_error => "ends in an error",
        None => return,
    };
    out.push_str(&format!(
        "{before}<span class=\"sum-problem\">{state}</span>"
    ));
}

/// The beginning of a participant's section, up to their cells.
///
/// ```
/// use shared::standalone::summary::{self, ParticipantSummary};
///
/// let bo = ParticipantSummary {
///     user: "bo",
///     href: None,
///     saved: "2026-03-01T10:00:00Z",
///     saved_text: "1 March 2026, 10:00 UTC",
///     total_cells: 0,
///     shown_cells: 0,
///     problem: Some("The file is <empty>."),
///     ends_in_error: false,
/// };
/// assert!(summary::section(&bo).contains("The file is &lt;empty&gt;."));
/// ```
#[must_use]
pub fn section(entry: &ParticipantSummary<'_>) -> String {
    let id = id(entry.user);
    let user = escape::text(entry.user);
    let name = match entry.href {
        Some(href) => format!("<a href=\"{}\">{user}</a>", escape::attribute(href)),
        None => user.into_owned(),
    };
    let mut out = format!(
        "<section class=\"sum-part\" id=\"{id}\" aria-labelledby=\"{id}.name\">\n\
         <h2 id=\"{id}.name\">{name}</h2>\n<p class=\"sum-saved\">Saved <time datetime=\"{}\">{}</time>",
        escape::attribute(entry.saved),
        escape::text(entry.saved_text),
    );
    if entry.problem.is_none() {
        out.push_str(&format!(", {}", cells(entry)));
    }
    push_state(&mut out, ", ", entry);
    out.push_str("</p>\n");
    if let Some(problem) = entry.problem {
        let problem = escape::text(problem);
        out.push_str(&format!("<p class=\"sum-card\">{problem}</p>\n"));
    }
    out
}

fn cells(entry: &ParticipantSummary<'_>) -> String {
    match (entry.shown_cells, entry.total_cells) {
        (_, 0) => "no cells".to_owned(),
        (_, 1) => "one cell".to_owned(),
        (shown, all) if shown < all => format!("the last {shown} of {all} cells"),
        (_, all) => format!("all {all} cells"),
    }
}

#[cfg(test)]
mod tests {
    use super::id_prefix;

    #[test]
    fn users_have_different_id_prefixes() {
        let users = [
            "ana",
            "ana.",
            "ana-cell-1",
            "ana_2e",
            "Ana",
            "ana.h",
            "ü",
            "u-ana",
        ];
        let prefixes: Vec<String> = users.into_iter().map(id_prefix).collect();
        for (at, one) in prefixes.iter().enumerate() {
            for (other, prefix) in prefixes.iter().enumerate() {
                assert_eq!(prefix.starts_with(one), at == other, "{one} {prefix}");
            }
        }
    }
}
