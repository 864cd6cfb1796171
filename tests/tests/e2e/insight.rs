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

use crate::{NOTEBOOK, hostile::signed_in, keyboard::tab_to};

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

/// Where the tiles, those in the lane and the cells of the strip are.
const ALL_PLACES: &str = "return [...document.querySelectorAll(\
    '.wall > .tile, .lane > .need[data-user], .strip li')].map((it, at) => {\
    const {left, top} = it.getBoundingClientRect();\
    return [it.dataset.user ?? at, it.className.split(' ')[0], left, top]; })";

/// What a participant of forty has after so many turns: every eighth is stuck at the first exercise.
fn turn_of(person: usize, turn: u32) -> Value {
    let import = done(1, "prices = [3, 1, 2]");
    match turn {
        0 => copy(&[import]),
        _ if person.is_multiple_of(8) => copy(&[import, failing(turn + 1)]),
        1 => copy(&[
            import,
            done(2, "# Exercise: the largest price\nmax(prices)"),
        ]),
        _ => {
            let mean = format!("# Exercise: the mean price\nsum(prices) / 3 # {turn}");
            let largest = done(2, "# Exercise: the largest price\nmax(prices)");
            copy(&[import, largest, done(turn + 1, &mean)])
        }
    }
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn nothing_moves_under_the_pointer_while_forty_work() -> Result<()> {
    let service = Standalone::start()?;
    let class: Vec<String> = (0..40).map(|at| format!("p{at:02}")).collect();
    for user in &class {
        save(&service.home_path(user, NOTEBOOK), &copy(&[]))?;
    }
    let page = signed_in(&service).await?;
    let wall = service.url(&format!("?notebook={NOTEBOOK}&size=small"));
    page.goto(&wall).await?;
    until("a column for each cell", async || {
        Ok((page.texts(COLUMN).await?.len() == 3).then_some(()))
    })
    .await?;
    // So many take a turn, and the last save of it is seen.
    let take_turn = async |turn: u32, of: &[usize]| {
        for person in of {
            let path = service.home_path(&class[*person], NOTEBOOK);
            save(&path, &turn_of(*person, turn))?;
        }
        let seen = match of.last() {
            Some(last) if turn > 0 && last.is_multiple_of(8) => format!("try {}", turn + 1),
            _ => String::new(),
        };
        let last = of.last().map_or("", |at| &class[*at]);
        page.wait_for_text(&crate::tile(last), &seen).await
    };
    let everyone: Vec<usize> = (0..40).collect();
    take_turn(0, &everyone).await?;
    for turn in 1..6 {
        take_turn(turn, &[1, 2, 3, 9, 10, 0]).await?;
    }
    page.wait_for_text(ENTRY, "NameError price").await?;

    // While somebody points at the lane, it stays as it is, whoever else needs someone.
    page.point_at(Some(ENTRY)).await?;
    let places = page.run(ALL_PLACES, vec![]).await?;
    for turn in 6..14 {
        take_turn(turn, &[4, 5, 11, 12, 20, 8, 16, 24, 32]).await?;
        assert_eq!(page.run(ALL_PLACES, vec![]).await?, places, "turn {turn}");
    }
    page.wait_for_text(".lane-waiting", "waiting").await?;
    assert_eq!(page.run(ALL_PLACES, vec![]).await?, places);
    page.point_at(Some(".brand")).await?;
    until("the others in the lane", async || {
        let mut users = page.attributes(ENTRY, "data-user").await?;
        let is_first = users.first().is_some_and(|user| user == "p00");
        users.sort();
        Ok((is_first && users == ["p00", "p08", "p16", "p24", "p32"]).then_some(()))
    })
    .await?;
    // They have come behind who was there, and no tile has moved for them.
    let after = page.run(ALL_PLACES, vec![]).await?;
    let rest = |places: &Value| -> Vec<Value> {
        let all = places.as_array().into_iter().flatten();
        let known = all.filter(|it| it[1] == "tile" || it[0] == "p00");
        known.cloned().collect()
    };
    assert_eq!(rest(&after), rest(&places));
    for scheme in ["light", "dark"] {
        page.prefer_color_scheme(scheme).await?;
        page.shot(&format!("lane-forty-{scheme}.png")).await?;
    }
    page.prefer_color_scheme("light").await?;

    // By keyboard alone: from the lane to a notebook and back, and to an exercise.
    tab_to(&page, "link", "p00").await?;
    page.press_keys("\u{e007}").await?;
    page.wait_for_text("[data-testid=notebook-page]", "try")
        .await?;
    page.press_keys("\u{e00c}").await?;
    page.wait_for(COLUMN).await?;
    // The focus is on the tile again; from the top the strip comes first.
    page.goto(&wall).await?;
    page.wait_for("[data-testid=error-groups] a:not(.only)")
        .await?;
    let words = page.attributes(COLUMN, "aria-label").await?;
    tab_to(&page, "link", &words[1]).await?;
    page.press_keys("\u{e007}").await?;
    page.wait_for_text("[data-testid=exercise-groups]", "NameError price")
        .await?;
    page.goto(&format!("{wall}&by=state").replace("size=small", "size=dots"))
        .await?;
    page.wait_for(".dots .error-mark").await?;
    page.shot("squares-forty.png").await
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
