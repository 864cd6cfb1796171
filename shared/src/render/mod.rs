//! Prepared cells to HTML, by the same code natively and in wasm.
//!
//! The result is safe by construction: every text is escaped where it is written, the only
//! markup not made here is [`crate::prepared::SafeHtml`], and there is no `style` attribute, no
//! event attribute and no script anywhere, so that a page without `'unsafe-inline'` shows the
//! result whole. The stylesheet decides how it looks; the contract with it is the structure and
//! the classes below. Deliberately not here: choosing among mime types, Markdown and
//! maths, which [`crate::prepare`] has done.
//!
//! # Structure
//!
//! ```text
//! div.nb-cell.nb-code#{id_prefix}cell-{n}[role=group][aria-label]    n counts from 1
//!   div.nb-prompt                 "[12]:", "[ ]:" when never run; empty in other cells
//!   div.nb-body
//!     ul.nb-tags > li             absent when there is none
//!     pre.nb-source > code        the highlighted source; absent when it is empty
//!     div.nb-outputs              absent when there is none; .nb-scrolled when the
//!                                 participant has it scroll
//!       pre.nb-output.nb-stdout
//!       pre.nb-output.nb-stderr
//!       pre.nb-output.nb-error    the traceback; role=group
//!       div.nb-output.nb-result   the value of the cell (execute_result)
//!       div.nb-output.nb-display  what it displayed (display_data)
//!         pre.nb-text | div.nb-html | div.nb-md | div.nb-latex | img.nb-image
//!         | div.nb-json | p.nb-note, button.nb-show
//! div.nb-cell.nb-markdown     div.nb-prompt, div.nb-body > div.nb-md | div.nb-md.nb-html
//! div.nb-cell.nb-raw          div.nb-prompt, div.nb-body > pre.nb-text
//! div.nb-cell.nb-unknown      div.nb-prompt, div.nb-body > p.nb-note, pre.nb-text
//! ```
//!
//! Hidden input or output is wrapped: `details.nb-hidden > summary`.
//!
//! A long text (stream, traceback, plain text) has its middle folded. The same classes
//! then stand on a `div`, which has `nb-long` too, and the text is in three `pre`:
//! `div.nb-output.nb-stdout.nb-long > pre, details.nb-fold (> summary, pre), pre`.
//!
//! JSON: `div.nb-json` holds a leaf or `details.nb-node > summary, ul > li`, in which
//! `code` holds keys (`tok-def`) and values; `p.nb-more` stands for what is left out.
//!
//! Links within the notebook are `a.nb-anchor`, leading to `{page}#{id}`; they have no
//! target. Every id begins with the prefix, then `cell-` or, where a notebook chose the
//! rest, `h-`.
//!
//! # Classes
//!
//! | where | classes |
//! |---|---|
//! | cells | `nb-cell` with one of `nb-code` `nb-markdown` `nb-raw` `nb-unknown` |
//! | in a cell | `nb-prompt` `nb-body` `nb-tags` `nb-source` `nb-outputs` `nb-scrolled` `nb-hidden` |
//! | outputs | `nb-output` with one of `nb-stdout` `nb-stderr` `nb-error` `nb-result` `nb-display`; `nb-long` `nb-fold` (the folded middle) |
//! | in an output | `nb-text` `nb-html` (a sanitised fragment) `nb-md` (rendered Markdown) `nb-latex` (text with formulas) `nb-image` `nb-json` `nb-node` `nb-more` `nb-rule` (a line of dashes) `nb-note` (what cannot be shown, in words) `nb-show` (a button that asks for the closed frame) |
//! | in Markdown and HTML | `nb-table` (the scrolling wrapper of a table), `nb-left` `nb-center` `nb-right` (alignment), `nb-code-block` (`pre`), `nb-task` (a task's box), `nb-anchor` (a link within the notebook), `nb-footnote` (a reference, `sup`), `nb-footnotes` (`div` of a note), `nb-back` (the link back from it), `dataframe` (a pandas `table`), `nb-alert` with one of `nb-alert-info` `nb-alert-success` `nb-alert-warning` `nb-alert-danger` (a box), `nb-inline` `nb-dl-inline` (lists in a line), `nb-big`, `nb-size-1` to `nb-size-7` (HTML's sizes of letters) `nb-mono` (letters of one width), `nb-framed` `nb-ruled` `nb-indent` (a frame, a line at the left, an indent), `nb-at-left` `nb-at-right` `nb-middle` (what stands at a side or in the middle), `nb-row` `nb-column` `nb-beside` (what stands beside or below each other), `nb-gone` (hidden), `nb-on-light` `nb-on-dark` (text on a cell with a `bgcolor`), `nb-bar-0` to `nb-bar-100` and `nb-from-5` to `nb-from-100` (the end and the start of a bar, in steps of 5) |
//! | maths | `math` (inline), `span.nb-math-block` around a displayed `math`; a formula that failed is `code.nb-math` or `code.nb-math-block`. In `math`: `nb-left` `nb-right`, no padding `nb-m-l0` (left) `nb-m-r0` (right) `nb-m-v0` (above and below), a line `nb-m-bl` `nb-m-br` `nb-m-bt` `nb-m-bb` (dashed with a `d` behind), widths `nb-m-wide` (all) `nb-m-half`, struck out `nb-m-strike` `nb-m-strike-up` `nb-m-strike-down`, padding `nb-m-l1`, a box `nb-m-box`, an unknown command `nb-m-unknown`, sizes `nb-m-size-1` to `nb-m-size-9`, room below a row `nb-m-room-1` to `nb-m-room-4`, space to the left `nb-m-back-1` to `nb-m-back-18` (in eighteenths of an em) |
//! | source tokens | `tok-kw` keyword, `tok-str` string, `tok-com` comment, `tok-num` number, `tok-fn` called name, `tok-op` operator, `tok-magic` IPython magic or shell line, `tok-def` defined name or decorator, `tok-const` constant such as `None` |
//! | terminal text | `ansi-fg-0` to `ansi-fg-15`, `ansi-bg-0` to `ansi-bg-15`, `ansi-bold` `ansi-dim` `ansi-italic` `ansi-underline` `ansi-strike` `ansi-inverse` |
//!
//! The sixteen colours are the terminal's: black, red, green, yellow, blue, magenta,
//! cyan, white (0 to 7) and their bright forms (8 to 15). Terminal colours, and the
//! `color` and `background-color` of a sanitised fragment, become the nearest of them.
pub(crate) mod addresses;
pub(crate) mod anchor;
pub(crate) mod ansi;
mod cell;
#[cfg(not(target_arch = "wasm32"))]
mod changes;
pub(crate) mod colour;
pub mod escape;
pub(crate) mod highlight;
pub(crate) mod html;
pub(crate) mod image;
mod json;
pub(crate) mod link;
mod options;
mod output;
mod parts;
pub(crate) mod stand_in;
mod text;

#[cfg(not(target_arch = "wasm32"))]
pub use changes::{changes, line_changes};
pub use options::Options;

#[cfg(not(target_arch = "wasm32"))]
use crate::prepared::PreparedOutput;
use crate::prepared::{Markdown, PreparedCell, SafeHtml};

/// The HTML of `cells`, in order.
///
/// It has at most eight times the size of the notebook that they were made of, 4 KiB for each
/// cell and each output, and 24 bytes for each byte of a formula.
///
/// ```
/// use shared::{
///     prepared::{CellContent, PreparedCell},
///     render::{self, Options},
/// };
///
/// let cell = PreparedCell {
///     index: 0,
///     tags: Vec::new(),
///     content: CellContent::Raw("1 < 2".to_owned()),
/// };
/// let options = Options {
///     id_prefix: "ana-".to_owned(),
///     ..Options::default()
/// };
/// let html = render::cells(&[cell], &options).into_string();
/// assert!(html.starts_with("<div class=\"nb-cell nb-raw\" role=\"group\" id=\"ana-cell-1\""));
/// assert!(html.contains("1 &lt; 2"));
/// ```
pub fn cells(cells: &[PreparedCell], options: &Options) -> SafeHtml {
    let mut renderer = Renderer::new(options);
    let mut out = String::new();
    for cell in cells {
        renderer.push(&mut out, cell);
    }
    SafeHtml::trust(out)
}

/// The HTML of Markdown that stands alone, as a `div.nb-md`.
#[must_use]
pub fn markdown(markdown: &Markdown, options: &Options) -> SafeHtml {
    let mut out = String::new();
    let mut context = Renderer::new(options).0;
    parts::push_markdown(&mut out, markdown, &mut context);
    SafeHtml::trust(out)
}

/// The HTML of an output by itself, which `prepare::budget` measures.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn output(output: &PreparedOutput) -> String {
    let options = Options::default();
    let mut out = String::new();
    output::push(&mut out, output, &mut Renderer::new(&options).0);
    out
}

/// The HTML of a text by itself, which `prepare::budget` measures.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn text(text: &str) -> String {
    let mut out = String::new();
    parts::push_text(&mut out, text);
    out
}

/// The HTML of source by itself, which `prepare::budget` measures.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn source(source: &str, language: &str) -> String {
    let mut out = String::new();
    highlight::push(&mut out, source, language);
    out
}

/// Renders the cells of one page, one after the other.
pub(crate) struct Renderer<'a>(parts::RenderContext<'a>);

impl<'a> Renderer<'a> {
    pub(crate) fn new(options: &'a Options) -> Self {
        Self(parts::RenderContext {
            options,
            ids: anchor::AnchorIds::new(options),
            cell: 0,
        })
    }

    /// Appends the next cell to `out`.
    pub(crate) fn push(&mut self, out: &mut String, cell: &PreparedCell) {
        self.0.cell = cell.index;
        cell::push(out, cell, &mut self.0);
    }

    /// The ids of the page so far.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn ids(&mut self) -> &mut anchor::AnchorIds {
        &mut self.0.ids
    }
}
