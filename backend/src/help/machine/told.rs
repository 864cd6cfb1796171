//! What the machine says of a time: to a participant of themselves, and to who sees everyone.

use shared::help::{
    DoneRound, EndedTicket, HELP_LEASE_MS, HelpQueue, HelpTicket, MyNote, MyRound, MyTicket,
    NoteKind, TicketState,
};

use super::{
    super::order::{self, Waiting},
    HelpMachine, Round,
    ticket::{Stage, is_of_class, is_recent},
};

impl HelpMachine {
    /// What a participant is told; `cursor` is left to whoever sends it.
    pub(in crate::help) fn mine(&self, user: &str, now_ms: i64) -> MyNote {
        let waiting = self.waiting(now_ms);
        self.mine_among(user, &waiting, now_ms)
    }

    /// The same when it is known who waits.
    pub(in crate::help) fn mine_among(
        &self,
        user: &str,
        waiting: &[Waiting],
        now_ms: i64,
    ) -> MyNote {
        let ticket = self.open.get(user).map(|id| {
            let ticket = &self.tickets[id];
            MyTicket {
                id: *id,
                text: ticket.text.clone(),
                asked_ms: ticket.asked_ms,
                state: ticket.state(now_ms),
                place: waiting.iter().position(|it| it.id == *id).map(|at| at + 1),
                helper: ticket.holder(now_ms).map(str::to_owned),
            }
        });
        let note = match ticket {
            Some(_) => Some(NoteKind::Help),
            None => self.has_done(user, now_ms).then_some(NoteKind::Done),
        };
        MyNote {
            now_ms,
            cursor: 0,
            round: self.round_at(now_ms).map(|round| MyRound {
                id: round.id,
                asked_ms: round.asked_ms,
                filename: round.filename.clone(),
                answered: note.is_some(),
            }),
            note,
            ticket,
            waiting: waiting.len(),
        }
    }

    /// What who sees everyone is told; `seems_solved` says what was found out about a ticket.
    pub(in crate::help) fn queue(
        &self,
        now_ms: i64,
        seems_solved: impl Fn(i64) -> bool,
    ) -> HelpQueue {
        let waiting = self.waiting(now_ms);
        let mut others: Vec<(bool, i64, i64)> = self
            .open
            .values()
            .map(|id| (id, &self.tickets[id]))
            .filter(|(_, it)| it.state(now_ms) != TicketState::Waiting)
            .map(|(id, it)| (it.stage == Stage::Paused, it.asked_ms, *id))
            .collect();
        others.sort_unstable();
        let order = waiting.iter().map(|it| it.id);
        let order = order.chain(others.into_iter().map(|(_, _, id)| id));
        let tickets = order.map(|id| self.shown(id, now_ms, seems_solved(id)));
        let done: Vec<String> = self
            .done
            .keys()
            .filter(|user| self.has_done(user, now_ms))
            .cloned()
            .collect();
        let tickets: Vec<HelpTicket> = tickets.collect();
        HelpQueue {
            now_ms,
            recent: self.recent(now_ms),
            waiting: waiting.len(),
            round: self.round_at(now_ms).map(|round| DoneRound {
                id: round.id,
                asked_ms: round.asked_ms,
                by: round.by.clone(),
                filename: round.filename.clone(),
                done: done.clone(),
                help: self.open.keys().cloned().collect(),
            }),
            done,
            tickets,
        }
    }

    /// An open ticket as it is shown.
    pub(in crate::help) fn shown(&self, id: i64, now_ms: i64, seems_solved: bool) -> HelpTicket {
        let ticket = &self.tickets[&id];
        let helper = ticket.holder(now_ms).map(str::to_owned);
        HelpTicket {
            id,
            user: ticket.user.clone(),
            filename: ticket.filename.clone(),
            version: ticket.place.version,
            cell: ticket.place.cell.clone(),
            error: ticket.place.error.clone(),
            text: ticket.text.clone(),
            asked_ms: ticket.asked_ms,
            state: ticket.state(now_ms),
            lease_until_ms: match &ticket.stage {
                Stage::Claimed { at_ms, .. } if helper.is_some() => Some(at_ms + HELP_LEASE_MS),
                _ => None,
            },
            helper,
            was_with: ticket.was_with(now_ms).map(str::to_owned),
            helped_today: self.helped_lately(&ticket.user, now_ms),
            seems_solved,
        }
    }

    fn recent(&self, now_ms: i64) -> Vec<EndedTicket> {
        let ended = self.tickets.iter().filter_map(|(id, it)| match &it.stage {
            Stage::Ended { end, by, at_ms, .. } => Some(EndedTicket {
                id: *id,
                user: it.user.clone(),
                end: *end,
                by: by.clone(),
                ended_ms: *at_ms,
            }),
            _ => None,
        });
        let mut ended: Vec<EndedTicket> =
            ended.filter(|it| is_recent(it.ended_ms, now_ms)).collect();
        ended.sort_unstable_by_key(|it| (-it.ended_ms, it.id));
        ended
    }

    /// Who waits, in order.
    pub(in crate::help) fn waiting(&self, now_ms: i64) -> Vec<Waiting> {
        let open = self
            .open
            .iter()
            .map(|(user, id)| (user, *id, &self.tickets[id]));
        let mut waiting: Vec<Waiting> = open
            .filter(|(_, _, it)| it.state(now_ms) == TicketState::Waiting)
            .map(|(user, id, it)| Waiting {
                id,
                asked_ms: it.asked_ms,
                helped: self.helped_lately(user, now_ms),
                is_returned: it.was_with(now_ms).is_some(),
            })
            .collect();
        order::sort(&mut waiting, now_ms);
        waiting
    }

    fn helped_lately(&self, user: &str, now_ms: i64) -> usize {
        let times = self.helped.get(user).into_iter().flatten();
        times.filter(|at_ms| is_of_class(**at_ms, now_ms)).count()
    }

    pub(super) fn has_done(&self, user: &str, now_ms: i64) -> bool {
        let since_ms = self.done.get(user);
        since_ms.is_some_and(|at_ms| is_of_class(*at_ms, now_ms))
    }

    fn round_at(&self, now_ms: i64) -> Option<&Round> {
        let round = self.round.as_ref();
        round.filter(|round| is_of_class(round.asked_ms, now_ms))
    }
}
