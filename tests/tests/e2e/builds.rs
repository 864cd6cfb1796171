//! Deleted, renamed and broken notebooks, on the wall and in the builds.

use std::fs;

use anyhow::Result;
use tests::{
    browser::TestBrowser,
    notebooks::{notebook, save, save_half},
    standalone::Standalone,
    until,
};

use crate::{NOTEBOOK, tile};

const TILES: &str = "[data-testid=tile]";

async fn wait_for_tiles(wall: &TestBrowser, users: &[&str]) -> Result<()> {
    until(("the tiles of", users), async || {
        let shown = wall.attributes(TILES, "data-user").await?;
        Ok((shown == users).then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn deleted_renamed_and_broken_notebooks_change_the_wall_and_the_builds() -> Result<()> {
    let service = Standalone::start()?;
    let path = |user: &str| service.home_path(user, NOTEBOOK);
    for user in ["alice", "bob", "carol"] {
        save(&path(user), &notebook(&[&format!("'this is {user}'")]))?;
    }
    let wall = TestBrowser::start().await?;
    wall.goto(service.link()).await?;
    wait_for_tiles(&wall, &["alice", "bob", "carol"]).await?;
    wall.wait_for_text(&tile("carol"), "this is carol").await?;
    wall.mark().await?;

    fs::remove_file(path("bob"))?;
    wait_for_tiles(&wall, &["alice", "carol"]).await?;

    let renamed = service.home_path("carol", "renamed.ipynb");
    fs::rename(path("carol"), &renamed)?;
    wait_for_tiles(&wall, &["alice"]).await?;
    wall.choose_notebook("renamed.ipynb").await?;
    wall.wait_for_text(&tile("carol"), "this is carol").await?;
    wall.choose_notebook(NOTEBOOK).await?;

    // A half-written file that stays so: the tile names it, and keeps the last good cells.
    save_half(&path("alice"), &notebook(&["'this is half of alice'"]))?;
    wall.wait_for_text(&tile("alice"), "not a notebook").await?;
    wall.wait_for_text(&tile("alice"), "this is alice").await?;
    assert!(wall.is_marked().await?, "the page was loaded again");
    wall.shot("wall-broken.png").await?;

    wall.goto(&service.url(&format!("build/?notebook={NOTEBOOK}")))
        .await?;
    until("the card of a broken notebook in the summary", async || {
        let text = wall.texts("main").await?.join(" ");
        if text.contains("not a notebook") && !text.contains("this is bob") {
            return Ok(Some(()));
        }
        // The page does not change by itself, because a build runs no script.
        wall.goto(&service.url(&format!("build/?notebook={NOTEBOOK}")))
            .await?;
        Ok(None)
    })
    .await?;
    wall.shot("summary-broken.png").await?;
    wall.goto(&service.url("build/")).await?;
    wall.wait_for_text("main", "renamed.ipynb").await?;
    wall.shot("listing.png").await
}
