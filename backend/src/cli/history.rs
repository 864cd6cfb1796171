//! The settings of the history of notebooks, and the start of its store and recorder.

use std::{path::Path, sync::Arc};

use clap::{Args, builder::FalseyValueParser};
use shared::sharing::HistoryBounds;

use super::quota::QuotaArgs;
use crate::{
    copies::Copies,
    feed::Announcements,
    history::{HistoryFollower, HistoryStore, Recorder, Retention, SqliteHistory},
};

/// What is kept of notebooks as they were.
#[derive(Args)]
pub(super) struct HistoryArgs {
    /// Keep no versions of notebooks.
    #[arg(long, env = "PIPALHUB_NO_HISTORY", value_parser = FalseyValueParser::new())]
    no_history: bool,
    /// Versions of notebooks are kept for so many days: all of them for one day, one in
    /// five minutes for a week, then one an hour. The newest of each notebook stays.
    #[arg(
        long,
        env = "PIPALHUB_HISTORY_DAYS",
        value_name = "DAYS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=36_500)
    )]
    history_days: u32,
    /// Versions take up so much at most; beyond it, the oldest of whoever takes up the
    /// most go.
    #[arg(
        long,
        env = "PIPALHUB_HISTORY_MIB",
        value_name = "MIB",
        default_value_t = 2_048,
        value_parser = clap::value_parser!(u64).range(1..=1 << 30)
    )]
    history_mib: u64,
    /// The versions of one person take up so much at most; beyond it, their oldest go.
    #[arg(
        long,
        env = "PIPALHUB_HISTORY_PER_PERSON_MIB",
        value_name = "MIB",
        default_value_t = 128,
        value_parser = clap::value_parser!(u64).range(1..=1 << 30)
    )]
    history_per_person_mib: u64,
}

/// The running history: its store and its recorder.
pub(super) struct RunningHistory {
    pub(super) store: Arc<dyn HistoryStore>,
    pub(super) recorder: Arc<Recorder>,
}

impl HistoryArgs {
    /// The settings that participants are told.
    pub(super) fn kept(&self) -> Option<HistoryBounds> {
        (!self.no_history).then_some(HistoryBounds {
            days: self.history_days,
            mib: self.history_mib,
        })
    }

    /// The most bytes that versions may take up on the disk; `None` when none are kept.
    pub(super) fn max_bytes(&self) -> Option<u64> {
        (!self.no_history).then_some(self.history_mib << 20)
    }

    /// Starts the history, whose `follower` is told of versions, unless it is switched off.
    pub(super) fn start(
        &self,
        data: &Path,
        copies: &Copies,
        announcements: &Announcements,
        quota: &QuotaArgs,
        follower: Arc<dyn HistoryFollower>,
    ) -> anyhow::Result<Option<RunningHistory>> {
        if self.no_history {
            return Ok(None);
        }
        let path = data.join("history.sqlite3");
        let each = self.history_per_person_mib << 20;
        let store = SqliteHistory::open(&path)?.within(
            &path,
            each,
            quota.notebooks_per_person,
            quota.reserve(),
        );
        let store: Arc<dyn HistoryStore> = Arc::new(store);
        let retention = Retention::new(self.history_days, self.history_mib << 20);
        let recorder = Recorder::start(
            Arc::clone(&store),
            copies.clone(),
            retention,
            announcements.clone(),
            vec![follower],
        )?;
        Ok(Some(RunningHistory {
            store,
            recorder: Arc::new(recorder),
        }))
    }
}
