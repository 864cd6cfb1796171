//! Kills the service while it records: listed versions survive, whole, and others are recorded when
//! it runs again.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

mod common;
#[path = "common/killed.rs"]
mod killed;

use std::{
    fs,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};

use common::TEST_TIMEOUT;
use killed::KilledService;

impl KilledService {
    async fn get(&self, path: &str) -> String {
        let request = self.request(Method::GET, path);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }

    /// The numbers of the versions, newest first.
    async fn versions(&self) -> Vec<i64> {
        let listed = self.get("api/history?user=ana&filename=a.ipynb").await;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let versions = listed["versions"].as_array().unwrap();
        versions
            .iter()
            .map(|v| v["version"].as_i64().unwrap())
            .collect()
    }

    async fn text(&self, version: i64) -> String {
        let query = format!("user=ana&filename=a.ipynb&version={version}");
        self.get(&format!("api/history/download?{query}")).await
    }
}

fn notebook(number: usize) -> String {
    let cells: Vec<Value> = (0..30)
        .map(|cell| json!({"cell_type": "code", "source": format!("{number} in {cell}")}))
        .collect();
    json!({"cells": cells, "nbformat": 4}).to_string()
}

#[tokio::test]
async fn listed_versions_survive_a_kill_and_others_are_recorded_later() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("homes/ana/a.ipynb");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut number = 0;
    let mut known: Vec<(i64, String)> = Vec::new();
    for _ in 0..5 {
        let service = KilledService::start(folder.path());
        // The file on the disk is recorded, although it was not saved again.
        let begin = Instant::now();
        loop {
            let newest = service.versions().await.first().copied();
            if number == 0 {
                break;
            }
            if let Some(newest) = newest
                && service.text(newest).await == notebook(number)
            {
                break;
            }
            assert!(
                begin.elapsed() < TEST_TIMEOUT,
                "the newest version is recorded"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for (version, text) in &known {
            assert_eq!(&service.text(*version).await, text);
        }
        for _ in 0..10 {
            number += 1;
            fs::write(&file, notebook(number)).unwrap();
            for version in service.versions().await {
                if known.iter().all(|(other, _)| *other != version) {
                    known.push((version, service.text(version).await));
                }
            }
        }
    }
    assert!(known.len() >= 5, "{known:?}");
    for (_, text) in known {
        assert!(
            (1..=number).any(|number| notebook(number) == text),
            "{text}"
        );
    }
}
