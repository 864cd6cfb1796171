//! A notebook's HTML after a change, made from its HTML before.
//!
//! A save changes a cell or two of a hundred. The caller keeps the rendered text wherever it
//! likes; this module tells which cells of that text are still right. Deliberately not
//! here: how a cell is rendered ([`crate::prepare`], [`crate::render`]), which this calls.

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
};

use crate::{
    notebook::{Cell, Notebook},
    prepare::{
        Preparation, Sanitizer,
        budget::{self, Cost, Ledger, MAX_SHOWN_CELLS},
        displays,
    },
    prepared::PreparedCell,
    render::{Options, Renderer},
};

/// Where in a rendered text the HTML of each cell is, and the hash of what it was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderedCells {
    cells: Box<[RenderedCell]>,
    rendered_anew: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct RenderedCell {
    /// The hash of everything that the HTML depends on. It need not withstand an attack: a
    /// participant who finds two cells of one hash sees one of their own cells twice.
    key: u64,
    range: Range<usize>,
    /// The hash of the HTML, so that another text in the range is not taken for it.
    html_hash: u64,
    /// The names of the anchors in this cell.
    anchors: Box<[String]>,
    /// What the cell costs to draw, and whether the page had room for it.
    cost: Cost,
    is_whole: bool,
}

impl RenderedCells {
    /// How many cells were rendered, and not taken from the earlier text.
    ///
    /// ```
    /// assert_eq!(shared::incremental::RenderedCells::default().anew(), 0);
    /// ```
    #[must_use]
    pub fn anew(&self) -> usize {
        self.rendered_anew
    }
}

/// The HTML of the cells of `notebook`, the same that [`crate::render::cells`] makes from
/// [`crate::prepare::cells`], and where each cell is in it.
///
/// With `before`, the result of an earlier call for the same notebook and its text, the HTML of
/// unchanged cells is taken from that text.
///
/// ```
/// use shared::{incremental, notebook::Notebook, render::Options, sanitize::Ammonia};
///
/// let html = |json: &[u8], before: Option<(&incremental::RenderedCells, &str)>| {
///     let notebook = Notebook::parse(json).expect("a notebook").notebook;
///     incremental::cells(&notebook, 0, &Options::default(), &Ammonia, before)
/// };
/// let (text, pieces) = html(br#"{"cells": [{"source": "1"}, {"source": "2"}]}"#, None);
/// assert_eq!(pieces.anew(), 2);
/// let after = br#"{"cells": [{"source": "1"}, {"source": "3"}]}"#;
/// let (text, pieces) = html(after, Some((&pieces, &text)));
/// assert_eq!(pieces.anew(), 1);
/// assert_eq!(text, html(after, None).0);
/// ```
pub fn cells(
    notebook: &Notebook,
    first_index: usize,
    options: &Options,
    sanitizer: &impl Sanitizer,
    before: Option<(&RenderedCells, &str)>,
) -> (String, RenderedCells) {
    let preparation = Preparation::new(notebook, first_index, sanitizer, &budget::PAGE_BUDGET);
    let mut ledger = Ledger::new(&budget::PAGE_BUDGET);
    let prepare = |at: usize, cell: &Cell| {
        let (cell, cost) = preparation.cell(at, cell);
        (Cow::Owned(cell), cost)
    };
    let fits = |_: usize, cost| ledger.take(cost);
    let reduce = |cell: Cow<'_, PreparedCell>| Cow::Owned(budget::reduced(cell.into_owned()));
    let numbered = NumberedCells {
        notebook,
        first_index,
        widgets: widgets_hash(notebook),
    };
    render_cells(numbered, options, before, prepare, fits, reduce)
}

/// Prepared cells, and the hash of what each was made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreparedCells {
    cells: Box<[PreparedCell]>,
    keys: Box<[u64]>,
    /// The hash of the saved state of widgets, where a cell shows one.
    widgets: Option<u64>,
    /// What each cell costs to draw, and whether the page had room for it.
    costs: Box<[(Cost, bool)]>,
    first_index: usize,
}

/// Counts the bytes that are written to it.
#[derive(Default)]
struct ByteCount(usize);

impl std::io::Write for ByteCount {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl PreparedCells {
    /// The size of the cells in bytes, as JSON.
    #[must_use]
    pub fn size(&self) -> usize {
        let mut count = ByteCount::default();
        // Counting cannot fail; if serialising did, the bytes so far would be a measure, too.
        let _ = serde_json::to_writer(&mut count, self.cells());
        count.0
    }

    /// The cells of `notebook` as [`crate::prepare::cells`] makes them, but within the budget of
    /// a tile, because a page shows hundreds of tiles. Where the budget is too small for all
    /// cells, the last ones are whole. Unchanged cells are taken from `before`, an earlier result
    /// for the same notebook.
    ///
    /// ```
    /// use shared::{incremental::PreparedCells, notebook::Notebook, prepare, sanitize::Ammonia};
    ///
    /// let parse = |json: &[u8]| Notebook::parse(json).expect("a notebook").notebook;
    /// let before = parse(br#"{"cells": [{"source": "1"}, {"source": "2"}]}"#);
    /// let before = PreparedCells::of(&before, 0, &Ammonia, None);
    /// let after = parse(br#"{"cells": [{"source": "2"}, {"source": "3"}]}"#);
    /// let prepared = PreparedCells::of(&after, 7, &Ammonia, Some(&before));
    /// assert_eq!(prepared.cells(), prepare::cells(&after, 7, &Ammonia));
    /// ```
    pub fn of(
        notebook: &Notebook,
        first_index: usize,
        sanitizer: &impl Sanitizer,
        before: Option<&Self>,
    ) -> Self {
        let known = before.into_iter().flat_map(|before| {
            let cells = before.keys.iter().copied().zip(&*before.cells);
            let costs = before.costs.iter().copied();
            // A reduced cell cannot be made whole again.
            let whole = cells.zip(costs).filter(|(_, (_, is_whole))| *is_whole);
            whole.map(|((key, cell), (cost, _))| (key, (cell, cost)))
        });
        let known: HashMap<u64, (&PreparedCell, Cost)> = known.collect();
        let widgets = widgets_hash(notebook);
        let mut context = common_hash(notebook, widgets);
        let preparation = Preparation::new(notebook, first_index, sanitizer, &budget::TILE_BUDGET);
        let cells = notebook.cells().iter().enumerate().take(MAX_SHOWN_CELLS);
        let cells = cells.map(|(at, cell)| {
            let mut key = context.clone();
            cell.mark(&mut key);
            let key = key.finish();
            if cell.may_define_tex() {
                cell.mark(&mut context);
            }
            let index = first_index + at;
            let (cell, cost) = match known.get(&key) {
                Some(&(known, cost)) => {
                    let cell = PreparedCell {
                        index,
                        ..known.clone()
                    };
                    (cell, cost)
                }
                None => preparation.cell(at, cell),
            };
            (key, (cell, cost))
        });
        let (keys, cells): (Vec<_>, Vec<_>) = cells.unzip();
        let mut ledger = Ledger::new(&budget::TILE_BUDGET);
        let cells = cells.into_iter().rev().map(|(cell, cost)| {
            if ledger.take(cost) {
                (cell, (cost, true))
            } else {
                (budget::reduced(cell), (cost, false))
            }
        });
        let (mut cells, mut costs): (Vec<_>, Vec<_>) = cells.unzip();
        cells.reverse();
        costs.reverse();
        Self {
            cells: cells.into(),
            keys: keys.into(),
            widgets,
            costs: costs.into(),
            first_index,
        }
    }

    /// The cells.
    ///
    /// ```
    /// assert!(shared::incremental::PreparedCells::default().cells().is_empty());
    /// ```
    pub fn cells(&self) -> &[PreparedCell] {
        &self.cells
    }

    /// The same as [`cells`] makes of `notebook`, whose prepared cells these are. The state of its
    /// widgets is not needed any more.
    ///
    /// # Panics
    /// When `notebook` has more cells.
    ///
    /// ```
    /// use shared::{incremental::{self, PreparedCells}, notebook::Notebook, render::Options};
    /// use shared::sanitize::Ammonia;
    ///
    /// let notebook = Notebook::parse(br#"{"cells": [{"source": "1"}]}"#)?.notebook;
    /// let options = Options::default();
    /// assert_eq!(
    ///     PreparedCells::of(&notebook, 7, &Ammonia, None).render(&notebook, &options, None),
    ///     incremental::cells(&notebook, 7, &options, &Ammonia, None),
    /// );
    /// # Ok::<(), shared::notebook::ParseError>(())
    /// ```
    pub fn render(
        &self,
        notebook: &Notebook,
        options: &Options,
        before: Option<(&RenderedCells, &str)>,
    ) -> (String, RenderedCells) {
        let prepare = |at: usize, _: &_| (Cow::Borrowed(&self.cells[at]), self.costs[at].0);
        let fits = |at: usize, _| self.costs[at].1;
        // These cells were reduced when they were prepared.
        let reduce = |cell| cell;
        let numbered = NumberedCells {
            notebook,
            first_index: self.first_index,
            widgets: self.widgets,
        };
        render_cells(numbered, options, before, prepare, fits, reduce)
    }
}

/// The cells of a notebook, or the last of them.
struct NumberedCells<'a> {
    notebook: &'a Notebook,
    /// The number of the first, from 0.
    first_index: usize,
    /// The hash of the saved state of widgets, which the notebook need not have any more.
    widgets: Option<u64>,
}

/// Renders the cells of a notebook, or takes their HTML from `before`.
///
/// `prepare` prepares a cell and returns its cost, `fits` tells whether the page has room for
/// that cost, and `reduce` makes the cell that is shown where there is no room.
fn render_cells<'a>(
    NumberedCells {
        notebook,
        first_index,
        widgets,
    }: NumberedCells<'_>,
    options: &Options,
    before: Option<(&RenderedCells, &str)>,
    prepare: impl Fn(usize, &Cell) -> (Cow<'a, PreparedCell>, Cost),
    mut fits: impl FnMut(usize, Cost) -> bool,
    reduce: impl Fn(Cow<'a, PreparedCell>) -> Cow<'a, PreparedCell>,
) -> (String, RenderedCells) {
    let earlier = EarlierHtml::of(before);
    let mut renderer = Renderer::new(options);
    renderer.ids().take_new();
    let mut context = common_hash(notebook, widgets);
    let Options {
        id_prefix,
        page,
        frames,
        scrolls_whole,
    } = options;
    (id_prefix, page, frames, scrolls_whole).hash(&mut context);
    let mut html = String::with_capacity(before.map_or(0, |(_, text)| text.len()));
    let mut cells = Vec::with_capacity(notebook.len().min(MAX_SHOWN_CELLS));
    let mut rendered_anew = 0;
    for (at, cell) in notebook.cells().iter().enumerate().take(MAX_SHOWN_CELLS) {
        let key = key(&context, first_index + at, cell);
        let start = html.len();
        let known = earlier.cell(key);
        let prepared = known.is_none().then(|| prepare(at, cell));
        let cost = match (known, &prepared) {
            (Some((cell, _)), _) => cell.cost,
            (_, Some((_, cost))) => *cost,
            (None, None) => Cost::NONE,
        };
        let is_whole = fits(at, cost);
        let anchors = match known.filter(|(cell, _)| cell.is_whole == is_whole) {
            Some((cell, text)) => {
                html.push_str(text);
                renderer.ids().reserve(&cell.anchors);
                cell.anchors.clone()
            }
            None => {
                rendered_anew += 1;
                let (whole, _) = prepared.unwrap_or_else(|| prepare(at, cell));
                let shown = if is_whole { whole } else { reduce(whole) };
                renderer.push(&mut html, &shown);
                renderer.ids().take_new().into()
            }
        };
        // The first place of a name gets its id, so a cell's HTML depends on the anchors of the
        // cells before it.
        anchors.hash(&mut context);
        // It depends on the macros of TeX that these define, too.
        if cell.may_define_tex() {
            cell.mark(&mut context);
        }
        cells.push(RenderedCell {
            key,
            html_hash: hash(&html[start..]),
            range: start..html.len(),
            anchors,
            cost,
            is_whole,
        });
    }
    let more = notebook.len().saturating_sub(MAX_SHOWN_CELLS);
    if let Some(more) = budget::more_cells(first_index + MAX_SHOWN_CELLS, more) {
        renderer.push(&mut html, &more);
    }
    let rendered = RenderedCells {
        cells: cells.into(),
        rendered_anew,
    };
    (html, rendered)
}

/// The cells of an earlier rendering, by key, and its text.
struct EarlierHtml<'a> {
    cells: HashMap<u64, &'a RenderedCell>,
    text: &'a str,
}

impl<'a> EarlierHtml<'a> {
    fn of(before: Option<(&'a RenderedCells, &'a str)>) -> Self {
        let (cells, text) = match before {
            Some((rendered, text)) => (&*rendered.cells, text),
            None => (&[][..], ""),
        };
        Self {
            cells: cells.iter().map(|cell| (cell.key, cell)).collect(),
            text,
        }
    }

    /// The cell of this key and its HTML, when the text still holds that HTML.
    fn cell(&self, key: u64) -> Option<(&'a RenderedCell, &'a str)> {
        let cell = *self.cells.get(&key)?;
        let html = self.text.get(cell.range.clone())?;
        (hash(html) == cell.html_hash).then_some((cell, html))
    }
}

/// Hashes what the HTML of every cell depends on: the language, how many outputs are shown, the
/// cells whose displays have an id, because an output can update another cell's display, and the
/// cells before these that define macros of TeX, and the saved state of widgets.
fn common_hash(notebook: &Notebook, widgets: Option<u64>) -> DefaultHasher {
    let mut hasher = DefaultHasher::new();
    notebook.language().hash(&mut hasher);
    displays::max_cell_outputs(notebook).hash(&mut hasher);
    for cell in notebook.cells() {
        if cell.has_named_display() {
            cell.mark(&mut hasher);
        }
    }
    widgets.hash(&mut hasher);
    for cell in notebook.defining_cells() {
        cell.mark(&mut hasher);
    }
    hasher
}

/// The hash of the saved state of widgets; `None` where no cell shows one.
fn widgets_hash(notebook: &Notebook) -> Option<u64> {
    let is_shown = notebook.cells().iter().any(Cell::has_widget);
    let metadata = notebook.metadata().filter(|_| is_shown)?;
    Some(hash(metadata.get("widgets")?.json()))
}

/// The key of a cell at `index`, where `context` has hashed all else its HTML depends on.
fn key(context: &DefaultHasher, index: usize, cell: &Cell) -> u64 {
    let mut hasher = context.clone();
    index.hash(&mut hasher);
    cell.mark(&mut hasher);
    hasher.finish()
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
