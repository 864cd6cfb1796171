//! What is compared with the truth.

mod attention;
mod cells;
mod cost;
mod replay;

use analytics::{handout::AnchoredHandout, signature::Names, snapshot::Snapshot};

pub(crate) use self::cost::cost;
use self::{attention::AttentionScores, cells::CellScores, replay::ReplayScores};
use crate::{
    class::{Settings, SimulatedClass},
    table::Table,
};

/// All that was measured on the classes of one generator.
#[derive(Default)]
pub(crate) struct Measured {
    cells: CellScores,
    attention: AttentionScores,
    replay: ReplayScores,
    classes: usize,
}

impl Measured {
    pub(crate) fn add(
        &mut self,
        class: &SimulatedClass,
        settings: &Settings,
    ) -> anyhow::Result<()> {
        let handout = AnchoredHandout::of(&read(&class.handout)?);
        self.cells.add(class, &handout)?;
        self.attention.add(class, &handout)?;
        self.replay.add(class, &handout, settings)?;
        self.classes += 1;
        Ok(())
    }

    pub(crate) fn print(&self, name: &str, table: &mut Table) {
        self.cells.print(name, table);
        self.attention.print(name, table);
        self.replay.print(name, table);
    }
}

pub(crate) fn read(json: &str) -> anyhow::Result<Snapshot> {
    Ok(Snapshot::read(json.as_bytes().to_vec(), &Names::default())?)
}

/// A participant's name.
pub(crate) fn name(participant: usize) -> String {
    format!("participant-{participant:03}")
}
