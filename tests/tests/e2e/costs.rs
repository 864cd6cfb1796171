//! Small outputs that would keep a browser busy, on every page and in every file that shows them.

use std::{fs, future::Future, pin::pin, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    browser::TestBrowser,
    hostile::{self, CostlyOutput},
    setting,
    standalone::Standalone,
    until,
};

use crate::hostile::signed_in;

/// Most processor time from opening an address to the second frame of the complete page. The worst
/// output within the budget takes half of this; each of these outputs, unbounded, takes longer or
/// for ever. It is not wall-clock time, which goes on while the machine does other work.
const MAX_TIME: Duration = Duration::from_secs(8);
/// The same for all of them on one page.
const MAX_TIME_OF_ALL: Duration = Duration::from_secs(20);
/// Most memory of the browser: an empty one has 350 MiB, and one of these outputs, unbounded,
/// makes it gigabytes.
const MAX_MEMORY_BYTES: u64 = 1200 << 20;
const MAX_MEMORY_BYTES_OF_ALL: u64 = 2400 << 20;

/// The costly cells of one version.
const CELLS_OF_A_VERSION: usize = 5;

/// Calls back when the page has drawn two frames.
const TWO_FRAMES_SCRIPT: &str = "const done = arguments[arguments.length - 1];\
     requestAnimationFrame(() => requestAnimationFrame(() => done(true)))";

/// Opens a page, and fails unless its cells are drawn within the limits.
async fn drawn(
    browser: &TestBrowser,
    what: &str,
    address: &str,
    cells: usize,
    (time, memory): (Duration, u64),
) -> Result<()> {
    let begun = browser.processor_time();
    let took = || browser.processor_time().saturating_sub(begun);
    let count = "return document.querySelectorAll('.nb-cell').length";
    let look = async {
        browser.goto(address).await?;
        until("the cells", async || {
            let there = browser.run(count, vec![]).await?;
            // The wall draws what is near the sight.
            let is_wall = address.contains("/?notebook=");
            let is_drawn = there == cells || (is_wall && there.as_u64() > Some(0));
            Ok(is_drawn.then_some(()))
        })
        .await?;
        browser.run_until_called(TWO_FRAMES_SCRIPT, vec![]).await
    };
    let looked = within(time, &took, look).await;
    let took = took();
    let has = browser.memory();
    let mib = has >> 20;
    looked.with_context(|| format!("{what}: nothing drawn in {took:?}, {mib} MiB"))?;
    ensure!(took < time, "{what} takes {took:?}");
    println!("{what}: {took:?}, {mib} MiB");
    ensure!(has <= memory, "{what} takes {mib} MiB");
    Ok(())
}

/// The result of `look`; an error when it takes more processor time than `time`.
async fn within<T>(
    time: Duration,
    took: &impl Fn() -> Duration,
    look: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut look = pin!(look);
    loop {
        let pause = tokio::time::sleep(Duration::from_millis(100));
        tokio::select! {
            looked = &mut look => return looked,
            () = pause => ensure!(took() < time, "it takes too long"),
        }
    }
}

/// Unbounded outputs exceed the limits, so the limits are of use.
#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn unbounded_outputs_are_not_drawn_in_time() -> Result<()> {
    let folder = TempDir::with_prefix("pipalhub-control-")?;
    let page = folder.path().join("control.html");
    fs::write(&page, hostile::control())?;
    let browser = TestBrowser::start_without_waiting().await?;
    let address = format!("file://{}", page.display());
    let look = drawn(
        &browser,
        "the control page",
        &address,
        0,
        (MAX_TIME, MAX_MEMORY_BYTES),
    );
    ensure!(look.await.is_err(), "it was drawn");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn no_output_keeps_the_wall_busy() -> Result<()> {
    let costs = hostile::costly_outputs();
    let service = Standalone::start()?;
    for (at, cost) in costs.iter().enumerate() {
        let path = service.home_path(&format!("p{at:04}"), "costs.ipynb");
        hostile::save(&path, &hostile::of_cells(&[&cost.cell]))?;
    }
    let browser = signed_in(&service).await?;
    prepared(&service, &costs).await?;
    let wall = service.url("?notebook=costs.ipynb");
    drawn(
        &browser,
        "the wall",
        &wall,
        costs.len(),
        (MAX_TIME_OF_ALL, MAX_MEMORY_BYTES_OF_ALL),
    )
    .await?;
    let begun = browser.processor_time();
    let took = || browser.processor_time().saturating_sub(begun);
    let shown = within(
        2 * MAX_TIME_OF_ALL,
        &took,
        seen_by_scrolling(&browser, ".nb-cell"),
    )
    .await;
    ensure!(shown.context("scrolling the wall")? == costs.len());
    browser.shot("costs-wall.png").await
}

/// How many elements that fit `what` the tiles have, each while it is in view.
async fn seen_by_scrolling(browser: &TestBrowser, what: &str) -> Result<usize> {
    let scroll = "const done = arguments[arguments.length - 1], what = arguments[0];\
         const tiles = [...document.querySelectorAll('[data-testid=tile]')];\
         let seen = 0;\
         const next = () => {\
           const tile = tiles.pop();\
           if (!tile) return done(seen);\
           tile.scrollIntoView();\
           const look = () => {\
             const there = tile.querySelectorAll(what).length;\
             if (!there) return requestAnimationFrame(look);\
             seen += there;\
             requestAnimationFrame(next);\
           };\
           requestAnimationFrame(look);\
         };\
         next();";
    let seen = browser.run_until_called(scroll, vec![what.into()]).await?;
    let seen = seen.as_u64().context("a number")?;
    Ok(usize::try_from(seen)?)
}

/// Waits until the service has prepared the notebooks, which is not measured here.
async fn prepared(service: &Standalone, costs: &[CostlyOutput]) -> Result<()> {
    for at in 0..costs.len() {
        let tile = format!("api/tile?filename=costs.ipynb&user=p{at:04}");
        until("a tile", async || {
            let answer = service
                .authorized(reqwest::Method::GET, &tile)
                .send()
                .await?;
            Ok(answer.status().is_success().then_some(()))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn no_output_keeps_its_page_busy() -> Result<()> {
    let costs = hostile::costly_outputs();
    let service = Standalone::start()?;
    for (at, cost) in costs.iter().enumerate() {
        let path = service.home_path(&format!("p{at:04}"), "costs.ipynb");
        hostile::save(&path, &hostile::of_cells(&[&cost.cell]))?;
    }
    prepared(&service, &costs).await?;
    let browser = signed_in(&service).await?;
    for (at, cost) in costs.iter().enumerate() {
        let page = format!("notebook?notebook=costs.ipynb&user=p{at:04}");
        drawn(
            &browser,
            cost.name,
            &service.url(&page),
            1,
            (MAX_TIME, MAX_MEMORY_BYTES),
        )
        .await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the program and a browser: cargo xtask test"]
async fn no_output_keeps_a_file_busy() -> Result<()> {
    let costs = hostile::costly_outputs();
    let folder = TempDir::with_prefix("pipalhub-built-")?;
    let home = |user: &str| folder.path().join("homes").join(user).join("costs.ipynb");
    let all: Vec<&Value> = costs.iter().map(|cost| &cost.cell).collect();
    for (at, cells) in all.chunks(1).enumerate() {
        hostile::save(&home(&format!("p{at:04}")), &hostile::of_cells(cells))?;
    }
    // As many cells as one rendered file can hold.
    let small = |cell: &&Value| cell.to_string().len() < 2_000_000;
    let all: Vec<&Value> = all.into_iter().filter(small).collect();
    hostile::save(&home("pall"), &hostile::of_cells(&all))?;
    let output = Command::new(setting("PIPALHUB_BIN"))
        .args(["build", "-d", "out", "--homes", "homes/{user}"])
        .current_dir(&folder)
        .output()?;
    ensure!(output.status.success(), "{output:?}");

    let browser = TestBrowser::start().await?;
    let address = |file: &str| format!("file://{}/out/costs/{file}", folder.path().display());
    for (at, cost) in costs.iter().enumerate() {
        let file = address(&format!("p{at:04}.html"));
        drawn(&browser, cost.name, &file, 1, (MAX_TIME, MAX_MEMORY_BYTES)).await?;
    }
    let of_all = (MAX_TIME_OF_ALL, MAX_MEMORY_BYTES_OF_ALL);
    drawn(
        &browser,
        "all in one",
        &address("pall.html"),
        all.len(),
        of_all,
    )
    .await?;
    // The last ten cells of notebooks with more.
    let cells = costs.len() + 10;
    drawn(
        &browser,
        "the summary",
        &address("00-summary.html"),
        cells,
        of_all,
    )
    .await
}

/// A class of the largest size that a page shows, with tiles at the budget of elements, of text
/// and of shapes.
#[tokio::test]
#[ignore = "needs the program and a browser: cargo xtask test"]
async fn three_hundred_tiles_at_the_budget_are_drawn() -> Result<()> {
    const PARTICIPANTS: usize = 300;
    let service = Standalone::start()?;
    let shapes = "<rect width='9' height='9'/>".repeat(1_900);
    let svg = format!("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'>{shapes}</svg>");
    // As much as the budget of a tile allows.
    let outputs = [
        (
            "elements.ipynb",
            json!({"text/html": "<b>x</b> ".repeat(4_900)}),
        ),
        ("text.ipynb", json!({"text/plain": "word ".repeat(70_000)})),
        ("shapes.ipynb", json!({"image/svg+xml": svg})),
    ];
    for (filename, data) in &outputs {
        let output = json!({"output_type": "display_data", "metadata": {}, "data": data});
        for at in 0..PARTICIPANTS {
            let cell = json!({"cell_type": "code", "metadata": {}, "source": format!("{at}"),
                              "execution_count": 1, "outputs": [output]});
            let path = service.home_path(&format!("p{at:04}"), filename);
            hostile::save(&path, &hostile::of_cells(&[&cell]))?;
        }
    }
    let limits = (2 * MAX_TIME_OF_ALL, MAX_MEMORY_BYTES_OF_ALL);
    let shown = [
        ("elements.ipynb", "b", 4_900),
        ("text.ipynb", "pre.nb-text", 1),
        ("shapes.ipynb", "img", 1),
    ];
    for (filename, what, each) in shown {
        let browser = signed_in(&service).await?;
        let wall = service.url(&format!("?notebook={filename}"));
        let name = format!("a wall of 300: {filename}");
        drawn(&browser, &name, &wall, PARTICIPANTS, limits).await?;
        let there = seen_by_scrolling(&browser, &format!(".nb-cell {what}")).await?;
        browser.shot(&format!("costs-{filename}.png")).await?;
        ensure!(there == PARTICIPANTS * each, "{filename}: {there}");
    }
    Ok(())
}

/// A version is as cheap to show as the notebook.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn no_version_keeps_its_page_busy() -> Result<()> {
    let costs = hostile::costly_outputs();
    let service = Standalone::start()?;
    let path = service.home_path("p0000", "costs.ipynb");
    let plain = json!({"cell_type": "code", "metadata": {}, "source": "1",
                       "execution_count": 1, "outputs": []});
    hostile::save(&path, &hostile::of_cells(&[&plain]))?;
    kept(&service, 1).await?;
    // Small notebooks only, so that the time is not that of reading them.
    let all: Vec<&Value> = costs.iter().map(|cost| &cost.cell).collect();
    let small = |cell: &&Value| cell.to_string().len() < 500_000;
    let all: Vec<&Value> = all.into_iter().filter(small).collect();
    // A few in each, because a read may take two seconds and the service under test is unoptimised.
    let mut versions = Vec::new();
    for (at, few) in all.chunks(CELLS_OF_A_VERSION).enumerate() {
        hostile::save(&path, &hostile::of_cells(few))?;
        versions.push((kept(&service, at + 2).await?, few.len()));
    }

    let browser = signed_in(&service).await?;
    let of_all = (MAX_TIME_OF_ALL, MAX_MEMORY_BYTES_OF_ALL);
    for (version, cells) in versions {
        let page = service.url(&format!(
            "notebook?notebook=costs.ipynb&user=p0000&version={version}"
        ));
        drawn(&browser, "a version", &page, cells, of_all).await?;
        browser.shot("costs-version.png").await?;
        drawn(&browser, "changes", &format!("{page}&changes=1"), 0, of_all).await?;
        let changed = "return document.querySelectorAll('[data-testid=changes] article').length";
        until("the changes", async || {
            let there = browser.run(changed, vec![]).await?;
            Ok((there.as_u64() > Some(0)).then_some(()))
        })
        .await?;
        let begun = browser.processor_time();
        let took = || browser.processor_time().saturating_sub(begun);
        let shown = browser.run_until_called(TWO_FRAMES_SCRIPT, vec![]);
        within(MAX_TIME_OF_ALL, &took, shown)
            .await
            .context("drawing the changes")?;
        browser.shot("costs-changes.png").await?;
    }
    Ok(())
}

/// The newest version, once there are `count`.
async fn kept(service: &Standalone, count: usize) -> Result<u64> {
    until(("versions", count), async || {
        let versions = "api/history?filename=costs.ipynb&user=p0000";
        let answer = service.authorized(reqwest::Method::GET, versions).send();
        let versions: Value = answer.await?.json().await?;
        let versions = versions["versions"].as_array().cloned().unwrap_or_default();
        let newest = versions.first().and_then(|first| first["version"].as_u64());
        Ok(newest.filter(|_| versions.len() == count))
    })
    .await
}
