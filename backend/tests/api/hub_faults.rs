//! A Hub that is down or slow: whom it has named goes on, and it is not asked too much.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use backend::{auth::HubLimits, limits::LimitSettings};
use futures::future::join_all;

use crate::{
    app::{App, PATIENCE, eventually},
    hub::FakeHub,
};

/// What was said is old at once, and no test lives to see that something is given up.
fn limits() -> HubLimits {
    HubLimits {
        fresh: Duration::from_nanos(1),
        patience: 2 * PATIENCE,
        prompt: 2 * PATIENCE,
        rest: 2 * PATIENCE,
        ..HubLimits::default()
    }
}

async fn app_with(hub: HubLimits) -> (App, Arc<FakeHub>) {
    let limits = LimitSettings {
        hub,
        ..LimitSettings::default()
    };
    let app = App::limited_with_hub(limits).await;
    let hub = Arc::clone(app.hub.as_ref().unwrap());
    (app, hub)
}

fn asked(hub: &FakeHub) -> usize {
    hub.asked.load(Ordering::SeqCst)
}

#[tokio::test]
async fn an_answer_is_good_for_a_while() {
    let (app, hub) = app_with(HubLimits::default()).await;
    for _ in 0..3 {
        app.participant("alice").json("events").await;
    }
    assert_eq!(asked(&hub), 1);
    let (app, hub) = app_with(limits()).await;
    for _ in 0..3 {
        app.participant("alice").json("events").await;
    }
    assert_eq!(asked(&hub), 3, "and no longer");
}

#[tokio::test]
async fn while_it_is_down_those_it_knew_go_on() {
    let (app, hub) = app_with(limits()).await;
    app.participant("alice").json("events").await;
    assert_eq!(app.helper().get("metrics").await.status(), 200);
    hub.down.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(app.participant("alice").get("events").await.status(), 200);
    }
    assert_eq!(asked(&hub), 3, "one in vain, and then it has a rest");
    // With the rights they had.
    assert_eq!(app.helper().get("metrics").await.status(), 200);
    assert_eq!(app.participant("alice").get("metrics").await.status(), 403);
    let stranger = app.participant("bob").get("events").await;
    assert_eq!(stranger.status(), 503);
    assert!(stranger.headers().contains_key("retry-after"));
    hub.down.store(false, Ordering::SeqCst);
    assert_eq!(app.participant("bob").get("events").await.status(), 200);
}

#[tokio::test]
async fn what_it_said_is_not_used_for_ever() {
    let stale = Duration::from_nanos(1);
    let (app, hub) = app_with(HubLimits { stale, ..limits() }).await;
    app.participant("alice").json("events").await;
    hub.down.store(true, Ordering::SeqCst);
    assert_eq!(app.participant("alice").get("events").await.status(), 503);
}

#[tokio::test]
async fn who_was_refused_is_not_known_any_more() {
    let (app, hub) = app_with(limits()).await;
    app.participant("alice").json("events").await;
    let revoked = "oauth-alice".to_owned();
    hub.revoked.lock().unwrap().insert(revoked);
    assert_eq!(app.participant("alice").get("events").await.status(), 401);
    hub.down.store(true, Ordering::SeqCst);
    assert_eq!(app.participant("alice").get("events").await.status(), 503);
}

#[tokio::test]
async fn while_it_hangs_those_it_knew_hardly_wait_and_its_answer_counts_when_it_comes() {
    let prompt = Duration::from_millis(10);
    let rest = Duration::from_nanos(1);
    let fresh = Duration::from_nanos(1);
    let (app, hub) = app_with(HubLimits {
        prompt,
        rest,
        fresh,
        ..limits()
    })
    .await;
    app.participant("alice").json("events").await;
    hub.hangs.send_replace(true);
    for _ in 0..3 {
        assert_eq!(app.participant("alice").get("events").await.status(), 200);
    }
    assert_eq!(asked(&hub), 2, "all wait for the same answer");
    let revoked = "oauth-alice".to_owned();
    hub.revoked.lock().unwrap().insert(revoked);
    hub.hangs.send_replace(false);
    // The question that nobody waits for has made her unknown.
    let alice = app.participant("alice");
    eventually(async || (alice.get("events").await.status() == 401).then_some(())).await;
}

#[tokio::test]
async fn a_stranger_does_not_wait_for_ever() {
    let patience = Duration::from_millis(10);
    let (app, hub) = app_with(HubLimits {
        patience,
        ..limits()
    })
    .await;
    hub.hangs.send_replace(true);
    // More than are asked at once: who waits for a turn is told, too.
    let strangers: Vec<_> = (0..20).map(|n| app.participant(&format!("u{n}"))).collect();
    for response in join_all(strangers.iter().map(|person| person.get("events"))).await {
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key("retry-after"));
    }
}

#[tokio::test]
async fn one_token_is_asked_for_once_at_a_time() {
    let (app, hub) = app_with(HubLimits::default()).await;
    let alice = app.participant("alice");
    let at_once = (0..100).map(|_| alice.get("events"));
    for response in join_all(at_once).await {
        assert_eq!(response.status(), 200);
    }
    assert_eq!(asked(&hub), 1);
}

#[tokio::test]
async fn it_is_asked_eight_things_at_once() {
    let (app, hub) = app_with(limits()).await;
    hub.hangs.send_replace(true);
    let people: Vec<_> = (0..40).map(|n| app.participant(&format!("u{n}"))).collect();
    let release = async {
        let full = async || (hub.waiting.load(Ordering::SeqCst) == 8).then_some(());
        eventually(full).await;
        hub.hangs.send_replace(false);
    };
    let all = join_all(people.iter().map(|person| person.get("events")));
    let (answers, ()) = tokio::join!(all, release);
    assert!(answers.iter().all(|response| response.status() == 200));
    assert_eq!(hub.most_waiting.load(Ordering::SeqCst), 8);
    assert_eq!(asked(&hub), 40);
}
