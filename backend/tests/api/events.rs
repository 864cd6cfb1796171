//! `/events` and `/api/updates`: the original's behaviour, line by line.

use backend::limits::{LimitSettings, Rate};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{App, bytes_below, eventually};

fn event(kind: &str, user: &str, path: &str) -> Value {
    json!({"type": kind, "user": user, "filename": "x.ipynb", "path": path})
}

#[tokio::test]
async fn an_event_comes_back_as_the_original_wrote_it() {
    let app = App::standalone().await;
    let posted = json!({
        "id": 77, "unknown": 1,
        "type": "test-event", "user": "alice", "filename": "module1-day1.ipynb",
        "path": "/home/alice/module1-day1.ipynb", "timestamp": "2022-11-14T16:00:00.511Z"
    });
    let stored = app.instructor().tell(&posted).await;
    assert_eq!(
        stored,
        json!({
            "id": 1, "type": "test-event", "user": "alice", "filename": "module1-day1.ipynb",
            "path": "/home/alice/module1-day1.ipynb",
            "timestamp": "2022-11-14T16:00:00.511000+00:00"
        })
    );
    assert_eq!(app.instructor().json("events").await, json!([stored]));
}

#[tokio::test]
async fn the_same_key_is_updated_in_its_place() {
    let app = App::standalone().await;
    assert_eq!(app.instructor().json("events").await, json!([]));
    for path in ["/a", "/b", "/a"] {
        app.instructor().tell(&event("t", "u", path)).await;
    }
    let mut renamed = event("t", "u", "/a");
    renamed["filename"] = json!("new-name.ipynb");
    renamed["timestamp"] = json!("2030-01-01T00:00:00Z");
    app.instructor().tell(&renamed).await;
    let listed = app.instructor().json("events").await;
    let seen: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["id"].as_i64().unwrap(), e["path"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [(1, "/a"), (2, "/b")]);
    assert_eq!(listed[0]["filename"], "new-name.ipynb");
    assert_eq!(listed[0]["timestamp"], "2030-01-01T00:00:00+00:00");
}

#[tokio::test]
async fn a_missing_timestamp_is_now_by_this_clock() {
    let app = App::standalone().await;
    let before = jiff::Timestamp::now().as_microsecond();
    let mut null = event("t", "u", "/b");
    null["timestamp"] = Value::Null;
    for body in [event("t", "u", "/a"), null] {
        let stored = app.instructor().tell(&body).await;
        let text = stored["timestamp"].as_str().unwrap();
        assert!(text.ends_with("+00:00"), "{text}");
        let stamped: jiff::Timestamp = text.parse().unwrap();
        assert!(
            (before..=jiff::Timestamp::now().as_microsecond()).contains(&stamped.as_microsecond())
        );
    }
}

#[tokio::test]
async fn what_is_not_an_event_is_refused_and_not_stored() {
    let app = App::standalone().await;
    let whole = event("t", "u", "/a");
    let mut bodies = vec![json!([]), json!("text"), json!(null)];
    for field in ["type", "user", "filename", "path"] {
        let mut missing = whole.clone();
        missing.as_object_mut().unwrap().remove(field);
        bodies.push(missing);
        let mut wrong = whole.clone();
        wrong[field] = json!(5);
        bodies.push(wrong);
    }
    let mut late = whole.clone();
    late["timestamp"] = json!("tomorrow");
    bodies.push(late);
    for body in bodies {
        let response = app.instructor().post("events", &body).await;
        assert_eq!(response.status(), 400, "{body}");
        let answer: Value = response.json().await.unwrap();
        assert!(answer["message"].is_string(), "{body}");
    }
    let request = || app.instructor().request(Method::POST, "events");
    let torn = request()
        .header("content-type", "application/json")
        .body("{\"type\":");
    assert_eq!(torn.send().await.unwrap().status(), 400);
    let form = request()
        .header("content-type", "application/x-www-form-urlencoded")
        .body("a=b");
    assert_eq!(form.send().await.unwrap().status(), 415);
    let mut large = whole;
    large["path"] = json!("x".repeat(20_000));
    assert_eq!(app.instructor().post("events", &large).await.status(), 413);
    assert_eq!(app.instructor().json("events").await, json!([]));
}

#[tokio::test]
async fn a_new_key_gets_the_next_id_and_the_last_place() {
    let app = App::standalone().await;
    let keys = [
        ("t", "u", "/a", 1),
        ("t", "u", "/b", 2),
        // Of a repeated key no id is lost.
        ("t", "u", "/a", 1),
        ("t", "u", "/a", 1),
        // Each of the three makes another key.
        ("other", "u", "/a", 3),
        ("t", "v", "/a", 4),
    ];
    for (kind, user, path, id) in keys {
        let stored = app.instructor().tell(&event(kind, user, path)).await;
        assert_eq!(stored["id"], id, "{kind} {user} {path}");
    }
    let listed = app.instructor().json("events").await;
    let ids: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["id"].clone())
        .collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    // All of it is below the prefix, and nowhere else.
    assert_eq!(app.instructor().get("/events").await.status(), 404);
}

#[tokio::test]
async fn a_field_is_what_it_names_and_no_longer() {
    let app = App::standalone().await;
    for (field, longest) in [
        ("type", 64),
        ("user", 255),
        ("filename", 4_096),
        ("path", 4_096),
    ] {
        let with = |text: String| {
            let mut body = event("t", "u", "/a");
            body[field] = json!(text);
            body
        };
        app.instructor().tell(&with("x".repeat(longest))).await;
        // Bytes count, not characters.
        let long = ["x".repeat(longest + 1), "ö".repeat(longest / 2 + 1)];
        let control = ["a\0b", "a\nb", "\u{1b}[2J", "\u{9b}2J"].map(str::to_owned);
        for text in long.into_iter().chain(control) {
            let response = app.instructor().post("events", &with(text)).await;
            assert_eq!(response.status(), 400, "{field}");
            let answer: Value = response.json().await.unwrap();
            assert!(
                answer["message"].as_str().unwrap().starts_with(field),
                "{answer}"
            );
        }
    }
    assert_eq!(
        app.instructor()
            .json("events")
            .await
            .as_array()
            .unwrap()
            .len(),
        4
    );
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    let app = App::standalone().await;
    for (encoding, status) in [
        ("gzip", 415),
        ("br", 415),
        ("identity, gzip", 415),
        ("Identity", 201),
    ] {
        let request = app.instructor().request(Method::POST, "events");
        let request = request.header("content-encoding", encoding);
        let response = request.json(&event("t", "u", "/a")).send().await.unwrap();
        assert_eq!(response.status(), status, "{encoding}");
    }
}

#[tokio::test]
async fn who_posts_too_often_is_told_when_to_come_back() {
    let mut limits = LimitSettings::default();
    limits.events.participant = Rate {
        a_second: 1,
        burst: 3,
    };
    let app = App::limited_with_hub(limits).await;
    let alice = app.token("server-alice");
    let numbered = |i: i32| {
        let mut event = app.save_event("alice", "x.ipynb");
        event["timestamp"] = json!(format!("2030-01-01T00:00:00.{i:06}Z"));
        event
    };
    let mut taken = 0;
    let refusal = loop {
        let response = alice.post("events", &numbered(taken)).await;
        if response.status() != 201 {
            break response;
        }
        taken += 1;
    };
    assert!(taken >= 3, "the burst is let through, not {taken}");
    assert_eq!(refusal.status(), 429);
    assert_eq!(refusal.headers()["retry-after"], "1");
    let answer: Value = refusal.json().await.unwrap();
    assert!(
        answer["message"].as_str().unwrap().starts_with("alice "),
        "{answer}"
    );
    // Nobody else is held up by that, and neither is who sees everyone.
    app.token("server-bob")
        .tell(&app.save_event("bob", "x.ipynb"))
        .await;
    for _ in 0..10 {
        app.instructor()
            .tell(&app.save_event("ines", "x.ipynb"))
            .await;
    }
    // Sent again, the last state is the right one.
    let stored = eventually(async || {
        let response = alice.post("events", &numbered(taken)).await;
        (response.status() == 201).then_some(response)
    });
    let stored: Value = stored.await.json().await.unwrap();
    assert_eq!(alice.json("events").await, json!([stored]));
}

#[tokio::test]
async fn invented_paths_come_to_an_end() {
    let mut limits = LimitSettings::default();
    limits.events.entries = 3;
    let app = App::limited_with_hub(limits).await;
    let alice = app.token("server-alice");
    for i in 0..3 {
        alice
            .tell(&app.save_event("alice", &format!("{i}.ipynb")))
            .await;
    }
    let refusal = alice
        .post("events", &app.save_event("alice", "3.ipynb"))
        .await;
    assert_eq!(refusal.status(), 409);
    let answer: Value = refusal.json().await.unwrap();
    assert!(
        answer["message"].as_str().unwrap().contains("3 entries"),
        "{answer}"
    );
    let wall = app.instructor().json("api/wall?filename=3.ipynb").await;
    assert_eq!(
        wall["tiles"],
        json!([]),
        "nor does it take a place on the wall"
    );
    // What is there already is still reported, and others have entries of their own.
    alice.tell(&app.save_event("alice", "0.ipynb")).await;
    app.token("server-bob")
        .tell(&app.save_event("bob", "x.ipynb"))
        .await;
    assert_eq!(alice.json("events").await.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn filters_are_typed_and_anded() {
    let app = App::standalone().await;
    let mut first = event("a", "alice", "/home/alice/x.ipynb");
    first["timestamp"] = json!("2022-11-14T16:00:00.5Z");
    app.instructor().tell(&first).await;
    app.instructor()
        .tell(&event("a", "bob", "/home/bob/x.ipynb"))
        .await;
    app.instructor()
        .tell(&event("b", "bob", "/home/bob/x.ipynb"))
        .await;
    for (query, ids) in [
        ("id=1", vec![1]),
        ("id=9", vec![]),
        ("user=bob", vec![2, 3]),
        ("user=bob&type=b", vec![3]),
        ("user=alice&type=b", vec![]),
        ("filename=x.ipynb", vec![1, 2, 3]),
        ("path=/home/bob/x.ipynb", vec![2, 3]),
        ("timestamp=2022-11-14T16:00:00.500000%2B00:00", vec![1]),
        ("timestamp=2022-11-14T16:00:00.500000+00:00", vec![1]),
        ("timestamp=2022-11-14T17:00:00.5%2B01:00", vec![1]),
    ] {
        let listed = app.instructor().json(&format!("events?{query}")).await;
        let seen: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["id"].as_i64().unwrap())
            .collect();
        assert_eq!(seen, ids, "{query}");
    }
    for query in ["color=red", "id=one", "timestamp=noon", "user=a&user=b"] {
        let response = app.instructor().get(&format!("events?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn a_restart_keeps_what_was_acknowledged() {
    let app = App::standalone().await;
    let stored = app.instructor().tell(&event("t", "u", "/a")).await;
    let app = app.restarted(false).await;
    assert_eq!(app.instructor().json("events").await, json!([stored]));
    assert_eq!(app.instructor().tell(&event("t", "u", "/b")).await["id"], 2);
}

#[tokio::test]
async fn under_a_hub_the_token_says_who_it_is() {
    let app = App::with_hub().await;
    app.save("alice", "x.ipynb", &["1"]);
    let own = app.save_event("alice", "x.ipynb");
    assert_eq!(
        app.token("server-alice")
            .post("events", &own)
            .await
            .status(),
        201
    );
    let others = app.save_event("bob", "x.ipynb");
    let mut outside = own.clone();
    outside["path"] = app.save_event("bob", "x.ipynb")["path"].clone();
    let mut above = own.clone();
    above["path"] = json!(app.home("alice").join("../bob/x.ipynb"));
    for body in [others, outside, above] {
        assert_eq!(
            app.token("server-alice")
                .post("events", &body)
                .await
                .status(),
            403,
            "{body}"
        );
    }
    // An instructor's own server reports for itself alone, too.
    let response = app.token("oauth-ines").post("events", &own).await;
    assert_eq!(response.status(), 403);
    assert_eq!(
        app.instructor()
            .json("events")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn one_file_is_one_entry_however_it_is_written() {
    let app = App::with_hub().await;
    app.save("alice", "m1/x.ipynb", &["1"]);
    let home = app.home("alice").display().to_string();
    let server = app.token("server-alice");
    let spellings = [
        "m1/x.ipynb",
        "./m1/x.ipynb",
        "//m1//x.ipynb",
        "m1/./x.ipynb/",
    ];
    for spelling in spellings {
        let mut event = app.save_event("alice", spelling);
        event["path"] = json!(format!("{home}/{spelling}"));
        let stored = server.tell(&event).await;
        assert_eq!(stored["filename"], "m1/x.ipynb", "{spelling}");
        assert_eq!(stored["path"], format!("{home}/m1/x.ipynb"), "{spelling}");
    }
    let entries = async |query: &str| {
        let listed = app.instructor().json(query).await;
        listed.as_array().unwrap().len()
    };
    assert_eq!(entries("events").await, 1);
    for spelling in spellings {
        for query in [
            format!("events?filename={spelling}"),
            format!("events?path={home}/{spelling}"),
        ] {
            assert_eq!(entries(&query).await, 1, "{query}");
        }
        let tile = format!("api/tile?user=alice&filename={spelling}");
        assert_eq!(app.instructor().get(&tile).await.status(), 200, "{tile}");
    }
    for (field, value) in [
        ("filename", "../x.ipynb"),
        ("filename", "m1/../x.ipynb"),
        ("filename", "./"),
    ] {
        let mut event = app.save_event("alice", "x.ipynb");
        event[field] = json!(value);
        let response = server.post("events", &event).await;
        assert_eq!(response.status(), 400, "{field} {value}");
    }
    assert_eq!(entries("events").await, 1);
    let app = App::standalone().await;
    for path in ["", "/", "/home/alice/../bob/x.ipynb"] {
        let response = app
            .instructor()
            .post("events", &event("t", "u", path))
            .await;
        assert_eq!(response.status(), 400, "{path}");
    }
}

#[tokio::test]
async fn participants_see_their_own_events() {
    let app = App::with_hub().await;
    for user in ["alice", "bob"] {
        app.token(&format!("server-{user}"))
            .tell(&app.save_event(user, "x.ipynb"))
            .await;
    }
    let seen = async |person: crate::people::Person<'_>| -> Vec<String> {
        let listed = person.json("events").await;
        let users = listed.as_array().unwrap().iter();
        users
            .map(|e| e["user"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(seen(app.instructor()).await, ["alice", "bob"]);
    assert_eq!(seen(app.token("oauth-root")).await, ["alice", "bob"]);
    assert_eq!(seen(app.participant("alice")).await, ["alice"]);
    assert_eq!(seen(app.token("server-bob")).await, ["bob"]);
    // The token of an admin's own server is not the admin.
    assert_eq!(seen(app.token("server-root")).await, [""; 0]);
    let others = app.participant("alice").json("events?user=bob").await;
    assert_eq!(others, json!([]));
    let updates = app.participant("alice").json("api/updates?after=0").await;
    assert_eq!(updates["events"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn updates_are_what_came_after_the_cursor() {
    let app = App::standalone().await;
    app.instructor().tell(&event("t", "u", "/a")).await;
    let start = app.instructor().json("api/updates?type=t").await;
    assert_eq!(start, json!({"cursor": 1, "events": []}));
    app.instructor().tell(&event("other", "u", "/a")).await;
    app.instructor().tell(&event("t", "u", "/a")).await;
    let next = app.instructor().json("api/updates?type=t&after=1").await;
    assert_eq!(next["cursor"], 3);
    assert_eq!(next["events"].as_array().unwrap().len(), 1);
    for query in ["after=x", "after=-1", "color=red", "color=red&after=0"] {
        let response = app.instructor().get(&format!("api/updates?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn no_token_is_kept() {
    let app = App::with_hub().await;
    app.token("server-canary")
        .tell(&app.save_event("canary", "x.ipynb"))
        .await;
    app.participant("canary").json("events").await;
    let kept = bytes_below(app.folder.path());
    for token in ["server-canary", "oauth-canary", crate::hub::SERVICE_TOKEN] {
        let found = kept
            .windows(token.len())
            .any(|window| window == token.as_bytes());
        assert!(!found, "{token}");
    }
}

/// A path of a page takes up as much of the list as several plain ones.
#[tokio::test]
async fn long_events_count_as_several() {
    let mut limits = LimitSettings::default();
    limits.events.entries = 20;
    let app = App::limited_with_hub(limits).await;
    let alice = app.token("server-alice");
    let folder = "d".repeat(200) + "/";
    for (n, status) in [(0, 201), (1, 201), (2, 409), (1, 201)] {
        let event = app.save_event("alice", &format!("{}{n}.ipynb", folder.repeat(15)));
        assert_eq!(alice.post("events", &event).await.status(), status, "{n}");
    }
    alice.tell(&app.save_event("alice", "short.ipynb")).await;
    // And of the rate.
    let mut limits = LimitSettings::default();
    limits.events.participant.burst = 5;
    limits.events.participant.a_second = 1;
    let app = App::limited_with_hub(limits).await;
    let event = app.save_event("alice", &format!("{}a.ipynb", folder.repeat(15)));
    let alice = app.token("server-alice");
    let response = alice.post("events", &event).await;
    assert_eq!(response.status(), 429);
    assert!(response.headers().contains_key("retry-after"));
}
