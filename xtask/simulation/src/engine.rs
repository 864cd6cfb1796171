//! The engine in process, as the service has it: what `GET /api/insight` would say.

use analytics::{
    answer, classroom::Classroom, handout::AnchoredHandout, signature::Names, snapshot::Snapshot,
};
use shared::insight::{HandoutOrigin, InsightResponse};

/// A class at the instructor's own copy of a notebook.
pub struct Engine {
    room: Classroom,
    latest_ms: i64,
}

impl Engine {
    /// A class whose instructor has saved this handout.
    ///
    /// # Errors
    /// When it is no notebook.
    pub fn of_handout(at_ms: i64, instructor: &str, json: &str) -> anyhow::Result<Self> {
        let snapshot = read(instructor, json)?;
        let mut room = Classroom::new(Some(AnchoredHandout::of(&snapshot)));
        room.save_of_instructor(at_ms, &snapshot);
        Ok(Self {
            room,
            latest_ms: at_ms,
        })
    }

    /// Somebody saves.
    ///
    /// # Errors
    /// When it is no notebook.
    pub fn save(&mut self, at_ms: i64, user: &str, json: &str) -> anyhow::Result<()> {
        self.room.save(at_ms, user, &read(user, json)?);
        self.latest_ms = self.latest_ms.max(at_ms);
        Ok(())
    }

    /// Time has passed.
    pub fn advance(&mut self, now_ms: i64) {
        self.room.advance(now_ms);
    }

    /// What the saves say, as the service sends it.
    #[must_use]
    pub fn answer(&self) -> InsightResponse {
        let as_of_ms = self.latest_ms.max(self.room.looked_ms().unwrap_or(0));
        answer::of(&self.room, HandoutOrigin::Instructor, as_of_ms)
    }
}

/// An answer without the clock of who was asked.
#[must_use]
pub fn comparable(answer: InsightResponse) -> InsightResponse {
    InsightResponse {
        now_ms: 0,
        ..answer
    }
}

fn read(user: &str, json: &str) -> anyhow::Result<Snapshot> {
    Ok(Snapshot::read(
        json.as_bytes().to_vec(),
        &Names::of(&[user]),
    )?)
}
