//! A notebook as one HTML document that needs nothing else: no script, no font, no
//! image, no stylesheet from anywhere.
//!
//! It is for reading, keeping, sending and printing. Light or dark is what the reader's
//! system says; on paper nothing scrolls and nothing is folded. What is deliberately not
//! here: files and folders (`pipalhub render`), and what is inside a cell
//! ([`crate::render`]). `notebook.css` beside this module is also the dashboard's, so
//! that a notebook looks the same in both.

#[cfg(test)]
mod contrast;
mod minify;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;

use std::sync::LazyLock;

use crate::{
    prepared::PreparedCell,
    render::{self, Options, escape},
};

/// What the document may do, said to the browser a second time: show what is in it.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
                      base-uri 'none'; form-action 'none'";

static STYLE: LazyLock<String> = LazyLock::new(|| {
    let both = concat!(include_str!("notebook.css"), include_str!("standalone.css"));
    minify::minified(both)
});

/// The whole document: `title` is its title, as text; `language` is the language of its
/// prose as a BCP 47 tag, such as `en`.
///
/// The place of the notebook's n-th cell is `#nb-cell-n`, counted from 1. The result is
/// as large as [`render::cells`] says, and some 9 KB for the stylesheet.
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
        id_prefix: "nb-".to_owned(),
        ..Options::default()
    };
    let body = render::cells(cells, &options);
    let mut out = String::with_capacity(body.len() + STYLE.len() + 1024);
    for part in [
        "<!doctype html>\n<html lang=\"",
        &escape::attribute(language),
        "\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"",
        POLICY,
        "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>",
        &escape::text(title),
        "</title>\n<style>",
        &STYLE,
        "</style>\n</head>\n<body>\n<main class=\"nb\">\n",
        &body,
        "</main>\n</body>\n</html>\n",
    ] {
        out.push_str(part);
    }
    out
}
