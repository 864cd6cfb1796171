//! Beats: they come in time, and move the cursor of a reader without events.

use std::time::Duration;

use backend::{feed::Recipients, limits::LimitSettings};
use futures::StreamExt;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{app::App, common::TEST_TIMEOUT};

use super::{client::StreamClient, event};

#[tokio::test]
async fn a_silent_stream_sends_beats() {
    let mut limits = LimitSettings::default();
    limits.streams.heartbeat = Duration::from_millis(20);
    let app = App::limited(limits).await;
    let mut reader = StreamClient::open(&app.instructor(), "?user=u").await;
    reader.next().await.unwrap();
    let beats = async {
        while reader
            .text
            .matches(":\nevent: beat\nid: 0\ndata: 20\n\n")
            .count()
            < 3
        {
            let chunk = reader.bytes.next().await.unwrap();
            reader.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(TEST_TIMEOUT, beats).await.unwrap();
    app.instructor().post_event(&event("u", "/a")).await;
    assert_eq!(reader.ids(1).await, ["1"]);
}

/// A service over a journal of events of bob's.
async fn with_journal_of_bob(limits: LimitSettings, entries: usize) -> App {
    let app = App::limited_with_hub(limits).await;
    let file = app.folder.path().join("events.sqlite3");
    let insert = format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT {entries})
         INSERT INTO journal SELECT n, 1, 'save-notebook', 'bob', 'a.ipynb', '/a.ipynb',
             '2022-11-14T16:00:00+00:00' FROM n"
    );
    let journal = Connection::open(file).unwrap();
    journal.execute(&insert, []).unwrap();
    app.restarted(false).await
}

/// No committed event is for this reader, and announcements reach it all the time.
#[tokio::test]
async fn beats_move_the_cursor_of_a_reader_without_events() {
    let mut limits = LimitSettings::default();
    limits.streams.heartbeat = Duration::from_millis(200);
    let app = App::limited_with_hub(limits).await;
    let mut reader = StreamClient::open(&app.participant("alice"), "").await;
    assert_eq!(reader.next().await.unwrap().id, "0");
    let ended = CancellationToken::new();
    let noise = async {
        while !ended.is_cancelled() {
            app.announcements.send(Recipients::Everyone, "built", &1);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let beats = async {
        for seq in ["1", "2", "3"] {
            let event = app.save_event("bob", "x.ipynb");
            app.token("server-bob").post_event(&event).await;
            loop {
                let message = reader.next_or_beat().await.unwrap();
                assert_eq!(
                    (message.name.as_str(), &message.data),
                    ("beat", &json!(200))
                );
                if message.id == seq {
                    break;
                }
            }
        }
        ended.cancel();
    };
    futures::join!(noise, beats);
    // A reader that resumes from that cursor has missed nothing.
    let event = app.save_event("alice", "x.ipynb");
    app.token("server-alice").post_event(&event).await;
    let mut back = StreamClient::resume(&app.participant("alice"), 3).await;
    assert_eq!(back.next().await.unwrap().name, "hello");
    for mut reader in [reader, back] {
        assert_eq!(reader.ids(1).await, ["4"]);
    }
}

/// A beat is sent whenever a part of the past held no event for the reader, and not only when one
/// is due.
#[tokio::test]
async fn a_beat_follows_a_past_without_events() {
    let mut limits = LimitSettings::default();
    limits.streams.heartbeat = 2 * TEST_TIMEOUT;
    let app = with_journal_of_bob(limits, 30_000).await;
    for query in ["?after=0", "?after=0&user=bob", "?after=0&type=x"] {
        let mut reader = StreamClient::open(&app.participant("alice"), query).await;
        assert_eq!(reader.next().await.unwrap().name, "hello");
        let beat = reader.next_or_beat().await.unwrap();
        assert_eq!((beat.name.as_str(), beat.id.as_str()), ("beat", "30000"));
    }
    let mut instructor = StreamClient::open(&app.instructor(), "?after=29998").await;
    assert_eq!(instructor.next().await.unwrap().name, "hello");
    assert_eq!(instructor.ids(2).await, ["29999", "30000"]);
    // In steps, since the store looks at each entry for this filter.
    let mut of_type = StreamClient::open(&app.instructor(), "?after=0&type=x").await;
    assert_eq!(of_type.next().await.unwrap().name, "hello");
    for id in ["20000", "30000"] {
        assert_eq!(of_type.next_or_beat().await.unwrap().id, id);
    }
    let updates = "api/updates?after=0";
    let answer: Value = app.participant("alice").json(updates).await;
    assert_eq!(answer, json!({"cursor": 30_000, "events": []}));
}

/// The cursor of the beat is that of the last event sent.
#[tokio::test]
async fn a_beat_comes_while_the_past_is_read() {
    let mut limits = LimitSettings::default();
    limits.streams.heartbeat = Duration::from_millis(20);
    let app = with_journal_of_bob(limits, 100).await;
    app.store.is_paused.send_replace(true);
    let mut reader = StreamClient::open(&app.instructor(), "?after=7").await;
    assert_eq!(reader.next().await.unwrap().name, "hello");
    for _ in 0..3 {
        let beat = reader.next_or_beat().await.unwrap();
        assert_eq!((beat.name.as_str(), beat.id.as_str()), ("beat", "7"));
    }
    app.store.is_paused.send_replace(false);
    let expected: Vec<String> = (8..=100).map(|seq| seq.to_string()).collect();
    assert_eq!(reader.ids(93).await, expected);
}
