//! What the events come to: who has which note, which tickets are open, and whose each is.
//!
//! It knows no disk and no clock: it says which events a wish comes to, is told of them once they
//! are kept, and is asked what is there at a time. That a helper's time with a ticket has run out is
//! no event; it follows from the time. A clock that jumps makes that earlier or later, and never
//! gives a ticket to two.

#[cfg(test)]
mod tests;
mod ticket;
mod told;

use std::collections::{BTreeMap, VecDeque};

use shared::help::{ErrorInCell, HeldTicket, NoteKind, TicketEnd};

use self::ticket::{Before, Stage, Ticket, is_of_class, is_recent};
use super::{HelpDeed, HelpEvent, MAX_PRESSES, StoredHelpEvent, TicketPlace};

/// Whose notes are kept in memory for a class.
const MAX_HELPED_TIMES: usize = MAX_PRESSES;

/// Why the queue does not allow something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelpRefusal {
    /// There is no such open ticket.
    #[error("there is no open ticket {0}")]
    NoTicket(i64),
    /// Somebody else has it.
    #[error("{helper} has the ticket of {user} already")]
    Held {
        /// Who asks for help.
        user: String,
        /// Who has it.
        helper: String,
    },
    /// Whoever asks has it, and that was thought of somebody else.
    #[error("{0} does not have this ticket")]
    NotHeld(String),
    /// Whoever asks for help wants nobody just now.
    #[error("{0} wants nobody just now, and keeps their place")]
    Paused(String),
    /// There is nothing to undo, or no longer.
    #[error("this cannot be undone: it is longer than 20 seconds ago, or somebody else did it")]
    TooLate,
    /// Whoever asked has a newer ticket.
    #[error("{0} has asked anew since")]
    AskedAnew(String),
    /// A participant has changed their note too often.
    #[error("{0} has changed their note {MAX_PRESSES} times in this class")]
    TooOften(String),
}

/// Somebody whose ticket has ended with a helper having been there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attended {
    /// Who had asked.
    pub user: String,
    /// The notebook that they had asked from.
    pub filename: Option<String>,
}

#[derive(Clone, Debug)]
struct Round {
    id: i64,
    asked_ms: i64,
    by: String,
    filename: Option<String>,
}

/// The tickets and notes of a class.
#[derive(Clone, Debug, Default)]
pub(super) struct HelpMachine {
    /// Those that are open, and those that have ended lately.
    tickets: BTreeMap<i64, Ticket>,
    /// Each participant's open ticket.
    open: BTreeMap<String, i64>,
    /// Since when somebody has the note `done`.
    done: BTreeMap<String, i64>,
    /// When a helper was there for somebody.
    helped: BTreeMap<String, Vec<i64>>,
    /// When somebody has changed their note.
    presses: BTreeMap<String, VecDeque<i64>>,
    round: Option<Round>,
}

/// What a participant wants of their note.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish<'a> {
    pub(super) user: &'a str,
    pub(super) note: Option<NoteKind>,
    pub(super) text: Option<&'a str>,
    pub(super) paused: bool,
    pub(super) filename: Option<&'a str>,
}

impl HelpMachine {
    /// What a participant's wish comes to.
    pub(super) fn press(
        &self,
        wish: &Wish<'_>,
        now_ms: i64,
    ) -> Result<Vec<HelpEvent>, HelpRefusal> {
        let open = self.open.get(wish.user).copied();
        let deeds = match wish.note {
            Some(NoteKind::Help) => match open {
                Some(ticket) => self.changed(ticket, wish).into_iter().collect(),
                None => self.asked(wish, now_ms),
            },
            Some(NoteKind::Done) => {
                let ended = open.map(|ticket| ended(ticket, TicketEnd::Solved, wish.user));
                let has_note = self.has_done(wish.user, now_ms);
                let done = (!has_note || open.is_some()).then_some(HelpDeed::Done);
                ended.into_iter().chain(done).collect()
            }
            None => {
                let has_note = self.has_done(wish.user, now_ms);
                let taken_back = has_note.then_some(HelpDeed::NoteTakenBack);
                let ended = open.map(|ticket| ended(ticket, TicketEnd::Withdrawn, wish.user));
                ended.or(taken_back).into_iter().collect::<Vec<_>>()
            }
        };
        let is_end = matches!(deeds.first(), Some(HelpDeed::Ended { .. }));
        // A ticket that is open can be ended in any case.
        if !deeds.is_empty() && !is_end && self.presses_of(wish.user, now_ms) >= MAX_PRESSES {
            return Err(HelpRefusal::TooOften(wish.user.to_owned()));
        }
        let of_user = |deed| of(wish.user, deed);
        Ok(deeds.into_iter().map(of_user).collect())
    }

    fn changed(&self, ticket: i64, wish: &Wish<'_>) -> Option<HelpDeed> {
        let known = &self.tickets[&ticket];
        let text = wish.text.unwrap_or(&known.text);
        let is_paused = known.stage == Stage::Paused;
        let filename = wish.filename.filter(|_| known.filename.is_none());
        let is_news = text != known.text || wish.paused != is_paused || filename.is_some();
        is_news.then(|| HelpDeed::Changed {
            ticket,
            text: text.to_owned(),
            filename: filename.map(str::to_owned),
            paused: wish.paused,
        })
    }

    fn asked(&self, wish: &Wish<'_>, now_ms: i64) -> Vec<HelpDeed> {
        // Whoever has taken a ticket back by mistake keeps their place.
        let withdrawn = self
            .tickets
            .iter()
            .rev()
            .find(|(_, it)| it.user == wish.user);
        let withdrawn = withdrawn.filter(|(_, it)| {
            matches!(&it.stage, Stage::Ended { end: TicketEnd::Withdrawn, at_ms, .. }
                if is_recent(*at_ms, now_ms))
        });
        let Some((&ticket, known)) = withdrawn else {
            return vec![HelpDeed::Asked {
                text: wish.text.unwrap_or_default().to_owned(),
                filename: wish.filename.map(str::to_owned),
                paused: wish.paused,
            }];
        };
        let undone = HelpDeed::Undone {
            ticket,
            by: wish.user.to_owned(),
        };
        let changed = HelpDeed::Changed {
            ticket,
            text: wish.text.unwrap_or(&known.text).to_owned(),
            filename: None,
            paused: wish.paused,
        };
        vec![undone, changed]
    }

    /// What was found out about a ticket.
    pub(super) fn placed(&self, ticket: i64, found: TicketPlace) -> Vec<HelpEvent> {
        let Ok(known) = self.open_ticket(ticket) else {
            return Vec::new();
        };
        let place = known.place.clone().and(found);
        match place == known.place {
            true => Vec::new(),
            false => vec![of(&known.user, HelpDeed::Placed { ticket, place })],
        }
    }

    /// `helper` takes a ticket, or says again that they have it.
    pub(super) fn claim(
        &self,
        ticket: i64,
        helper: &str,
        now_ms: i64,
    ) -> Result<Vec<HelpEvent>, HelpRefusal> {
        let known = self.open_ticket(ticket)?;
        if known.stage == Stage::Paused {
            return Err(HelpRefusal::Paused(known.user.clone()));
        }
        if let Some(refusal) = known.refusal(helper, now_ms) {
            return Err(refusal);
        }
        if known.holder(now_ms).is_some() && !known.needs_renewal(now_ms) {
            return Ok(Vec::new());
        }
        let helper = helper.to_owned();
        Ok(vec![of(&known.user, HelpDeed::Claimed { ticket, helper })])
    }

    /// Those of these tickets that `helper` can take, and those that somebody else has.
    pub(super) fn claim_some(
        &self,
        tickets: &[i64],
        helper: &str,
        now_ms: i64,
    ) -> (Vec<HelpEvent>, Vec<i64>, Vec<HeldTicket>) {
        let (mut events, mut claimed, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for &id in tickets {
            match self.claim(id, helper, now_ms) {
                Ok(claims) => {
                    events.extend(claims);
                    claimed.push(id);
                }
                Err(HelpRefusal::Held { helper, .. }) => held.push(HeldTicket { id, helper }),
                Err(_) => {}
            }
        }
        (events, claimed, held)
    }

    /// The tickets that wait with this error in this cell.
    pub(super) fn waiting_with(&self, error: &ErrorInCell, now_ms: i64) -> Vec<i64> {
        let waiting = self.waiting(now_ms).into_iter().map(|it| it.id);
        waiting.filter(|id| self.tickets[id].is_of(error)).collect()
    }

    /// `helper` gives a ticket back.
    pub(super) fn release(
        &self,
        ticket: i64,
        helper: &str,
        now_ms: i64,
    ) -> Result<Vec<HelpEvent>, HelpRefusal> {
        let known = self.open_ticket(ticket)?;
        if let Some(refusal) = known.refusal(helper, now_ms) {
            return Err(refusal);
        }
        if known.holder(now_ms).is_none() {
            return Err(HelpRefusal::NotHeld(helper.to_owned()));
        }
        let by = helper.to_owned();
        Ok(vec![of(&known.user, HelpDeed::Released { ticket, by })])
    }

    /// A helper was there. Any helper may say so, because the one who was may forget it.
    pub(super) fn help(&self, ticket: i64, by: &str) -> Result<Vec<HelpEvent>, HelpRefusal> {
        let known = self.open_ticket(ticket)?;
        Ok(vec![of(&known.user, ended(ticket, TicketEnd::Helped, by))])
    }

    /// The open ticket that somebody has at a notebook.
    pub(super) fn open_at(&self, user: &str, filename: &str) -> Option<i64> {
        let id = *self.open.get(user)?;
        (self.tickets[&id].filename.as_deref() == Some(filename)).then_some(id)
    }

    /// Takes back that `by` has ended a ticket or given it back.
    pub(super) fn undo(
        &self,
        ticket: i64,
        by: &str,
        now_ms: i64,
    ) -> Result<Vec<HelpEvent>, HelpRefusal> {
        let known = self
            .tickets
            .get(&ticket)
            .ok_or(HelpRefusal::NoTicket(ticket))?;
        let before = known.before.as_ref().ok_or(HelpRefusal::TooLate)?;
        if before.by != by || !is_recent(before.at_ms, now_ms) {
            return Err(HelpRefusal::TooLate);
        }
        if !known.stage.is_open() && self.open.contains_key(&known.user) {
            return Err(HelpRefusal::AskedAnew(known.user.clone()));
        }
        let by = by.to_owned();
        Ok(vec![of(&known.user, HelpDeed::Undone { ticket, by })])
    }

    /// Ends what is of a class that is over.
    pub(super) fn expire(&self, now_ms: i64) -> Vec<HelpEvent> {
        let old = self.open.iter().filter(|(_, id)| {
            let ticket = &self.tickets[id];
            !is_of_class(ticket.asked_ms, now_ms) && ticket.holder(now_ms).is_none()
        });
        old.map(|(user, id)| of(user, ended(*id, TicketEnd::Expired, user)))
            .collect()
    }

    /// What has happened, after it was kept. What refers to a ticket that is not known is passed
    /// over: its beginning was tidied away.
    pub(super) fn apply(&mut self, stored: StoredHelpEvent) {
        let StoredHelpEvent { id, at_ms, event } = stored;
        let HelpEvent { user, deed } = event;
        if is_press(&deed) {
            let presses = self.presses.entry(user.clone()).or_default();
            presses.push_back(at_ms);
            if presses.len() > MAX_PRESSES {
                presses.pop_front();
            }
        }
        match deed {
            HelpDeed::Asked {
                text,
                filename,
                paused,
            } => {
                // There is one open ticket a person, whatever is kept.
                if let Some(older) = self.open.insert(user.clone(), id) {
                    self.tickets.remove(&older);
                }
                self.done.remove(&user);
                let ticket = Ticket {
                    user,
                    filename,
                    text,
                    asked_ms: at_ms,
                    place: TicketPlace::default(),
                    stage: stage_of(paused),
                    before: None,
                };
                self.tickets.insert(id, ticket);
            }
            HelpDeed::Changed {
                ticket,
                text,
                filename,
                paused,
            } => {
                let Some(known) = self.open_mut(ticket) else {
                    return;
                };
                known.text = text;
                known.filename = known.filename.take().or(filename);
                if paused != (known.stage == Stage::Paused) {
                    known.stage = stage_of(paused);
                    known.before = None;
                }
            }
            HelpDeed::Placed { ticket, place } => {
                if let Some(known) = self.open_mut(ticket) {
                    known.place = place;
                }
            }
            HelpDeed::Ended { ticket, end, by } => self.end(ticket, end, by, at_ms),
            HelpDeed::Claimed { ticket, helper } => {
                if let Some(known) = self.open_mut(ticket) {
                    known.stage = Stage::Claimed { helper, at_ms };
                    known.before = None;
                }
            }
            HelpDeed::Released { ticket, by } => {
                if let Some(known) = self.open_mut(ticket) {
                    let stage = std::mem::replace(&mut known.stage, Stage::Waiting);
                    known.before = Some(Before { stage, by, at_ms });
                }
            }
            HelpDeed::Undone { ticket, .. } => self.undo_now(ticket, at_ms),
            HelpDeed::Done => {
                self.done.insert(user, at_ms);
            }
            HelpDeed::NoteTakenBack => {
                self.done.remove(&user);
            }
            HelpDeed::RoundBegun { by, filename } => {
                self.done.clear();
                self.round = Some(Round {
                    id,
                    asked_ms: at_ms,
                    by,
                    filename,
                });
            }
            HelpDeed::RoundEnded { .. } => self.round = None,
        }
    }

    fn end(&mut self, id: i64, end: TicketEnd, by: String, at_ms: i64) {
        let Some(known) = self.open_mut(id) else {
            return;
        };
        let attended = match end {
            TicketEnd::Helped => true,
            TicketEnd::Solved => known.holder(at_ms).is_some(),
            TicketEnd::Withdrawn | TicketEnd::Expired => false,
        };
        let ended = Stage::Ended {
            end,
            by: by.clone(),
            at_ms,
            attended,
        };
        let stage = std::mem::replace(&mut known.stage, ended);
        known.before = Some(Before { stage, by, at_ms });
        let user = known.user.clone();
        self.open.remove(&user);
        if attended {
            let times = self.helped.entry(user).or_default();
            times.push(at_ms);
            if times.len() > MAX_HELPED_TIMES {
                times.remove(0);
            }
        }
    }

    fn undo_now(&mut self, id: i64, at_ms: i64) {
        let Some(known) = self.tickets.get_mut(&id) else {
            return;
        };
        let is_taken = !known.stage.is_open() && self.open.contains_key(&known.user);
        let Some(before) = known.before.take().filter(|_| !is_taken) else {
            return;
        };
        if let Stage::Ended {
            attended: true,
            at_ms,
            ..
        } = known.stage
            && let Some(times) = self.helped.get_mut(&known.user)
            && let Some(at) = times.iter().rposition(|time| *time == at_ms)
        {
            times.remove(at);
        }
        known.stage = match before.stage {
            // Their time begins anew.
            Stage::Claimed { helper, .. } => Stage::Claimed { helper, at_ms },
            stage => stage,
        };
        self.open.insert(known.user.clone(), id);
        self.done.remove(&known.user);
    }

    /// Forgets what no longer counts.
    pub(super) fn tidy(&mut self, now_ms: i64) {
        self.tickets.retain(|_, ticket| match ticket.stage {
            Stage::Ended { at_ms, .. } => is_recent(at_ms, now_ms),
            _ => true,
        });
        self.done.retain(|_, at_ms| is_of_class(*at_ms, now_ms));
        self.helped.retain(|_, times| {
            times.retain(|at_ms| is_of_class(*at_ms, now_ms));
            !times.is_empty()
        });
        self.presses.retain(|_, presses| {
            presses.retain(|at_ms| is_of_class(*at_ms, now_ms));
            !presses.is_empty()
        });
        let round = self.round.take();
        self.round = round.filter(|round| is_of_class(round.asked_ms, now_ms));
    }

    /// Forgets a participant.
    pub(super) fn forget(&mut self, user: &str) {
        self.tickets.retain(|_, ticket| ticket.user != user);
        self.open.remove(user);
        self.done.remove(user);
        self.helped.remove(user);
        self.presses.remove(user);
    }

    /// Who asks for someone at a notebook, and since when.
    pub(super) fn asking(&self, filename: &str) -> BTreeMap<String, i64> {
        let open = self.open.iter().map(|(user, id)| (user, &self.tickets[id]));
        open.filter(|(_, it)| it.filename.as_deref() == Some(filename))
            .filter(|(_, it)| it.stage != Stage::Paused)
            .map(|(user, it)| (user.clone(), it.asked_ms))
            .collect()
    }

    /// The tickets that were made with an error at this notebook: their numbers, whose they are and
    /// the error.
    pub(super) fn with_error(&self, filename: &str) -> Vec<(i64, &str, &str)> {
        let open = self
            .open
            .iter()
            .map(|(user, id)| (user, *id, &self.tickets[id]));
        open.filter(|(_, _, it)| it.filename.as_deref() == Some(filename))
            .filter_map(|(user, id, it)| Some((id, &**user, &*it.place.error.as_ref()?.signature)))
            .collect()
    }

    /// Who was attended by this event, if anybody.
    pub(super) fn attended(&self, ticket: i64) -> Option<Attended> {
        let known = self.tickets.get(&ticket)?;
        matches!(known.stage, Stage::Ended { attended: true, .. }).then(|| Attended {
            user: known.user.clone(),
            filename: known.filename.clone(),
        })
    }

    /// The open ticket of somebody, and the notebook that it is about.
    pub(super) fn open_of(&self, user: &str) -> Option<(i64, Option<&str>)> {
        let id = *self.open.get(user)?;
        Some((id, self.tickets[&id].filename.as_deref()))
    }

    /// Whether somebody asks by this ticket, or has only paused.
    pub(super) fn is_open(&self, ticket: i64) -> bool {
        self.open_ticket(ticket).is_ok()
    }

    /// Whose note or ticket there is to tell of.
    pub(super) fn people(&self) -> impl Iterator<Item = &str> {
        let known = self.open.keys().chain(self.done.keys());
        known.map(String::as_str)
    }

    /// Whether nothing can change by time alone.
    pub(super) fn is_idle(&self) -> bool {
        self.tickets.is_empty() && self.done.is_empty() && self.round.is_none()
    }

    fn presses_of(&self, user: &str, now_ms: i64) -> usize {
        let presses = self.presses.get(user).into_iter().flatten();
        presses.filter(|at_ms| is_of_class(**at_ms, now_ms)).count()
    }

    fn open_ticket(&self, id: i64) -> Result<&Ticket, HelpRefusal> {
        let known = self.tickets.get(&id).filter(|it| it.stage.is_open());
        known.ok_or(HelpRefusal::NoTicket(id))
    }

    fn open_mut(&mut self, id: i64) -> Option<&mut Ticket> {
        self.tickets.get_mut(&id).filter(|it| it.stage.is_open())
    }
}

fn of(user: &str, deed: HelpDeed) -> HelpEvent {
    HelpEvent {
        user: user.to_owned(),
        deed,
    }
}

fn ended(ticket: i64, end: TicketEnd, by: &str) -> HelpDeed {
    HelpDeed::Ended {
        ticket,
        end,
        by: by.to_owned(),
    }
}

fn stage_of(paused: bool) -> Stage {
    match paused {
        true => Stage::Paused,
        false => Stage::Waiting,
    }
}

/// Whether a participant has pressed for this.
fn is_press(deed: &HelpDeed) -> bool {
    matches!(
        deed,
        HelpDeed::Asked { .. }
            | HelpDeed::Changed { .. }
            | HelpDeed::Done
            | HelpDeed::NoteTakenBack
    )
}
