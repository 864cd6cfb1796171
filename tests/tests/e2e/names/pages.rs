//! Pages of participants with such names, opened by clicking, and files that are saved.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;
use tests::{browser::TestBrowser, until};
use zip::ZipArchive;

use super::{LONG, MARIA, NamedClass, ODD, PEOPLE};
use crate::{NOTEBOOK, tile};

const PAGE: &str = "[data-testid=notebook-page]";
const HEADING: &str = ".whose h1";
const HISTORY: &str = "[data-testid=history]";

/// The key, as WebDriver writes it.
const BACKSPACE: &str = "\u{e003}";

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

/// Checks that assistive technology reads each tile by its participant's name, and that a name
/// that is cut can be read.
pub(super) async fn tiles_are_named(wall: &TestBrowser) -> Result<()> {
    let names = PEOPLE.map(|(user, _)| user);
    let labels = wall.attributes("[data-testid=tile]", "aria-label").await?;
    assert_eq!(labels, names);
    let titles = wall.attributes("[data-testid=tile] h2 a", "title").await?;
    assert_eq!(titles, names);
    Ok(())
}

/// Checks that a name is found whatever the case of its letters.
pub(super) async fn names_are_found(wall: &TestBrowser) -> Result<()> {
    wall.type_into("#filter", "ZOË").await?;
    until("Zoë alone", async || {
        let shown = wall.attributes("[data-testid=tile]", "data-user").await?;
        Ok((shown == ["Zoë"]).then_some(()))
    })
    .await?;
    wall.wait_for("#filter")
        .await?
        .send_keys(BACKSPACE.repeat(3))
        .await?;
    until("everyone", async || {
        let shown = wall.attributes("[data-testid=tile]", "data-user").await?;
        Ok((shown.len() == PEOPLE.len()).then_some(()))
    })
    .await
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
    let of_odd = format!("first of {ODD}");
    wait_for_saved(saved, "day1-", &of_odd).await?;

    let before = class.files_of(ODD)?;
    click(browser, &format!("{bar} [data-do=ask]")).await?;
    click(browser, "[data-testid=restore-dialog] [data-do=restore]").await?;
    // Without the time of the same version's restore before.
    let written = class.new_file_of(ODD, &before).await?;
    browser
        .wait_for_text("#restore, [data-testid=errand]", &written)
        .await
}

/// Waits until a notebook is saved with this text, in a file whose name begins so.
async fn wait_for_saved(saved: &Path, begin: &str, text: &str) -> Result<()> {
    until(("the saved", begin, text), async || {
        let files = saved_files(saved, begin, ".ipynb")?;
        // A browser makes an empty file first.
        let content = files.iter().map(|path| Ok(fs::read_to_string(path)?));
        let content = content.collect::<Result<Vec<String>>>()?;
        Ok(content.iter().any(|one| one.contains(text)).then_some(()))
    })
    .await
}

/// The saved files whose names begin and end so.
fn saved_files(saved: &Path, begin: &str, end: &str) -> Result<Vec<PathBuf>> {
    let paths = fs::read_dir(saved)?.map(|entry| Ok(entry?.path()));
    let paths = paths.collect::<Result<Vec<_>>>()?;
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(begin) && name.ends_with(end)
    };
    Ok(paths.into_iter().filter(is_one).collect())
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
        wait_for_saved(saved, &begin, "third = 3").await?;
    }
    click_text(browser, "a", "Download all as zip").await?;
    let archive = until("the archive", async || {
        let files = saved_files(saved, "day1", ".zip")?;
        let path = files.first().context("no file")?;
        Ok(Some(ZipArchive::new(File::open(path)?)?))
    })
    .await?;
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
    let page = format!("notebook?notebook={NOTEBOOK}&user={LONG}");
    let document = format!("document?notebook={NOTEBOOK}&user={LONG}");
    for (name, path, ready) in [
        ("listing", "build/module1/day1/".to_owned(), "th"),
        (
            "summary",
            "build/module1/day1/00-summary.html".to_owned(),
            "h2",
        ),
        ("page", page, PAGE),
        ("document", document, ".document-place iframe"),
        ("export", format!("build/module1/day1/{LONG}.html"), "main"),
        (
            "wall",
            format!("?notebook={NOTEBOOK}"),
            "[data-testid=tile]",
        ),
    ] {
        browser.goto(&class.hub.service(&path)).await?;
        browser.wait_for(ready).await?;
        fits(browser, name).await?;
    }
    click(browser, "[data-testid=notice-button]").await?;
    browser.wait_for("#notice-dialog[open]").await?;
    browser
        .select("#notice-to", &format!("user:{LONG}"))
        .await?;
    fits(browser, "notices").await?;
    click(browser, "#notice-dialog [data-do=close]").await
}

async fn fits(browser: &TestBrowser, name: &str) -> Result<()> {
    for (screen, (width, height)) in [("phone", PHONE), ("desk", DESK)] {
        browser.size(width, height).await?;
        browser.shot(&format!("names-{name}-{screen}.png")).await?;
        let page = browser.page_width().await?;
        assert!(page <= width, "{name} on a {screen} is {page} px wide");
    }
    Ok(())
}
