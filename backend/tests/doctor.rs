//! `pipalhub doctor`: the findings for good and bad installations.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Child, Command, Stdio},
};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use serde_json::{Value, json};
use tempfile::TempDir;

fn pipalhub(command: &str, folder: &Path) -> Command {
    let mut pipalhub = Command::new(env!("CARGO_BIN_EXE_pipalhub"));
    pipalhub
        .env_clear()
        .arg(command)
        .arg("--homes")
        .arg(folder.join("homes/{user}"))
        .arg("--data")
        .arg(folder.join("data"));
    pipalhub
}

fn doctor(folder: &Path) -> Command {
    let mut doctor = pipalhub("doctor", folder);
    doctor
        .args(["--bind", "127.0.0.1:0", "--json", "--python"])
        .arg(folder.join("python"));
    doctor
}

/// The findings, and whether the command ended with 0.
fn findings(doctor: &mut Command) -> (Value, bool) {
    let output = doctor.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found: Value = serde_json::from_str(&text).expect(&text);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors, "");
    assert_eq!(output.status.success(), found["problems"] == 0);
    (found, output.status.success())
}

/// Asserts that there is a finding on `subject` of this level with these words.
fn assert_says(found: &Value, subject: &str, level: &str, words: &str) {
    let all = found["findings"].as_array().unwrap();
    let says = all.iter().any(|finding| {
        finding["subject"] == subject
            && finding["level"] == level
            && finding["message"].as_str().unwrap().contains(words)
            && finding["remedy"].is_string() == (level != "ok")
    });
    assert!(says, "{subject} is not {level} with {words:?}: {found:#}");
}

/// Homes of two participants, with one notebook each.
fn class() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for user in ["alice", "bob"] {
        let home = folder.path().join("homes").join(user);
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("day1.ipynb"), r#"{"cells": [], "nbformat": 4}"#).unwrap();
    }
    folder
}

/// A running service, ended with the test.
struct ServiceGuard(Child);

impl Drop for ServiceGuard {
    fn drop(&mut self) {
        // The test may have ended it already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the service; returns the address that it listens on as well.
fn serve(folder: &Path) -> (ServiceGuard, String) {
    serve_below(folder, "/")
}

/// The same with its pages below a prefix.
fn serve_below(folder: &Path, prefix: &str) -> (ServiceGuard, String) {
    let mut command = pipalhub("serve", folder);
    let command = command
        .env("JUPYTERHUB_SERVICE_PREFIX", prefix)
        .env("PIPALHUB_TOKEN", "the-token-of-the-test")
        .args(["--bind", "127.0.0.1:0"])
        .stderr(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut link = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut link).unwrap();
    let address = link
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap();
    (ServiceGuard(child), address.to_owned())
}

#[test]
fn doctor_finds_no_problem_in_a_good_installation() {
    let folder = class();
    let (serving, address) = serve(folder.path());
    let mut command = pipalhub("doctor", folder.path());
    command.args(["--json", "--bind", &address, "--python", "/nowhere"]);
    let (found, good) = findings(&mut command);
    assert!(good, "{found:#}");
    assert_says(&found, "service", "ok", "runs on this data folder");
    for database in ["events", "history", "notices", "errands"] {
        assert_says(&found, database, "ok", "passes its check (schema ");
    }
    assert_says(&found, "reserve", "ok", "left for events");
    assert_says(&found, "builds", "ok", "MB of 8192");
    assert_says(&found, "homes", "ok", "2 participants");
    assert_says(&found, "notebooks", "ok", "2, all can be read");
    assert_says(&found, "address", "ok", "a pipalhub answers");
    assert_says(&found, "cookie key", "ok", "for this user alone");
    drop(serving);
    let (found, _) = findings(&mut command);
    assert_says(&found, "service", "ok", "does not run");
    assert_says(&found, "address", "ok", "is free");
    // Without --json each finding is a line, and without a terminal there is no colour.
    let mut command = pipalhub("doctor", folder.path());
    let output = command
        .args(["--bind", "127.0.0.1:0", "--python", "/nowhere"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("ok       program"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn doctor_names_the_rights_of_the_running_service_and_what_is_open_by_mode() {
    let folder = class();
    let (serving, _) = serve(folder.path());
    // Not among the builds, which the service looks after.
    let stray = folder.path().join("data/stray");
    fs::write(&stray, "").unwrap();
    fs::set_permissions(&stray, Permissions::from_mode(0o644)).unwrap();
    let (found, _) = findings(doctor(folder.path()).args(["--source", "push"]));
    let runs = format!("the service (process {}) runs as ", serving.0.id());
    let is_root = rustix::process::geteuid().is_root();
    assert_says(
        &found,
        "rights",
        if is_root { "warning" } else { "ok" },
        &runs,
    );
    assert_says(&found, "data files", "warning", "1 path below");
    // Where servers push, no home is looked for.
    assert!(!found.to_string().contains("participants"), "{found:#}");
    drop(serving);
    let (found, _) = findings(&mut doctor(folder.path()));
    assert!(
        found
            .to_string()
            .contains("started by this user, would run as ")
    );
}

#[test]
fn doctor_names_problems_and_remedies() {
    let folder = class();
    drop(serve(folder.path()));
    let data = folder.path().join("data");
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(data.join("cookie.key"), Permissions::from_mode(0o644)).unwrap();
    // Without the log, whose pages are good, so that the database itself is read.
    fs::remove_file(data.join("events.sqlite3-wal")).unwrap();
    fs::write(data.join("events.sqlite3"), "no database at all".repeat(99)).unwrap();
    let history = rusqlite::Connection::open(data.join("history.sqlite3")).unwrap();
    history.pragma_update(None, "user_version", 99).unwrap();
    drop(history);
    fs::remove_file(data.join("notices.sqlite3")).unwrap();
    let torn = folder.path().join("homes/bob/torn\n.ipynb");
    fs::write(torn, "{").unwrap();
    fs::create_dir(folder.path().join("python")).unwrap();
    let mut command = pipalhub("doctor", folder.path());
    command
        .args(["--json", "--bind", &address, "--python"])
        .arg(folder.path().join("python"));
    let (found, good) = findings(&mut command);
    assert!(!good);
    assert_says(&found, "data folder", "problem", "mode 755");
    assert_says(&found, "cookie key", "problem", "mode 644");
    assert_says(&found, "events", "problem", "not a database");
    assert_says(&found, "history", "problem", "newer pipalhub (schema 99");
    assert_says(&found, "notices", "ok", "not there yet");
    assert_says(&found, "address", "problem", "another program");
    assert_says(
        &found,
        "notebooks",
        "warning",
        "1 of 3 cannot be read: bob:torn\\n.ipynb",
    );
    assert_says(&found, "saves", "warning", "no package");
    let mut command = doctor(folder.path());
    command.env("PIPALHUB_HOMES", "not used, since the flag wins");
    assert_says(&findings(&mut command).0, "homes", "ok", "2 participants");
    let mut command = doctor(folder.path());
    command.args(["--history-mib", &(1_u64 << 30).to_string()]);
    let (found, _) = findings(&mut command);
    assert_says(
        &found,
        "history",
        "warning",
        "versions may take up 1073741824 MB",
    );
    let (found, _) = findings(command.arg("--no-history"));
    assert!(!found.to_string().contains("may take up"), "{found:#}");
    symlink("alice", folder.path().join("homes/cy")).unwrap();
    let (found, _) = findings(&mut doctor(folder.path()));
    assert_says(&found, "homes", "problem", "not looked into: cy (");
    assert_says(&found, "homes", "ok", "2 participants");
    fs::remove_dir_all(folder.path().join("homes")).unwrap();
    let (found, _) = findings(&mut doctor(folder.path()));
    assert_says(&found, "homes", "problem", "cannot be looked into");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_a_service_from_a_stranger_whatever_its_prefix() {
    let folder = class();
    let (_serving, address) = serve_below(folder.path(), "/class/services/dashboard/");
    let at = |address: &str| {
        let mut command = pipalhub("doctor", folder.path());
        command.args(["--json", "--bind", address, "--python", "/nowhere"]);
        command
    };
    let (found, _) = findings(&mut at(&address));
    assert_says(&found, "address", "ok", "below another prefix than /");
    let mut knowing = at(&address);
    knowing.env("JUPYTERHUB_SERVICE_PREFIX", "/class/services/dashboard/");
    let (found, _) = findings(&mut knowing);
    assert_says(&found, "address", "ok", "a pipalhub answers");
    assert!(!found.to_string().contains("another prefix"), "{found:#}");
    let answer = || async { (StatusCode::NOT_FOUND, Json(json!({"message": "no"}))) };
    let stranger = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(stranger, Router::new().fallback(answer)).await });
    let (found, _) = findings(&mut at(&address));
    assert_says(&found, "address", "problem", "taken by another program");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_how_each_participants_saves_arrive() {
    let folder = class();
    let (_serving, address) = serve_below(folder.path(), "/class/services/dashboard/");
    let url = format!("http://{address}/class/services/dashboard");
    let ask = |url: &str, token: Option<&str>, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipalhub"));
        command.env_clear();
        command.args(["doctor", "--participants", "--url", url]);
        command.args(arguments);
        if let Some(token) = token {
            command.env("PIPALHUB_TOKEN", token);
        }
        let output = command.output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        (
            printed,
            String::from_utf8(output.stderr).unwrap(),
            output.status,
        )
    };
    let token = Some("the-token-of-the-test");
    let (text, errors, status) = ask(&url, token, &[]);
    assert_eq!(errors, "");
    assert!(status.success(), "{text}");
    assert!(text.contains("No server is known to run."), "{text}");
    let row = text.lines().find(|line| line.starts_with("alice")).unwrap();
    assert!(row.contains("unknown") && row.contains("watched"), "{text}");
    let (json, _, _) = ask(&url, token, &["--json"]);
    let setup: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(setup["hub"]["state"], "none");
    assert_eq!(setup["servers"].as_array().unwrap().len(), 2);

    // Where the service is, the Hub's configuration says.
    let bin = folder.path().join("bin");
    let python = bin.join("python");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("jupyterhub"), format!("#!{}\n", python.display())).unwrap();
    let finding = json!([{"level": "ok", "subject": "", "message": "", "url": format!("{url}/")}]);
    fs::write(&python, format!("#!/bin/sh\necho '{finding}'\n")).unwrap();
    fs::set_permissions(&python, Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipalhub"));
    command.args(["doctor", "--participants", "--hub-config", "config.py"]);
    command.env_clear().env("PATH", &bin);
    command.env("PIPALHUB_TOKEN", "the-token-of-the-test");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("alice"));
    let refuses = |url: &str, token, words: &str| {
        let (text, errors, status) = ask(url, token, &[]);
        assert!(!status.success() && text.is_empty(), "{text}");
        assert!(errors.contains(words), "{errors}");
        assert!(!errors.contains("the-token-of"), "{errors}");
    };
    refuses(&url, None, "--token-file");
    refuses(&url, Some("the-token-of-nobody"), "the token is not known");
    refuses(&format!("http://{address}/"), token, "below another path");
    refuses(
        "https://hub.example/services/dashboard/",
        token,
        "not the service's own",
    );
    // A stranger is not sent the token.
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let hears = std::sync::Arc::clone(&heard);
    let answer = move |headers: HeaderMap| {
        hears
            .lock()
            .unwrap()
            .push(headers.contains_key("authorization"));
        async { Json(json!({"status": "ok"})) }
    };
    let stranger = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = stranger.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(stranger, Router::new().fallback(answer)).await });
    refuses(&format!("http://{address}/"), token, "no pipalhub answers");
    assert_eq!(*heard.lock().unwrap(), [false]);
}

#[test]
fn doctor_names_a_home_that_is_not_walked_to_its_end() {
    let folder = class();
    let data = folder.path().join("homes/alice/data");
    fs::create_dir(&data).unwrap();
    for n in 0..20_100 {
        fs::write(data.join(n.to_string()), "").unwrap();
    }
    let (found, _) = findings(&mut doctor(folder.path()));
    let words = "1 home not walked to the end: alice: Notebooks of this home may be missing";
    assert_says(&found, "homes", "warning", words);
    assert_says(&found, "homes", "warning", "most of them in data");
}

#[test]
fn doctor_finds_homes_by_a_table_and_names_its_bad_lines() {
    let folder = class();
    let table = folder.path().join("table");
    let alice = folder.path().join("homes/alice");
    fs::write(&table, format!("Zoë {}\nbob homes/bob\n", alice.display())).unwrap();
    let from = |source: String| {
        let mut command = doctor(folder.path());
        command.args(["--homes-from", &source]);
        findings(&mut command).0
    };
    let found = from(format!("table:{}", table.display()));
    assert_says(&found, "homes", "ok", "1 participant");
    assert_says(&found, "homes", "warning", "line 2 is not a user");
    assert_says(&found, "notebooks", "ok", "1, all can be read");
    let found = from("table:/no/such/table".to_owned());
    assert_says(&found, "homes", "problem", "/no/such/table cannot be read");
    let found = from("command:/no/such/program".to_owned());
    assert_says(&found, "homes", "problem", "/no/such/program is not there");
    // A program is asked for those of whom there are events.
    drop(serve(folder.path()));
    let events = rusqlite::Connection::open(folder.path().join("data/events.sqlite3")).unwrap();
    let insert = "INSERT INTO events (type, user, filename, path, timestamp)
        VALUES ('save-notebook', ?1, 'a.ipynb', '/x/a.ipynb', '')";
    events.execute(insert, [alice.to_str().unwrap()]).unwrap();
    events.execute(insert, ["a b"]).unwrap();
    drop(events);
    let found = from("command:/bin/echo".to_owned());
    assert_says(&found, "homes", "warning", "which is not absolute");
}

#[test]
fn doctor_changes_nothing() {
    let folder = class();
    let (found, good) = findings(&mut doctor(folder.path()));
    assert!(good, "{found:#}");
    assert_says(&found, "data folder", "warning", "is not there");
    assert!(!folder.path().join("data").exists());
}

/// A Hub that knows one token.
async fn hub(version: &'static str) -> String {
    let user = |headers: HeaderMap| async move {
        let good = headers["authorization"] == "token good-canary";
        let name = if good { "dashboard" } else { "alice" };
        Json(json!({"kind": "service", "name": name}))
    };
    let users = |headers: HeaderMap| async move {
        match headers["authorization"] == "token good-canary" {
            true => Ok(Json(
                json!([{"kind": "user", "name": "ana", "servers": {}}]),
            )),
            false => Err(StatusCode::FORBIDDEN),
        }
    };
    let routes = Router::new()
        .route("/hub/api/users", get(users))
        .route(
            "/hub/api/",
            get(async move || Json(json!({"version": version}))),
        )
        .route("/hub/api/user", get(user));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    format!("http://{address}/hub/api")
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_asks_the_hub_and_does_not_print_the_token() {
    let folder = class();
    let ask = |url: &str, token: &str| {
        let mut doctor = doctor(folder.path());
        doctor
            .env("JUPYTERHUB_API_TOKEN", token)
            .env("JUPYTERHUB_API_URL", url)
            .env("JUPYTERHUB_CLIENT_ID", "service-dashboard")
            .env("JUPYTERHUB_SERVICE_NAME", "dashboard")
            .env("JUPYTERHUB_OAUTH_CALLBACK_URL", "/x");
        let (found, _) = findings(&mut doctor);
        assert!(!found.to_string().contains("canary"), "{found}");
        found
    };
    let found = ask(&hub("6.1.1").await, "good-canary");
    assert_says(&found, "JupyterHub", "ok", "6.1.1");
    assert_says(&found, "Hub token", "ok", "the service dashboard's");
    assert_says(&found, "Hub scopes", "ok", "may list users");
    let found = ask(&hub("5.4.0").await, "other-canary");
    assert_says(&found, "JupyterHub", "problem", "5.4.0 is too old");
    assert_says(&found, "Hub token", "problem", "nobody could sign in");
    assert_says(&found, "Hub scopes", "warning", "may not list users");
    let gone = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/hub/api", free.local_addr().unwrap())
    };
    assert_says(
        &ask(&gone, "canary"),
        "JupyterHub",
        "problem",
        "does not answer",
    );
}

#[test]
fn doctor_has_the_hubs_configuration_read_by_the_hubs_python() {
    let folder = class();
    let bin = folder.path().join("bin");
    let python = bin.join("python");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("jupyterhub"), format!("#!{}\n", python.display())).unwrap();
    let mut command = doctor(folder.path());
    command
        .args(["--hub-config", "config.py"])
        .env("PATH", &bin);
    let mut examined_by = |script: &str| {
        fs::write(&python, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&python, Permissions::from_mode(0o755)).unwrap();
        findings(&mut command)
    };
    let (found, good) = examined_by(
        r#"test "$*" = "-m pipalhub.examine config.py" && echo '[
            {"level": "problem", "subject": "Hub", "message": "off\u001b[2J", "remedy": "Start it."}
        ]'"#,
    );
    assert!(!good);
    assert_says(&found, "Hub", "problem", "off\\u{1b}[2J");
    let addresses = found["findings"].as_array().unwrap().iter();
    let addresses = addresses.filter(|finding| finding["subject"] == "address");
    assert_eq!(addresses.count(), 0, "the address is the configuration's");
    let (found, _) = examined_by("echo Traceback >&2; echo 'No module named pipalhub' >&2; exit 1");
    let words = "cannot read it: No module named pipalhub";
    assert_says(&found, "Hub configuration", "problem", words);
    fs::remove_file(bin.join("jupyterhub")).unwrap();
    let (found, _) = examined_by("");
    assert_says(&found, "Hub configuration", "problem", "no jupyterhub is");
}

#[test]
fn doctor_finds_the_package_of_participants_servers() {
    let folder = class();
    // Its data files have the paths that they are installed to below the environment.
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../singleuser/data");
    let ask = |python: &Path| {
        let mut command = pipalhub("doctor", folder.path());
        command
            .args(["--json", "--bind", "127.0.0.1:0", "--python"])
            .arg(python);
        findings(&mut command).0
    };
    let found = ask(&python);
    assert_says(&found, "saves", "ok", "servers report them");
    assert_says(&found, "autosave", "ok", "every 5 s");
    let found = ask(folder.path());
    assert_says(&found, "saves", "warning", "watched instead");
    assert_says(&found, "autosave", "warning", "every two minutes");
}

#[test]
fn doctor_names_participants_at_their_quota() {
    let folder = class();
    let notebooks = folder.path().join("data/build/day1/notebooks");
    fs::create_dir_all(&notebooks).unwrap();
    fs::write(notebooks.join("eve.ipynb"), vec![b'x'; 2 << 20]).unwrap();
    fs::hard_link(notebooks.join("eve.ipynb"), notebooks.join("ana.ipynb")).unwrap();
    fs::write(notebooks.join("bob.ipynb"), "x").unwrap();
    let mut command = doctor(folder.path());
    command.args(["--builds-per-person-mib", "2", "--builds-mib", "100"]);
    let (found, _) = findings(&mut command);
    assert_says(
        &found,
        "builds",
        "warning",
        "2 MB of 100; 1 participant at the quota of 2 MB",
    );
}
