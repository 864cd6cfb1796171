//! One cell of the handout across everyone: from the wall to the answers, by keyboard alone, and a
//! notice to exactly those of one group.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{browser::TestBrowser, notebooks::save, standalone::Standalone, until};

use crate::{NOTEBOOK, accessibility::assert_no_violations, hostile::signed_in, insight::copy};

const COLUMN: &str = "[data-testid=strip] a";
const GROUPS: &str = "[data-testid=exercise-groups] button";
const ANSWERS: &str = "[data-testid=exercise-answers]";

/// The largest price, in eleven ways.
const WAYS: [(&str, &str, Option<&str>); 11] = [
    ("ana", "print(max(prices))", Some("3")),
    ("bo", "# mine\nprint( max(prices) )", Some("3")),
    ("cy", "m = max(prices)\nprint(m)", Some("3")),
    ("di", "largest = max(prices)\nprint(largest)", Some("3")),
    (
        "eva",
        "m = prices[0]\nfor p in prices:\n    if p > m:\n        m = p\nprint(m)",
        Some("3"),
    ),
    (
        "flo",
        "best = prices[0]\nfor x in prices:\n    if x > best:\n        best = x\nprint(best)",
        Some("3"),
    ),
    ("gil", "print(sorted(prices)[-1])", Some("3")),
    ("hal", "print(min(prices))", Some("1")),
    ("ida", "print(prices.max())", None),
    ("jo", "print(max(price))", None),
    ("kim", "print(price[0])", None),
];

fn run(source: &str, printed: Option<&str>) -> Value {
    let source = format!("# Exercise: the largest price\n{source}");
    let error = |name: &str, value: &str| {
        json!({"output_type": "error", "ename": name, "evalue": value,
            "traceback": [format!("{name}: {value}")]})
    };
    let output = match printed {
        Some(text) => {
            json!({"output_type": "stream", "name": "stdout", "text": format!("{text}\n")})
        }
        None if source.contains("prices.max") => {
            error("AttributeError", "'list' object has no attribute 'max'")
        }
        None => error("NameError", "name 'price' is not defined"),
    };
    json!({"source": source, "execution_count": 2, "outputs": [output]})
}

/// The names of the answers that are shown, in order.
async fn shown(page: &TestBrowser) -> Result<Vec<String>> {
    page.attributes(&format!("{ANSWERS} article"), "aria-label")
        .await
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn answers_of_everyone_are_read_by_keyboard_and_written_to() -> Result<()> {
    let service = Standalone::start()?;
    for (user, _, _) in WAYS {
        save(&service.home_path(user, NOTEBOOK), &copy(&[]))?;
    }
    save(&service.home_path("lea", NOTEBOOK), &copy(&[]))?;
    let page = signed_in(&service).await?;
    page.goto(&service.url(&format!("?notebook={NOTEBOOK}")))
        .await?;
    until("a column for each cell", async || {
        Ok((page.texts(COLUMN).await?.len() == 3).then_some(()))
    })
    .await?;
    for (user, source, printed) in WAYS {
        let cells = copy(&[json!({}), run(source, printed)]);
        save(&service.home_path(user, NOTEBOOK), &cells)?;
    }
    let column = format!("{COLUMN}[aria-label*='7 done']");
    let column = column.replace("7 done", "8 done, 3 failed");
    page.wait_for(&column).await?.click().await?;

    page.wait_for(GROUPS).await?;
    let groups = page.texts(GROUPS).await?;
    let named: Vec<String> = groups.iter().map(|it| it.replace('\n', " ")).collect();
    assert_eq!(
        named,
        [
            "2 NameError price",
            "1 AttributeError list.max",
            "7 3",
            "1 1",
            "1 Untouched"
        ]
    );
    for scheme in ["light", "dark"] {
        page.prefer_color_scheme(scheme).await?;
        page.shot(&format!("exercise-errors-{scheme}.png")).await?;
    }
    page.prefer_color_scheme("light").await?;

    // By keyboard: the third group, its answers one after the other, and the notebook of one.
    page.press_keys("3").await?;
    until("the answers that print 3", async || {
        let shown = shown(&page).await?;
        Ok((shown.len() == 4).then_some(()))
    })
    .await?;
    let names = shown(&page).await?;
    // What differs in names and comments alone is one answer, and loops are beside each other.
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(sorted, ["ana, bo", "cy, di", "eva, flo", "gil"]);
    for scheme in ["light", "dark"] {
        page.prefer_color_scheme(scheme).await?;
        page.shot(&format!("exercise-answers-{scheme}.png")).await?;
    }
    page.press_keys("d").await?;
    page.shot("exercise-source.png").await?;
    page.press_keys("d").await?;
    ensure!(page.url().await?.contains("answers=3"));
    page.press_keys("j").await?;
    page.press_keys("j").await?;
    let focused = page
        .run(
            "return document.activeElement.getAttribute('aria-label')",
            vec![],
        )
        .await?;
    assert_eq!(focused, json!(names[1]));

    // A notice to these seven and to nobody else.
    page.press_keys("w").await?;
    until("the focus in the message", async || {
        let at = "return document.activeElement.id";
        Ok((page.run(at, vec![]).await? == "exercise-message").then_some(()))
    })
    .await?;
    page.press_keys("Well done: **three** it is.").await?;
    page.shot("exercise-message.png").await?;
    page.wait_for(".exercise-message .primary")
        .await?
        .click()
        .await?;
    page.wait_for_text("[data-testid=exercise-said]", "Sent to 7 people.")
        .await?;
    let sent = "const [done] = arguments;
        fetch('api/notices/sent').then(answer => answer.json()).then(done, done);";
    let sent = page.run_until_called(sent, vec![]).await?;
    let to = &sent["notices"][0]["to"]["users"];
    let mut to: Vec<&str> = to
        .as_array()
        .with_context(|| format!("{sent}"))?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    to.sort_unstable();
    assert_eq!(to, ["ana", "bo", "cy", "di", "eva", "flo", "gil"]);

    // Without names, for a screen that everyone sees.
    page.press_keys("n").await?;
    until("no name", async || {
        let text = page.texts(ANSWERS).await?.concat();
        Ok((!text.contains("eva") && text.contains("2 people")).then_some(()))
    })
    .await?;

    // A reload shows the same; the cells beside it are a key away; Escape leads to the wall.
    let address = page.url().await?;
    page.ignore_policies().await?;
    page.goto(&address).await?;
    page.wait_for_text(ANSWERS, "2 people").await?;
    assert_no_violations(&page).await?;
    page.press_keys("[").await?;
    page.wait_for_text(".exercise-head h2", "cell 1").await?;
    page.wait_for_text(GROUPS, "Untouched").await?;
    page.press_keys("\u{e00c}").await?;
    page.wait_for("[data-testid=strip]").await?;
    let wall = page.url().await?;
    ensure!(
        wall.contains("names=0") && wall.contains(NOTEBOOK),
        "{wall}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "needs the service and a browser: cargo xtask test"]
async fn an_error_leads_to_the_cells_that_have_it() -> Result<()> {
    let service = Standalone::start()?;
    for (user, source, printed) in WAYS {
        save(&service.home_path(user, NOTEBOOK), &copy(&[]))?;
        let cells = copy(&[json!({}), run(source, printed)]);
        if printed.is_none() {
            save(&service.home_path(user, NOTEBOOK), &cells)?;
        }
    }
    let page = signed_in(&service).await?;
    page.goto(&service.url(&format!("?notebook={NOTEBOOK}")))
        .await?;
    let link = "[data-testid=error-groups] a:not(.only)";
    page.wait_for_text(link, "2 NameError price").await?;
    page.wait_for(link).await?.click().await?;
    page.wait_for_text(".exercise-head h2", "NameError price")
        .await?;
    assert_eq!(shown(&page).await?, ["jo", "kim"]);
    let text = page.texts(ANSWERS).await?.concat();
    ensure!(
        text.contains("max(price)") && text.contains("price[0]"),
        "{text}"
    );
    page.shot("exercise-one-error.png").await?;
    // Their tiles, and back.
    page.wait_for(".exercise-head > a:last-child")
        .await?
        .click()
        .await?;
    until("their tiles", async || {
        let users = page.attributes(".wall > .tile", "data-user").await?;
        Ok((users == ["jo", "kim"]).then_some(()))
    })
    .await?;
    Ok(())
}
