//! `/events` and `/api/updates`: the original's behaviour, line by line.

mod refusals;
mod rights;

use serde_json::{Value, json};

use crate::app::App;

pub(super) fn event(kind: &str, user: &str, path: &str) -> Value {
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
    let stored = app.instructor().post_event(&posted).await;
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
        app.instructor().post_event(&event("t", "u", path)).await;
    }
    let mut renamed = event("t", "u", "/a");
    renamed["filename"] = json!("new-name.ipynb");
    renamed["timestamp"] = json!("2030-01-01T00:00:00Z");
    app.instructor().post_event(&renamed).await;
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
        let stored = app.instructor().post_event(&body).await;
        let text = stored["timestamp"].as_str().unwrap();
        assert!(text.ends_with("+00:00"), "{text}");
        let stamped: jiff::Timestamp = text.parse().unwrap();
        assert!(
            (before..=jiff::Timestamp::now().as_microsecond()).contains(&stamped.as_microsecond())
        );
    }
}

#[tokio::test]
async fn a_new_key_gets_the_next_id_and_the_last_place() {
    let app = App::standalone().await;
    let keys = [
        ("t", "u", "/a", 1),
        ("t", "u", "/b", 2),
        // A repeated key uses up no id.
        ("t", "u", "/a", 1),
        ("t", "u", "/a", 1),
        // Another type, user or path is another key.
        ("other", "u", "/a", 3),
        ("t", "v", "/a", 4),
    ];
    for (kind, user, path, id) in keys {
        let stored = app.instructor().post_event(&event(kind, user, path)).await;
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
    // The routes are below the prefix, and nowhere else.
    assert_eq!(app.instructor().get("/events").await.status(), 404);
}

#[tokio::test]
async fn filters_are_typed_and_anded() {
    let app = App::standalone().await;
    let mut first = event("a", "alice", "/home/alice/x.ipynb");
    first["timestamp"] = json!("2022-11-14T16:00:00.5Z");
    app.instructor().post_event(&first).await;
    app.instructor()
        .post_event(&event("a", "bob", "/home/bob/x.ipynb"))
        .await;
    app.instructor()
        .post_event(&event("b", "bob", "/home/bob/x.ipynb"))
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
async fn a_restart_keeps_acknowledged_events() {
    let app = App::standalone().await;
    let stored = app.instructor().post_event(&event("t", "u", "/a")).await;
    let app = app.restarted(false).await;
    assert_eq!(app.instructor().json("events").await, json!([stored]));
    assert_eq!(
        app.instructor().post_event(&event("t", "u", "/b")).await["id"],
        2
    );
}

#[tokio::test]
async fn updates_are_the_events_after_the_cursor() {
    let app = App::standalone().await;
    app.instructor().post_event(&event("t", "u", "/a")).await;
    let start = app.instructor().json("api/updates?type=t").await;
    assert_eq!(start, json!({"cursor": 1, "events": []}));
    app.instructor()
        .post_event(&event("other", "u", "/a"))
        .await;
    app.instructor().post_event(&event("t", "u", "/a")).await;
    let next = app.instructor().json("api/updates?type=t&after=1").await;
    assert_eq!(next["cursor"], 3);
    assert_eq!(next["events"].as_array().unwrap().len(), 1);
    for query in ["after=x", "after=-1", "color=red", "color=red&after=0"] {
        let response = app.instructor().get(&format!("api/updates?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn a_file_is_one_entry_however_its_path_is_written() {
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
        let stored = server.post_event(&event).await;
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
