//! The wall with a class of three hundred: how much of it is drawn, its sizes, and what keeps its
//! place.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    notebooks::{copy_large_class, notebook, save},
    standalone::Standalone,
    until,
};

use crate::{NOTEBOOK, hostile::signed_in, tile};

const TILES: &str = ".wall > .tile";
const ESCAPE: &str = "\u{e00c}";
/// The most nodes of a page with three hundred participants, texts included.
const MOST_NODES: u64 = 25_000;

/// Counts all nodes of the page.
const NODES: &str = "const walker = document.createTreeWalker(document); let count = 1;\
    while (walker.nextNode()) count += 1; return count;";

/// The names and places of all tiles, with those that are in sight.
const PLACES: &str = "return [...document.querySelectorAll('.wall > .tile')].map((tile) => {\
    const {left, top, right, bottom} = tile.getBoundingClientRect();\
    return [tile.dataset.user, left, top, right, bottom]; })";

/// The words of the error, in the notebook of a participant whose last run ended in one.
fn failing() -> Value {
    let mut failing = notebook(&["1 / 0"]);
    failing["cells"][0]["outputs"] = json!([{
        "output_type": "error", "ename": "ZeroDivisionError", "evalue": "division by zero",
        "traceback": ["-".repeat(75), "Cell 1 line 1", "ZeroDivisionError: division by zero"],
    }]);
    failing
}

async fn users(page: &TestBrowser) -> Result<Vec<String>> {
    page.attributes(TILES, "data-user").await
}

async fn wait_for_users(page: &TestBrowser, expected: &[&str]) -> Result<()> {
    until(expected, async || {
        let shown = users(page).await?;
        ensure!(shown == expected, "{shown:?}");
        Ok(Some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn three_hundred_are_shown_at_every_size() -> Result<()> {
    let service = Standalone::start()?;
    let class = copy_large_class(&service.homes(), 300)?;
    let page = signed_in(&service).await?;
    page.size(1920, 1080).await?;
    for (name, query, ready) in [
        ("tiles", "", ".tile .nb-slot:last-child > .nb-cell"),
        (
            "small",
            "&size=small",
            ".small .nb-slot:last-child > .nb-cell",
        ),
        ("squares", "&size=dots", ".dots .error-mark"),
        ("states", "&size=dots&by=state", ".grouped .wall-heading"),
        ("screen", "&size=dots&screen=1", ".dots .error-mark"),
    ] {
        page.goto(&service.url(&format!("?notebook={NOTEBOOK}{query}")))
            .await?;
        page.wait_for(ready).await?;
        until("everyone", async || {
            Ok((users(&page).await?.len() == class.len()).then_some(()))
        })
        .await?;
        let nodes = page.run(NODES, vec![]).await?.as_u64();
        ensure!(nodes < Some(MOST_NODES), "{name}: {nodes:?} nodes");
        if query.contains("dots") {
            let places = page.run(PLACES, vec![]).await?;
            let beyond =
                |it: &&Value| it[3].as_f64() > Some(1920.0) || it[4].as_f64() > Some(1080.0);
            let beyond = places.as_array().context("a list")?.iter().find(beyond);
            ensure!(beyond.is_none(), "{name}: beyond the screen: {beyond:?}");
        }
        for scheme in ["light", "dark"] {
            page.prefer_color_scheme(scheme).await?;
            page.shot(&format!("wall-300-{name}-{scheme}.png")).await?;
        }
    }
    // The last of them is drawn when it comes into sight.
    page.goto(&service.url(&format!("?notebook={NOTEBOOK}")))
        .await?;
    let last = tile(class.last().context("somebody")?);
    until("the last tile", async || {
        let scroll = "document.querySelector(arguments[0])?.scrollIntoView(); \
             return !!document.querySelector(arguments[0] + ' .nb-cell')";
        let is_drawn = page.run(scroll, vec![last.clone().into()]).await?;
        Ok((is_drawn == true).then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_phone_has_two_rows_of_controls() -> Result<()> {
    let service = Standalone::start()?;
    copy_large_class(&service.homes(), 24)?;
    let page = signed_in(&service).await?;
    page.size(390, 844).await?;
    page.goto(&service.url(&format!("?notebook={NOTEBOOK}")))
        .await?;
    page.wait_for(".tile .nb-slot:last-child > .nb-cell")
        .await?;
    let rows = "const parts = [...document.querySelectorAll('.top-bar :is(a, button, input)')]\
         .filter((part) => part.getClientRects().length)\
         .map((part) => part.getBoundingClientRect()).sort((a, b) => a.top - b.top);\
         let rows = 0, bottom = -1;\
         for (const part of parts) { if (part.top >= bottom) { rows += 1; bottom = part.bottom; } }\
         return rows;";
    assert_eq!(page.run(rows, vec![]).await?, 2);
    ensure!(page.page_width().await? <= 390);
    page.shot("wall-phone.png").await?;
    page.wait_for(".button.more").await?.click().await?;
    page.wait_for("#more .theme-toggle").await?;
    page.shot("wall-phone-more.png").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn nothing_moves_under_the_pointer() -> Result<()> {
    let service = Standalone::start()?;
    let path = |user: &str| service.home_path(user, NOTEBOOK);
    for user in ["ana", "bo", "cy", "di", "eva"] {
        save(&path(user), &notebook(&["'first'"]))?;
    }
    let page = signed_in(&service).await?;
    page.goto(&service.url(&format!("?notebook={NOTEBOOK}&sort=recent")))
        .await?;
    page.wait_for_text(&tile("eva"), "first").await?;
    let first = users(&page).await?;
    let [head, .., last] = &first[..] else {
        anyhow::bail!("five tiles: {first:?}")
    };
    page.point_at(Some(&tile(head))).await?;
    let before = page.run(PLACES, vec![]).await?;
    save(&path(last), &notebook(&["'first'", "'second'"]))?;
    save(&path("flo"), &notebook(&["'new here'"]))?;
    page.wait_for_text(&tile(last), "second").await?;
    page.wait_for_text(&tile("flo"), "new here").await?;
    let after = page.run(PLACES, vec![]).await?;
    let (before, after) = (before.as_array(), after.as_array());
    let (before, after) = before.zip(after).context("lists")?;
    assert_eq!(before[..], after[..before.len()]);
    // Elsewhere, the order is the asked one.
    page.point_at(Some(".brand")).await?;
    until("the order of saves", async || {
        let shown = users(&page).await?;
        ensure!(
            shown[..2] != first[..2] && shown[..2].contains(last),
            "{shown:?}"
        );
        Ok(Some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn the_counts_show_whom_they_count() -> Result<()> {
    let service = Standalone::start()?;
    save(&service.home_path("ana", NOTEBOOK), &failing())?;
    for user in ["bo", "cy"] {
        save(&service.home_path(user, NOTEBOOK), &notebook(&["'fine'"]))?;
    }
    let page = signed_in(&service).await?;
    page.goto(&service.url(&format!("?notebook={NOTEBOOK}")))
        .await?;
    wait_for_users(&page, &["ana", "bo", "cy"]).await?;
    // What went wrong is read first, and the rule above it is gone.
    until("the error", async || {
        let error = page.texts(&format!("{} .nb-error", tile("ana"))).await?;
        let error = error.first().context("an error")?;
        ensure!(error.starts_with("ZeroDivisionError: division"), "{error}");
        ensure!(!error.contains("----"), "{error}");
        Ok(Some(()))
    })
    .await?;
    let errors = ".counts > a:nth-child(2)";
    page.wait_for_text(errors, "1 with an error").await?;
    page.wait_for(errors).await?.click().await?;
    wait_for_users(&page, &["ana"]).await?;
    ensure!(page.url().await?.contains("show=error"));
    page.wait_for_text("[data-testid=wall-said]", "3 participants, 1 with an error")
        .await?;
    page.wait_for(errors).await?.click().await?;
    wait_for_users(&page, &["ana", "bo", "cy"]).await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_click_anywhere_on_a_tile_opens_its_notebook() -> Result<()> {
    let service = Standalone::start()?;
    save(
        &service.home_path("ana", NOTEBOOK),
        &notebook(&["'words of ana'"]),
    )?;
    let page = signed_in(&service).await?;
    let wall = service.url(&format!("?notebook={NOTEBOOK}"));
    page.goto(&wall).await?;
    let source = format!("{} .nb-source", tile("ana"));
    page.wait_for(&source).await?;
    // What is selected is not clicked.
    let select = "getSelection().selectAllChildren(document.querySelector(arguments[0]))";
    page.run(select, vec![source.clone().into()]).await?;
    let click = "document.querySelector(arguments[0]).click(); return location.pathname";
    let there = page.run(click, vec![source.clone().into()]).await?;
    ensure!(!there.as_str().context("a path")?.contains("notebook"));
    page.run("getSelection().removeAllRanges()", vec![]).await?;
    page.wait_for(&source).await?.click().await?;
    page.wait_for_text("[data-testid=notebook-page]", "words of ana")
        .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_square_shows_its_tile() -> Result<()> {
    let service = Standalone::start()?;
    for user in ["ana", "bo"] {
        let words = format!("'words of {user}'");
        save(&service.home_path(user, NOTEBOOK), &notebook(&[&words]))?;
    }
    let page = signed_in(&service).await?;
    page.goto(&service.url(&format!("?notebook={NOTEBOOK}&size=dots")))
        .await?;
    let peek = "[data-testid=peek]";
    page.point_at(Some(&tile("ana"))).await?;
    page.wait_for_text(peek, "words of ana").await?;
    page.shot("wall-peek.png").await?;
    // By the keyboard too, until it is sent away.
    page.point_at(Some(".brand")).await?;
    let focus = "document.querySelector(arguments[0]).focus()";
    page.run(focus, vec![format!("{} a", tile("bo")).into()])
        .await?;
    page.wait_for_text(peek, "words of bo").await?;
    page.press_keys(ESCAPE).await?;
    until("no tile", async || {
        Ok(page.texts(peek).await?.is_empty().then_some(()))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn the_wall_opens_where_most_are_at_work() -> Result<()> {
    let service = Standalone::start()?;
    for user in ["ana", "bo", "cy"] {
        save(
            &service.home_path(user, NOTEBOOK),
            &notebook(&["'together'"]),
        )?;
    }
    for at in 0..5 {
        let own = service.home_path("mallory", &format!("a{at}.ipynb"));
        save(&own, &notebook(&["'alone'"]))?;
    }
    let page = signed_in(&service).await?;
    page.goto(&service.url("")).await?;
    wait_for_users(&page, &["ana", "bo", "cy"]).await?;
    page.wait_for("[data-testid=notebook-picker]")
        .await?
        .click()
        .await?;
    let listed = page.attributes("#notebooks a", "data-notebook").await?;
    assert_eq!(listed[0], NOTEBOOK);
    page.type_into("#notebook-search", "A3").await?;
    until("the one that was searched for", async || {
        let listed = page.attributes("#notebooks a", "data-notebook").await?;
        Ok((listed == ["a3.ipynb"]).then_some(()))
    })
    .await?;
    page.press_keys("\u{e007}").await?;
    wait_for_users(&page, &["mallory"]).await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_second_screen_has_no_controls_and_may_have_no_names() -> Result<()> {
    let service = Standalone::start()?;
    for user in ["ana", "bo"] {
        save(&service.home_path(user, NOTEBOOK), &notebook(&["'work'"]))?;
    }
    let page = signed_in(&service).await?;
    page.goto(&service.url(&format!("?notebook={NOTEBOOK}&screen=1&names=0")))
        .await?;
    page.wait_for_text(&tile("bo"), "Participant 2").await?;
    let shown = page.texts(TILES).await?.join(" ");
    ensure!(!shown.contains("ana"), "{shown}");
    ensure!(page.texts(".top-bar").await?.is_empty());
    page.press_keys(ESCAPE).await?;
    page.wait_for(".top-bar").await?;
    ensure!(!page.url().await?.contains("screen"));
    Ok(())
}
