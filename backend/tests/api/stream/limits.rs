//! The number of streams, and readers that stall.

use std::time::Duration;

use backend::limits::LimitSettings;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::{
    app::{App, PREFIX, TOKEN},
    common::{TEST_TIMEOUT, eventually},
};

use super::{client::StreamClient, event, publish};

#[tokio::test]
async fn a_stream_beyond_the_limit_is_refused() {
    let mut limits = LimitSettings::default();
    limits.streams.each = 2;
    limits.streams.all = 4;
    let app = App::limited_with_hub(limits).await;
    let (alice, bob) = (app.participant("alice"), app.participant("bob"));
    let first = StreamClient::open(&alice, "").await;
    let _second = StreamClient::open(&alice, "").await;
    let refusal = alice.get("events/stream").await;
    assert_eq!(refusal.status(), 429);
    assert_eq!(refusal.headers()["retry-after"], "5");
    let answer: Value = refusal.json().await.unwrap();
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.starts_with("alice has 2 event streams open"),
        "{message}"
    );
    // A request that is refused for another reason takes no slot.
    assert_eq!(bob.get("events/stream?color=red").await.status(), 400);
    let _bobs = [
        StreamClient::open(&bob, "").await,
        StreamClient::open(&bob, "").await,
    ];
    let refusal = app.instructor().get("events/stream").await;
    assert_eq!(refusal.status(), 429);
    let answer: Value = refusal.json().await.unwrap();
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .starts_with("4 event streams are open")
    );
    // A dropped stream frees its slot.
    drop(first);
    eventually(async || (alice.get("events/stream").await.status() == 200).then_some(())).await;
}

#[tokio::test]
async fn a_stalled_reader_is_dropped_and_delays_no_other() {
    const EVENTS: usize = 3_000;
    let mut limits = LimitSettings::default();
    limits.connections.stall_time = Duration::from_millis(300);
    limits.streams.all = 4;
    let app = App::limited(limits).await;
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(StreamClient::open(&app.instructor(), "").await);
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

    // Its slot is free for another stream, and the other readers have kept theirs.
    eventually(async || {
        let response = app.instructor().get("events/stream").await;
        (response.status() == 200).then_some(())
    })
    .await;
    // All bytes that were ever queued for it come out of its socket now.
    let mut queued = Vec::new();
    // The read ends in an error or in the middle of a message, as it should.
    let _ = tokio::time::timeout(TEST_TIMEOUT, stalled.read_to_end(&mut queued))
        .await
        .unwrap();
    assert!(queued.len() <= own_buffer + (64 << 10), "{}", queued.len());
    app.instructor().post_event(&event("u", "/after")).await;
    for reader in &mut readers {
        assert_eq!(reader.ids(1).await, [(EVENTS + 1).to_string()]);
    }
}
