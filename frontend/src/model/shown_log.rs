//! The log of a change of packages, as far as the page has it.

use std::collections::VecDeque;

use shared::packages::{PackageJob, PackageJobState, PackageLogResponse};

/// Most lines that are on the page; the oldest go.
const MOST_LINES: usize = 1_000;

/// The newest lines of one change's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShownLog {
    /// The change, as it was heard of last.
    pub job: Option<PackageJob>,
    /// The number of the next line to ask for.
    pub next: usize,
    /// The lines with their numbers.
    pub lines: VecDeque<(usize, String)>,
    /// An answer had nothing after the last line of a change that has ended.
    is_whole: bool,
}

impl ShownLog {
    /// Hears of a change, from the list or when it begins.
    pub fn observe(&mut self, job: &PackageJob) {
        if self.id() != Some(job.id) {
            *self = Self {
                job: Some(job.clone()),
                ..Self::default()
            };
        }
    }

    /// Takes an answer, which may be about a later change.
    pub fn take(&mut self, answer: PackageLogResponse) {
        let Some(job) = answer.job else { return };
        self.observe(&job);
        self.is_whole = job.state != PackageJobState::Running && answer.lines.is_empty();
        self.job = Some(job);
        for (at, line) in (answer.first..).zip(answer.lines) {
            // Lines that are there already come again when a request was repeated.
            if at >= self.next {
                self.lines.push_back((at, line));
                self.next = at + 1;
            }
        }
        let surplus = self.lines.len().saturating_sub(MOST_LINES);
        self.lines.drain(..surplus);
    }

    /// The number of the change.
    pub fn id(&self) -> Option<u64> {
        self.job.as_ref().map(|job| job.id)
    }

    /// Whether the change is being made.
    pub fn is_running(&self) -> bool {
        let job = self.job.as_ref();
        job.is_some_and(|job| job.state == PackageJobState::Running)
    }

    /// Whether there may be more to ask for.
    pub fn has_more(&self) -> bool {
        let is_behind = |job: &PackageJob| self.next < job.log_lines && !self.is_whole;
        self.is_running() || self.job.as_ref().is_some_and(is_behind)
    }

    /// What of the log is not on the page, in words.
    pub fn left_out(&self) -> String {
        match self.lines.front() {
            Some((first, _)) if *first > 0 => format!("{first} lines before these are left out."),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::model) fn job(id: u64, state: PackageJobState) -> PackageJob {
        PackageJob {
            id,
            title: "add numpy".into(),
            by: "teacher".into(),
            started_ms: 1_000,
            ended_ms: (state != PackageJobState::Running).then_some(13_400),
            state,
            failure: None,
            changes: Vec::new(),
            log_lines: 0,
        }
    }

    fn answer(id: u64, state: PackageJobState, first: usize, to: usize) -> PackageLogResponse {
        PackageLogResponse {
            job: Some(PackageJob {
                log_lines: to,
                ..job(id, state)
            }),
            first,
            lines: (first..to).map(|at| format!("line {at}")).collect(),
        }
    }

    #[test]
    fn a_log_grows_and_repeated_lines_are_there_once() {
        let mut log = ShownLog::default();
        log.take(answer(1, PackageJobState::Running, 0, 3));
        log.take(answer(1, PackageJobState::Running, 1, 5));
        let numbers: Vec<_> = log.lines.iter().map(|line| line.0).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        assert!(log.has_more() && log.is_running());
        log.take(answer(1, PackageJobState::Done, 5, 5));
        assert!(!log.has_more() && !log.is_running());
    }

    #[test]
    fn another_change_begins_anew() {
        let mut log = ShownLog::default();
        log.take(answer(1, PackageJobState::Done, 0, 9));
        log.take(answer(2, PackageJobState::Running, 0, 2));
        assert_eq!((log.id(), log.next, log.lines.len()), (Some(2), 2, 2));
        log.observe(&job(3, PackageJobState::Running));
        assert_eq!((log.id(), log.next, log.lines.len()), (Some(3), 0, 0));
    }

    #[test]
    fn the_page_keeps_the_newest_lines_and_says_that_some_are_gone() {
        let mut log = ShownLog::default();
        log.take(answer(1, PackageJobState::Running, 0, 900));
        assert_eq!(log.left_out(), "");
        log.take(answer(1, PackageJobState::Running, 900, 1_500));
        assert_eq!((log.lines.len(), log.lines[0].0), (MOST_LINES, 500));
        assert_eq!(log.left_out(), "500 lines before these are left out.");
    }

    #[test]
    fn a_log_that_was_cut_is_asked_for_no_more_when_it_ends() {
        let mut log = ShownLog::default();
        log.observe(&PackageJob {
            log_lines: 50,
            ..job(1, PackageJobState::Failed)
        });
        assert!(log.has_more());
        let mut empty = answer(1, PackageJobState::Failed, 0, 0);
        if let Some(job) = &mut empty.job {
            job.log_lines = 50;
        }
        log.take(empty);
        assert!(!log.has_more());
    }
}
