//! A notebook as one HTML document that needs nothing else: no script, no font, no
//! image, no stylesheet from anywhere.
//!
//! It is for reading, keeping, sending and printing. The reader's system chooses light or dark;
//! on paper nothing scrolls and nothing is folded. Deliberately not here: files and
//! folders (`pipalhub render`), and the inside of a cell ([`crate::render`]). The dashboard uses
//! `notebook.css` and `formulas.css` beside this module, too, so that a notebook looks the same in both.

#[cfg(all(test, not(target_arch = "wasm32")))]
mod classes;
#[cfg(test)]
mod contrast;
mod minify;
pub mod summary;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;

use std::sync::LazyLock;

use crate::{
    prepared::PreparedCell,
    render::{self, Options, escape},
};

/// The document's policy: it may only show what is in it. Rendering is safe by itself; this has
/// the browser enforce it as well.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; \
                      base-uri 'none'; form-action 'none'";

static DOCUMENT_STYLE: LazyLock<String> = LazyLock::new(|| {
    let all = concat!(
        include_str!("notebook.css"),
        include_str!("formulas.css"),
        include_str!("standalone.css")
    );
    minify::minified(all)
});

/// The whole document: `title` is its title, as text; `language` is the language of its
/// prose as a BCP 47 tag, such as `en`.
///
/// The id of the notebook's n-th cell is `nb-cell-n`, counted from 1. The result has the size
/// that [`render::cells`] documents, and some 9 KB for the stylesheet.
///
/// ```
/// use shared::{notebook::Notebook, prepare, sanitize::Ammonia, standalone};
///
/// let json = br#"{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
///     {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "*Hello*"}]}"#;
/// let notebook = Notebook::parse(json)?.notebook;
/// let cells = prepare::cells(&notebook, 0, &Ammonia);
/// let html = standalone::document("day1", &cells, "en");
/// assert!(html.contains("<title>day1</title>") && html.contains("<em>Hello</em>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn document(title: &str, cells: &[PreparedCell], language: &str) -> String {
    let options = Options {
        id_prefix: ID_PREFIX.to_owned(),
        ..Options::default()
    };
    let mut out = document_start(title, language);
    out.push_str(render::cells(cells, &options).as_str());
    out.push_str(DOCUMENT_END);
    out
}

/// The prefix of every id in [`document`], for a caller that renders its cells in another way.
pub const ID_PREFIX: &str = "nb-";

/// The beginning of [`document`], up to the HTML of its cells.
///
/// ```
/// use shared::standalone;
///
/// let empty = standalone::document_start("day1", "en") + standalone::DOCUMENT_END;
/// assert_eq!(empty, standalone::document("day1", &[], "en"));
/// ```
pub fn document_start(title: &str, language: &str) -> String {
    let mut out = head(title, language, "");
    out.push_str("<main class=\"nb\">\n");
    out
}

/// The end of [`document`], after the HTML of its cells.
pub const DOCUMENT_END: &str = "</main>\n</body>\n</html>\n";

/// The stylesheet of the documents, for pages that go with them.
///
/// ```
/// assert!(shared::standalone::stylesheet().contains("--surface:"));
/// ```
pub fn stylesheet() -> &'static str {
    &DOCUMENT_STYLE
}

/// A document up to the start of its body; `style` is added to the stylesheet.
fn head(title: &str, language: &str, style: &str) -> String {
    [
        "<!doctype html>\n<html lang=\"",
        &escape::attribute(language),
        "\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"",
        CONTENT_SECURITY_POLICY,
        "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>",
        &escape::text(title),
        "</title>\n<style>",
        &DOCUMENT_STYLE,
        style,
        "</style>\n</head>\n<body>\n",
    ]
    .concat()
}
