//! What the saves say, above the tiles: who needs someone, which errors several have, and how far
//! everyone is.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    notebooks::{notebook, save},
    standalone::Standalone,
    until,
};

use crate::{NOTEBOOK, hostile::signed_in};

const CLASS: [&str; 6] = ["ana", "bo", "cy", "di", "eva", "flo"];
const ENTRY: &str = "[data-testid=lane] .need[data-user]";
const GROUP: &str = "[data-testid=error-groups] a.only";
const ERROR: &str = "[data-testid=error-groups] li";
const COLUMN: &str = "[data-testid=strip] a";

/// The names and places of all tiles.
const PLACES: &str = "return [...document.querySelectorAll('.wall > .tile')].map((tile) => {\
    const {left, top} = tile.getBoundingClientRect(); return [tile.dataset.user, left, top]; })";

/// The handout as nobody has run it, and as far as somebody has.
pub(crate) fn copy(runs: &[Value]) -> Value {
    let mut copy = notebook(&[
        "prices = [3, 1, 2]",
        "# Exercise: the largest price\n",
        "# Exercise: the mean price\n",
    ]);
    for cell in copy["cells"].as_array_mut().into_iter().flatten() {
        cell["execution_count"] = Value::Null;
        cell["outputs"] = json!([]);
    }
    for (at, run) in runs.iter().enumerate() {
        for (name, value) in run.as_object().into_iter().flatten() {
            copy["cells"][at][name] = value.clone();
        }
    }
    copy
}

fn done(count: u32, source: &str) -> Value {
    let output = json!({"output_type": "execute_result", "execution_count": count, "metadata": {},
        "data": {"text/plain": "3"}});
    json!({"source": source, "execution_count": count, "outputs": [output]})
}

fn failing(count: u32) -> Value {
    let source = format!("# Exercise: the largest price\nmax(price) # try {count}");
    let error = json!({"output_type": "error", "ename": "NameError",
        "evalue": "name 'price' is not defined", "traceback": ["NameError: name 'price' is not defined"]});
    json!({"source": source, "execution_count": count, "outputs": [error]})
}

async fn users(page: &TestBrowser) -> Result<Vec<String>> {
    page.attributes(".wall > .tile", "data-user").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn the_wall_says_who_needs_someone_and_what_goes_wrong() -> Result<()> {
    let service = Standalone::start()?;
    let path = |user: &str| service.home_path(user, NOTEBOOK);
    for user in CLASS {
        save(&path(user), &copy(&[]))?;
    }
    let page = signed_in(&service).await?;
    page.goto(&service.url(&format!("?notebook={NOTEBOOK}")))
        .await?;
    page.wait_for_text("[data-testid=lane]", "Nobody needs someone now")
        .await?;
    until("a column for each cell", async || {
        Ok((page.texts(COLUMN).await?.len() == 3).then_some(()))
    })
    .await?;
    let before = page.run(PLACES, vec![]).await?;

    for user in ["ana", "bo", "cy", "di"] {
        save(&path(user), &copy(&[done(1, "prices = [3, 1, 2]")]))?;
    }
    save(
        &path("bo"),
        &copy(&[done(1, "prices = [3, 1, 2]"), failing(2)]),
    )?;
    for count in 2..7 {
        save(
            &path("cy"),
            &copy(&[done(1, "prices = [3, 1, 2]"), failing(count)]),
        )?;
        let tile = crate::tile("cy");
        page.wait_for_text(&tile, &format!("try {count}")).await?;
    }
    page.wait_for_text(ENTRY, "NameError price").await?;
    assert_eq!(page.attributes(ENTRY, "data-user").await?, ["cy"]);
    page.wait_for_text("[data-testid=lane-said]", "cy: same NameError price")
        .await?;
    page.wait_for_text(ERROR, "2 NameError price").await?;
    // Nothing has moved.
    let after = page.run(PLACES, vec![]).await?;
    assert_eq!(before, after);
    for scheme in ["light", "dark"] {
        page.prefer_color_scheme(scheme).await?;
        page.shot(&format!("lane-{scheme}.png")).await?;
    }

    page.wait_for(GROUP).await?.click().await?;
    until("those with the error", async || {
        Ok((users(&page).await? == ["bo", "cy"]).then_some(()))
    })
    .await?;
    ensure!(page.url().await?.contains("error="));
    page.wait_for(GROUP).await?.click().await?;
    until("everyone", async || {
        Ok((users(&page).await?.len() == CLASS.len()).then_some(()))
    })
    .await?;

    page.wait_for(&format!("{ENTRY} [data-do=helped]"))
        .await?
        .click()
        .await?;
    page.point_at(Some(".brand")).await?;
    page.wait_for_text("[data-testid=lane]", "Nobody needs someone now")
        .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_replay_shows_the_last_minutes_and_ends_at_the_newest() -> Result<()> {
    let service = Standalone::start()?;
    let path = service.home_path("ana", NOTEBOOK);
    let page = signed_in(&service).await?;
    page.goto(&service.url(&format!("?notebook={NOTEBOOK}")))
        .await?;
    for turn in 1..4 {
        save(&path, &notebook(&[&format!("'turn {turn}'")]))?;
        page.wait_for_text(&crate::tile("ana"), &format!("turn {turn}"))
            .await?;
    }
    let notebook = format!("notebook?notebook={NOTEBOOK}&user=ana");
    page.goto(&service.url(&format!("{notebook}&replay=1")))
        .await?;
    page.wait_for_text("[data-testid=notebook-page]", "turn 1")
        .await?;
    until("the end of the replay", async || {
        Ok((!page.url().await?.contains("replay=1")).then_some(()))
    })
    .await?;
    page.wait_for_text("[data-testid=notebook-page]", "turn 3")
        .await?;
    ensure!(!page.url().await?.contains("version="));
    Ok(())
}
