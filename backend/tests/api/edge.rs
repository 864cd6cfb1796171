//! Connections: what one may cost, and what becomes of it when the service ends.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use backend::limits::LimitSettings;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::app::{App, PATIENCE, PREFIX, TOKEN};

/// Short where a test waits for it to pass, and long where it must not.
const SHORT: Duration = Duration::from_millis(100);

/// A connection by hand.
struct Raw(tokio::net::TcpStream);

impl Raw {
    async fn open(app: &App) -> Self {
        Self(tokio::net::TcpStream::connect(app.address()).await.unwrap())
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Asks, and takes the answer; the connection is kept.
    async fn ask_health(&mut self) {
        self.send(&health()).await;
        let answer = self.expect("}").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }

    /// Reads until this has come.
    async fn expect(&mut self, text: &str) -> String {
        let mut read = String::new();
        while !read.contains(text) {
            let mut some = [0; 4_096];
            let length = timeout(PATIENCE, self.0.read(&mut some)).await;
            let length = length.expect("it comes in time").unwrap();
            assert!(length > 0, "it ended with {read:?}, without {text:?}");
            read.push_str(&String::from_utf8_lossy(&some[..length]));
        }
        read
    }

    /// All until the service closes the connection.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut bytes))
            .await
            .expect("it is closed in time")
            .unwrap();
        String::from_utf8(bytes).unwrap()
    }
}

fn health() -> String {
    format!("GET {PREFIX}healthz HTTP/1.1\r\nHost: x\r\n\r\n")
}

fn post(path: &str, length: usize) -> String {
    format!(
        "POST {PREFIX}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: token {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let mut limits = LimitSettings::default();
    limits.connections.head_time = SHORT;
    let app = App::limited(limits).await;
    let mut silent = Raw::open(&app).await;
    let mut half = Raw::open(&app).await;
    half.send("GET / HTT").await;
    assert_eq!(silent.rest().await, "");
    assert_eq!(half.rest().await, "");
    // Nor does one that comes byte by byte.
    let mut slow = Raw::open(&app).await;
    let trickle = async {
        while slow.0.write_all(b"x").await.is_ok() {
            let mut byte = [0];
            if let Ok(Ok(0) | Err(_)) = timeout(SHORT / 10, slow.0.read(&mut byte)).await {
                return;
            }
        }
    };
    timeout(PATIENCE, trickle).await.expect("it is ended");
    // And a connection that is kept is not kept for ever.
    let mut kept = Raw::open(&app).await;
    kept.send(&health()).await;
    assert!(kept.rest().await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_408() {
    let mut limits = LimitSettings::default();
    limits.connections.body_time = SHORT;
    let app = App::limited(limits).await;
    let mut slow = Raw::open(&app).await;
    slow.send(&post("events", 100)).await;
    slow.send("{\"type\": ").await;
    let answer = slow.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("{\"message\":\"The body did not arrive in time"));
    assert!(answer.contains("connection: close"));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_a_431() {
    let app = App::standalone().await;
    let mut large = Raw::open(&app).await;
    let padding = "x".repeat(20_000);
    let request = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Padding: {padding}\r\n\r\n");
    // It may be refused while it is still being sent.
    let _ = large.0.write_all(request.as_bytes()).await;
    let mut begun = [0; 12];
    large.0.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 431");
}

/// Nothing ends these connections but others' need of them.
async fn crowded(most: usize) -> App {
    let mut limits = LimitSettings::default();
    limits.connections.most = most;
    limits.connections.head_time = 2 * PATIENCE;
    limits.connections.body_time = 2 * PATIENCE;
    App::limited(limits).await
}

#[tokio::test]
async fn one_connection_too_many_takes_the_place_of_the_oldest_that_waits() {
    let app = crowded(3).await;
    let mut silent = Raw::open(&app).await;
    let mut half = Raw::open(&app).await;
    half.send("GET / HTT").await;
    let mut kept = Raw::open(&app).await;
    kept.ask_health().await;
    let mut others = Vec::new();
    for gone in [&mut silent, &mut half] {
        let mut newest = Raw::open(&app).await;
        newest.ask_health().await;
        others.push(newest);
        assert_eq!(gone.rest().await, "");
    }
    // The one that asked last but two.
    let mut newest = Raw::open(&app).await;
    newest.ask_health().await;
    assert_eq!(kept.rest().await, "");
    for other in &mut others {
        other.ask_health().await;
    }
}

#[tokio::test]
async fn what_is_being_answered_keeps_its_place() {
    let app = crowded(2).await;
    let mut stream = Raw::open(&app).await;
    stream
        .send(&format!(
            "GET {PREFIX}events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: token {TOKEN}\r\n\r\n"
        ))
        .await;
    stream.expect("HTTP/1.1 200 OK").await;
    let body = r#"{"type": "t", "user": "u", "filename": "f", "path": "/p"}"#;
    let mut half = Raw::open(&app).await;
    let expecting =
        post("events", body.len()).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    half.send(&expecting).await;
    // By then the service knows whose it is.
    half.expect("HTTP/1.1 100 Continue").await;
    let mut third = Raw::open(&app).await;
    third.send(&health()).await;
    let mut begun = [0; 15];
    let mut answer = std::pin::pin!(third.0.read_exact(&mut begun));
    assert!(timeout(SHORT, &mut answer).await.is_err());
    // When it is answered, it waits like others.
    half.send(body).await;
    timeout(PATIENCE, answer).await.unwrap().unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");
    assert!(half.rest().await.contains("HTTP/1.1 201 Created"));
    // The stream goes on.
    let event = app.save_event("u", "a.ipynb");
    app.instructor().tell(&event).await;
    stream.expect("a.ipynb").await;
}

#[tokio::test]
async fn a_crowd_that_says_nothing_keeps_nobody_waiting() {
    let app = crowded(50).await;
    let mut crowd = Vec::new();
    for n in 0..200 {
        let mut one = Raw::open(&app).await;
        if n % 2 == 0 {
            // It may have had to go already.
            let _ = one.0.write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nX: ").await;
        }
        crowd.push(one);
        if n % 20 == 0 {
            assert_eq!(app.anon().get("healthz").await.status(), 200, "{n}");
        }
    }
    let posted = app.instructor().tell(&app.save_event("u", "a.ipynb")).await;
    assert_eq!(posted["filename"], "a.ipynb");
    assert_eq!(app.anon().get("healthz").await.status(), 200);
}

/// A request of nobody's that is answered for ever makes room too.
#[tokio::test]
async fn a_stranger_who_reads_nothing_makes_room() {
    let app = crowded(4).await;
    let mut strangers = Vec::new();
    for _ in 0..4 {
        let mut one = Raw::open(&app).await;
        // More answers than the sockets hold, and none is taken.
        one.send(&health().repeat(8)).await;
        let script = format!("GET {PREFIX}poll.js HTTP/1.1\r\nHost: x\r\n\r\n");
        let _ = timeout(SHORT, one.0.write_all(script.repeat(2_000).as_bytes())).await;
        strangers.push(one);
    }
    for _ in 0..8 {
        assert_eq!(app.anon().get("healthz").await.status(), 200);
    }
}

#[tokio::test]
async fn what_was_accepted_is_answered_before_the_end() {
    let app = App::standalone().await;
    let body = r#"{"type": "t", "user": "u", "filename": "f", "path": "/p"}"#;
    let (begun, rest) = body.split_at(20);
    let mut half = Raw::open(&app).await;
    half.send(&post("events", body.len())).await;
    half.send(begun).await;
    // That one is being answered when this one has come.
    assert_eq!(app.anon().get("healthz").await.status(), 200);
    // The last has connected and was not accepted yet: nothing here yields to the service.
    let mut queued = TcpStream::connect(app.address()).unwrap();
    queued.write_all(health().as_bytes()).unwrap();
    app.ending.cancel();
    half.send(rest).await;
    assert!(half.rest().await.starts_with("HTTP/1.1 201 "));
    let answer = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        queued.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.await.unwrap().starts_with("HTTP/1.1 200 OK"));
    assert!(TcpStream::connect(app.address()).is_err());
}

#[tokio::test]
async fn who_says_nothing_does_not_delay_the_end() {
    let mut limits = LimitSettings::default();
    limits.connections.last_answers = 2 * PATIENCE;
    limits.connections.head_time = 2 * PATIENCE;
    let app = App::limited(limits).await;
    let mut silent = Raw::open(&app).await;
    let mut kept = Raw::open(&app).await;
    kept.send(&health()).await;
    kept.0.readable().await.unwrap();
    app.ending.cancel();
    assert_eq!(silent.rest().await, "");
    assert!(kept.rest().await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn segments_are_small_enough_to_be_acknowledged_one_by_one() {
    let app = App::standalone().await;
    let connection = TcpStream::connect(app.address()).unwrap();
    let segment = socket2::SockRef::from(&connection).tcp_mss().unwrap();
    let queued = LimitSettings::default().connections.send_buffer;
    assert!(2 * segment as usize <= queued, "{segment}");
}
