//! `/api/copies`: what participants' servers push.

use std::{fs, io::Write};

use backend::limits::{LimitSettings, PushLimits, Rate};
use flate2::{Compression, write::DeflateEncoder};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    app::{App, notebook},
    clients::TestClient,
    common::eventually,
};

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The head of a push of all of `content`.
pub(crate) fn head_of(filename: &str, content: &[u8]) -> Value {
    json!({
        "filename": filename,
        "path": format!("/home/jovyan/{filename}"),
        "server": "",
        "saved_at_ms": 1_700_000_000_000_i64,
        "size": content.len(),
        "sha256": sha256(content),
        "base": null,
        "prefix": 0,
        "suffix": 0,
    })
}

/// The body of a push with this head.
pub(crate) fn body_of(head: &Value, middle: &[u8]) -> Vec<u8> {
    let mut body = serde_json::to_vec(head).unwrap();
    body.push(b'\n');
    body.extend(deflated(middle));
    body
}

impl TestClient<'_> {
    async fn push_body(&self, body: Vec<u8>) -> Response {
        let request = self.request(Method::PUT, "api/copies");
        let request = request.header("content-type", "application/vnd.pipalhub.copy");
        request.body(body).send().await.unwrap()
    }

    pub(crate) async fn push_head(&self, head: &Value, middle: &[u8]) -> (u16, Value) {
        let answer = self.push_body(body_of(head, middle)).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn push(&self, filename: &str, content: &str) -> (u16, Value) {
        let content = content.as_bytes();
        self.push_head(&head_of(filename, content), content).await
    }

    async fn inventory(&self, files: Value, complete: bool) -> Value {
        let body = json!({"server": "", "complete": complete, "files": files});
        let answer = self.post("api/copies/inventory", &body).await;
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }
}

/// The server of a participant, by its token.
pub(crate) fn server<'a>(app: &'a App, user: &str) -> TestClient<'a> {
    app.token(&format!("server-{user}"))
}

async fn sources(app: &App, user: &str, filename: &str) -> Vec<String> {
    let tile = format!("api/tile?user={user}&filename={filename}");
    let tile = app.instructor().json(&tile).await;
    let cells = tile["tile"]["cells"]
        .as_array()
        .or_else(|| tile["cells"].as_array());
    let cells = cells.unwrap_or_else(|| panic!("{tile}"));
    cells.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_a_tile_an_event_and_a_version_without_any_home() {
    let app = App::with_hub().await;
    let (status, answer) = server(&app, "alice")
        .push("a.ipynb", &notebook(&["first"]))
        .await;
    assert_eq!(
        (status, answer["pace_ms"].as_u64()),
        (200, Some(0)),
        "{answer}"
    );
    assert!(answer["seq"].is_i64());
    assert!(sources(&app, "alice", "a.ipynb").await[0].contains("first"));
    let events = app.instructor().json("events?user=alice").await;
    let [event] = &events.as_array().unwrap()[..] else {
        panic!("{events}");
    };
    assert_eq!(event["path"], "/home/jovyan/a.ipynb");
    assert_eq!(event["timestamp"], "2023-11-14T22:13:20+00:00");
    eventually(async || {
        let versions = app
            .instructor()
            .json("api/history?user=alice&filename=a.ipynb")
            .await;
        (versions["versions"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    // Others may not see it, and their own of that name is another.
    let answer = app
        .participant("bob")
        .get("api/copies/content?user=alice&filename=a.ipynb")
        .await;
    assert_eq!(answer.status(), 404);
    let copies = app.participant("bob").json("api/copies").await;
    assert_eq!(copies, json!([]));
    let answer = app
        .instructor()
        .get("api/copies/content?user=alice&filename=a.ipynb")
        .await;
    assert_eq!(answer.text().await.unwrap(), notebook(&["first"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_is_no_second_event_and_survives_a_restart() {
    let app = App::with_hub().await;
    let content = notebook(&["x"]);
    server(&app, "alice").push("a.ipynb", &content).await;
    let (status, again) = server(&app, "alice").push("a.ipynb", &content).await;
    assert_eq!((status, &again["seq"]), (200, &Value::Null));
    let app = app.restarted(false).await;
    let (status, again) = server(&app, "alice").push("a.ipynb", &content).await;
    assert_eq!((status, &again["seq"]), (200, &Value::Null));
    assert!(sources(&app, "alice", "a.ipynb").await[0].contains('x'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_put_together_or_asks_for_the_whole() {
    let app = App::with_hub().await;
    let alice = server(&app, "alice");
    let (old, new) = (notebook(&["print(1)"]), notebook(&["print(23)"]));
    alice.push("a.ipynb", &old).await;
    let prefix = old.find("print(1)").unwrap() + "print(".len();
    let suffix = old.len() - prefix - 1;
    let mut head = head_of("a.ipynb", new.as_bytes());
    head["base"] = json!(sha256(old.as_bytes()));
    head["prefix"] = json!(prefix);
    head["suffix"] = json!(suffix);
    let (status, answer) = alice.push_head(&head, b"23").await;
    assert_eq!(status, 200, "{answer}");
    assert!(sources(&app, "alice", "a.ipynb").await[0].contains("print(23)"));
    // The base is not what is kept any more.
    let newest = notebook(&["print(4)"]);
    head["sha256"] = json!(sha256(newest.as_bytes()));
    head["size"] = json!(newest.len());
    let (status, answer) = alice.push_head(&head, b"4").await;
    assert_eq!(
        (status, answer["need"].as_str()),
        (409, Some("whole")),
        "{answer}"
    );
    // The base is right, and the result is not what was meant.
    head["base"] = json!(sha256(new.as_bytes()));
    let (status, answer) = alice.push_head(&head, b"5").await;
    assert_eq!(
        (status, answer["need"].as_str()),
        (409, Some("whole")),
        "{answer}"
    );
    assert!(sources(&app, "alice", "a.ipynb").await[0].contains("print(23)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_pushes_are_refused_and_nothing_is_stored() {
    let app = App::with_hub().await;
    let alice = server(&app, "alice");
    let content = notebook(&["x"]);
    let content = content.as_bytes();
    let good = head_of("a.ipynb", content);
    let with = |name: &str, value: Value| {
        let mut head = good.clone();
        head[name] = value;
        head
    };
    for (head, expected) in [
        (with("filename", json!("../a.ipynb")), 400),
        (with("filename", json!("/etc/a.ipynb")), 400),
        (with("filename", json!("a.txt")), 400),
        (with("filename", json!("a\n.ipynb")), 400),
        (
            with("filename", json!(format!("{}.ipynb", "x".repeat(2_000)))),
            400,
        ),
        (with("server", json!("../x")), 400),
        (with("sha256", json!("12")), 400),
        (with("sha256", Value::Null), 400),
        (with("size", json!(content.len() + 1)), 400),
        (with("size", json!(33_554_433)), 413),
        (with("size", json!(u64::MAX)), 413),
        (with("prefix", json!(u64::MAX)), 409),
        (with("prefix", json!(5)), 409),
        (with("sha256", json!("0".repeat(64))), 409),
        (with("base", json!("0".repeat(64))), 409),
        (json!({"filename": "a.ipynb"}), 400),
    ] {
        let (status, answer) = alice.push_head(&head, content).await;
        assert_eq!(status, expected, "{head} {answer}");
    }
    // A bomb is inflated no further than its head says.
    let bomb = vec![b' '; 4 << 20];
    let (status, _) = alice.push_head(&good, &bomb).await;
    assert_eq!(status, 400);
    let mut cut = body_of(&good, content);
    cut.truncate(cut.len() - 3);
    assert_eq!(alice.push_body(cut).await.status(), 400);
    assert_eq!(
        alice.push_body(b"no head at all".to_vec()).await.status(),
        400
    );
    assert_eq!(alice.push_body(vec![b'x'; 20 << 10]).await.status(), 400);
    let plain = alice
        .request(Method::PUT, "api/copies")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(plain.status(), 415);
    assert_eq!(app.instructor().json("events").await, json!([]));
    assert_eq!(app.instructor().json("api/copies").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_cell_that_a_server_did_not_cut_is_in_no_file() {
    let app = App::with_hub().await;
    let content = json!({"cells": [
        {"cell_type": "code", "source": "shown", "metadata": {}, "outputs": []},
        {"cell_type": "code", "source": "canary-of-alice", "metadata": {"tags": ["private"]},
            "outputs": []},
    ], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    .to_string();
    let (status, _) = server(&app, "alice").push("a.ipynb", &content).await;
    assert_eq!(status, 200);
    assert_eq!(sources(&app, "alice", "a.ipynb").await.len(), 1);
    // What cannot be parsed and may have such a cell is told of, and not kept.
    let half = &content[..content.len() - 3];
    let (status, _) = server(&app, "alice").push("b.ipynb", half).await;
    assert_eq!(status, 200);
    let tile = app
        .instructor()
        .json("api/tile?user=alice&filename=b.ipynb")
        .await;
    assert!(tile.to_string().contains("keeps it to itself"), "{tile}");
    for entry in walkdir::WalkDir::new(app.folder.path()) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let bytes = fs::read(entry.path()).unwrap();
            let found = bytes.windows(15).any(|part| part == b"canary-of-alice");
            assert!(!found, "{}", entry.path().display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notebook_that_is_too_large_is_told_of_without_its_content() {
    let app = App::with_hub().await;
    let alice = server(&app, "alice");
    alice.push("a.ipynb", &notebook(&["before"])).await;
    let head = json!({
        "filename": "a.ipynb", "path": "/home/jovyan/a.ipynb", "server": "",
        "saved_at_ms": 1_700_000_001_000_i64, "size": 40 << 20, "withheld": "too-large",
    });
    let (status, answer) = alice.push_head(&head, b"").await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["seq"].is_i64());
    let tile = app
        .instructor()
        .json("api/tile?user=alice&filename=a.ipynb")
        .await;
    assert!(tile.to_string().contains("more than 32 MiB"), "{tile}");
    assert!(tile.to_string().contains("before"), "{tile}");
    // The next one that is small enough is shown as ever.
    alice.push("a.ipynb", &notebook(&["after"])).await;
    let tile = app
        .instructor()
        .json("api/tile?user=alice&filename=a.ipynb")
        .await;
    assert!(!tile.to_string().contains("32 MiB"), "{tile}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_asks_for_what_is_new_and_removes_what_is_gone() {
    let app = App::with_hub().await;
    let alice = server(&app, "alice");
    let (a, b) = (notebook(&["a"]), notebook(&["b"]));
    alice.push("a.ipynb", &a).await;
    alice.push("b.ipynb", &b).await;
    server(&app, "bob").push("b.ipynb", &b).await;
    let file = |name: &str, content: &str| json!({"filename": name, "size": content.len(), "sha256": sha256(content.as_bytes())});
    // A list that was cut off says nothing of what is not in it.
    let some = json!([file("a.ipynb", &a), file("new.ipynb", &b)]);
    let answer = alice.inventory(some.clone(), false).await;
    assert_eq!(answer, json!({"wanted": ["new.ipynb"], "gone": 0}));
    let answer = alice.inventory(json!([file("a.ipynb", &b)]), false).await;
    assert_eq!(answer["wanted"], json!(["a.ipynb"]));
    let answer = alice.inventory(some, true).await;
    assert_eq!(answer, json!({"wanted": ["new.ipynb"], "gone": 1}));
    let copies = app.instructor().json("api/copies").await;
    let names: Vec<_> = copies.as_array().unwrap().iter().collect();
    let names: Vec<_> = names
        .iter()
        .map(|copy| (&copy["user"], &copy["filename"]))
        .collect();
    assert_eq!(
        names,
        [
            (&json!("alice"), &json!("a.ipynb")),
            (&json!("bob"), &json!("b.ipynb"))
        ]
    );
    let deleted = app.instructor().json("events?type=delete-notebook").await;
    assert_eq!(deleted[0]["filename"], "b.ipynb");
    assert_eq!(
        app.instructor()
            .get("api/tile?user=alice&filename=b.ipynb")
            .await
            .status(),
        404
    );
    // Of a service that lost all it had, everything is wanted.
    let answer = server(&app, "cy")
        .inventory(json!([file("a.ipynb", &a)]), true)
        .await;
    assert_eq!(answer["wanted"], json!(["a.ipynb"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_one_person_keep_apart() {
    let app = App::with_hub().await;
    let alice = server(&app, "alice");
    let content = notebook(&["default"]);
    alice.push("a.ipynb", &content).await;
    alice.push("@gpu/a.ipynb", &notebook(&["a folder"])).await;
    let named = notebook(&["named"]);
    let mut head = head_of("a.ipynb", named.as_bytes());
    head["server"] = json!("gpu");
    alice.push_head(&head, named.as_bytes()).await;
    assert!(sources(&app, "alice", "a.ipynb").await[0].contains("default"));
    assert!(sources(&app, "alice", "@gpu/a.ipynb").await[0].contains("named"));
    assert!(sources(&app, "alice", "@/@gpu/a.ipynb").await[0].contains("a folder"));
    // The inventory of one server removes nothing of another's.
    let body = json!({"server": "gpu", "complete": true, "files": []});
    let answer = alice.post("api/copies/inventory", &body).await;
    assert_eq!(answer.json::<Value>().await.unwrap()["gone"], 1);
    assert!(sources(&app, "alice", "a.ipynb").await[0].contains("default"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_a_server_reports_removes_what_was_pushed() {
    let app = App::with_hub().await;
    let alice = server(&app, "alice");
    alice.push("a.ipynb", &notebook(&["x"])).await;
    alice.push("b.ipynb", &notebook(&["y"])).await;
    let event = json!({"type": "delete-notebook", "user": "alice", "filename": "a.ipynb",
        "path": "/home/jovyan/a.ipynb"});
    assert_eq!(alice.post("events", &event).await.status(), 201);
    let copies = app.instructor().json("api/copies").await;
    assert_eq!(copies.as_array().unwrap().len(), 1, "{copies}");
    let app = app.restarted(false).await;
    let copies = app.instructor().json("api/copies").await;
    assert_eq!(copies[0]["filename"], "b.ipynb");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_hub_no_pushes_are_taken() {
    let app = App::standalone().await;
    let (status, answer) = app.instructor().push("a.ipynb", &notebook(&["x"])).await;
    assert_eq!(status, 404, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_event_was_not_stored_is_told_by_the_next_one() {
    let app = App::with_hub().await;
    let content = notebook(&["x"]);
    server(&app, "alice").push("a.ipynb", &content).await;
    app.ending.cancel();
    for ending in ["", "-wal", "-shm"] {
        let file = app.folder.path().join(format!("events.sqlite3{ending}"));
        let _ = fs::remove_file(file);
    }
    let app = app.restarted(false).await;
    assert_eq!(app.instructor().json("events").await, json!([]));
    let (status, answer) = server(&app, "alice").push("a.ipynb", &content).await;
    assert_eq!(status, 200);
    assert!(answer["seq"].is_i64(), "{answer}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_watches_tells_of_a_push_whose_event_was_not_stored() {
    let app = App::watching_with_hub(Default::default()).await;
    server(&app, "alice")
        .push("a.ipynb", &notebook(&["x"]))
        .await;
    app.ending.cancel();
    for ending in ["", "-wal", "-shm"] {
        let file = app.folder.path().join(format!("events.sqlite3{ending}"));
        let _ = fs::remove_file(file);
    }
    let app = app.restarted(true).await;
    let event = eventually(async || {
        let events = app.instructor().json("events").await;
        events.as_array().unwrap().first().cloned()
    })
    .await;
    assert_eq!(event["path"], "/home/jovyan/a.ipynb");
}

/// A participant who has a home here and begins to push: what was pushed counts from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_wins_over_the_home_of_its_participant() {
    let app = App::watching_with_hub(Default::default()).await;
    app.save("alice", "a.ipynb", &["of the home"]);
    app.save("alice", "private/b.ipynb", &["of the home"]);
    app.save("bob", "a.ipynb", &["of bob"]);
    eventually(async || {
        let events = app.instructor().json("events").await;
        (events.as_array().unwrap().len() == 3).then_some(())
    })
    .await;
    let alice = server(&app, "alice");
    let content = notebook(&["pushed"]);
    alice.push("a.ipynb", &content).await;
    let file = json!({
        "filename": "a.ipynb", "size": content.len(), "sha256": sha256(content.as_bytes()),
    });
    alice.inventory(json!([file]), true).await;
    assert!(sources(&app, "alice", "a.ipynb").await[0].contains("pushed"));
    assert!(sources(&app, "bob", "a.ipynb").await[0].contains("of bob"));
    let missing = app
        .instructor()
        .get("api/tile?user=alice&filename=private/b.ipynb")
        .await;
    assert_eq!(missing.status(), 404);
    // A change in the home says nothing any more.
    app.save("alice", "a.ipynb", &["of the home again"]);
    app.save("bob", "c.ipynb", &["after it"]);
    eventually(async || {
        let events = app.instructor().json("events?user=bob").await;
        (events.as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    assert!(sources(&app, "alice", "a.ipynb").await[0].contains("pushed"));
    let deleted = app.instructor().json("events?type=delete-notebook").await;
    assert_eq!(deleted, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_on_a_named_server_removes_nothing_of_the_default_one() {
    let app = App::with_hub().await;
    let alice = server(&app, "alice");
    let content = notebook(&["x"]);
    alice.push("a.ipynb", &content).await;
    let mut head = head_of("a.ipynb", content.as_bytes());
    head["server"] = json!("gpu");
    alice.push_head(&head, content.as_bytes()).await;
    let event = json!({"type": "delete-notebook", "user": "alice", "server": "gpu",
        "filename": "a.ipynb", "path": "/home/jovyan/a.ipynb"});
    assert_eq!(alice.post("events", &event).await.status(), 201);
    let copies = app.instructor().json("api/copies").await;
    let [left] = &copies.as_array().unwrap()[..] else {
        panic!("{copies}");
    };
    assert_eq!(left["filename"], "a.ipynb");
}

/// Many small pushes that each make a large notebook anew.
#[tokio::test(flavor = "multi_thread")]
async fn pushes_are_counted_by_what_they_make() {
    let limits = LimitSettings {
        pushes: PushLimits {
            written_kib: Rate {
                a_second: 1,
                burst: 8,
            },
            ..PushLimits::default()
        },
        ..LimitSettings::default()
    };
    let app = App::limited_with_hub(limits).await;
    let content = notebook(&["x".repeat(5_000).as_str()]);
    let first = server(&app, "alice").push("a.ipynb", &content).await;
    assert_eq!(first.0, 200);
    let head = json!({
        "filename": "a.ipynb", "path": "/a.ipynb", "server": "", "saved_at_ms": 5,
        "size": 0, "withheld": "unreadable",
    });
    let (status, answer) = server(&app, "alice").push_head(&head, b"").await;
    assert_eq!(status, 429, "{answer}");
    assert_eq!(server(&app, "bob").push("a.ipynb", &content).await.0, 200);
}
