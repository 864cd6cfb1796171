//! The notebooks of the renderer's tests, as a reader sees them: their documents in Chromium, and a
//! page of their pictures, light and dark, that a person can look at.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;
use tests::{browser::TestBrowser, repository, setting, shots};

/// The width of the pages in the pictures, and the most of their height.
const PAGE_WIDTH: u32 = 900;
const MAX_PAGE_HEIGHT: u64 = 6000;

/// The page that shows all pictures, among the screenshots.
const INDEX: &str = "notebooks.html";

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn fixtures_look_as_their_authors_meant() -> Result<()> {
    let folder = TempDir::with_prefix("pipalhub-pictures-")?;
    let documents = documents(folder.path())?;
    let browser = TestBrowser::start().await?;
    let mut index =
        String::from("<!doctype html><meta charset=\"utf-8\"><title>Notebooks</title>\n");
    for document in &documents {
        let name = document.file_stem().unwrap_or_default().to_string_lossy();
        browser.size(PAGE_WIDTH, 600).await?;
        browser
            .goto(&format!("file://{}", document.display()))
            .await?;
        browser.wait_for("main.nb").await?;
        let width = browser.page_width().await?;
        ensure!(width <= PAGE_WIDTH, "{name} is {width} pixels wide");
        let height = browser
            .run("return document.body.scrollHeight", vec![])
            .await?;
        let height = height.as_u64().unwrap_or(600).min(MAX_PAGE_HEIGHT);
        browser.size(PAGE_WIDTH, height as u32).await?;
        index.push_str(&format!("<h2>{name}</h2>\n"));
        for scheme in ["light", "dark"] {
            browser.prefer_color_scheme(scheme).await?;
            let picture = format!("notebook-{name}-{scheme}.png");
            browser.shot(&picture).await?;
            index.push_str(&format!(
                "<img src=\"{picture}\" alt=\"{name}, {scheme}\">\n"
            ));
        }
    }
    if let Some(shots) = shots() {
        fs::write(shots.join(INDEX), index)?;
    }
    Ok(())
}

/// Letters that are cut off, and equals signs that stand anywhere, are what a page's own styles do
/// to a formula.
#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn formulas_are_whole_and_aligned() -> Result<()> {
    let folder = TempDir::with_prefix("pipalhub-pictures-")?;
    documents(folder.path())?;
    let browser = TestBrowser::start().await?;
    for width in [PAGE_WIDTH, 360] {
        browser.size(width, 600).await?;
        let formulas = folder.path().join("formulas.html");
        browser
            .goto(&format!("file://{}", formulas.display()))
            .await?;
        browser.wait_for("math mtable").await?;
        let script = "const box = e => e.getBoundingClientRect();
            const table = document.querySelector('math mtable');
            const signs = [...table.querySelectorAll('mtd.nb-left > mo:first-child')];
            const words = [...document.querySelectorAll('mtext')];
            return {
                left: signs.map(e => Math.round(box(e).left)),
                tall: words.filter(e => box(e).height > 60).map(e => e.textContent)};";
        let seen = browser.run(script, vec![]).await?;
        let left = seen["left"].as_array().context("the equals signs")?;
        ensure!(left.len() >= 2, "{seen}");
        ensure!(left.iter().all(|place| *place == left[0]), "{seen}");
        ensure!(seen["tall"] == json!([]), "words are broken: {seen}");
    }
    Ok(())
}

/// The documents of all fixtures, in `folder`, in the order of their names.
fn documents(folder: &Path) -> Result<Vec<PathBuf>> {
    let fixtures = repository().join("shared/fixtures");
    let mut notebooks = Vec::new();
    for entry in fs::read_dir(fixtures)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "ipynb")
        {
            notebooks.push(path);
        }
    }
    notebooks.sort();
    let mut render = Command::new(setting("PIPALHUB_BIN"));
    let done = render
        .arg("render")
        .args(&notebooks)
        .arg("-o")
        .arg(folder)
        .output()?;
    let errors = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(done.status.success(), "{errors}");
    let name = |path: &PathBuf| Some(path.file_stem()?.to_owned());
    let names = notebooks.iter().filter_map(name);
    let all = names.map(|name| folder.join(name).with_extension("html"));
    Ok(all.collect())
}
