//! The document of an output that runs its own script, or that is too much for a page.
//!
//! It is a document around a document: the participant's output stands in a frame of its own,
//! because the policy of the outer document decides where a frame may navigate, and this one
//! forbids it. Before the output a script of this project runs (`guard.js`), which removes what a
//! policy does not reach. Without the script, and in a browser that knows no
//! `Connection-Allowlist`, the policy that the service sends is the only protection.

use super::{displays::Displays, image};
use crate::notebook::{MimeBundle, Notebook, Output};
use crate::render::escape;

/// The beginning of a document around HTML that has none.
const DOCUMENT_HEAD: &str = "<!doctype html><meta charset=\"utf-8\">\n";

/// The attribute that makes a shadow root of a template. Only its case can be spelled in another
/// way.
const SHADOW_ROOT_ATTRIBUTE: &str = "shadowrootmode";

/// The script that runs before the output.
const GUARD_SCRIPT: &str = include_str!("guard.js");

/// The beginning of the outer document, around the frame of the output.
const OUTER_DOCUMENT: &str = "<!doctype html><meta charset=\"utf-8\"><title>An output</title>\
    <style>html, body, iframe { box-sizing: border-box; width: 100%; height: 100%; margin: 0; \
    border: 0; display: block; overflow: hidden } iframe { overflow: auto }</style>\n\
    <iframe sandbox=\"allow-scripts\" title=\"The output\" srcdoc=\"";

/// The raw HTML of one output, scripts and all, as a document.
///
/// `cell` counts from 0 in `notebook`, `output` from 0 in the cell: the numbers on the
/// button of [`crate::render`]. `None` when there is no such output, or none with HTML,
/// JavaScript or a picture. A script finds the element that it should write to as `element`.
///
/// **The result runs the participant's scripts.** Serve it only with a policy that
/// gives it no origin (`Content-Security-Policy: sandbox allow-scripts; …`), in a frame
/// that does the same.
///
/// ```
/// use shared::{notebook::Notebook, prepare};
///
/// let json = r#"{"nbformat": 4, "cells": [{"cell_type": "code", "source": "", "outputs": [
///     {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}}]}]}"#;
/// let notebook = Notebook::parse(json.as_bytes())?.notebook;
/// let document = prepare::frame_document(&notebook, 0, 0).expect("a script");
/// assert!(document.starts_with("<!doctype html>"));
/// assert!(document.contains("alert(1)"));
/// assert_eq!(prepare::frame_document(&notebook, 0, 1), None);
/// # Ok::<(), shared::notebook::ParseError>(())
/// ```
pub fn frame_document(notebook: &Notebook, cell: usize, output: usize) -> Option<String> {
    let Output::Bundle(bundle) = notebook.cells().get(cell)?.outputs().nth(output)? else {
        return None;
    };
    let inner = document(&Displays::of(notebook).newest(bundle)?)?;
    let inner = without_shadows(&inner);
    let inner = format!("<script>{GUARD_SCRIPT}</script>{inner}");
    Some(format!(
        "{OUTER_DOCUMENT}{}\"></iframe>\n",
        escape::attribute(&inner)
    ))
}

/// `html` whose templates make no shadow roots, because the guard could not watch these: no
/// script is notified of them. In a script the changed name is still a valid name.
fn without_shadows(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let mut out = String::with_capacity(html.len());
    let mut at = 0;
    for (found, name) in lower.match_indices(SHADOW_ROOT_ATTRIBUTE) {
        out.push_str(&html[at..found]);
        out.push_str("no");
        at = found + name.len();
        out.push_str(&html[found..at]);
    }
    out.push_str(&html[at..]);
    out
}

fn document(bundle: &MimeBundle<'_>) -> Option<String> {
    let html = bundle.text("text/html");
    let script = script(bundle);
    if html.is_none() && script.is_none() {
        return picture(bundle);
    }
    let html = html.unwrap_or_default();
    let start = html.trim_start().get(..9).unwrap_or_default();
    let is_whole = ["<!doctype", "<html>", "<html "]
        .iter()
        .any(|tag| start.to_ascii_lowercase().starts_with(tag));
    let head = if is_whole { "" } else { DOCUMENT_HEAD };
    let script = script.map(|script| {
        // Only `</` can end a script; in its strings the backslash changes nothing.
        let script = script.replace("</", "<\\/");
        format!(
            "<div id=\"element\"></div>\n<script>\n\
             const element = document.getElementById(\"element\");\n{script}\n</script>\n"
        )
    });
    Some(format!("{head}{html}{}", script.unwrap_or_default()))
}

/// The document of an output's picture, which a page does not show because drawing it costs too
/// much.
fn picture(bundle: &MimeBundle<'_>) -> Option<String> {
    let image = image::IMAGE_KINDS
        .iter()
        .find_map(|kind| image::of(*kind, &bundle.text(kind.mime())?))?;
    let (mime, base64) = (image.kind.mime(), image.base64);
    Some(format!(
        "{DOCUMENT_HEAD}<img alt=\"\" src=\"data:{mime};base64,{base64}\">\n"
    ))
}

/// Whether [`frame_document`] can show `bundle`.
pub(super) fn can_show(bundle: &MimeBundle<'_>) -> bool {
    let is_picture = |mime: &str| image::IMAGE_KINDS.iter().any(|kind| kind.mime() == mime);
    let can = |mime: &str| mime == "text/html" || mime.ends_with("/javascript") || is_picture(mime);
    bundle.data.iter().any(|(mime, _)| can(mime))
}

/// The JavaScript of an output.
pub(super) fn script(bundle: &MimeBundle<'_>) -> Option<String> {
    let mimes = ["application/javascript", "text/javascript"];
    mimes.iter().find_map(|mime| bundle.text(mime))
}

#[cfg(test)]
mod tests {
    use super::{GUARD_SCRIPT, without_shadows};

    #[test]
    fn templates_become_no_shadow_roots() {
        for (html, expected) in [
            ("<p>é", "<p>é"),
            (
                "<template ShadowRootMode=open>",
                "<template noShadowRootMode=open>",
            ),
            (
                "<template\nshadowrootshadowrootmodemode=\"\"shadowrootMODE=closed>é",
                "<template\nshadowrootnoshadowrootmodemode=\"\"noshadowrootMODE=closed>é",
            ),
        ] {
            assert_eq!(without_shadows(html), expected);
        }
    }

    /// The guard's option objects have no prototype, into which a page could put options.
    #[test]
    fn option_objects_of_the_guard_have_no_prototype() {
        for object in ["const select = {", "const observed = {", "const safe = {"] {
            let (_, rest) = GUARD_SCRIPT.split_once(object).expect(object);
            assert!(rest.trim_start().starts_with("__proto__: null"), "{object}");
        }
        assert!(!GUARD_SCRIPT.contains("attributeFilter"));
    }
}
