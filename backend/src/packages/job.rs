//! The change that is being made, with its log.

use std::collections::VecDeque;

use shared::packages::{PackageJob, PackageLogResponse};
use tokio_util::sync::CancellationToken;

/// Lines of a log that are kept: those at its end.
const MAX_LOG_LINES: usize = 5_000;
/// Lines of one answer.
const MAX_ANSWER_LINES: usize = 1_000;
/// Lines that outlive the steward.
const KEPT_LOG_LINES: usize = 500;

/// A change and its log.
pub(super) struct JobLog {
    pub(super) job: PackageJob,
    lines: VecDeque<String>,
    /// How many lines there were before those.
    dropped: usize,
    /// Cancelled to stop it.
    pub(super) stop: CancellationToken,
    /// Who has stopped it.
    pub(super) stopped_by: Option<String>,
}

impl JobLog {
    pub(super) fn new(job: PackageJob, log: Vec<String>) -> Self {
        let dropped = job.log_lines.saturating_sub(log.len());
        Self {
            job,
            lines: log.into(),
            dropped,
            stop: CancellationToken::new(),
            stopped_by: None,
        }
    }

    pub(super) fn push(&mut self, line: String) {
        if self.lines.len() == MAX_LOG_LINES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
        self.job.log_lines = self.dropped + self.lines.len();
    }

    /// Its lines from this number, of the change with that number.
    pub(super) fn read(&self, id: Option<u64>, from: usize) -> PackageLogResponse {
        let from = match id == Some(self.job.id) {
            true => from,
            false => 0,
        };
        let skipped = from.saturating_sub(self.dropped).min(self.lines.len());
        let lines = self.lines.iter().skip(skipped).take(MAX_ANSWER_LINES);
        PackageLogResponse {
            job: Some(self.job.clone()),
            first: self.dropped + skipped,
            lines: lines.cloned().collect(),
        }
    }

    /// The end of the log, which is kept.
    pub(super) fn kept_lines(&self) -> Vec<String> {
        let skipped = self.lines.len().saturating_sub(KEPT_LOG_LINES);
        self.lines.iter().skip(skipped).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use shared::packages::PackageJobState;

    use super::*;

    fn log() -> JobLog {
        let job = PackageJob {
            id: 7,
            title: "add six".into(),
            by: "ines".into(),
            started_ms: 0,
            ended_ms: None,
            state: PackageJobState::Running,
            failure: None,
            changes: Vec::new(),
            log_lines: 0,
        };
        JobLog::new(job, Vec::new())
    }

    #[test]
    fn a_log_is_read_on_from_where_a_reader_was() {
        let mut log = log();
        for line in 0..10 {
            log.push(line.to_string());
        }
        let read = log.read(Some(7), 8);
        assert_eq!(
            (read.first, read.lines),
            (8, vec!["8".to_owned(), "9".into()])
        );
        assert_eq!(log.read(Some(6), 8).first, 0);
        assert!(log.read(Some(7), 99).lines.is_empty());
        assert_eq!(log.job.log_lines, 10);
    }

    #[test]
    fn a_long_log_keeps_its_end() {
        let mut log = log();
        for line in 0..MAX_LOG_LINES + 3 {
            log.push(line.to_string());
        }
        let read = log.read(Some(7), 0);
        assert_eq!((read.first, read.lines[0].as_str()), (3, "3"));
        assert_eq!(log.kept_lines().len(), KEPT_LOG_LINES);
        let again = JobLog::new(log.job.clone(), log.kept_lines());
        assert_eq!(
            again.read(Some(7), 0).first,
            3 + MAX_LOG_LINES - KEPT_LOG_LINES
        );
    }
}
