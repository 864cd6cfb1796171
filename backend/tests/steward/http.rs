//! `/users`: the service asks the steward, which makes accounts.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::{link::address_of, sandbox::Sandbox};

const TOKEN: &str = "token-of-the-instructor";

/// A running service, which ends with it.
struct Service {
    child: Child,
    url: String,
}

impl Service {
    fn start(sandbox: &Sandbox) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pipalhub"))
            .args(["serve", "--bind", "127.0.0.1:0", "--no-build", "--data"])
            .arg(sandbox.path("data"))
            .arg("--steward-socket")
            .arg(sandbox.path("steward.sock"))
            .env("PIPALHUB_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = address_of(&mut child);
        Self { child, url }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let client = Client::builder().no_proxy().build().unwrap();
        let request = client
            .request(method, format!("{}{path}", self.url))
            .header("Authorization", format!("token {TOKEN}"));
        let answer = match body.is_null() {
            true => request.send().await.unwrap(),
            false => request.json(&body).send().await.unwrap(),
        };
        let status = answer.status();
        (status, answer.json().await.unwrap_or_default())
    }

    async fn add(&self, body: Value) -> (u16, Value) {
        let (status, answer) = self.ask(Method::POST, "users", body).await;
        (status.as_u16(), answer)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn post_users_answers_as_the_original_did() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    let _steward = sandbox.steward(&[]);
    let service = Service::start(&sandbox);
    let good = json!({"username": "alice", "password": "it's: \"ünï\" $6"});
    assert_eq!(
        service.add(good.clone()).await,
        (201, json!({"username": "alice"}))
    );
    assert!(sandbox.is_password("alice", "it's: \"ünï\" $6"));
    assert_eq!(sandbox.users_txt(), "alice:it's: \"ünï\" $6\n");
    for (body, message) in [
        (good, "User already exists"),
        (json!([]), "JSON data must be an object"),
        (json!({}), "Username is invalid"),
        (
            json!({"username": "", "password": "x"}),
            "Username is invalid",
        ),
        (
            json!({"username": 1, "password": "x"}),
            "Username is invalid",
        ),
        (
            json!({"username": "a b", "password": "x"}),
            "Username is invalid",
        ),
        (
            json!({"username": "root", "password": "x"}),
            "Username is invalid",
        ),
        (
            json!({"username": "a:b", "password": "x"}),
            "Username is invalid",
        ),
        (json!({"username": "bob"}), "Password is invalid"),
        (
            json!({"username": "bob", "password": ""}),
            "Password is invalid",
        ),
        (
            json!({"username": "bob", "password": "x\nroot:y"}),
            "Password is invalid",
        ),
        (
            json!({"username": "bob", "password": "x\u{0}"}),
            "Password is invalid",
        ),
    ] {
        let (status, answer) = service.add(body.clone()).await;
        assert_eq!(
            (status, &answer["message"]),
            (400, &json!(message)),
            "{body}"
        );
    }
    assert_eq!(sandbox.made(), ["alice"]);
}

#[tokio::test]
async fn a_class_is_previewed_imported_reset_and_removed() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    let service = Service::start(&sandbox);
    let (status, answer) = service.ask(Method::GET, "users", Value::Null).await;
    assert_eq!(status, 503);
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("no steward runs"),
        "{answer}"
    );

    let _steward = sandbox.steward(&[]);
    let text = "name,password\nalice,\nMaría G.,\nbob,secret\n";
    let body = json!({"text": text});
    let (_, preview) = service
        .ask(Method::POST, "users/import/preview", body)
        .await;
    assert_eq!(preview["lines"][1]["proposed"], "maria-g");
    assert_eq!(preview["users"].as_array().unwrap().len(), 2);

    let mut body = json!({"users": preview["users"]});
    body["users"]
        .as_array_mut()
        .unwrap()
        .push(json!({"username": "nobody"}));
    let (status, change) = service.ask(Method::POST, "users/import", body).await;
    assert_eq!(status, 200);
    let alice = change["added"][0]["password"].as_str().unwrap();
    assert!(sandbox.is_password("alice", alice) && sandbox.is_password("bob", "secret"));
    assert_eq!(change["refused"][0]["kind"], "username");

    let (_, reset) = service
        .ask(Method::POST, "users/bob/password", json!({}))
        .await;
    assert!(sandbox.is_password("bob", reset["password"].as_str().unwrap()));
    let (status, _) = service
        .ask(Method::POST, "users/dave/password", json!({}))
        .await;
    assert_eq!(status, 404);

    let (_, list) = service.ask(Method::GET, "users", Value::Null).await;
    assert_eq!(list["users"][0]["has_account"], true);
    assert!(!list.to_string().contains(alice));

    let home = "users/bob/home";
    let confirm = json!({"confirm": "bob"});
    let (status, _) = service.ask(Method::DELETE, home, confirm.clone()).await;
    assert_eq!(status, 409, "bob is in the list");
    let (status, _) = service.ask(Method::DELETE, "users/bob", Value::Null).await;
    assert_eq!(
        (status.as_u16(), sandbox.made()),
        (204, vec!["alice".to_owned()])
    );
    let (status, _) = service
        .ask(Method::DELETE, home, json!({"confirm": "alice"}))
        .await;
    assert_eq!(
        (status.as_u16(), sandbox.path("home/bob").exists()),
        (400, true)
    );
    let (status, _) = service.ask(Method::DELETE, home, confirm).await;
    assert_eq!(
        (status.as_u16(), sandbox.path("home/bob").exists()),
        (204, false)
    );

    let (_, audit) = service.ask(Method::GET, "users/audit", Value::Null).await;
    assert_eq!(audit["entries"][0]["action"], "delete_home");
    assert!(!audit.to_string().contains("secret"));
}

#[tokio::test]
async fn a_service_that_is_killed_loses_nobody_of_an_import() {
    let Some(sandbox) = Sandbox::new() else {
        return;
    };
    let _steward = sandbox.steward(&[]);
    let service = Service::start(&sandbox);
    let users: Vec<Value> = (0..30)
        .map(|at| json!({"username": format!("user{at}")}))
        .collect();
    let url = format!("{}users/import", service.url);
    let request = Client::builder().no_proxy().build().unwrap().post(url);
    let request = request.header("Authorization", format!("token {TOKEN}"));
    let asked = tokio::spawn(request.json(&json!({"users": users})).send());
    until_async("some accounts", || sandbox.made().len() > 3).await;
    drop(service);
    assert!(asked.await.unwrap().is_err(), "nobody is left to answer");
    until_async("everyone", || sandbox.made().len() == 30).await;
    let list = sandbox.users_txt();
    for line in list.lines() {
        let (name, password) = line.split_once(':').unwrap();
        until_async("the passwords", || sandbox.is_password(name, password)).await;
    }
    assert_eq!(list.lines().count(), 30);
}

/// Waits until something holds, while the requests of the test go on.
async fn until_async(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "waited for {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
