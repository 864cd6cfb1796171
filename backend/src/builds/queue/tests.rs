//! Tests of the order in which the queue gives tasks.

use super::*;
use crate::class::{NotebookContent, TailLimits};

fn target(user: &str) -> BuildTarget {
    BuildTarget::Copy(CopyId {
        filename: "a.ipynb".to_owned(),
        user: user.to_owned(),
    })
}

fn revision(user: &str) -> BuildTask {
    let BuildTarget::Copy(key) = target(user) else {
        unreachable!("it is a copy's")
    };
    let file = b"{\"cells\": []}".to_vec().into();
    let content = NotebookContent::parse(file, TailLimits::NONE, None);
    BuildTask::Revised(Box::new(Revision {
        key,
        version: None,
        content: Ok(content.unwrap()),
    }))
}

/// Number of notebooks that are held for tasks of this rank.
fn held(queue: &BuildQueue, rank: TaskRank) -> usize {
    let state = queue.state.lock();
    let works = state.waiting.values().map(|waiting| &waiting.task);
    works
        .filter(|task| task.holds_notebook() && task.rank() == rank)
        .count()
}

#[test]
fn a_target_is_built_by_one_thread_and_keeps_its_newest_task() {
    let queue = BuildQueue::new();
    queue.release();
    let now = Instant::now();
    queue.push(target("ana"), BuildTask::WriteExport(None), now);
    queue.push(target("ana"), BuildTask::Removed, now);
    queue.push(target("ana"), BuildTask::WriteExport(None), now);
    let (first, task) = queue.next().unwrap();
    assert!(matches!(task, BuildTask::Removed), "{task:?}");
    queue.push(target("ana"), BuildTask::ReadAgain, now);
    queue.push(target("bo"), BuildTask::ReadAgain, Instant::now());
    let (second, _) = queue.next().unwrap();
    assert_eq!(second, target("bo"));
    queue.done(&first);
    assert_eq!(queue.next().unwrap().0, target("ana"));
}

#[test]
fn a_participant_who_saves_much_delays_only_their_own_exports() {
    let queue = BuildQueue::new();
    queue.release();
    let now = Instant::now();
    let copy = |user: &str, n: usize| {
        BuildTarget::Copy(CopyId {
            filename: format!("{n}.ipynb"),
            user: user.to_owned(),
        })
    };
    for n in 0..100 {
        queue.push(copy("mallory", n), BuildTask::WriteExport(None), now);
    }
    let later = Instant::now();
    queue.push(copy("ana", 0), BuildTask::WriteExport(None), later);
    queue.push(copy("bo", 0), BuildTask::WriteExport(None), later);
    let mut users = Vec::new();
    for _ in 0..4 {
        let (target, _) = queue.next().unwrap();
        let BuildTarget::Copy(key) = &target else {
            unreachable!("it is a copy's")
        };
        users.push(key.user.clone());
        queue.done(&target);
    }
    users[..3].sort();
    assert_eq!(users, ["ana", "bo", "mallory", "mallory"]);
}

#[test]
fn a_second_look_does_not_replace_a_removal() {
    let queue = BuildQueue::new();
    queue.release();
    queue.push(target("ana"), BuildTask::Removed, Instant::now());
    let BuildTarget::Copy(key) = target("ana") else {
        unreachable!("it is a copy's")
    };
    queue.read_again(key.clone());
    let (_, task) = queue.next().unwrap();
    assert!(matches!(task, BuildTask::Removed), "{task:?}");
    queue.read_again(key);
    queue.done(&target("ana"));
    assert!(matches!(queue.next().unwrap().1, BuildTask::ReadAgain));
}

#[test]
fn held_notebooks_are_bounded_in_bytes_too() {
    let queue = BuildQueue::new();
    queue.release();
    let large = |user: &str| {
        let mut file = b"{\"cells\": []}".to_vec();
        file.resize(MAX_HELD_BYTES / 2, b' ');
        let content = NotebookContent::parse(file.into(), TailLimits::NONE, None);
        let BuildTask::Revised(mut revision) = revision(user) else {
            unreachable!("it was just made")
        };
        revision.content = Ok(content.unwrap());
        BuildTask::Revised(revision)
    };
    for user in ["ana", "bo", "cy"] {
        queue.push(target(user), large(user), Instant::now());
    }
    let held = queue
        .state
        .lock()
        .waiting
        .values()
        .filter(|waiting| waiting.task.holds_notebook())
        .count();
    assert_eq!(held, 2);
}

#[test]
fn files_wait_until_the_first_read_is_over() {
    let queue = BuildQueue::new();
    let summary = BuildTarget::Summary("a.ipynb".to_owned());
    queue.push(summary.clone(), BuildTask::WriteSummary, Instant::now());
    queue.push(target("bo"), BuildTask::WriteExport(None), Instant::now());
    queue.push(target("ana"), BuildTask::ReadAgain, Instant::now());
    assert_eq!(queue.state.lock().first_due(Instant::now()), None);
    assert!(!queue.settle_looks(), "nobody else looks");
    let (early, _) = queue.next_look_of_first_read().unwrap();
    assert_eq!(early, target("ana"));
    assert!(queue.next_look_of_first_read().is_none());
    queue.done(&early);
    assert!(queue.settle_looks());
    queue.release();
    assert_eq!(queue.next().unwrap().0, summary);
}

#[test]
fn looks_come_first_and_exports_last() {
    let queue = BuildQueue::new();
    let now = Instant::now();
    queue.push(target("ana"), BuildTask::WriteExport(None), now);
    queue.push(
        BuildTarget::Summary("a.ipynb".to_owned()),
        BuildTask::WriteSummary,
        now,
    );
    queue.push(target("bo"), BuildTask::ReadAgain, now);
    queue.release();
    assert!(queue.has_looks_waiting());
    let works = [(); 3].map(|()| queue.next().unwrap().1.rank());
    assert_eq!(works, [TaskRank::Look, TaskRank::Summary, TaskRank::Export]);
    assert!(!queue.has_looks_waiting());
    queue.done(&target("bo"));
    queue.settle_looks();
}

#[test]
fn looks_without_end_do_not_keep_files_from_being_written() {
    let queue = BuildQueue::new();
    queue.release();
    let now = Instant::now();
    let summary = |n: usize| BuildTarget::Summary(format!("{n}.ipynb"));
    let copy = |n: usize| {
        BuildTarget::Copy(CopyId {
            filename: format!("{n}.ipynb"),
            user: "mallory".to_owned(),
        })
    };
    queue.push(target("ana"), BuildTask::WriteExport(None), now);
    for n in 0..6 {
        queue.push(summary(n), BuildTask::WriteSummary, now);
    }
    // Half of the summaries shrink: they come before any that grows.
    for n in 0..3 {
        queue.push(summary(n), BuildTask::ShrinkSummary, now);
    }
    let mut ranks = Vec::new();
    for n in 0..30 {
        queue.push(copy(2 * n), BuildTask::ReadAgain, now);
        queue.push(copy(2 * n + 1), BuildTask::ReadAgain, now);
        let (target, task) = queue.next().unwrap();
        ranks.push(task.rank());
        queue.done(&target);
    }
    let of = |rank| ranks.iter().filter(|it| **it == rank).count();
    assert_eq!(of(TaskRank::Summary), 3, "{ranks:?}");
    assert_eq!(of(TaskRank::Shrink), 3, "{ranks:?}");
    assert_eq!(of(TaskRank::Export), 1, "{ranks:?}");
    let first = |rank| ranks.iter().position(|it| *it == rank);
    assert_eq!(first(TaskRank::Shrink), Some(MAX_TASKS_IN_A_ROW));
    assert_eq!(first(TaskRank::Summary), Some(MAX_TASKS_IN_A_ROW + 3));
}

#[test]
fn summaries_without_end_do_not_keep_exports_from_being_written() {
    let queue = BuildQueue::new();
    queue.release();
    let now = Instant::now();
    queue.push(target("ana"), BuildTask::WriteExport(None), now);
    let mut done = 0;
    loop {
        let target = BuildTarget::Summary(format!("{done}.ipynb"));
        queue.push(target, BuildTask::WriteSummary, now);
        let (target, task) = queue.next().unwrap();
        queue.done(&target);
        if task.rank() == TaskRank::Export {
            break;
        }
        done += 1;
        assert!(done < 100, "they have their turn");
    }
    assert_eq!(done, MAX_TASKS_IN_A_ROW);
}

#[test]
fn an_export_is_of_the_newest_version() {
    let queue = BuildQueue::new();
    let BuildTask::Revised(revision) = revision("ana") else {
        unreachable!("it is one")
    };
    let version = Fingerprint::from(&std::fs::metadata(".").unwrap());
    let found = BuildTask::WriteExport(Some((version, revision.content.unwrap().whole().clone())));
    let now = Instant::now();
    queue.release();
    queue.push(target("ana"), found, now);
    queue.push(target("ana"), BuildTask::WriteExport(None), now);
    assert!(matches!(
        queue.next(),
        Some((_, BuildTask::WriteExport(None)))
    ));
}

#[test]
fn exports_leave_room_for_new_versions() {
    let queue = BuildQueue::new();
    let export = || {
        let BuildTask::Revised(revision) = revision("ana") else {
            unreachable!("it is one")
        };
        let version = Fingerprint::from(&std::fs::metadata(".").unwrap());
        BuildTask::WriteExport(Some((version, revision.content.unwrap().whole().clone())))
    };
    queue.push(target("early"), export(), Instant::now());
    assert_eq!(held(&queue, TaskRank::Export), 0, "a class is read");
    queue.release();
    for n in 0..MAX_HELD_NOTEBOOKS + 5 {
        queue.push(target(&format!("user{n}")), export(), Instant::now());
    }
    assert_eq!(held(&queue, TaskRank::Export), MAX_HELD_NOTEBOOKS);
    queue.push(target("ana"), revision("ana"), Instant::now());
    assert_eq!(held(&queue, TaskRank::Look), 1);
}

#[test]
fn the_number_of_held_notebooks_is_bounded() {
    let queue = BuildQueue::new();
    for n in 0..MAX_HELD_NOTEBOOKS + 5 {
        let user = format!("user{n}");
        queue.push(target(&user), revision(&user), Instant::now());
    }
    assert_eq!(held(&queue, TaskRank::Look), MAX_HELD_NOTEBOOKS);
    assert_eq!(queue.state.lock().waiting.len(), MAX_HELD_NOTEBOOKS + 5);
    while let Some((target, task)) = queue.next_look_of_first_read() {
        assert_eq!(task.rank(), TaskRank::Look);
        queue.done(&target);
    }
    assert!(queue.state.lock().waiting.is_empty());
}
