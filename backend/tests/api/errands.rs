//! `/api/errands` and `/api/handouts`: restoring into a home that the service cannot write, and
//! handing out.

use std::{
    fs,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    app::{App, notebook},
    clients::TestClient,
    common::eventually,
    copies::{head_of, server},
    history::{record, restore_of},
};

const DAY1: &str = "m1/day1.ipynb";

/// A version of alice's, whose home is then out of the service's reach.
async fn unreachable(app: &App) -> i64 {
    let version = record(app, "alice", &notebook(&["one"])).await;
    let home = app.home("alice");
    fs::rename(&home, app.folder.path().join("volume")).unwrap();
    version
}

async fn errands(server: &TestClient<'_>) -> Vec<Value> {
    let answer = server.json("api/errands").await;
    answer["errands"].as_array().unwrap().clone()
}

async fn report(server: &TestClient<'_>, id: &Value, report: Value) -> StatusCode {
    let path = format!("api/errands/{id}");
    server.post(&path, &report).await.status()
}

async fn hand_out(app: &App, to: Value) -> Value {
    let body = json!({"user": "ines", "filename": "day2.ipynb", "to": to});
    let response = app.instructor().post("api/handouts", &body).await;
    assert_eq!(response.status(), 201);
    response.json().await.unwrap()
}

/// A handout as it is in the list, and each receiver with its state.
async fn receivers(app: &App, handout: &Value) -> Vec<(String, String)> {
    let list = app.instructor().json("api/handouts").await;
    let handouts = list["handouts"].as_array().unwrap();
    let found = handouts.iter().find(|it| it["id"] == handout["id"]);
    let receivers = found.unwrap()["receivers"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    receivers
        .map(|receiver| (text(&receiver["user"]), text(&receiver["state"])))
        .collect()
}

fn states(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(user, state): &(&str, &str)| ((*user).to_owned(), (*state).to_owned());
    expected.iter().map(owned).collect()
}

#[tokio::test]
async fn a_restore_waits_for_the_participants_server() {
    let app = App::with_hub().await;
    let version = unreachable(&app).await;
    let restore = restore_of("alice", version);
    let asked = app.instructor().post("api/history/restore", &restore).await;
    assert_eq!(asked.status(), 202);
    let asked: Value = asked.json().await.unwrap();
    assert_eq!(asked["state"], "pending");
    // A second click is the same errand.
    let alice = app.participant("alice");
    let again = alice.post("api/history/restore", &restore).await;
    assert_eq!(again.json::<Value>().await.unwrap(), asked);
    let state = format!("api/errands/{}", asked["errand"]);
    assert_eq!(alice.json(&state).await["state"], "pending");

    let server = app.token("server-alice");
    let listed = errands(&server).await;
    let [errand] = listed.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!(errand["kind"], "restore");
    let filename = errand["filename"].as_str().unwrap();
    assert!(filename.starts_with("m1/day1-restored-"), "{errand}");
    let content = server.get(errand["url"].as_str().unwrap()).await;
    let content = content.bytes().await.unwrap();
    assert_eq!(content, notebook(&["one"]));
    assert_eq!(errand["size"], content.len());
    assert_eq!(errand["sha256"].as_str().unwrap().len(), 64);

    // The server of another participant neither sees nor ends it.
    let other = app.token("server-bob");
    assert_eq!(errands(&other).await, [json!(null); 0]);
    let done = json!({"state": "done", "filename": "m1/day1-restored-2.ipynb"});
    assert_eq!(report(&other, &asked["errand"], done.clone()).await, 404);
    assert_eq!(other.get(&state).await.status(), 404);

    for _ in 0..2 {
        let status = report(&server, &asked["errand"], done.clone()).await;
        assert_eq!(status, 204);
    }
    let late = json!({"state": "failed", "reason": "late"});
    assert_eq!(report(&server, &asked["errand"], late).await, 204);
    assert_eq!(errands(&server).await, [json!(null); 0]);
    for reader in [alice, app.instructor(), app.helper()] {
        let told = reader.json(&state).await;
        assert_eq!(told["state"], "done");
        assert_eq!(told["filename"], "m1/day1-restored-2.ipynb");
    }
}

#[tokio::test]
async fn a_restore_that_waits_is_listed_beside_its_notebook_and_can_be_taken_back() {
    let app = App::with_hub().await;
    let version = unreachable(&app).await;
    let restore = restore_of("alice", version);
    let ask = async || {
        let alice = app.participant("alice");
        let asked = alice.post("api/history/restore", &restore).await;
        asked.json::<Value>().await.unwrap()["errand"].clone()
    };
    let first = ask().await;
    let list = format!("api/history?user=alice&filename={DAY1}");
    let [ines, helper, alice] = [app.instructor(), app.helper(), app.participant("alice")];
    for reader in [&ines, &helper, &alice] {
        let listed = reader.json(&list).await["restores"].clone();
        assert_eq!(listed[0]["id"], first);
        assert_eq!(listed[0]["state"], "pending");
        assert_eq!(listed[0]["version"], version);
    }
    let older = ines.json(&format!("{list}&before={version}")).await;
    assert_eq!(older["restores"], Value::Null);

    let take_back = async |client: &TestClient<'_>, id: &Value| {
        let request = client.request(Method::DELETE, &format!("api/errands/{id}"));
        request.send().await.unwrap().status()
    };
    assert_eq!(take_back(&app.participant("bob"), &first).await, 404);
    assert_eq!(take_back(&helper, &first).await, 403);
    assert_eq!(take_back(&alice, &first).await, 204);
    assert_eq!(take_back(&alice, &first).await, 409);
    assert_eq!(ines.json(&list).await["restores"], Value::Null);
    let server = app.token("server-alice");
    assert_eq!(errands(&server).await, [json!(null); 0]);
    let content = server.get(&format!("api/errands/{first}/content")).await;
    assert_eq!(content.status(), 404);

    let second = ask().await;
    assert_ne!(second, first);
    let done = json!({"state": "done", "filename": "m1/day1-restored-x.ipynb"});
    assert_eq!(report(&server, &second, done).await, 204);
    assert_eq!(take_back(&ines, &second).await, 409);
    let listed = ines.json(&list).await["restores"].clone();
    assert_eq!(listed[0]["filename"], "m1/day1-restored-x.ipynb");
    // The server had begun with the first before it was taken back.
    let late = json!({"state": "done", "filename": "m1/late.ipynb"});
    assert_eq!(report(&server, &first, late).await, 204);
    assert_eq!(ines.json(&list).await["restores"][1]["state"], "done");
}

#[tokio::test]
async fn an_errand_survives_the_service_and_says_why_it_failed() {
    let app = App::with_hub().await;
    let version = unreachable(&app).await;
    let restore = restore_of("alice", version);
    let asked = app.instructor().post("api/history/restore", &restore).await;
    let asked: Value = asked.json().await.unwrap();
    let app = app.restarted(false).await;
    let server = app.token("server-alice");
    let [errand] = errands(&server).await.try_into().unwrap();
    assert_eq!(errand["id"], asked["errand"]);
    let reason = format!("disk\nfull{}", "x".repeat(300));
    let failed = json!({"state": "failed", "reason": reason});
    assert_eq!(report(&server, &errand["id"], failed).await, 204);
    let state = format!("api/errands/{}", errand["id"]);
    let told = app.instructor().json(&state).await;
    assert_eq!(told["state"], "failed");
    let reason = told["reason"].as_str().unwrap();
    assert!(reason.starts_with("disk full") && reason.len() == 200);
}

#[tokio::test]
async fn a_home_that_can_be_written_is_written() {
    let app = App::with_hub().await;
    let version = record(&app, "alice", &notebook(&["one"])).await;
    let restore = restore_of("alice", version);
    let done = app.instructor().post("api/history/restore", &restore).await;
    assert_eq!(done.status(), 201);
    let done: Value = done.json().await.unwrap();
    let written = app.home("alice").join(done["filename"].as_str().unwrap());
    assert!(written.exists());
    assert_eq!(errands(&app.token("server-alice")).await, [json!(null); 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_whose_server_pushes_has_restores_done_by_it() {
    let app = App::with_hub().await;
    let alice = server(&app, "alice");
    let content = notebook(&["pushed"]);
    let mut head = head_of("m1/day1.ipynb", content.as_bytes());
    head["server"] = json!("lab");
    assert_eq!(alice.push_head(&head, content.as_bytes()).await.0, 200);
    let list = "api/history?user=alice&filename=@lab/m1/day1.ipynb";
    let version = eventually(async || {
        let versions = app.instructor().json(list).await;
        versions["versions"][0]["version"].as_i64()
    })
    .await;
    let restore = json!({"user": "alice", "filename": "@lab/m1/day1.ipynb", "version": version});
    let asked = app.instructor().post("api/history/restore", &restore).await;
    assert_eq!(asked.status(), 202);
    assert_eq!(asked.json::<Value>().await.unwrap()["state"], "pending");
    // Only the server that has the notebook is given it, whichever asks first.
    assert_eq!(errands(&alice).await, [json!(null); 0]);
    let of_gpu = alice.json("api/errands?server=gpu").await;
    assert_eq!(of_gpu["errands"], json!([]));
    let of_lab = alice.json("api/errands?server=lab").await;
    let errand = &of_lab["errands"][0];
    let listed = app.helper().json(list).await;
    assert_eq!(listed["restores"][0]["server"], "lab");
    // Below the folder of the server, and not in one of the server's name.
    let filename = errand["filename"].as_str().unwrap();
    assert!(filename.starts_with("m1/day1-restored-"), "{errand}");
    let restored = alice.get(errand["url"].as_str().unwrap()).await;
    assert_eq!(restored.bytes().await.unwrap(), content);
    // People read the name that the copy has here.
    let done = json!({"state": "done", "filename": "m1/x.ipynb"});
    assert_eq!(report(&alice, &errand["id"], done).await, 204);
    let listed = app.helper().json(list).await;
    assert_eq!(listed["restores"][0]["filename"], "@lab/m1/x.ipynb");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_notebook_is_handed_out_as_it_was_pushed() {
    let app = App::with_hub().await;
    app.save("ines", "day2.ipynb", &["in a home"]);
    let content = notebook(&["pushed"]);
    let (status, _) = server(&app, "ines").push("day2.ipynb", &content).await;
    assert_eq!(status, 200);
    hand_out(&app, json!({"user": "bob"})).await;
    let bob = server(&app, "bob");
    let [errand] = errands(&bob).await.try_into().unwrap();
    assert_eq!(errand["filename"], "day2.ipynb");
    let handed_out = bob.get(errand["url"].as_str().unwrap()).await;
    assert_eq!(handed_out.bytes().await.unwrap(), content);
    let body = json!({"user": "ines", "filename": "gone.ipynb", "to": {"everyone": true}});
    let missing = app.instructor().post("api/handouts", &body).await;
    assert_eq!(missing.status(), 404);
}

#[tokio::test]
async fn a_server_that_waits_hears_at_once() {
    let app = App::with_hub().await;
    app.save("ines", "day2.ipynb", &["handout"]);
    let server = app.token("server-bob");
    let begun = Instant::now();
    let waiting = server.json("api/errands?wait=25");
    let handing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        hand_out(&app, json!({"everyone": true})).await
    };
    let (heard, _) = futures::future::join(waiting, handing).await;
    assert_eq!(heard["errands"][0]["filename"], "day2.ipynb");
    assert!(begun.elapsed() < Duration::from_secs(20));
    let refused = server.get("api/errands?wait=26").await;
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn a_handout_goes_to_its_audience_and_to_those_who_come_later() {
    let app = App::with_hub().await;
    let private = json!({
        "cells": [
            {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": null,
                "source": "kept", "outputs": []},
            {"cell_type": "code", "id": "b", "metadata": {"tags": ["private"]},
                "execution_count": null, "source": "canary", "outputs": []},
        ],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
    });
    app.save_text("ines", "day2.ipynb", &private.to_string());
    let groups = |user: &str, names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let hub = app.hub.as_ref().unwrap();
        hub.groups.lock().unwrap().insert(user.to_owned(), names);
    };
    groups("alice", &["monday"]);
    let to_group = hand_out(&app, json!({"group": "monday"})).await;
    let to_bob = hand_out(&app, json!({"user": "bob"})).await;
    assert_eq!(receivers(&app, &to_group).await, []);
    let pending = states(&[("bob", "pending")]);
    assert_eq!(receivers(&app, &to_bob).await, pending);

    let (alice, bob) = (app.token("server-alice"), app.token("server-bob"));
    let [for_alice] = errands(&alice).await.try_into().unwrap();
    let [for_bob] = errands(&bob).await.try_into().unwrap();
    assert_eq!(errands(&app.token("server-ines")).await.len(), 0);
    assert_eq!(for_alice["kind"], "handout");
    let content = alice.get(for_alice["url"].as_str().unwrap()).await;
    let content = content.text().await.unwrap();
    assert!(content.contains("kept") && !content.contains("canary"));
    assert_eq!(content.len(), for_alice["size"]);

    let done = json!({"state": "done", "filename": "day2-2.ipynb"});
    assert_eq!(report(&alice, &for_alice["id"], done).await, 204);
    let opened = json!({"state": "opened"});
    assert_eq!(report(&alice, &for_alice["id"], opened).await, 204);
    let done = states(&[("alice", "done")]);
    assert_eq!(receivers(&app, &to_group).await, done);
    let list = app.helper().json("api/handouts").await;
    let listed = &list["handouts"][1]["receivers"][0];
    assert_eq!(listed["filename"], "day2-2.ipynb");
    assert!(listed["opened_at_ms"].is_i64(), "{list}");
    let monday = json!([{"name": "monday", "members": ["alice"]}]);
    assert_eq!(list["groups"], monday);
    assert_eq!(
        app.participant("alice").get("api/handouts").await.status(),
        403
    );

    let path = format!("api/handouts?before={}", to_bob["id"]);
    let older = app.helper().json(&path).await;
    assert_eq!(
        (&older["handouts"][0]["id"], &older["more"]),
        (&to_group["id"], &json!(false))
    );

    // A participant who joins the group later gets it, until it is taken back.
    groups("dan", &["monday", "tuesday"]);
    groups("eve", &["monday"]);
    assert_eq!(errands(&app.token("server-dan")).await.len(), 1);
    let path = |handout: &Value| format!("api/handouts/{}", handout["id"]);
    let retract = async |handout: &Value| {
        let request = app.instructor().request(Method::DELETE, &path(handout));
        request.send().await.unwrap().status()
    };
    assert_eq!(retract(&to_group).await, 204);
    for later in ["server-dan", "server-eve"] {
        assert_eq!(errands(&app.token(later)).await.len(), 0, "{later}");
    }
    assert_eq!(receivers(&app, &to_group).await, done);
    let gone = alice.get(for_alice["url"].as_str().unwrap()).await;
    assert_eq!(gone.status(), 404);
    assert_eq!(retract(&json!({"id": 99})).await, 404);
    assert_eq!(
        bob.get(for_bob["url"].as_str().unwrap()).await.status(),
        200
    );
}

#[tokio::test]
async fn a_handout_that_cannot_be_is_refused() {
    let app = App::with_hub().await;
    app.save("ines", "day2.ipynb", &["x"]);
    app.save_text("ines", "broken.ipynb", "{");
    let everyone = json!({"everyone": true});
    let refused = async |body: Value| {
        let response = app.instructor().post("api/handouts", &body).await;
        response.status().as_u16()
    };
    let of = |filename: &str, to: &Value, name: Option<&str>| json!({"user": "ines", "filename": filename, "to": to, "as": name});
    assert_eq!(refused(of("none.ipynb", &everyone, None)).await, 404);
    assert_eq!(refused(of("../x.ipynb", &everyone, None)).await, 400);
    assert_eq!(refused(of("broken.ipynb", &everyone, None)).await, 409);
    for to in [
        json!({"everyone": false}),
        json!({"group": ""}),
        json!({"user": "a/b"}),
        json!({"notebook": DAY1}),
    ] {
        assert_eq!(refused(of("day2.ipynb", &to, None)).await, 400, "{to}");
    }
    for name in ["../a.ipynb", ".ipython/a.ipynb", "a.py"] {
        let body = of("day2.ipynb", &everyone, Some(name));
        assert_eq!(refused(body).await, 400, "{name}");
    }
    let named = of("day2.ipynb", &everyone, Some("week 1//day2.ipynb"));
    let named = app.instructor().post("api/handouts", &named).await;
    let named: Value = named.json().await.unwrap();
    assert_eq!(named["filename"], "week 1/day2.ipynb");
}

#[tokio::test]
async fn reports_that_cannot_be_are_refused() {
    let app = App::with_hub().await;
    app.save("ines", "day2.ipynb", &["x"]);
    hand_out(&app, json!({"everyone": true})).await;
    let server = app.token("server-bob");
    let [errand] = errands(&server).await.try_into().unwrap();
    for bad in [
        json!({"state": "done"}),
        json!({"state": "done", "filename": "../x.ipynb"}),
        json!({"state": "done", "filename": "x".repeat(1_025)}),
        json!({"state": "pending"}),
        json!({}),
    ] {
        assert_eq!(
            report(&server, &errand["id"], bad.clone()).await,
            400,
            "{bad}"
        );
    }
    for path in [
        "api/errands/none",
        "api/errands/99",
        "api/errands/none/content",
    ] {
        assert_eq!(server.get(path).await.status(), 404, "{path}");
    }
}
