//! Lineage: each cell of a copy is the same cell in the next version, whatever was done to it.
//!
//! A copy is born as the handout, or as most of it, and its cells are matched to the handout's then,
//! when nearly all of them are equal. From save to save only a few cells change, and are known by
//! their ids, texts and places. So the cell that was exercise 3 stays exercise 3 when nothing of its
//! text is left. Ids alone would not do: every participant has others, where the handout has none.
//!
//! Which cell of one version is which of another says `pairing.rs`; what is kept of a cell,
//! `cell_print.rs`.

use serde::{Deserialize, Serialize};

use crate::{
    cell_print::{CellPrint, arrivals},
    handout::{Anchor, AnchoredHandout},
    pairing::pair_save,
    snapshot::Snapshot,
};

/// Cells that were removed and may come back: cut and pasted, or restored.
const MAX_GONE_CELLS: usize = 64;
/// From this similarity on, a cell comes likely from that of the handout.
const LIKELY_SIMILARITY: f32 = 0.3;
/// The share of its lines by which a cell is found in another.
const FOUND_LINES: f32 = 0.8;
/// Pairs of a removed and a changed cell that are compared in one version.
const MAX_COMPARED_MERGES: usize = 400;
/// How far from a cell its other piece may be.
const MAX_PIECE_DISTANCE: usize = 3;
/// Cells of the handout that one cell may come from, after merges.
const MAX_DESCENTS: usize = 8;

/// Which cell of a copy; never used again in that copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CellKey(pub u32);

/// How sure it is that a cell comes from one of the handout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Confidence {
    /// By its place alone: to be shown dimmed, and not counted.
    Guess,
    /// By its text, much of which has changed.
    Likely,
    /// By its id, or by an equal text.
    Sure,
}

/// That a cell comes from one of the handout.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Descent {
    /// The cell of the handout.
    pub anchor: Anchor,
    /// How sure that is.
    pub confidence: Confidence,
}

/// A cell of a copy that is followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackedCell {
    /// Which cell it is.
    pub key: CellKey,
    /// Of which cells of the handout it was made: none, one, or several that were merged.
    pub descents: Vec<Descent>,
    pub(crate) print: CellPrint,
}

/// How a cell of the new version came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was there before.
    Kept,
    /// It was there before, and has lost lines to a piece of it, or taken those of another cell.
    Recut,
    /// It was removed earlier and is back.
    Back,
    /// It is a piece of this cell.
    Piece(CellKey),
    New,
}

/// The cells of a copy, followed through its versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lineage {
    cells: Vec<TrackedCell>,
    /// Removed cells, the newest last.
    gone: Vec<TrackedCell>,
    next: u32,
    /// The edition of the handout that the cells were matched to.
    edition: Option<u32>,
}

impl Lineage {
    /// The cells of the newest version, in order.
    #[must_use]
    pub fn cells(&self) -> &[TrackedCell] {
        &self.cells
    }

    /// Goes on to the next version; the first one is the copy's birth.
    pub fn follow(&mut self, snapshot: &Snapshot, handout: Option<&AnchoredHandout>) {
        self.follow_with_origins(snapshot, handout);
    }

    /// The same; returns for each cell how it came to be.
    pub(crate) fn follow_with_origins(
        &mut self,
        snapshot: &Snapshot,
        handout: Option<&AnchoredHandout>,
    ) -> Vec<Origin> {
        let before: Vec<TrackedCell> = std::mem::take(&mut self.cells);
        let old: Vec<&CellPrint> = before.iter().map(|cell| &cell.print).collect();
        let new = arrivals(&snapshot.cells, &old);
        let pairs = pair_save(&old, &new);
        let mut origins = Vec::with_capacity(new.len());
        for (at, print) in new.into_iter().enumerate() {
            let (cell, origin) = match pairs[at] {
                Some(old) => (before[old].with(print), Origin::Kept),
                None => self.arrived(print),
            };
            self.cells.push(cell);
            origins.push(origin);
        }
        self.note_pieces(&before, &pairs, &mut origins);
        self.note_merges(before, &pairs, &mut origins);
        if let Some(handout) = handout {
            self.match_handout(handout, &origins);
        }
        origins
    }

    /// Whether a removed cell is still known.
    pub(crate) fn may_come_back(&self, key: CellKey) -> bool {
        self.gone.iter().any(|cell| cell.key == key)
    }

    /// A cell that was not in the version before.
    fn arrived(&mut self, print: CellPrint) -> (TrackedCell, Origin) {
        let is_it = |gone: &TrackedCell| {
            let same_id = print.id.is_some() && gone.print.id == print.id;
            gone.print.kind == print.kind
                && (same_id || (!print.is_blank && gone.print.text == print.text))
        };
        if let Some(at) = self.gone.iter().rposition(is_it) {
            return (self.gone.remove(at).with(print), Origin::Back);
        }
        let key = CellKey(self.next);
        self.next += 1;
        (
            TrackedCell {
                key,
                descents: Vec::new(),
                print,
            },
            Origin::New,
        )
    }

    /// A new cell whose lines were in a neighbour that has lost them is a piece of that.
    fn note_pieces(
        &mut self,
        before: &[TrackedCell],
        pairs: &[Option<usize>],
        origins: &mut [Origin],
    ) {
        for at in 0..self.cells.len() {
            if origins[at] != Origin::New || self.cells[at].print.is_blank {
                continue;
            }
            let near = at.saturating_sub(MAX_PIECE_DISTANCE)
                ..(at + MAX_PIECE_DISTANCE + 1).min(self.cells.len());
            let whole = near.filter(|other| *other != at).find_map(|other| {
                let old = &before[pairs[other]?];
                let [piece, rest] = [at, other].map(|at| &self.cells[at].print);
                is_piece(&old.print, piece, rest, at < other).then(|| old.clone())
            });
            if let Some(whole) = whole {
                origins[at] = Origin::Piece(whole.key);
                self.cells[at].descents = whole.descents;
                let rest = self.cells.iter().position(|cell| cell.key == whole.key);
                if let Some(rest) = rest {
                    origins[rest] = Origin::Recut;
                }
            }
        }
    }

    /// A removed cell whose lines are in one that has changed was merged into it; others may come
    /// back.
    fn note_merges(
        &mut self,
        before: Vec<TrackedCell>,
        pairs: &[Option<usize>],
        origins: &mut [Origin],
    ) {
        let mut is_kept = vec![false; before.len()];
        for old in pairs.iter().flatten() {
            is_kept[*old] = true;
        }
        let changed: Vec<usize> = (0..self.cells.len())
            .filter(|at| {
                pairs[*at].is_none_or(|old| before[old].print.text != self.cells[*at].print.text)
            })
            .collect();
        let mut budget = MAX_COMPARED_MERGES;
        for (old, _) in before
            .into_iter()
            .zip(is_kept)
            .filter(|(_, is_kept)| !is_kept)
        {
            let left = budget;
            budget = budget.saturating_sub(changed.len());
            let merged = changed.iter().take(left).find(|at| {
                let print = &self.cells[**at].print;
                print.kind == old.print.kind
                    && !old.print.is_blank
                    && old.print.features.lines_in(&print.features) >= FOUND_LINES
            });
            if let Some(at) = merged {
                self.cells[*at].descend_too(&old.descents);
                origins[*at] = Origin::Recut;
            }
            self.gone.push(old);
        }
        let excess = self.gone.len().saturating_sub(MAX_GONE_CELLS);
        self.gone.drain(..excess);
    }

    /// Matches cells to the handout's: all of them at birth and when the handout has changed, and
    /// otherwise new ones, as somebody may paste a cell of it.
    fn match_handout(&mut self, handout: &AnchoredHandout, origins: &[Origin]) {
        if self.edition != Some(handout.edition) {
            self.edition = Some(handout.edition);
            let prints: Vec<CellPrint> = self.cells.iter().map(|cell| cell.print.clone()).collect();
            for (at, pair) in handout.pair(&prints).into_iter().enumerate() {
                let Some((cell, similarity)) = pair else {
                    continue;
                };
                let confidence = match similarity {
                    1.0.. => Confidence::Sure,
                    LIKELY_SIMILARITY.. => Confidence::Likely,
                    _ => Confidence::Guess,
                };
                self.descend_if_free(at, handout.cells()[cell].anchor, confidence);
            }
            return;
        }
        for (at, origin) in origins.iter().enumerate() {
            let print = &self.cells[at].print;
            if *origin != Origin::New || print.is_blank || print.features.is_short() {
                continue;
            }
            let same = |cell: &&crate::handout::AnchorCell| {
                cell.print.text == print.text && cell.print.kind == print.kind
            };
            if let Some(anchor) = handout.cells().iter().find(same).map(|cell| cell.anchor) {
                self.descend_if_free(at, anchor, Confidence::Sure);
            }
        }
    }

    /// Lets a cell come from one of the handout, when neither is matched.
    fn descend_if_free(&mut self, at: usize, anchor: Anchor, confidence: Confidence) {
        let is_taken = self.cells.iter().any(|cell| cell.comes_from(anchor));
        if !is_taken && self.cells[at].descents.is_empty() {
            self.cells[at].descents.push(Descent { anchor, confidence });
        }
    }
}

impl TrackedCell {
    /// Whether it comes from that cell of the handout.
    #[must_use]
    pub fn comes_from(&self, anchor: Anchor) -> bool {
        self.descents.iter().any(|descent| descent.anchor == anchor)
    }

    fn with(&self, print: CellPrint) -> Self {
        Self {
            key: self.key,
            descents: self.descents.clone(),
            print,
        }
    }

    fn descend_too(&mut self, descents: &[Descent]) {
        for descent in descents {
            if self.descents.len() < MAX_DESCENTS && !self.comes_from(descent.anchor) {
                self.descents.push(*descent);
            }
        }
    }
}

/// Whether `piece` was split from `whole`, of which `rest` is what is left.
fn is_piece(whole: &CellPrint, piece: &CellPrint, rest: &CellPrint, is_first: bool) -> bool {
    let (first, last) = if is_first {
        (piece, rest)
    } else {
        (rest, piece)
    };
    let whole = &whole.features;
    whole.is_joined(&first.features, &last.features)
        || (piece.features.lines_in(whole) >= FOUND_LINES
            && piece.features.lines_in(&rest.features) < 0.5)
}

#[cfg(test)]
mod tests;
