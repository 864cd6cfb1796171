//! A class at work behind a network that misbehaves at random, with pages of every role open all
//! the time: once the network is quiet, each page shows exactly the state of the disk.
//!
//! A round is a minute of the class: participants save, make and delete notebooks, notices are
//! sent and retracted, while requests are held, dropped, delayed and answered by errors. Then the
//! network is well again. `PIPALHUB_ROUNDS` sets the number of rounds, `PIPALHUB_SEED` the seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    browser::TestBrowser,
    hub::{HELPER, Hub, INSTRUCTOR, PASSWORD},
    notebooks::{notebook, save},
    proxy::{Mode, Proxy},
    until,
};

use crate::NOTEBOOK;

const PARTICIPANTS: [&str; 6] = ["ana", "bo", "cy", "di", "eva", "fay"];
/// Notebooks that some participants make and delete.
const OTHER_NOTEBOOKS: [&str; 3] = ["other.ipynb", "module1/more.ipynb", "work.ipynb"];
/// Parts of the addresses of the pages' requests.
const REQUEST_PARTS: [&str; 9] = [
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
/// The time that the network misbehaves in a round.
const FAULT_DURATION: Duration = Duration::from_millis(700);
/// Most requests of a page in a round.
const MAX_REQUESTS: usize = 60;

/// A script that returns the state that a page shows, by words that are unique.
const SHOWN_STATE_SCRIPT: &str = r"
const words = (element) => element ? element.textContent.match(/w\d+w/g) || [] : [];
const tiles = {};
for (const tile of document.querySelectorAll('[data-testid=tile]')) {
  tiles[tile.dataset.user] = words(tile);
}
const picked = document.querySelector('[data-testid=notebook-picker]');
const listed = [...document.querySelectorAll('#notebooks a')].map((link) => link.dataset.notebook);
const pill = document.querySelector('[data-testid=live-pill]');
return {
  pill: pill && pill.dataset.state,
  tiles,
  notebooks: [...new Set([...listed, picked && picked.textContent.replace(/ \(\d+\)$/, '')])].sort(),
  page: words(document.querySelector('[data-testid=notebook-page], [data-testid=follow-page]')),
  notices: [...document.querySelectorAll('#notices article')]
    .flatMap((note) => note.textContent.match(/n\d+n/g) || []),
}";

/// The state of the class, which the pages have to show.
#[derive(Default)]
struct ClassState {
    /// The last saved word, by notebook and participant.
    saved: BTreeMap<(&'static str, &'static str), String>,
    /// The notices with their ids, the newest first.
    notices: Vec<(i64, String)>,
    words: usize,
}

/// Pseudo-random choices, the same for the same seed.
struct RandomChoices(u64);

impl RandomChoices {
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

/// A page that stays open, in a browser of its own.
struct OpenPage {
    name: &'static str,
    browser: TestBrowser,
    /// A proxy for this page alone, so that its requests can be counted.
    proxy: Proxy,
    expected: fn(&ClassState) -> Value,
}

impl OpenPage {
    async fn open(
        hub: &Hub,
        name: &'static str,
        user: &str,
        path: &str,
        expected: fn(&ClassState) -> Value,
    ) -> Result<Self> {
        let browser = TestBrowser::start().await?;
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

    /// Waits until the page shows this state, and says that it is up to date.
    async fn wait_until_shows(&self, state: &ClassState) -> Result<()> {
        let expected = (self.expected)(state);
        let mut seen = Value::Null;
        let right = until(self.name, async || {
            seen = self.browser.run(SHOWN_STATE_SCRIPT, vec![]).await?;
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

impl ClassState {
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

    /// The words of a notebook.
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
        // The chosen notebook is named even when no participant has it.
        theirs
            .map(|(filename, _)| *filename)
            .chain([NOTEBOOK])
            .collect()
    }

    fn standing(&self) -> Vec<&String> {
        self.notices.iter().map(|(_, text)| text).collect()
    }
}

fn wall_of_all(state: &ClassState) -> Value {
    json!({"tiles": state.tiles(|_| true), "notebooks": state.notebooks(|_| true)})
}

fn wall_of_ana(state: &ClassState) -> Value {
    json!({
        "tiles": state.tiles(|user| user == "ana"),
        "notebooks": state.notebooks(|user| user == "ana"),
        "notices": state.standing(),
    })
}

fn page_of_bo(state: &ClassState) -> Value {
    json!({"page": state.of(NOTEBOOK, "bo")})
}

fn followed(state: &ClassState) -> Value {
    json!({"page": state.of(NOTEBOOK, INSTRUCTOR), "notices": state.standing()})
}

#[tokio::test]
#[ignore = "needs a Hub and browsers: cargo xtask test"]
async fn every_page_shows_the_disk_once_the_network_is_quiet() -> Result<()> {
    let rounds = number("PIPALHUB_ROUNDS").map_or(60, |rounds| rounds as usize);
    let mut choices = RandomChoices(number("PIPALHUB_SEED").unwrap_or(20_261_129));
    let hub = Hub::start("PIPALHUB_VENV").await?;
    let mut state = ClassState::default();
    for user in PARTICIPANTS.into_iter().chain([INSTRUCTOR]) {
        state.save(&hub, NOTEBOOK, user)?;
    }
    // The Hub has to know a user before it gives out a token of theirs.
    let of_all = format!("?notebook={NOTEBOOK}");
    let of_bo = format!("notebook?notebook={NOTEBOOK}&user=bo");
    let wall = OpenPage::open(&hub, "the Wall", INSTRUCTOR, &of_all, wall_of_all).await?;
    let token = hub.token_of(INSTRUCTOR).await?;
    let follow = hub.with_token(&token, Method::PUT, "api/sharing/followed");
    let answer = follow.json(&json!({"filename": NOTEBOOK})).send().await?;
    ensure!(answer.status().is_success(), "{}", answer.text().await?);
    let pages = [
        wall,
        OpenPage::open(&hub, "a helper's page of bo", HELPER, &of_bo, page_of_bo).await?,
        OpenPage::open(&hub, "ana's own", "ana", &of_all, wall_of_ana).await?,
        OpenPage::open(&hub, "the page to follow", "cy", "follow", followed).await?,
    ];
    let mut compared = 0;
    for round in 0..=rounds {
        for page in &pages {
            let right = page.wait_until_shows(&state).await;
            right.with_context(|| format!("round {round}"))?;
            compared += 1;
            let asked = page.proxy.requests("");
            let most = 40 + MAX_REQUESTS * round;
            ensure!(asked <= most, "{}: {asked} requests", page.name);
        }
        if round == rounds {
            break;
        }
        for page in &pages {
            for part in REQUEST_PARTS {
                page.proxy.only(part, choices.mode());
            }
            if choices.below(2) == 0 {
                page.proxy.cut("events/stream");
            }
        }
        a_minute(&hub, &token, &mut state, &mut choices).await?;
        tokio::time::sleep(FAULT_DURATION).await;
        for page in &pages {
            page.proxy.all(Mode::Pass);
            // Fires the event of a browser.
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

/// The number in an environment variable.
fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// A minute of random saves, deletions and notices.
async fn a_minute(
    hub: &Hub,
    token: &str,
    state: &mut ClassState,
    choices: &mut RandomChoices,
) -> Result<()> {
    for _ in 0..8 {
        let user = choices.one_of(&PARTICIPANTS);
        match choices.below(10) {
            0 => state.delete(hub, NOTEBOOK, user)?,
            1 => state.delete(hub, choices.one_of(&OTHER_NOTEBOOKS), user)?,
            2 | 3 => state.save(hub, choices.one_of(&OTHER_NOTEBOOKS), user)?,
            4 => state.save(hub, NOTEBOOK, INSTRUCTOR)?,
            _ => state.save(hub, NOTEBOOK, user)?,
        }
        tokio::time::sleep(Duration::from_millis(choices.below(80) as u64)).await;
    }
    match choices.below(3) {
        0 => {
            let text = state.word().replace('w', "n");
            let notice = hub.with_token(token, Method::POST, "api/notices");
            let notice = notice.json(&json!({"text": text, "to": {"everyone": true}}));
            let told: Value = notice.send().await?.error_for_status()?.json().await?;
            let id = told["id"].as_i64().context("its number")?;
            state.notices.insert(0, (id, text));
        }
        1 if !state.notices.is_empty() => {
            let (id, _) = state.notices.remove(choices.below(state.notices.len()));
            let path = format!("api/notices/{id}");
            let gone = hub.with_token(token, Method::DELETE, &path).send().await?;
            gone.error_for_status()?;
        }
        _ => {}
    }
    Ok(())
}
