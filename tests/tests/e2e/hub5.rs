//! The same configuration on JupyterHub 5.5, which TLJH and Zero to JupyterHub have.
//!
//! That venv has no JupyterLab: the notebooks are written by hand and the service's
//! watcher finds them.

use anyhow::Result;
use tests::{
    browser::TestBrowser,
    hub::{Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
};

use crate::{NOTEBOOK, tile};

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn an_instructor_signs_in_and_sees_the_wall() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV_HUB5").await?;
    save(&hub.home_path("alice", NOTEBOOK), &notebook(&["'first'"]))?;

    let wall = TestBrowser::start().await?;
    wall.goto(&hub.service("")).await?;
    wall.sign_in(INSTRUCTOR, PASSWORD).await?;
    wall.wait_for_text(&tile("alice"), "first").await?;
    wall.wait_for("[data-testid=live-pill][data-state=live]")
        .await?;

    wall.mark().await?;
    save(
        &hub.home_path("alice", NOTEBOOK),
        &notebook(&["'first'", "'second'"]),
    )?;
    wall.wait_for_text(&tile("alice"), "second").await?;
    assert!(wall.is_marked().await?, "the page was loaded again");

    hub.add_user("bob").await?;
    let own = TestBrowser::start().await?;
    own.goto(&hub.service("")).await?;
    own.sign_in("bob", PASSWORD).await?;
    own.wait_for("[data-testid=empty]").await?;
    assert!(!own.texts("body").await?.join(" ").contains("second"));
    Ok(())
}
