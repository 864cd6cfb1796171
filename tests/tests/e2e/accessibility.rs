//! What axe-core finds on the pages: nothing.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{browser::TestBrowser, notebooks::copy_sample_class, setting, standalone::Standalone};

use crate::{NOTEBOOK, hostile::signed_in};

const ESCAPE: &str = "\u{e00c}";

/// What axe-core has against the page, in words.
async fn findings(page: &TestBrowser) -> Result<Vec<Value>> {
    let axe = fs::read_to_string(setting("PIPALHUB_AXE"))?;
    page.run(&axe, vec![]).await?;
    let script = "const done = arguments[arguments.length - 1];\
        axe.run(document, {resultTypes: ['violations']}).then((result) => done(\
        result.violations.map((it) => [it.id, it.nodes.length, it.nodes[0].html.slice(0, 200)])))";
    let found = page.run_until_called(script, vec![]).await?;
    Ok(found.as_array().context("a list")?.clone())
}

/// Fails when axe-core has something against the page, whose policy must be ignored.
pub(crate) async fn assert_no_violations(page: &TestBrowser) -> Result<()> {
    let found = findings(page).await?;
    ensure!(found.is_empty(), "{}: {}", page.url().await?, json!(found));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn nothing_bars_anybody_from_a_page() -> Result<()> {
    let service = Standalone::start()?;
    let class = copy_sample_class(&service.homes())?;
    let page = signed_in(&service).await?;
    page.ignore_policies().await?;
    let user = &class[0];
    let wall = format!("?notebook={NOTEBOOK}");
    let mut documents = 0;
    for (path, ready) in [
        (wall.clone(), ".tile .nb-slot:last-child > .nb-cell"),
        (
            format!("{wall}&size=small&by=state"),
            ".small .nb-slot:last-child > .nb-cell",
        ),
        (format!("{wall}&size=dots"), ".dots .tile"),
        (
            format!("{wall}&screen=1&names=0"),
            ".tile .nb-slot:last-child > .nb-cell",
        ),
        (format!("{wall}&q=nobody"), "[data-testid=empty]"),
        (format!("notebook{wall}&user={user}"), ".nb-cell"),
        (
            format!("notebook{wall}&user={user}&changes=1"),
            "[data-testid=history] li",
        ),
        (format!("document{wall}"), ".document-place iframe"),
        ("build/".to_owned(), "table"),
        ("follow".to_owned(), "[data-testid=ended]"),
        ("setup".to_owned(), ".setup-head"),
        ("users".to_owned(), "main h2, main h1"),
        ("packages".to_owned(), ".manage-bar"),
        ("files".to_owned(), "[data-testid=not-allowed]"),
        ("nowhere".to_owned(), "main a"),
    ] {
        page.goto(&service.url(&path)).await?;
        page.wait_for(ready).await?;
        let found = findings(&page).await?;
        ensure!(found.is_empty(), "{path}: {}", json!(found));
        // The class's document by itself, as it is downloaded.
        if let [document] = &page.attributes(ready, "src").await?[..]
            && !document.is_empty()
        {
            page.goto(&service.url(document)).await?;
            page.wait_for(".sum-part .nb-cell").await?;
            documents += 1;
            let found = findings(&page).await?;
            ensure!(found.is_empty(), "{document}: {}", json!(found));
        }
    }
    ensure!(documents == 1, "{documents} documents");
    page.goto(&service.url(&wall)).await?;
    page.wait_for(".tile .nb-slot:last-child > .nb-cell")
        .await?;
    for (key, ready) in [("m", "#notice-text"), ("?", "#shortcuts-title")] {
        page.press_keys(key).await?;
        page.wait_for(ready).await?;
        let found = findings(&page).await?;
        ensure!(found.is_empty(), "{ready}: {}", json!(found));
        page.press_keys(ESCAPE).await?;
    }
    for (button, ready) in [
        ("[data-testid=view-button]", "#view-menu a"),
        ("[data-testid=notebook-picker]", "#notebooks a"),
    ] {
        page.wait_for(button).await?.click().await?;
        page.wait_for(ready).await?;
        let found = findings(&page).await?;
        ensure!(found.is_empty(), "{button}: {}", json!(found));
        page.press_keys(ESCAPE).await?;
    }
    let stranger = TestBrowser::start().await?;
    stranger.ignore_policies().await?;
    stranger.goto(&service.url("")).await?;
    stranger.wait_for("[data-testid=login]").await?;
    let found = findings(&stranger).await?;
    ensure!(found.is_empty(), "the login page: {}", json!(found));
    Ok(())
}
