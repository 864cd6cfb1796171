//! Kills the service right after it has acknowledged a press or a claim: neither is lost.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

#[path = "common/killed.rs"]
mod killed;

use std::fs;

use killed::KilledService;
use reqwest::Method;
use serde_json::{Value, json};

async fn ask(service: &KilledService, method: Method, path: &str, body: &Value) -> Value {
    let response = service.request(method, path).json(body).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("homes")).unwrap();
    let nothing = json!({});
    let mut known: Option<Value> = None;
    for round in 0..6 {
        let service = KilledService::start(folder.path());
        let queue = ask(&service, Method::GET, "api/help", &nothing).await;
        if let Some(known) = &known {
            let ticket = &queue["tickets"][0];
            for field in ["id", "text", "asked_ms", "helper"] {
                assert_eq!(ticket[field], known[field], "{field}");
            }
        }
        // In turn another text, and a claim; the service is killed as soon as it has answered.
        let id = queue["tickets"][0]["id"].as_i64();
        let acknowledged = match (round % 2, id) {
            (1, Some(id)) => {
                let path = format!("api/help/{id}/claim");
                ask(&service, Method::POST, &path, &nothing).await
            }
            _ => {
                let body = json!({"note": "help", "text": format!("round {round}")});
                let mine = ask(&service, Method::PUT, "api/help/mine", &body).await;
                mine["ticket"].clone()
            }
        };
        drop(service);
        known = Some(acknowledged);
    }
    assert_eq!(known.unwrap()["text"], "round 4");
}
