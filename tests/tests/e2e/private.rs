//! A cell with the tag `private` is on no page and in no file of the service.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    notebooks::{notebook, save},
    standalone::Standalone,
    until,
};

use crate::{NOTEBOOK, tile};

pub(crate) const CANARY: &str = "canary-of-a-private-cell";
const HISTORY: &str = "[data-testid=history]";

/// A notebook of these cells, with private ones around them.
pub(crate) fn with_private_cells(sources: &[&str]) -> Value {
    let mut notebook = notebook(sources);
    let hidden = |place: &str| {
        json!({
            // Of two cells with one id a server's log would name it.
            "cell_type": "code", "id": format!("{CANARY}-{place}"), "execution_count": 1,
            "metadata": {"tags": ["private"]}, "source": CANARY,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": CANARY}],
        })
    };
    if let Some(cells) = notebook["cells"].as_array_mut() {
        cells.insert(0, hidden("first"));
        cells.push(hidden("last"));
    }
    notebook
}

/// Whether `path`, or a file below it, has `text` in it. A file that disappears meanwhile has not.
pub(crate) fn holds(path: &Path, text: &str) -> bool {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().any(|entry| holds(&entry.path(), text)),
        Err(_) => {
            let bytes = fs::read(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).contains(text)
        }
    }
}

async fn assert_not_shown(page: &TestBrowser) -> Result<()> {
    let html = page.run("return document.documentElement.outerHTML", vec![]);
    let html = html.await?;
    ensure!(!html.to_string().contains(CANARY), "{html}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_private_cell_is_on_no_page_and_in_no_file() -> Result<()> {
    let service = Standalone::start()?;
    let alice = service.home_path("alice", NOTEBOOK);
    save(&alice, &with_private_cells(&["'first'"]))?;
    let page = TestBrowser::start().await?;
    page.goto(service.link()).await?;
    page.wait_for_text(&tile("alice"), "first").await?;
    assert_not_shown(&page).await?;

    page.open(&tile("alice")).await?;
    let history = "[data-testid=history-button]";
    page.wait_for(history).await?.click().await?;
    for (count, sources) in [(1, &["'first'"][..]), (2, &["'first'", "'second'"])] {
        save(&alice, &with_private_cells(sources))?;
        until(("versions", count), async || {
            let known = page.texts(&format!("{HISTORY} li")).await?;
            Ok((known.len() == count).then_some(()))
        })
        .await?;
    }
    page.wait_for("body").await?.send_keys("c").await?;
    let added = "[data-testid=changes] ins";
    page.wait_for_text(added, "second").await?;
    assert_not_shown(&page).await?;
    page.shot("private.png").await?;

    let ask = async |path: &str| -> Result<String> {
        let answer = service.authorized(Method::GET, path).send().await?;
        Ok(String::from_utf8_lossy(&answer.error_for_status()?.bytes().await?).into_owned())
    };
    let summary = format!("build/?notebook={NOTEBOOK}");
    until("the summary of what was saved last", async || {
        Ok(ask(&summary).await?.contains("second").then_some(()))
    })
    .await?;
    let of_alice = format!("filename={NOTEBOOK}&user=alice");
    let versions: Value = serde_json::from_str(&ask(&format!("api/history?{of_alice}")).await?)?;
    let newest = &versions["versions"][0]["version"];
    for path in [
        summary,
        format!("api/wall?filename={NOTEBOOK}"),
        format!("api/notebook?{of_alice}"),
        format!("api/history/download?{of_alice}&version={newest}"),
    ] {
        let answer = ask(&path).await?;
        assert!(
            answer.contains("second") && !answer.contains(CANARY),
            "{path}: {answer}"
        );
    }

    // Builds are plain text; a database may be compressed, and its content was read by requests.
    let data = service.folder().join("data");
    until("everything that is built", async || {
        Ok(holds(&data, "second").then_some(()))
    })
    .await?;
    assert!(!holds(&data, CANARY));
    assert!(!holds(&service.folder().join("log"), CANARY));
    Ok(())
}
