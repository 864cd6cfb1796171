//! Whether a replay comes to what was there live.

use analytics::{classroom::Classroom, handout::AnchoredHandout};

use super::{name, read};
use crate::{
    class::{Settings, SimulatedClass},
    random::Random,
    table::Table,
};

#[derive(Default)]
pub(super) struct ReplayScores {
    same: usize,
    all: usize,
}

impl ReplayScores {
    /// Live, the class is asked at any time, and is written down and read again now and then.
    pub(super) fn add(
        &mut self,
        class: &SimulatedClass,
        handout: &AnchoredHandout,
        settings: &Settings,
    ) -> anyhow::Result<()> {
        let mut random = Random::new(settings.seed ^ 0x5eed);
        let mut live = Classroom::new(Some(handout.clone()));
        let mut replay = live.clone();
        for save in &class.saves {
            let (name, snapshot) = (name(save.participant), read(&save.json)?);
            if random.chance(0.3) {
                live.advance(save.at_ms - random.below(4_000) as i64);
            }
            live.save(save.at_ms, &name, &snapshot);
            if random.chance(0.005) {
                live = serde_json::from_str(&serde_json::to_string(&live)?)?;
            }
            replay.save(save.at_ms, &name, &snapshot);
        }
        live.advance(class.end_ms);
        replay.advance(class.end_ms);
        self.same +=
            usize::from(live == replay && live.pace(class.end_ms) == replay.pace(class.end_ms));
        self.all += 1;
        Ok(())
    }

    pub(super) fn print(&self, name: &str, table: &mut Table) {
        table.push(
            name,
            "classes whose replay is what was live",
            format!("{} of {}", self.same, self.all),
            "all",
        );
    }
}
