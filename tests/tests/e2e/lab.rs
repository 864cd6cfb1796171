//! A notice inside real JupyterLab, shown by the extension of the participants' package.

use std::time::Instant;

use anyhow::Result;
use serde_json::json;
use tests::{
    browser::TestBrowser,
    hub::{Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    until,
};

use crate::{NOTEBOOK, notices, tile};

/// A notification of JupyterLab.
pub(crate) const TOAST: &str = ".Toastify__toast";

/// The cross of a notification.
const CROSS: &str = ".Toastify__toast .jp-Notification-Toast-Close";

/// Sends a notice as the page of a signed-in instructor does.
pub(crate) const POST_SCRIPT: &str = "const [body, done] = arguments;
    const headers = {'Content-Type': 'application/json'};
    (async () => {
        headers['X-XSRFToken'] = (await (await fetch('api/session')).json()).xsrf;
        const request = {method: 'POST', headers, body: JSON.stringify(body)};
        return (await fetch('api/notices', request)).status;
    })().then(done, error => done(String(error)));";

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_notice_appears_in_lab_and_in_one_that_is_opened_later() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    hub.start_server("alice").await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["x = 1"]))?;
    let lab = open_lab(&hub).await?;
    let wall = open_wall(&hub).await?;

    notices::write(&wall, "everyone", "Lunch is at noon.").await?;
    let sent = Instant::now();
    lab.wait_for_text(TOAST, "Lunch is at noon.").await?;
    eprintln!(
        "in an open JupyterLab {:?} after it was sent",
        sent.elapsed()
    );
    // Waits for the end of its animation from the side.
    until("the notice to be in sight", async || {
        let inside = "const box = document.querySelector(arguments[0]).getBoundingClientRect(); \
                      return box.right < innerWidth";
        let inside = lab.run(inside, vec![TOAST.into()]).await?;
        Ok((inside == true).then_some(()))
    })
    .await?;
    lab.shot("lab-notice.png").await?;
    wall.wait_for_text("[data-testid=sent]", "had 1/1 · opened 0/1")
        .await?;

    // In another browser, since one browser shows a notice once.
    let later = open_lab(&hub).await?;
    later.wait_for_text(TOAST, "Lunch is at noon.").await?;
    // Its cross counts as seen.
    later.wait_for(CROSS).await?.click().await?;
    wall.wait_for_text("[data-testid=sent]", "had 1/1 · opened 1/1")
        .await?;
    wait_until_gone(&later).await?;

    notices::retract(&wall).await?;
    wait_until_gone(&lab).await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn the_file_of_a_notice_is_opened_in_lab_and_its_author_sees_it() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    hub.start_server("alice").await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["x = 1"]))?;
    save(&hub.home_path("alice", "day2.ipynb"), &notebook(&["y = 2"]))?;
    let lab = open_lab(&hub).await?;
    let wall = open_wall(&hub).await?;

    let notice = json!({"text": "On to day 2", "to": {"user": "alice"}, "file": "day2.ipynb"});
    let status = wall.run_until_called(POST_SCRIPT, vec![notice]).await?;
    assert_eq!(status, 201);
    lab.wait_for_text(TOAST, "On to day 2").await?;
    press(&lab, "Open file").await?;
    lab.wait_for_text(".jp-NotebookPanel .jp-CodeCell", "y = 2")
        .await?;
    wall.wait_for("[data-testid=notice-button]")
        .await?
        .click()
        .await?;
    wall.wait_for_text("[data-testid=sent]", "had 1/1 · opened 1/1")
        .await
}

/// Clicks an action of a notification.
pub(crate) async fn press(lab: &TestBrowser, action: &str) -> Result<()> {
    let press = "const buttons = [...document.querySelectorAll(arguments[0] + ' button')];
        buttons.find(button => button.textContent.includes(arguments[1])).click();";
    lab.run(press, vec![TOAST.into(), action.into()]).await?;
    Ok(())
}

pub(crate) async fn wait_until_gone(lab: &TestBrowser) -> Result<()> {
    until("the end of the notice", async || {
        Ok(lab.texts(TOAST).await?.is_empty().then_some(()))
    })
    .await
}

pub(crate) async fn open_wall(hub: &Hub) -> Result<TestBrowser> {
    let wall = TestBrowser::start().await?;
    wall.goto(&hub.service(&format!("?notebook={NOTEBOOK}")))
        .await?;
    wall.sign_in(INSTRUCTOR, PASSWORD).await?;
    wall.wait_for_text(&tile("alice"), "x = 1").await?;
    Ok(wall)
}

pub(crate) async fn open_lab(hub: &Hub) -> Result<TestBrowser> {
    let lab = TestBrowser::start().await?;
    lab.goto(&hub.url(&format!("user/alice/lab/tree/{NOTEBOOK}")))
        .await?;
    lab.sign_in("alice", PASSWORD).await?;
    lab.wait_for(".jp-Notebook .jp-CodeCell").await?;
    Ok(lab)
}
