//! The pages for running a class without a mouse and without sight: where the focus goes, what
//! Escape closes, and what assistive technology is told.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::{
    browser::{AccessibleNode, TestBrowser},
    standalone::Standalone,
    steward::TestSteward,
    until,
};

use crate::hostile::signed_in;

/// Keys by `WebDriver`'s letters for them.
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
/// More presses of Tab than any of these pages has places for the focus.
const MOST_TABS: usize = 60;

const FIELD: &str = "Add users: a name a line, name and password, or a table with a header";
const ANNOUNCEMENT: &str = "[data-testid=announcement]";

/// The role and name of what has the focus; empty when that is the document.
async fn focused(page: &TestBrowser) -> Result<(String, String)> {
    let tree = page.accessibility_tree().await?;
    let mut nodes = tree.into_iter().rev();
    let node = nodes.find(|it| it.is_focused && it.role != "RootWebArea");
    Ok(node.map_or_else(Default::default, |it| (it.role, it.name)))
}

/// Presses Tab until this has the focus; returns what had it on the way.
pub(crate) async fn tab_to(page: &TestBrowser, role: &str, name: &str) -> Result<Vec<String>> {
    let mut passed = Vec::new();
    for _ in 0..MOST_TABS {
        page.press_keys(TAB).await?;
        let at = focused(page).await?;
        if at == (role.to_owned(), name.to_owned()) {
            return Ok(passed);
        }
        passed.push(at.1);
    }
    anyhow::bail!("Tab does not lead to the {role} {name:?}, but to {passed:?}")
}

/// Waits until this has the focus.
pub(crate) async fn wait_for_focus(page: &TestBrowser, role: &str, name: &str) -> Result<()> {
    until(("the focus on", role, name), async || {
        let at = focused(page).await?;
        ensure!(at == (role.to_owned(), name.to_owned()), "it is on {at:?}");
        Ok(Some(()))
    })
    .await
}

/// Waits until the element with this id has the focus.
pub(crate) async fn wait_for_focused_id(page: &TestBrowser, id: &str) -> Result<()> {
    until(("the focus on", id), async || {
        let focused = page.run("return document.activeElement.id", vec![]).await?;
        Ok((focused == id).then_some(()))
    })
    .await
}

/// That whatever can be operated has a name; returns the tree.
pub(crate) async fn all_controls_have_names(page: &TestBrowser) -> Result<Vec<AccessibleNode>> {
    const OPERATED: [&str; 7] = [
        "button",
        "link",
        "textbox",
        "searchbox",
        "checkbox",
        "dialog",
        "table",
    ];
    let tree = page.accessibility_tree().await?;
    let nameless = tree
        .iter()
        .find(|it| OPERATED.contains(&it.role.as_str()) && it.name.trim().is_empty());
    ensure!(nameless.is_none(), "no name: {nameless:?}");
    Ok(tree)
}

/// The names of all nodes with this role.
pub(crate) fn names<'a>(tree: &'a [AccessibleNode], role: &str) -> Vec<&'a str> {
    let nodes = tree.iter().filter(|it| it.role == role);
    nodes.map(|it| it.name.as_str()).collect()
}

async fn password_of(page: &TestBrowser, user: &str) -> Result<Value> {
    let find = "const card = [...document.querySelectorAll('.login-card')] \
                .find((card) => card.querySelector('dd').textContent === arguments[0]); \
                return card?.querySelectorAll('dd')[1].textContent ?? null";
    page.run(find, vec![user.into()]).await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn users_are_added_reset_and_removed_without_a_mouse() -> Result<()> {
    if !TestSteward::is_possible() {
        return Ok(());
    }
    let service = Standalone::start()?;
    let steward = TestSteward::start(service.folder()).await?;
    let page = signed_in(&service).await?;
    page.goto(&service.url("users")).await?;
    page.wait_for_text("[data-testid=users-headline]", "0 users")
        .await?;
    page.mark().await?;

    // In the order of the page.
    let passed = tab_to(&page, "textbox", FIELD).await?;
    assert_eq!(passed[..3], ["← Wall", "Queue", "Setup"], "{passed:?}");
    page.press_keys(&["alice", "bob", "root", "cleo"].join(ENTER))
        .await?;
    page.wait_for_text(
        "[data-testid=class-preview]",
        "3 to add; 1 of 4 lines cannot be used",
    )
    .await?;
    tab_to(&page, "button", "Add 3").await?;
    // What is typed is not left behind by a slip.
    page.press_keys(ESCAPE).await?;
    page.press_keys(ENTER).await?;
    until("3 cards", async || {
        Ok((page.texts(".login-card").await?.len() == 3).then_some(()))
    })
    .await?;
    page.wait_for_text(ANNOUNCEMENT, "3 added.").await?;
    wait_for_focused_id(&page, "made-title").await?;
    tab_to(&page, "button", "Print the cards").await?;

    a_password_is_reset(&page, &steward).await?;
    somebody_is_removed(&page, &steward).await?;
    the_page_is_read_out(&page).await?;

    // New passwords are shown once: Escape does not lead away from them.
    page.press_keys(ESCAPE).await?;
    ensure!(page.is_marked().await?, "Escape has left the page");
    page.goto(&service.url("users")).await?;
    page.wait_for_text("[data-testid=users-headline]", "2 users")
        .await?;
    page.press_keys(ESCAPE).await?;
    until("the wall", async || {
        Ok((page.url().await? == service.url("")).then_some(()))
    })
    .await
}

async fn a_password_is_reset(page: &TestBrowser, steward: &TestSteward) -> Result<()> {
    let before = password_of(page, "bob").await?;
    tab_to(page, "button", "New password for bob").await?;
    page.press_keys(ENTER).await?;
    wait_for_focus(page, "button", "Cancel").await?;
    let tree = all_controls_have_names(page).await?;
    let dialog = tree.iter().find(|it| it.role == "dialog");
    let dialog = dialog.context("there is a dialog")?;
    assert_eq!(dialog.name, "A new password for bob?");
    assert_eq!(dialog.description, "The old one is good no more.");
    // Nothing else can be reached while it asks.
    let outside = "return !!document.activeElement.closest('main *:not(dialog, dialog *), header')";
    for _ in 0..6 {
        page.press_keys(TAB).await?;
        ensure!(page.run(outside, vec![]).await? == Value::Bool(false));
    }
    // A click beside the words takes the focus from the buttons; Escape still means the dialog.
    page.wait_for("#users-consequence").await?.click().await?;
    page.press_keys(ESCAPE).await?;
    wait_for_focus(page, "button", "New password for bob").await?;
    ensure!(page.is_marked().await?, "Escape has left the page");
    assert_eq!(password_of(page, "bob").await?, before);

    page.press_keys(ENTER).await?;
    wait_for_focus(page, "button", "Cancel").await?;
    tab_to(page, "button", "New password").await?;
    page.press_keys(ENTER).await?;
    page.wait_for_text(ANNOUNCEMENT, "bob has a new password")
        .await?;
    wait_for_focus(page, "button", "New password for bob").await?;
    let after = password_of(page, "bob").await?;
    ensure!(after != before, "it is the old one");
    let line = format!("bob:{}\n", after.as_str().context("a password")?);
    ensure!(steward.users_txt().contains(&line));
    Ok(())
}

async fn somebody_is_removed(page: &TestBrowser, steward: &TestSteward) -> Result<()> {
    tab_to(page, "button", "Remove bob").await?;
    page.press_keys(ENTER).await?;
    page.wait_for_text("#users-dialog", "Their home stays")
        .await?;
    wait_for_focus(page, "button", "Cancel").await?;
    tab_to(page, "button", "Remove").await?;
    page.press_keys(ENTER).await?;
    wait_for_focus(page, "textbox", "The name of the user").await?;
    page.wait_for_text(ANNOUNCEMENT, "bob is removed.").await?;
    page.press_keys("bob").await?;
    tab_to(page, "button", "Delete the home").await?;
    page.press_keys(ENTER).await?;
    page.wait_for_text(ANNOUNCEMENT, "The home of bob is deleted.")
        .await?;
    page.wait_for_text("[data-testid=users-headline]", "2 users")
        .await?;
    // Their row is gone, and the focus is in the next.
    wait_for_focus(page, "button", "Remove cleo").await?;
    ensure!(!steward.has_account("bob")?);
    Ok(())
}

/// What a screen reader has of the page, on a wide screen and on a phone.
async fn the_page_is_read_out(page: &TestBrowser) -> Result<()> {
    for (width, height) in [(1280, 900), (390, 844)] {
        page.size(width, height).await?;
        let tree = all_controls_have_names(page).await?;
        assert_eq!(names(&tree, "heading"), ["Users"]);
        assert_eq!(
            names(&tree, "table"),
            ["Everyone in the list, and what is known of them"]
        );
        for head in ["Name", "Account", "Server", "Last save", "Change"] {
            ensure!(names(&tree, "columnheader").contains(&head), "{head}");
        }
        assert_eq!(names(&tree, "rowheader"), ["alice", "cleo"]);
        ensure!(!names(&tree, "status").is_empty());
    }
    page.size(1280, 900).await
}
