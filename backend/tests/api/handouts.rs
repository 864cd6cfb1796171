//! `/api/handouts/file`: files that are no notebooks, and notebooks from an instructor's computer.

use backend::limits::{LimitSettings, UploadLimits};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{app::App, clients::TestClient, copies::server};

const DATA: &[u8] = b"\x00\xff,\r\n";

async fn upload(client: &TestClient<'_>, query: &str, content: &[u8]) -> Response {
    let request = client.request(Method::POST, &format!("api/handouts/file?{query}"));
    let request = request.header("content-type", "application/octet-stream");
    request.body(content.to_vec()).send().await.unwrap()
}

async fn refusal(app: &App, query: &str, content: &[u8]) -> (u16, String) {
    let answer = upload(&app.instructor(), query, content).await;
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (
        status,
        body["message"].as_str().unwrap_or_default().to_owned(),
    )
}

async fn errands(server: &TestClient<'_>) -> Vec<Value> {
    let answer = server.json("api/errands").await;
    answer["errands"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_file_is_handed_out_as_it_is() {
    let app = App::with_hub().await;
    let ines = app.instructor();
    let answer = upload(&ines, "filename=data.csv&folder=m1&everyone=true", DATA).await;
    assert_eq!(answer.status(), 201);
    let handout: Value = answer.json().await.unwrap();
    assert_eq!(handout["filename"], "m1/data.csv");
    assert_eq!(
        (&handout["user"], &handout["notebook"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(handout["size"], DATA.len());
    // Also the instructor's own home has not got it yet.
    for user in ["alice", "ines"] {
        let [errand] = errands(&server(&app, user)).await.try_into().unwrap();
        assert_eq!(
            (&errand["kind"], &errand["filename"]),
            (&json!("handout"), &json!("m1/data.csv"))
        );
        assert_eq!(errand["sha256"], handout["sha256"]);
        let content = server(&app, user)
            .get(errand["url"].as_str().unwrap())
            .await;
        assert_eq!(
            content.headers()["content-type"],
            "application/octet-stream"
        );
        assert_eq!(content.bytes().await.unwrap(), DATA);
    }
    let listed = app.helper().json("api/handouts").await;
    assert_eq!(
        listed["handouts"][0]["receivers"].as_array().unwrap().len(),
        2
    );
    let path = format!("api/handouts/{}", handout["id"]);
    let taken_back = ines.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(taken_back.status(), 204);
    assert_eq!(errands(&server(&app, "alice")).await, [json!(null); 0]);
}

#[tokio::test]
async fn an_uploaded_notebook_loses_its_private_cells() {
    let app = App::with_hub().await;
    let notebook = json!({
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": "kept"},
            {"cell_type": "markdown", "metadata": {"tags": ["private"]}, "source": "canary"},
        ],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 4,
    });
    let query = "filename=day3.ipynb&user=alice";
    let answer = upload(&app.instructor(), query, notebook.to_string().as_bytes()).await;
    assert_eq!(answer.status(), 201);
    let alice = server(&app, "alice");
    let [errand] = errands(&alice).await.try_into().unwrap();
    let content = alice
        .get(errand["url"].as_str().unwrap())
        .await
        .text()
        .await
        .unwrap();
    assert!(
        content.contains("kept") && !content.contains("canary"),
        "{content}"
    );
    assert_eq!(errands(&server(&app, "bob")).await, [json!(null); 0]);
    let (status, message) = refusal(&app, query, b"{").await;
    assert_eq!(status, 409);
    assert!(message.contains("not a notebook"), "{message}");
}

#[tokio::test]
async fn an_upload_that_cannot_be_is_refused_with_a_remedy() {
    let app = App::with_hub().await;
    for (query, words) in [
        ("everyone=true", "no name"),
        ("filename=&everyone=true", "no name"),
        ("filename=m1/a.csv&everyone=true", "slash"),
        ("filename=.bashrc&everyone=true", "dot"),
        ("filename=a.csv&folder=..&everyone=true", "name of the file"),
        ("filename=a.csv", "one audience"),
        ("filename=a.csv&everyone=false", "audience"),
        ("filename=a.csv&everyone=true&user=bob", "one audience"),
        ("filename=a.csv&user=a/b", "participant"),
    ] {
        let (status, message) = refusal(&app, query, DATA).await;
        assert_eq!(status, 400, "{query}: {message}");
        assert!(message.contains(words), "{query}: {message}");
    }
    let query = "filename=a.csv&everyone=true";
    assert_eq!(upload(&app.instructor(), query, DATA).await.status(), 201);
    let (status, message) = refusal(&app, query, DATA).await;
    assert_eq!(status, 409);
    assert!(
        message.contains("a.csv") && message.contains("already"),
        "{message}"
    );
    // Another content under that name is another handout, and so is another audience.
    for (query, content) in [(query, &b"other"[..]), ("filename=a.csv&user=bob", DATA)] {
        assert_eq!(
            upload(&app.instructor(), query, content).await.status(),
            201
        );
    }
    let large = app
        .instructor()
        .request(Method::POST, &format!("api/handouts/file?{query}"));
    let large = large.header("content-type", "application/octet-stream");
    let large = large.body(vec![0; (32 << 20) + 1]).send().await;
    // The service may have closed the connection before all of it was sent.
    if let Ok(answer) = large {
        assert_eq!(answer.status(), 413);
        let body: Value = answer.json().await.unwrap();
        assert!(
            body["message"].as_str().unwrap().contains("32 MiB"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_copy_is_compared_with_what_was_handed_out() {
    let app = App::with_hub().await;
    let ines = app.instructor();
    let given = crate::app::notebook(&["given = 1", "stays = 1"]);
    let query = "filename=day1.ipynb&folder=m1&user=alice";
    let handout: Value = upload(&ines, query, given.as_bytes())
        .await
        .json()
        .await
        .unwrap();
    let alice = server(&app, "alice");
    let [errand] = errands(&alice).await.try_into().unwrap();
    let written = "m1/day1-2.ipynb";
    let done = json!({"state": "done", "filename": written});
    let path = format!("api/errands/{}", errand["id"]);
    assert_eq!(alice.post(&path, &done).await.status(), 204);
    for source in ["second = 2", "third = 3"] {
        let content = crate::app::notebook(&[source, "stays = 1"]);
        let (status, answer) = alice.push(written, &content).await;
        assert_eq!(status, 200, "{answer}");
    }
    let copy = format!("user=alice&filename={written}");
    let history = crate::common::eventually(async || {
        let history = alice.json(&format!("api/history?{copy}")).await;
        (history["versions"].as_array()?.len() == 2).then_some(history)
    })
    .await;
    assert_eq!(history["handout"], handout["id"]);
    let newest = &history["versions"][0]["version"];
    let changes = format!("api/history/changes?{copy}&version={newest}");
    let since_before = ines.get(&changes).await.text().await.unwrap();
    assert!(since_before.contains("second = 2"), "{since_before}");
    let since = format!("{changes}&handout=true");
    for reader in [&ines, &alice] {
        let html = reader.get(&since).await.text().await.unwrap();
        assert!(
            html.contains("given = 1") && html.contains("third = 3"),
            "{html}"
        );
        assert!(
            !html.contains("second") && !html.contains("stays"),
            "{html}"
        );
    }
    let diff = format!("api/history/diff?{copy}&version={newest}&handout=true");
    let diff = ines.json(&diff).await;
    assert_eq!(
        (&diff["handout"], &diff["from"]),
        (&handout["id"], &Value::Null)
    );
    assert_eq!(server(&app, "bob").get(&since).await.status(), 404);

    // A copy of the same name on another server is no copy of it.
    let other = format!("api/history?user=alice&filename=@lab/{written}");
    assert_eq!(alice.json(&other).await.get("handout"), None);
    let path = format!("api/handouts/{}", handout["id"]);
    ines.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(ines.get(&since).await.status(), 404);
    let history = alice.json(&format!("api/history?{copy}")).await;
    assert_eq!(history.get("handout"), None);
}

#[tokio::test]
async fn uploads_are_bounded() {
    let limits = LimitSettings {
        uploads: UploadLimits { each: 0, all: 1 },
        ..LimitSettings::default()
    };
    let app = App::limited_with_hub(limits).await;
    let answer = upload(&app.instructor(), "filename=a.csv&everyone=true", DATA).await;
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
}
