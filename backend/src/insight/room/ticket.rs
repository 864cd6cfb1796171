//! Where somebody is who asks for help.

use analytics::answer;
use shared::{
    help::ActiveCell,
    notebook::{Cell, NotebookEnd},
};

use super::Room;
use crate::{
    class::CopyId,
    help::TicketPlace,
    insight::{InsightError, sources::InsightSources},
};

impl Room {
    /// The version that the classroom knows, so that both say the same, and when it was saved; of who
    /// is no participant, the newest.
    fn version_of(
        &self,
        key: &CopyId,
        sources: &InsightSources,
    ) -> Result<Option<(i64, i64)>, InsightError> {
        let progress = self.classroom.progress(&key.user);
        let saves_ms = progress.and_then(|progress| progress.saves_ms);
        match (self.newest_of(&key.user), saves_ms) {
            (Some(version), Some((_, last_ms))) => Ok(Some((version, last_ms))),
            _ => {
                let mut newest = sources.history.versions(key, None, 1)?;
                Ok(newest.pop().map(|it| (it.id, it.saved_at_ms)))
            }
        }
    }

    /// Where somebody is who asks for help, and when that was saved: what of it is known, and nothing
    /// of a private cell, because no version has one. `None` when they have saved nothing.
    pub(in crate::insight) fn place_of(
        &self,
        user: &str,
        cell: Option<&ActiveCell>,
        now_ms: i64,
        sources: &InsightSources,
    ) -> Result<Option<(TicketPlace, i64)>, InsightError> {
        let key = CopyId {
            filename: self.filename.clone(),
            user: user.to_owned(),
        };
        let Some((version, saved_at_ms)) = self.version_of(&key, sources)? else {
            return Ok(None);
        };
        let cell = match cell {
            None => None,
            Some(cell) => sources.history.bytes(&key, version)?.and_then(|bytes| {
                let _turn = sources.copies.lanes().turn(bytes.len() as u64);
                place_in(bytes, cell)
            }),
        };
        let place = TicketPlace {
            version: Some(version),
            cell: cell.map(|at| answer::cell(&self.classroom, user, at)),
            error: answer::error(&self.classroom, user, now_ms),
        };
        Ok(Some((place, saved_at_ms)))
    }
}

/// The place of a cell in a version; `None` when the version has no such cell, as when it is
/// private. Where no cell of the file has an id, it is the one at its index.
fn place_in(bytes: Vec<u8>, cell: &ActiveCell) -> Option<usize> {
    let (bytes, _) = NotebookEnd::of_public(bytes, 0).ok()?;
    let look = |it: &Cell| {
        (
            it.id().is_some(),
            it.id().is_some() && it.id() == cell.id.as_deref(),
        )
    };
    let found = NotebookEnd::map_cells(&bytes, look).ok()?;
    let by_id = found.iter().position(|(_, is_it)| *is_it);
    let has_ids = found.iter().any(|(has_id, _)| *has_id);
    let by_index = cell
        .index
        .filter(|_| !has_ids || cell.id.is_none())
        .and_then(|at| usize::try_from(at).ok())
        .filter(|at| *at < found.len());
    by_id.or(by_index)
}
