//! `bench load`: a simulated class, over real HTTP and real files.
//!
//! Every participant saves every five seconds as JupyterLab does, and reports the save as the hook
//! does; readers hold the event stream open. Every reader has to see every save once and in order;
//! the durations are printed and decide nothing.
//!
//! * [`participant`]: saves and reports
//! * [`notebook`]: the notebook, and saving it
//! * [`reader`]: reads the stream and logs it

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
    participant::{LoadParticipant, SaveLog},
    reader::LoadReader,
};
use crate::{
    drive::{
        HANG_TIMEOUT,
        hub::{FakeHubApi, INSTRUCTOR, token_of},
        poll_until,
        service::{ProcessUsage, ServicePlan, ServiceProcess},
        sse,
    },
    samples::Percentiles,
};

/// The interval between two saves of one participant, as in the participants' package.
const AUTOSAVE_INTERVAL: Duration = Duration::from_secs(5);
/// How long the last events may take.
const LAST_EVENTS_TIMEOUT: Duration = Duration::from_secs(20);

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
    let hub = FakeHubApi::start().await?;
    let plan = ServicePlan::new(&fs::canonicalize(&args.pipalhub)?, folder.path())?.under(&hub)?;
    let class = prepare(&plan, args.participants)?;
    let service = ServiceProcess::start(&plan).await?;
    wait_until_noticed(&service, args.participants).await?;

    let readers = (0..args.readers).map(|n| LoadReader::open(service.address, n));
    let readers = futures::future::try_join_all(readers).await?;
    let saves = Arc::new(Mutex::new(SaveLog::default()));
    let (before, begun) = (service.usage()?, Instant::now());
    let end = begun + Duration::from_secs(args.seconds);
    let count = args.participants;
    let working = class.into_iter().enumerate().map(|(n, participant)| {
        let stagger = AUTOSAVE_INTERVAL.mul_f64(n as f64 / count as f64);
        let saves = Arc::clone(&saves);
        tokio::spawn(async move {
            participant
                .work(begun + stagger, AUTOSAVE_INTERVAL, end, &saves)
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
    // The missing ones are counted below.
    let _ = poll_until("the last events", LAST_EVENTS_TIMEOUT, all_came).await;
    print_usage(before, after, took, &saves);
    drop(service);
    print_results(args, &saves, &readers)
}

/// Creates a home and a first notebook for every participant.
fn prepare(plan: &ServicePlan, participants: usize) -> anyhow::Result<Vec<LoadParticipant>> {
    let address = plan.address()?;
    (0..participants)
        .map(|n| {
            let user = format!("participant-{n:03}");
            let home = plan.homes().join(&user);
            fs::create_dir(&home)?;
            let participant = LoadParticipant::new(address, user, home.join("day1.ipynb"));
            participant.begin()?;
            Ok(participant)
        })
        .collect()
}

/// Waits until the service has noticed the first notebooks, which are not part of the load.
async fn wait_until_noticed(service: &ServiceProcess, participants: usize) -> anyhow::Result<()> {
    let all = i64::try_from(participants)?;
    let token = token_of(INSTRUCTOR);
    poll_until(
        "the first notebooks are noticed",
        HANG_TIMEOUT,
        async || Ok((sse::newest(service.address, &token).await? >= all).then_some(())),
    )
    .await
}

fn print_usage(before: ProcessUsage, after: ProcessUsage, took: Duration, saves: &SaveLog) {
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

/// Prints the results; fails when a save was lost, seen twice or out of order, or refused.
fn print_results(args: &LoadArgs, saves: &SaveLog, readers: &[LoadReader]) -> anyhow::Result<()> {
    let acknowledged = &saves.acknowledged;
    let (mut lost, mut twice, mut unordered) = (0, 0, 0);
    let (mut noticed, mut delays) = (0, Vec::new());
    for reader in readers {
        let log = reader.log();
        let seen = |save: &&participant::SaveId| log.seen.contains_key(*save);
        lost += acknowledged.len() - acknowledged.iter().filter(seen).count();
        twice += log.twice;
        unordered += log.unordered;
        let (posted, others): (Vec<_>, Vec<_>) = log
            .seen
            .iter()
            .partition(|(save, _)| saves.sent.contains(*save));
        delays.extend(posted.into_iter().map(|(_, delay_ms)| *delay_ms));
        // The watcher announces a save itself when its report takes long.
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
