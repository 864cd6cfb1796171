//! A session that ends at the Hub while its pages are open. The test of a deleted user is in
//! [`crate::restarts`].

use anyhow::Result;
use tests::{
    WAIT_TIMEOUT,
    browser::TestBrowser,
    hub::{Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    until_within,
};

use crate::{NOTEBOOK, tile};

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn signing_out_of_the_hub_ends_every_open_page() -> Result<()> {
    leaves("PIPALHUB_VENV").await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn signing_out_of_the_hub_ends_every_open_page_on_hub_5() -> Result<()> {
    leaves("PIPALHUB_VENV_HUB5").await
}

async fn leaves(venv: &str) -> Result<()> {
    let hub = Hub::start(venv).await?;
    let page = signed_in(&hub).await?;
    let here = page.open_tab(&hub.url("hub/logout")).await?;
    page.switch_to(&here).await?;
    is_led_to_the_hub(&hub, &page).await?;

    // The Hub leads back to the page, which shows the present notebooks.
    page.sign_in(INSTRUCTOR, PASSWORD).await?;
    page.wait_for_text(&tile("alice"), "'later'").await
}

/// An instructor's wall.
async fn signed_in(hub: &Hub) -> Result<TestBrowser> {
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["'first'"]))?;
    let page = TestBrowser::start().await?;
    page.goto(&hub.service("")).await?;
    page.sign_in(INSTRUCTOR, PASSWORD).await?;
    page.wait_for_text(&tile("alice"), "'first'").await?;
    page.wait_for("[data-testid=live-pill][data-state=live]")
        .await?;
    Ok(page)
}

/// Alice goes on saving. The Hub's answer about a token is good for a minute; then at the latest
/// the page is the Hub's sign-in page, without a cell of hers.
async fn is_led_to_the_hub(hub: &Hub, page: &TestBrowser) -> Result<()> {
    let path = hub.home_path("alice", NOTEBOOK);
    until_within(2 * WAIT_TIMEOUT, "the Hub's sign-in page", async || {
        save(&path, &notebook(&["'first'", "'later'"]))?;
        let form = page.texts("#login_submit").await?;
        Ok((!form.is_empty()).then_some(()))
    })
    .await?;
    assert!(page.url().await?.starts_with(&hub.url("hub/")));
    let shown = page.texts("body").await?.join(" ");
    assert!(!shown.contains("'later'") && !shown.contains("'first'"));
    assert!(page.texts(&tile("alice")).await?.is_empty());
    Ok(())
}
