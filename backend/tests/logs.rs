//! What the log tells, and what it must never tell: the binary at its most talkative.
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

/// The right token, a wrong one, and what somebody types to look like a line of the log.
const TOKEN: &str = "canary-right-token";
const WRONG: &str = "canary-wrong-token";
const LINE: &str = "%0A%0DERROR+forged";

/// Everything that one run of the service said, in its answers and in its log.
struct Said {
    answers: String,
    log: String,
}

/// Runs the service, has `visit` visit it, and ends it.
async fn run(folder: &Path, format: &str) -> Said {
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
    Said { answers, log }
}

/// Shows the tokens wherever a request can.
async fn visit(address: &str) -> String {
    let client = Client::builder().no_proxy().build().unwrap();
    let mut answers = String::new();
    let paths = [
        "events".to_owned(),
        "api/session".to_owned(),
        "healthz".to_owned(),
        format!("events?token={WRONG}&x={LINE}"),
        format!("api/tile?filename={LINE}&token={WRONG}"),
        format!("oauth_callback?code={WRONG}&state={WRONG}"),
        format!("nothing?token={TOKEN}"),
        format!("{LINE}?token={TOKEN}"),
    ];
    for path in &paths {
        for token in [TOKEN, WRONG] {
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
    // So that what is looked through is not only what was refused.
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
async fn no_token_is_ever_told_and_no_line_can_be_forged() {
    for format in ["text", "json"] {
        let folder = tempfile::tempdir().unwrap();
        let said = run(folder.path(), format).await;
        let kept = bytes_below(&folder.path().join("data"));
        let kept = String::from_utf8_lossy(&kept);
        assert!(kept.contains("alice"), "the database was looked through");
        for told in [&*said.answers, &said.log, &kept] {
            assert!(!told.contains("canary"), "{format}: {told}");
        }
        // Once for each request, with its route.
        assert!(
            said.log.matches("/api/session").count() >= 16,
            "{}",
            said.log
        );
        let forged = said.log.lines().find(|line| line.starts_with("ERROR"));
        assert_eq!(forged, None);
    }
}

#[tokio::test]
async fn as_json_every_line_is_an_object_with_its_fields() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), "json").await;
    let lines: Vec<Value> = said
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
