//! Whatever is pressed in whatever order, by a clock that jumps: no ticket has two helpers, none is
//! lost, nobody has two.

use proptest::prelude::*;

use shared::help::{HELP_LEASE_MS, HelpQueue, TicketState};

use super::{ticket::CLOCK_SLACK_MS, *};
use crate::help::CLASS_MS;

const MINUTE_MS: i64 = 60_000;
const USERS: [&str; 3] = ["ana", "cy", "dora"];
const HELPERS: [&str; 2] = ["bo", "eva"];

/// A machine with all that it was told, as a store keeps it.
#[derive(Default)]
struct KeptMachine {
    machine: HelpMachine,
    events: Vec<StoredHelpEvent>,
}

impl KeptMachine {
    fn keep(&mut self, events: Vec<HelpEvent>, at_ms: i64) {
        for event in events {
            let id = self.events.len() as i64 + 1;
            let stored = StoredHelpEvent { id, at_ms, event };
            self.events.push(stored.clone());
            self.machine.apply(stored);
        }
    }

    fn press(&mut self, user: &str, note: Option<NoteKind>, now_ms: i64) {
        let wish = Wish {
            user,
            note,
            ..Wish::default()
        };
        let events = self.machine.press(&wish, now_ms).unwrap();
        self.keep(events, now_ms);
    }

    fn ask(&mut self, user: &str, now_ms: i64) -> i64 {
        self.press(user, Some(NoteKind::Help), now_ms);
        self.machine.open[user]
    }

    fn claim(&mut self, ticket: i64, helper: &str, now_ms: i64) -> Result<(), HelpRefusal> {
        let events = self.machine.claim(ticket, helper, now_ms)?;
        self.keep(events, now_ms);
        Ok(())
    }

    fn undo(&mut self, ticket: i64, by: &str, now_ms: i64) -> Result<(), HelpRefusal> {
        let events = self.machine.undo(ticket, by, now_ms)?;
        self.keep(events, now_ms);
        Ok(())
    }

    fn help(&mut self, ticket: i64, by: &str, now_ms: i64) -> Result<(), HelpRefusal> {
        let events = self.machine.help(ticket, by)?;
        self.keep(events, now_ms);
        Ok(())
    }

    fn queue(&self, now_ms: i64) -> HelpQueue {
        self.machine.queue(now_ms, |_| false)
    }

    fn replayed(&self) -> HelpMachine {
        let mut machine = HelpMachine::default();
        for event in &self.events {
            machine.apply(event.clone());
        }
        machine
    }
}

#[test]
fn a_ticket_goes_from_the_press_to_the_help() {
    let mut kept = KeptMachine::default();
    let ana = kept.ask("ana", 0);
    let cy = kept.ask("cy", 1_000);
    assert_eq!(
        kept.machine.mine("cy", 2_000).ticket.unwrap().place,
        Some(2)
    );
    kept.claim(ana, "bo", 2_000).unwrap();
    let held = HelpRefusal::Held {
        user: "ana".to_owned(),
        helper: "bo".to_owned(),
    };
    assert_eq!(kept.claim(ana, "eva", 3_000), Err(held));
    let mine = kept.machine.mine("ana", 3_000).ticket.unwrap();
    assert_eq!((mine.place, mine.helper.as_deref()), (None, Some("bo")));
    assert_eq!(
        kept.machine.mine("cy", 3_000).ticket.unwrap().place,
        Some(1)
    );

    kept.help(ana, "bo", 4_000).unwrap();
    let queue = kept.queue(4_000);
    assert_eq!((queue.tickets.len(), queue.recent[0].id), (1, ana));
    assert_eq!(kept.machine.attended(ana).unwrap().user, "ana");
    // Who was helped comes after who was not.
    let again = kept.ask("ana", 5_000);
    let dora = kept.ask("dora", 6_000);
    let order: Vec<i64> = kept.queue(7_000).tickets.iter().map(|it| it.id).collect();
    assert_eq!(order, [cy, dora, again]);
    assert_eq!(kept.queue(7_000).tickets[2].helped_today, 1);
}

#[test]
fn a_helper_who_does_not_come_back_loses_the_ticket() {
    let mut kept = KeptMachine::default();
    let ana = kept.ask("ana", 0);
    kept.ask("cy", 0);
    kept.claim(ana, "bo", 0).unwrap();
    // Saying so again makes it longer, and is not kept when it was said just now.
    let noted = kept.events.len();
    kept.claim(ana, "bo", 30_000).unwrap();
    assert_eq!(kept.events.len(), noted);
    kept.claim(ana, "bo", 4 * MINUTE_MS).unwrap();
    assert_eq!(
        kept.queue(8 * MINUTE_MS).tickets[1].helper.as_deref(),
        Some("bo")
    );
    let queue = kept.queue(9 * MINUTE_MS);
    let first = &queue.tickets[0];
    assert_eq!((first.id, first.was_with.as_deref()), (ana, Some("bo")));
    assert_eq!((first.state, queue.waiting), (TicketState::Waiting, 2));
    kept.claim(ana, "eva", 9 * MINUTE_MS).unwrap();
    assert!(kept.claim(ana, "bo", 9 * MINUTE_MS).is_err());
}

#[test]
fn asking_again_keeps_the_place_and_so_does_a_mistake() {
    let mut kept = KeptMachine::default();
    let ana = kept.ask("ana", 0);
    kept.ask("cy", 1_000);
    let wish = Wish {
        user: "ana",
        note: Some(NoteKind::Help),
        text: Some("it is red"),
        paused: true,
        ..Wish::default()
    };
    let events = kept.machine.press(&wish, 2_000).unwrap();
    kept.keep(events, 2_000);
    let mine = kept.machine.mine("ana", 2_000).ticket.unwrap();
    assert_eq!((mine.id, mine.state), (ana, TicketState::Paused));
    assert_eq!((mine.asked_ms, &*mine.text), (0, "it is red"));
    assert!(matches!(
        kept.claim(ana, "bo", 2_000),
        Err(HelpRefusal::Paused(_))
    ));
    assert_eq!(kept.ask("ana", 3_000), ana);
    assert_eq!(
        kept.machine.mine("ana", 3_000).ticket.unwrap().place,
        Some(1)
    );

    kept.press("ana", None, 4_000);
    assert_eq!(kept.machine.mine("ana", 4_000).note, None);
    assert_eq!(kept.ask("ana", 5_000), ana, "the one that was taken back");
    let mine = kept.machine.mine("ana", 5_000).ticket.unwrap();
    assert_eq!((mine.place, mine.asked_ms), (Some(1), 0));
    kept.press("ana", None, 6_000);
    assert_ne!(kept.ask("ana", 60_000), ana);
}

#[test]
fn what_a_helper_did_is_undone_for_twenty_seconds() {
    let mut kept = KeptMachine::default();
    let ana = kept.ask("ana", 0);
    kept.claim(ana, "bo", 0).unwrap();
    kept.help(ana, "bo", 1_000).unwrap();
    assert_eq!(kept.undo(ana, "eva", 2_000), Err(HelpRefusal::TooLate));
    assert_eq!(kept.undo(ana, "bo", 22_000), Err(HelpRefusal::TooLate));
    kept.undo(ana, "bo", 21_000).unwrap();
    let ticket = &kept.queue(21_000).tickets[0];
    assert_eq!(
        (ticket.helper.as_deref(), ticket.helped_today),
        (Some("bo"), 0)
    );

    let events = kept.machine.release(ana, "bo", 22_000).unwrap();
    kept.keep(events, 22_000);
    assert_eq!(kept.queue(22_000).waiting, 1);
    kept.undo(ana, "bo", 23_000).unwrap();
    assert_eq!(kept.queue(23_000).waiting, 0);
    kept.help(ana, "bo", 24_000).unwrap();
    kept.ask("ana", 25_000);
    let refused = kept.undo(ana, "bo", 26_000);
    assert_eq!(refused, Err(HelpRefusal::AskedAnew("ana".to_owned())));
}

#[test]
fn a_round_clears_the_notes_of_before_and_is_answered_by_either() {
    let mut kept = KeptMachine::default();
    kept.press("ana", Some(NoteKind::Done), 0);
    let round = HelpDeed::RoundBegun {
        by: "bo".to_owned(),
        filename: None,
    };
    kept.keep(vec![of("", round)], 1_000);
    assert!(!kept.machine.mine("ana", 1_000).round.unwrap().answered);
    kept.press("ana", Some(NoteKind::Done), 2_000);
    let cy = kept.ask("cy", 2_000);
    for user in ["ana", "cy"] {
        assert!(kept.machine.mine(user, 3_000).round.unwrap().answered);
    }
    let queue = kept.queue(3_000);
    let round = queue.round.unwrap();
    assert_eq!(
        (round.done, round.help),
        (vec!["ana".into()], vec!["cy".into()])
    );
    // Who is done no longer needs anybody.
    kept.press("cy", Some(NoteKind::Done), 4_000);
    let queue = kept.queue(4_000);
    assert_eq!((queue.tickets.len(), queue.recent[0].id), (0, cy));
    assert_eq!(queue.recent[0].end, TicketEnd::Solved);
    assert_eq!(queue.done, ["ana", "cy"]);
    let attended = kept.machine.attended(cy);
    assert_eq!(attended, None, "nobody was there");
}

#[test]
fn what_is_of_an_earlier_class_goes_and_nobody_presses_without_end() {
    let mut kept = KeptMachine::default();
    kept.press("cy", Some(NoteKind::Done), 0);
    let ana = kept.ask("ana", 0);
    assert_eq!(kept.machine.expire(CLASS_MS - 1), []);
    let expired = kept.machine.expire(CLASS_MS);
    kept.keep(expired, CLASS_MS);
    assert!(kept.queue(CLASS_MS).tickets.is_empty());
    assert_eq!(kept.queue(CLASS_MS).recent[0].id, ana);
    kept.machine.tidy(CLASS_MS + MINUTE_MS);
    assert!(kept.machine.is_idle());

    let mut refused = 0;
    for at in 0..2 * MAX_PRESSES {
        let wish = Wish {
            user: "dora",
            note: (at % 2 == 0).then_some(NoteKind::Done),
            ..Wish::default()
        };
        let now_ms = 2 * CLASS_MS + at as i64 * 1_000;
        match kept.machine.press(&wish, now_ms) {
            Ok(events) => kept.keep(events, now_ms),
            Err(error) => {
                assert_eq!(error, HelpRefusal::TooOften("dora".to_owned()));
                refused += 1;
            }
        }
    }
    // What she could take back is not there, either.
    assert_eq!(refused, MAX_PRESSES / 2);
    assert_eq!(kept.machine.presses["dora"].len(), MAX_PRESSES);
}

/// What somebody does.
#[derive(Clone, Debug)]
enum HelpStep {
    Press(usize, Option<NoteKind>, bool),
    Claim(usize, usize),
    Release(usize, usize),
    Help(usize, usize),
    Undo(usize, usize),
    Round,
    Expire,
}

fn step() -> impl Strategy<Value = HelpStep> {
    let note = prop_oneof![
        3 => Just(Some(NoteKind::Help)),
        1 => Just(Some(NoteKind::Done)),
        1 => Just(None),
    ];
    prop_oneof![
        4 => (0..USERS.len(), note, prop::bool::weighted(0.2))
            .prop_map(|(user, note, paused)| HelpStep::Press(user, note, paused)),
        4 => (0..USERS.len(), 0..HELPERS.len()).prop_map(|(user, by)| HelpStep::Claim(user, by)),
        1 => (0..USERS.len(), 0..HELPERS.len()).prop_map(|(user, by)| HelpStep::Release(user, by)),
        2 => (0..USERS.len(), 0..HELPERS.len()).prop_map(|(user, by)| HelpStep::Help(user, by)),
        2 => (0..USERS.len(), 0..HELPERS.len()).prop_map(|(user, by)| HelpStep::Undo(user, by)),
        1 => Just(HelpStep::Round),
        1 => Just(HelpStep::Expire),
    ]
}

/// How far the clock goes on, which may be back.
fn passing() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 0..30_000_i64,
        3 => 0..6 * MINUTE_MS,
        1 => -30_000..0_i64,
        1 => -90 * MINUTE_MS..0_i64,
        1 => 0..2 * CLASS_MS,
    ]
}

proptest! {
    #[test]
    fn no_ticket_has_two_helpers_none_is_lost_and_nobody_has_two(
        steps in prop::collection::vec((step(), passing()), 0..80),
    ) {
        let mut kept = KeptMachine::default();
        let mut now_ms = 1_700_000_000_000;
        // Who was told that they have a ticket, and when.
        let mut holders: BTreeMap<i64, (&str, i64)> = BTreeMap::new();
        // Who was told that their ticket is open.
        let mut asking: BTreeMap<&str, i64> = BTreeMap::new();
        let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
        for (step, passed_ms) in steps {
            now_ms += passed_ms;
            match step {
                HelpStep::Press(user, note, paused) => {
                    let user = USERS[user];
                    let wish = Wish { user, note, paused, ..Wish::default() };
                    let events = kept.machine.press(&wish, now_ms).unwrap();
                    kept.keep(events, now_ms);
                    let open = kept.machine.mine(user, now_ms).ticket.map(|it| it.id);
                    prop_assert_eq!(open.is_some(), note == Some(NoteKind::Help));
                    if let (Some(before), Some(open)) = (asking.get(user), open) {
                        prop_assert_eq!(*before, open, "it keeps its place");
                    }
                    match open {
                        Some(open) => {
                            // Whoever takes a ticket back by mistake keeps their helper.
                            let helper = kept.machine.shown(open, now_ms, false).helper;
                            let helper = HELPERS.into_iter().find(|it| helper.as_deref() == Some(*it));
                            if let (Some(helper), false) = (helper, asking.contains_key(user)) {
                                holders.insert(open, (helper, now_ms));
                            }
                            asking.insert(user, open);
                            newest.insert(user, open);
                        }
                        None => drop(asking.remove(user)),
                    }
                    if paused || open.is_none() {
                        holders.retain(|id, _| newest.get(user) != Some(id));
                    }
                }
                HelpStep::Claim(user, by) => {
                    let (Some(&id), by) = (newest.get(USERS[user]), HELPERS[by]) else { continue };
                    if kept.claim(id, by, now_ms).is_ok() {
                        if let Some((holder, at_ms)) = holders.get(&id) {
                            let has_lapsed = now_ms >= at_ms + HELP_LEASE_MS
                                || now_ms <= at_ms - CLOCK_SLACK_MS;
                            prop_assert!(*holder == by || has_lapsed, "{holder} and {by}");
                        }
                        let is_renewed = kept.events.last().is_some_and(|it| {
                            it.at_ms == now_ms
                                && matches!(it.event.deed, HelpDeed::Claimed { ticket, .. } if ticket == id)
                        });
                        if is_renewed {
                            holders.insert(id, (by, now_ms));
                        }
                    }
                }
                HelpStep::Release(user, by) => {
                    let (Some(&id), by) = (newest.get(USERS[user]), HELPERS[by]) else { continue };
                    if let Ok(events) = kept.machine.release(id, by, now_ms) {
                        prop_assert_eq!(holders.remove(&id).map(|it| it.0), Some(by));
                        kept.keep(events, now_ms);
                    }
                }
                HelpStep::Help(user, by) => {
                    let Some(&id) = newest.get(USERS[user]) else { continue };
                    if kept.help(id, HELPERS[by], now_ms).is_ok() {
                        holders.remove(&id);
                        asking.remove(USERS[user]);
                    }
                }
                HelpStep::Undo(user, by) => {
                    let Some(&id) = newest.get(USERS[user]) else { continue };
                    if kept.undo(id, HELPERS[by], now_ms).is_ok() {
                        asking.insert(USERS[user], id);
                        let shown = kept.machine.shown(id, now_ms, false);
                        if let Some(helper) = shown.helper {
                            let helper = HELPERS.into_iter().find(|it| *it == helper).unwrap();
                            holders.insert(id, (helper, now_ms));
                        }
                    }
                }
                HelpStep::Round => {
                    let begun = HelpDeed::RoundBegun { by: "bo".to_owned(), filename: None };
                    kept.keep(vec![of("", begun)], now_ms);
                }
                HelpStep::Expire => {
                    let expired = kept.machine.expire(now_ms);
                    for event in &expired {
                        let user = USERS.into_iter().find(|it| *it == event.user).unwrap();
                        holders.retain(|id, _| newest.get(user) != Some(id));
                        asking.remove(user);
                    }
                    kept.keep(expired, now_ms);
                }
            }
            let queue = kept.queue(now_ms);
            let shown: BTreeMap<&str, i64> =
                queue.tickets.iter().map(|it| (&*it.user, it.id)).collect();
            prop_assert_eq!(shown.len(), queue.tickets.len(), "one a person");
            prop_assert_eq!(&shown, &asking, "none is lost");
            for ticket in &queue.tickets {
                if let Some(helper) = &ticket.helper {
                    let holder = holders.get(&ticket.id).map(|it| it.0);
                    prop_assert_eq!(holder, Some(&**helper));
                    prop_assert!(ticket.lease_until_ms.unwrap() <= now_ms + HELP_LEASE_MS + CLOCK_SLACK_MS);
                }
            }
            // A replay comes to the same, but for what was tidied away before the clock went back.
            let replayed = kept.replayed().queue(now_ms, |_| false);
            let open = |queue: &HelpQueue| -> BTreeMap<i64, (TicketState, Option<String>, i64)> {
                let open = queue.tickets.iter();
                open.map(|it| (it.id, (it.state, it.helper.clone(), it.asked_ms))).collect()
            };
            prop_assert_eq!(open(&replayed), open(&queue));
            // What was tidied away is missed by nobody.
            let before = queue;
            kept.machine.tidy(now_ms);
            prop_assert_eq!(&kept.queue(now_ms), &before);
        }
    }
}
