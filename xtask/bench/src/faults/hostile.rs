//! What one participant puts into their home to harm others: links that lead elsewhere,
//! notebooks that take long to read, outputs that take long to draw.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::{Value, json};

use tokio::{task::JoinSet, time::timeout};

use super::{Lab, Verdict, is_root, notebooks_of_evil as evil};
use crate::drive::{
    LONG, TOKEN, event,
    http::Client,
    service::{Plan, Service},
    sse, until,
};

const NOTEBOOK: &str = "day1.ipynb";
/// As large as what stopped the service once.
const LARGE: usize = 8 << 20;
/// What anybody else's request may take meanwhile, on a machine that is busy with it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
/// Beside eight times the file and 32 MiB: what the service has anyway, and what waits to be
/// built and recorded.
const MEMORY_KIB: u64 = (8 * 8 + 32 + 96) << 10;
/// Who own the homes here; nobody on this machine.
const ANA: u32 = 52_341;
const BOB: u32 = 52_342;

fn notebook(text: &str) -> String {
    let cell = json!({"cell_type": "raw", "metadata": {}, "source": text});
    json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string()
}

/// A participant's `work` becomes a link to a folder of root's and to another's, and versions
/// are restored.
pub(super) async fn links(lab: &Lab) -> anyhow::Result<Verdict> {
    if !is_root() {
        return Ok(Verdict::untried("needs root"));
    }
    let plan = lab.plan()?.with_homes_below("/work");
    for (user, owner) in [("ana", ANA), ("bob", BOB)] {
        let work = plan.homes().join(user).join("work");
        fs::create_dir_all(&work)?;
        fs::write(work.join(NOTEBOOK), notebook(user))?;
        for path in [plan.homes().join(user), work.clone(), work.join(NOTEBOOK)] {
            chown(path, Some(owner), Some(owner))?;
        }
    }
    let secret = plan.folder.join("secret");
    fs::create_dir(&secret)?;
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o700))?;
    let service = Service::start(&plan).await?;
    let client = service.client();
    let kept = async || {
        let path = format!("/api/history?user=ana&filename={NOTEBOOK}");
        let versions = client.get_json(&path).await?;
        Ok(versions["versions"][0]["version"].as_i64())
    };
    let version = until("a version is kept", LONG, kept).await?;
    let restore = json!({"user": "ana", "filename": NOTEBOOK, "version": version}).to_string();
    let mut verdict = Verdict::default();
    let well = client.post("/api/history/restore", &restore).await?;
    verdict.must(
        well.status == 201,
        format!("a plain restore got {}", well.status),
    );

    let work = plan.homes().join("ana/work");
    fs::rename(&work, plan.homes().join("ana/before"))?;
    let bobs = plan.homes().join("bob/work");
    for (name, target) in [("root's folder", &secret), ("another's home", &bobs)] {
        symlink(target, &work)?;
        let before = names(target);
        let refused = client.post("/api/history/restore", &restore).await?;
        verdict.figure(format!(
            "a link to {name}: {} {}",
            refused.status, refused.body
        ));
        let is_clear = (400..500).contains(&refused.status);
        verdict.must(is_clear, format!("{name}: {}", refused.status));
        verdict.must(
            names(target) == before,
            format!("something was written into {name}"),
        );
        let tile = format!("/api/tile?user=ana&filename={NOTEBOOK}");
        let tile = client.get(&tile).await?.body;
        verdict.must(
            !tile.contains("bob\""),
            "another's notebook is shown as one's own",
        );
        fs::remove_file(&work)?;
    }
    Ok(verdict)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A class of two, of whom mallory saves.
struct Pair {
    plan: Plan,
    service: Service,
    client: Client,
}

impl Pair {
    async fn open(lab: &Lab) -> anyhow::Result<Self> {
        let plan = lab.plan()?;
        for user in ["ana", "mallory"] {
            let home = plan.homes().join(user);
            fs::create_dir(&home)?;
            fs::write(home.join(NOTEBOOK), notebook(user))?;
        }
        let service = Service::start(&plan).await?;
        let client = service.client();
        let known = async || Ok((sse::newest(service.address, TOKEN).await? >= 2).then_some(()));
        until("both notebooks are known", LONG, known).await?;
        Ok(Self {
            plan,
            service,
            client,
        })
    }

    fn save(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let file = self.plan.homes().join("mallory").join(NOTEBOOK);
        let part = file.with_extension("part");
        fs::write(&part, bytes)?;
        Ok(fs::rename(part, file)?)
    }

    /// The longest of what somebody else asks for.
    async fn ask_for_others(&self) -> anyhow::Result<Duration> {
        let mut longest = Duration::ZERO;
        let tile = format!("/api/tile?user=ana&filename={NOTEBOOK}");
        for path in ["/healthz", "/api/notebooks", &tile] {
            let begun = Instant::now();
            let reply = self.client.get(path).await?;
            anyhow::ensure!(reply.status == 200, "{path} got {}", reply.status);
            longest = longest.max(begun.elapsed());
        }
        let path = self.plan.homes().join("ana").join(NOTEBOOK);
        let body = event::save("ana", NOTEBOOK, &path.display().to_string(), None);
        let begun = Instant::now();
        let reply = self.client.post("/events", &body).await?;
        anyhow::ensure!(reply.status == 201, "an event got {}", reply.status);
        Ok(longest.max(begun.elapsed()))
    }
}

/// Each kind of notebook that takes more than its size explains, with everyone asking.
pub(super) async fn one_notebook(lab: &Lab) -> anyhow::Result<Verdict> {
    let pair = Pair::open(lab).await?;
    let mut verdict = Verdict::default();
    let (mut longest, mut slowest) = (Duration::ZERO, "");
    let kinds = evil::generators();
    let every = lab.bounded(4, 1);
    for (name, make) in kinds.iter().step_by(every) {
        pair.save(&make(LARGE))?;
        let whole = format!("/api/notebook?user=mallory&filename={NOTEBOOK}");
        let reading = pair.client.clone();
        let reading = tokio::spawn(async move { reading.get(&whole).await });
        while !reading.is_finished() {
            let took = pair.ask_for_others().await?;
            if took > longest {
                (longest, slowest) = (took, name);
            }
        }
        reading
            .await?
            .with_context(|| format!("{name}: no answer"))?;
    }
    verdict.figure(format!(
        "{} kinds of {} MiB: others waited {} ms at most ({slowest})",
        kinds.len().div_ceil(every),
        LARGE >> 20,
        longest.as_millis(),
    ));
    verdict.must(longest <= ANSWERED_WITHIN, "others wait");
    let peak = pair.service.usage()?.peak_kib;
    verdict.figure(format!("{} MiB at the peak", peak >> 10));
    verdict.must(peak <= MEMORY_KIB, "too much memory");
    Ok(verdict)
}

/// A page that is as long as one may be, compressed for four who ask again and again.
pub(super) async fn long_page(lab: &Lab) -> anyhow::Result<Verdict> {
    let pair = Pair::open(lab).await?;
    let mut verdict = Verdict::default();
    pair.save(&pictures(8, 5 << 20)?)?;
    let path = format!("/api/notebook?user=mallory&filename={NOTEBOOK}");
    let whole = async || {
        let length = pair.client.get(&path).await?.body.len();
        Ok((length > 30 << 20).then_some(length))
    };
    let length = until("the page is as long as that", LONG, whole).await?;
    let end = Instant::now() + lab.bounded(Duration::from_secs(8), Duration::from_secs(30));
    let mut asking = JoinSet::new();
    for _ in 0..4 {
        let (client, path) = (pair.client.clone(), path.clone());
        asking.spawn(async move {
            let mut count = 0;
            while Instant::now() < end {
                // A refusal is as good as an answer.
                let answered = timeout(LONG, client.get_compressed(&path)).await;
                count += usize::from(matches!(answered, Ok(Ok(_))));
            }
            count
        });
    }
    let mut longest = Duration::ZERO;
    while Instant::now() < end {
        longest = longest.max(pair.ask_for_others().await?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let count: usize = asking.join_all().await.into_iter().sum();
    verdict.figure(format!(
        "a page of {} MiB, compressed {count} times: others waited {} ms at most",
        length >> 20,
        longest.as_millis()
    ));
    verdict.must(longest <= ANSWERED_WITHIN, "others wait");
    let peak = pair.service.usage()?.peak_kib;
    verdict.figure(format!("{} MiB at the peak", peak >> 10));
    verdict.must(peak <= 512 << 10, "too much memory");
    Ok(verdict)
}

/// A notebook of so many pictures of so many bytes, of which nothing can be compressed.
pub(super) fn pictures(count: usize, size: usize) -> anyhow::Result<Vec<u8>> {
    const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAASwAAADICAYAAAAAAAAA";
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut digit = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(DIGITS[(state % 64) as usize])
    };
    let cells = (0..count).map(|_| {
        let noise: String = (0..size / 4 * 4).map(|_| digit()).collect();
        let data = json!({"image/png": format!("{PNG}{noise}")});
        let output = json!({"output_type": "display_data", "metadata": {}, "data": data});
        json!({"cell_type": "code", "metadata": {}, "execution_count": 1, "source": "noise",
               "outputs": [output]})
    });
    let cells: Vec<Value> = cells.collect();
    let file = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4});
    Ok(serde_json::to_vec(&file)?)
}

/// Small outputs that would keep a browser busy: what is sent in their place is a note.
pub(super) async fn costly_outputs(lab: &Lab) -> anyhow::Result<Verdict> {
    let pair = Pair::open(lab).await?;
    let mut verdict = Verdict::default();
    for (name, mime, data) in costly() {
        let output = json!({"output_type": "display_data", "metadata": {}, "data": {mime: data}});
        let cell = json!({"cell_type": "code", "metadata": {}, "execution_count": 1,
                          "source": name, "outputs": [output]});
        let file = json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4});
        pair.save(file.to_string().as_bytes())?;
        for what in ["tile", "notebook"] {
            let path = format!("/api/{what}?user=mallory&filename={NOTEBOOK}");
            let shown = async || {
                let tile = pair.client.get_json(&path).await?;
                Ok(tile.to_string().contains(name).then_some(tile))
            };
            let shown: Value = until("it is read", LONG, shown).await?;
            let size = shown.to_string().len();
            let text = shown.to_string();
            let is_noted = text.contains("to draw") || text.contains("are shown");
            verdict.must(
                is_noted && size < 20_000,
                format!("{what} of {name}: {size} bytes"),
            );
        }
    }
    verdict.figure(format!(
        "{} kinds: a note in the tile and on the page",
        costly().len()
    ));
    Ok(verdict)
}

fn costly() -> Vec<(&'static str, &'static str, String)> {
    let mut uses =
        "<svg xmlns='http://www.w3.org/2000/svg'><g id='a0'><path d='M0 0h9'/></g>".to_owned();
    for level in 1..8 {
        let one = format!("<use href='#a{}'/>", level - 1);
        uses += &format!("<g id='a{level}'>{}</g>", one.repeat(10));
    }
    let spans = "<tr><td colspan=1000 rowspan=1000>x".repeat(3_000);
    vec![
        ("nested references", "image/svg+xml", uses + "</svg>"),
        (
            "spanned cells",
            "text/html",
            format!("<table>{spans}</table>"),
        ),
        (
            "a million elements",
            "text/html",
            "<b>x</b>".repeat(1_000_000),
        ),
    ]
}
