//! The wall and a notebook in Firefox.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::{
    firefox::TestFirefox,
    notebooks::{copy_large_class, notebook, save},
    standalone::Standalone,
};

use crate::{NOTEBOOK, tile};

#[tokio::test]
#[ignore = "needs the service and Firefox: cargo xtask test"]
async fn the_wall_and_a_notebook_in_firefox() -> Result<()> {
    let service = Standalone::start()?;
    let class = copy_large_class(&service.homes(), 300)?;
    let first = class.first().context("somebody")?;
    let mut firefox = TestFirefox::start().await?;
    firefox.size(1920, 1080).await?;
    firefox.goto(service.link()).await?;
    // Only what is near the sight is drawn.
    let everyone = "document.querySelectorAll('.wall > .tile').length === 300";
    firefox.wait_for(everyone).await?;
    firefox
        .wait_for("document.querySelector('.tile .nb-cell') !== null")
        .await?;
    let drawn = "[...document.querySelectorAll('.tile')].filter((tile) => tile.querySelector('.nb-cell')).length";
    let drawn = firefox.run(drawn).await?;
    ensure!(drawn.as_u64() < Some(100), "{drawn} tiles are drawn");
    firefox.shot("firefox-wall.png").await?;

    save(
        &service.home_path(first, NOTEBOOK),
        &notebook(&["'a save for Firefox'"]),
    )?;
    let of_first = json!(tile(first));
    firefox
        .wait_for(&format!(
            "document.querySelector({of_first}).textContent.includes('a save for Firefox')"
        ))
        .await?;

    firefox
        .goto(&service.url(&format!("?notebook={NOTEBOOK}&size=dots")))
        .await?;
    firefox.wait_for(everyone).await?;
    firefox
        .wait_for("document.querySelector('.dots .error-mark') !== null")
        .await?;
    firefox
        .wait_for(
            "[...document.querySelectorAll('.wall > .tile')].every((tile) => { \
             const {right, bottom} = tile.getBoundingClientRect(); \
             return right <= innerWidth && bottom <= innerHeight; })",
        )
        .await?;
    firefox.shot("firefox-squares.png").await?;

    firefox.click(&tile(first)).await?;
    firefox
        .wait_for("document.querySelector('[data-testid=notebook-page]')?.textContent.includes('a save for Firefox') === true")
        .await?;
    firefox.shot("firefox-notebook.png").await?;

    // The cells of the handout above the tiles, and everyone's answers to one.
    firefox
        .goto(&service.url(&format!("?notebook={NOTEBOOK}")))
        .await?;
    firefox
        .wait_for("document.querySelectorAll('[data-testid=strip] a').length > 0")
        .await?;
    firefox.click("[data-testid=strip] a").await?;
    firefox
        .wait_for("document.querySelector('[data-testid=exercise-groups] button') !== null")
        .await?;
    firefox.shot("firefox-exercise.png").await?;
    firefox.goto(&service.url("queue")).await?;
    firefox
        .wait_for("document.querySelector('[data-testid=queue-headline]')?.textContent === 'Nobody asks for help.'")
        .await?;
    ensure!(firefox.errors().is_empty(), "{:?}", firefox.errors());
    Ok(())
}
