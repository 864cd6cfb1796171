//! What happens to tickets and notes, as it is kept: an append of events, of which
//! `machine.rs` makes the queue.

use serde::{Deserialize, Serialize};
use shared::help::{TicketCell, TicketEnd, TicketError};

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpEvent {
    /// Whose ticket or note it is of; empty for what is of the whole class.
    pub user: String,
    /// What.
    pub deed: HelpDeed,
}

/// An event that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHelpEvent {
    /// Its number, which is also that of a ticket or round that begins with it.
    pub id: i64,
    /// When it happened, by the clock of that time.
    pub at_ms: i64,
    /// What has happened.
    pub event: HelpEvent,
}

/// What has happened. `ticket` is the number of the event that opened it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "kebab-case")]
pub enum HelpDeed {
    /// They asked for help: a ticket begins.
    Asked {
        /// What they wrote.
        text: String,
        /// The notebook that they asked from.
        filename: Option<String>,
        /// Whether nobody is to come just now.
        paused: bool,
    },
    /// They wrote something else, or want somebody now, or not now.
    Changed {
        /// Their ticket.
        ticket: i64,
        /// What it says from now on.
        text: String,
        /// The notebook, if it had none.
        filename: Option<String>,
        /// Whether nobody is to come just now.
        paused: bool,
    },
    /// What the ticket is about was found out.
    Placed {
        /// The ticket.
        ticket: i64,
        /// Where it was asked.
        place: TicketPlace,
    },
    /// The ticket is over.
    Ended {
        /// The ticket.
        ticket: i64,
        /// How.
        end: TicketEnd,
        /// Who ended it.
        by: String,
    },
    /// A helper has it, or says again that they do.
    Claimed {
        /// The ticket.
        ticket: i64,
        /// Who.
        helper: String,
    },
    /// The helper gives it back.
    Released {
        /// The ticket.
        ticket: i64,
        /// Who.
        by: String,
    },
    /// That it was ended or given back is undone.
    Undone {
        /// The ticket.
        ticket: i64,
        /// Who.
        by: String,
    },
    /// They are done.
    Done,
    /// They take the note `done` back.
    NoteTakenBack,
    /// The class is asked whether it is done.
    RoundBegun {
        /// Who asks.
        by: String,
        /// The notebook that is meant.
        filename: Option<String>,
    },
    /// It is no longer asked.
    RoundEnded {
        /// Who ends it.
        by: String,
    },
}

/// What a ticket is about, as the service knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketPlace {
    /// The newest version of the copy in the history.
    pub version: Option<i64>,
    /// The cell that was active.
    pub cell: Option<TicketCell>,
    /// The error that they were at.
    pub error: Option<TicketError>,
}

impl TicketPlace {
    /// This and what was found after it; what was not found then stays.
    #[must_use]
    pub(super) fn and(self, found: Self) -> Self {
        Self {
            version: found.version.or(self.version),
            cell: found.cell.or(self.cell),
            error: found.error.or(self.error),
        }
    }
}
