//! A cell with the tag `private` is in no answer, no log and no file of the service.

use std::{
    fs,
    io::{Cursor, Read},
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, TOKEN, bytes_below},
    common::eventually,
};

const DAY1: &str = "m1/day1.ipynb";
const OF_ALICE: &str = "filename=m1/day1.ipynb&user=alice";
const CANARY: &str = "canary-7f3a";

/// A notebook of three cells, of which the first and the last are private or not.
fn day1(tags: &Value, source: &str) -> String {
    let hidden = json!({
        "cell_type": "code", "metadata": {"tags": tags}, "source": CANARY, "execution_count": 1,
        "outputs": [
            {"output_type": "error", "ename": CANARY, "evalue": CANARY, "traceback": []},
            {"output_type": "display_data", "metadata": {},
             "data": {"application/javascript": CANARY, "text/html": CANARY}},
        ],
    });
    let shown = json!({"cell_type": "markdown", "metadata": {}, "source": source});
    json!({"cells": [hidden, shown, hidden], "metadata": {}, "nbformat": 4}).to_string()
}

/// Saves alice's notebook and waits until it is built and recorded; returns the version's number.
async fn save(app: &App, text: &str) -> i64 {
    let instructor = app.instructor();
    let list = format!("api/history?{OF_ALICE}");
    let newest = async || instructor.json(&list).await["versions"][0]["version"].as_i64();
    let before = newest().await;
    app.save_text("alice", DAY1, text);
    let event = app.save_event("alice", DAY1);
    app.token(TOKEN).post_event(&event).await;
    app.built().await;
    eventually(async || newest().await.filter(|newest| Some(*newest) != before)).await
}

/// All answers about alice's notebook and this version of it, by path.
async fn answers(app: &App, version: i64) -> Vec<(String, Vec<u8>)> {
    let of_version = format!("{OF_ALICE}&version={version}");
    let mut paths: Vec<String> = [
        format!("api/notebooks?{OF_ALICE}"),
        format!("api/wall?filename={DAY1}"),
        format!("api/tile?{OF_ALICE}"),
        format!("api/notebook?{OF_ALICE}"),
        format!("api/history?{OF_ALICE}"),
        format!("api/history/version?{of_version}"),
        format!("api/history/download?{of_version}"),
        format!("api/history/diff?{of_version}"),
        format!("api/history/changes?{of_version}"),
        "build/".to_owned(),
        "events".to_owned(),
        "metrics".to_owned(),
    ]
    .into();
    for file in [
        "alice.html",
        "notebooks/alice.ipynb",
        "00-summary.html",
        "00-summary.ipynb",
    ] {
        paths.push(format!("build/m1/day1/{file}"));
    }
    for cell in 0..3 {
        for output in 0..2 {
            let place = format!("cell={cell}&output={output}");
            paths.push(format!("api/output?{OF_ALICE}&{place}"));
            paths.push(format!("api/output?{of_version}&{place}"));
        }
    }
    let mut answers = Vec::new();
    for path in paths {
        let response = app.instructor().get(&path).await;
        let is_output = path.starts_with("api/output");
        assert!(is_output || response.status() == 200, "{path}");
        answers.push((path, response.bytes().await.unwrap().to_vec()));
    }
    answers
}

fn holds(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}

#[tokio::test]
async fn a_private_cell_is_in_no_answer_and_in_no_file() {
    let app = App::standalone().await;
    let version = save(&app, &day1(&json!(["x", "private"]), "shown")).await;
    for (path, answer) in answers(&app, version).await {
        assert!(!holds(&answer, CANARY), "{path}");
    }
    let tile = app.instructor().json(&format!("api/tile?{OF_ALICE}")).await;
    let tile = &tile["tile"];
    assert_eq!(tile["total_cells"], 1);
    assert_eq!(tile["ends_in_error"], false, "nor is what it ended in told");

    let archive = app.instructor().get("build/archive.zip").await;
    let archive = Cursor::new(archive.bytes().await.unwrap());
    let mut archive = zip::ZipArchive::new(archive).unwrap();
    assert!(archive.len() >= 4);
    for at in 0..archive.len() {
        let mut bytes = Vec::new();
        let mut file = archive.by_index(at).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        assert!(!holds(&bytes, CANARY), "{:?}", file.name());
    }

    let restore = json!({"user": "alice", "filename": DAY1, "version": version});
    let request = app
        .instructor()
        .request(Method::POST, "api/history/restore");
    let restored = request.json(&restore).send().await.unwrap();
    let restored: Value = restored.json().await.unwrap();
    let restored = app
        .home("alice")
        .join(restored["filename"].as_str().unwrap());
    let restored = fs::read_to_string(restored).unwrap();
    assert!(restored.contains("shown") && !restored.contains(CANARY));

    fs::remove_dir_all(app.home("alice")).unwrap();
    assert!(!holds(&bytes_below(app.folder.path()), CANARY));
}

#[tokio::test]
async fn the_tag_counts_from_the_next_save() {
    let app = App::standalone().await;
    let before = save(&app, &day1(&json!([]), "shown")).await;
    let seen = answers(&app, before).await;
    let with = seen.iter().filter(|(_, answer)| holds(answer, CANARY));
    assert!(with.count() >= 12, "or this test sees nothing");

    let after = save(&app, &day1(&json!(["Private"]), "shown")).await;
    for (path, answer) in answers(&app, after).await {
        // The version before is still kept, so the difference has the cell that went.
        let is_old = path.contains("/diff") || path.contains("/changes");
        assert_eq!(holds(&answer, CANARY), is_old, "{path}");
    }
    let old = format!("api/history/download?{OF_ALICE}&version={before}");
    assert!(
        app.instructor()
            .get(&old)
            .await
            .text()
            .await
            .unwrap()
            .contains(CANARY)
    );
    app.save_text("alice", DAY1, &day1(&json!(["private"]), "shown")[..600]);
    let tile = format!("api/tile?{OF_ALICE}");
    let tile = app.instructor().get(&tile).await.text().await.unwrap();
    assert!(!tile.contains(CANARY), "half a file shows nothing of it");
}
