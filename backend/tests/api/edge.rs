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

#[tokio::test]
async fn one_connection_too_many_waits_for_another_to_end() {
    let mut limits = LimitSettings::default();
    limits.connections.most = 2;
    let app = App::limited(limits).await;
    let first = Raw::open(&app).await;
    let _second = Raw::open(&app).await;
    let mut third = Raw::open(&app).await;
    third.send(&health()).await;
    let mut begun = [0; 15];
    let answer = third.0.read_exact(&mut begun);
    let mut answer = std::pin::pin!(answer);
    assert!(timeout(SHORT, &mut answer).await.is_err());
    drop(first);
    timeout(PATIENCE, answer).await.unwrap().unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");
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
