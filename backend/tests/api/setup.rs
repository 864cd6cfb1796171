//! `/api/setup`: what participants' servers say of themselves and what the Hub says of them become
//! one table, which nobody but the Hub and a participant's own token can change.

use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::App,
    clients::TestClient,
    common::eventually,
    copies::{body_of, head_of, server},
};

const PACKAGE: &str = concat!("pipalhub-singleuser/", env!("CARGO_PKG_VERSION"));

async fn setup(app: &App) -> Value {
    app.helper().json("api/setup").await
}

/// The row of this participant's server.
async fn row(app: &App, user: &str, named: &str) -> Value {
    let setup = setup(app).await;
    let rows = setup["servers"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["user"] == user && row["server"] == named);
    row.unwrap_or_else(|| panic!("no row of {user}/{named}: {setup:#}"))
        .clone()
}

async fn push_as(server: &TestClient<'_>, agent: &str, named: &str) {
    let content = crate::app::notebook(&["1"]);
    let mut head = head_of("a.ipynb", content.as_bytes());
    head["server"] = json!(named);
    let request = server.request(Method::PUT, "api/copies");
    let request = request.header("content-type", "application/vnd.pipalhub.copy");
    let request = request.header("user-agent", agent);
    let body = body_of(&head, content.as_bytes());
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// Sets what the Hub lists: servers by user.
fn hub_lists(app: &App, users: &[(&str, Value)]) {
    let users: BTreeMap<_, _> = users
        .iter()
        .map(|(user, servers)| ((*user).to_owned(), servers.clone()))
        .collect();
    *app.hub.as_ref().unwrap().users.lock().unwrap() = Some(users);
}

fn ready() -> Value {
    json!({"ready": true, "pending": null, "started": "2020-01-01T00:00:00.000000Z"})
}

#[tokio::test]
async fn each_participant_has_a_row_that_says_how_saves_arrive() {
    let app = App::with_hub().await;
    hub_lists(
        &app,
        &[
            ("ana", json!({"": ready(), "gpu": ready()})),
            ("bob", json!({"": ready()})),
            (
                "cleo",
                json!({"": {"ready": false, "pending": "spawn", "started": null}}),
            ),
            ("dan", json!({})),
            ("eve", json!({})),
        ],
    );
    push_as(&server(&app, "ana"), PACKAGE, "").await;
    push_as(&server(&app, "ana"), "pipalhub-singleuser/0.0.1", "gpu").await;
    let event = app.save_event("bob", "b.ipynb");
    app.save("bob", "b.ipynb", &["1"]);
    let request = server(&app, "bob")
        .request(Method::POST, "events")
        .json(&event);
    let answer = request.header("user-agent", PACKAGE).send().await.unwrap();
    assert_eq!(answer.status(), 201);

    let setup = setup(&app).await;
    assert_eq!(setup["hub"]["state"], "known");
    let seen: Vec<_> = setup["servers"].as_array().unwrap().iter().collect();
    let texts = |name: &str| {
        seen.iter()
            .map(|row| row[name].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        texts("user"),
        [
            r#""ana""#,
            r#""ana""#,
            r#""bob""#,
            r#""cleo""#,
            r#""dan""#,
            r#""eve""#
        ],
        "{setup:#}"
    );
    // The one with the old package comes first.
    assert_eq!(seen[0]["server"], "gpu");
    assert_eq!(seen[0]["is_older"], true);
    assert_eq!(
        seen[0]["command"],
        "pip install --upgrade pipalhub_singleuser-*.whl"
    );
    assert_eq!(
        texts("saves")[..3],
        [r#""pushed""#, r#""pushed""#, r#""reported""#]
    );
    assert_eq!(seen[1]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(seen[1]["needs_attention"], false);
    assert!(seen[1]["saved_ms"].is_i64() && seen[1]["heard_ms"].is_i64());
    assert_eq!(
        texts("state")[3..],
        [r#""starting""#, r#""none""#, r#""none""#]
    );
    let headline = setup["headline"].as_str().unwrap();
    assert!(
        headline.starts_with("1 of 3 servers has an older package"),
        "{headline}"
    );
}

#[tokio::test]
async fn a_save_that_only_the_service_noticed_is_watched() {
    let app = App::watching_with_hub(backend::limits::LimitSettings::default()).await;
    hub_lists(&app, &[("bob", json!({"": ready()}))]);
    app.save("bob", "b.ipynb", &["1"]);
    eventually(async || {
        let setup = setup(&app).await;
        (setup["servers"][0]["saves"] == "watched").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_user_agent_is_believed_only_when_it_can_be_the_package() {
    let app = App::with_hub().await;
    let ana = server(&app, "ana");
    for agent in [
        "curl/8.5",
        "pipalhub-singleuser/",
        "pipalhub-singleuser/1<img src=x>",
        "pipalhub-singleuser/1 2",
        &format!("pipalhub-singleuser/1.{}", "0".repeat(5_000)),
    ] {
        push_as(&ana, agent, "").await;
        assert_eq!(
            row(&app, "ana", "").await["version"],
            Value::Null,
            "{agent}"
        );
    }
    // Bytes that are no text.
    let request = ana.request(Method::GET, "api/errands");
    let agent = reqwest::header::HeaderValue::from_bytes(b"pipalhub-singleuser/\xff").unwrap();
    let answer = request.header("user-agent", agent).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(row(&app, "ana", "").await["version"], Value::Null);
    push_as(&ana, PACKAGE, "").await;
    assert_eq!(
        row(&app, "ana", "").await["version"],
        env!("CARGO_PKG_VERSION")
    );
}

#[tokio::test]
async fn a_participant_fills_no_memory_and_writes_no_row_of_others() {
    let app = App::with_hub().await;
    let mallory = server(&app, "mallory");
    for n in 0..40 {
        let answer = mallory.get(&format!("api/errands?server=s{n}")).await;
        assert_eq!(answer.status(), 200);
    }
    for name in ["a/b", "a\nb"] {
        let name = name.replace('\n', "%0A");
        mallory.get(&format!("api/errands?server={name}")).await;
    }
    // What it says of somebody else is refused, and makes no row.
    let event = app.save_event("ana", "a.ipynb");
    assert_eq!(mallory.post("events", &event).await.status(), 403);
    let setup = setup(&app).await;
    let rows = setup["servers"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["user"] == "mallory"), "{setup:#}");
    assert_eq!(rows.len(), 16);
}

#[tokio::test]
async fn a_hub_that_refuses_the_list_is_told_with_the_remedy() {
    let app = App::with_hub().await;
    push_as(&server(&app, "ana"), PACKAGE, "").await;
    let setup = setup(&app).await;
    assert_eq!(setup["hub"]["state"], "refused");
    let remedy = setup["hub"]["remedy"].as_str().unwrap();
    for part in [
        "pipalhub-service",
        "list:users",
        "read:servers",
        "[\"dashboard\"]",
    ] {
        assert!(remedy.contains(part), "{remedy}");
    }
    // Who was heard has a server all the same.
    assert_eq!(setup["servers"][0]["state"], "running");
    assert_eq!(setup["headline"], "The one server that runs reports.");
}

#[tokio::test]
async fn the_hub_is_asked_once_for_all_who_look_and_a_slow_one_delays_nobody_for_long() {
    let app = App::with_hub().await;
    let hub = app.hub.as_ref().unwrap();
    hub_lists(&app, &[("ana", json!({"": ready()})), ("bob", json!({}))]);
    let looks = (0..20).map(|_| setup(&app));
    for setup in futures::future::join_all(looks).await {
        assert_eq!(setup["servers"].as_array().unwrap().len(), 2);
    }
    let begun = Instant::now();
    for _ in 0..20 {
        setup(&app).await;
    }
    // One page of those with a server and one of those without, again after five seconds.
    let pages = hub.user_pages.load(Ordering::SeqCst);
    let times = 1 + usize::try_from(begun.elapsed().as_secs() / 5).unwrap();
    assert!((2..=2 * times).contains(&pages), "{pages} pages");
    hub.hangs.send_replace(true);
    let begun = Instant::now();
    eventually(async || {
        let setup = setup(&app).await;
        (setup["hub"]["state"] == "unanswered").then_some(())
    })
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(12),
        "{:?}",
        begun.elapsed()
    );
    let setup = setup(&app).await;
    assert_eq!(
        setup["servers"].as_array().unwrap().len(),
        2,
        "as the Hub said last"
    );
    hub.hangs.send_replace(false);
}

#[tokio::test]
async fn of_a_hub_with_very_many_users_those_with_a_server_are_there() {
    let app = App::with_hub().await;
    let names: Vec<_> = (0..100).map(|n| format!("user-{n:03}")).collect();
    let mut users: Vec<_> = names.iter().map(|name| (&**name, json!({}))).collect();
    users.push(("zoe", json!({"": ready()})));
    hub_lists(&app, &users);
    let setup = setup(&app).await;
    assert_eq!(setup["is_complete"], false);
    let message = setup["hub"]["message"].as_str().unwrap();
    assert!(message.contains("more users"), "{message}");
    // A page of this Hub has two users, and twenty are asked for.
    assert_eq!(setup["totals"]["without_server"], 2 * 19);
    assert_eq!(setup["totals"]["running"], 1);
    assert_eq!(setup["servers"][0]["user"], "zoe");
    let pages = app.hub.as_ref().unwrap().user_pages.load(Ordering::SeqCst);
    assert_eq!(pages, 20);
}

#[tokio::test]
async fn a_class_without_a_hub_has_its_table_too() {
    let app = App::standalone().await;
    app.save("ana", "a.ipynb", &["1"]);
    app.built().await;
    let setup: Value = app.instructor().json("api/setup").await;
    assert_eq!(setup["hub"]["state"], "none");
    assert_eq!(setup["servers"][0]["saves"], "watched");
    assert_eq!(setup["servers"][0]["state"], "unknown");
}
