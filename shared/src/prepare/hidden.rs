//! What of a cell its author has folded away.
//!
//! JupyterLab keeps it in the metadata, older Jupyters in other places, and Jupyter Book and
//! nbconvert in tags. Whatever hides, it is folded here and not left out, since a reader may
//! unfold it.

use crate::{
    notebook::Cell,
    prepared::{Markdown, SafeHtml},
};

/// The parts of a cell that are folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FoldedParts {
    pub(super) source: bool,
    pub(super) outputs: bool,
}

impl FoldedParts {
    pub(super) fn of(cell: &Cell) -> Self {
        let flag = |table: Option<&str>, key: &str| cell.flag(table, key);
        let mut parts = Self {
            source: flag(Some("jupyter"), "source_hidden")
                || flag(None, "hide_input")
                || flag(None, "inputHidden"),
            outputs: flag(Some("jupyter"), "outputs_hidden")
                || flag(None, "collapsed")
                || flag(None, "hide_output")
                || flag(None, "outputHidden")
                || cell.is_collapsed(),
        };
        for tag in cell.tags() {
            let tag = tag.to_ascii_lowercase().replace('_', "-");
            let how = ["hide-", "remove-"].into_iter();
            let what = how.filter_map(|how| tag.strip_prefix(how)).next();
            parts.source |= matches!(what, Some("cell" | "input"));
            parts.outputs |= matches!(what, Some("cell" | "output"));
        }
        parts
    }
}

/// Markdown that a click unfolds.
pub(super) fn folded(prose: Markdown) -> Markdown {
    let wrapped = |html: SafeHtml| {
        let html = html.as_str();
        SafeHtml::trust(format!(
            "<details class=\"nb-hidden\"><summary>Text folded away</summary>{html}</details>"
        ))
    };
    match prose {
        Markdown::Written(html) => Markdown::Written(wrapped(html)),
        Markdown::Html(html) => Markdown::Html(wrapped(html)),
    }
}
