//! `GET /events/stream`.

use std::time::Duration;

use backend::{feed::Audience, limits::LimitSettings};
use futures::StreamExt;
use reqwest::{Method, Response};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, PATIENCE, PREFIX, TOKEN, eventually},
    people::Person,
};

/// One reader's connection, message by message.
struct Reader {
    bytes: futures::stream::BoxStream<'static, Vec<u8>>,
    text: String,
}

#[derive(Debug, PartialEq)]
struct Message {
    name: String,
    id: String,
    data: Value,
}

impl Reader {
    async fn open(person: &Person<'_>, query: &str) -> Self {
        Self::of(person.get(&format!("events/stream{query}")).await)
    }

    /// As a browser comes back that has seen everything up to `id`.
    async fn back(person: &Person<'_>, id: i64) -> Self {
        let request = person.request(Method::GET, "events/stream");
        let request = request.header("last-event-id", id);
        Self::of(request.send().await.unwrap())
    }

    fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let bytes = futures::stream::unfold(response, async |mut response| {
            let chunk = response.chunk().await.ok()??;
            Some((chunk.to_vec(), response))
        });
        Self {
            bytes: bytes.boxed(),
            text: String::new(),
        }
    }

    /// The next message that is neither a comment nor a beat; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Message> {
        loop {
            let next = self.next_or_beat().await;
            if next.as_ref().is_none_or(|message| message.name != "beat") {
                return next;
            }
        }
    }

    /// The same, and beats.
    async fn next_or_beat(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(message) = parse(&block) {
                    return Some(message);
                }
                continue;
            }
            let chunk = tokio::time::timeout(PATIENCE, self.bytes.next())
                .await
                .expect("in time")?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.next().await.unwrap().id);
        }
        ids
    }
}

fn parse(block: &str) -> Option<Message> {
    let field = |name: &str| {
        let prefix = format!("{name}: ");
        block
            .lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .map(str::to_owned)
    };
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(Message {
        name: field("event").unwrap_or_default(),
        id: field("id")?,
        data,
    })
}

fn event(user: &str, path: &str) -> Value {
    json!({"type": "t", "user": user, "filename": "x.ipynb", "path": path})
}

#[tokio::test]
async fn ends_when_its_reader_has_lost_the_right() {
    let mut limits = LimitSettings::default();
    limits.streams.recheck = Duration::ZERO;
    limits.hub.fresh_of_participants = Duration::from_nanos(1);
    limits.hub.fresh_of_observers = Duration::from_nanos(1);
    limits.hub.rest = PATIENCE;
    let app = App::limited_with_hub(limits).await;
    let hub = app.hub.as_ref().unwrap();
    let alice = app.token("server-alice");
    let tell = async |path: &str| alice.tell(&app.save_event("alice", path)).await;
    let mut readers = Vec::new();
    for token in ["oauth-ines", "oauth-helga", "oauth-alice"] {
        readers.push(Reader::open(&app.token(token), "").await);
    }
    for reader in &mut readers {
        reader.next().await.expect("the greeting");
    }
    // One signs out. The Hub being down takes nobody's rights.
    let revoked = "oauth-helga".to_owned();
    hub.revoked.lock().unwrap().insert(revoked);
    let [ines, helga, alices] = &mut readers[..] else {
        unreachable!("there are three");
    };
    tell("a.ipynb").await;
    for reader in [&mut *ines, alices] {
        assert_eq!(reader.next().await.unwrap().data["filename"], "a.ipynb");
    }
    // What was on its way when she signed out may still have come.
    while let Some(message) = helga.next().await {
        assert_eq!(message.data["filename"], "a.ipynb");
        tell("b.ipynb").await;
    }
    hub.down.store(true, std::sync::atomic::Ordering::SeqCst);
    tell("c.ipynb").await;
    for reader in [ines, alices] {
        let mut names = Vec::new();
        while names.last() != Some(&json!("c.ipynb")) {
            names.push(reader.next().await.unwrap().data["filename"].clone());
        }
    }
}

/// A stream that has nothing to say ends too, and not only when there is a beat to send.
#[tokio::test]
async fn a_silent_stream_ends_when_its_reader_has_lost_the_right() {
    let mut limits = LimitSettings::default();
    limits.streams.recheck = Duration::from_millis(300);
    limits.streams.heartbeat = 2 * PATIENCE;
    limits.hub.fresh_of_participants = Duration::from_nanos(1);
    limits.hub.fresh_of_observers = Duration::from_nanos(1);
    let app = App::limited_with_hub(limits).await;
    let mut reader = Reader::open(&app.helper(), "").await;
    reader.next().await.expect("the greeting");
    let revoked = "oauth-helga".to_owned();
    let hub = app.hub.as_ref().unwrap();
    hub.revoked.lock().unwrap().insert(revoked);
    assert_eq!(reader.next().await, None);
}

/// However many there are, the Hub is asked once for each of their tokens.
#[tokio::test]
async fn many_streams_ask_the_hub_no_more_than_one() {
    let mut limits = LimitSettings::default();
    limits.streams.recheck = Duration::from_millis(1);
    let app = App::limited_with_hub(limits).await;
    let mut readers = Vec::new();
    for _ in 0..16 {
        readers.push(Reader::open(&app.helper(), "").await);
    }
    for n in 0..20 {
        let path = format!("{n}.ipynb");
        let event = app.save_event("alice", &path);
        app.token("server-alice").tell(&event).await;
        for reader in &mut readers {
            while reader.next().await.unwrap().data["filename"] != path.as_str() {}
        }
    }
    let hub = app.hub.as_ref().unwrap();
    assert_eq!(hub.asked.load(std::sync::atomic::Ordering::SeqCst), 2);
}

/// A Hub that hangs keeps nobody's events from them.
#[tokio::test]
async fn a_stream_goes_on_while_the_hub_is_asked() {
    let mut limits = LimitSettings::default();
    limits.streams.recheck = Duration::from_millis(1);
    limits.hub.fresh_of_participants = Duration::from_nanos(1);
    limits.hub.fresh_of_observers = Duration::from_nanos(1);
    limits.hub.prompt = 2 * PATIENCE;
    limits.hub.patience = 2 * PATIENCE;
    let app = App::watching_with_hub(limits).await;
    let mut reader = Reader::open(&app.helper(), "").await;
    reader.next().await.expect("the greeting");
    let hub = app.hub.as_ref().unwrap();
    hub.hangs.send_replace(true);
    for path in ["a.ipynb", "b.ipynb"] {
        app.save("alice", path, &["1"]);
        while reader.next().await.unwrap().data["filename"] != path {}
    }
    // And its answer counts when it comes.
    let revoked = "oauth-helga".to_owned();
    hub.revoked.lock().unwrap().insert(revoked);
    hub.hangs.send_replace(false);
    while reader.next().await.is_some() {}
}

#[tokio::test]
async fn sends_what_is_committed() {
    let app = App::standalone().await;
    app.instructor().tell(&event("u", "/before")).await;
    let mut reader = Reader::open(&app.instructor(), "").await;
    let hello = reader.next().await.unwrap();
    assert_eq!((hello.name.as_str(), hello.id.as_str()), ("hello", "1"));
    assert_eq!(hello.data["cursor"], 1);
    let stored = app.instructor().tell(&event("u", "/after")).await;
    let message = reader.next().await.unwrap();
    assert_eq!(
        message,
        Message {
            name: String::new(),
            id: "2".to_owned(),
            data: stored
        }
    );
}

#[tokio::test]
async fn resumes_without_gap_or_duplicate_across_a_restart() {
    let app = App::standalone().await;
    for i in 0..3 {
        app.instructor().tell(&event("u", &format!("/{i}"))).await;
    }
    let app = app.restarted(false).await;
    let request = app
        .instructor()
        .request(reqwest::Method::GET, "events/stream?after=0");
    let response = request.header("last-event-id", "1").send().await.unwrap();
    let mut reader = Reader::of(response);
    assert_eq!(reader.next().await.unwrap().name, "hello");
    app.instructor().tell(&event("u", "/3")).await;
    assert_eq!(reader.ids(3).await, ["2", "3", "4"]);
    let mut second = Reader::open(&app.instructor(), "?after=2").await;
    second.next().await.unwrap();
    assert_eq!(second.ids(2).await, ["3", "4"]);
}

#[tokio::test]
async fn a_past_or_future_that_is_not_kept_is_a_reset() {
    let app = App::standalone().await;
    app.instructor().tell(&event("u", "/a")).await;
    let mut reader = Reader::open(&app.instructor(), "?after=99").await;
    let reset = reader.next().await.unwrap();
    assert_eq!((reset.name.as_str(), reset.id.as_str()), ("reset", "1"));
}

#[tokio::test]
async fn a_reader_that_falls_far_behind_still_gets_everything() {
    let app = App::standalone().await;
    let mut reader = Reader::open(&app.instructor(), "").await;
    reader.next().await.unwrap();
    let instructor = app.instructor();
    // More than the channel between the writer and the readers holds.
    for batch in 0..30 {
        let posts = (0..100).map(|i| {
            let body = event("u", &format!("/{batch}/{i}"));
            let instructor = &instructor;
            async move { instructor.tell(&body).await }
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
    let mut alice = Reader::open(&app.participant("alice"), "").await;
    let mut bobs = Reader::open(&app.instructor(), "?user=bob").await;
    alice.next().await.unwrap();
    bobs.next().await.unwrap();
    for user in ["bob", "alice", "bob"] {
        app.token(&format!("server-{user}"))
            .tell(&app.save_event(user, "x.ipynb"))
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
    assert_eq!(app.anon().get("events/stream").await.status(), 401);
}

#[tokio::test]
async fn streams_end_when_the_service_does() {
    let app = App::standalone().await;
    let mut reader = Reader::open(&app.instructor(), "").await;
    reader.next().await.unwrap();
    app.ending.cancel();
    assert_eq!(reader.next().await, None);
}

/// Posts `count` events, many at once; each has a path of its own.
async fn publish(app: &App, round: usize, count: usize) {
    let instructor = app.instructor();
    let instructor = &instructor;
    let posts = (0..count).map(|i| async move {
        instructor.tell(&event("u", &format!("/{round}/{i}"))).await;
    });
    futures::stream::iter(posts)
        .buffer_unordered(50)
        .collect::<()>()
        .await;
}

#[tokio::test]
async fn everyone_gets_everything_however_often_the_service_restarts() {
    const ROUNDS: usize = 12;
    const A_ROUND: usize = 60;
    const READERS: usize = 6;
    let mut app = App::standalone().await;
    let mut seen: Vec<Vec<i64>> = vec![Vec::new(); READERS];
    for round in 0..ROUNDS {
        let instructor = app.instructor();
        let reads = seen.iter_mut().enumerate().map(|(reader, seen)| {
            // Some leave in the middle, some come only now and then.
            let count = (round * 31 + reader * 17) % (A_ROUND + 1);
            let instructor = &instructor;
            async move {
                let mut stream = Reader::back(instructor, seen.last().copied().unwrap_or(0)).await;
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
        let mut stream = Reader::back(&app.instructor(), last).await;
        stream.next().await.unwrap();
        let missing = committed.len() - seen.len();
        let ids = stream.ids(missing).await;
        seen.extend(ids.iter().map(|id| id.parse::<i64>().unwrap()));
        assert_eq!(*seen, committed);
    }
}

#[tokio::test]
async fn a_reader_whose_past_goes_away_meanwhile_is_told_so() {
    let app = App::standalone().await;
    publish(&app, 0, 2_000).await;
    // A new service has none of it in memory.
    let app = app.restarted(false).await;
    let mut reader = Reader::open(&app.instructor(), "?after=0").await;
    let forget = "DELETE FROM journal WHERE seq <= 1900";
    let file = app.folder.path().join("events.sqlite3");
    Connection::open(file).unwrap().execute(forget, []).unwrap();
    // What was under way still comes, in order, and then the words that some is lost.
    assert_eq!(reader.next().await.unwrap().name, "hello");
    for expected in 1.. {
        let message = reader.next().await.unwrap();
        if message.name == "reset" {
            assert_eq!((message.id.as_str(), expected < 1_900), ("2000", true));
            break;
        }
        assert_eq!(message.id, expected.to_string());
    }
    app.instructor().tell(&event("u", "/after")).await;
    assert_eq!(reader.ids(1).await, ["2001"]);
    // Behind the store's back, so that it finds out when it looks.
    let mut late = Reader::back(&app.instructor(), 100).await;
    assert_eq!(late.next().await.unwrap().name, "hello");
    assert_eq!(late.next().await.unwrap().name, "reset");
    let mut in_time = Reader::back(&app.instructor(), 1_900).await;
    assert_eq!(in_time.next().await.unwrap().name, "hello");
    assert_eq!(in_time.ids(1).await, ["1901"]);
}

#[tokio::test]
async fn a_silent_stream_says_that_it_stands() {
    let mut limits = LimitSettings::default();
    limits.streams.heartbeat = Duration::from_millis(20);
    let app = App::limited(limits).await;
    let mut reader = Reader::open(&app.instructor(), "?user=u").await;
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
    tokio::time::timeout(PATIENCE, beats).await.unwrap();
    app.instructor().tell(&event("u", "/a")).await;
    assert_eq!(reader.ids(1).await, ["1"]);
}

/// A service over a journal in which nothing is for most.
async fn with_others_past(limits: LimitSettings, entries: usize) -> App {
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

/// Nothing of what is committed is for this reader, and it hears of other things all the time.
#[tokio::test]
async fn a_reader_who_sees_nothing_is_told_how_far_it_is() {
    let mut limits = LimitSettings::default();
    limits.streams.heartbeat = Duration::from_millis(200);
    let app = App::limited_with_hub(limits).await;
    let mut reader = Reader::open(&app.participant("alice"), "").await;
    assert_eq!(reader.next().await.unwrap().id, "0");
    let ended = CancellationToken::new();
    let noise = async {
        while !ended.is_cancelled() {
            app.asides.say(Audience::Everyone, "built", &1);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let beats = async {
        for seq in ["1", "2", "3"] {
            let event = app.save_event("bob", "x.ipynb");
            app.token("server-bob").tell(&event).await;
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
    // Whoever comes back from there has missed nothing.
    let event = app.save_event("alice", "x.ipynb");
    app.token("server-alice").tell(&event).await;
    let mut back = Reader::back(&app.participant("alice"), 3).await;
    assert_eq!(back.next().await.unwrap().name, "hello");
    for mut reader in [reader, back] {
        assert_eq!(reader.ids(1).await, ["4"]);
    }
}

/// It says so whenever a part of the past held nothing for it, and not only when a beat is due.
#[tokio::test]
async fn who_was_far_behind_is_told_how_far_it_is() {
    let mut limits = LimitSettings::default();
    limits.streams.heartbeat = 2 * PATIENCE;
    let app = with_others_past(limits, 30_000).await;
    for query in ["?after=0", "?after=0&user=bob", "?after=0&type=x"] {
        let mut reader = Reader::open(&app.participant("alice"), query).await;
        assert_eq!(reader.next().await.unwrap().name, "hello");
        let beat = reader.next_or_beat().await.unwrap();
        assert_eq!((beat.name.as_str(), beat.id.as_str()), ("beat", "30000"));
    }
    let mut instructor = Reader::open(&app.instructor(), "?after=29998").await;
    assert_eq!(instructor.next().await.unwrap().name, "hello");
    assert_eq!(instructor.ids(2).await, ["29999", "30000"]);
    // In steps, where it is looked at each entry.
    let mut of_type = Reader::open(&app.instructor(), "?after=0&type=x").await;
    assert_eq!(of_type.next().await.unwrap().name, "hello");
    for id in ["20000", "30000"] {
        assert_eq!(of_type.next_or_beat().await.unwrap().id, id);
    }
    let updates = "api/updates?after=0";
    let answer: Value = app.participant("alice").json(updates).await;
    assert_eq!(answer, json!({"cursor": 30_000, "events": []}));
}

/// Whatever it waits for, and nothing that it was not told of is said to be behind it.
#[tokio::test]
async fn a_beat_comes_while_the_past_is_read() {
    let mut limits = LimitSettings::default();
    limits.streams.heartbeat = Duration::from_millis(20);
    let app = with_others_past(limits, 100).await;
    app.store.is_held.send_replace(true);
    let mut reader = Reader::open(&app.instructor(), "?after=7").await;
    assert_eq!(reader.next().await.unwrap().name, "hello");
    for _ in 0..3 {
        let beat = reader.next_or_beat().await.unwrap();
        assert_eq!((beat.name.as_str(), beat.id.as_str()), ("beat", "7"));
    }
    app.store.is_held.send_replace(false);
    let expected: Vec<String> = (8..=100).map(|seq| seq.to_string()).collect();
    assert_eq!(reader.ids(93).await, expected);
}

#[tokio::test]
async fn one_person_has_so_many_streams_and_no_more() {
    let mut limits = LimitSettings::default();
    limits.streams.each = 2;
    limits.streams.all = 4;
    let app = App::limited_with_hub(limits).await;
    let (alice, bob) = (app.participant("alice"), app.participant("bob"));
    let first = Reader::open(&alice, "").await;
    let _second = Reader::open(&alice, "").await;
    let refusal = alice.get("events/stream").await;
    assert_eq!(refusal.status(), 429);
    assert_eq!(refusal.headers()["retry-after"], "5");
    let answer: Value = refusal.json().await.unwrap();
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.starts_with("alice has 2 event streams open"),
        "{message}"
    );
    // What is refused for another reason takes no place.
    assert_eq!(bob.get("events/stream?color=red").await.status(), 400);
    let _bobs = [Reader::open(&bob, "").await, Reader::open(&bob, "").await];
    let refusal = app.instructor().get("events/stream").await;
    assert_eq!(refusal.status(), 429);
    let answer: Value = refusal.json().await.unwrap();
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .starts_with("4 event streams are open")
    );
    // However a stream ends, its place is free again.
    drop(first);
    eventually(async || (alice.get("events/stream").await.status() == 200).then_some(())).await;
}

#[tokio::test]
async fn a_reader_that_stalls_is_dropped_and_delays_nobody() {
    const EVENTS: usize = 3_000;
    let mut limits = LimitSettings::default();
    limits.connections.stall_time = Duration::from_millis(300);
    limits.streams.all = 4;
    let app = App::limited(limits).await;
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(Reader::open(&app.instructor(), "").await);
    }
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let own_buffer = socket.recv_buffer_size().unwrap() as usize;
    let mut stalled = socket
        .connect(app.address().parse().unwrap())
        .await
        .unwrap();
    let request = format!(
        "GET {PREFIX}events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: token {TOKEN}\r\n\r\n"
    );
    stalled.write_all(request.as_bytes()).await.unwrap();
    stalled.readable().await.unwrap();
    assert_eq!(app.instructor().get("events/stream").await.status(), 429);

    let expected: Vec<String> = (1..=EVENTS).map(|seq| seq.to_string()).collect();
    let reads = readers.iter_mut().map(|reader| async {
        assert_eq!(reader.next().await.unwrap().name, "hello");
        assert_eq!(reader.ids(EVENTS).await, expected);
    });
    futures::join!(publish(&app, 0, EVENTS), futures::future::join_all(reads));

    // Its place is free for another, and the others have kept theirs.
    eventually(async || {
        let response = app.instructor().get("events/stream").await;
        (response.status() == 200).then_some(())
    })
    .await;
    // All that was ever queued for it is what comes out of its socket now.
    let mut queued = Vec::new();
    // It ends in an error or in the middle, as it should.
    let _ = tokio::time::timeout(PATIENCE, stalled.read_to_end(&mut queued))
        .await
        .unwrap();
    assert!(queued.len() <= own_buffer + (64 << 10), "{}", queued.len());
    app.instructor().tell(&event("u", "/after")).await;
    for reader in &mut readers {
        assert_eq!(reader.ids(1).await, [(EVENTS + 1).to_string()]);
    }
}
