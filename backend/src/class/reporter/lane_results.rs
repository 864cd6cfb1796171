//! Results of the jobs that the reporter submits to lanes, on their way back to it.

use std::{
    sync::mpsc::{Sender, SyncSender},
    time::Duration,
};

use super::{CopyId, LookOutcome};
use crate::homes::{Fingerprint, HomeScan, Poke};

/// The result of a job in a lane.
pub(super) enum LaneResult {
    /// A home was walked.
    Walked {
        user: String,
        scan: HomeScan,
        /// The notebooks that were stored before and are not there, when that can be known.
        absent: Option<Vec<String>>,
        took: Duration,
    },
    /// A file was looked at; the outcome is `None` when the look panicked.
    Looked {
        key: CopyId,
        look: Option<LookOutcome>,
        why: LookReason,
    },
}

/// Why a file is looked at.
#[derive(Clone, Copy)]
pub(super) enum LookReason {
    /// It was written, and is new when the class had no record of it.
    Written { is_new: bool },
    /// It was not found any more; `reported` is its reported version at that time.
    Gone { reported: Option<Fingerprint> },
}

/// Sends one result for each job, and wakes the reporter.
#[derive(Clone)]
pub(super) struct ResultSender {
    pub(super) results: Sender<LaneResult>,
    pub(super) wake: SyncSender<Poke>,
}

/// Sends its result when it is dropped, so that one comes of each job, even of one that panics.
pub(super) struct ResultGuard {
    sender: ResultSender,
    result: Option<LaneResult>,
}

impl ResultGuard {
    pub(super) fn set(mut self, result: LaneResult) {
        self.result = Some(result);
    }
}

impl Drop for ResultGuard {
    fn drop(&mut self) {
        let result = self.result.take().expect("it is taken once");
        // The receiver is gone only while the service ends. A full channel of pokes means that
        // the reporter is awake.
        let _ = self.sender.results.send(result);
        let _ = self.sender.wake.try_send(Poke::Wake);
    }
}

impl ResultSender {
    /// A guard that sends `result`, unless another one is set.
    pub(super) fn guard(&self, result: LaneResult) -> ResultGuard {
        ResultGuard {
            sender: self.clone(),
            result: Some(result),
        }
    }
}
