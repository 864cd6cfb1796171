//! A session that ends at the Hub while its pages are open. That of somebody who is deleted
//! there is in [`crate::restarts`].

use anyhow::Result;
use tests::{
    TIMEOUT,
    browser::Browser,
    hub::{Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    until_within,
};

use crate::{NOTEBOOK, tile};

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn who_leaves_the_hub_has_left_every_open_page() -> Result<()> {
    leaves("PIPALHUB_VENV").await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn who_leaves_the_hub_has_left_every_open_page_on_hub_5() -> Result<()> {
    leaves("PIPALHUB_VENV_HUB5").await
}

async fn leaves(venv: &str) -> Result<()> {
    let hub = Hub::start(venv).await?;
    let page = signed_in(&hub).await?;
    let here = page.open_tab(&hub.url("hub/logout")).await?;
    page.switch_to(&here).await?;
    is_led_to_the_hub(&hub, &page).await?;

    // The way back is the Hub's, and leads to what is there now.
    page.sign_in(INSTRUCTOR, PASSWORD).await?;
    page.wait_for_text(&tile("alice"), "'later'").await
}

/// An instructor before the wall.
async fn signed_in(hub: &Hub) -> Result<Browser> {
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["'first'"]))?;
    let page = Browser::start().await?;
    page.goto(&hub.service("")).await?;
    page.sign_in(INSTRUCTOR, PASSWORD).await?;
    page.wait_for_text(&tile("alice"), "'first'").await?;
    page.wait_for("[data-testid=live-pill][data-state=live]")
        .await?;
    Ok(page)
}

/// Alice goes on saving. What the Hub said of a token is believed for a minute; then at the
/// latest the page is the Hub's sign-in page, and nothing of hers is left in it.
async fn is_led_to_the_hub(hub: &Hub, page: &Browser) -> Result<()> {
    let path = hub.home_path("alice", NOTEBOOK);
    until_within(2 * TIMEOUT, "the Hub's sign-in page", async || {
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
