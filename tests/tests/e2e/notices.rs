//! Notices on the instructor's page. The tests of a participant's side need a Hub and are in
//! [`crate::hub`].

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    notebooks::{notebook, save},
    standalone::Standalone,
    until,
};

use crate::{NOTEBOOK, tile};

const SENT: &str = "[data-testid=sent]";

/// Writes a notice in the dialog, which is opened first if it is closed.
pub(crate) async fn write(browser: &TestBrowser, to: &str, text: &str) -> Result<()> {
    if browser.texts("#notice-dialog[open]").await?.is_empty() {
        click(browser, "[data-testid=notice-button]").await?;
    }
    browser.select("#notice-to", to).await?;
    browser.type_into("#notice-text", text).await?;
    click(browser, "#notice-dialog [data-do=send]:not(:disabled)").await?;
    browser.wait_for_text("#notice-said", "Sent").await
}

/// Retracts the newest notice.
pub(crate) async fn retract(browser: &TestBrowser) -> Result<()> {
    click(browser, &format!("{SENT}:first-child [data-do=take-back]")).await?;
    browser
        .wait_for_text(&format!("{SENT}:first-child"), "taken back")
        .await
}

async fn click(browser: &TestBrowser, css: &str) -> Result<()> {
    Ok(browser.wait_for(css).await?.click().await?)
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_notice_is_written_followed_and_taken_back() -> Result<()> {
    let service = Standalone::start()?;
    for user in ["alice", "bob"] {
        save(
            &service.home_path(user, NOTEBOOK),
            &notebook(&["radius = 3"]),
        )?;
    }
    let browser = TestBrowser::start().await?;
    browser.goto(service.link()).await?;
    browser.wait_for_text(&tile("bob"), "radius").await?;

    // By the keyboard, with the required fields only.
    browser.wait_for("body").await?.send_keys("m").await?;
    browser.wait_for("#notice-dialog[open]").await?;
    browser.wait_for("[data-do=send]:disabled").await?;
    let to = format!("notebook:{NOTEBOOK}");
    let text = "Please **save** and open day 2";
    write(&browser, &to, text).await?;
    browser.wait_for_text(SENT, "had 0/2").await?;
    // What is written is shown as it will look, and whom it would reach now; what is sent is gone.
    browser.select("#notice-to", "user:bob").await?;
    browser
        .type_into("#notice-text", "Your `kernel` is **busy**")
        .await?;
    let preview = "#notice-preview";
    browser
        .wait_for_text(
            preview,
            "Recipients: 1 · with a page open, who see it at once: 0",
        )
        .await?;
    browser
        .wait_for_text(".notice-dialog p.note", "Your kernel is busy")
        .await?;
    browser
        .wait_for_text(&format!("{preview} strong"), "busy")
        .await?;
    browser
        .wait_for_text("#notice-length", "25 of 4000")
        .await?;
    for scheme in ["light", "dark"] {
        browser.prefer_color_scheme(scheme).await?;
        browser
            .shot(&format!("notices-preview-{scheme}.png"))
            .await?;
    }
    browser
        .type_into("#notice-text", " <img src=x onerror=alert(1)>")
        .await?;
    browser.wait_for_text(preview, "Image not loaded").await?;
    let images = browser.texts(&format!("{preview} img")).await?;
    assert!(images.is_empty());
    click(&browser, "#notice-dialog [data-do=send]:not(:disabled)").await?;
    browser.wait_for_text("#notice-said", "Sent").await?;
    until("the end of the preview", async || {
        Ok(browser
            .texts(&format!("{preview} p"))
            .await?
            .is_empty()
            .then_some(()))
    })
    .await?;
    browser.wait_for_text(SENT, "had 0/1").await?;
    click(&browser, &format!("{SENT}:last-child summary")).await?;
    browser
        .wait_for_text(&format!("{SENT} dd"), "alice, bob")
        .await?;
    for scheme in ["light", "dark"] {
        browser.prefer_color_scheme(scheme).await?;
        browser.shot(&format!("notices-{scheme}.png")).await?;
    }
    retract(&browser).await?;

    let sent = service.authorized(Method::GET, "api/notices/sent");
    let sent: Value = sent.send().await?.json().await?;
    let told = |at: usize| &sent["notices"][at];
    assert_eq!(told(0)["retracted"], true);
    assert_eq!(told(1)["text"], text);
    assert_eq!(told(1)["to"], json!({"notebook": NOTEBOOK}));
    Ok(())
}

/// The answer to a notice comes while the next one is written.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn what_is_typed_while_a_notice_is_sent_stays() -> Result<()> {
    let service = Standalone::start()?;
    save(&service.home_path("alice", NOTEBOOK), &notebook(&["x"]))?;
    let browser = TestBrowser::start().await?;
    browser.goto(service.link()).await?;
    browser.wait_for_text(&tile("alice"), "x").await?;
    click(&browser, "[data-testid=notice-button]").await?;
    let hold = "const real = window.fetch; window.held = new Promise(go => window.letGo = go);
        window.fetch = async (...all) => {
            const answer = await real(...all);
            if ((all[0].method ?? all[1]?.method) === 'POST') await window.held;
            return answer;
        };";
    browser.run(hold, vec![]).await?;
    let send = "#notice-dialog [data-do=send]";
    browser.type_into("#notice-text", "first").await?;
    click(&browser, &format!("{send}:not(:disabled)")).await?;
    // One is on its way, and is sent once.
    browser.wait_for(&format!("{send}:disabled")).await?;
    browser.type_into("#notice-text", "second").await?;
    browser.run("window.letGo();", vec![]).await?;
    browser.wait_for_text("#notice-said", "Sent").await?;
    let text = "return document.querySelector('#notice-text').value;";
    assert_eq!(browser.run(text, vec![]).await?, "second");
    click(&browser, &format!("{send}:not(:disabled)")).await?;
    browser.wait_for_text(SENT, "second").await?;
    assert_eq!(browser.run(text, vec![]).await?, "");
    Ok(())
}
