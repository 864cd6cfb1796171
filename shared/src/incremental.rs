//! A notebook's HTML after a change, made of its HTML before.
//!
//! A save changes a cell or two of a hundred. What was rendered is kept by whoever wants
//! it again, as text and in any place; here is only what tells which piece of that text is
//! still right. What is deliberately not here: how a cell is rendered
//! ([`crate::prepare`], [`crate::render`]), which this calls.

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

/// Where in a text the HTML of each cell is, and what it was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderedCells {
    pieces: Box<[RenderedCell]>,
    anew: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct RenderedCell {
    /// Of everything that the HTML depends on. The hash need not withstand an attack: a
    /// participant who finds two cells of one hash sees one of their own in two places.
    key: u64,
    place: Range<usize>,
    /// The hash of the HTML, so that another text in its place is not taken for it.
    check: u64,
    /// The places in the page that are in this cell.
    names: Box<[String]>,
    /// What the cell costs to draw, and whether the page had room for it.
    cost: Cost,
    is_whole: bool,
}

impl RenderedCells {
    /// How many cells were rendered and not taken from the text before.
    ///
    /// ```
    /// assert_eq!(shared::incremental::RenderedCells::default().anew(), 0);
    /// ```
    #[must_use]
    pub fn anew(&self) -> usize {
        self.anew
    }
}

/// The HTML of the cells of `notebook`, the same as [`crate::render::cells`] makes of what
/// [`crate::prepare::cells`] makes of them, and where its pieces are.
///
/// With `before`, the result of an earlier call for the same notebook and the text it came
/// with, what did not change is taken from there.
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
    with(
        notebook,
        first_index,
        options,
        before,
        prepare,
        fits,
        reduce,
    )
}

/// Cells that are prepared, and what they were made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreparedCells {
    cells: Box<[PreparedCell]>,
    keys: Box<[u64]>,
    /// What each costs to draw, and whether there was room for it.
    costs: Box<[(Cost, bool)]>,
    first_index: usize,
}

/// Counts what is written.
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
    /// How much there is of it, in bytes as it is sent.
    #[must_use]
    pub fn size(&self) -> usize {
        let mut count = ByteCount::default();
        // Counting cannot fail, and what it comes to until it does is a measure, too.
        let _ = serde_json::to_writer(&mut count, self.cells());
        count.0
    }

    /// The cells of `notebook` as [`crate::prepare::cells`] makes them, but that they are no
    /// more than one page can have hundreds of; what did not change is taken from `before`, an
    /// earlier one of the same notebook. Where there is not room for all, the last are whole.
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
            // What was reduced cannot be made whole again.
            let whole = cells.zip(costs).filter(|(_, (_, is_whole))| *is_whole);
            whole.map(|((key, cell), (cost, _))| (key, (cell, cost)))
        });
        let known: HashMap<u64, (&PreparedCell, Cost)> = known.collect();
        let of_all = of_all(notebook);
        let preparation = Preparation::new(notebook, first_index, sanitizer, &budget::TILE_BUDGET);
        let cells = notebook.cells().iter().enumerate().take(MAX_SHOWN_CELLS);
        let cells = cells.map(|(at, cell)| {
            let mut key = of_all.clone();
            cell.mark(&mut key);
            let key = key.finish();
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

    /// What [`cells`] makes of `notebook`, which these are the cells of.
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
        // They are what they are by now.
        let reduce = |cell| cell;
        with(
            notebook,
            self.first_index,
            options,
            before,
            prepare,
            fits,
            reduce,
        )
    }
}

/// `prepare` makes a cell ready and says what it costs, `fits` whether the page has room for
/// that, and `reduce` makes of it what is shown where there is none.
fn with<'a>(
    notebook: &Notebook,
    first_index: usize,
    options: &Options,
    before: Option<(&RenderedCells, &str)>,
    prepare: impl Fn(usize, &Cell) -> (Cow<'a, PreparedCell>, Cost),
    mut fits: impl FnMut(usize, Cost) -> bool,
    reduce: impl Fn(Cow<'a, PreparedCell>) -> Cow<'a, PreparedCell>,
) -> (String, RenderedCells) {
    let known = EarlierHtml::of(before);
    let mut renderer = Renderer::new(options);
    renderer.ids().take_new();
    let mut so_far = of_all(notebook);
    let Options {
        id_prefix,
        page,
        frames,
    } = options;
    (id_prefix, page, frames).hash(&mut so_far);
    let mut html = String::with_capacity(before.map_or(0, |(_, text)| text.len()));
    let mut pieces = Vec::with_capacity(notebook.len().min(MAX_SHOWN_CELLS));
    let mut anew = 0;
    for (at, cell) in notebook.cells().iter().enumerate().take(MAX_SHOWN_CELLS) {
        let key = key(&so_far, first_index + at, cell);
        let start = html.len();
        let known = known.piece(key);
        let prepared = known.is_none().then(|| prepare(at, cell));
        let cost = match (known, &prepared) {
            (Some((piece, _)), _) => piece.cost,
            (_, Some((_, cost))) => *cost,
            (None, None) => Cost::NONE,
        };
        let is_whole = fits(at, cost);
        let names = match known.filter(|(piece, _)| piece.is_whole == is_whole) {
            Some((piece, text)) => {
                html.push_str(text);
                renderer.ids().take(&piece.names);
                piece.names.clone()
            }
            None => {
                anew += 1;
                let (whole, _) = prepared.unwrap_or_else(|| prepare(at, cell));
                let shown = if is_whole { whole } else { reduce(whole) };
                renderer.push(&mut html, &shown);
                renderer.ids().take_new().into()
            }
        };
        // A name is given to the first place that asks for it: what the cells before have
        // is part of what a cell becomes.
        names.hash(&mut so_far);
        pieces.push(RenderedCell {
            key,
            check: hash(&html[start..]),
            place: start..html.len(),
            names,
            cost,
            is_whole,
        });
    }
    let more = notebook.len().saturating_sub(MAX_SHOWN_CELLS);
    if let Some(more) = budget::more_cells(first_index + MAX_SHOWN_CELLS, more) {
        renderer.push(&mut html, &more);
    }
    let pieces = pieces.into();
    (html, RenderedCells { pieces, anew })
}

/// What there was before, by key.
struct EarlierHtml<'a> {
    pieces: HashMap<u64, &'a RenderedCell>,
    text: &'a str,
}

impl<'a> EarlierHtml<'a> {
    fn of(before: Option<(&'a RenderedCells, &'a str)>) -> Self {
        let (pieces, text) = match before {
            Some((pieces, text)) => (&*pieces.pieces, text),
            None => (&[][..], ""),
        };
        Self {
            pieces: pieces.iter().map(|piece| (piece.key, piece)).collect(),
            text,
        }
    }

    fn piece(&self, key: u64) -> Option<(&'a RenderedCell, &'a str)> {
        let piece = *self.pieces.get(&key)?;
        let text = self.text.get(piece.place.clone())?;
        (hash(text) == piece.check).then_some((piece, text))
    }
}

/// What every cell depends on: the language, how many outputs are shown and, since an output can change what another
/// cell displayed, the cells that display what has a name.
fn of_all(notebook: &Notebook) -> DefaultHasher {
    let mut hasher = DefaultHasher::new();
    notebook.language().hash(&mut hasher);
    displays::most(notebook).hash(&mut hasher);
    for cell in notebook.cells() {
        if cell.has_named_display() {
            cell.mark(&mut hasher);
        }
    }
    hasher
}

fn key(so_far: &DefaultHasher, index: usize, cell: &Cell) -> u64 {
    let mut hasher = so_far.clone();
    index.hash(&mut hasher);
    cell.mark(&mut hasher);
    hasher.finish()
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
