//! Connections: their time limits, the ones that have to make room, and the end of the service.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use backend::limits::LimitSettings;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    app::{App, PREFIX, TOKEN, notebook},
    common::TEST_TIMEOUT,
    copies::{body_of, head_of},
};

/// A limit that a test waits for, or a wait in which nothing must happen.
const SHORT_WAIT: Duration = Duration::from_millis(100);

/// A connection without an HTTP client.
struct RawConnection(tokio::net::TcpStream);

impl RawConnection {
    async fn open(app: &App) -> Self {
        Self(tokio::net::TcpStream::connect(app.address()).await.unwrap())
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends a request and reads the answer; the connection stays open.
    async fn ask_health(&mut self) {
        self.send(&health()).await;
        let answer = self.expect("}").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }

    /// Reads until `text` has come.
    async fn expect(&mut self, text: &str) -> String {
        let mut read = String::new();
        while !read.contains(text) {
            let mut some = [0; 4_096];
            let length = timeout(TEST_TIMEOUT, self.0.read(&mut some)).await;
            let length = length.expect("it comes in time").unwrap();
            assert!(length > 0, "it ended with {read:?}, without {text:?}");
            read.push_str(&String::from_utf8_lossy(&some[..length]));
        }
        read
    }

    /// Reads until the service closes the connection.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        timeout(TEST_TIMEOUT, self.0.read_to_end(&mut bytes))
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
async fn a_head_that_comes_too_slowly_ends_the_connection() {
    let mut limits = LimitSettings::default();
    limits.connections.head_time = SHORT_WAIT;
    let app = App::limited(limits).await;
    let mut silent = RawConnection::open(&app).await;
    let mut half = RawConnection::open(&app).await;
    half.send("GET / HTT").await;
    assert_eq!(silent.rest().await, "");
    assert_eq!(half.rest().await, "");
    // A head that comes byte by byte ends it, too.
    let mut slow = RawConnection::open(&app).await;
    let trickle = async {
        while slow.0.write_all(b"x").await.is_ok() {
            let mut byte = [0];
            if let Ok(Ok(0) | Err(_)) = timeout(SHORT_WAIT / 10, slow.0.read(&mut byte)).await {
                return;
            }
        }
    };
    timeout(TEST_TIMEOUT, trickle).await.expect("it is ended");
    // An idle connection is closed as well.
    let mut kept = RawConnection::open(&app).await;
    kept.send(&health()).await;
    assert!(kept.rest().await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_408() {
    let mut limits = LimitSettings::default();
    limits.connections.body_time = SHORT_WAIT;
    let app = App::limited(limits).await;
    let mut slow = RawConnection::open(&app).await;
    slow.send(&post("events", 100)).await;
    slow.send("{\"type\": ").await;
    let answer = slow.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("{\"message\":\"The body did not arrive in time"));
    assert!(answer.contains("connection: close"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_has_time_as_long_as_it_keeps_coming() {
    const PIECE: usize = 8 << 10;
    const BODY_TIME: Duration = Duration::from_millis(400);
    let mut limits = LimitSettings::default();
    limits.connections.body_time = BODY_TIME;
    // Each piece puts the end off by a second.
    limits.connections.body_bytes_a_second = u32::try_from(PIECE).unwrap();
    let app = App::limited_with_hub(limits).await;
    // Text that hardly gets smaller when it is deflated.
    let mut state = 1_u64;
    let text: String = (0..12 * PIECE)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b'0' + u8::try_from(state >> 58).unwrap())
        })
        .filter(|it| *it != '\\')
        .collect();
    let content = notebook(&[&text]);
    let head = head_of("a.ipynb", content.as_bytes());
    let body = body_of(&head, content.as_bytes());
    assert!(body.len() > 8 * PIECE, "{}", body.len());
    let head = format!(
        "PUT {PREFIX}api/copies HTTP/1.1\r\nHost: x\r\nAuthorization: token server-alice\r\n\
         Content-Type: application/vnd.pipalhub.copy\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let begun = Instant::now();
    let mut slow = RawConnection::open(&app).await;
    slow.send(&head).await;
    for piece in body.chunks(PIECE) {
        slow.0.write_all(piece).await.unwrap();
        tokio::time::sleep(BODY_TIME / 4).await;
    }
    slow.expect("HTTP/1.1 200 OK").await;
    assert!(begun.elapsed() > 2 * BODY_TIME);

    // What is announced and does not come has no more time than a small body.
    let begun = Instant::now();
    let mut silent = RawConnection::open(&app).await;
    silent.send(&head).await;
    silent.send("{").await;
    let answer = silent.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(begun.elapsed() < 10 * BODY_TIME);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_a_431() {
    let app = App::standalone().await;
    let mut large = RawConnection::open(&app).await;
    let padding = "x".repeat(20_000);
    let request = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Padding: {padding}\r\n\r\n");
    // The service may refuse the head while it is still being sent.
    let _ = large.0.write_all(request.as_bytes()).await;
    let mut begun = [0; 12];
    large.0.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 431");
}

/// A service with few connections, which end only to make room for others.
async fn with_few_connections(most: usize) -> App {
    let mut limits = LimitSettings::default();
    limits.connections.most = most;
    limits.connections.head_time = 2 * TEST_TIMEOUT;
    limits.connections.body_time = 2 * TEST_TIMEOUT;
    App::limited(limits).await
}

#[tokio::test]
async fn one_connection_too_many_takes_the_place_of_the_oldest_that_waits() {
    let app = with_few_connections(3).await;
    let mut silent = RawConnection::open(&app).await;
    let mut half = RawConnection::open(&app).await;
    half.send("GET / HTT").await;
    let mut kept = RawConnection::open(&app).await;
    kept.ask_health().await;
    let mut others = Vec::new();
    for gone in [&mut silent, &mut half] {
        let mut newest = RawConnection::open(&app).await;
        newest.ask_health().await;
        others.push(newest);
        assert_eq!(gone.rest().await, "");
    }
    // The next to go is the one whose last request is the oldest.
    let mut newest = RawConnection::open(&app).await;
    newest.ask_health().await;
    assert_eq!(kept.rest().await, "");
    for other in &mut others {
        other.ask_health().await;
    }
}

#[tokio::test]
async fn a_request_that_is_being_answered_keeps_its_connection() {
    let app = with_few_connections(2).await;
    let mut stream = RawConnection::open(&app).await;
    stream
        .send(&format!(
            "GET {PREFIX}events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: token {TOKEN}\r\n\r\n"
        ))
        .await;
    stream.expect("HTTP/1.1 200 OK").await;
    let body = r#"{"type": "t", "user": "u", "filename": "f", "path": "/p"}"#;
    let mut half = RawConnection::open(&app).await;
    let expecting =
        post("events", body.len()).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    half.send(&expecting).await;
    // By then the service has authenticated the request.
    half.expect("HTTP/1.1 100 Continue").await;
    let mut third = RawConnection::open(&app).await;
    third.send(&health()).await;
    let mut begun = [0; 15];
    let mut answer = std::pin::pin!(third.0.read_exact(&mut begun));
    assert!(timeout(SHORT_WAIT, &mut answer).await.is_err());
    // Once it is answered, its connection is idle and makes room.
    half.send(body).await;
    timeout(TEST_TIMEOUT, answer).await.unwrap().unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200 OK");
    assert!(half.rest().await.contains("HTTP/1.1 201 Created"));
    // The stream has kept its connection.
    let event = app.save_event("u", "a.ipynb");
    app.instructor().post_event(&event).await;
    stream.expect("a.ipynb").await;
}

#[tokio::test]
async fn silent_connections_do_not_keep_requests_waiting() {
    let app = with_few_connections(50).await;
    let mut crowd = Vec::new();
    for n in 0..200 {
        let mut one = RawConnection::open(&app).await;
        if n % 2 == 0 {
            // The service may have closed it already.
            let _ = one.0.write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nX: ").await;
        }
        crowd.push(one);
        if n % 20 == 0 {
            assert_eq!(app.anonymous().get("healthz").await.status(), 200, "{n}");
        }
    }
    let posted = app
        .instructor()
        .post_event(&app.save_event("u", "a.ipynb"))
        .await;
    assert_eq!(posted["filename"], "a.ipynb");
    assert_eq!(app.anonymous().get("healthz").await.status(), 200);
}

/// A request without a session whose answer is never read makes room too.
#[tokio::test]
async fn an_anonymous_client_that_reads_nothing_makes_room() {
    let app = with_few_connections(4).await;
    let mut strangers = Vec::new();
    for _ in 0..4 {
        let mut one = RawConnection::open(&app).await;
        // More answers than the sockets hold, and the client reads none.
        one.send(&health().repeat(8)).await;
        let script = format!("GET {PREFIX}poll.js HTTP/1.1\r\nHost: x\r\n\r\n");
        let _ = timeout(SHORT_WAIT, one.0.write_all(script.repeat(2_000).as_bytes())).await;
        strangers.push(one);
    }
    for _ in 0..8 {
        assert_eq!(app.anonymous().get("healthz").await.status(), 200);
    }
}

#[tokio::test]
async fn an_accepted_request_is_answered_before_the_end() {
    let app = App::standalone().await;
    let body = r#"{"type": "t", "user": "u", "filename": "f", "path": "/p"}"#;
    let (begun, rest) = body.split_at(20);
    let mut half = RawConnection::open(&app).await;
    half.send(&post("events", body.len())).await;
    half.send(begun).await;
    // Once this answer has come, that request is being answered.
    assert_eq!(app.anonymous().get("healthz").await.status(), 200);
    // This one has connected and is not accepted yet, since nothing here yields to the service.
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
async fn a_silent_connection_does_not_delay_the_end() {
    let mut limits = LimitSettings::default();
    limits.connections.last_answers = 2 * TEST_TIMEOUT;
    limits.connections.head_time = 2 * TEST_TIMEOUT;
    let app = App::limited(limits).await;
    let mut silent = RawConnection::open(&app).await;
    let mut kept = RawConnection::open(&app).await;
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
