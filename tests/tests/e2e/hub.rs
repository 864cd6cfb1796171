//! Below a real JupyterHub 6.1.

use anyhow::Result;
use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::{
    browser::Browser,
    hub::{ADMIN, Hub, INSTRUCTOR, PASSWORD},
    notebooks::notebook,
    until,
};

use crate::{NOTEBOOK, tile};

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_save_appears_on_the_instructors_wall() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let alice = hub.start_server("alice").await?;
    let bob = hub.start_server("bob").await?;
    make_folder(&hub, &["alice", "bob"])?;
    assert_saved(
        alice
            .save(NOTEBOOK, &notebook(&["x = 'first of alice'"]))
            .await?,
    );
    assert_saved(
        bob.save(NOTEBOOK, &notebook(&["y = 'first of bob'"]))
            .await?,
    );

    let wall = Browser::start().await?;
    wall.goto(&hub.service("")).await?;
    wall.sign_in(INSTRUCTOR, PASSWORD).await?;
    wall.wait_for("[data-testid=wall]").await?;
    assert!(wall.url().await?.starts_with(&hub.service("")));
    wall.wait_for_text(&tile("alice"), "first of alice").await?;
    wall.wait_for_text(&tile("bob"), "first of bob").await?;
    wall.wait_for("[data-testid=live-pill][data-state=live]")
        .await?;

    wall.mark().await?;
    let more = notebook(&["x = 'first of alice'", "z = 'second of alice'"]);
    assert_saved(alice.save(NOTEBOOK, &more).await?);
    wall.wait_for_text(&tile("alice"), "second of alice")
        .await?;
    assert!(wall.is_marked().await?, "the page was loaded again");
    wall.shot("hub-wall.png").await?;

    let own = Browser::start().await?;
    own.goto(&hub.service("")).await?;
    own.sign_in("alice", PASSWORD).await?;
    own.wait_for_text(&tile("alice"), "second of alice").await?;
    let users = own.attributes("[data-testid=tile]", "data-user").await?;
    assert_eq!(users, ["alice"], "a participant sees only their own");
    let page = own.texts("body").await?.join(" ");
    assert!(!page.contains("first of bob"));
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn everyone_gets_what_is_theirs() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;

    for path in [
        "events",
        "api/wall?filename=a.ipynb",
        "api/session",
        "events/stream",
    ] {
        let answer = hub
            .anonymous(Method::GET, &hub.service(path))
            .send()
            .await?;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        let with_a_bad_token = hub
            .anonymous(Method::GET, &hub.service(path))
            .header("Authorization", "token nonsense")
            .send()
            .await?;
        assert_eq!(
            with_a_bad_token.status(),
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
    let navigation = hub
        .anonymous(Method::GET, &hub.service(""))
        .header("Accept", "text/html")
        .header("Sec-Fetch-Mode", "navigate")
        .send()
        .await?;
    assert!(navigation.status().is_redirection(), "{navigation:?}");

    let alice = hub.start_server("alice").await?;
    let bob = hub.start_server("bob").await?;
    let event = |user: &str| {
        let path = hub.home_path(user, NOTEBOOK);
        json!({"type": "save-notebook", "user": user, "filename": NOTEBOOK, "path": path})
    };
    let post = |token: &str, user: &str| {
        hub.anonymous(Method::POST, &hub.service("events"))
            .header("Authorization", format!("token {token}"))
            .json(&event(user))
    };
    let own = post(&alice.token, "alice").send().await?;
    assert_eq!(own.status(), StatusCode::CREATED);
    assert_eq!(own.json::<Value>().await?["user"], "alice");
    let forged = post(&alice.token, "bob").send().await?;
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        post(&bob.token, "bob").send().await?.status(),
        StatusCode::CREATED
    );
    let events: Vec<Value> = hub
        .anonymous(Method::GET, &hub.service("events"))
        .header("Authorization", format!("token {}", alice.token))
        .send()
        .await?
        .json()
        .await?;
    assert!(!events.is_empty());
    assert!(
        events.iter().all(|event| event["user"] == "alice"),
        "{events:?}"
    );

    // What etc/jupyter sets for everyone, as a fresh JupyterLab finds it.
    let docmanager = "@jupyterlab/docmanager-extension:plugin";
    assert_eq!(alice.lab_setting(docmanager, "autosaveInterval").await?, 5);
    let notification = "@jupyterlab/apputils-extension:notification";
    assert_eq!(alice.lab_setting(notification, "fetchNews").await?, "false");

    let admin = Browser::start().await?;
    admin.goto(&hub.url("hub/admin")).await?;
    admin.sign_in(ADMIN, PASSWORD).await?;
    for user in [ADMIN, INSTRUCTOR, "alice", "bob"] {
        admin.wait_for_text("#react-admin-hook", user).await?;
    }
    // An admin is an instructor without being in the group.
    admin.goto(&hub.service("")).await?;
    admin
        .wait_for("[data-testid=notebook-select], [data-testid=empty], [data-testid=wall]")
        .await?;
    let session = "return fetch('api/session').then(answer => answer.json())";
    assert_eq!(admin.execute(session).await?["role"], "instructor");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn saving_works_while_the_service_does_not() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let alice = hub.start_server("alice").await?;
    assert_saved(alice.save("a.ipynb", &notebook(&["before = 1"])).await?);

    // First it hangs, then it is gone; the Hub starts it again by itself.
    hub.signal_service(Signal::STOP)?;
    assert_saved(
        alice
            .save("hanging.ipynb", &notebook(&["hanging = 1"]))
            .await?,
    );
    hub.signal_service(Signal::KILL)?;
    assert_saved(alice.save("gone.ipynb", &notebook(&["gone = 1"])).await?);

    until("both saves in the list of events", async || {
        let events: Vec<Value> = hub
            .anonymous(Method::GET, &hub.service("events"))
            .header("Authorization", format!("token {}", alice.token))
            .send()
            .await?
            .json()
            .await?;
        let there = |name: &str| events.iter().any(|event| event["filename"] == name);
        let all = there("a.ipynb") && there("hanging.ipynb") && there("gone.ipynb");
        Ok(all.then_some(()))
    })
    .await
}

/// A new notebook is 201, one that was there 200.
fn assert_saved(status: StatusCode) {
    assert!(status.is_success(), "the save was answered {status}");
}

/// The contents API saves into folders that are there.
fn make_folder(hub: &Hub, users: &[&str]) -> Result<()> {
    for user in users {
        let path = hub.home_path(user, NOTEBOOK);
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
    }
    Ok(())
}
