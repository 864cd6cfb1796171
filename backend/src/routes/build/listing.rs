//! The page of a folder of builds: its notebooks, their copies, the times of their saves, and
//! links to all files. It needs no script.

use std::{collections::BTreeMap, fmt::Write, sync::LazyLock};

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use shared::render::escape::{attribute, text};

use super::super::error::AppError;
use super::{REVALIDATE, builds_of, encoded, is_known, missing};
use crate::{
    app::AppState,
    builds::{ListedCopy, ListedNotebook, listing_style},
    identity::Identity,
    text::percent_encoded,
    time,
};

static LISTING_STYLE: LazyLock<String> = LazyLock::new(listing_style);

/// Allows the one stylesheet that is in the page, and nothing else.
static LISTING_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(&*LISTING_STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// The page of `folder`, which is empty for the whole class.
pub(super) fn of_folder(
    state: &AppState,
    identity: &Identity,
    folder: &str,
    headers: &HeaderMap,
) -> Result<Response, AppError> {
    let mut notebooks = builds_of(state)?.list(folder, None);
    let shows_summary = |filename: &str| state.sharing.shows_summary(identity, filename);
    if let Some(user) = identity.confined_to() {
        for notebook in &mut notebooks {
            notebook.participants.retain(|copy| copy.user == user);
        }
        notebooks.retain(|notebook| {
            !notebook.participants.is_empty() || shows_summary(&notebook.filename)
        });
    }
    if notebooks.is_empty() && !folder.is_empty() {
        return Err(missing());
    }
    let page = FolderPage {
        prefix: &state.prefix,
        folder,
        sees_everyone: identity.confined_to().is_none(),
        shows_summary: &shows_summary,
        left_out: builds_of(state)?.left_out(identity.confined_to()),
    };
    let html = page.html(&notebooks);
    let hash = STANDARD.encode(&Sha256::digest(&html)[..12]);
    let etag = format!("W/\"{hash}\"");
    let same = [
        (header::CONTENT_SECURITY_POLICY, LISTING_POLICY.clone()),
        (header::ETAG, etag.clone()),
    ];
    if is_known(headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, same, [REVALIDATE]).into_response());
    }
    Ok((same, [REVALIDATE], Html(html)).into_response())
}

/// The page of one folder, for one requester.
struct FolderPage<'a> {
    prefix: &'a str,
    folder: &'a str,
    sees_everyone: bool,
    /// Whether the requester may see the summary of the notebook with this filename.
    shows_summary: &'a dyn Fn(&str) -> bool,
    /// Participants with too many notebooks, in words.
    left_out: Vec<String>,
}

impl FolderPage<'_> {
    fn html(&self, notebooks: &[ListedNotebook]) -> String {
        let title = match self.folder {
            "" => "Builds",
            folder => folder.rsplit('/').next().unwrap_or(folder),
        };
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{} · PipalHub</title>\n\
             <style>{}</style>\n</head>\n<body>\n",
            text(title),
            *LISTING_STYLE
        );
        self.push_header(&mut out, title, !notebooks.is_empty());
        out.push_str("<main>\n");
        for words in &self.left_out {
            push(
                &mut out,
                format_args!("<p class=\"problem\">{}</p>\n", text(words)),
            );
        }
        if notebooks.is_empty() {
            out.push_str(
                "<p class=\"empty\">Nothing is built yet: it will be as soon as somebody saves \
                 a notebook.</p>\n",
            );
        }
        let (here, below): (Vec<_>, Vec<_>) = notebooks
            .iter()
            .partition(|notebook| notebook.folder == self.folder);
        for notebook in here {
            self.push_copies(&mut out, notebook);
        }
        let mut folders: BTreeMap<&str, Vec<&ListedNotebook>> = BTreeMap::new();
        for notebook in below {
            let folder = notebook
                .filename
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            folders.entry(folder).or_default().push(notebook);
        }
        for (folder, notebooks) in folders {
            self.push_folder(&mut out, folder, &notebooks);
        }
        out.push_str("</main>\n</body>\n</html>\n");
        out
    }

    /// The title, the links to the folders above, and the link to the zip archive.
    fn push_header(&self, out: &mut String, title: &str, is_something_there: bool) {
        let prefix = attribute(self.prefix);
        push(
            out,
            format_args!(
                "<header>\n<nav aria-label=\"Where this is\"><ol>\n\
                 <li><a href=\"{prefix}\">PipalHub</a></li>\n"
            ),
        );
        let mut above = String::new();
        if !self.folder.is_empty() {
            push(
                out,
                format_args!("<li><a href=\"{prefix}build/\">Builds</a></li>\n"),
            );
        }
        if let Some((parents, _)) = self.folder.rsplit_once('/') {
            for name in parents.split('/') {
                above = above + &percent_encoded(name) + "/";
                let name = text(name);
                push(
                    out,
                    format_args!("<li><a href=\"{prefix}build/{above}\">{name}</a></li>\n"),
                );
            }
        }
        push(out, format_args!("</ol></nav>\n<h1>{}</h1>\n", text(title)));
        if self.sees_everyone && is_something_there {
            let query = match self.folder {
                "" => String::new(),
                folder => format!("?path={}", percent_encoded(folder)),
            };
            push(
                out,
                format_args!(
                    "<p><a class=\"button\" href=\"{prefix}build/archive.zip{query}\" download>\
                     Download all as zip</a></p>\n"
                ),
            );
        }
        out.push_str("</header>\n");
    }

    /// The notebooks of one folder of the homes.
    fn push_folder(&self, out: &mut String, folder: &str, notebooks: &[&ListedNotebook]) {
        let heading = if folder.is_empty() {
            "Notebooks"
        } else {
            folder
        };
        push(
            out,
            format_args!(
                "<section>\n<h2>{}</h2>\n<div class=\"scrolls\"><table>\n<thead><tr>\
                 <th scope=\"col\">Notebook</th>",
                text(heading)
            ),
        );
        if self.sees_everyone {
            out.push_str("<th scope=\"col\">Participants</th>");
        }
        out.push_str("<th scope=\"col\">Last saved</th>");
        let has_summaries = notebooks
            .iter()
            .any(|notebook| self.links_summary(notebook));
        if has_summaries {
            out.push_str("<th scope=\"col\">Everyone’s last cells</th>");
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for notebook in notebooks {
            self.push_notebook(out, notebook, has_summaries);
        }
        out.push_str("</tbody>\n</table></div>\n</section>\n");
    }

    fn push_notebook(&self, out: &mut String, notebook: &ListedNotebook, has_summaries: bool) {
        let below = notebook
            .folder
            .strip_prefix(self.folder)
            .unwrap_or_default();
        let href = format!("./{}/", encoded(below.trim_start_matches('/')));
        let name = notebook.filename.rsplit('/').next().unwrap_or_default();
        push(
            out,
            format_args!(
                "<tr><th scope=\"row\"><a href=\"{href}\">{}</a>",
                text(name)
            ),
        );
        let copies = &notebook.participants;
        let mut notes = copies.iter().filter_map(|copy| copy.note.as_deref());
        if let (false, Some(words)) = (self.sees_everyone, notes.next()) {
            push(
                out,
                format_args!(" <span class=\"problem\">{}</span>", text(words)),
            );
        }
        out.push_str("</th>");
        if self.sees_everyone {
            let broken = copies.iter().filter(|copy| copy.problem.is_some()).count();
            push(out, format_args!("<td>{}", copies.len()));
            if broken > 0 {
                push(
                    out,
                    format_args!(" <span class=\"problem\">{broken} cannot be read</span>"),
                );
            }
            let unbuilt = copies
                .iter()
                .filter(|copy| !copy.has_export && copy.note.is_some())
                .count();
            if unbuilt > 0 {
                push(
                    out,
                    format_args!(" <span class=\"problem\">{unbuilt} not built</span>"),
                );
            }
            out.push_str("</td>");
        }
        match copies.iter().map(|copy| copy.saved_at_ms).max() {
            Some(saved) => push_time(out, saved),
            None => out.push_str("<td></td>"),
        }
        if self.links_summary(notebook) {
            push(
                out,
                format_args!(
                    "<td><a href=\"{href}00-summary.html\">Summary</a> \
                     <a href=\"{href}00-summary.ipynb\">as notebook</a></td>"
                ),
            );
        } else if has_summaries {
            out.push_str("<td></td>");
        }
        out.push_str("</tr>\n");
    }

    /// Whether there is a summary that the requester may see.
    fn links_summary(&self, notebook: &ListedNotebook) -> bool {
        notebook.has_summary && (self.shows_summary)(&notebook.filename)
    }

    /// The table of the copies of this folder's notebook.
    fn push_copies(&self, out: &mut String, notebook: &ListedNotebook) {
        push(
            out,
            format_args!("<section>\n<h2>{}</h2>\n", text(&notebook.filename)),
        );
        if self.links_summary(notebook) {
            out.push_str(
                "<p><a class=\"button\" href=\"./00-summary.html\">Summary</a> \
                 <a class=\"button\" href=\"./00-summary.ipynb\">Summary as notebook</a></p>\n",
            );
        }
        if notebook.participants.is_empty() {
            out.push_str("</section>\n");
            return;
        }
        out.push_str(
            "<div class=\"scrolls\"><table>\n<thead><tr><th scope=\"col\">Participant</th>\
             <th scope=\"col\">Saved</th><th scope=\"col\">Notebook</th></tr></thead>\n<tbody>\n",
        );
        for copy in &notebook.participants {
            push_copy(out, copy);
        }
        out.push_str("</tbody>\n</table></div>\n</section>\n");
    }
}

fn push_copy(out: &mut String, copy: &ListedCopy) {
    let user = text(&copy.user);
    let name = percent_encoded(&copy.name);
    if copy.has_export {
        push(
            out,
            format_args!("<tr><th scope=\"row\"><a href=\"./{name}.html\">{user}</a></th>"),
        );
    } else {
        push(out, format_args!("<tr><th scope=\"row\">{user}</th>"));
    }
    push_time(out, copy.saved_at_ms);
    out.push_str("<td>");
    if copy.has_export {
        let owner = attribute(&copy.user);
        push(
            out,
            format_args!(
                "<a href=\"./notebooks/{name}.ipynb\" aria-label=\"Download {owner}’s notebook\">\
                 .ipynb</a>"
            ),
        );
    }
    for words in [&copy.problem, &copy.note].into_iter().flatten() {
        push(
            out,
            format_args!(" <span class=\"problem\">{}</span>", text(words)),
        );
    }
    out.push_str("</td></tr>\n");
}

fn push_time(out: &mut String, ms: i64) {
    push(
        out,
        format_args!(
            "<td><time datetime=\"{}\">{}</time></td>",
            time::iso(ms),
            time::for_people(ms)
        ),
    );
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("writing to a String cannot fail");
}
