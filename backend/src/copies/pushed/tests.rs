use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};

use super::*;

fn copy(user: &str, filename: &str) -> CopyId {
    CopyId {
        filename: filename.to_owned(),
        user: user.to_owned(),
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn push_whole(
    pushed: &PushedCopies,
    copy: &CopyId,
    content: &[u8],
) -> Result<PushOutcome, PushError> {
    let middle = deflated(content);
    let push = Push {
        server: String::new(),
        path: format!("/home/jovyan/{}", copy.filename),
        saved_at_ms: 1,
        content: Ok(PushedContent {
            base: None,
            delta: Delta {
                size: content.len(),
                hash: ContentHash::of(content),
                prefix: 0,
                suffix: 0,
                middle: &middle,
            },
        }),
    };
    pushed.push(copy, &push)
}

fn content(pushed: &PushedCopies, copy: &CopyId) -> Vec<u8> {
    let opened = pushed.open_copy(copy).unwrap();
    let file = opened.read().unwrap().content().unwrap();
    assert_eq!(file, pushed.content(copy).unwrap());
    file
}

const NOTEBOOK: &[u8] = br#"{"cells": []}"#;

#[test]
fn copies_are_there_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let pushed = PushedCopies::open(folder.path(), 0).unwrap();
    let odd = copy("../\u{1F600}/ana", "a\\b/../ \u{0}.ipynb");
    let plain = copy("bo", "m1/a.ipynb");
    for copy in [&odd, &plain] {
        assert_eq!(
            push_whole(&pushed, copy, NOTEBOOK).unwrap(),
            PushOutcome::Changed
        );
        assert_eq!(
            push_whole(&pushed, copy, NOTEBOOK).unwrap(),
            PushOutcome::Unchanged
        );
    }
    let before = pushed.list(None).len();
    drop(pushed);
    let pushed = PushedCopies::open(folder.path(), 0).unwrap();
    assert_eq!(pushed.list(None).len(), before);
    for copy in [&odd, &plain] {
        assert_eq!(content(&pushed, copy), NOTEBOOK);
        pushed.remove(copy).unwrap();
        assert!(matches!(pushed.open_copy(copy), Err(ReadError::Missing)));
    }
    assert!(!pushed.has_any_of("bo"));
    assert!(
        PushedCopies::open(folder.path(), 0)
            .unwrap()
            .list(None)
            .is_empty()
    );
}

#[test]
fn remains_of_a_crash_are_removed_and_damaged_files_are_no_copies() {
    let folder = tempfile::tempdir().unwrap();
    let pushed = PushedCopies::open(folder.path(), 0).unwrap();
    for name in ["a", "b", "c"] {
        push_whole(&pushed, &copy("ana", name), NOTEBOOK).unwrap();
    }
    let [half, other] = ["a", "b"].map(|name| pushed.path(&copy("ana", name)));
    let bytes = fs::read(&half).unwrap();
    fs::write(&half, &bytes[..bytes.len() - 1]).unwrap();
    fs::write(&other, "no header").unwrap();
    let remains = half.with_extension("new");
    fs::write(&remains, "half").unwrap();
    let others = ["notes.txt", "lost+found/a"].map(|name| folder.path().join(name));
    let beside = half.with_file_name("README");
    fs::create_dir(folder.path().join("lost+found")).unwrap();
    for file in others.iter().chain([&beside]) {
        fs::write(file, "left by a person").unwrap();
    }
    drop(pushed);
    let pushed = PushedCopies::open(folder.path(), 0).unwrap();
    assert!(!remains.exists());
    assert!(others.iter().chain([&beside]).all(|file| file.exists()));
    let left = pushed.list(None);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].0, copy("ana", "c"));
    // A new push puts a good file into the place of a damaged one.
    push_whole(&pushed, &copy("ana", "a"), NOTEBOOK).unwrap();
    assert_eq!(content(&pushed, &copy("ana", "a")), NOTEBOOK);
}

#[test]
fn a_participant_has_no_more_than_there_is_room_for() {
    let folder = tempfile::tempdir().unwrap();
    let pushed = PushedCopies::open(folder.path(), 0).unwrap();
    push_whole(&pushed, &copy("mallory", "0"), NOTEBOOK).unwrap();
    let mut large = pushed.record(&copy("mallory", "0")).unwrap();
    large.size = KEPT_MAX - 5;
    let insert = |record| {
        let mut copies = pushed.copies.lock();
        let own = copies.get_mut("mallory").unwrap();
        own.insert("large".to_owned(), record);
    };
    insert(large);
    let refused = push_whole(&pushed, &copy("mallory", "new"), NOTEBOOK).unwrap_err();
    assert!(matches!(refused, PushError::TooMuch), "{refused}");
    // Others have their own room, and who has too much may make it less.
    push_whole(&pushed, &copy("ana", "a"), NOTEBOOK).unwrap();
    push_whole(&pushed, &copy("mallory", "0"), b"{}").unwrap();
    pushed.remove(&copy("mallory", "large")).unwrap();
    push_whole(&pushed, &copy("mallory", "new"), NOTEBOOK).unwrap();
}

#[test]
fn no_more_notebooks_are_kept_than_a_home_may_have() {
    let folder = tempfile::tempdir().unwrap();
    let pushed = PushedCopies::open(folder.path(), 0).unwrap();
    let record = PushRecord {
        server: String::new(),
        path: "/a".to_owned(),
        saved_at_ms: 0,
        size: 0,
        hash: ContentHash::of(b""),
        pushed: ContentHash::of(b""),
        withheld: None,
        has_content: true,
    };
    let own = (0..MAX_NOTEBOOKS_PER_HOME).map(|n| (n.to_string(), record.clone()));
    pushed.copies.lock().insert("ana".to_owned(), own.collect());
    let refused = push_whole(&pushed, &copy("ana", "one more"), NOTEBOOK).unwrap_err();
    assert!(matches!(refused, PushError::TooMany), "{refused}");
    push_whole(&pushed, &copy("ana", "7"), NOTEBOOK).unwrap();
}
