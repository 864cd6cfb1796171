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
        fresh_of_participants: Duration::from_nanos(1),
        fresh_of_observers: Duration::from_nanos(1),
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

/// A right over others is asked for again sooner than who a participant is.
#[tokio::test]
async fn an_answer_on_a_participant_is_believed_for_longer_than_on_an_observer() {
    let (app, hub) = app_with(HubLimits {
        fresh_of_participants: 2 * PATIENCE,
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

/// Whoever shows tokens without end waits for themselves: whom the Hub has named, and who is
/// signed in, have turns of their own.
#[tokio::test]
async fn a_flood_of_made_up_tokens_delays_nobody_whom_the_hub_has_named() {
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
        // The flood has all turns, and what is left of it waits.
        let full = async || (hub.waiting.load(Ordering::SeqCst) == 8).then_some(());
        eventually(full).await;
        for _ in 0..10 {
            app.anon().get("healthz").await;
        }
        let release = async {
            for _ in 0..10 {
                app.anon().get("healthz").await;
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

/// Nobody's flood makes the service forget whom the Hub has named: not one of made-up tokens,
/// nor one of a participant's own, of which each is good.
#[tokio::test]
async fn no_flood_drives_out_what_is_known_of_others() {
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
        // Twice, as what is used more than once is kept longer.
        for _ in 0..2 {
            assert_eq!(made_up.get("events").await.status(), 401);
        }
        let session = format!("{mallory}; jupyterhub-session-id={n}");
        for _ in 0..2 {
            // Of what no other limit counts.
            let own = app.cookie(&session).get("api/session").await;
            assert_eq!(own.status(), 200);
        }
    }
    hub.down.store(true, Ordering::SeqCst);
    let before = asked(&hub);
    assert_eq!(app.participant("alice").get("events").await.status(), 200);
    assert_eq!(asked(&hub), before, "it was remembered");
}
