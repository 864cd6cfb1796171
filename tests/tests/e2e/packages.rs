//! The page *Packages*: what is typed is planned, installed with its log, stopped and removed, in an
//! environment of the test's own below a real Hub; and the lines for an image.

use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    environment::TestEnvironment,
    hub::{HELPER, Hub, HubSetup, INSTRUCTOR, PASSWORD},
    standalone::Standalone,
    until,
};

use crate::hostile::signed_in;
use crate::keyboard::{all_controls_have_names, names, tab_to, wait_for_focused_id};

const TEXT: &str = "[data-testid=packages-text]";
const TYPED: &str = "[data-testid=packages-typed]";
const PLAN: &str = "[data-testid=plan]";
const JOB: &str = "[data-testid=job]";
const STATE: &str = "[data-testid=job-state]";
const LOG: &str = "[data-testid=package-log]";
const ANNOUNCEMENT: &str = "[data-testid=announcement]";
const ENTER: &str = "\u{e007}";

/// Writes into the field what takes the place of all that is there.
async fn write(page: &TestBrowser, text: &str) -> Result<()> {
    let write = format!(
        "const field = document.querySelector('{TEXT}'); field.value = arguments[0]; \
         field.dispatchEvent(new Event('input', {{bubbles: true}}))"
    );
    page.wait_for(TEXT).await?;
    page.run(&write, vec![text.into()]).await?;
    Ok(())
}

async fn press(page: &TestBrowser, css: &str) -> Result<()> {
    let button = page.wait_for(css).await?;
    button.click().await?;
    Ok(())
}

async fn is_shown(page: &TestBrowser, css: &str) -> Result<bool> {
    let script = "return !!document.querySelector(arguments[0])?.checkVisibility()";
    Ok(page.run(script, vec![css.into()]).await? == true)
}

async fn open(hub: &Hub, user: &str) -> Result<TestBrowser> {
    let page = TestBrowser::start().await?;
    page.goto(&hub.service("packages")).await?;
    page.sign_in(user, PASSWORD).await?;
    page.wait_for_text("[data-testid=packages-place]", "participants")
        .await?;
    Ok(page)
}

#[tokio::test]
#[ignore = "needs a Hub and a browser: cargo xtask test"]
async fn packages_are_planned_installed_stopped_and_removed() -> Result<()> {
    let setup = HubSetup::new()?.restarting_the_service_soon();
    let socket = TestEnvironment::socket(setup.folder());
    let setup = setup.service_setting("steward_socket", socket.display().to_string());
    let environment = TestEnvironment::start(setup.folder()).await?;
    let hub = setup.start("PIPALHUB_VENV").await?;
    let alice = hub.start_server("alice").await?;
    let page = open(&hub, INSTRUCTOR).await?;
    page.wait_for_text("[data-testid=packages-place]", "by pip")
        .await?;

    what_is_wrong_is_named_while_it_is_typed(&page).await?;
    packages_are_installed_by_keyboard(&page, &environment).await?;
    those_whose_servers_run_are_told(&hub).await?;
    drop(alice);
    a_conflict_is_said_before(&page, &environment).await?;
    a_change_is_stopped_and_seen_by_a_helper(&hub, &page, &environment).await?;
    a_package_is_removed(&page, &environment).await
}

async fn what_is_wrong_is_named_while_it_is_typed(page: &TestBrowser) -> Result<()> {
    let text = "# for the class\nclass-tool, class-plot >= 1\n\n-r other.txt\npip install numpy";
    page.type_into(TEXT, text).await?;
    page.wait_for_text(TYPED, "2 packages to add; 2 cannot be used")
        .await?;
    page.wait_for_text(TYPED, "Line 4 -r other.txt").await?;
    page.wait_for_text(TYPED, "Line 5 pip install numpy")
        .await?;
    pictures(page, "typed").await
}

async fn packages_are_installed_by_keyboard(
    page: &TestBrowser,
    environment: &TestEnvironment,
) -> Result<()> {
    write(page, "class-tool\nclass-plot>=1\n").await?;
    page.run(&format!("document.querySelector('{TEXT}').focus()"), vec![])
        .await?;
    tab_to(page, "button", "Plan").await?;
    page.press_keys(ENTER).await?;
    wait_for_focused_id(page, "plan-title").await?;
    for words in ["3 new", "class-base", "2.0", "class-tool"] {
        page.wait_for_text(PLAN, words).await?;
    }
    page.wait_for_text(ANNOUNCEMENT, "This would be done: 3 new.")
        .await?;
    let tree = all_controls_have_names(page).await?;
    ensure!(names(&tree, "table").contains(&"What would become of each package"));
    ensure!(names(&tree, "rowheader").contains(&"class-plot"));
    ensure!(
        environment.requirements_txt().is_empty(),
        "a plan has changed something"
    );
    pictures(page, "plan").await?;
    page.run("document.querySelector('#plan-title').focus()", vec![])
        .await?;
    tab_to(page, "button", "Install").await?;
    page.press_keys(ENTER).await?;
    wait_for_focused_id(page, "job-title").await?;
    page.wait_for_text(STATE, "3 new").await?;
    page.wait_for_text(ANNOUNCEMENT, "3 new").await?;
    for words in [INSTRUCTOR, "can be imported at once."] {
        page.wait_for_text(JOB, words).await?;
    }
    page.wait_for_text(LOG, "Installing collected packages")
        .await?;
    page.wait_for_text("[data-package=class-tool]", "1.0")
        .await?;
    page.wait_for_text("[data-testid=installed]", "Small things for <every> day")
        .await?;
    assert_eq!(
        environment.requirements_txt(),
        "class-tool\nclass-plot>=1\n"
    );
    pictures(page, "installed").await?;
    let version = environment.imported_version("class_base")?;
    assert_eq!(version.as_deref(), Some("2.0"));

    page.type_into("[data-testid=packages-find]", "measures")
        .await?;
    page.wait_for_text("[data-testid=packages-found]", "1 of ")
        .await?;
    assert_eq!(
        page.texts("[data-testid=installed] th").await?,
        ["class-plot"]
    );
    Ok(())
}

/// Waits for the notice, which is for the one participant with a server.
async fn those_whose_servers_run_are_told(hub: &Hub) -> Result<()> {
    let token = hub.token_of(INSTRUCTOR).await?;
    let sent = until("the notice", async || {
        let asked = hub.with_token(&token, Method::GET, "api/notices/sent");
        let sent: Value = asked.send().await?.json().await?;
        let newest = sent["notices"].get(0).cloned();
        Ok(newest)
    })
    .await?;
    assert_eq!(sent["to"], json!({"users": ["alice"]}));
    assert_eq!(sent["author"], INSTRUCTOR);
    assert_eq!(
        sent["text"],
        "**class-base** 2.0, **class-plot** 2.0 and **class-tool** 1.0 can be imported now."
    );
    Ok(())
}

async fn a_conflict_is_said_before(
    page: &TestBrowser,
    environment: &TestEnvironment,
) -> Result<()> {
    let before = environment.requirements_txt();
    write(page, "class-old\nclass-plot==2.0").await?;
    press(page, "[data-testid=packages-plan]").await?;
    page.wait_for_text("[data-testid=conflict]", "class-old")
        .await?;
    page.wait_for_text(PLAN, "nothing would change").await?;
    ensure!(!is_shown(page, "[data-do=apply]").await?);
    pictures(page, "conflict").await?;
    press(page, "[data-do=cancel]").await?;
    wait_for_focused_id(page, "packages-text").await?;
    ensure!(!is_shown(page, PLAN).await?);
    assert_eq!(environment.requirements_txt(), before);
    Ok(())
}

async fn a_change_is_stopped_and_seen_by_a_helper(
    hub: &Hub,
    page: &TestBrowser,
    environment: &TestEnvironment,
) -> Result<()> {
    let before = environment.requirements_txt();
    write(page, "class-slow").await?;
    press(page, "[data-testid=packages-plan]").await?;
    press(page, "[data-do=apply]").await?;
    // The log is there while it runs.
    page.wait_for_text(LOG, "class_slow").await?;
    page.wait_for_text(STATE, "Being made").await?;

    let helper = open(hub, HELPER).await?;
    helper
        .wait_for_text(JOB, &format!("Now: add class-slow, by {INSTRUCTOR}"))
        .await?;
    helper.wait_for_text(LOG, "class_slow").await?;
    helper
        .wait_for_text("[data-package=class-tool]", "1.0")
        .await?;
    for control in [TEXT, "[data-do=stop]", "[data-do=remove]"] {
        ensure!(!is_shown(&helper, control).await?, "{control}");
    }

    // It is the steward's: the service may be killed meanwhile, and the page left.
    hub.kill_service().await?;
    until("the service again", async || {
        page.goto(&hub.service("packages")).await?;
        is_shown(page, STATE)
            .await
            .map(|is_there| is_there.then_some(()))
    })
    .await?;
    page.wait_for_text(LOG, "class_slow").await?;
    page.wait_for_text(STATE, "Being made").await?;
    pictures(page, "running").await?;
    press(page, "[data-do=stop]").await?;
    for who in [page, &helper] {
        who.wait_for_text(STATE, "Stopped after").await?;
        who.wait_for_text(STATE, "The environment is as it was")
            .await?;
    }
    wait_for_focused_id(page, "job-title").await?;
    assert_eq!(environment.requirements_txt(), before);
    Ok(())
}

async fn a_package_is_removed(page: &TestBrowser, environment: &TestEnvironment) -> Result<()> {
    let row = "[data-package=class-plot]";
    press(page, &format!("{row} [data-do=remove]")).await?;
    page.wait_for_text(PLAN, "Plan: remove class-plot").await?;
    // Whoever leaves the plan is back at the button.
    press(page, "[data-do=cancel]").await?;
    until("the focus on the button", async || {
        let focused = "return document.activeElement.getAttribute('aria-label')";
        let focused = page.run(focused, vec![]).await?;
        Ok((focused == "Remove class-plot").then_some(()))
    })
    .await?;
    press(page, &format!("{row} [data-do=remove]")).await?;
    press(page, "[data-do=apply]").await?;
    page.wait_for_text(STATE, "2 removed").await?;
    until("the row is gone", async || {
        Ok(page.texts(row).await?.is_empty().then_some(()))
    })
    .await?;
    assert_eq!(environment.requirements_txt(), "class-tool\n");
    assert_eq!(environment.imported_version("class_plot")?, None);
    pictures(page, "removed").await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn without_an_environment_the_page_says_how_to_have_one() -> Result<()> {
    let service = Standalone::start()?;
    let page = signed_in(&service).await?;
    page.goto(&service.url("packages")).await?;
    page.wait_for_text("[data-testid=error]", "no steward runs")
        .await?;
    page.wait_for_text("[data-testid=error]", "configure(c, steward=True)")
        .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn packages_of_an_image_are_lines_for_its_dockerfile() -> Result<()> {
    let service = Standalone::start_with(&[
        ("PIPALHUB_IMAGE_SPAWNER", "DockerSpawner"),
        ("PIPALHUB_IMAGE", "registry.example/class:11"),
    ])?;
    let page = signed_in(&service).await?;
    page.goto(&service.url("packages")).await?;
    page.wait_for_text("[data-testid=packages-place]", "registry.example/class:11")
        .await?;
    page.type_into(TEXT, "numpy pandas>=2,<3\n$x").await?;
    page.wait_for_text(TYPED, "2 packages to add; 1 cannot be used")
        .await?;
    let lines = "FROM registry.example/class:11\n\
                 RUN pip install --no-cache-dir numpy \"pandas>=2,<3\"";
    let code = "[data-testid=image-lines] pre code";
    assert_eq!(page.texts(code).await?, [lines]);
    page.wait_for_text("[data-testid=image-lines]", "c.DockerSpawner.image")
        .await?;
    for button in ["[data-testid=packages-plan]", "[data-do=apply]"] {
        ensure!(!is_shown(&page, button).await?, "{button}");
    }
    all_controls_have_names(&page).await?;
    pictures(&page, "image").await?;
    // What is copied, where a headless browser has no clipboard to ask for.
    let watch = "window.__copied = []; \
                 navigator.clipboard.writeText = async (text) => { __copied.push(text); }";
    page.run(watch, vec![]).await?;
    press(&page, "[data-do=copy]").await?;
    page.wait_for_text("[data-do=copy]", "Copied").await?;
    assert_eq!(page.run("return __copied[0]", vec![]).await?, lines);
    Ok(())
}

/// Pictures of the page in both themes and on a phone, and that nothing is wider than it.
async fn pictures(page: &TestBrowser, name: &str) -> Result<()> {
    for scheme in ["dark", "light"] {
        page.prefer_color_scheme(scheme).await?;
        page.shot(&format!("packages-{name}-{scheme}.png")).await?;
    }
    page.size(390, 844).await?;
    page.shot(&format!("packages-{name}-phone.png")).await?;
    let width = page.page_width().await?;
    page.size(1280, 900).await?;
    ensure!(width <= 390, "{name} is {width} px wide on a phone");
    Ok(())
}
