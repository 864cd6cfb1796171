//! Pages of participants with such names, opened by clicking, and files that are saved.

use std::{fs::File, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;
use tests::{browser::TestBrowser, until};
use zip::ZipArchive;

use super::{MARIA, NamedClass, ODD, PEOPLE};
use crate::{NOTEBOOK, tile};

const PAGE: &str = "[data-testid=notebook-page]";
const HEADING: &str = ".whose h1";
const HISTORY: &str = "[data-testid=history]";

/// A phone, the narrowest screen that the page is made for.
const PHONE: (u32, u32) = (390, 844);
const DESK: (u32, u32) = (1_600, 1_000);

async fn click(browser: &TestBrowser, css: &str) -> Result<()> {
    Ok(browser.wait_for(css).await?.click().await?)
}

/// Clicks the link with this text in the elements that fit `css`.
async fn click_text(browser: &TestBrowser, css: &str, text: &str) -> Result<()> {
    let click = "const all = [...document.querySelectorAll(arguments[0])];
        const link = all.find(one => one.textContent.trim() === arguments[1]);
        link?.click();
        return link !== undefined;";
    until((css, text), async || {
        let found = browser.run(click, vec![json!(css), json!(text)]).await?;
        Ok((found == true).then_some(()))
    })
    .await
}

/// Checks that assistive technology reads each tile by its participant's name.
pub(super) async fn tiles_are_named(wall: &TestBrowser) -> Result<()> {
    let names = "return [...document.querySelectorAll('[data-testid=tile]')].map(tile =>
        tile.getAttribute('aria-labelledby').split(/\\s+/).map(id =>
            document.getElementById(id)?.textContent.trim()).join('|'))";
    let names = wall.run(names, vec![]).await?;
    assert_eq!(names, json!(PEOPLE.map(|(user, _)| user)));
    Ok(())
}

/// Follows the links of the page and of the builds, and saves files by them.
pub(super) async fn every_link_leads_to_its_participant(
    class: &NamedClass,
    browser: &TestBrowser,
) -> Result<()> {
    let saved = TempDir::with_prefix("pipalhub-saved-")?;
    browser.save_downloads_in(saved.path()).await?;
    notebooks_are_opened_and_restored(class, browser, saved.path()).await?;
    builds_are_opened_and_saved(class, browser, saved.path()).await
}

/// Goes from the Wall to everyone's notebook, by `Next`, and by the address again.
async fn notebooks_are_opened_and_restored(
    class: &NamedClass,
    browser: &TestBrowser,
    saved: &Path,
) -> Result<()> {
    for (at, (user, _)) in PEOPLE.into_iter().enumerate() {
        match at {
            0 => browser.open(&tile(user)).await?,
            _ => click_text(browser, ".neighbours a", "Next ›").await?,
        }
        browser.wait_for_text(HEADING, user).await?;
        browser.wait_for_text(PAGE, "third = 3").await?;
        assert_eq!(browser.texts(HEADING).await?, [user]);
        let address = browser.url().await?;
        browser.goto("about:blank").await?;
        browser.goto(&address).await?;
        browser.wait_for_text(HEADING, user).await?;
        browser.wait_for_text(PAGE, "third = 3").await?;
    }
    browser.goto(&class.hub.service("")).await?;
    browser.open(&tile(ODD)).await?;
    click_text(browser, ".notebook-bar a", "Export").await?;
    browser.enter_frame(".document-place iframe").await?;
    browser.wait_for_text("body", "third = 3").await?;
    browser.back().await?;

    click(browser, "[data-testid=history-button]").await?;
    click(browser, &format!("{HISTORY} li:last-child a")).await?;
    let bar = "[data-testid=version-bar]";
    browser.wait_for_text(bar, "As of").await?;
    browser.wait_for_text(PAGE, "first of").await?;
    click(browser, &format!("{bar} a[download]")).await?;
    let file = until("the saved version", async || {
        file_in(saved, "day1-", ".ipynb")
    })
    .await?;
    let kept = std::fs::read_to_string(saved.join(file))?;
    assert!(kept.contains(&format!("first of {ODD}")), "{kept}");

    let before = class.files_of(ODD)?;
    click(browser, &format!("{bar} [data-do=ask]")).await?;
    click(browser, "[data-testid=restore-dialog] [data-do=restore]").await?;
    // Without the time of the same version's restore before.
    let written = class.new_file_of(ODD, &before).await?;
    browser
        .wait_for_text("#restore, [data-testid=errand]", &written)
        .await
}

/// A file in a folder whose name begins and ends so.
fn file_in(folder: &Path, begin: &str, end: &str) -> Result<Option<String>> {
    let mut names = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<String>>>()?
        .into_iter();
    Ok(names.find(|name| name.starts_with(begin) && name.ends_with(end)))
}

/// Goes through the pages of the builds, and saves everyone's notebook and all as an archive.
async fn builds_are_opened_and_saved(
    class: &NamedClass,
    browser: &TestBrowser,
    saved: &Path,
) -> Result<()> {
    let builds = class.hub.service("build/");
    browser.goto(&builds).await?;
    let (_, name) = NOTEBOOK.rsplit_once('/').context("a folder")?;
    click_text(browser, "th a", name).await?;
    browser.wait_for_text("h2", NOTEBOOK).await?;
    let listing = browser.url().await?;
    browser.shot("names-listing.png").await?;
    let names = browser.texts("th[scope=row] a").await?;
    assert_eq!(names, PEOPLE.map(|(user, _)| user));
    for (user, _) in PEOPLE {
        click_text(browser, "th a", user).await?;
        browser.wait_for_text("main", "third = 3").await?;
        browser.back().await?;
        browser.wait_for_text("h2", NOTEBOOK).await?;
        let link = format!("[aria-label=\"Download {user}’s notebook\"]");
        click(browser, &link).await?;
        // A browser writes some characters as underscores.
        let begin: String = user.chars().take_while(|c| c.is_alphanumeric()).collect();
        let file = until((user, "the saved copy"), async || {
            file_in(saved, &begin, ".ipynb")
        })
        .await?;
        eprintln!("{user} is saved as {file}");
        let copy = std::fs::read_to_string(saved.join(file))?;
        assert!(copy.contains("third = 3"), "{copy}");
    }
    click_text(browser, "a", "Download all as zip").await?;
    let archive = until("the archive", async || file_in(saved, "day1", ".zip")).await?;
    let archive = ZipArchive::new(File::open(saved.join(archive))?)?;
    let names = archive.file_names().map(|name| Ok(name?.into_owned()));
    let names = names.collect::<Result<Vec<String>>>()?;
    for user in [MARIA, "Zoë", "a_b"] {
        for name in [format!("{user}.html"), format!("notebooks/{user}.ipynb")] {
            ensure!(names.iter().any(|one| one.ends_with(&name)), "{names:?}");
        }
    }
    assert_eq!(names.len(), 2 + 2 * PEOPLE.len(), "{names:?}");

    // The summary has the same names, each with a link to its export.
    browser.goto(&listing).await?;
    click_text(browser, "a", "Summary").await?;
    browser.wait_for_text("h2", MARIA).await?;
    for (user, _) in PEOPLE {
        click_text(browser, "h2 a", user).await?;
        browser.wait_for_text("main", "third = 3").await?;
        assert!(browser.texts("title").await?[0].contains(user));
        browser.back().await?;
        browser.wait_for_text("h2", MARIA).await?;
    }
    Ok(())
}

/// Checks that no page is wider than a phone, and takes pictures of all.
pub(super) async fn names_fit_on_a_phone(class: &NamedClass, browser: &TestBrowser) -> Result<()> {
    let page = |user: &str| {
        let user = tests::remote::encoded(user);
        format!("notebook?notebook={NOTEBOOK}&user={user}")
    };
    let (_, (long, _)) = (0, PEOPLE[5]);
    for (name, path, ready) in [
        ("listing", "build/module1/day1/".to_owned(), "th"),
        (
            "summary",
            "build/module1/day1/00-summary.html".to_owned(),
            "h2",
        ),
        ("page", page(long), PAGE),
        ("export", format!("build/module1/day1/{long}.html"), "main"),
        ("wall", String::new(), "[data-testid=tile]"),
    ] {
        browser.goto(&class.hub.service(&path)).await?;
        browser.wait_for(ready).await?;
        fits(browser, name).await?;
    }
    click(browser, "[data-testid=notice-button]").await?;
    browser.wait_for("#notice-dialog[open]").await?;
    browser
        .select("#notice-to", &format!("user:{long}"))
        .await?;
    fits(browser, "notices").await?;
    click(browser, "#notice-dialog [data-do=close]").await
}

async fn fits(browser: &TestBrowser, name: &str) -> Result<()> {
    for (screen, (width, height)) in [("phone", PHONE), ("desk", DESK)] {
        browser.size(width, height).await?;
        browser.shot(&format!("names-{name}-{screen}.png")).await?;
        let over = "return document.documentElement.scrollWidth - innerWidth";
        assert_eq!(browser.run(over, vec![]).await?, 0, "{name} on a {screen}");
    }
    Ok(())
}
