//! Streams whose reader loses a right, and how often they ask the Hub.

use std::time::Duration;

use backend::limits::LimitSettings;
use serde_json::json;

use crate::{app::App, common::TEST_TIMEOUT};

use super::client::StreamClient;

#[tokio::test]
async fn a_stream_ends_when_its_reader_loses_the_right() {
    let mut limits = LimitSettings::default();
    limits.streams.recheck = Duration::ZERO;
    limits.hub.fresh_of_participants = Duration::from_nanos(1);
    limits.hub.fresh_of_observers = Duration::from_nanos(1);
    limits.hub.rest = TEST_TIMEOUT;
    let app = App::limited_with_hub(limits).await;
    let hub = app.hub.as_ref().unwrap();
    let alice = app.token("server-alice");
    let tell = async |path: &str| alice.post_event(&app.save_event("alice", path)).await;
    let mut readers = Vec::new();
    for token in ["oauth-ines", "oauth-helga", "oauth-alice"] {
        readers.push(StreamClient::open(&app.token(token), "").await);
    }
    for reader in &mut readers {
        reader.next().await.expect("the greeting");
    }
    // Helga's token is revoked. A Hub that is down takes no rights.
    let revoked = "oauth-helga".to_owned();
    hub.revoked.lock().unwrap().insert(revoked);
    let [ines, helga, alices] = &mut readers[..] else {
        unreachable!("there are three");
    };
    tell("a.ipynb").await;
    for reader in [&mut *ines, alices] {
        assert_eq!(reader.next().await.unwrap().data["filename"], "a.ipynb");
    }
    // An event that was on its way when she signed out may still have come.
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

/// A stream without events ends too, and before its next beat.
#[tokio::test]
async fn a_silent_stream_ends_when_its_reader_has_lost_the_right() {
    let mut limits = LimitSettings::default();
    limits.streams.recheck = Duration::from_millis(300);
    limits.streams.heartbeat = 2 * TEST_TIMEOUT;
    limits.hub.fresh_of_participants = Duration::from_nanos(1);
    limits.hub.fresh_of_observers = Duration::from_nanos(1);
    let app = App::limited_with_hub(limits).await;
    let mut reader = StreamClient::open(&app.helper(), "").await;
    reader.next().await.expect("the greeting");
    let revoked = "oauth-helga".to_owned();
    let hub = app.hub.as_ref().unwrap();
    hub.revoked.lock().unwrap().insert(revoked);
    assert_eq!(reader.next().await, None);
}

/// The Hub is asked once for each token, however many streams use it.
#[tokio::test]
async fn many_streams_ask_the_hub_no_more_than_one() {
    let mut limits = LimitSettings::default();
    limits.streams.recheck = Duration::from_millis(1);
    let app = App::limited_with_hub(limits).await;
    let mut readers = Vec::new();
    for _ in 0..16 {
        readers.push(StreamClient::open(&app.helper(), "").await);
    }
    for n in 0..20 {
        let path = format!("{n}.ipynb");
        let event = app.save_event("alice", &path);
        app.token("server-alice").post_event(&event).await;
        for reader in &mut readers {
            while reader.next().await.unwrap().data["filename"] != path.as_str() {}
        }
    }
    let hub = app.hub.as_ref().unwrap();
    assert_eq!(hub.asked.load(std::sync::atomic::Ordering::SeqCst), 2);
}

/// A Hub that hangs does not hold up events.
#[tokio::test]
async fn a_stream_goes_on_while_the_hub_is_asked() {
    let mut limits = LimitSettings::default();
    limits.streams.recheck = Duration::from_millis(1);
    limits.hub.fresh_of_participants = Duration::from_nanos(1);
    limits.hub.fresh_of_observers = Duration::from_nanos(1);
    limits.hub.prompt = 2 * TEST_TIMEOUT;
    limits.hub.patience = 2 * TEST_TIMEOUT;
    let app = App::watching_with_hub(limits).await;
    let mut reader = StreamClient::open(&app.helper(), "").await;
    reader.next().await.expect("the greeting");
    let hub = app.hub.as_ref().unwrap();
    hub.hangs.send_replace(true);
    for path in ["a.ipynb", "b.ipynb"] {
        app.save("alice", path, &["1"]);
        while reader.next().await.unwrap().data["filename"] != path {}
    }
    // The late answer of the Hub counts.
    let revoked = "oauth-helga".to_owned();
    hub.revoked.lock().unwrap().insert(revoked);
    hub.hangs.send_replace(false);
    while reader.next().await.is_some() {}
}
