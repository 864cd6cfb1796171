//! What comes out of the queue, and when.

use super::*;
use crate::class::{NotebookContent, TailLimits};

fn lane(user: &str) -> Lane {
    Lane::Copy(CopyId {
        filename: "a.ipynb".to_owned(),
        user: user.to_owned(),
    })
}

fn revision(user: &str) -> Work {
    let Lane::Copy(key) = lane(user) else {
        unreachable!("it is a copy's")
    };
    let file = b"{\"cells\": []}".to_vec().into();
    let content = NotebookContent::parse(file, TailLimits::NONE, None);
    Work::Revised(Box::new(Revision {
        key,
        version: None,
        content: Ok(content.unwrap()),
    }))
}

/// How many notebooks are held for work of this rank.
fn held(queue: &Queue, rank: Rank) -> usize {
    let inner = queue.inner.lock();
    let works = inner.waiting.values().map(|waiting| &waiting.work);
    works
        .filter(|work| work.holds() && work.rank() == rank)
        .count()
}

#[test]
fn a_lane_is_worked_in_by_one_and_holds_the_newest() {
    let queue = Queue::new();
    queue.release();
    let now = Instant::now();
    queue.push(lane("ana"), Work::Export(None), now);
    queue.push(lane("ana"), Work::Removed, now);
    queue.push(lane("ana"), Work::Export(None), now);
    let (first, work) = queue.next().unwrap();
    assert!(matches!(work, Work::Removed), "{work:?}");
    queue.push(lane("ana"), Work::Read, now);
    queue.push(lane("bo"), Work::Read, Instant::now());
    let (second, _) = queue.next().unwrap();
    assert_eq!(second, lane("bo"));
    queue.done(&first);
    assert_eq!(queue.next().unwrap().0, lane("ana"));
}

#[test]
fn who_saves_much_waits_for_their_own() {
    let queue = Queue::new();
    queue.release();
    let now = Instant::now();
    let copy = |user: &str, n: usize| {
        Lane::Copy(CopyId {
            filename: format!("{n}.ipynb"),
            user: user.to_owned(),
        })
    };
    for n in 0..100 {
        queue.push(copy("mallory", n), Work::Export(None), now);
    }
    let later = Instant::now();
    queue.push(copy("ana", 0), Work::Export(None), later);
    queue.push(copy("bo", 0), Work::Export(None), later);
    let mut users = Vec::new();
    for _ in 0..4 {
        let (lane, _) = queue.next().unwrap();
        let Lane::Copy(key) = &lane else {
            unreachable!("it is a copy's")
        };
        users.push(key.user.clone());
        queue.done(&lane);
    }
    users[..3].sort();
    assert_eq!(users, ["ana", "bo", "mallory", "mallory"]);
}

#[test]
fn that_a_copy_is_gone_is_not_forgotten_for_another_look_at_it() {
    let queue = Queue::new();
    queue.release();
    queue.push(lane("ana"), Work::Removed, Instant::now());
    let Lane::Copy(key) = lane("ana") else {
        unreachable!("it is a copy's")
    };
    queue.read_again(key.clone());
    let (_, work) = queue.next().unwrap();
    assert!(matches!(work, Work::Removed), "{work:?}");
    queue.read_again(key);
    queue.done(&lane("ana"));
    assert!(matches!(queue.next().unwrap().1, Work::Read));
}

#[test]
fn what_is_held_is_bounded_in_bytes_too() {
    let queue = Queue::new();
    queue.release();
    let large = |user: &str| {
        let mut file = b"{\"cells\": []}".to_vec();
        file.resize(MOST_BYTES / 2, b' ');
        let content = NotebookContent::parse(file.into(), TailLimits::NONE, None);
        let Work::Revised(mut revision) = revision(user) else {
            unreachable!("it was just made")
        };
        revision.content = Ok(content.unwrap());
        Work::Revised(revision)
    };
    for user in ["ana", "bo", "cy"] {
        queue.push(lane(user), large(user), Instant::now());
    }
    let held = queue
        .inner
        .lock()
        .waiting
        .values()
        .filter(|waiting| waiting.work.holds())
        .count();
    assert_eq!(held, 2);
}

#[test]
fn what_is_written_waits_for_everyone() {
    let queue = Queue::new();
    let summary = Lane::Summary("a.ipynb".to_owned());
    queue.push(summary.clone(), Work::Summarise, Instant::now());
    queue.push(lane("bo"), Work::Export(None), Instant::now());
    queue.push(lane("ana"), Work::Read, Instant::now());
    assert_eq!(queue.inner.lock().first_due(Instant::now()), None);
    assert!(!queue.settle_looks(), "nobody else looks");
    let (early, _) = queue.early_look().unwrap();
    assert_eq!(early, lane("ana"));
    assert!(queue.early_look().is_none());
    queue.done(&early);
    assert!(queue.settle_looks());
    queue.release();
    assert_eq!(queue.next().unwrap().0, summary);
}

#[test]
fn looking_comes_first_and_exports_come_last() {
    let queue = Queue::new();
    let now = Instant::now();
    queue.push(lane("ana"), Work::Export(None), now);
    queue.push(Lane::Summary("a.ipynb".to_owned()), Work::Summarise, now);
    queue.push(lane("bo"), Work::Read, now);
    queue.release();
    assert!(queue.is_pressed());
    let works = [(); 3].map(|()| queue.next().unwrap().1.rank());
    assert_eq!(works, [Rank::Look, Rank::Summary, Rank::Export]);
    assert!(!queue.is_pressed());
    queue.done(&lane("bo"));
    queue.settle_looks();
}

#[test]
fn who_has_things_looked_at_without_end_keeps_nothing_from_being_written() {
    let queue = Queue::new();
    queue.release();
    let now = Instant::now();
    let summary = |n: usize| Lane::Summary(format!("{n}.ipynb"));
    let copy = |n: usize| {
        Lane::Copy(CopyId {
            filename: format!("{n}.ipynb"),
            user: "mallory".to_owned(),
        })
    };
    queue.push(lane("ana"), Work::Export(None), now);
    for n in 0..6 {
        queue.push(summary(n), Work::Summarise, now);
    }
    // Half of them are smaller now: before any grows.
    for n in 0..3 {
        queue.push(summary(n), Work::Shrink, now);
    }
    let mut ranks = Vec::new();
    for n in 0..30 {
        queue.push(copy(2 * n), Work::Read, now);
        queue.push(copy(2 * n + 1), Work::Read, now);
        let (lane, work) = queue.next().unwrap();
        ranks.push(work.rank());
        queue.done(&lane);
    }
    let of = |rank| ranks.iter().filter(|it| **it == rank).count();
    assert_eq!(of(Rank::Summary), 3, "{ranks:?}");
    assert_eq!(of(Rank::Shrink), 3, "{ranks:?}");
    assert_eq!(of(Rank::Export), 1, "{ranks:?}");
    let first = |rank| ranks.iter().position(|it| *it == rank);
    assert_eq!(first(Rank::Shrink), Some(MOST_IN_A_ROW));
    assert_eq!(first(Rank::Summary), Some(MOST_IN_A_ROW + 3));
}

#[test]
fn summaries_without_end_do_not_keep_exports_from_being_written() {
    let queue = Queue::new();
    queue.release();
    let now = Instant::now();
    queue.push(lane("ana"), Work::Export(None), now);
    let mut done = 0;
    loop {
        let lane = Lane::Summary(format!("{done}.ipynb"));
        queue.push(lane, Work::Summarise, now);
        let (lane, work) = queue.next().unwrap();
        queue.done(&lane);
        if work.rank() == Rank::Export {
            break;
        }
        done += 1;
        assert!(done < 100, "they have their turn");
    }
    assert_eq!(done, MOST_IN_A_ROW);
}

#[test]
fn an_export_is_of_what_was_found_last() {
    let queue = Queue::new();
    let Work::Revised(revision) = revision("ana") else {
        unreachable!("it is one")
    };
    let version = Fingerprint::from(&std::fs::metadata(".").unwrap());
    let found = Work::Export(Some((version, revision.content.unwrap().whole().clone())));
    let now = Instant::now();
    queue.release();
    queue.push(lane("ana"), found, now);
    queue.push(lane("ana"), Work::Export(None), now);
    assert!(matches!(queue.next(), Some((_, Work::Export(None)))));
}

#[test]
fn exports_leave_room_for_what_is_found() {
    let queue = Queue::new();
    let export = || {
        let Work::Revised(revision) = revision("ana") else {
            unreachable!("it is one")
        };
        let version = Fingerprint::from(&std::fs::metadata(".").unwrap());
        Work::Export(Some((version, revision.content.unwrap().whole().clone())))
    };
    queue.push(lane("early"), export(), Instant::now());
    assert_eq!(held(&queue, Rank::Export), 0, "a class is read");
    queue.release();
    for n in 0..MOST_HELD + 5 {
        queue.push(lane(&format!("user{n}")), export(), Instant::now());
    }
    assert_eq!(held(&queue, Rank::Export), MOST_HELD);
    queue.push(lane("ana"), revision("ana"), Instant::now());
    assert_eq!(held(&queue, Rank::Look), 1);
}

#[test]
fn only_some_notebooks_are_held() {
    let queue = Queue::new();
    for n in 0..MOST_HELD + 5 {
        let user = format!("user{n}");
        queue.push(lane(&user), revision(&user), Instant::now());
    }
    assert_eq!(held(&queue, Rank::Look), MOST_HELD);
    assert_eq!(queue.inner.lock().waiting.len(), MOST_HELD + 5);
    while let Some((lane, work)) = queue.early_look() {
        assert_eq!(work.rank(), Rank::Look);
        queue.done(&lane);
    }
    assert!(queue.inner.lock().waiting.is_empty());
}
