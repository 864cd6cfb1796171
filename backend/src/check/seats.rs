//! What each participant of the check does, all at once: sign in, start a server, run cells, save.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::{Value, json};

use super::{
    dashboard::Dashboard,
    figures::{FIGURES_CELL, MachineFigures, WORK_CELL, work_seconds},
    guests::Guest,
    hub,
    kernel::Kernel,
    leftovers::Leftovers,
    live::LiveStream,
    trouble::Trouble,
};
use crate::findings::Finding;

/// Longest wait for a save to be seen: where nothing reports saves, files are looked at.
const SEEN_PATIENCE: Duration = Duration::from_secs(45);
/// Beyond nginx's own limit of 1 MB, and below the 50 MB of the site of `nginx-site`.
const UPLOAD_BYTES: usize = 11 << 20;
/// Most participants that a finding names.
const MAX_NAMED: usize = 3;

/// A participant at work.
pub(super) struct Seat {
    pub(super) guest: Guest,
    pub(super) kernel: Option<Kernel>,
}

/// What came of one step for those who took it.
pub(super) struct StepResults<T> {
    pub(super) done: Vec<(T, Duration)>,
    failed: Vec<(String, Trouble)>,
}

/// Has everyone do the same at once; who fails leaves.
pub(super) async fn each<T>(
    seats: &mut Vec<Seat>,
    work: impl AsyncFn(&mut Seat) -> Result<T, Trouble>,
) -> StepResults<T> {
    let (results, failed) = tried(seats, work).await;
    drop(failed);
    results
}

/// The same, and gives those who fail: they may go on with something else.
pub(super) async fn tried<T>(
    seats: &mut Vec<Seat>,
    work: impl AsyncFn(&mut Seat) -> Result<T, Trouble>,
) -> (StepResults<T>, Vec<Seat>) {
    let timed = seats.iter_mut().map(|seat| async {
        let begun = Instant::now();
        work(seat).await.map(|done| (done, begun.elapsed()))
    });
    let mut results = StepResults {
        done: Vec::new(),
        failed: Vec::new(),
    };
    let (mut stay, mut leave) = (Vec::new(), Vec::new());
    for (result, seat) in join_all(timed).await.into_iter().zip(seats.drain(..)) {
        match result {
            Ok(done) => {
                results.done.push(done);
                stay.push(seat);
            }
            Err(trouble) => {
                results.failed.push((seat.guest.name.clone(), trouble));
                leave.push(seat);
            }
        }
    }
    *seats = stay;
    (results, leave)
}

impl<T> StepResults<T> {
    pub(super) fn slowest(&self) -> Duration {
        let times = self.done.iter().map(|(_, time)| *time);
        times.max().unwrap_or_default()
    }

    /// What is told of the step, if anybody took it; `good` is what is said where nobody failed, `slow` what to do
    /// where it took longer than this.
    pub(super) fn finding(
        &self,
        subject: &'static str,
        good: &str,
        slow: Option<(Duration, &str)>,
    ) -> Option<Finding> {
        let all = self.done.len() + self.failed.len();
        let finding = match self.failed.first() {
            Some((_, first)) => {
                let alike = self
                    .failed
                    .iter()
                    .all(|(_, it)| it.message == first.message);
                let told = self.failed.iter().take(if alike { 1 } else { MAX_NAMED });
                let told: Vec<_> = told
                    .map(|(name, trouble)| match alike {
                        true => trouble.message.clone(),
                        false => format!("{name}: {}", trouble.message),
                    })
                    .collect();
                let told = told.join("; ");
                let message = match all {
                    1 => told,
                    _ => format!("it fails for {} of {all}: {told}", self.failed.len()),
                };
                return Some(Finding::problem(subject, message, &first.remedy));
            }
            None => match slow.filter(|(most, _)| self.slowest() > *most) {
                Some((_, remedy)) => Finding::warning(subject, good, remedy),
                None => Finding::ok(subject, good),
            },
        };
        (all > 0).then(|| finding.took(self.slowest()))
    }
}

/// Signs a participant in, by the password that was made for them.
pub(super) async fn sign_in(seat: &mut Seat) -> Result<(), Trouble> {
    match &seat.guest.password {
        Some(password) => hub::sign_in(&seat.guest.browser, &seat.guest.name, password).await,
        None => Ok(()),
    }
}

pub(super) async fn start_server(seat: &mut Seat, left: &Leftovers) -> Result<(), Trouble> {
    let Guest { name, browser, .. } = &seat.guest;
    left.will_start_server(name, browser);
    hub::start_server(browser, name).await.map(|_| ())
}

/// Opens the page of the participant's server, as a browser does after the start.
pub(super) async fn open_page(seat: &mut Seat) -> Result<(), Trouble> {
    let page = seat.guest.browser.visit(&seat.guest.server()).await?;
    match page.status {
        StatusCode::OK => Ok(()),
        _ => Err(Trouble::answered(
            "the page of the server does not open",
            &page,
        )),
    }
}

/// Starts a kernel and runs the first cell in it.
pub(super) async fn start_kernel(seat: &mut Seat, left: &Leftovers) -> Result<(), Trouble> {
    let browser = &seat.guest.browser;
    let server = seat.guest.server();
    let id = Kernel::start(browser, &server).await?;
    left.has_kernel(browser, &server, &id);
    let mut kernel = Kernel::open(browser, &server, &id).await?;
    kernel.run("None").await?;
    seat.kernel = Some(kernel);
    Ok(())
}

fn kernel(seat: &mut Seat) -> Result<&mut Kernel, Trouble> {
    let no_kernel = || Trouble::new("there is no kernel", "It was not started.");
    seat.kernel.as_mut().ok_or_else(no_kernel)
}

pub(super) async fn run_cell(seat: &mut Seat) -> Result<(), Trouble> {
    let (output, _) = kernel(seat)?.run("6*7").await?;
    match output.value.as_deref() {
        Some("42") => Ok(()),
        other => Err(Trouble::new(
            format!("6*7 is {other:?} in the kernel"),
            "See whether participants' usual kernel is one of Python.",
        )),
    }
}

/// What the kernel tells of the machine; none where it cannot.
pub(super) async fn figures(seat: &mut Seat) -> Result<Option<MachineFigures>, Trouble> {
    let (output, _) = kernel(seat)?.run(FIGURES_CELL).await?;
    Ok(MachineFigures::read(&output.printed))
}

/// How long a core takes for the same work, in seconds.
pub(super) async fn work(seat: &mut Seat) -> Result<Option<f64>, Trouble> {
    let (output, _) = kernel(seat)?.run(WORK_CELL).await?;
    Ok(work_seconds(&output.printed))
}

/// Saves a notebook, and waits until the dashboard has told of it and shows its tile; the time is
/// that from the save to the tile.
pub(super) async fn save(
    seat: &mut Seat,
    filename: &str,
    seen_by: Option<(&LiveStream, &Arc<Dashboard>)>,
    left: &Leftovers,
) -> Result<(), Trouble> {
    let Guest { name, browser, .. } = &seat.guest;
    let server = seat.guest.server();
    left.will_save(browser, &server, filename);
    let deadline = Instant::now() + SEEN_PATIENCE;
    put(seat, filename, &notebook()).await?;
    let Some((stream, dashboard)) = seen_by else {
        return Ok(());
    };
    let Some((_, shown)) = stream.save_of(name, filename, deadline).await else {
        return Err(Trouble::new(
            format!(
                "the save does not reach the dashboard within {} s",
                SEEN_PATIENCE.as_secs()
            ),
            "The page Setup says what is missing: mostly pipalhub-singleuser in the Python or image \
             of participants' servers, or their way to the service (docs/install.md).",
        ));
    };
    left.has_tile(&server, filename, name, &shown);
    dashboard.await_tile(name, &shown).await
}

/// Uploads a file of some MB.
pub(super) async fn upload(
    seat: &mut Seat,
    filename: &str,
    left: &Leftovers,
) -> Result<(), Trouble> {
    let server = seat.guest.server();
    left.will_save(&seat.guest.browser, &server, filename);
    let content = "pipalhub check\n".repeat(UPLOAD_BYTES / 15 + 1);
    let model = json!({"type": "file", "format": "text", "content": content});
    put(seat, filename, &model).await
}

async fn put(seat: &Seat, filename: &str, model: &Value) -> Result<(), Trouble> {
    let path = format!("{}api/contents/{filename}", seat.guest.server());
    let reply = seat.guest.browser.put(&path, model).await?;
    match reply.status.is_success() {
        true => Ok(()),
        false => Err(Trouble::answered("the file is not taken", &reply)),
    }
}

fn notebook() -> Value {
    json!({
        "type": "notebook",
        "format": "json",
        "content": {
            "cells": [{"cell_type": "markdown", "id": "check", "metadata": {},
                "source": "Written by `pipalhub check`, and removed by it."}],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        },
    })
}
