//! One ticket: what it has come to, and who has it at a time.

use shared::help::{ErrorInCell, HELP_LEASE_MS, HELP_UNDO_MS, TicketEnd, TicketState};

use super::{
    super::{CLASS_MS, TicketPlace},
    HelpRefusal,
};

/// A claim of so much later than now was made before the clock was set back.
pub(super) const CLOCK_SLACK_MS: i64 = 60_000;
/// A helper who says so soon again that they have a ticket need not be noted.
const MIN_RENEWAL_MS: i64 = 60_000;

/// What a ticket has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    Paused,
    Claimed {
        helper: String,
        at_ms: i64,
    },
    Ended {
        end: TicketEnd,
        by: String,
        at_ms: i64,
        /// Whether a helper was there.
        attended: bool,
    },
}

impl Stage {
    pub(super) fn is_open(&self) -> bool {
        !matches!(self, Self::Ended { .. })
    }
}

/// What was there before somebody ended a ticket or gave it back.
#[derive(Clone, Debug)]
pub(super) struct Before {
    pub(super) stage: Stage,
    pub(super) by: String,
    pub(super) at_ms: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) user: String,
    pub(super) filename: Option<String>,
    pub(super) text: String,
    pub(super) asked_ms: i64,
    pub(super) place: TicketPlace,
    pub(super) stage: Stage,
    pub(super) before: Option<Before>,
}

impl Ticket {
    /// Who has it at that time.
    pub(super) fn holder(&self, now_ms: i64) -> Option<&str> {
        match &self.stage {
            Stage::Claimed { helper, at_ms } if is_lease(*at_ms, now_ms) => Some(helper),
            _ => None,
        }
    }

    /// Who had it until their time ran out.
    pub(super) fn was_with(&self, now_ms: i64) -> Option<&str> {
        match &self.stage {
            Stage::Claimed { helper, at_ms } if !is_lease(*at_ms, now_ms) => Some(helper),
            _ => None,
        }
    }

    pub(super) fn state(&self, now_ms: i64) -> TicketState {
        match self.stage {
            Stage::Paused => TicketState::Paused,
            _ if self.holder(now_ms).is_some() => TicketState::Claimed,
            _ => TicketState::Waiting,
        }
    }

    /// Why `helper` cannot take it: somebody else has it.
    pub(super) fn refusal(&self, helper: &str, now_ms: i64) -> Option<HelpRefusal> {
        let holder = self.holder(now_ms).filter(|holder| *holder != helper)?;
        Some(HelpRefusal::Held {
            user: self.user.clone(),
            helper: holder.to_owned(),
        })
    }

    /// Whether that its helper says again that they have it is to be noted.
    pub(super) fn needs_renewal(&self, now_ms: i64) -> bool {
        match &self.stage {
            Stage::Claimed { at_ms, .. } => now_ms - at_ms >= MIN_RENEWAL_MS,
            _ => false,
        }
    }

    /// Whether it is one of those with this error in this cell.
    pub(super) fn is_of(&self, error: &ErrorInCell) -> bool {
        let own = self.place.error.as_ref().map(|own| &own.signature);
        let anchor = self.place.cell.as_ref().and_then(|cell| cell.anchor);
        self.filename.as_ref() == Some(&error.filename)
            && own == Some(&error.signature)
            && anchor == error.anchor
    }
}

/// Whether a ticket that was claimed then is still claimed now.
pub(super) fn is_lease(at_ms: i64, now_ms: i64) -> bool {
    now_ms < at_ms + HELP_LEASE_MS && now_ms > at_ms - CLOCK_SLACK_MS
}

/// Whether what was done then may be undone now.
pub(super) fn is_recent(at_ms: i64, now_ms: i64) -> bool {
    now_ms <= at_ms + HELP_UNDO_MS && now_ms > at_ms - CLOCK_SLACK_MS
}

/// Whether something of that time still counts.
pub(super) fn is_of_class(at_ms: i64, now_ms: i64) -> bool {
    now_ms - at_ms < CLASS_MS
}
