//! Notebooks that attack the page, in a browser that does not stop them.

use std::{collections::BTreeSet, fs, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    browser::TestBrowser,
    hostile::{self, AUDIT, Attack, CONTROL, HOOKS},
    notebooks::{notebook, save},
    setting,
    standalone::Standalone,
    until,
};

/// The cells of a tile.
const TILE_CELLS: usize = 10;
/// Fewest payloads that act on an unprotected page. The others are for other browsers, or for
/// sanitisers only.
const MIN_FIRED_PAYLOADS: usize = 100;

/// The notebooks of a page, and its own parts that they may not cover.
const NOTEBOOKS: &str = ".nb";
const OWN_PARTS: [&str; 3] = [".top-bar", ".tile-header", ".brand"];

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn attacks_work_on_an_unprotected_page() -> Result<()> {
    let folder = TempDir::with_prefix("pipalhub-control-")?;
    let page = folder.path().join("control.html");
    fs::write(&page, CONTROL)?;
    let browser = browser_with_hooks().await?;
    browser.goto(&format!("file://{}", page.display())).await?;
    let payloads = hostile::html_payloads();
    browser
        .run("show(arguments[0])", vec![json!(payloads)])
        .await?;
    let mut seen = BTreeSet::new();
    let enough = until("payloads that fire", async || {
        browser.run("touch()", vec![]).await?;
        let fired = browser.run("return window.__fired", vec![]).await?;
        seen = payload_numbers(&fired);
        Ok((seen.len() >= MIN_FIRED_PAYLOADS).then_some(()))
    })
    .await;
    let silent: Vec<_> = payloads
        .iter()
        .filter(|(id, _)| !seen.contains(id))
        .collect();
    enough.with_context(|| format!("{} fired, but not {silent:#?}", seen.len()))
}

/// The arguments of `alert` and of messages.
fn payload_numbers(fired: &Value) -> BTreeSet<usize> {
    let fired = fired.as_array().map(Vec::as_slice).unwrap_or_default();
    let number = |entry: &Value| entry[1].as_str()?.parse().ok();
    fired.iter().filter_map(number).collect()
}

/// The audit finds fault with nearly all payloads that change a page.
#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn the_audit_finds_unstopped_attacks() -> Result<()> {
    let folder = TempDir::with_prefix("pipalhub-control-")?;
    let page = folder.path().join("control.html");
    fs::write(
        &page,
        "<!doctype html><title>Control</title><main class=nb></main>",
    )?;
    let page = format!("file://{}", page.display());
    let browser = browser_with_hooks().await?;
    let show = "document.querySelector('main').innerHTML = arguments[0]";
    let mut missed = Vec::new();
    for payload in hostile::markup_payloads() {
        browser.goto(&page).await?;
        browser.run(show, vec![json!(payload)]).await?;
        // A payload that leads away from the page is found, too, since there is no answer.
        if let Ok(findings) = audit(&browser, "nb-").await
            && findings["wrong"] == json!([])
            && findings["fired"] == json!([])
        {
            missed.push(payload);
        }
    }
    ensure!(missed.is_empty(), "it misses {missed:#?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn no_payload_acts_on_the_wall() -> Result<()> {
    let attacks = hostile::attacks();
    let service = Standalone::start()?;
    let chunks = attacks.chunks(TILE_CELLS);
    let tiles = chunks.len();
    for (at, chunk) in chunks.enumerate() {
        let path = service.home_path(&format!("p{at:04}"), "hostile.ipynb");
        hostile::save(&path, &hostile::notebook(chunk))?;
    }
    save(
        &service.home_path("p0000", "clean.ipynb"),
        &notebook(&["'clean'"]),
    )?;

    let browser = signed_in(&service).await?;
    // So high that every tile is in sight, and drawn.
    browser.size(1600, 100_000).await?;
    let clean = service.url("?notebook=clean.ipynb");
    browser.goto(&clean).await?;
    browser.wait_for_text(NOTEBOOKS, "clean").await?;
    let clean = audit(&browser, "nb-p").await?;

    browser
        .goto(&service.url("?notebook=hostile.ipynb"))
        .await?;
    wait_for_cells(&browser, attacks.len()).await?;
    let hostile = audit(&browser, "nb-p").await?;
    ensure!(
        hostile["notebooks"] == tiles,
        "{} tiles",
        hostile["notebooks"]
    );
    browser.shot("hostile-wall.png").await?;
    assert_harmless(&hostile, &clean, &attacks)
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn no_payload_acts_on_the_page_of_a_notebook() -> Result<()> {
    let attacks = hostile::attacks();
    let service = Standalone::start()?;
    let path = service.home_path("mallory", "hostile.ipynb");
    hostile::save(&path, &hostile::notebook(&attacks))?;
    save(
        &service.home_path("mallory", "clean.ipynb"),
        &notebook(&["'clean'"]),
    )?;

    let browser = signed_in(&service).await?;
    browser
        .goto(&service.url("notebook?notebook=clean.ipynb&user=mallory"))
        .await?;
    browser.wait_for_text(NOTEBOOKS, "clean").await?;
    let clean = audit(&browser, "nb-mallory-").await?;

    browser
        .goto(&service.url("notebook?notebook=hostile.ipynb&user=mallory"))
        .await?;
    wait_for_cells(&browser, attacks.len()).await?;
    let hostile = audit(&browser, "nb-mallory-").await?;
    browser.shot("hostile-notebook.png").await?;
    assert_harmless(&hostile, &clean, &attacks)
}

#[tokio::test]
#[ignore = "needs the program and a browser: cargo xtask test"]
async fn no_payload_acts_in_a_rendered_file() -> Result<()> {
    let attacks = hostile::attacks();
    let folder = TempDir::with_prefix("pipalhub-files-")?;
    // The name of the file is its title.
    let name = hostile::names(1).remove(0);
    hostile::save(
        &folder.path().join(format!("{name}.ipynb")),
        &hostile::notebook(&attacks),
    )?;
    save(&folder.path().join("clean.ipynb"), &notebook(&["'clean'"]))?;
    let files = ["clean.ipynb".to_owned(), format!("./{name}.ipynb")];
    let mut program = Command::new(setting("PIPALHUB_BIN"));
    let output = program
        .arg("render")
        .args(&files)
        .current_dir(&folder)
        .output()?;
    ensure!(output.status.success(), "{output:?}");

    let browser = browser_with_hooks().await?;
    let open = async |name: &str| {
        let path = folder.path().join(format!("{name}.html"));
        let path = encode(&path.display().to_string()).replace("%2F", "/");
        browser.goto(&format!("file://{path}")).await
    };
    open("clean").await?;
    wait_for_cells(&browser, 1).await?;
    let clean = audit(&browser, "nb-").await?;
    open(&name).await?;
    wait_for_cells(&browser, attacks.len()).await?;
    let hostile = audit(&browser, "nb-").await?;
    browser.shot("hostile-file.png").await?;
    ensure!(
        hostile["title"] == name.as_str(),
        "the title is {}",
        hostile["title"]
    );
    assert_harmless(&hostile, &clean, &attacks)
}

#[tokio::test]
#[ignore = "needs the program and a browser: cargo xtask test"]
async fn no_payload_acts_in_builds() -> Result<()> {
    let attacks = hostile::attacks();
    let folder = TempDir::with_prefix("pipalhub-built-")?;
    let home = |user: &str, name: &str| folder.path().join("homes").join(user).join(name);
    for (at, chunk) in attacks.chunks(TILE_CELLS).enumerate() {
        let path = home(&format!("p{at:04}"), "hostile.ipynb");
        hostile::save(&path, &hostile::notebook(chunk))?;
    }
    // An export has all cells, a summary the last ones.
    hostile::save(
        &home("pmallory", "hostile.ipynb"),
        &hostile::notebook(&attacks),
    )?;
    save(&home("pclean", "clean.ipynb"), &notebook(&["'clean'"]))?;
    let output = Command::new(setting("PIPALHUB_BIN"))
        .args(["build", "-d", "out", "--homes", "homes/{user}"])
        .current_dir(&folder)
        .output()?;
    ensure!(output.status.success(), "{output:?}");

    let browser = browser_with_hooks().await?;
    let looked_at = async |file: &str, cells: usize, places: &str, prefix: &str| {
        let path = folder.path().join("out").join(file);
        browser.goto(&format!("file://{}", path.display())).await?;
        wait_for_cells(&browser, cells).await?;
        audit_of(&browser, places, prefix).await
    };
    let clean = looked_at("clean/pclean.html", 1, NOTEBOOKS, "nb-").await?;
    let all = attacks.len();
    let export = looked_at("hostile/pmallory.html", all, NOTEBOOKS, "nb-").await?;
    assert_harmless(&export, &clean, &attacks)?;
    // Its headings lead to the exports; only the cells are a participant's.
    let cells = ".nb-cell";
    let clean = looked_at("clean/00-summary.html", 1, cells, "u-p").await?;
    let summary = looked_at("hostile/00-summary.html", all + TILE_CELLS, cells, "u-p").await?;
    browser.shot("hostile-summary.png").await?;
    assert_harmless(&summary, &clean, &attacks)
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn no_payload_in_a_name_acts() -> Result<()> {
    let names = hostile::names(40);
    let service = Standalone::start()?;
    for name in &names {
        // All participants have the notebook, and one has notebooks of all names.
        save(
            &service.home_path(name, "day1.ipynb"),
            &notebook(&["'hello'"]),
        )?;
        let file = format!("{name}.ipynb");
        save(
            &service.home_path("mallory", &file),
            &notebook(&["'named'"]),
        )?;
    }
    save(
        &service.home_path("mallory", "day1.ipynb"),
        &notebook(&["'hello'"]),
    )?;

    let browser = signed_in(&service).await?;
    browser.goto(&service.url("?notebook=day1.ipynb")).await?;
    let tiles = "[data-testid=tile]";
    until("everyone's tile", async || {
        let users = browser.attributes(tiles, "data-user").await?;
        Ok((users.len() == names.len() + 1).then_some(()))
    })
    .await?;
    browser.shot("hostile-names.png").await?;
    assert_silent(&browser).await?;

    // Pages with the names in their address, title and heading.
    for name in names.iter().step_by(11) {
        let browser = signed_in(&service).await?;
        let encoded = encode(name);
        for page in [
            format!("notebook?notebook=day1.ipynb&user={encoded}"),
            format!("notebook?notebook={encoded}.ipynb&user=mallory"),
            format!("?notebook={encoded}.ipynb"),
            format!("?notebook={encoded}&q={encoded}&user={encoded}"),
        ] {
            browser.goto(&service.url(&page)).await?;
            let shown = ".nb-cell, [data-testid=wall], [data-testid=empty], .notice";
            until(&page, async || {
                Ok((!browser.texts(shown).await?.is_empty()).then_some(()))
            })
            .await?;
            assert_silent(&browser).await.context(page)?;
        }
    }
    Ok(())
}

/// An output with a script runs it in a closed frame, and only after a click.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn an_opened_frame_reaches_nothing() -> Result<()> {
    let service = Standalone::start()?;
    let path = service.home_path("mallory", "frame.ipynb");
    save(&path, &hostile::prisoner())?;
    let browser = signed_in(&service).await?;
    let page = service.url("notebook?notebook=frame.ipynb&user=mallory");
    browser.goto(&page).await?;
    browser.wait_for("button.nb-show").await?;
    let listen = "window.__said = []; addEventListener('message', (event) => \
         event.data.said && window.__said.push([event.origin, event.data.said]))";
    browser.run(listen, vec![]).await?;
    assert_silent(&browser).await?;
    let click = "document.querySelector('button.nb-show').click()";
    browser.run(click, vec![]).await?;
    let said = until("what the frame found out", async || {
        let said = browser.run("return window.__said", vec![]).await?;
        Ok((said != json!([])).then_some(said))
    })
    .await?;
    // It ran without an origin, and every attempt was refused.
    let refused = [
        "parent", "top", "cookie", "storage", "fetch", "image", "popup",
    ];
    let expected: Vec<String> = refused
        .iter()
        .map(|what| format!("{what}: refused"))
        .collect();
    ensure!(said == json!([["null", expected]]), "{said:#}");
    ensure!(browser.url().await? == page, "the page has moved");
    Ok(())
}

/// A browser with the hooks in all documents.
pub(crate) async fn browser_with_hooks() -> Result<TestBrowser> {
    let browser = TestBrowser::start().await?;
    browser.run_first(HOOKS).await?;
    Ok(browser)
}

/// A browser with the hooks and with the service's cookie.
pub(crate) async fn signed_in(service: &Standalone) -> Result<TestBrowser> {
    let browser = browser_with_hooks().await?;
    browser.goto(service.link()).await?;
    browser.wait_for(".top-bar").await?;
    Ok(browser)
}

async fn wait_for_cells(browser: &TestBrowser, cells: usize) -> Result<()> {
    let count = "return document.querySelectorAll('.nb-cell').length";
    let mut there = Value::Null;
    let all = until("every cell", async || {
        there = browser.run(count, vec![]).await?;
        Ok((there == cells).then_some(()))
    })
    .await;
    all.with_context(|| format!("{there} of {cells} cells"))
}

/// Touches every element in the notebooks of the page and returns their faults.
async fn audit(browser: &TestBrowser, prefix: &str) -> Result<Value> {
    audit_of(browser, NOTEBOOKS, prefix).await
}

/// The same for the elements that match `notebooks`.
pub(crate) async fn audit_of(
    browser: &TestBrowser,
    notebooks: &str,
    prefix: &str,
) -> Result<Value> {
    let before = browser.url().await?;
    let arguments = vec![json!(notebooks), json!(prefix), json!(OWN_PARTS)];
    browser.run(AUDIT, arguments).await?;
    while browser.run("return __audit.step(500)", vec![]).await? != 0 {}
    let end = "__audit.end(arguments[arguments.length - 1])";
    let findings = browser.run_until_called(end, vec![]).await?;
    let after = browser.url().await?;
    ensure!(findings["notebooks"] != 0, "the page shows no notebook");
    // A link to a cell of the notebook leads there.
    let page = |url: &str| url.split('#').next().map(str::to_owned);
    ensure!(page(&before) == page(&after), "{before} has become {after}");
    Ok(findings)
}

/// Asserts that no payload fired, that the notebooks have no fault, and that the page's globals
/// are those with a harmless notebook.
fn assert_harmless(hostile: &Value, clean: &Value, attacks: &[Attack]) -> Result<()> {
    let fired = hostile["fired"].as_array().context("what fired")?;
    let told: Vec<String> = fired
        .iter()
        .take(20)
        .map(|entry| explain(entry, attacks))
        .collect();
    ensure!(fired.is_empty(), "{} fired: {told:#?}", fired.len());
    let wrong = hostile["wrong"].as_array().context("what is wrong")?;
    ensure!(wrong.is_empty(), "{wrong:#?}");
    ensure!(
        hostile["frames"] == clean["frames"],
        "{} frames",
        hostile["frames"]
    );
    ensure!(
        hostile["base"] == clean["base"],
        "the base is {}",
        hostile["base"]
    );
    let globals = |page: &Value| page["globals"].as_object().cloned().unwrap_or_default();
    let (before, after) = (globals(clean), globals(hostile));
    let changed = |(name, kind): &(&String, &Value)| before.get(*name) != Some(*kind);
    let changed: Vec<_> = after.iter().filter(changed).collect();
    ensure!(changed.is_empty(), "globals that changed: {changed:?}");
    ensure!(before.len() == after.len(), "globals that went");
    Ok(())
}

/// The call that fired, with the sink of its payload.
fn explain(entry: &Value, attacks: &[Attack]) -> String {
    let number = entry[1]
        .as_str()
        .and_then(|text| text.parse::<usize>().ok());
    let attack = number.and_then(|id| attacks.iter().find(|attack| attack.id == id));
    match attack {
        Some(attack) => format!("{entry} is {:?} in {}", attack.payload, attack.sink),
        None => entry.to_string(),
    }
}

pub(crate) async fn assert_silent(browser: &TestBrowser) -> Result<()> {
    let fired = browser.run("return window.__fired", vec![]).await?;
    ensure!(fired == json!([]), "{fired:#}");
    Ok(())
}

/// A name, encoded for an address.
fn encode(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
