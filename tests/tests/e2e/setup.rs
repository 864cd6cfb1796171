//! The page *Setup*: a real Hub's servers with the package, without it, without a home that can be
//! read, and a participant without a server; the page follows what is mended.

use std::process::Command;

use anyhow::{Context, Result};
use tests::{
    browser::TestBrowser,
    hub::{HELPER, Hub, HubSetup, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    setting, until,
};

use crate::{NOTEBOOK, tile};

fn row(user: &str) -> String {
    format!("[data-testid=setup-page] tr[data-user=\"{user}\"]")
}

/// Waits until the row of this participant has all these texts.
async fn wait_for_row(page: &TestBrowser, user: &str, texts: &[&str]) -> Result<()> {
    for text in texts {
        page.wait_for_text(&row(user), text).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn setup_says_whose_saves_arrive_and_follows_what_is_mended() -> Result<()> {
    let hub = HubSetup::new()?
        // The service looks for a home where there is none.
        .home_folders([("cleo", "elsewhere")])
        .start("PIPALHUB_VENV")
        .await?;
    hub.without_package(&["bob", "cleo"])?;
    let alice = hub.start_server("alice").await?;
    hub.start_server("bob").await?;
    hub.start_server("cleo").await?;
    hub.add_user("dan").await?;
    let path = hub.home_path("alice", NOTEBOOK);
    std::fs::create_dir_all(path.parent().context("a notebook lies in a folder")?)?;
    assert!(alice.save(NOTEBOOK, &notebook(&["1"])).await?.is_success());
    save(&hub.home_path("bob", NOTEBOOK), &notebook(&["2"]))?;

    let page = TestBrowser::start().await?;
    page.goto(&hub.service("")).await?;
    page.sign_in(INSTRUCTOR, PASSWORD).await?;
    page.wait_for_text(&tile("bob"), "2").await?;
    for step in [".top-bar .account", "#account a[href=setup]"] {
        page.wait_for(step).await?.click().await?;
    }
    page.wait_for("[data-testid=setup-page] table").await?;
    page.mark().await?;
    wait_for_row(
        &page,
        "alice",
        &["running", "pushed", env!("CARGO_PKG_VERSION")],
    )
    .await?;
    wait_for_row(&page, "dan", &["none", "No server runs."]).await?;
    let install = "pip install pipalhub_singleuser-*.whl";
    wait_for_row(
        &page,
        "bob",
        &["running", "watched", "noticed in the home", install],
    )
    .await?;
    wait_for_row(&page, "cleo", &["running", "not", "no saves", install]).await?;
    let headline =
        "2 of 3 servers do not report: pip install pipalhub_singleuser-*.whl in their Python";
    let headline_in_doctor =
        "2 of 3 servers do not report: `pip install pipalhub_singleuser-*.whl`";
    page.wait_for_text("[data-testid=headline]", headline)
        .await?;
    assert_eq!(
        page.texts("[data-testid=setup-hub]").await?,
        [""],
        "the Hub tells all"
    );
    take_pictures(&page).await?;
    assert_doctor_says(&hub, headline_in_doctor).await?;

    // Only what needs attention; the address keeps it.
    page.wait_for("[data-testid=only-attention]")
        .await?
        .click()
        .await?;
    until("the rows that need attention", async || {
        let users = page
            .attributes("[data-testid=setup-page] tbody tr", "data-user")
            .await?;
        Ok((users == ["bob", "cleo"]).then_some(()))
    })
    .await?;
    assert!(page.url().await?.ends_with("setup?only=attention"));
    page.wait_for("[data-testid=only-attention]")
        .await?
        .click()
        .await?;

    hub.without_package(&["cleo"])?;
    hub.stop("bob").await?;
    let bob = hub.start_known_server("bob").await?;
    assert!(bob.save(NOTEBOOK, &notebook(&["3"])).await?.is_success());
    wait_for_row(
        &page,
        "bob",
        &["running", "pushed", "Saves arrive as they happen"],
    )
    .await?;
    page.wait_for_text("[data-testid=headline]", "1 of 3 servers does not report")
        .await?;
    assert!(page.is_marked().await?, "the page was loaded again");

    // Escape leads back to the wall.
    let escape = "document.body.dispatchEvent(new KeyboardEvent('keydown', \
                  {key: 'Escape', bubbles: true}))";
    page.run(escape, vec![]).await?;
    page.wait_for_text(&tile("bob"), "3").await?;
    Ok(())
}

/// The same on the command line, with a token of the instructor's.
async fn assert_doctor_says(hub: &Hub, headline: &str) -> Result<()> {
    let token = hub.token_of(INSTRUCTOR).await?;
    let mut doctor = Command::new(setting("PIPALHUB_BIN"));
    doctor.args(["doctor", "--participants", "--url", &hub.service("")]);
    let output = doctor.env("PIPALHUB_TOKEN", token).output()?;
    let text = String::from_utf8(output.stdout)?;
    let errors = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{text}{errors}");
    assert!(text.starts_with(headline), "{text}");
    for (user, word) in [
        ("alice", "pushed"),
        ("bob", "watched"),
        ("cleo", "not"),
        ("dan", "none"),
    ] {
        let row = text.lines().find(|line| line.starts_with(user));
        assert!(row.is_some_and(|row| row.contains(word)), "{user}: {text}");
    }
    Ok(())
}

/// In light and dark, and on a phone, where nothing sticks out.
async fn take_pictures(page: &TestBrowser) -> Result<()> {
    for scheme in ["dark", "light"] {
        page.prefer_color_scheme(scheme).await?;
        page.shot(&format!("setup-{scheme}.png")).await?;
    }
    page.size(390, 844).await?;
    let width = page.page_width().await?;
    page.shot("setup-phone.png").await?;
    assert!(width <= 390, "the page is {width} wide");
    page.size(1600, 1000).await
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn helpers_see_the_setup_and_participants_do_not_on_hub_5() -> Result<()> {
    let hub = Hub::start("PIPALHUB_VENV_HUB5").await?;
    hub.add_user("dan").await?;
    for (user, css, text) in [
        (HELPER, row("dan"), "No server runs."),
        (
            "dan",
            "[data-testid=not-allowed]".to_owned(),
            "for instructors and helpers",
        ),
    ] {
        let page = TestBrowser::start().await?;
        // Signed in by the page's own address.
        page.goto(&hub.service("setup")).await?;
        page.sign_in(user, PASSWORD).await?;
        page.wait_for_text(&css, text).await?;
        assert!(page.url().await?.ends_with("/services/dashboard/setup"));
    }
    Ok(())
}
