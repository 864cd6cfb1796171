//! The page *Users*: a class is pasted, mended and added, its cards are printed, and users get new
//! passwords and go, with real accounts in namespaces of the test's own.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::{browser::TestBrowser, standalone::Standalone, steward::TestSteward, until};

use crate::hostile::signed_in;

const TEXT: &str = "[data-testid=class-text]";
const PREVIEW: &str = "[data-testid=class-preview]";

fn row(user: &str) -> String {
    format!("[data-testid=users-page] tr[data-user=\"{user}\"]")
}

async fn press(page: &TestBrowser, css: &str) -> Result<()> {
    page.wait_for(css).await?.click().await?;
    Ok(())
}

/// Pastes a text into the field.
async fn paste(page: &TestBrowser, text: &str) -> Result<()> {
    let paste = format!(
        "const field = document.querySelector('{TEXT}'); field.value = arguments[0]; \
         field.dispatchEvent(new Event('input', {{bubbles: true}}))"
    );
    page.wait_for(TEXT).await?;
    page.run(&paste, vec![text.into()]).await?;
    Ok(())
}

/// The passwords on the cards, by name.
async fn password_on_card(page: &TestBrowser, user: &str) -> Result<String> {
    let find = "const card = [...document.querySelectorAll('.login-card')] \
                .find((card) => card.querySelector('dd').textContent === arguments[0]); \
                return card?.querySelectorAll('dd')[1].textContent ?? null";
    until(("the card of", user), async || {
        let found = page.run(find, vec![user.into()]).await?;
        Ok(found.as_str().map(ToOwned::to_owned))
    })
    .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn a_class_is_pasted_mended_added_and_gets_its_cards() -> Result<()> {
    if !TestSteward::is_possible() {
        return Ok(());
    }
    let service = Standalone::start()?;
    let page = signed_in(&service).await?;
    page.goto(&service.url("users")).await?;
    page.wait_for_text("[data-testid=error]", "no steward runs")
        .await?;
    let steward = TestSteward::start(service.folder()).await?;
    // The page may have tried again by itself.
    let again = "document.querySelector('[data-testid=error] button')?.click()";
    page.run(again, vec![]).await?;
    page.wait_for_text("[data-testid=users-headline]", "0 users")
        .await?;

    let mut class = String::from("name,password\n");
    for at in 1..=27 {
        writeln!(class, "student{at},")?;
    }
    class += "María G.,secret of maria\nroot,\nstudent3,\n";
    paste(&page, &class).await?;
    page.wait_for_text(PREVIEW, "27 to add; 3 of 30 lines cannot be used")
        .await?;
    for words in [
        "Line 29",
        "maria-g",
        "Line 30",
        "account of the system",
        "Line 31",
    ] {
        page.wait_for_text(PREVIEW, words).await?;
    }
    pictures(&page, "preview").await?;
    press(&page, &format!("{PREVIEW} [data-do=propose]")).await?;
    page.wait_for_text(PREVIEW, "28 to add").await?;
    let mended = class
        .replace("María G.,", "maria-g,")
        .replace("root,", "rupa,")
        .replace("student3,\n", "student30,\n")
        .replacen("student30,", "student3,", 1);
    paste(&page, &mended).await?;
    page.wait_for_text(PREVIEW, "30 to add, all lines are good")
        .await?;
    page.wait_for_text("[data-testid=class-add]", "Add 30")
        .await?;
    // What cannot be added now stays, to be added later.
    drop(steward);
    press(&page, "[data-testid=class-add]").await?;
    page.wait_for_text("[data-testid=users-failure]", "30 are not added")
        .await?;
    let steward = TestSteward::start(service.folder()).await?;
    let typed = format!("return document.querySelector('{TEXT}').value");
    ensure!(
        page.run(&typed, vec![]).await? == mended,
        "the list is lost"
    );
    press(&page, "[data-testid=class-add]").await?;
    // The list has everyone before their accounts are made; the cards come when they are.
    until("30 cards", async || {
        let cards = page.texts(".login-card").await?.len();
        Ok((cards == 30).then_some(()))
    })
    .await?;
    page.wait_for_text("[data-testid=users-headline]", "30 users")
        .await?;
    page.wait_for_text(&row("student27"), "ready").await?;
    ensure!(steward.has_account("rupa")? && steward.has_account("maria-g")?);
    assert_eq!(password_on_card(&page, "maria-g").await?, "secret of maria");
    let password = password_on_card(&page, "student1").await?;
    let line = format!("student1:{password}\n");
    ensure!(steward.users_txt().contains(&line), "the card is not true");
    ensure!(
        page.wait_for(".login-card svg.qr")
            .await?
            .is_displayed()
            .await?
    );
    pictures(&page, "added").await?;
    sheet(&page).await?;

    users_get_passwords_and_go(&page, &steward).await?;

    // Passwords were shown once.
    page.goto(&service.url("users")).await?;
    page.wait_for_text("[data-testid=users-headline]", "29 users")
        .await?;
    let all = page.run("return document.body.textContent", vec![]).await?;
    ensure!(!all.as_str().context("a text")?.contains(&password));
    Ok(())
}

async fn users_get_passwords_and_go(page: &TestBrowser, steward: &TestSteward) -> Result<()> {
    let before = password_on_card(page, "rupa").await?;
    press(page, &format!("{} [data-do=reset]", row("rupa"))).await?;
    page.wait_for_text("#users-dialog", "A new password for rupa?")
        .await?;
    press(page, "[data-testid=question-yes]").await?;
    let after = until("another password", async || {
        let now = password_on_card(page, "rupa").await?;
        Ok(Some(now).filter(|now| *now != before))
    })
    .await?;
    ensure!(steward.users_txt().contains(&format!("rupa:{after}\n")));

    press(page, &format!("{} [data-do=remove]", row("maria-g"))).await?;
    page.wait_for_text("#users-dialog", "Their home stays")
        .await?;
    pictures(page, "remove").await?;
    press(page, "[data-testid=question-yes]").await?;
    page.wait_for_text("#users-dialog", "Delete the home too?")
        .await?;
    let may = "return !document.querySelector('[data-testid=question-yes]').disabled";
    ensure!(page.run(may, vec![]).await? == Value::Bool(false));
    page.type_into("[data-testid=home-confirm]", "maria-g")
        .await?;
    press(page, "[data-testid=question-yes]").await?;
    page.wait_for_text("[data-testid=users-headline]", "29 users")
        .await?;
    ensure!(!steward.has_account("maria-g")?);
    Ok(())
}

/// Pictures of the page in both themes and on a phone, and that nothing is wider than it.
async fn pictures(page: &TestBrowser, name: &str) -> Result<()> {
    for scheme in ["dark", "light"] {
        page.prefer_color_scheme(scheme).await?;
        page.shot(&format!("users-{name}-{scheme}.png")).await?;
    }
    page.size(390, 844).await?;
    page.shot(&format!("users-{name}-phone.png")).await?;
    let width = page.page_width().await?;
    page.size(1280, 900).await?;
    ensure!(width <= 390, "{name} is {width} px wide on a phone");
    Ok(())
}

/// The sheet as it is printed: the cards, and nothing else.
async fn sheet(page: &TestBrowser) -> Result<()> {
    page.print_media(true).await?;
    let shown = "return [...document.querySelectorAll('.top-bar, .add-class, .users-table')] \
                 .filter((it) => it.checkVisibility()).length";
    assert_eq!(page.run(shown, vec![]).await?, 0);
    page.shot("users-cards.png").await?;
    page.print_media(false).await
}
