//! The handout: the notebook that everyone works on, whose cells are the class's common places.
//!
//! It is what the instructor marks, else their own file of that name, else what the first versions
//! of the copies have in common. Its cells keep their [`Anchor`] when the handout is changed, since
//! its versions are followed as those of a copy are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    cell_print::CellPrint,
    hash::mix,
    pairing::{pair_birth, pair_save},
    signature::Signature,
    snapshot::{CellSnapshot, Kind, Snapshot},
};

/// Cells of all versions together that are kept; the newest version has fewer.
const MAX_HANDOUT_CELLS: usize = 4_000;
/// A common cell is in so many first versions at least.
const MIN_COPIES: usize = 3;
/// And in this share of them.
const MIN_SHARE: f32 = 0.3;

/// What a cell says that is to be filled in.
const STUBS: [&str; 8] = [
    "...",
    "raise NotImplementedError",
    "YOUR CODE",
    "your code",
    "TODO",
    "___",
    "# …",
    "IHR CODE",
];
/// What a text says before an exercise, in small letters.
const EXERCISE_WORDS: [&str; 9] = [
    "exercise",
    "task",
    "your turn",
    "übung",
    "aufgabe",
    "exercice",
    "ejercicio",
    "esercizio",
    "try it",
];

/// A cell of the handout, known for as long as the handout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Anchor(pub u32);

/// A cell of the handout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnchorCell {
    /// Which cell it is.
    pub anchor: Anchor,
    /// Whether participants are to change it, and not only to run it.
    pub is_exercise: bool,
    /// The heading above it.
    pub heading: Option<String>,
    /// Whether the newest version has it.
    pub is_current: bool,
    pub(crate) print: CellPrint,
    /// Its own run, as it was handed out.
    pub(crate) count: Option<u32>,
    pub(crate) outputs: Option<u64>,
    /// The error that the handout itself shows there.
    pub(crate) error: Option<Signature>,
}

impl AnchorCell {
    /// Whether it is a code cell.
    #[must_use]
    pub fn is_code(&self) -> bool {
        self.print.kind == Kind::Code
    }
}

/// The handout, with the cells of all its versions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AnchoredHandout {
    /// Counts the versions.
    pub edition: u32,
    cells: Vec<AnchorCell>,
    next: u32,
}

impl AnchoredHandout {
    /// The handout that begins with this version.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        Self::default().revised(snapshot)
    }

    /// The handout after a new version. Cells that are gone keep their place, behind what was
    /// before them.
    #[must_use]
    pub fn revised(&self, snapshot: &Snapshot) -> Self {
        let old: Vec<&CellPrint> = self.cells.iter().map(|cell| &cell.print).collect();
        let new: Vec<CellPrint> = snapshot.cells.iter().map(CellPrint::of).collect();
        let pairs = pair_save(&old, &new);
        let mut next = self.next;
        let mut cells = Vec::new();
        for (at, print) in new.into_iter().enumerate() {
            let known = pairs[at].map(|old| self.cells[old].anchor);
            let anchor = known.unwrap_or_else(|| {
                next += 1;
                Anchor(next - 1)
            });
            cells.push(cell_of(snapshot, at, anchor, print));
        }
        for (at, gone) in self.cells.iter().enumerate() {
            if !pairs.contains(&Some(at)) {
                let before = self.cells[..at].iter().rev();
                let place = before
                    .filter_map(|cell| cells.iter().position(|kept| kept.anchor == cell.anchor));
                let place = place.map(|place| place + 1).next().unwrap_or(0);
                cells.insert(
                    place,
                    AnchorCell {
                        is_current: false,
                        ..gone.clone()
                    },
                );
            }
        }
        while cells.len() > MAX_HANDOUT_CELLS {
            let Some(gone) = cells.iter().position(|cell| !cell.is_current) else {
                break;
            };
            cells.remove(gone);
        }
        Self {
            edition: self.edition + 1,
            cells,
            next,
        }
    }

    /// The handout that the first versions of the copies have in common; `None` when they have
    /// nothing in common.
    #[must_use]
    pub fn implied(first_versions: &[&Snapshot]) -> Option<Self> {
        Snapshot::common(first_versions).as_ref().map(Self::of)
    }

    /// The share of the handout's cells that are in a version as they are: by this, a copy finds
    /// its handout among several.
    #[must_use]
    pub fn resemblance(&self, snapshot: &Snapshot) -> f32 {
        let current = self
            .cells
            .iter()
            .filter(|cell| cell.is_current && !cell.print.is_blank);
        let (mut all, mut found) = (0, 0);
        for cell in current {
            all += 1;
            let same = |other: &CellSnapshot| {
                other.text == cell.print.text && other.kind == cell.print.kind
            };
            found += usize::from(snapshot.cells.iter().any(same));
        }
        found as f32 / all.max(1) as f32
    }

    /// Its cells in order, those of older versions among them.
    #[must_use]
    pub fn cells(&self) -> &[AnchorCell] {
        &self.cells
    }

    /// The cells of the newest version that are code.
    pub fn code_cells(&self) -> impl Iterator<Item = &AnchorCell> {
        self.cells
            .iter()
            .filter(|cell| cell.is_current && cell.is_code())
    }

    /// One of its cells.
    #[must_use]
    pub fn cell(&self, anchor: Anchor) -> Option<&AnchorCell> {
        self.cells.iter().find(|cell| cell.anchor == anchor)
    }

    /// Which cells of a notebook come from which of the handout.
    pub(crate) fn pair(&self, cells: &[CellPrint]) -> Vec<Option<(usize, f32)>> {
        let own: Vec<&CellPrint> = self.cells.iter().map(|cell| &cell.print).collect();
        pair_birth(&own, cells)
    }
}

impl Snapshot {
    /// What the first versions of several copies have in common, in the order of their median
    /// places; `None` when that is nothing.
    #[must_use]
    pub fn common(first_versions: &[&Self]) -> Option<Self> {
        let mut places: BTreeMap<u64, Vec<(usize, &CellSnapshot)>> = BTreeMap::new();
        for snapshot in first_versions {
            for (at, key) in keys_of(snapshot).into_iter().enumerate() {
                places
                    .entry(key)
                    .or_default()
                    .push((at, &snapshot.cells[at]));
            }
        }
        let enough = (MIN_SHARE * first_versions.len() as f32).ceil() as usize;
        let common = places
            .into_iter()
            .filter(|(_, found)| found.len() >= enough.max(MIN_COPIES));
        let mut common: Vec<(usize, u64, CellSnapshot)> = common
            .map(|(key, mut found)| {
                found.sort_by_key(|(at, _)| *at);
                let (place, cell) = found[found.len() / 2];
                (place, key, common_cell(cell, &found))
            })
            .collect();
        common.sort_by_key(|(place, key, _)| (*place, *key));
        let cells: Vec<CellSnapshot> = common.into_iter().map(|(_, _, cell)| cell).collect();
        (!cells.is_empty()).then_some(Self {
            cells,
            further_cells: 0,
        })
    }
}

/// A cell of several copies: without an id, which is one copy's, and with outputs only when most
/// have the same, which then were handed out.
fn common_cell(cell: &CellSnapshot, found: &[(usize, &CellSnapshot)]) -> CellSnapshot {
    let same = |other: &&(usize, &CellSnapshot)| {
        other.1.outputs == cell.outputs && other.1.count == cell.count
    };
    let cell = CellSnapshot {
        id: None,
        ..cell.clone()
    };
    match 2 * found.iter().filter(same).count() > found.len() {
        true => cell,
        false => CellSnapshot {
            count: None,
            outputs: None,
            error: None,
            ..cell
        },
    }
}

fn cell_of(snapshot: &Snapshot, at: usize, anchor: Anchor, print: CellPrint) -> AnchorCell {
    let cell = &snapshot.cells[at];
    let above = snapshot.cells[..at].iter().rev();
    AnchorCell {
        anchor,
        is_exercise: is_exercise(&snapshot.cells, at),
        heading: cell
            .heading()
            .or_else(|| above.map(CellSnapshot::heading).find_map(|heading| heading)),
        is_current: true,
        print,
        count: cell.count,
        outputs: cell.outputs,
        error: cell.error.clone(),
    }
}

/// Whether a code cell is to be filled in: it is blank or says so, or the text before it does.
fn is_exercise(cells: &[CellSnapshot], at: usize) -> bool {
    let cell = &cells[at];
    if cell.kind != Kind::Code {
        return false;
    }
    let lines = cell.source.lines().map(str::trim);
    let is_stub = cell.is_blank()
        || STUBS.iter().any(|stub| cell.source.contains(stub))
        || lines.clone().next_back().is_some_and(|line| line == "pass");
    let before = cells[..at]
        .last()
        .filter(|before| before.kind == Kind::Text);
    let announced = before.is_some_and(|before| {
        let text = before.source.to_lowercase();
        EXERCISE_WORDS.iter().any(|word| text.contains(word))
    });
    is_stub || announced
}

/// For each cell what it is the same by in several copies: its text, and of equal ones the number;
/// of a blank one the text before it.
fn keys_of(snapshot: &Snapshot) -> Vec<u64> {
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    let mut before = 0;
    let key = |cell: &CellSnapshot| {
        let text = if cell.is_blank() {
            mix(before, 1)
        } else {
            cell.text
        };
        before = if cell.is_blank() { before } else { cell.text };
        let key = mix(text, cell.kind as u64);
        let number = seen.entry(key).or_default();
        *number += 1;
        mix(key, *number)
    };
    snapshot.cells.iter().map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestCell, code, lesson, lesson_with, snapshot, text};

    #[test]
    fn exercises_are_known_by_what_they_say() {
        let is_exercise = |cells: &[TestCell]| {
            let handout = AnchoredHandout::of(&snapshot(cells));
            handout.cells().last().map(|cell| cell.is_exercise)
        };
        for stub in [
            "",
            "  \n",
            "x = ...",
            "def f():\n    pass",
            "# YOUR CODE HERE",
            "x = ___",
        ] {
            assert_eq!(is_exercise(&[code(stub)]), Some(true), "{stub}");
        }
        for before in ["## Exercise 3", "**Übung:** zeichne", "Aufgabe 2"] {
            assert_eq!(
                is_exercise(&[text(before), code("f(1)")]),
                Some(true),
                "{before}"
            );
        }
        assert_eq!(is_exercise(&[text("# Reading"), code("f(1)")]), Some(false));
        assert_eq!(
            is_exercise(&[text("Exercise 1"), code("f(1)"), code("f(2)")]),
            Some(false)
        );
        assert_eq!(is_exercise(&[text("# Exercise 1")]), Some(false));
    }

    #[test]
    fn a_copy_finds_its_handout_among_several() {
        let own = AnchoredHandout::of(&snapshot(&lesson()));
        let other = AnchoredHandout::of(&snapshot(&[text("# Words"), code("text.split()")]));
        let copy = snapshot(&lesson_with(&[(
            5,
            code("def area(a, b):\n    return a * b"),
        )]));
        assert!(own.resemblance(&copy) > 0.8);
        assert_eq!(other.resemblance(&copy), 0.0);
    }

    #[test]
    fn outputs_that_most_first_versions_have_were_handed_out() {
        let run = |printed: &str| {
            lesson_with(&[(
                1,
                code("import pandas as pd\nimport numpy as np").printed(1, printed),
            )])
        };
        let of = |printed: [&str; 4]| {
            let firsts = printed.map(|printed| snapshot(&run(printed)));
            let handout = AnchoredHandout::implied(&firsts.each_ref()).unwrap();
            handout.cells()[1].outputs
        };
        assert!(of(["2.1", "2.1", "2.1", "2.3"]).is_some());
        assert!(of(["2.1", "2.2", "2.3", "2.4"]).is_none());
    }

    #[test]
    fn a_handout_that_is_changed_for_ever_stays_bounded() {
        let version = |first: usize| {
            let cells: Vec<TestCell> = (first..first + 1_500)
                .map(|n| code(&format!("x{n} = {n}")))
                .collect();
            snapshot(&cells)
        };
        let mut handout = AnchoredHandout::of(&version(0));
        for edition in 1..5 {
            handout = handout.revised(&version(edition * 10_000));
        }
        assert_eq!(handout.cells().len(), MAX_HANDOUT_CELLS);
        assert_eq!(handout.code_cells().count(), 1_500);
    }
}
