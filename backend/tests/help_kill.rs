//! Kills the service right after it has acknowledged a press or a claim: neither is lost.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

const TOKEN: &str = "token-of-a-service-that-is-killed";

struct KilledHelpService {
    process: Child,
    root: String,
}

impl KilledHelpService {
    fn start(folder: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_pipalhub"))
            .args(["serve", "--bind", "127.0.0.1:0", "--homes"])
            .arg(folder.join("homes/{user}"))
            .arg("--data")
            .arg(folder.join("data"))
            .env("PIPALHUB_TOKEN", TOKEN)
            .env_remove("JUPYTERHUB_API_TOKEN")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let root = line.split('#').next().unwrap().to_owned();
        Self { process, root }
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client
            .request(method, format!("{}{path}", self.root))
            .header("authorization", format!("token {TOKEN}"))
            .json(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }
}

impl Drop for KilledHelpService {
    /// By SIGKILL, so that the service cannot do anything more.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    use reqwest::Method;
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("homes")).unwrap();
    let nothing = json!({});
    let mut known: Option<Value> = None;
    for round in 0..6 {
        let service = KilledHelpService::start(folder.path());
        let queue = service.ask(Method::GET, "api/help", &nothing).await;
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
                service.ask(Method::POST, &path, &nothing).await
            }
            _ => {
                let body = json!({"note": "help", "text": format!("round {round}")});
                let mine = service.ask(Method::PUT, "api/help/mine", &body).await;
                mine["ticket"].clone()
            }
        };
        drop(service);
        known = Some(acknowledged);
    }
    assert_eq!(known.unwrap()["text"], "round 4");
}
