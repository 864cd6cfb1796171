//! What whoever runs the server has put into everyone's page, in real JupyterLab and Notebook 7.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use tests::{
    browser::TestBrowser,
    documents::code_block,
    hub::{HubSetup, PASSWORD},
    notebooks::{notebook, save},
    until,
};

use crate::NOTEBOOK;

const PAGE: &str = "docs/original.md";
const SECTION: &str = "Custom CSS and JS";

const DARK_ORANGE: &str = "rgb(255, 140, 0)";

/// The colour of a cell's number, the script's mark, and how many styles there are.
const LOOK: &str = "return [
    getComputedStyle(document.querySelector('.jp-CodeCell .jp-InputPrompt')).color,
    document.body.dataset.mark ?? '',
    String(document.querySelectorAll('#pipalhub-custom-css').length),
]";

/// Stands behind the script of the documentation: a mark, and an error that must stop nothing.
const MARK: &str = "document.body.dataset.mark = String(app.shell != null);
throw new Error('of the script');
";

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn custom_css_and_js_are_in_everyones_page_and_nothing_is_without_them() -> Result<()> {
    let setup = HubSetup::new()?;
    let custom = setup.folder().join("custom");
    let hub = setup.start("PIPALHUB_VENV").await?;
    hub.start_server("alice").await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["x = 1"]))?;
    let page = TestBrowser::start().await?;
    let at = |interface: &str| hub.url(&format!("user/alice/{interface}/{NOTEBOOK}"));

    page.goto(&at("lab/tree")).await?;
    page.sign_in("alice", PASSWORD).await?;
    asked(&page).await?;
    let [colour, mark, styles] = look(&page).await?;
    ensure!(
        colour != DARK_ORANGE && mark.is_empty() && styles == "0",
        "{colour} {mark} {styles}"
    );

    write(&custom)?;
    for interface in ["lab/tree", "notebooks"] {
        page.goto(&at(interface)).await?;
        until("the script", async || {
            let [_, mark, _] = look(&page).await?;
            Ok((!mark.is_empty()).then_some(()))
        })
        .await?;
        let look = look(&page).await?;
        ensure!(look == [DARK_ORANGE, "true", "1"], "{interface}: {look:?}");
        page.wait_for_text(".Toastify__toast", "Welcome to Python")
            .await?;
        page.wait_for_text(".jp-Notebook .jp-CodeCell", "x = 1")
            .await?;
    }
    Ok(())
}

/// Writes what the documentation has as an example.
fn write(folder: &Path) -> Result<()> {
    fs::create_dir(folder)?;
    fs::write(folder.join("custom.css"), code_block(PAGE, SECTION, "css")?)?;
    let script = code_block(PAGE, SECTION, "js")?;
    fs::write(folder.join("custom.js"), script + MARK)?;
    Ok(())
}

/// Waits until the page has asked for the files, and has had its answer.
async fn asked(page: &TestBrowser) -> Result<()> {
    let ended = "return performance.getEntriesByType('resource')
        .some(entry => entry.name.endsWith('/pipalhub/custom') && entry.responseEnd > 0)";
    until("the request for custom files", async || {
        Ok((page.run(ended, Vec::new()).await? == true).then_some(()))
    })
    .await
}

async fn look(page: &TestBrowser) -> Result<[String; 3]> {
    page.wait_for(".jp-Notebook .jp-CodeCell").await?;
    let seen = page.run(LOOK, Vec::new()).await?;
    Ok(serde_json::from_value(seen)?)
}
