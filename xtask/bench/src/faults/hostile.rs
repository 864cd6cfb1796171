//! One participant's home contains files that harm others: links to other places, notebooks that
//! take long to read, outputs that take long to draw.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::{Value, json};

use tokio::{task::JoinSet, time::timeout};

use super::{FaultSetup, Verdict, evil_notebooks as evil, is_root};
use crate::drive::{
    HANG_TIMEOUT, SERVICE_TOKEN, event,
    http::HttpClient,
    poll_until,
    service::{ServicePlan, ServiceProcess},
    sse,
};

const NOTEBOOK: &str = "day1.ipynb";
/// The size of a notebook that once stopped the service.
const LARGE_BYTES: usize = 8 << 20;
/// How long a request of another participant may take meanwhile, on a busy machine.
const MAX_ANSWER_TIME: Duration = Duration::from_secs(1);
/// The memory limit: eight times the file and 32 MiB, and 96 MiB for the service itself and for the
/// queues of builds and history.
const MAX_MEMORY_KIB: u64 = (8 * 8 + 32 + 96) << 10;
/// The owners of the homes, which are no users of this machine.
const ANA_UID: u32 = 52_341;
const BOB_UID: u32 = 52_342;

fn notebook(text: &str) -> String {
    let cell = json!({"cell_type": "raw", "metadata": {}, "source": text});
    json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string()
}

/// A participant's `work` becomes a link to a folder of root, and then of another participant, and
/// a version is restored.
pub(super) async fn links(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    if !is_root() {
        return Ok(Verdict::untried("needs root"));
    }
    let plan = setup.plan()?.with_homes_below("/work");
    for (user, owner) in [("ana", ANA_UID), ("bob", BOB_UID)] {
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
    let service = ServiceProcess::start(&plan).await?;
    let client = service.client();
    let kept = async || {
        let path = format!("/api/history?user=ana&filename={NOTEBOOK}");
        let versions = client.get_json(&path).await?;
        Ok(versions["versions"][0]["version"].as_i64())
    };
    let version = poll_until("a version is kept", HANG_TIMEOUT, kept).await?;
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

/// A class of two participants, of whom mallory saves.
struct TwoParticipants {
    plan: ServicePlan,
    service: ServiceProcess,
    client: HttpClient,
}

impl TwoParticipants {
    async fn open(setup: &FaultSetup) -> anyhow::Result<Self> {
        let plan = setup.plan()?;
        for user in ["ana", "mallory"] {
            let home = plan.homes().join(user);
            fs::create_dir(&home)?;
            fs::write(home.join(NOTEBOOK), notebook(user))?;
        }
        let service = ServiceProcess::start(&plan).await?;
        let client = service.client();
        let known =
            async || Ok((sse::newest(service.address, SERVICE_TOKEN).await? >= 2).then_some(()));
        poll_until("both notebooks are known", HANG_TIMEOUT, known).await?;
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

    /// The slowest of several requests by another participant.
    async fn slowest_of_others(&self) -> anyhow::Result<Duration> {
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

/// Each kind of evil notebook, while another participant sends requests.
pub(super) async fn one_notebook(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let two = TwoParticipants::open(setup).await?;
    let mut verdict = Verdict::default();
    let (mut longest, mut slowest) = (Duration::ZERO, "");
    let kinds = evil::generators();
    let every = setup.bounded(4, 1);
    for (name, make) in kinds.iter().step_by(every) {
        two.save(&make(LARGE_BYTES))?;
        let whole = format!("/api/notebook?user=mallory&filename={NOTEBOOK}");
        let reading = two.client.clone();
        let reading = tokio::spawn(async move { reading.get(&whole).await });
        while !reading.is_finished() {
            let took = two.slowest_of_others().await?;
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
        LARGE_BYTES >> 20,
        longest.as_millis(),
    ));
    verdict.must(longest <= MAX_ANSWER_TIME, "others wait");
    let peak = two.service.usage()?.peak_kib;
    verdict.figure(format!("{} MiB at the peak", peak >> 10));
    verdict.must(peak <= MAX_MEMORY_KIB, "too much memory");
    Ok(verdict)
}

/// A page of the largest size, compressed again and again for four clients.
pub(super) async fn long_page(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let two = TwoParticipants::open(setup).await?;
    let mut verdict = Verdict::default();
    two.save(&pictures(8, 5 << 20)?)?;
    let path = format!("/api/notebook?user=mallory&filename={NOTEBOOK}");
    let whole = async || {
        let length = two.client.get(&path).await?.body.len();
        Ok((length > 30 << 20).then_some(length))
    };
    let length = poll_until("the page is as long as that", HANG_TIMEOUT, whole).await?;
    let end = Instant::now() + setup.bounded(Duration::from_secs(8), Duration::from_secs(30));
    let mut asking = JoinSet::new();
    for _ in 0..4 {
        let (client, path) = (two.client.clone(), path.clone());
        asking.spawn(async move {
            let mut count = 0;
            while Instant::now() < end {
                // A refusal is acceptable.
                let answered = timeout(HANG_TIMEOUT, client.get_compressed(&path)).await;
                count += usize::from(matches!(answered, Ok(Ok(_))));
            }
            count
        });
    }
    let mut longest = Duration::ZERO;
    while Instant::now() < end {
        longest = longest.max(two.slowest_of_others().await?);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let count: usize = asking.join_all().await.into_iter().sum();
    verdict.figure(format!(
        "a page of {} MiB, compressed {count} times: others waited {} ms at most",
        length >> 20,
        longest.as_millis()
    ));
    verdict.must(longest <= MAX_ANSWER_TIME, "others wait");
    let peak = two.service.usage()?.peak_kib;
    verdict.figure(format!("{} MiB at the peak", peak >> 10));
    verdict.must(peak <= 512 << 10, "too much memory");
    Ok(verdict)
}

/// A notebook of `count` incompressible pictures of `size` bytes each.
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

/// Small outputs that would keep a browser busy: the service sends a note in their place.
pub(super) async fn costly_outputs(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    let two = TwoParticipants::open(setup).await?;
    let mut verdict = Verdict::default();
    for (name, mime, data) in costly() {
        let output = json!({"output_type": "display_data", "metadata": {}, "data": {mime: data}});
        let cell = json!({"cell_type": "code", "metadata": {}, "execution_count": 1,
                          "source": name, "outputs": [output]});
        let file = json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4});
        two.save(file.to_string().as_bytes())?;
        for what in ["tile", "notebook"] {
            let path = format!("/api/{what}?user=mallory&filename={NOTEBOOK}");
            let shown = async || {
                let tile = two.client.get_json(&path).await?;
                Ok(tile.to_string().contains(name).then_some(tile))
            };
            let shown: Value = poll_until("it is read", HANG_TIMEOUT, shown).await?;
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
