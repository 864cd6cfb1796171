//! The log at the level `trace`: its lines, and the secrets that must never be in it.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
};

use reqwest::{Client, Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// The right token.
const TOKEN: &str = "canary-right-token";
/// A wrong token.
const WRONG_TOKEN: &str = "canary-wrong-token";
/// A text in an address that is to look like a line of the log.
const FORGED_LINE: &str = "%0A%0DERROR+forged";

/// All answers and the log of one run of the service.
struct RunOutput {
    answers: String,
    log: String,
}

/// Runs the service, sends it the requests of [`visit`], and ends it.
async fn run(folder: &Path, format: &str) -> RunOutput {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pipalhub"))
        .env_clear()
        .env("PIPALHUB_TOKEN", TOKEN)
        .env("PIPALHUB_LOG", "trace")
        .env("PIPALHUB_LOG_FORMAT", format)
        .args(["serve", "--bind", "127.0.0.1:0", "--homes"])
        .arg(folder.join("homes/{user}"))
        .arg("--data")
        .arg(folder.join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).unwrap();
        text
    });
    let mut link = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut link).unwrap();
    let (address, _) = link.split_once("#token=").unwrap();
    let answers = visit(address).await;
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    let log = log.join().unwrap();
    RunOutput { answers, log }
}

/// Sends the tokens in every part of a request.
async fn visit(address: &str) -> String {
    let client = Client::builder().no_proxy().build().unwrap();
    let mut answers = String::new();
    let paths = [
        "events".to_owned(),
        "api/session".to_owned(),
        "healthz".to_owned(),
        format!("events?token={WRONG_TOKEN}&x={FORGED_LINE}"),
        format!("api/tile?filename={FORGED_LINE}&token={WRONG_TOKEN}"),
        format!("oauth_callback?code={WRONG_TOKEN}&state={WRONG_TOKEN}"),
        format!("nothing?token={TOKEN}"),
        format!("{FORGED_LINE}?token={TOKEN}"),
    ];
    for path in &paths {
        for token in [TOKEN, WRONG_TOKEN] {
            for (name, value) in [
                ("authorization", format!("token {token}")),
                ("authorization", format!("Basic {token}")),
                ("cookie", format!("pipalhub-session={token}")),
                ("x-token", token.to_owned()),
            ] {
                for method in [Method::GET, Method::POST] {
                    let request = client
                        .request(method, format!("{address}{path}"))
                        .header(name, &value)
                        .header("accept", "text/html")
                        .json(&json!({"token": token, "user": "alice"}));
                    let response = request.send().await.unwrap();
                    answers.push_str(&format!("{:?}", response.headers()));
                    answers.push_str(&response.text().await.unwrap());
                }
            }
        }
    }
    // A request that is not refused, so that the log has one.
    let event =
        json!({"type": "t", "user": "alice", "filename": "f", "path": "/p", "token": TOKEN});
    let request = client.post(format!("{address}events"));
    let request = request.header("authorization", format!("token {TOKEN}"));
    let response = request.json(&event).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    answers
}

fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        bytes.extend(fs::read(entry.path()).unwrap_or_default());
    }
    bytes
}

#[tokio::test]
async fn no_token_is_logged_and_no_line_can_be_forged() {
    for format in ["text", "json"] {
        let folder = tempfile::tempdir().unwrap();
        let output = run(folder.path(), format).await;
        let kept = bytes_below(&folder.path().join("data"));
        let kept = String::from_utf8_lossy(&kept);
        assert!(kept.contains("alice"), "the database was looked through");
        for text in [&*output.answers, &output.log, &kept] {
            assert!(!text.contains("canary"), "{format}: {text}");
        }
        // Each request is a line with its route.
        assert!(
            output.log.matches("/api/session").count() >= 16,
            "{}",
            output.log
        );
        let forged = output.log.lines().find(|line| line.starts_with("ERROR"));
        assert_eq!(forged, None);
    }
}

#[tokio::test]
async fn as_json_every_line_is_an_object_with_its_fields() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), "json").await;
    let lines: Vec<Value> = output
        .log
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let stored = lines.iter().find(|line| {
        line["route"] == "/events" && line["method"] == "POST" && line["status"] == 201
    });
    let stored = stored.expect("the request is logged");
    assert_eq!(stored["level"], "DEBUG");
    assert_eq!(stored["user"], "instructor");
    assert!(
        stored["ms"].is_number() && stored["timestamp"].is_string(),
        "{stored}"
    );
    let listening = lines.iter().find(|line| line["message"] == "listening");
    assert_eq!(listening.expect("it says so")["level"], "INFO");
}
