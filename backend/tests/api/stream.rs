//! `GET /events/stream`.

use futures::StreamExt;
use reqwest::Response;
use serde_json::{Value, json};

use crate::app::{App, PATIENCE, Person};

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

    /// The next message that is not a comment; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Message> {
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
