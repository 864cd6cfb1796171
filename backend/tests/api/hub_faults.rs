//! A Hub that is down or slow: users whom it has named before go on, and it is not asked too much.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use backend::{auth::HubLimits, limits::LimitSettings};
use futures::future::join_all;

use crate::{
    app::App,
    common::{TEST_TIMEOUT, eventually},
    hub::FakeHub,
};

/// Limits by which answers are old at once, and no question is given up within a test.
fn limits() -> HubLimits {
    HubLimits {
        fresh_of_participants: Duration::from_nanos(1),
        fresh_of_observers: Duration::from_nanos(1),
        patience: 2 * TEST_TIMEOUT,
        prompt: 2 * TEST_TIMEOUT,
        rest: 2 * TEST_TIMEOUT,
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
async fn an_answer_of_the_hub_is_good_for_a_while() {
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

/// A right over others is asked for again sooner than the name of a participant.
#[tokio::test]
async fn an_answer_on_a_participant_is_believed_for_longer_than_on_an_observer() {
    let (app, hub) = app_with(HubLimits {
        fresh_of_participants: 2 * TEST_TIMEOUT,
        ..limits()
    })
    .await;
    for _ in 0..3 {
        app.participant("alice").json("events").await;
        app.token("server-ines").json("events").await;
    }
    assert_eq!(asked(&hub), 2);
    for _ in 0..3 {
        app.helper().json("events").await;
        app.instructor().json("events").await;
    }
    assert_eq!(asked(&hub), 2 + 6);
}

#[tokio::test]
async fn known_users_go_on_while_the_hub_is_down() {
    let (app, hub) = app_with(limits()).await;
    app.participant("alice").json("events").await;
    assert_eq!(app.helper().get("metrics").await.status(), 200);
    hub.down.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(app.participant("alice").get("events").await.status(), 200);
    }
    assert_eq!(asked(&hub), 3, "one in vain, and then it has a rest");
    // They have the rights that they had.
    assert_eq!(app.helper().get("metrics").await.status(), 200);
    assert_eq!(app.participant("alice").get("metrics").await.status(), 403);
    let stranger = app.participant("bob").get("events").await;
    assert_eq!(stranger.status(), 503);
    assert!(stranger.headers().contains_key("retry-after"));
    hub.down.store(false, Ordering::SeqCst);
    assert_eq!(app.participant("bob").get("events").await.status(), 200);
}

#[tokio::test]
async fn an_old_answer_of_the_hub_is_not_used() {
    let stale = Duration::from_nanos(1);
    let (app, hub) = app_with(HubLimits { stale, ..limits() }).await;
    app.participant("alice").json("events").await;
    hub.down.store(true, Ordering::SeqCst);
    assert_eq!(app.participant("alice").get("events").await.status(), 503);
}

#[tokio::test]
async fn a_revoked_token_is_forgotten() {
    let (app, hub) = app_with(limits()).await;
    app.participant("alice").json("events").await;
    let revoked = "oauth-alice".to_owned();
    hub.revoked.lock().unwrap().insert(revoked);
    assert_eq!(app.participant("alice").get("events").await.status(), 401);
    hub.down.store(true, Ordering::SeqCst);
    assert_eq!(app.participant("alice").get("events").await.status(), 503);
}

#[tokio::test]
async fn known_users_hardly_wait_for_a_hanging_hub_and_its_late_answer_counts() {
    let prompt = Duration::from_millis(10);
    let rest = Duration::from_nanos(1);
    let (app, hub) = app_with(HubLimits {
        prompt,
        rest,
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
    // The late answer, which no request waits for, has revoked her token.
    let alice = app.participant("alice");
    eventually(async || (alice.get("events").await.status() == 401).then_some(())).await;
}

#[tokio::test]
async fn an_unknown_user_does_not_wait_for_ever() {
    let patience = Duration::from_millis(10);
    let (app, hub) = app_with(HubLimits {
        patience,
        ..limits()
    })
    .await;
    hub.hangs.send_replace(true);
    // More than the questions that go at once, so that some wait for a turn in vain.
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
async fn the_hub_gets_eight_questions_at_once() {
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

/// A flood of tokens waits for itself only, because users whom the Hub has named and sessions have
/// turns of their own.
#[tokio::test]
async fn a_flood_of_made_up_tokens_delays_no_known_user() {
    let (app, hub) = app_with(limits()).await;
    let (ines, _) = app.browser("ines").await;
    app.participant("alice").json("events").await;
    hub.tokens.lock().unwrap().clear();
    hub.hangs.send_replace(true);
    let flood: Vec<_> = (0..200)
        .map(|n| app.token(&format!("made-up-{n}")))
        .collect();
    let flood = join_all(flood.iter().map(|person| person.get("events")));
    let named = [app.cookie(&ines), app.participant("alice")];
    let others = async {
        // The flood has all turns, and the rest of it waits.
        let full = async || (hub.waiting.load(Ordering::SeqCst) == 8).then_some(());
        eventually(full).await;
        for _ in 0..10 {
            app.anonymous().get("healthz").await;
        }
        let release = async {
            for _ in 0..10 {
                app.anonymous().get("healthz").await;
            }
            hub.hangs.send_replace(false);
        };
        let asking = join_all(named.iter().map(|person| person.get("events")));
        let (answers, ()) = tokio::join!(asking, release);
        assert!(answers.iter().all(|response| response.status() == 200));
    };
    let (answers, ()) = tokio::join!(flood, others);
    assert!(answers.iter().all(|response| response.status() == 401));
    let tokens = hub.tokens.lock().unwrap();
    for token in ["oauth-ines", "oauth-alice"] {
        let turn = tokens.iter().position(|asked| asked == token);
        assert!(turn.is_some_and(|turn| turn < 20), "{token}: {turn:?}");
    }
}

/// Neither a flood of made-up tokens nor one of good sessions of one participant makes the service
/// forget the Hub's answers about others.
#[tokio::test]
async fn a_flood_of_tokens_drives_out_no_answer_about_others() {
    let hub_limits = HubLimits {
        remembered: 100,
        of_one: 8,
        ..HubLimits::default()
    };
    let (app, hub) = app_with(hub_limits).await;
    app.participant("alice").json("events").await;
    let (mallory, _) = app.browser("mallory").await;
    for n in 0..300 {
        let made_up = app.token(&format!("made-up-{n}"));
        // Twice, because an answer that is used more than once is kept longer.
        for _ in 0..2 {
            assert_eq!(made_up.get("events").await.status(), 401);
        }
        let session = format!("{mallory}; jupyterhub-session-id={n}");
        for _ in 0..2 {
            // A route that no other limit counts.
            let own = app.cookie(&session).get("api/session").await;
            assert_eq!(own.status(), 200);
        }
    }
    hub.down.store(true, Ordering::SeqCst);
    let before = asked(&hub);
    assert_eq!(app.participant("alice").get("events").await.status(), 200);
    assert_eq!(asked(&hub), before, "it was remembered");
}
