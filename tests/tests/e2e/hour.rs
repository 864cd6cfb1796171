//! A class at work behind a network that misbehaves at random, with pages of every role open
//! all the time: whenever it is quiet, each shows exactly what is on the disk.
//!
//! A round is a minute of the class: people save, make and delete notebooks, notices come and
//! are taken back, while requests are held, dropped, delayed and answered by errors. Then the
//! network is well again. `PIPALHUB_ROUNDS` makes it another length, `PIPALHUB_SEED` another
//! hour.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    browser::Browser,
    hub::{HELPER, Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    proxy::{Mode, Proxy},
    until,
};

use crate::NOTEBOOK;

const CLASS: [&str; 6] = ["ana", "bo", "cy", "di", "eva", "fay"];
/// Notebooks that come and go beside the one that everyone has.
const OTHERS: [&str; 3] = ["other.ipynb", "module1/more.ipynb", "work.ipynb"];
/// What the pages ask for, by what its addresses have in them.
const PARTS: [&str; 9] = [
    "api/wall",
    "api/tile",
    "api/notebooks",
    "api/notebook?",
    "api/notices",
    "api/followed",
    "api/sharing",
    "api/session",
    "events/stream",
];
/// How long the network misbehaves in a round.
const TROUBLE: Duration = Duration::from_millis(700);
/// Requests of a page in a round, at most.
const REQUESTS: usize = 60;

/// What a page shows, as far as it can be told by words that are nowhere else.
const SHOWN: &str = r"
const words = (element) => element ? element.textContent.match(/w\d+w/g) || [] : [];
const tiles = {};
for (const tile of document.querySelectorAll('[data-testid=tile]')) {
  tiles[tile.dataset.user] = words(tile);
}
const pill = document.querySelector('[data-testid=live-pill]');
return {
  pill: pill && pill.dataset.state,
  tiles,
  notebooks: [...document.querySelectorAll('[data-testid=notebook-select] option')]
    .map((option) => option.value).sort(),
  page: words(document.querySelector('[data-testid=notebook-page], [data-testid=follow-page]')),
  notices: [...document.querySelectorAll('#notices article')]
    .flatMap((note) => note.textContent.match(/n\d+n/g) || []),
}";

/// What there is.
#[derive(Default)]
struct Truth {
    /// By notebook and participant, the words that were saved last.
    saved: BTreeMap<(&'static str, &'static str), String>,
    /// The newest first.
    notices: Vec<(i64, String)>,
    words: usize,
}

/// Numbers that look like chance, and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).unwrap_or(0)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn mode(&mut self) -> Mode {
        let pause = Duration::from_millis(50 + self.below(600) as u64);
        self.one_of(&[
            Mode::Pass,
            Mode::Pass,
            Mode::Hold,
            Mode::HoldAnswer,
            Mode::Drop,
            Mode::Delay(pause),
            Mode::Status(502),
            Mode::Status(503),
        ])
    }
}

/// A page that stays open.
struct Page {
    name: &'static str,
    browser: Browser,
    /// Before it, and before nothing else, so that its requests can be counted.
    proxy: Proxy,
    expected: fn(&Truth) -> Value,
}

impl Page {
    async fn open(
        hub: &Hub,
        name: &'static str,
        user: &str,
        path: &str,
        expected: fn(&Truth) -> Value,
    ) -> Result<Self> {
        let browser = Browser::start().await?;
        browser.goto(&hub.service("")).await?;
        browser.sign_in(user, PASSWORD).await?;
        browser.wait_for(".top-bar").await?;
        let address = hub.service(path);
        let proxy = Proxy::before(&address)?;
        browser.goto(&proxy.instead_of(&address)?).await?;
        Ok(Self {
            name,
            browser,
            proxy,
            expected,
        })
    }

    /// Waits until it shows what there is, and says that it is up to date.
    async fn is_right(&self, truth: &Truth) -> Result<()> {
        let expected = (self.expected)(truth);
        let mut seen = Value::Null;
        let right = until(self.name, async || {
            seen = self.browser.run(SHOWN, vec![]).await?;
            let parts = expected.as_object().context("parts of a page")?;
            let fits = parts.iter().all(|(part, value)| seen[part] == *value);
            Ok((fits && seen["pill"] == "live").then_some(()))
        });
        right.await.with_context(|| {
            let asked = self.proxy.targets();
            let last = &asked[asked.len().saturating_sub(15)..];
            format!("it should show {expected:#}\nand shows {seen:#}\nlast asked: {last:#?}")
        })
    }
}

impl Truth {
    fn word(&mut self) -> String {
        self.words += 1;
        format!("w{}w", self.words)
    }

    fn save(&mut self, hub: &Hub, filename: &'static str, user: &'static str) -> Result<()> {
        let word = self.word();
        save(&hub.home_path(user, filename), &notebook(&[&word]))?;
        self.saved.insert((filename, user), word);
        Ok(())
    }

    fn delete(&mut self, hub: &Hub, filename: &'static str, user: &'static str) -> Result<()> {
        if self.saved.remove(&(filename, user)).is_some() {
            fs::remove_file(hub.home_path(user, filename))?;
        }
        Ok(())
    }

    /// The words of a notebook, as a page finds them.
    fn of(&self, filename: &'static str, user: &'static str) -> Vec<&String> {
        self.saved.get(&(filename, user)).into_iter().collect()
    }

    fn tiles(&self, of: impl Fn(&str) -> bool) -> BTreeMap<&'static str, Vec<&String>> {
        let all = self.saved.iter();
        all.filter(|((filename, user), _)| *filename == NOTEBOOK && of(user))
            .map(|((_, user), word)| (*user, vec![word]))
            .collect()
    }

    fn notebooks(&self, of: impl Fn(&str) -> bool) -> BTreeSet<&'static str> {
        let all = self.saved.keys();
        let theirs = all.filter(|(_, user)| of(user));
        // The one that is chosen is among the choices, whoever has it.
        theirs
            .map(|(filename, _)| *filename)
            .chain([NOTEBOOK])
            .collect()
    }

    fn standing(&self) -> Vec<&String> {
        self.notices.iter().map(|(_, text)| text).collect()
    }
}

fn wall_of_all(truth: &Truth) -> Value {
    json!({"tiles": truth.tiles(|_| true), "notebooks": truth.notebooks(|_| true)})
}

fn wall_of_ana(truth: &Truth) -> Value {
    json!({
        "tiles": truth.tiles(|user| user == "ana"),
        "notebooks": truth.notebooks(|user| user == "ana"),
        "notices": truth.standing(),
    })
}

fn page_of_bo(truth: &Truth) -> Value {
    json!({"page": truth.of(NOTEBOOK, "bo")})
}

fn followed(truth: &Truth) -> Value {
    json!({"page": truth.of(NOTEBOOK, INSTRUCTOR), "notices": truth.standing()})
}

#[tokio::test]
#[ignore = "needs a Hub and browsers: cargo xtask test"]
async fn whenever_it_is_quiet_every_page_shows_what_is_on_the_disk() -> Result<()> {
    let rounds = number("PIPALHUB_ROUNDS").map_or(60, |rounds| rounds as usize);
    let mut dice = Dice(number("PIPALHUB_SEED").unwrap_or(20_261_129));
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let mut truth = Truth::default();
    for user in CLASS.into_iter().chain([INSTRUCTOR]) {
        truth.save(&hub, NOTEBOOK, user)?;
    }
    // The Hub must have seen somebody before they have a token.
    let of_all = format!("?notebook={NOTEBOOK}");
    let of_bo = format!("notebook?notebook={NOTEBOOK}&user=bo");
    let wall = Page::open(&hub, "the Wall", INSTRUCTOR, &of_all, wall_of_all).await?;
    let token = hub.token_of(INSTRUCTOR).await?;
    let follow = hub.with_token(&token, Method::PUT, "api/sharing/followed");
    let answer = follow.json(&json!({"filename": NOTEBOOK})).send().await?;
    ensure!(answer.status().is_success(), "{}", answer.text().await?);
    let pages = [
        wall,
        Page::open(&hub, "a helper's page of bo", HELPER, &of_bo, page_of_bo).await?,
        Page::open(&hub, "ana's own", "ana", &of_all, wall_of_ana).await?,
        Page::open(&hub, "the page to follow", "cy", "follow", followed).await?,
    ];
    let mut compared = 0;
    for round in 0..=rounds {
        for page in &pages {
            let right = page.is_right(&truth).await;
            right.with_context(|| format!("round {round}"))?;
            compared += 1;
            let asked = page.proxy.requests("");
            let most = 40 + REQUESTS * round;
            ensure!(asked <= most, "{}: {asked} requests", page.name);
        }
        if round == rounds {
            break;
        }
        for page in &pages {
            for part in PARTS {
                page.proxy.only(part, dice.mode());
            }
            if dice.below(2) == 0 {
                page.proxy.cut("events/stream");
            }
        }
        a_minute(&hub, &token, &mut truth, &mut dice).await?;
        tokio::time::sleep(TROUBLE).await;
        for page in &pages {
            page.proxy.all(Mode::Pass);
            // As a browser says it.
            let online = "window.dispatchEvent(new Event('online'))";
            page.browser.run(online, vec![]).await?;
        }
    }
    println!("{rounds} rounds, {compared} pages compared");
    for page in &pages {
        println!("{}: {} requests", page.name, page.proxy.requests(""));
    }
    Ok(())
}

/// What a variable of the environment says.
fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// What people do.
async fn a_minute(hub: &Hub, token: &str, truth: &mut Truth, dice: &mut Dice) -> Result<()> {
    for _ in 0..8 {
        let user = dice.one_of(&CLASS);
        match dice.below(10) {
            0 => truth.delete(hub, NOTEBOOK, user)?,
            1 => truth.delete(hub, dice.one_of(&OTHERS), user)?,
            2 | 3 => truth.save(hub, dice.one_of(&OTHERS), user)?,
            4 => truth.save(hub, NOTEBOOK, INSTRUCTOR)?,
            _ => truth.save(hub, NOTEBOOK, user)?,
        }
        tokio::time::sleep(Duration::from_millis(dice.below(80) as u64)).await;
    }
    match dice.below(3) {
        0 => {
            let text = truth.word().replace('w', "n");
            let notice = hub.with_token(token, Method::POST, "api/notices");
            let notice = notice.json(&json!({"text": text, "to": {"everyone": true}}));
            let told: Value = notice.send().await?.error_for_status()?.json().await?;
            let id = told["id"].as_i64().context("its number")?;
            truth.notices.insert(0, (id, text));
        }
        1 if !truth.notices.is_empty() => {
            let (id, _) = truth.notices.remove(dice.below(truth.notices.len()));
            let path = format!("api/notices/{id}");
            let gone = hub.with_token(token, Method::DELETE, &path).send().await?;
            gone.error_for_status()?;
        }
        _ => {}
    }
    Ok(())
}
