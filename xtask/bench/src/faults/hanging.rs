//! A participant's disk does not answer, like a network disk that is away.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    FaultSetup, Verdict, is_there,
    notebooks::{CLASS_SIZE, TestClass, first_text, notebook, shows, user},
    strace::Injection,
};
use crate::{
    drive::{HANG_TIMEOUT, poll_until},
    samples::Percentiles,
};

/// Delays reads for longer than the row takes; the delay ends with the injection.
const HANGING_READS: &str = "read:delay_enter=120000000";
/// How soon another participant's save must be seen, under strace.
const MAX_SEEN_MS: f64 = 2_000.0;

/// A notebook of 5 MiB.
fn large(text: &str) -> String {
    let mut file = notebook(text);
    file.insert_str(1, &format!("\"pad\": \"{}\", ", "x".repeat(5 << 20)));
    file
}

/// The other participants' saves are seen as usual, and the hanging notebook is shown as it was.
pub(super) async fn run(setup: &FaultSetup) -> anyhow::Result<Verdict> {
    if !is_there("strace") {
        return Ok(Verdict::untried("needs strace"));
    }
    let class = TestClass::open(setup).await?;
    let mut verdict = Verdict::default();
    let hanging = Injection::on(class.service.pid()?, HANGING_READS, &class.file(0)).await?;
    fs::write(class.file(0), large("after the disk came back"))?;
    let shown = poll_until(
        "a tile says that it is not read",
        HANG_TIMEOUT,
        async || {
            let tile = class.tile(0).await?;
            Ok(tile["problem"].is_string().then_some(tile))
        },
    )
    .await?;
    verdict.figure(format!("it says {}", shown["problem"]));
    verdict.must(
        shows(&shown, &first_text(0)),
        "what was there before is gone",
    );

    let mut samples = Vec::new();
    for n in 1..CLASS_SIZE {
        let text = format!("while it hangs, {}", user(n));
        // Large notebooks take turns, but not with the hanging one.
        let file = if n == 1 {
            large(&text)
        } else {
            notebook(&text)
        };
        fs::write(class.file(n), file)?;
        let saved = Instant::now();
        poll_until("another's save is seen", HANG_TIMEOUT, async || {
            Ok(shows(&class.tile(n).await?, &text).then_some(()))
        })
        .await?;
        samples.push(saved.elapsed().as_secs_f64() * 1e3);
    }
    if let Some(percentiles) = Percentiles::of(&samples) {
        verdict.figure(format!("others' saves are seen after {percentiles}"));
        verdict.must(percentiles.most <= MAX_SEEN_MS, "others wait");
    }
    let begun = Instant::now();
    let wall = class.wall().await?;
    let shown = wall.iter().filter(|tile| !tile.is_null()).count();
    verdict.must(shown == CLASS_SIZE, "the wall lacks somebody");
    let notebooks = class.client.get("/api/notebooks").await?;
    let health = class.client.get("/healthz").await?;
    verdict.must(
        (notebooks.status, health.status) == (200, 200),
        "the service does not answer",
    );
    let took = begun.elapsed();
    verdict.figure(format!("wall, list and health in {} ms", took.as_millis()));
    verdict.must(took < Duration::from_secs(5), "the wall waits");

    hanging.end().await?;
    let back = async || {
        let tile = class.tile(0).await?;
        let is_well = tile["problem"] == Value::Null;
        Ok((shows(&tile, "after the disk came back") && is_well).then_some(()))
    };
    poll_until("it is read when the disk answers", HANG_TIMEOUT, back).await?;
    Ok(verdict)
}
