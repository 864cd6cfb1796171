//! Below a real JupyterHub 6.1.

use anyhow::Result;
use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    hub::{ADMIN, Hub, HubSetup, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    until,
};

use crate::{NOTEBOOK, notices, tile};

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

    let wall = TestBrowser::start().await?;
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

    let own = TestBrowser::start().await?;
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
async fn a_service_that_the_hub_does_not_start_has_the_same_wall() -> Result<()> {
    let hub = HubSetup::new()?
        .external_service()
        .start("PIPALHUB_VENV")
        .await?;
    let alice = hub.start_server("alice").await?;
    make_folder(&hub, &["alice"])?;
    assert_saved(alice.save(NOTEBOOK, &notebook(&["'first'"])).await?);

    let wall = TestBrowser::start().await?;
    wall.goto(&hub.service("")).await?;
    wall.sign_in(INSTRUCTOR, PASSWORD).await?;
    wall.wait_for_text(&tile("alice"), "first").await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn text_typed_into_lab_appears_by_itself() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    hub.start_server("alice").await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["# begins"]))?;
    let wall = TestBrowser::start().await?;
    wall.goto(&hub.service("")).await?;
    wall.sign_in(INSTRUCTOR, PASSWORD).await?;
    wall.wait_for_text(&tile("alice"), "# begins").await?;

    // JupyterLab saves by itself, every five seconds.
    let lab = TestBrowser::start().await?;
    lab.goto(&hub.url(&format!("user/alice/lab/tree/{NOTEBOOK}")))
        .await?;
    lab.sign_in("alice", PASSWORD).await?;
    lab.type_into(".jp-Notebook .jp-CodeCell .cm-content", " typed by hand ")
        .await?;
    wall.wait_for_text(&tile("alice"), "typed by hand").await?;
    lab.shot("lab.png").await
}

#[tokio::test]
#[ignore = "needs a Hub: cargo xtask test"]
async fn anonymous_requests_are_refused() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let wall = format!("api/wall?filename={NOTEBOOK}");
    for path in ["events", "events/stream", "api/session", &wall] {
        let request = hub.anonymous(Method::GET, &hub.service(path));
        assert_eq!(
            request.send().await?.status(),
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
        let request = hub.with_token("nonsense", Method::GET, path);
        assert_eq!(
            request.send().await?.status(),
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
    // A browser that opens a page is not refused but sent to sign in.
    let page = hub
        .anonymous(Method::GET, &hub.service(""))
        .header("Accept", "text/html")
        .header("Sec-Fetch-Mode", "navigate")
        .send()
        .await?;
    assert!(page.status().is_redirection(), "{page:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and Jupyter: cargo xtask test"]
async fn a_participants_token_opens_only_their_own_notebooks() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let alice = hub.start_server("alice").await?;
    save(
        &hub.home_path("alice", NOTEBOOK),
        &notebook(&["'of alice'"]),
    )?;
    save(&hub.home_path("bob", NOTEBOOK), &notebook(&["'of bob'"]))?;
    let event = |user: &str| {
        let path = hub.home_path(user, NOTEBOOK);
        json!({"type": "save-notebook", "user": user, "filename": NOTEBOOK, "path": path})
    };
    let get = |path: &str| hub.with_token(&alice.token, Method::GET, path);
    let post = |user: &str| {
        hub.with_token(&alice.token, Method::POST, "events")
            .json(&event(user))
    };

    let own = post("alice").send().await?;
    assert_eq!(own.status(), StatusCode::CREATED);
    assert_eq!(own.json::<Value>().await?["user"], "alice");
    let forged = post("bob").send().await?;
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);

    let events: Vec<Value> = get("events").send().await?.json().await?;
    assert!(!events.is_empty());
    assert!(
        events.iter().all(|event| event["user"] == "alice"),
        "{events:?}"
    );
    let of_bob: Vec<Value> = get("events?user=bob").send().await?.json().await?;
    assert_eq!(of_bob, Vec::<Value>::new());
    let wall = format!("api/wall?filename={NOTEBOOK}");
    let wall: Value = get(&wall).send().await?.json().await?;
    assert_eq!(wall["tiles"].as_array().map(Vec::len), Some(1), "{wall}");
    assert_eq!(wall["tiles"][0]["user"], "alice");
    for route in ["tile", "notebook"] {
        let path = format!("api/{route}?filename={NOTEBOOK}&user=bob");
        let status = get(&path).send().await?.status();
        assert!(status.is_client_error(), "{path} is {status}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and Jupyter: cargo xtask test"]
async fn a_fresh_lab_saves_often_and_asks_nothing() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let alice = hub.start_server("alice").await?;
    let docmanager = "@jupyterlab/docmanager-extension:plugin";
    assert_eq!(alice.lab_setting(docmanager, "autosaveInterval").await?, 5);
    let notification = "@jupyterlab/apputils-extension:notification";
    assert_eq!(alice.lab_setting(notification, "fetchNews").await?, "false");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn an_admin_has_the_hubs_pages_and_is_an_instructor() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    hub.add_user("alice").await?;
    save(
        &hub.home_path("alice", NOTEBOOK),
        &notebook(&["'of alice'"]),
    )?;

    let browser = TestBrowser::start().await?;
    browser.goto(&hub.url("hub/admin")).await?;
    browser.sign_in(ADMIN, PASSWORD).await?;
    for user in [ADMIN, INSTRUCTOR, "alice"] {
        browser.wait_for_text("#react-admin-hook", user).await?;
    }
    browser.goto(&hub.service("")).await?;
    browser.wait_for_text(&tile("alice"), "of alice").await?;

    // Signing out of the Hub signs out of the service.
    browser.goto(&hub.url("hub/logout")).await?;
    browser.goto(&hub.service("")).await?;
    browser.wait_for("#username_input").await?;
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn saving_works_while_the_service_does_not() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let alice = hub.start_server("alice").await?;
    assert_saved(alice.save("a.ipynb", &notebook(&["before = 1"])).await?);

    // First the service hangs, then it is killed; the Hub starts it again by itself.
    hub.signal_service(Signal::STOP)?;
    assert_saved(
        alice
            .save("hanging.ipynb", &notebook(&["hanging = 1"]))
            .await?,
    );
    hub.signal_service(Signal::KILL)?;
    assert_saved(alice.save("gone.ipynb", &notebook(&["gone = 1"])).await?);

    let listed = until("both saves in the list of events", async || {
        let events = hub.with_token(&alice.token, Method::GET, "events");
        let events: Vec<Value> = events.send().await?.json().await?;
        let there = |name: &str| events.iter().any(|event| event["filename"] == name);
        let all = there("a.ipynb") && there("hanging.ipynb") && there("gone.ipynb");
        Ok(all.then_some(events))
    })
    .await?;
    // The server's report and the watcher's are one and the same event.
    assert_eq!(listed.len(), 3, "{listed:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_notice_reaches_a_participant_and_comes_back_as_read() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    for user in ["alice", "bob"] {
        hub.add_user(user).await?;
        save(&hub.home_path(user, NOTEBOOK), &notebook(&["x = 1"]))?;
    }
    let own = TestBrowser::start().await?;
    own.goto(&hub.service("")).await?;
    own.sign_in("alice", PASSWORD).await?;
    own.wait_for("[data-testid=live-pill][data-state=live]")
        .await?;
    own.mark().await?;

    let wall = TestBrowser::start().await?;
    wall.goto(&hub.service("")).await?;
    wall.sign_in(INSTRUCTOR, PASSWORD).await?;
    wall.wait_for_text(&tile("bob"), "x = 1").await?;
    notices::write(&wall, "everyone", "Lunch is **at noon**.").await?;
    own.wait_for_text("[data-testid=note] strong", "at noon")
        .await?;
    assert!(own.is_marked().await?, "the page was loaded again");
    own.shot("notice-participant.png").await?;
    wall.wait_for_text("[data-testid=sent]", "had 1/2 · opened 0/2")
        .await?;
    own.wait_for("[data-do=dismiss]").await?.click().await?;
    wall.wait_for_text("[data-testid=sent]", "had 1/2 · opened 1/2")
        .await?;

    // A retracted notice disappears from open pages.
    notices::write(&wall, "user:alice", "Wrong room").await?;
    own.wait_for_text("[data-testid=note]", "Wrong room")
        .await?;
    notices::retract(&wall).await?;
    until("the end of the notice", async || {
        let notes = own.texts("[data-testid=note]").await?;
        Ok(notes.is_empty().then_some(()))
    })
    .await
}

/// The status is 201 for a new notebook, 200 for an existing one.
fn assert_saved(status: StatusCode) {
    assert!(status.is_success(), "the save was answered {status}");
}

/// Makes the folders of the notebook, since the contents API makes none.
fn make_folder(hub: &Hub, users: &[&str]) -> Result<()> {
    for user in users {
        let path = hub.home_path(user, NOTEBOOK);
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
    }
    Ok(())
}
