//! `bench load`: a class at work, over real HTTP and real files.
//!
//! Every participant saves every five seconds as JupyterLab does, and reports it as the
//! hook does; readers hold the event stream open. What counts is whether every reader saw
//! every save once and in order; how long it took is printed and decides nothing.
//!
//! * [`participant`]: saves and reports
//! * [`notebook`]: what is saved, and how
//! * [`reader`]: listens and keeps book

mod notebook;
mod participant;
mod reader;

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Args;

use self::{
    participant::{Participant, Saves},
    reader::Reader,
};
use crate::{
    drive::{
        LONG,
        hub::{HubApi, INSTRUCTOR, token_of},
        service::{Plan, Service, Usage},
        sse, until,
    },
    samples::Percentiles,
};

/// Between two saves of one participant, as the participants' package has it.
const AUTOSAVE: Duration = Duration::from_secs(5);
/// How long the last events may take to come.
const STRAGGLERS: Duration = Duration::from_secs(20);

/// A class at work: whether every reader sees every save once and in order.
#[derive(Args)]
pub(crate) struct LoadArgs {
    #[arg(long)]
    pipalhub: PathBuf,
    #[arg(long, default_value_t = 300)]
    participants: usize,
    #[arg(long, default_value_t = 50)]
    readers: usize,
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

pub(crate) async fn run(args: &LoadArgs) -> anyhow::Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("pipalhub-load-")
        .tempdir()?;
    let hub = HubApi::start().await?;
    let plan = Plan::new(&fs::canonicalize(&args.pipalhub)?, folder.path())?.under(&hub)?;
    let class = prepare(&plan, args.participants)?;
    let service = Service::start(&plan).await?;
    settle(&service, args.participants).await?;

    let readers = (0..args.readers).map(|n| Reader::open(service.address, n));
    let readers = futures::future::try_join_all(readers).await?;
    let saves = Arc::new(Mutex::new(Saves::default()));
    let (before, begun) = (service.usage()?, Instant::now());
    let end = begun + Duration::from_secs(args.seconds);
    let count = args.participants;
    let working = class.into_iter().enumerate().map(|(n, participant)| {
        let stagger = AUTOSAVE.mul_f64(n as f64 / count as f64);
        let saves = Arc::clone(&saves);
        tokio::spawn(async move {
            participant
                .work(begun + stagger, AUTOSAVE, end, &saves)
                .await
        })
    });
    for participant in futures::future::join_all(working).await {
        participant.context("a participant has panicked")??;
    }
    let (after, took) = (service.usage()?, begun.elapsed());
    let saves = std::mem::take(&mut *saves.lock().unwrap_or_else(PoisonError::into_inner));
    let all_came = async || {
        let all = readers
            .iter()
            .all(|reader| reader.has_all(&saves.acknowledged));
        Ok(all.then_some(()))
    };
    // Whether they did is counted below.
    let _ = until("the last events", STRAGGLERS, all_came).await;
    tell_of_service(before, after, took, &saves);
    drop(service);
    count_up(args, &saves, &readers)
}

/// A home and a first notebook for everyone.
fn prepare(plan: &Plan, participants: usize) -> anyhow::Result<Vec<Participant>> {
    let address = plan.address()?;
    (0..participants)
        .map(|n| {
            let user = format!("participant-{n:03}");
            let home = plan.homes().join(&user);
            fs::create_dir(&home)?;
            let participant = Participant::new(address, user, home.join("day1.ipynb"));
            participant.begin()?;
            Ok(participant)
        })
        .collect()
}

/// Waits until the first notebooks have been noticed, which is no part of the load.
async fn settle(service: &Service, participants: usize) -> anyhow::Result<()> {
    let all = i64::try_from(participants)?;
    let token = token_of(INSTRUCTOR);
    until("the first notebooks are noticed", LONG, async || {
        Ok((sse::newest(service.address, &token).await? >= all).then_some(()))
    })
    .await
}

fn tell_of_service(before: Usage, after: Usage, took: Duration, saves: &Saves) {
    let share = (after.cpu - before.cpu).as_secs_f64() / took.as_secs_f64();
    let megabytes = |bytes: u64| bytes / 1_000_000;
    println!(
        "service: {} MiB resident, {} MiB at its peak; {:.0} % of one core; read {} MB, of {} MB \
         saved",
        after.resident_kib >> 10,
        after.peak_kib >> 10,
        share * 100.0,
        megabytes(after.read_bytes - before.read_bytes),
        megabytes(saves.bytes),
    );
}

/// Prints what came of it, and is an error when the counts are not what they must be.
fn count_up(args: &LoadArgs, saves: &Saves, readers: &[Reader]) -> anyhow::Result<()> {
    let acknowledged = &saves.acknowledged;
    let (mut lost, mut twice, mut unordered) = (0, 0, 0);
    let (mut noticed, mut delays) = (0, Vec::new());
    for reader in readers {
        let book = reader.book();
        let seen = |save: &&participant::Save| book.seen.contains_key(*save);
        lost += acknowledged.len() - acknowledged.iter().filter(seen).count();
        twice += book.twice;
        unordered += book.unordered;
        let (posted, others): (Vec<_>, Vec<_>) = book
            .seen
            .iter()
            .partition(|(save, _)| saves.sent.contains(*save));
        delays.extend(posted.into_iter().map(|(_, delay_ms)| *delay_ms));
        // The watcher tells of a save, too, when its report takes long to come.
        noticed = noticed.max(others.len());
    }
    println!(
        "{} participants, {} readers, {} s: {} saves, {} acknowledged, {} refused",
        args.participants,
        readers.len(),
        args.seconds,
        saves.sent.len(),
        acknowledged.len(),
        saves.refused
    );
    println!("lost {lost}, twice {twice}, out of order {unordered}");
    println!("noticed by the watcher before the report came: {noticed}");
    for (what, samples) in [
        ("a save itself", &saves.write_ms),
        ("report to 201", &saves.answer_ms),
        ("save to reader", &delays),
    ] {
        if let Some(percentiles) = Percentiles::of(samples) {
            println!("{what}: {percentiles}");
        }
    }
    ensure!(!acknowledged.is_empty(), "nothing was acknowledged");
    ensure!(
        saves.refused == 0,
        "{} reports were refused: {}",
        saves.refused,
        saves.refusal
    );
    ensure!(
        lost + twice + unordered == 0,
        "the readers did not see every save once and in order"
    );
    Ok(())
}
