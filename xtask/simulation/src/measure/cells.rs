//! Lineage and the states of cells.

use std::collections::BTreeMap;

use analytics::{
    handout::{Anchor, AnchoredHandout},
    lineage::{Confidence, Lineage},
    progress::Progress,
    snapshot::Snapshot,
    state::CellState,
};

use super::read;
use crate::{
    class::{Save, SimulatedClass},
    table::{Hits, Table},
};

#[derive(Default)]
pub(super) struct CellScores {
    /// By the lineage over all saves: what counts, and with guesses.
    lineage: [Hits; 2],
    /// By the last version alone.
    snapshot: [Hits; 2],
    /// With a handout that is what first versions have in common.
    implied: Hits,
    states: (usize, usize),
    /// Pairs of true and found states that differ.
    confused: BTreeMap<(&'static str, &'static str), usize>,
}

impl CellScores {
    pub(super) fn add(
        &mut self,
        class: &SimulatedClass,
        handout: &AnchoredHandout,
    ) -> anyhow::Result<()> {
        let snapshots: Vec<Snapshot> = class
            .saves
            .iter()
            .map(|save| read(&save.json))
            .collect::<Result<_, _>>()?;
        let people = class.moods.len();
        let last: Vec<Option<usize>> = (0..people)
            .map(|one| class.saves.iter().rposition(|save| save.participant == one))
            .collect();
        let mut progress = vec![Progress::default(); people];
        let anchors: Vec<&_> = handout.cells().iter().collect();
        for (at, (save, snapshot)) in class.saves.iter().zip(&snapshots).enumerate() {
            let own = &mut progress[save.participant];
            own.note(save.at_ms, snapshot, Some(handout));
            for (place, cell) in anchors
                .iter()
                .enumerate()
                .filter(|(_, cell)| cell.is_code())
            {
                let (is, found) = (save.states[place], own.anchor(cell.anchor).state);
                self.note_state(is, found);
            }
            if last[save.participant] == Some(at) {
                for (hits, least) in self
                    .lineage
                    .iter_mut()
                    .zip([Confidence::Likely, Confidence::Guess])
                {
                    count(hits, &own.lineage, save, handout, least);
                }
                let mut alone = Lineage::default();
                alone.follow(snapshot, Some(handout));
                for (hits, least) in self
                    .snapshot
                    .iter_mut()
                    .zip([Confidence::Likely, Confidence::Guess])
                {
                    count(hits, &alone, save, handout, least);
                }
            }
        }
        self.add_implied(class, &snapshots)
    }

    fn note_state(&mut self, is: CellState, found: CellState) {
        self.states.0 += usize::from(is == found);
        self.states.1 += 1;
        if is != found {
            *self.confused.entry((is.name(), found.name())).or_default() += 1;
        }
    }

    /// The handout by the first versions, in the order of which its cells are the true ones.
    fn add_implied(
        &mut self,
        class: &SimulatedClass,
        snapshots: &[Snapshot],
    ) -> anyhow::Result<()> {
        let people = class.moods.len();
        let first = |one: usize| class.saves.iter().position(|save| save.participant == one);
        let firsts: Vec<&Snapshot> = (0..people)
            .filter_map(first)
            .map(|at| &snapshots[at])
            .collect();
        let Some(handout) = AnchoredHandout::implied(&firsts) else {
            return Ok(());
        };
        let is_whole =
            handout.cells().len() == AnchoredHandout::of(&read(&class.handout)?).cells().len();
        anyhow::ensure!(is_whole, "the implied handout has other cells");
        let mut lineages = vec![Lineage::default(); people];
        for (save, snapshot) in class.saves.iter().zip(snapshots) {
            lineages[save.participant].follow(snapshot, Some(&handout));
        }
        for (one, lineage) in lineages.iter().enumerate() {
            if let Some(save) = class.saves.iter().rfind(|save| save.participant == one) {
                count(
                    &mut self.implied,
                    lineage,
                    save,
                    &handout,
                    Confidence::Likely,
                );
            }
        }
        Ok(())
    }

    pub(super) fn print(&self, name: &str, table: &mut Table) {
        let mut row = |measure: &str, hits: &Hits, gate: &str| {
            table.push(name, measure, hits.to_string(), gate)
        };
        row(
            "lineage, precision / recall",
            &self.lineage[0],
            "0.99 / 0.98",
        );
        row("with guesses", &self.lineage[1], "");
        row("with an implied handout", &self.implied, "");
        row(
            "by the last version alone",
            &self.snapshot[0],
            "0.95 / 0.90",
        );
        row("with guesses", &self.snapshot[1], "");
        let (right, all) = self.states;
        table.push(
            name,
            "states of cells",
            format!("{:.4}", right as f64 / all.max(1) as f64),
            "0.98",
        );
        let mut confused: Vec<_> = self.confused.iter().collect();
        confused.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for ((is, found), count) in confused.into_iter().take(4) {
            let share = *count as f64 / all.max(1) as f64;
            table.push(
                name,
                &format!("{is}, taken for {found}"),
                format!("{share:.4}"),
                "",
            );
        }
    }
}

fn count(
    hits: &mut Hits,
    lineage: &Lineage,
    save: &Save,
    handout: &AnchoredHandout,
    least: Confidence,
) {
    let anchors: Vec<Anchor> = handout.cells().iter().map(|cell| cell.anchor).collect();
    for (cell, origins) in lineage.cells().iter().zip(&save.origins) {
        let found = cell
            .descents
            .iter()
            .filter(|descent| descent.confidence >= least);
        let found: Vec<Anchor> = found.map(|descent| descent.anchor).collect();
        hits.there += origins.len();
        hits.found += found.len();
        hits.right += origins
            .iter()
            .filter(|origin| found.contains(&anchors[**origin]))
            .count();
    }
}
