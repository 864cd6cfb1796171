//! The rights of roles below a real Hub, of both versions, and signing out.

use anyhow::Result;
use rustix::process::Signal;
use tests::{
    browser::TestBrowser,
    hub::{HELPER, Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    until,
};

use crate::{NOTEBOOK, tile};

const BAR: &str = "[data-testid=version-bar]";

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_helper_sees_everyone_and_signs_out() -> Result<()> {
    helps_and_leaves("PIPALHUB_VENV").await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_helper_sees_everyone_and_signs_out_on_hub_5() -> Result<()> {
    helps_and_leaves("PIPALHUB_VENV_HUB5").await
}

async fn helps_and_leaves(venv: &str) -> Result<()> {
    let hub = Hub::start(venv).await?;
    let path = hub.home_path("alice", NOTEBOOK);
    save(&path, &notebook(&["'first'"]))?;

    let browser = TestBrowser::start().await?;
    browser.goto(&hub.service("")).await?;
    browser.sign_in(HELPER, PASSWORD).await?;
    browser.wait_for_text(&tile("alice"), "first").await?;
    save(&path, &notebook(&["'first'", "'second'"]))?;
    browser.wait_for_text(&tile("alice"), "second").await?;

    // A helper can see and download versions, and not restore them.
    browser.open(&tile("alice")).await?;
    click(&browser, "[data-testid=history-button]").await?;
    click(&browser, "[data-testid=history] li:nth-child(2) a").await?;
    browser.wait_for(&format!("{BAR} a.primary")).await?;
    browser.wait_for(&format!("{BAR} a[download]")).await?;
    let offered = browser
        .attributes(&format!("{BAR} button"), "data-do")
        .await?;
    assert_eq!(offered, ["changes"]);

    // Signing out leads to the Hub and ends the session there.
    click(&browser, ".account").await?;
    browser.shot("sign-out.png").await?;
    click(&browser, "#sign-out").await?;
    browser.wait_for("#username_input").await?;
    assert!(browser.url().await?.starts_with(&hub.url("hub/")));
    browser.goto(&hub.service("")).await?;
    browser.wait_for("#username_input").await?;
    Ok(())
}

/// While the Hub takes its time to sign a user out, their page hears of a save, requests it and is
/// refused. That must not lead the page back to signing in.
#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_save_does_not_call_back_a_page_that_signs_out() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let path = hub.home_path("alice", NOTEBOOK);
    save(&path, &notebook(&["'first'"]))?;
    let wall = TestBrowser::start().await?;
    // The Hub that the page is led to does not answer.
    let leaving = TestBrowser::start_without_waiting().await?;
    for (browser, user) in [(&wall, INSTRUCTOR), (&leaving, HELPER)] {
        browser.goto(&hub.service("")).await?;
        browser.sign_in(user, PASSWORD).await?;
        browser.wait_for_text(&tile("alice"), "first").await?;
        browser
            .wait_for("[data-testid=live-pill][data-state=live]")
            .await?;
    }
    click(&leaving, ".account").await?;
    leaving.wait_for("#sign-out").await?;

    hub.signal(Signal::STOP)?;
    click(&leaving, "#sign-out").await?;
    for text in ["second", "third", "fourth"] {
        save(&path, &notebook(&[&format!("'{text}'")]))?;
        wall.wait_for_text(&tile("alice"), text).await?;
    }
    hub.signal(Signal::CONT)?;
    leaving.wait_for("#username_input").await?;
    leaving.goto(&hub.service("")).await?;
    leaving.wait_for("#username_input").await?;
    Ok(())
}

async fn click(browser: &TestBrowser, css: &str) -> Result<()> {
    // The element may be gone for a moment while its list is drawn anew.
    until(("a click on", css), async || {
        browser.wait_for(css).await?.click().await?;
        Ok(Some(()))
    })
    .await
}
