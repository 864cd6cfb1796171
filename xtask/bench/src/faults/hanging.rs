//! A participant's own disk does not answer, as a network disk does that is away.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Lab, Verdict, is_there,
    notebooks::{CLASS, Room, first, notebook, shows, user},
    strace::Injection,
};
use crate::{
    drive::{LONG, until},
    samples::Percentiles,
};

/// Longer than the row takes: it ends with the injection.
const HANGS: &str = "read:delay_enter=120000000";
/// Until another's save is seen, under strace.
const SEEN_WITHIN_MS: f64 = 2_000.0;

/// A notebook of 5 MiB.
fn large(text: &str) -> String {
    let mut file = notebook(text);
    file.insert_str(1, &format!("\"pad\": \"{}\", ", "x".repeat(5 << 20)));
    file
}

/// Everybody else is seen as ever, and what hangs is shown as it was.
pub(super) async fn run(lab: &Lab) -> anyhow::Result<Verdict> {
    if !is_there("strace") {
        return Ok(Verdict::untried("needs strace"));
    }
    let room = Room::open(lab).await?;
    let mut verdict = Verdict::default();
    let hanging = Injection::on(room.service.pid()?, HANGS, &room.file(0)).await?;
    fs::write(room.file(0), large("after the disk came back"))?;
    let shown = until("a tile says that it is not read", LONG, async || {
        let tile = room.tile(0).await?;
        Ok(tile["problem"].is_string().then_some(tile))
    })
    .await?;
    verdict.figure(format!("it says {}", shown["problem"]));
    verdict.must(shows(&shown, &first(0)), "what was there before is gone");

    let mut samples = Vec::new();
    for n in 1..CLASS {
        let text = format!("while it hangs, {}", user(n));
        // Large ones have to take turns, but not with what hangs.
        let file = if n == 1 {
            large(&text)
        } else {
            notebook(&text)
        };
        fs::write(room.file(n), file)?;
        let saved = Instant::now();
        until("another's save is seen", LONG, async || {
            Ok(shows(&room.tile(n).await?, &text).then_some(()))
        })
        .await?;
        samples.push(saved.elapsed().as_secs_f64() * 1e3);
    }
    if let Some(percentiles) = Percentiles::of(&samples) {
        verdict.figure(format!("others' saves are seen after {percentiles}"));
        verdict.must(percentiles.most <= SEEN_WITHIN_MS, "others wait");
    }
    let begun = Instant::now();
    let wall = room.wall().await?;
    let shown = wall.iter().filter(|tile| !tile.is_null()).count();
    verdict.must(shown == CLASS, "the wall lacks somebody");
    let notebooks = room.client.get("/api/notebooks").await?;
    let health = room.client.get("/healthz").await?;
    verdict.must(
        (notebooks.status, health.status) == (200, 200),
        "the service does not answer",
    );
    let took = begun.elapsed();
    verdict.figure(format!("wall, list and health in {} ms", took.as_millis()));
    verdict.must(took < Duration::from_secs(5), "the wall waits");

    hanging.end().await?;
    let back = async || {
        let tile = room.tile(0).await?;
        let is_well = tile["problem"] == Value::Null;
        Ok((shows(&tile, "after the disk came back") && is_well).then_some(()))
    };
    until("it is read when the disk answers", LONG, back).await?;
    Ok(verdict)
}
