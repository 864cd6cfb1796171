use tempfile::TempDir;

use super::*;
use crate::{class::TailLimits, homes::HomesTemplate};

fn board() -> (TempDir, Arc<NoticeBoard>, Class) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notices.sqlite3");
    let board = NoticeBoard::open(&path, Announcements::default()).unwrap();
    let homes = format!("{}/{{user}}", folder.path().display());
    let class = Class::new(
        homes.parse::<HomesTemplate>().unwrap(),
        TailLimits::default(),
    );
    (folder, board, class)
}

fn draft(to: Audience, until_ms: Option<i64>) -> NoticeDraft {
    NoticeDraft {
        text: "text".to_owned(),
        title: None,
        to,
        link: None,
        file: None,
        until_ms,
    }
}

fn key(user: &str) -> CopyId {
    CopyId {
        filename: "a.ipynb".to_owned(),
        user: user.to_owned(),
    }
}

fn ids(update: &NoticeUpdate) -> Vec<i64> {
    update.notices.iter().map(|notice| notice.id).collect()
}

#[test]
fn a_participant_with_a_later_copy_is_told_then_and_no_other_again() {
    let (_folder, board, class) = board();
    let draft = draft(Audience::Notebook("a.ipynb".into()), None);
    let id = board.post(&draft, "ines", &class).unwrap().notice.id;
    board.join(&key("ana"));
    let ana = board.updates("ana", None);
    let bob = board.updates("bob", None);
    assert_eq!((ids(&ana), ids(&bob)), (vec![id], vec![]));
    assert!(board.join(&key("bob")) && !board.join(&key("bob")));
    assert_eq!(ids(&board.updates("bob", Some(bob.cursor))), [id]);
    assert_eq!(ids(&board.updates("ana", Some(ana.cursor))), [] as [i64; 0]);
    assert_eq!(board.sent(None, 9)[0].members, ["ana", "bob"]);
}

#[test]
fn notices_that_are_over_make_room_and_standing_ones_do_not() {
    let (_folder, board, class) = board();
    let everyone = |until_ms| draft(Audience::Everyone(true), until_ms);
    let post = |until_ms| board.post(&everyone(until_ms), "ines", &class);
    // It is over before the others are posted.
    let over = post(Some(1)).unwrap().notice.id;
    for _ in 1..MAX_NOTICES {
        post(None).unwrap();
    }
    let newest = post(None).unwrap().notice.id;
    assert!(!board.is_for(over, "ana") && board.is_for(newest, "ana"));
    assert!(matches!(post(None), Err(NoticeError::Full)));
    board.retract(newest).unwrap();
    post(None).unwrap();
    assert_eq!(board.store().all().unwrap().len(), MAX_NOTICES);
}

#[test]
fn a_reader_with_an_unknown_number_gets_all_notices() {
    let (folder, _, class) = board();
    let store = SqliteNotices::open(&folder.path().join("notices.sqlite3")).unwrap();
    let store = Arc::new(store);
    let started =
        |now_ms| NoticeBoard::of(Arc::clone(&store) as _, Announcements::default(), now_ms);
    let board = started(1_000).unwrap();
    let everyone = draft(Audience::Everyone(true), None);
    let id = board.post(&everyone, "ines", &class).unwrap().notice.id;
    let cursor = board.updates("ana", None).cursor;
    assert_eq!(ids(&board.updates("ana", Some(cursor))), [] as [i64; 0]);
    assert_eq!(ids(&board.updates("ana", Some(i64::MAX))), [id]);
    let board = started(1_001).unwrap();
    assert_eq!(ids(&board.updates("ana", Some(cursor))), [id]);
}

#[test]
fn a_retracted_notice_has_no_content() {
    let (_folder, board, class) = board();
    let everyone = draft(Audience::Everyone(true), None);
    let id = board.post(&everyone, "ines", &class).unwrap().notice.id;
    let cursor = board.updates("ana", None).cursor;
    assert!(board.retract(id).unwrap() && board.retract(id).unwrap());
    assert!(!board.retract(id + 1).unwrap());
    let update = board.updates("ana", Some(cursor)).notices;
    assert_eq!(update.len(), 1);
    assert!(update[0].retracted && update[0].text.is_empty() && update[0].html.as_str().is_empty());
    assert!(board.updates("ana", None).notices.is_empty());
    assert_eq!(board.sent(None, 9)[0].notice.text, "text");
}
