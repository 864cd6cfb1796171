//! What is typed in other interfaces of Jupyter than JupyterLab alone reaches the Wall by a push:
//! shared documents (jupyter-collaboration), which the server writes itself, and Notebook 7.

use anyhow::{Result, ensure};
use tests::{
    browser::TestBrowser,
    hub::{Hub, PASSWORD},
    notebooks::{notebook, save},
    until,
};

use crate::{
    NOTEBOOK,
    lab::{open_lab, open_wall},
    tile,
};

/// The editor of the first cell, in all of them.
const EDITOR: &str = ".jp-Notebook .jp-CodeCell .cm-content";

/// How many shared documents a page has open.
const SHARED_DOCUMENTS: &str = "return performance.getEntriesByType('resource')
    .filter(entry => entry.name.includes('api/collaboration/session')).length";

/// Gives what the service keeps of alice's pushes.
const PUSHED: &str = "const [filename, done] = arguments;
    const query = new URLSearchParams({user: 'alice', filename});
    fetch('api/copies/content?' + query).then(answer => answer.text()).then(done, String);";

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_shared_document_of_jupyter_collaboration_5_reaches_the_wall() -> Result<()> {
    shared_document("PIPALHUB_VENV_COLLABORATION_5").await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn a_shared_document_of_jupyter_collaboration_4_reaches_the_wall() -> Result<()> {
    shared_document("PIPALHUB_VENV_COLLABORATION_4").await
}

async fn shared_document(venv: &str) -> Result<()> {
    let hub = Hub::start(venv).await?;
    hub.start_server("alice").await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["x = 1"]))?;
    let wall = open_wall(&hub).await?;
    let lab = open_lab(&hub).await?;
    until("a shared document", async || {
        let shared = lab.run(SHARED_DOCUMENTS, Vec::new()).await?;
        Ok((shared.as_u64() > Some(0)).then_some(()))
    })
    .await?;
    typed_text_is_pushed(&lab, &wall).await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn what_is_typed_in_notebook_7_reaches_the_wall() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV").await?;
    hub.start_server("alice").await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["x = 1"]))?;
    let wall = open_wall(&hub).await?;
    let page = TestBrowser::start().await?;
    page.goto(&hub.url(&format!("user/alice/notebooks/{NOTEBOOK}")))
        .await?;
    page.sign_in("alice", PASSWORD).await?;
    typed_text_is_pushed(&page, &wall).await?;
    page.shot("notebook-7.png").await
}

/// Types into the first cell and saves nothing: the interface does, by itself.
async fn typed_text_is_pushed(page: &TestBrowser, wall: &TestBrowser) -> Result<()> {
    page.type_into(EDITOR, " + 41").await?;
    wall.wait_for_text(&tile("alice"), "x = 1 + 41").await?;
    let pushed = wall.run_until_called(PUSHED, vec![NOTEBOOK.into()]).await?;
    let is_pushed = pushed
        .as_str()
        .is_some_and(|text| text.contains("x = 1 + 41"));
    ensure!(is_pushed, "it was not pushed: {pushed}");
    Ok(())
}
