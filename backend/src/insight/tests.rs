//! A room over a real history: what it comes to live is what a replay comes to.

mod tickets;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde_json::{Value, json};
use shared::{
    errands::HandoutAudience,
    help::NoteKind,
    insight::{HandoutOrigin, InsightResponse, SettledKind},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{
    ExerciseChoice, Settlement, exercise,
    present::PresentCopies,
    room::Room,
    sources::InsightSources,
    sqlite::{Deed, SqliteSettlements, StoredDeed},
};
use crate::{
    class::CopyId,
    copies::Copies,
    errands::{ErrandDesk, HandoutDraft, HandoutSource},
    feed::Announcements,
    help::{HelpDesk, Press},
    history::{CellChanges, NewVersion, SqliteHistory},
    homes::HomesTemplate,
    sharing::Sharing,
    time,
};

const FILENAME: &str = "lesson.ipynb";
const BEGIN_MS: i64 = 1_700_000_000_000;

pub(super) struct Lesson {
    pub(super) sources: InsightSources,
    /// The copies that were deleted.
    deleted: Arc<Mutex<BTreeSet<CopyId>>>,
    _folder: TempDir,
}

impl Lesson {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let homes: HomesTemplate = format!("{}/{{user}}", folder.path().display())
            .parse()
            .unwrap();
        let announcements = Announcements::default();
        let sharing = Sharing::open(&at("sharing.json"), announcements.clone()).unwrap();
        let help = HelpDesk::open(&at("help.sqlite3"), announcements.clone()).unwrap();
        let deleted: Arc<Mutex<BTreeSet<CopyId>>> = Arc::default();
        let present = PresentCopies::default();
        let gone = Arc::clone(&deleted);
        present.ask(move |copy| !gone.lock().contains(copy));
        Self {
            deleted,
            sources: InsightSources {
                history: Arc::new(SqliteHistory::open(&at("history.sqlite3")).unwrap()),
                copies: Copies::from(homes),
                errands: ErrandDesk::open(&at("errands.sqlite3"), 0, announcements).unwrap(),
                sharing: Arc::new(sharing),
                help,
                present: Arc::new(present),
                settlements: settlements(folder.path()),
            },
            _folder: folder,
        }
    }

    pub(super) fn save(&self, user: &str, at_ms: i64, changes: &[(usize, Value)]) {
        self.save_as(FILENAME, user, at_ms, changes);
    }

    fn save_as(&self, filename: &str, user: &str, at_ms: i64, changes: &[(usize, Value)]) {
        let mut cells = vec![
            text("# Tables"),
            code("import pandas as pd", None, None),
            text("## Reading"),
            code("df.head()", None, None),
            text("## Exercise 1"),
            code("def area(width, height):\n    ...", None, None),
            code("area(2, 3)", None, None),
        ];
        for (at, cell) in changes {
            match cells.get_mut(*at) {
                Some(old) => *old = cell.clone(),
                None => cells.push(cell.clone()),
            }
        }
        let notebook = json!({"cells": cells, "metadata": {"language_info": {"name": "python"}},
            "nbformat": 4, "nbformat_minor": 4})
        .to_string();
        let key = CopyId {
            filename: filename.to_owned(),
            user: user.to_owned(),
        };
        let version = NewVersion {
            key: &key,
            saved_at_ms: at_ms,
            noted_at_ms: at_ms,
            cells: cells.len(),
            counts: CellChanges::default(),
            bytes: notebook.as_bytes(),
        };
        self.sources.history.add(&[version]).unwrap();
    }

    fn press(&self, user: &str, asks: bool, at_ms: i64) {
        let press = Press {
            user: user.to_owned(),
            note: asks.then_some(NoteKind::Help),
            filename: Some(FILENAME.to_owned()),
            ..Press::default()
        };
        self.sources.help.press(&press, at_ms).unwrap();
    }

    fn room(&self) -> Room {
        let mut room = Room::new(FILENAME.to_owned());
        room.add_staff(["ines".to_owned()].into());
        room
    }

    /// What a room says that reads everything now, so many versions at a time.
    fn replayed(&self, now_ms: i64, most: usize) -> InsightResponse {
        let mut room = self.room();
        while !room.catch_up(&self.sources, most).unwrap() {}
        room.look(now_ms, &self.sources);
        room.answer()
    }
}

fn settlements(folder: &Path) -> SqliteSettlements {
    SqliteSettlements::open(&folder.join("insight.sqlite3")).unwrap()
}

fn text(source: &str) -> Value {
    json!({"cell_type": "markdown", "metadata": {}, "source": source})
}

fn code(source: &str, count: Option<u32>, error: Option<(&str, &str)>) -> Value {
    let outputs: Vec<Value> = error
        .into_iter()
        .map(|(name, value)| {
            json!({"output_type": "error", "ename": name, "evalue": value,
                "traceback": [format!("Cell In[{}]", count.unwrap_or(0))]})
        })
        .collect();
    json!({"cell_type": "code", "metadata": {}, "source": source, "execution_count": count,
        "outputs": outputs})
}

/// Numbers that look like chance and are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

const NAME_ERROR: Option<(&str, &str)> = Some(("NameError", "name 'df' is not defined"));

#[test]
fn what_is_there_live_is_what_a_replay_comes_to() {
    let (mut had_lane, mut had_asked) = (false, false);
    for seed in 0..4 {
        let lesson = Lesson::new();
        let mut chance = Chance(seed);
        let mut live = lesson.room();
        let mut now_ms = BEGIN_MS;
        let users = ["ana", "bo", "cy", "dora", "ed", "ines"];
        for step in 0..120_u32 {
            now_ms += i64::try_from(chance.below(20_000)).unwrap();
            let user = users[chance.below(6) as usize];
            // Two people's versions may be recorded in another order than they were saved in.
            // Somebody's clock is behind, or what they saved was long on its way.
            let delay_ms = match chance.below(8) {
                0 => 60_000,
                _ => 3_000,
            };
            let at_ms = now_ms - i64::try_from(chance.below(delay_ms)).unwrap();
            let count = Some(step + 1);
            let change = match chance.below(6) {
                0 => vec![(1, code("import pandas as pd", count, None))],
                1 => vec![(
                    5,
                    code(&format!("def area(w, h):\n    return {step}"), count, None),
                )],
                2 => vec![(3, code("df.head(2)", None, None))],
                _ => vec![(3, code("df.head()", count, NAME_ERROR))],
            };
            match chance.below(12) {
                0 => {
                    let copy = CopyId {
                        filename: FILENAME.to_owned(),
                        user: user.to_owned(),
                    };
                    let settled = match chance.below(2) {
                        0 => SettledKind::Helped,
                        _ => SettledKind::Later,
                    };
                    while !live.catch_up(&lesson.sources, 8).unwrap() {}
                    let settlement = Settlement {
                        copy,
                        settled,
                        at_ms: now_ms,
                    };
                    live.settle(&settlement, &lesson.sources).unwrap();
                }
                // Somebody asks for help, whoever that is, or no longer does.
                1 => {
                    let asks = !lesson.sources.help.asking(FILENAME).contains_key(user);
                    lesson.press(user, asks, now_ms);
                    while !live.catch_up(&lesson.sources, 8).unwrap() {}
                }
                _ => lesson.save(user, at_ms, &change),
            }
            lesson.save_as("other.ipynb", user, at_ms, &change);
            // It is followed in turns of any size, and looked at whenever somebody asks.
            if chance.below(3) > 0 {
                while !live
                    .catch_up(&lesson.sources, 1 + step as usize % 4)
                    .unwrap()
                {}
                live.look(now_ms, &lesson.sources);
            }
            if step % 20 == 19 {
                while !live.catch_up(&lesson.sources, 8).unwrap() {}
                live.look(now_ms, &lesson.sources);
                let told = live.answer();
                had_lane |= !told.lane.is_empty();
                had_asked |= told.lane.iter().any(|entry| entry.asked_ms.is_some());
                assert_eq!(told, lesson.replayed(now_ms, 7), "seed {seed}, step {step}");
                assert_eq!(told, lesson.replayed(now_ms, 1_000), "in one turn");
            }
        }
    }
    assert!(had_asked, "somebody has asked");
    assert!(had_lane, "somebody was in the lane");
}

#[test]
fn a_version_that_comes_after_the_class_has_looked_is_replayed_after_that_look() {
    let lesson = Lesson::new();
    for user in ["ana", "bo", "cy"] {
        lesson.save(user, BEGIN_MS, &[]);
    }
    let mut live = lesson.room();
    for run in 1..=2 {
        let at_ms = BEGIN_MS + i64::from(run) * 20_000;
        lesson.save(
            "ana",
            at_ms,
            &[(3, code("df.head()", Some(run), NAME_ERROR))],
        );
    }
    while !live.catch_up(&lesson.sources, 9).unwrap() {}
    // Nothing is saved, and by time alone she comes to need someone.
    let mut now_ms = BEGIN_MS + 40_000;
    while live.answer().lane.is_empty() {
        now_ms += 1_000;
        live.look(now_ms, &lesson.sources);
        assert!(now_ms < BEGIN_MS + 1_200_000, "{:?}", live.answer());
    }
    // What she had saved by then comes late, and another version after it.
    let solved = code("df.head()", Some(3), None);
    lesson.save("ana", now_ms - 20_000, &[(3, solved.clone())]);
    while !live.catch_up(&lesson.sources, 9).unwrap() {}
    live.look(now_ms, &lesson.sources);
    let told = live.answer();
    assert!(told.lane[0].solved_ms.is_some(), "{:?}", told.lane);
    assert_eq!(told, lesson.replayed(now_ms, 9));
    lesson.save("bo", now_ms, &[(3, solved)]);
    while !live.catch_up(&lesson.sources, 9).unwrap() {}
    live.look(now_ms, &lesson.sources);
    assert_eq!(live.answer(), lesson.replayed(now_ms, 9));
}

#[test]
fn the_handout_is_what_is_handed_out_else_the_instructors_else_what_all_have() {
    let lesson = Lesson::new();
    let now_ms = BEGIN_MS + 60_000;
    for (at, user) in ["ana", "bo"].into_iter().enumerate() {
        lesson.save(user, BEGIN_MS + at as i64, &[]);
    }
    assert_eq!(lesson.replayed(now_ms, 9).pace, None, "two say too little");
    // A room that has begun without a handout begins anew with one.
    let mut live = lesson.room();
    assert!(live.catch_up(&lesson.sources, 9).unwrap());
    lesson.save("cy", BEGIN_MS + 10, &[]);
    while !live.catch_up(&lesson.sources, 9).unwrap() {}
    live.look(now_ms, &lesson.sources);
    let pace = live.answer().pace.unwrap();
    assert_eq!(pace.handout, HandoutOrigin::Common);
    assert_eq!((pace.columns.len(), pace.active), (4, 3));
    assert_eq!(pace.columns[2].heading.as_deref(), Some("Exercise 1"));

    // The instructor shows a solution, which is no handout.
    lesson.save("ines", BEGIN_MS + 20, &[]);
    let solution = code(
        "def area(width, height):\n    return width * height",
        Some(1),
        None,
    );
    lesson.save("ines", BEGIN_MS + 30, &[(5, solution)]);
    let answer = lesson.replayed(now_ms, 9);
    let pace = answer.pace.unwrap();
    assert_eq!(pace.handout, HandoutOrigin::Instructor);
    assert!(pace.columns[2].is_exercise);
    assert_eq!((pace.instructor, pace.active), (Some(2), 3));
    let names: Vec<&str> = answer.people.iter().map(|it| &*it.user).collect();
    assert_eq!(
        names,
        ["ana", "bo", "cy"],
        "the instructor is no participant"
    );

    // What is handed out to one person is not what everyone works on.
    let hand_out = |to, cells: &[Value]| {
        let draft = HandoutDraft {
            author: "ines".to_owned(),
            source: HandoutSource::Upload,
            filename: FILENAME.to_owned(),
            to,
        };
        let content = json!({"cells": cells, "metadata": {}}).to_string();
        let errands = &lesson.sources.errands;
        errands.hand_out(&draft, content.as_bytes()).unwrap();
    };
    hand_out(
        HandoutAudience::User("ana".to_owned()),
        &[code("1", None, None)],
    );
    let pace = lesson.replayed(now_ms, 9).pace.unwrap();
    assert_eq!(pace.handout, HandoutOrigin::Instructor);
    let given = ["import pandas as pd", "df.head()"].map(|source| code(source, None, None));
    hand_out(HandoutAudience::Everyone(true), &given);
    let pace = lesson.replayed(now_ms, 9).pace.unwrap();
    assert_eq!(pace.handout, HandoutOrigin::HandedOut);
    assert_eq!(pace.columns.len(), 2);
}

#[test]
fn places_of_errors_are_said_in_words() {
    let lesson = Lesson::new();
    let failed = |cell: &str| code(cell, Some(1), NAME_ERROR);
    for (at, user) in ["ana", "bo", "cy"].into_iter().enumerate() {
        lesson.save(user, BEGIN_MS + at as i64, &[]);
    }
    lesson.save("ana", BEGIN_MS + 1_000, &[(3, failed("df.head()"))]);
    lesson.save("bo", BEGIN_MS + 2_000, &[(6, failed("area(df)"))]);
    lesson.save("cy", BEGIN_MS + 3_000, &[(7, failed("df.my_own_idea()"))]);
    let answer = lesson.replayed(BEGIN_MS + 10_000, 9);
    let [group] = &answer.groups[..] else {
        panic!("one group: {:?}", answer.groups)
    };
    assert_eq!(group.title, "NameError df");
    assert_eq!(group.people, ["ana", "bo", "cy"]);
    let mut labels: Vec<&str> = group.places.iter().map(|place| &*place.label).collect();
    labels.sort_unstable();
    assert_eq!(
        labels,
        ["Exercise 1, cell 2", "Reading", "cells of their own"]
    );
    assert_eq!(answer.people[0].error.as_ref(), Some(&group.signature));
    assert_eq!(answer.people[0].furthest, Some(1));
    assert_eq!(answer.people[0].cells, "nfnn");
}

#[test]
fn whoever_asks_is_in_the_lane_until_they_no_longer_do() {
    let lesson = Lesson::new();
    for (at, user) in ["ana", "bo", "cy"].into_iter().enumerate() {
        lesson.save(user, BEGIN_MS + at as i64, &[]);
    }
    let mut live = lesson.room();
    let lane = |room: &mut Room| {
        while !room.catch_up(&lesson.sources, 9).unwrap() {}
        let lane = room.answer().lane.into_iter();
        lane.map(|it| (it.user, it.asked_ms)).collect::<Vec<_>>()
    };
    assert_eq!(lane(&mut live), []);
    // Who has nothing saved yet may ask, too; the instructor is no participant.
    for (user, at_ms) in [("cy", 1_000), ("dora", 2_000), ("ines", 3_000)] {
        lesson.press(user, true, BEGIN_MS + at_ms);
    }
    lesson.save("ines", BEGIN_MS + 4_000, &[]);
    let asked = |user: &str, at_ms| (user.to_owned(), Some(BEGIN_MS + at_ms));
    let both = [asked("cy", 1_000), asked("dora", 2_000)];
    assert_eq!(lane(&mut live), both);
    assert_eq!(lane(&mut lesson.room()), both, "by a replay");
    lesson.press("dora", false, BEGIN_MS + 5_000);
    assert_eq!(lane(&mut live), [asked("cy", 1_000)]);
    lesson.press("cy", false, BEGIN_MS + 6_000);
    assert_eq!(lane(&mut live), []);
    assert_eq!(lane(&mut lesson.room()), [], "by a replay");
}

#[test]
fn answers_that_nobody_waits_for_are_not_read() {
    let lesson = Lesson::new();
    for user in ["ana", "bo", "cy"] {
        lesson.save(user, BEGIN_MS, &[]);
    }
    let mut room = lesson.room();
    while !room.catch_up(&lesson.sources, 9).unwrap() {}
    let unwanted = CancellationToken::new();
    let read = || {
        let places = room.places(&ExerciseChoice::Anchor(3)).unwrap();
        let history = &*lesson.sources.history;
        let lanes = lesson.sources.copies.lanes();
        exercise::read(FILENAME, places, history, lanes, &unwanted).unwrap()
    };
    assert!(read().is_some());
    unwanted.cancel();
    assert!(read().is_none());
}

#[test]
fn a_deleted_copy_is_forgotten() {
    let lesson = Lesson::new();
    let users = ["ana", "bo", "cy"];
    for user in users {
        lesson.save(user, BEGIN_MS, &[]);
    }
    let failed = code("df.head()", Some(1), NAME_ERROR);
    for user in users {
        lesson.save(user, BEGIN_MS + 1_000, &[(3, failed.clone())]);
    }
    let mut room = lesson.room();
    while !room.catch_up(&lesson.sources, 9).unwrap() {}
    let copy = CopyId {
        filename: FILENAME.to_owned(),
        user: "ana".to_owned(),
    };
    lesson.deleted.lock().insert(copy.clone());
    room.forget("ana");
    while !room.catch_up(&lesson.sources, 9).unwrap() {}
    assert!(room.has_changed());
    let answer = room.answer();
    assert_eq!(answer.people.len(), 2);
    assert_eq!(answer.groups[0].people, ["bo", "cy"]);
    let replayed = lesson.replayed(BEGIN_MS + 2_000, 9);
    assert_eq!(answer, replayed, "by a replay");
    // When it is there again, it counts as if it had never been away.
    lesson.deleted.lock().remove(&copy);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !room.is_outdated(&lesson.sources) {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(20));
    }
    while !room.catch_up(&lesson.sources, 9).unwrap() {}
    let back = room.answer();
    assert_eq!(back.groups[0].people, ["ana", "bo", "cy"]);
    assert_eq!(back, lesson.replayed(BEGIN_MS + 2_000, 9));
    assert!(!room.is_outdated(&lesson.sources), "once");
}

#[test]
fn a_clock_that_was_ahead_is_made_up_for() {
    let lesson = Lesson::new();
    let now_ms = time::now_ms();
    for user in ["ana", "bo", "cy"] {
        lesson.save(user, now_ms - 60_000, &[]);
    }
    let mut live = lesson.room();
    let told = |room: &mut Room, now_ms: i64| {
        while !room.catch_up(&lesson.sources, 9).unwrap() {}
        room.look(now_ms, &lesson.sources);
        while !room.catch_up(&lesson.sources, 9).unwrap() {}
        room.look(now_ms, &lesson.sources);
        room.answer()
    };
    let day_ms = 24 * 3_600_000;
    lesson.save("ines", now_ms + day_ms, &[]);
    lesson.press("ana", true, now_ms + day_ms);
    lesson.press("cy", true, now_ms);
    assert!(told(&mut live, now_ms + day_ms).as_of_ms > now_ms + 60_000);
    lesson.press("cy", false, now_ms);
    // What is saved then is not late, and a restart finds nothing of tomorrow.
    lesson.save("ana", now_ms, &[]);
    lesson.save("bo", now_ms + day_ms, &[]);
    let rows = || lesson.sources.settlements.of(FILENAME).unwrap().len();
    let mut counts = Vec::new();
    for _ in 0..5 {
        let as_of_ms = told(&mut live, now_ms).as_of_ms;
        assert!(as_of_ms <= now_ms + 3 * 60_000, "{}", as_of_ms - now_ms);
        counts.push(rows());
    }
    assert!(
        counts[1..].iter().all(|count| *count == counts[1]),
        "{counts:?}"
    );
    let again = told(&mut lesson.room(), now_ms);
    assert!(again.as_of_ms <= now_ms + 3 * 60_000);
}

#[test]
fn what_was_done_before_a_history_was_lost_is_in_nobodys_way() {
    let lesson = Lesson::new();
    let done = |user: &str, deed, version| StoredDeed {
        user: user.to_owned(),
        deed,
        at_ms: BEGIN_MS,
        version,
    };
    let old = [
        done("ana", Deed::Asks, 40_000),
        done("bo", Deed::Settled(SettledKind::Helped), 40_001),
    ];
    lesson.sources.settlements.add(FILENAME, &old).unwrap();
    for user in ["ana", "bo", "cy"] {
        lesson.save(user, BEGIN_MS, &[]);
    }
    let mut room = lesson.room();
    while !room.catch_up(&lesson.sources, 9).unwrap() {}
    let settlement = Settlement {
        copy: CopyId {
            filename: FILENAME.to_owned(),
            user: "cy".to_owned(),
        },
        settled: SettledKind::Helped,
        at_ms: BEGIN_MS + 1_000,
    };
    room.settle(&settlement, &lesson.sources).unwrap();
    let helped = room.answer().people.into_iter().map(|it| it.helped_ms);
    assert_eq!(
        helped.collect::<Vec<_>>(),
        [None, None, Some(BEGIN_MS + 1_000)]
    );
    let kept = lesson.sources.settlements.of(FILENAME).unwrap();
    assert_eq!(kept.len(), 3, "nothing is said of ana once more: {kept:?}");
}

/// What following costs: `cargo test --release -p backend --lib insight::tests::cost -- --ignored
/// --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost() {
    let lesson = Lesson::new();
    let (people, saves) = (300, 20_u32);
    for save in 0..saves {
        for person in 0..people {
            let at_ms = BEGIN_MS + i64::from(save) * 20_000 + person * 60;
            let changes = match save {
                0 => vec![],
                _ if person % 3 == 0 => vec![(3, code("df.head()", Some(save), NAME_ERROR))],
                _ => vec![(5, code(&format!("x = {save}"), Some(save), None))],
            };
            lesson.save(&format!("person-{person}"), at_ms, &changes);
        }
    }
    let begun = Instant::now();
    let mut room = lesson.room();
    while !room.catch_up(&lesson.sources, 16).unwrap() {}
    let replayed = begun.elapsed() / (saves * 300);
    let begun = Instant::now();
    let answer = room.answer();
    println!(
        "{replayed:?} a version; an answer {:?}, {} bytes",
        begun.elapsed(),
        serde_json::to_vec(&answer).unwrap().len()
    );
}
