//! Restoring into a home that the service cannot write, and handing out, below a real Hub. The
//! test stands in for the participants' servers: it asks with their tokens and reports.

use anyhow::{Context, Result};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    hub::{Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    until,
};

use crate::NOTEBOOK;

const HANDOUT: &str = "[data-testid=handout]";
const STEP: &str = "#handout-step";

/// A phone, the narrowest screen that the page is made for.
const PHONE: (u32, u32) = (390, 844);
const DESK: (u32, u32) = (1_280, 900);

async fn click(browser: &TestBrowser, css: &str) -> Result<()> {
    Ok(browser.wait_for(css).await?.click().await?)
}

fn page_of(hub: &Hub, user: &str) -> String {
    let notebook = NOTEBOOK.replace('/', "%2F");
    hub.service(&format!("notebook?notebook={notebook}&user={user}"))
}

/// Pictures of the page in both colour schemes, on a desk and on a phone.
async fn shots(browser: &TestBrowser, name: &str) -> Result<()> {
    for (screen, (width, height)) in [("phone", PHONE), ("desk", DESK)] {
        browser.size(width, height).await?;
        for scheme in ["light", "dark"] {
            browser.prefer_color_scheme(scheme).await?;
            browser
                .shot(&format!("{name}-{screen}-{scheme}.png"))
                .await?;
        }
        let page = browser.page_width().await?;
        assert!(page <= width, "{name} on a {screen} is {page} px wide");
    }
    Ok(())
}

/// The first errand of this participant's server, its content, and reporting it done.
async fn do_errand(hub: &Hub, user: &str, written: &str) -> Result<String> {
    let token = hub.token_of(user).await?;
    let asked = hub.with_token(&token, Method::GET, "api/errands?wait=25");
    let errands: Value = asked.send().await?.error_for_status()?.json().await?;
    let errand = &errands["errands"][0];
    let url = errand["url"].as_str().context("an errand")?;
    let content = hub.with_token(&token, Method::GET, url);
    let content = content.send().await?.error_for_status()?.text().await?;
    let path = format!("api/errands/{}", errand["id"]);
    for report in [
        json!({"state": "done", "filename": written}),
        json!({"state": "opened"}),
    ] {
        let told = hub.with_token(&token, Method::POST, &path).json(&report);
        assert_eq!(told.send().await?.status(), StatusCode::NO_CONTENT);
    }
    Ok(content)
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_restore_waits_on_the_page_until_the_server_has_written_it() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    hub.add_user("alice").await?;
    let file = hub.home_path("alice", NOTEBOOK);
    let browser = TestBrowser::start().await?;
    save(&file, &notebook(&["first"]))?;
    browser.goto(&page_of(&hub, "alice")).await?;
    browser.sign_in(INSTRUCTOR, PASSWORD).await?;
    click(&browser, "[data-testid=history-button]").await?;
    let history = "[data-testid=history] li";
    browser.wait_for(history).await?;
    save(&file, &notebook(&["second"]))?;
    until("two versions", async || {
        Ok((browser.texts(history).await?.len() == 2).then_some(()))
    })
    .await?;
    click(&browser, &format!("{history}:last-child a")).await?;
    browser
        .wait_for("[data-testid=version-bar] [data-do=ask]")
        .await?;

    // A volume that the service does not see.
    let home = hub.home_path("alice", "");
    std::fs::rename(&home, hub.folder().join("volume"))?;
    click(&browser, "[data-testid=version-bar] [data-do=ask]").await?;
    click(&browser, "#restore [data-do=restore]").await?;
    browser
        .wait_for_text("#restore", "waits until alice")
        .await?;
    click(&browser, "#restore [data-do=close]").await?;
    browser
        .wait_for_text("[data-testid=errand]", "Waits until alice’s server runs")
        .await?;
    shots(&browser, "restore-waits").await?;
    let written = "module1/day1-restored-x.ipynb";
    let content = do_errand(&hub, "alice", written).await?;
    assert!(content.contains("first") && !content.contains("second"));
    browser
        .wait_for_text("[data-testid=errand] a", written)
        .await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_notebook_is_handed_out_and_taken_back() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    hub.add_user("alice").await?;
    for user in [INSTRUCTOR, "alice", "bob"] {
        save(&hub.home_path(user, NOTEBOOK), &notebook(&["radius = 3"]))?;
    }
    let browser = TestBrowser::start().await?;
    browser.goto(&page_of(&hub, INSTRUCTOR)).await?;
    browser.sign_in(INSTRUCTOR, PASSWORD).await?;
    browser
        .wait_for_text("[data-testid=notebook-page]", "radius")
        .await?;

    browser.wait_for("body").await?.send_keys("d").await?;
    browser.wait_for("#handout-dialog[open]").await?;
    browser.select("#handout-to", "user:bob").await?;
    browser.select("#handout-to", "everyone").await?;
    click(&browser, &format!("{STEP} [data-do=handout-ask]")).await?;
    browser
        .wait_for_text(STEP, "everyone: 2 people now")
        .await?;
    shots(&browser, "handout-asked").await?;
    click(&browser, &format!("{STEP} [data-do=handout-send]")).await?;
    browser.wait_for_text(STEP, "Handed out").await?;
    browser.wait_for_text(HANDOUT, "0/2 have it").await?;

    let content = do_errand(&hub, "alice", "module1/day1-2.ipynb").await?;
    assert!(content.contains("radius = 3"));
    browser
        .wait_for_text(HANDOUT, "1/2 have it · 1 opened")
        .await?;
    click(&browser, &format!("{HANDOUT} summary")).await?;
    let names = format!("{HANDOUT} dd");
    until("the names", async || {
        Ok((browser.texts(&names).await? == ["alice", "bob"]).then_some(()))
    })
    .await?;
    shots(&browser, "handouts").await?;
    click(&browser, &format!("{HANDOUT} [data-do=handout-end]")).await?;
    browser.wait_for_text(HANDOUT, "taken back").await?;
    Ok(())
}
