//! What the saves of a class say of a notebook: who needs someone now, which errors several have,
//! how far everyone is. The crate [`analytics`] finds that out; this module gives it the versions.
//!
//! It reads the history and nothing else, so that what is there live is what a replay comes to: all
//! versions of a notebook in the order in which they were recorded, and what was done about people
//! between them. A notebook is read when somebody asks about it first, and followed from then on by
//! a thread of its own, for which neither a save nor the recorder waits; a few notebooks are kept in
//! memory, and of the others nothing. Without a history there is no insight.
//!
//! * `worker.rs`: the thread, and the notebooks that are kept
//! * `queue.rs`: what the thread is told and asked
//! * `room.rs`: one notebook: its versions, replayed and followed; `room/deeds.rs` is what was done
//!   between them, `room/ticket.rs` where somebody is who asks
//! * `plan.rs`: who is no participant, and which notebook is the handout
//! * `present.rs`: which copies were not deleted
//! * `sources.rs`: where versions and handouts are read
//! * `places.rs`: where everyone has a cell of the handout; `exercise.rs` reads and draws them
//! * `asks.rs`: what tickets are about
//! * `sqlite.rs`: keeps what was done about people
//!
//! Not here: who may ask ([`crate::routes`]).

mod asks;
mod exercise;
mod places;
mod plan;
mod present;
mod queue;
mod room;
mod sources;
mod sqlite;
#[cfg(test)]
mod tests;
mod worker;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use anyhow::Context;
use shared::{
    exercise::ExerciseResponse,
    insight::{InsightResponse, SettledKind},
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::{
    places::ExercisePlaces,
    present::PresentCopies,
    queue::{InsightQueue, InsightRequest},
    sources::InsightSources,
    sqlite::SqliteSettlements,
    worker::Worker,
};
use crate::{
    background,
    class::{Class, CopyId, Observer, Revision},
    copies::Copies,
    errands::ErrandDesk,
    feed::Announcements,
    help::HelpDesk,
    history::{HistoryFollower, HistoryStore},
    lanes::PersonLanes,
    sharing::Sharing,
};

pub use asks::Ask;
pub use places::ExerciseChoice;
pub(crate) use sqlite::inspect;

/// Notebooks that are kept in memory; the one that was asked about longest ago makes room.
pub(crate) const MAX_KEPT_NOTEBOOKS: usize = 8;
/// Requests that may wait for the thread.
const MAX_WAITING_REQUESTS: usize = 256;

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InsightError {
    /// Too many requests wait.
    #[error("{MAX_WAITING_REQUESTS} requests wait already")]
    Busy,
    /// The thread has ended, or has failed at this.
    #[error("the thread of the insight has not answered")]
    NoAnswer,
    /// The history, the errands or what was done about people cannot be used.
    #[error("{0}")]
    Engine(String),
}

/// Somebody in the lane was seen to.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Their copy.
    pub copy: CopyId,
    /// What was done.
    pub settled: SettledKind,
    /// When.
    pub at_ms: i64,
}

/// What the saves of a class say. It follows the history and the class as an observer of both.
pub struct Insight {
    queue: Arc<InsightQueue>,
    present: Arc<PresentCopies>,
}

impl Insight {
    /// An insight that is asked once [`Insight::start`] has started its thread.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: Arc::new(InsightQueue::new(MAX_WAITING_REQUESTS)),
            present: Arc::default(),
        })
    }

    /// Starts the thread. What is done about people is kept in the file at `path`; large versions
    /// take turns with what else is read of `copies`. Who asks for help is in the lane, and `help`
    /// is told who is no longer at the error that they asked with.
    ///
    /// # Errors
    /// When the file cannot be used, or the thread cannot be started.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of the service that it reads, called once"
    )]
    pub fn start(
        &self,
        path: &Path,
        history: Arc<dyn HistoryStore>,
        copies: Copies,
        errands: Arc<ErrandDesk>,
        sharing: Arc<Sharing>,
        help: Arc<HelpDesk>,
        announcements: Announcements,
    ) -> anyhow::Result<()> {
        let sources = InsightSources {
            history,
            copies,
            errands,
            sharing,
            help,
            present: Arc::clone(&self.present),
            settlements: SqliteSettlements::open(path)?,
        };
        let worker = Worker::new(Arc::clone(&self.queue), sources, announcements);
        background::spawn("insight", move || worker.run())
            .context("cannot start the thread of the insight")?;
        Ok(())
    }

    /// Counts nothing from now on of copies that the class does not have.
    pub fn heed(&self, class: &Class) {
        self.present.ask(class.copy_lookup());
    }

    /// What the saves of the notebook `filename` say, in a class in which `staff` are no
    /// participants. `now_ms` is left to whoever sends it.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn answer(
        &self,
        filename: &str,
        staff: BTreeSet<String>,
    ) -> Result<Arc<InsightResponse>, InsightError> {
        let (reply, answer) = oneshot::channel();
        self.ask(InsightRequest::Answer {
            filename: filename.to_owned(),
            staff,
            reply,
        })?;
        answer.await.unwrap_or(Err(InsightError::NoAnswer))
    }

    /// Everyone's cells for one of the handout of the notebook `filename`, or those with one error;
    /// `None` when there is no such cell, or nobody has that error. `now_ms` is left to whoever
    /// sends it. Versions are read in `history` by a thread for blocking work, which has `held` until
    /// it ends, also when nobody waits for the answer any more.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn exercise<H: Send + 'static>(
        &self,
        filename: String,
        choice: ExerciseChoice,
        staff: BTreeSet<String>,
        history: Arc<dyn HistoryStore>,
        lanes: PersonLanes,
        held: H,
    ) -> Result<Option<(ExerciseResponse, H)>, InsightError> {
        let (reply, places) = oneshot::channel();
        self.ask(InsightRequest::Places {
            filename: filename.clone(),
            staff,
            choice,
            reply,
        })?;
        let Some(places) = places.await.unwrap_or(Err(InsightError::NoAnswer))? else {
            return Ok(None);
        };
        let unwanted = CancellationToken::new();
        let _wanted = unwanted.clone().drop_guard();
        let read = move || {
            let answer = exercise::read(&filename, places, &*history, &lanes, &unwanted)?;
            Ok(answer.map(|answer| (answer, held)))
        };
        let answer = tokio::task::spawn_blocking(read).await;
        answer.unwrap_or(Err(InsightError::NoAnswer))
    }

    /// Notes what was done about somebody; it is on the disk when this returns.
    ///
    /// # Errors
    /// When it is not kept.
    pub async fn settle(
        &self,
        settlement: Settlement,
        staff: BTreeSet<String>,
    ) -> Result<(), InsightError> {
        let (reply, answer) = oneshot::channel();
        self.ask(InsightRequest::Settle {
            settlement,
            staff,
            reply,
        })?;
        answer.await.unwrap_or(Err(InsightError::NoAnswer))
    }

    /// Finds out what a ticket at the notebook `filename` is about, and has the help desk know: at
    /// once, and again with the first version that is saved after the press. Nobody waits for it;
    /// when as many notebooks are kept as can be and this is none of them, it does not come to be
    /// known.
    ///
    /// # Errors
    /// When too many wait.
    pub fn place(
        &self,
        filename: String,
        ask: Ask,
        staff: BTreeSet<String>,
    ) -> Result<(), InsightError> {
        self.ask(InsightRequest::Place {
            filename,
            ask,
            staff,
        })
    }

    /// Somebody at this notebook asks for help, or no longer does. Nobody waits for it.
    pub fn note_asks(&self, filename: &str) {
        self.queue.note_versions(filename);
    }

    /// Somebody was removed from the class: what was done about them is deleted. Nobody waits for it.
    pub fn forget(&self, user: &str) {
        self.queue.note_removed_person(user);
    }

    fn ask(&self, request: InsightRequest) -> Result<(), InsightError> {
        match self.queue.ask(request) {
            true => Ok(()),
            false => Err(InsightError::Busy),
        }
    }
}

impl Drop for Insight {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl HistoryFollower for Insight {
    fn has_versions(&self, filename: &str) {
        self.queue.note_versions(filename);
    }
}

impl Observer for Insight {
    // A version counts once it is recorded.
    fn revised(&self, _revision: &Revision) {}

    fn removed(&self, key: &CopyId) {
        self.queue.note_removed(key);
    }
}
