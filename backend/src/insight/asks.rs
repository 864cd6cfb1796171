//! What tickets are about. That is found out at once, of what is saved, and again with the first
//! version that is saved after the press: whoever runs a cell and asks a second later has saved
//! neither the cell nor its error yet.

use std::collections::BTreeMap;

use shared::help::ActiveCell;

use super::{InsightError, room::Room, sources::InsightSources};
use crate::telemetry::loggable;

/// A cell that is known so long after the press is no longer looked for.
const MAX_PLACING_MS: i64 = 60_000;
/// A version that is new so long after the press was saved after it, whatever the clock of its
/// machine says.
const MAX_RECORDING_MS: i64 = 10_000;

/// Somebody has asked for help from their copy of a notebook.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Their ticket.
    pub ticket: i64,
    /// Who.
    pub user: String,
    /// The cell that was active, as far as their page knew.
    pub cell: Option<ActiveCell>,
    /// When they pressed.
    pub at_ms: i64,
}

/// Those of one notebook that may still be better known: one a person at most.
#[derive(Default)]
pub(super) struct Asks(BTreeMap<String, PendingAsk>);

struct PendingAsk {
    ask: Ask,
    /// The version that it was looked for in.
    tried: Option<i64>,
    /// Whether it was looked for at all.
    is_tried: bool,
    has_cell: bool,
}

impl Asks {
    /// Somebody has pressed: what they said before is of no use any more, but a cell that is not
    /// named again.
    pub(super) fn add(&mut self, mut ask: Ask) {
        let before = self.0.remove(&ask.user).map(|pending| pending.ask);
        let same = before.filter(|before| before.ticket == ask.ticket);
        ask.cell = ask.cell.or_else(|| same.and_then(|before| before.cell));
        let pending = PendingAsk {
            ask,
            tried: None,
            is_tried: false,
            has_cell: false,
        };
        self.0.insert(pending.ask.user.clone(), pending);
    }

    /// Somebody's copy was deleted.
    pub(super) fn forget(&mut self, user: &str) {
        self.0.remove(user);
    }

    /// Has the help desk know what can be known, once all versions that have come are replayed.
    pub(super) fn place(&mut self, room: &Room, sources: &InsightSources, now_ms: i64) {
        if !room.is_up_to_date() {
            return;
        }
        self.0.retain(|user, pending| {
            if pending.has_cell && now_ms - pending.ask.at_ms > MAX_PLACING_MS {
                return false;
            }
            let newest = room.newest_of(user);
            if pending.is_tried && newest == pending.tried {
                return true;
            }
            (pending.tried, pending.is_tried) = (newest, true);
            let is_final = pending.place(room, sources, now_ms);
            let is_final = is_final.unwrap_or_else(|error| {
                let (user, ticket) = (loggable(user), pending.ask.ticket);
                tracing::warn!(%user, ticket, %error, "it is not known what a ticket is about");
                false
            });
            !is_final
        });
    }
}

impl PendingAsk {
    /// Whether that is all that is to be found out.
    fn place(
        &mut self,
        room: &Room,
        sources: &InsightSources,
        now_ms: i64,
    ) -> Result<bool, InsightError> {
        let Ask {
            ticket,
            user,
            cell,
            at_ms,
        } = &self.ask;
        let found = room.place_of(user, cell.as_ref(), now_ms, sources)?;
        let Some((place, saved_at_ms)) = found else {
            return Ok(false);
        };
        self.has_cell |= place.cell.is_some();
        let placed = sources.help.place(*ticket, place, now_ms);
        let may_place = placed.map_err(|error| InsightError::Engine(error.to_string()))?;
        let is_after = saved_at_ms >= *at_ms || now_ms - at_ms > MAX_RECORDING_MS;
        Ok(is_after || !may_place)
    }
}
