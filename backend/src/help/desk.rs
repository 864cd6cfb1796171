//! The help desk: the queue in memory, what is kept of it, and whom a change concerns.
//!
//! A change is on the disk before anybody is told. Each has a growing number, as the notices have
//! them: a reader remembers the newest it has seen, and those of an earlier run are smaller. A
//! participant is woken by what changes their own note, ticket or place, and by nothing else of
//! others.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use shared::{
    announcements::HELP_KIND,
    help::{ClaimResponse, DoneRound, ErrorInCell, HelpQueue, HelpTicket, MyNote, NoteKind},
};
use tokio::{sync::watch, task::spawn_blocking, time::interval};
use tokio_util::sync::CancellationToken;

use super::{
    Attended, CLASS_MS, HelpDeed, HelpError, HelpEvent, HelpRefusal, HelpStore, MAX_AGE_MS,
    SqliteHelp, StoredHelpEvent, TicketPlace,
    clock::DoubtedClock,
    machine::{HelpMachine, Wish},
};
use crate::{
    feed::{Announcements, Recipients},
    time,
};

/// How often it is looked whether a helper's time with a ticket has run out.
const TICK: Duration = Duration::from_secs(1);
/// How often it is found out what a ticket is about. Each time its owner's notebook is read, and an
/// event may be kept.
const MAX_PLACINGS: u32 = 8;
/// Ticks after which old events are removed.
const TIDY_TICKS: u64 = 3_600;

/// What a participant wants of their note.
#[derive(Clone, Debug, Default)]
pub struct Press {
    /// Who.
    pub user: String,
    /// The note that they have from now on.
    pub note: Option<NoteKind>,
    /// What they wrote.
    pub text: Option<String>,
    /// Whether nobody is to come just now.
    pub paused: bool,
    /// The notebook that is open, which they have a copy of.
    pub filename: Option<String>,
}

/// What a press has come to.
#[derive(Clone, Debug)]
pub struct Pressed {
    /// Their note from now on.
    pub mine: MyNote,
    /// The notebooks that they asked for help with before and do now.
    pub filenames: BTreeSet<String>,
    /// Their open ticket and its notebook, when it may be found out what it is about.
    pub ticket: Option<(i64, String)>,
    /// Who was attended, when a helper had the ticket that they ended as done.
    pub attended: Option<Attended>,
}

/// The help queue of the class.
pub struct HelpDesk {
    store: Arc<dyn HelpStore>,
    state: Mutex<DeskState>,
    /// Locked while something is decided and kept, so that nothing comes in between.
    writing: Mutex<()>,
    newest: watch::Sender<i64>,
    announcements: Announcements,
}

struct DeskState {
    machine: HelpMachine,
    /// Tickets whose owner is no longer at the error that they were made with.
    seems_solved: BTreeSet<i64>,
    /// How often it was found out what a ticket is about.
    placings: BTreeMap<i64, u32>,
    /// What was told last: of the class, and of each participant with a note.
    queue: HelpQueue,
    mine: BTreeMap<String, MyNote>,
    seq: i64,
    /// The change that concerned everyone last, and each participant.
    changed: i64,
    changed_of: BTreeMap<String, i64>,
}

impl HelpDesk {
    /// The desk that is kept at `path`, which is made when it is not there; `announcements` tell
    /// whom a change concerns.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(path: &Path, announcements: Announcements) -> anyhow::Result<Arc<Self>> {
        let store = Arc::new(SqliteHelp::open(path)?);
        Ok(Arc::new(Self::of(store, announcements, time::now_ms())?))
    }

    /// The desk kept in `store`, of a service that starts at `now_ms`.
    pub(super) fn of(
        store: Arc<dyn HelpStore>,
        announcements: Announcements,
        now_ms: i64,
    ) -> Result<Self, HelpError> {
        let mut machine = HelpMachine::default();
        // What is older belongs to tickets that have ended by now.
        for event in store.since(now_ms - 2 * CLASS_MS)? {
            machine.apply(event);
        }
        let seq = now_ms * 1_000;
        let mut state = DeskState {
            machine,
            seems_solved: BTreeSet::new(),
            placings: BTreeMap::new(),
            queue: HelpQueue::default(),
            mine: BTreeMap::new(),
            seq,
            changed: seq,
            changed_of: BTreeMap::new(),
        };
        state.refresh(now_ms);
        let newest = watch::Sender::new(state.seq);
        Ok(Self {
            store,
            state: Mutex::new(state),
            writing: Mutex::default(),
            newest,
            announcements,
        })
    }

    /// A participant takes another note; it is on the disk when this returns.
    ///
    /// # Errors
    /// When it is not kept, or they have changed it too often.
    pub fn press(&self, press: &Press, now_ms: i64) -> Result<Pressed, HelpError> {
        let open = || {
            let state = self.state.lock();
            let open = state.machine.open_of(&press.user);
            open.map(|(id, filename)| (id, filename.map(str::to_owned)))
        };
        let before = open();
        self.change(now_ms, |machine| {
            machine.press(
                &Wish {
                    user: &press.user,
                    note: press.note,
                    text: press.text.as_deref(),
                    paused: press.paused,
                    filename: press.filename.as_deref(),
                },
                now_ms,
            )
        })?;
        let after = open();
        let state = self.state.lock();
        let ticket = after
            .clone()
            .and_then(|(id, filename)| Some((id, filename?)));
        let ended = before.as_ref().map(|(id, _)| *id);
        Ok(Pressed {
            mine: state.mine(&press.user, now_ms),
            ticket: ticket.filter(|(id, _)| state.may_place(*id)),
            attended: ended.and_then(|id| state.machine.attended(id)),
            filenames: [before, after]
                .into_iter()
                .flatten()
                .filter_map(|(_, filename)| filename)
                .collect(),
        })
    }

    /// Notes what was found out about an open ticket; what was known besides stays. Whether more may
    /// be found out.
    ///
    /// # Errors
    /// When it is not kept.
    pub fn place(&self, ticket: i64, place: TicketPlace, now_ms: i64) -> Result<bool, HelpError> {
        {
            let mut state = self.state.lock();
            if !state.may_place(ticket) {
                return Ok(false);
            }
            *state.placings.entry(ticket).or_default() += 1;
        }
        self.change(now_ms, |machine| Ok(machine.placed(ticket, place)))?;
        Ok(self.state.lock().may_place(ticket))
    }

    /// `helper` takes a ticket, or says again that they have it.
    ///
    /// # Errors
    /// When that is not kept, somebody else has it, or there is no such ticket.
    pub fn claim(&self, ticket: i64, helper: &str, now_ms: i64) -> Result<HelpTicket, HelpError> {
        self.change(now_ms, |machine| machine.claim(ticket, helper, now_ms))?;
        self.shown(ticket, now_ms)
    }

    /// `helper` takes those of several tickets that nobody else has: those with these numbers, and
    /// those that wait with this error.
    ///
    /// # Errors
    /// When that is not kept.
    pub fn claim_some(
        &self,
        ids: &[i64],
        error: Option<&ErrorInCell>,
        helper: &str,
        now_ms: i64,
    ) -> Result<ClaimResponse, HelpError> {
        let mut answer = ClaimResponse::default();
        self.change(now_ms, |machine| {
            let mut tickets = ids.to_vec();
            tickets.extend(error.map_or_else(Vec::new, |it| machine.waiting_with(it, now_ms)));
            let mut known = BTreeSet::new();
            tickets.retain(|id| known.insert(*id));
            let (events, claimed, held) = machine.claim_some(&tickets, helper, now_ms);
            answer = ClaimResponse { claimed, held };
            Ok(events)
        })?;
        Ok(answer)
    }

    /// `helper` gives a ticket back.
    ///
    /// # Errors
    /// When that is not kept, or they do not have it.
    pub fn release(&self, ticket: i64, helper: &str, now_ms: i64) -> Result<HelpTicket, HelpError> {
        self.change(now_ms, |machine| machine.release(ticket, helper, now_ms))?;
        self.shown(ticket, now_ms)
    }

    /// A helper was there: the ticket is over.
    ///
    /// # Errors
    /// When that is not kept, or there is no such ticket.
    pub fn help(&self, ticket: i64, by: &str, now_ms: i64) -> Result<Option<Attended>, HelpError> {
        self.change(now_ms, |machine| machine.help(ticket, by))?;
        Ok(self.state.lock().machine.attended(ticket))
    }

    /// The same of whatever ticket somebody has at a notebook; none is none.
    ///
    /// # Errors
    /// When that is not kept.
    pub fn help_at(
        &self,
        user: &str,
        filename: &str,
        by: &str,
        now_ms: i64,
    ) -> Result<(), HelpError> {
        self.change(now_ms, |machine| match machine.open_at(user, filename) {
            Some(ticket) => machine.help(ticket, by),
            None => Ok(Vec::new()),
        })
        .map(drop)
    }

    /// Takes back that `by` has ended a ticket or given it back.
    ///
    /// # Errors
    /// When that is not kept, or there is nothing that they may undo.
    pub fn undo(&self, ticket: i64, by: &str, now_ms: i64) -> Result<HelpTicket, HelpError> {
        self.change(now_ms, |machine| machine.undo(ticket, by, now_ms))?;
        self.shown(ticket, now_ms)
    }

    /// Asks the class whether it is done, in the place of whatever was asked before.
    ///
    /// # Errors
    /// When that is not kept.
    pub fn begin_round(
        &self,
        by: &str,
        filename: Option<String>,
        now_ms: i64,
    ) -> Result<DoneRound, HelpError> {
        let by = by.to_owned();
        self.change(now_ms, |_| {
            Ok(vec![of_class(HelpDeed::RoundBegun { by, filename })])
        })?;
        let round = self.queue(now_ms).round;
        round.ok_or_else(|| HelpError::Engine("the round was ended meanwhile".to_owned()))
    }

    /// The class is no longer asked.
    ///
    /// # Errors
    /// When that is not kept.
    pub fn end_round(&self, by: &str, now_ms: i64) -> Result<(), HelpError> {
        if self.queue(now_ms).round.is_none() {
            return Ok(());
        }
        let by = by.to_owned();
        self.change(now_ms, |_| Ok(vec![of_class(HelpDeed::RoundEnded { by })]))
            .map(drop)
    }

    /// Forgets a participant.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn forget(&self, user: &str, now_ms: i64) -> Result<(), HelpError> {
        let _writing = self.writing.lock();
        self.store.forget(user)?;
        self.state.lock().machine.forget(user);
        self.tell(now_ms);
        Ok(())
    }

    /// What a participant is told of themselves.
    #[must_use]
    pub fn mine(&self, user: &str, now_ms: i64) -> MyNote {
        self.state.lock().mine(user, now_ms)
    }

    /// Whether that has changed after a number.
    #[must_use]
    pub fn has_news(&self, user: &str, after: i64) -> bool {
        let state = self.state.lock();
        let of_user = state.changed_of.get(user).copied().unwrap_or(0);
        after > state.seq || state.changed.max(of_user) > after
    }

    /// The number of the newest change; a reader waits here for the next.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// What who sees everyone is told.
    #[must_use]
    pub fn queue(&self, now_ms: i64) -> HelpQueue {
        self.state.lock().queue_at(now_ms)
    }

    /// Who asks for someone at a notebook, and since when.
    #[must_use]
    pub fn asking(&self, filename: &str) -> BTreeMap<String, i64> {
        self.state.lock().machine.asking(filename)
    }

    /// Takes note of the error that each is at in a notebook.
    pub fn note_errors<'a>(
        &self,
        filename: &str,
        errors: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
        now_ms: i64,
    ) {
        {
            let mut state = self.state.lock();
            let tickets = state.machine.with_error(filename);
            if tickets.is_empty() {
                return;
            }
            let errors: BTreeMap<&str, Option<&str>> = errors.into_iter().collect();
            let (mut solved, mut unsolved) = (Vec::new(), Vec::new());
            for (id, user, signature) in tickets {
                match errors.get(user) {
                    Some(now) if *now == Some(signature) => unsolved.push(id),
                    Some(_) => solved.push(id),
                    None => {}
                }
            }
            state.seems_solved.extend(solved);
            state.seems_solved.retain(|id| !unsolved.contains(id));
        }
        self.tell(now_ms);
    }

    /// Notes that time passes, until the service ends: a helper's time with a ticket runs out, and
    /// what is of an earlier class goes.
    pub async fn keep_time(self: Arc<Self>, ending: CancellationToken) {
        let mut ticks = interval(TICK);
        let mut clock = DoubtedClock::new(Instant::now(), time::now_ms());
        for tick in 1_u64.. {
            tokio::select! {
                _ = ticks.tick() => {}
                () = ending.cancelled() => return,
            }
            let now_ms = time::now_ms();
            let is_sure = clock.is_sure(Instant::now(), now_ms);
            let tidies = tick % TIDY_TICKS == 0 && is_sure;
            if !tidies && self.state.lock().machine.is_idle() {
                continue;
            }
            let desk = Arc::clone(&self);
            let ticked = spawn_blocking(move || {
                desk.tick(now_ms, is_sure)?;
                match tidies {
                    true => desk.store.tidy(now_ms - MAX_AGE_MS),
                    false => Ok(()),
                }
            });
            match ticked.await {
                Ok(Err(error)) => tracing::warn!(%error, "old tickets stay open"),
                Ok(Ok(())) => {}
                // A fault, which the panic's own line says.
                Err(_) => return,
            }
        }
    }

    /// Time has passed; while the clock is not believed, nothing ends by it.
    pub(super) fn tick(&self, now_ms: i64, is_sure: bool) -> Result<(), HelpError> {
        if is_sure {
            self.change(now_ms, |machine| Ok(machine.expire(now_ms)))?;
            self.state.lock().tidy(now_ms);
        }
        self.tell(now_ms);
        Ok(())
    }

    /// Keeps what `decide` says, then has it happen and tells of it; how many events that were.
    fn change(
        &self,
        now_ms: i64,
        decide: impl FnOnce(&HelpMachine) -> Result<Vec<HelpEvent>, HelpRefusal>,
    ) -> Result<usize, HelpError> {
        let _writing = self.writing.lock();
        let events = decide(&self.state.lock().machine)?;
        if events.is_empty() {
            return Ok(0);
        }
        let ids = self.store.append(now_ms, &events)?;
        let count = events.len();
        {
            let mut state = self.state.lock();
            for (id, event) in ids.into_iter().zip(events) {
                state.machine.apply(StoredHelpEvent {
                    id,
                    at_ms: now_ms,
                    event,
                });
            }
        }
        self.tell(now_ms);
        Ok(count)
    }

    /// Tells whom it concerns, when something is not as it was told last.
    fn tell(&self, now_ms: i64) {
        let (recipients, seq) = {
            let mut state = self.state.lock();
            let recipients = state.refresh(now_ms);
            (recipients, state.seq)
        };
        let Some(recipients) = recipients else {
            return;
        };
        self.newest.send_if_modified(|newest| {
            let is_new = seq > *newest;
            *newest = seq.max(*newest);
            is_new
        });
        self.announcements.send(recipients, HELP_KIND, &());
    }

    fn shown(&self, ticket: i64, now_ms: i64) -> Result<HelpTicket, HelpError> {
        let mut open = self.queue(now_ms).tickets.into_iter();
        let shown = open.find(|it| it.id == ticket);
        Ok(shown.ok_or(HelpRefusal::NoTicket(ticket))?)
    }
}

impl DeskState {
    fn mine(&self, user: &str, now_ms: i64) -> MyNote {
        MyNote {
            cursor: self.seq,
            ..self.machine.mine(user, now_ms)
        }
    }

    fn queue_at(&self, now_ms: i64) -> HelpQueue {
        let seems_solved = |id: i64| self.seems_solved.contains(&id);
        self.machine.queue(now_ms, seems_solved)
    }

    fn tidy(&mut self, now_ms: i64) {
        self.machine.tidy(now_ms);
        let open: BTreeSet<i64> = self.queue.tickets.iter().map(|it| it.id).collect();
        self.seems_solved.retain(|id| open.contains(id));
        self.placings.retain(|id, _| open.contains(id));
    }

    fn may_place(&self, ticket: i64) -> bool {
        let placings = self.placings.get(&ticket).copied().unwrap_or_default();
        self.machine.is_open(ticket) && placings < MAX_PLACINGS
    }

    /// Compares what is there with what was told last; whom the difference concerns.
    fn refresh(&mut self, now_ms: i64) -> Option<Recipients> {
        let waiting = self.machine.waiting(now_ms);
        let mine: BTreeMap<String, MyNote> = self
            .machine
            .people()
            .map(|user| {
                let note = self.machine.mine_among(user, &waiting, now_ms);
                let untimed = MyNote { now_ms: 0, ..note };
                (user.to_owned(), untimed)
            })
            .collect();
        let queue = HelpQueue {
            now_ms: 0,
            ..self.queue_at(now_ms)
        };
        let known = self.mine.keys().chain(mine.keys());
        let concerned: BTreeSet<String> = known
            .filter(|user| self.mine.get(*user) != mine.get(*user))
            .cloned()
            .collect();
        let asked = |queue: &HelpQueue| queue.round.as_ref().map(|round| round.id);
        let concerns_all = asked(&self.queue) != asked(&queue);
        if concerned.is_empty() && self.queue == queue {
            return None;
        }
        self.seq += 1;
        let seq = self.seq;
        self.changed_of
            .extend(concerned.iter().map(|user| (user.clone(), seq)));
        self.mine = mine;
        self.queue = queue;
        if concerns_all {
            self.changed = seq;
            return Some(Recipients::Everyone);
        }
        Some(Recipients::MaySeeAny(concerned))
    }
}

fn of_class(deed: HelpDeed) -> HelpEvent {
    HelpEvent {
        user: String::new(),
        deed,
    }
}

#[cfg(test)]
mod tests;
