//! A notebook's HTML after a change, made of its HTML before.
//!
//! A save changes a cell or two of a hundred. What was rendered is kept by whoever wants
//! it again, as text and in any place; here is only what tells which piece of that text is
//! still right. What is deliberately not here: how a cell is rendered
//! ([`crate::prepare`], [`crate::render`]), which this calls.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    ops::Range,
};

use crate::{
    notebook::{Cell, Notebook, Output},
    prepare::{Preparation, Sanitizer},
    render::{Options, Renderer},
};

/// Where in a text the HTML of each cell is, and what it was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    pieces: Box<[Piece]>,
    anew: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    /// Of everything that the HTML depends on. The hash need not withstand an attack: a
    /// participant who finds two cells of one hash sees one of their own in two places.
    key: u64,
    place: Range<usize>,
    /// The hash of the HTML, so that another text in its place is not taken for it.
    check: u64,
    /// The places in the page that are in this cell.
    names: Box<[String]>,
}

impl Pieces {
    /// How many cells were rendered and not taken from the text before.
    ///
    /// ```
    /// assert_eq!(shared::incremental::Pieces::default().anew(), 0);
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
/// let html = |json: &[u8], before: Option<(&incremental::Pieces, &str)>| {
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
    before: Option<(&Pieces, &str)>,
) -> (String, Pieces) {
    let known = Known::of(before);
    let preparation = Preparation::new(notebook, first_index, sanitizer);
    let mut renderer = Renderer::new(options);
    renderer.ids().take_new();
    let mut so_far = of_all(notebook, options);
    let mut html = String::new();
    let mut pieces = Vec::with_capacity(notebook.len());
    let mut anew = 0;
    for (at, cell) in notebook.cells().iter().enumerate() {
        let key = key(&so_far, first_index + at, cell);
        let start = html.len();
        let names = match known.piece(key) {
            Some((piece, text)) => {
                html.push_str(text);
                renderer.ids().take(&piece.names);
                piece.names.clone()
            }
            None => {
                anew += 1;
                renderer.push(&mut html, &preparation.cell(at, cell));
                renderer.ids().take_new().into()
            }
        };
        // A name is given to the first place that asks for it: what the cells before have
        // is part of what a cell becomes.
        names.hash(&mut so_far);
        pieces.push(Piece {
            key,
            check: hash(&html[start..]),
            place: start..html.len(),
            names,
        });
    }
    let pieces = pieces.into();
    (html, Pieces { pieces, anew })
}

/// What there was before, by key.
struct Known<'a> {
    pieces: HashMap<u64, &'a Piece>,
    text: &'a str,
}

impl<'a> Known<'a> {
    fn of(before: Option<(&'a Pieces, &'a str)>) -> Self {
        let (pieces, text) = match before {
            Some((pieces, text)) => (&*pieces.pieces, text),
            None => (&[][..], ""),
        };
        Self {
            pieces: pieces.iter().map(|piece| (piece.key, piece)).collect(),
            text,
        }
    }

    fn piece(&self, key: u64) -> Option<(&'a Piece, &'a str)> {
        let piece = *self.pieces.get(&key)?;
        let text = self.text.get(piece.place.clone())?;
        (hash(text) == piece.check).then_some((piece, text))
    }
}

/// What every cell's HTML depends on: the options, the language and, since an output can
/// change what another cell displayed, the cells that display what has a name.
fn of_all(notebook: &Notebook, options: &Options) -> DefaultHasher {
    let Options {
        id_prefix,
        page,
        frames,
    } = options;
    let mut hasher = DefaultHasher::new();
    (id_prefix, page, frames, notebook.language()).hash(&mut hasher);
    let named = |output| matches!(output, Output::Bundle(bundle) if bundle.display_id.is_some());
    for cell in notebook.cells() {
        if cell.outputs().any(named) {
            hash_cell(&mut hasher, cell);
        }
    }
    hasher
}

fn key(so_far: &DefaultHasher, index: usize, cell: &Cell) -> u64 {
    let mut hasher = so_far.clone();
    index.hash(&mut hasher);
    hash_cell(&mut hasher, cell);
    hasher.finish()
}

fn hash_cell(hasher: &mut DefaultHasher, cell: &Cell) {
    serde_json::to_writer(Hashing(hasher), cell.value())
        .expect("a Value has text keys and hashing cannot fail");
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A writer into a hash, so that JSON need not be made as text.
struct Hashing<'a>(&'a mut DefaultHasher);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
