//! Notebooks that go while nobody watches.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{
    Lab, Verdict,
    notebooks::{CLASS, NOTEBOOK, Room, user},
};
use crate::drive::{
    LONG, TOKEN,
    service::Service,
    sse::{self, Stream, Told},
    until,
};

const SAID_WITHIN: Duration = Duration::from_secs(3);

/// Notebooks are deleted, renamed and not mounted while the service is down; who comes back
/// is told what there is to tell.
pub(super) async fn gone_while_away(lab: &Lab) -> anyhow::Result<Verdict> {
    let Room { plan, service, .. } = Room::open(lab).await?;
    let newest = sse::newest(service.address, TOKEN).await?;
    service.terminate().await?;
    let file = |n| plan.homes().join(user(n)).join(NOTEBOOK);
    fs::remove_file(file(0))?;
    fs::rename(file(1), file(1).with_file_name("renamed.ipynb"))?;
    let elsewhere = plan.folder.join("not-mounted");
    fs::rename(plan.homes().join(user(2)), &elsewhere)?;
    let service = Service::start(&plan).await?;
    let mut stream = Stream::open(service.address, TOKEN, Some(newest)).await?;
    let begun = Instant::now();
    let mut verdict = Verdict::default();
    let mut told = listen(&mut stream, 3, begun + SAID_WITHIN).await;
    verdict.figure(format!(
        "told of {} things after {} ms",
        told.len(),
        begun.elapsed().as_millis()
    ));
    // The one whose disk was not there has it again, and nothing was ever said of it.
    fs::rename(&elsewhere, plan.homes().join(user(2)))?;
    let client = service.client();
    let all_there = async || {
        let wall = client
            .get_json(&format!("/api/wall?filename={NOTEBOOK}"))
            .await?;
        let tiles = wall["tiles"].as_array().map_or(0, Vec::len);
        Ok((tiles == CLASS - 2).then_some(()))
    };
    until("the wall is as the disk is", LONG, all_there).await?;
    told.extend(listen(&mut stream, 1, Instant::now() + Duration::from_millis(500)).await);
    let mut words: Vec<String> = told
        .iter()
        .map(|told| format!("{} {} {}", told.kind, told.user, told.filename))
        .collect();
    words.sort();
    let expected = [
        format!("delete-notebook {} {NOTEBOOK}", user(0)),
        format!("delete-notebook {} {NOTEBOOK}", user(1)),
        format!("save-notebook {} renamed.ipynb", user(1)),
    ];
    verdict.must(words == expected, format!("it was told {words:?}"));
    // And it is said once.
    let newest = sse::newest(service.address, TOKEN).await?;
    service.terminate().await?;
    let service = Service::start(&plan).await?;
    let mut stream = Stream::open(service.address, TOKEN, Some(newest)).await?;
    let again = listen(&mut stream, 1, Instant::now() + SAID_WITHIN).await;
    verdict.must(again.is_empty(), format!("it was told again: {again:?}"));
    Ok(verdict)
}

/// So many events, or those that come in time.
async fn listen(stream: &mut Stream, count: usize, until: Instant) -> Vec<Told> {
    let mut told = Vec::new();
    while told.len() < count {
        let left = until.saturating_duration_since(Instant::now());
        let Some(message) = stream.next_within(left).await else {
            break;
        };
        told.extend(message.event());
    }
    told
}
