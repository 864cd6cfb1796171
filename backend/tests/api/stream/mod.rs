//! `GET /events/stream`: the events that a reader gets.

mod beats;
mod client;
mod limits;
mod rights;

use futures::StreamExt;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::app::App;

use self::client::{ReceivedMessage, StreamClient};

pub(super) fn event(user: &str, path: &str) -> Value {
    json!({"type": "t", "user": user, "filename": "x.ipynb", "path": path})
}

/// Posts `count` events, many at once; each has a path of its own.
pub(super) async fn publish(app: &App, round: usize, count: usize) {
    let instructor = app.instructor();
    let instructor = &instructor;
    let posts = (0..count).map(|i| async move {
        instructor
            .post_event(&event("u", &format!("/{round}/{i}")))
            .await;
    });
    futures::stream::iter(posts)
        .buffer_unordered(50)
        .collect::<()>()
        .await;
}

#[tokio::test]
async fn a_stream_sends_committed_events() {
    let app = App::standalone().await;
    app.instructor().post_event(&event("u", "/before")).await;
    let mut reader = StreamClient::open(&app.instructor(), "").await;
    let hello = reader.next().await.unwrap();
    assert_eq!((hello.name.as_str(), hello.id.as_str()), ("hello", "1"));
    assert_eq!(hello.data["cursor"], 1);
    let stored = app.instructor().post_event(&event("u", "/after")).await;
    let message = reader.next().await.unwrap();
    assert_eq!(
        message,
        ReceivedMessage {
            name: String::new(),
            id: "2".to_owned(),
            data: stored
        }
    );
}

#[tokio::test]
async fn a_stream_resumes_without_gap_or_duplicate_across_a_restart() {
    let app = App::standalone().await;
    for i in 0..3 {
        app.instructor()
            .post_event(&event("u", &format!("/{i}")))
            .await;
    }
    let app = app.restarted(false).await;
    let request = app
        .instructor()
        .request(reqwest::Method::GET, "events/stream?after=0");
    let response = request.header("last-event-id", "1").send().await.unwrap();
    let mut reader = StreamClient::of(response);
    assert_eq!(reader.next().await.unwrap().name, "hello");
    app.instructor().post_event(&event("u", "/3")).await;
    assert_eq!(reader.ids(3).await, ["2", "3", "4"]);
    let mut second = StreamClient::open(&app.instructor(), "?after=2").await;
    second.next().await.unwrap();
    assert_eq!(second.ids(2).await, ["3", "4"]);
}

#[tokio::test]
async fn a_cursor_outside_the_journal_is_answered_with_a_reset() {
    let app = App::standalone().await;
    app.instructor().post_event(&event("u", "/a")).await;
    let mut reader = StreamClient::open(&app.instructor(), "?after=99").await;
    let reset = reader.next().await.unwrap();
    assert_eq!((reset.name.as_str(), reset.id.as_str()), ("reset", "1"));
}

#[tokio::test]
async fn a_reader_that_falls_far_behind_still_gets_everything() {
    let app = App::standalone().await;
    let mut reader = StreamClient::open(&app.instructor(), "").await;
    reader.next().await.unwrap();
    let instructor = app.instructor();
    // More than the channel between the writer and the readers holds.
    for batch in 0..30 {
        let posts = (0..100).map(|i| {
            let body = event("u", &format!("/{batch}/{i}"));
            let instructor = &instructor;
            async move { instructor.post_event(&body).await }
        });
        futures::future::join_all(posts).await;
    }
    let ids = reader.ids(3_000).await;
    let expected: Vec<_> = (1..=3_000).map(|seq: i64| seq.to_string()).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn filters_and_rights_hold_for_streams_too() {
    let app = App::with_hub().await;
    let mut alice = StreamClient::open(&app.participant("alice"), "").await;
    let mut bobs = StreamClient::open(&app.instructor(), "?user=bob").await;
    alice.next().await.unwrap();
    bobs.next().await.unwrap();
    for user in ["bob", "alice", "bob"] {
        app.token(&format!("server-{user}"))
            .post_event(&app.save_event(user, "x.ipynb"))
            .await;
    }
    assert_eq!(alice.next().await.unwrap().data["user"], "alice");
    assert_eq!(bobs.ids(2).await, ["1", "3"]);
    assert_eq!(
        app.instructor()
            .get("events/stream?color=red")
            .await
            .status(),
        400
    );
    assert_eq!(app.anonymous().get("events/stream").await.status(), 401);
}

#[tokio::test]
async fn streams_end_when_the_service_does() {
    let app = App::standalone().await;
    let mut reader = StreamClient::open(&app.instructor(), "").await;
    reader.next().await.unwrap();
    app.ending.cancel();
    assert_eq!(reader.next().await, None);
}

#[tokio::test]
async fn every_reader_gets_every_event_across_restarts() {
    const ROUNDS: usize = 12;
    const A_ROUND: usize = 60;
    const READERS: usize = 6;
    let mut app = App::standalone().await;
    let mut seen: Vec<Vec<i64>> = vec![Vec::new(); READERS];
    for round in 0..ROUNDS {
        let instructor = app.instructor();
        let reads = seen.iter_mut().enumerate().map(|(reader, seen)| {
            // Some readers leave in the middle, some read only in some rounds.
            let count = (round * 31 + reader * 17) % (A_ROUND + 1);
            let instructor = &instructor;
            async move {
                let mut stream =
                    StreamClient::resume(instructor, seen.last().copied().unwrap_or(0)).await;
                assert_eq!(stream.next().await.unwrap().name, "hello");
                let ids = stream.ids(count).await;
                seen.extend(ids.iter().map(|id| id.parse::<i64>().unwrap()));
            }
        });
        futures::join!(
            publish(&app, round, A_ROUND),
            futures::future::join_all(reads)
        );
        app = app.restarted(false).await;
    }
    let committed: Vec<i64> = (1..=(ROUNDS * A_ROUND) as i64).collect();
    for seen in &mut seen {
        let last = seen.last().copied().unwrap_or(0);
        let mut stream = StreamClient::resume(&app.instructor(), last).await;
        stream.next().await.unwrap();
        let missing = committed.len() - seen.len();
        let ids = stream.ids(missing).await;
        seen.extend(ids.iter().map(|id| id.parse::<i64>().unwrap()));
        assert_eq!(*seen, committed);
    }
}

#[tokio::test]
async fn a_reader_gets_a_reset_when_the_journal_loses_its_events() {
    let app = App::standalone().await;
    publish(&app, 0, 2_000).await;
    // A new service has no event in memory.
    let app = app.restarted(false).await;
    let mut reader = StreamClient::open(&app.instructor(), "?after=0").await;
    let forget = "DELETE FROM journal WHERE seq <= 1900";
    let file = app.folder.path().join("events.sqlite3");
    Connection::open(file).unwrap().execute(forget, []).unwrap();
    // The events that were read already still come, in order, and then the reset.
    assert_eq!(reader.next().await.unwrap().name, "hello");
    for expected in 1.. {
        let message = reader.next().await.unwrap();
        if message.name == "reset" {
            assert_eq!((message.id.as_str(), expected < 1_900), ("2000", true));
            break;
        }
        assert_eq!(message.id, expected.to_string());
    }
    app.instructor().post_event(&event("u", "/after")).await;
    assert_eq!(reader.ids(1).await, ["2001"]);
    // The journal was cut behind the store's back, so the store finds out when it reads.
    let mut late = StreamClient::resume(&app.instructor(), 100).await;
    assert_eq!(late.next().await.unwrap().name, "hello");
    assert_eq!(late.next().await.unwrap().name, "reset");
    let mut in_time = StreamClient::resume(&app.instructor(), 1_900).await;
    assert_eq!(in_time.next().await.unwrap().name, "hello");
    assert_eq!(in_time.ids(1).await, ["1901"]);
}
