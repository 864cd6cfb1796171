//! The cost of drawing cells in a browser, and the budgets of pages and tiles.
//!
//! A page of a megabyte costs a browser anything between a hundredth of a second and an hour: a
//! kilobyte of nested `use` draws a billion shapes, forty kilobytes of PNG are a gigabyte once
//! decoded, and the browser of every reader stands still. So the cost of a cell is measured here,
//! once, when it is prepared, in five measures that were each found by timing Chromium
//! ([`Cost`]). An output over the budget becomes a note that names what was too much. A sixth
//! measure is the bytes that a server keeps and sends to every reader, because noise of few
//! pixels is as long as a film.
//!
//! `weigh` measures a prepared cell, `markup` sanitised HTML, `text` any text, `picture` the
//! bytes of a picture, `svg` a drawing with all its references followed; `ledger` adds up the
//! cells of a page. Deliberately not here: the content of the closed frame, which a
//! reader asks for and which freezes nothing but itself.

mod cost;
mod ledger;
mod markup;
pub(super) mod picture;
mod svg;
pub(super) mod text;
pub(super) mod weigh;

pub(crate) use cost::{Budget, Cost, OverBudget, PAGE_BUDGET, TILE_BUDGET};
pub(crate) use ledger::{Ledger, MAX_SHOWN_CELLS, more_cells, reduced};
pub(crate) use text::weight as text_weight;
