//! When a resource that changes is fetched, so that the page shows its newest announced state, and
//! an older answer never replaces a newer one.
//!
//! One request runs at a time. Any number of changes during a request cause exactly one more; a
//! failed request is retried after pauses that grow, until it succeeds or fails for good.

/// The schedule of the requests for one resource.
#[derive(Debug, Default)]
pub struct FetchSchedule {
    /// Counts the targets: an answer for an earlier target is dropped.
    target: u32,
    wanted: bool,
    running: bool,
    /// Counts the requests.
    requests: u32,
    /// The running request takes longer than usual.
    late: bool,
    /// No request starts until this pause is over.
    pause: Option<FetchPause>,
    /// Counts the pauses: the end of an earlier one does nothing.
    pauses: u32,
    /// Failed requests in a row.
    failures: u32,
    /// Failed follow-ups of answers in a row.
    followup_failures: u32,
}

/// A pause before the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPause {
    target: u32,
    number: u32,
    /// How many failures in a row there were before it.
    pub failures: u32,
}

impl FetchSchedule {
    /// Asks for a request, because the resource has changed or may have: a running request may
    /// return the state before.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// Changes the target, and asks for a request.
    pub fn retarget(&mut self) {
        *self = Self {
            target: self.target.wrapping_add(1),
            wanted: true,
            requests: self.requests,
            pauses: self.pauses,
            ..Self::default()
        };
    }

    /// Ends the pause, because the cause of the failures may be over.
    pub fn skip_pause(&mut self) {
        self.pause = None;
        self.failures = self.failures.min(1);
        self.followup_failures = self.followup_failures.min(1);
    }

    /// Starts a request if one may start now; returns its target.
    pub fn start(&mut self) -> Option<u32> {
        if !self.wanted || self.running || self.pause.is_some() {
            return None;
        }
        self.wanted = false;
        self.running = true;
        self.requests = self.requests.wrapping_add(1);
        Some(self.target)
    }

    /// The number of the newest request.
    pub fn request(&self) -> u32 {
        self.requests
    }

    /// Notes that this request takes longer than usual, if it is still running.
    pub fn note_late(&mut self, request: u32) {
        self.late |= self.running && request == self.requests;
    }

    /// Notes an answer for `target`; returns whether that is still the target.
    pub fn answered(&mut self, target: u32) -> bool {
        let is_current = target == self.target;
        self.running &= !is_current;
        self.late &= self.running;
        is_current
    }

    /// Notes that the answer is new enough, or that the failure will not pass.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Notes that the request failed or its answer is too old; the next one follows after a pause.
    pub fn failed(&mut self) -> FetchPause {
        self.failures += 1;
        self.begin_pause(self.failures)
    }

    /// Notes that a request which followed the answer has failed; the next one starts after a
    /// pause. Successful answers in between do not shorten these pauses.
    pub fn followup_failed(&mut self) -> FetchPause {
        self.followup_failures += 1;
        self.begin_pause(self.followup_failures)
    }

    /// Notes that the requests which followed the answer have succeeded.
    pub fn followup_succeeded(&mut self) {
        self.followup_failures = 0;
    }

    fn begin_pause(&mut self, failures: u32) -> FetchPause {
        self.wanted = true;
        self.pauses = self.pauses.wrapping_add(1);
        *self.pause.insert(FetchPause {
            target: self.target,
            number: self.pauses,
            failures,
        })
    }

    /// Ends this pause.
    pub fn end_pause(&mut self, pause: FetchPause) {
        self.pause = self.pause.filter(|current| *current != pause);
    }

    /// The number of the current target.
    pub fn target(&self) -> u32 {
        self.target
    }

    /// Whether a request is running or will start.
    pub fn is_pending(&self) -> bool {
        self.running || self.wanted
    }

    /// Whether the shown state may be old for longer than a request usually takes.
    pub fn is_behind(&self) -> bool {
        self.late || self.failures > 0 || self.pause.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> FetchSchedule {
        let mut fetch = FetchSchedule::default();
        fetch.want();
        fetch
    }

    #[test]
    fn changes_during_a_request_cause_exactly_one_more() {
        let mut fetch = wanted();
        let target = fetch.start().expect("nothing is on its way");
        for _ in 0..5 {
            fetch.want();
            assert_eq!(fetch.start(), None, "never two at once");
        }
        assert!(fetch.answered(target));
        fetch.succeeded();
        assert!(fetch.start().is_some());
        assert!(fetch.answered(target));
        fetch.succeeded();
        assert_eq!(fetch.start(), None);
        assert!(!fetch.is_pending());
    }

    #[test]
    fn a_failed_request_is_retried_after_a_pause_and_for_ever() {
        let mut fetch = wanted();
        let mut before = None;
        for failures in 1..100 {
            let target = fetch.start().expect("it is wanted");
            assert!(fetch.answered(target));
            let pause = fetch.failed();
            assert_eq!(pause.failures, failures);
            fetch.want();
            assert_eq!(fetch.start(), None, "it pauses, whatever is wanted");
            assert!(fetch.is_behind());
            if let Some(before) = before {
                fetch.end_pause(before);
            }
            assert_eq!(fetch.start(), None, "another pause was over");
            fetch.end_pause(pause);
            before = Some(pause);
        }
        assert!(fetch.start().is_some());
        assert!(fetch.answered(0));
        fetch.succeeded();
        assert!(!fetch.is_behind());
    }

    #[test]
    fn an_answer_for_an_earlier_target_is_dropped() {
        let mut fetch = wanted();
        let before = fetch.start().expect("it is wanted");
        fetch.retarget();
        let now = fetch.start().expect("another is meant");
        assert!(!fetch.answered(before));
        assert_eq!(fetch.start(), None, "that for the other is on its way");
        assert!(fetch.answered(now));
        fetch.failed();
        fetch.retarget();
        assert!(fetch.start().is_some(), "a pause was for the one before");
        assert!(!fetch.is_behind());
    }

    #[test]
    fn a_pause_ends_when_the_cause_is_over() {
        let mut fetch = wanted();
        for _ in 0..6 {
            fetch.start();
            fetch.answered(0);
            fetch.failed();
            fetch.skip_pause();
        }
        assert_eq!(fetch.start(), Some(0));
        fetch.answered(0);
        let next = fetch.failed().failures;
        assert_eq!(next, 2, "the next pause is a short one");
    }

    #[test]
    fn a_pause_ends_though_an_answer_comes_meanwhile() {
        let mut fetch = wanted();
        fetch.start();
        let pause = fetch.followup_failed();
        assert!(fetch.answered(0));
        fetch.succeeded();
        assert_eq!(fetch.start(), None, "it pauses");
        assert!(fetch.is_behind());
        fetch.end_pause(pause);
        assert!(fetch.start().is_some(), "what is wanted is asked for");
    }

    #[test]
    fn a_late_request_is_behind_until_its_answer() {
        let mut fetch = wanted();
        fetch.start();
        let first = fetch.request();
        assert!(fetch.answered(0));
        fetch.note_late(first);
        assert!(!fetch.is_behind(), "it was there by then");
        fetch.want();
        fetch.start();
        fetch.note_late(first);
        assert!(!fetch.is_behind(), "that was another");
        fetch.note_late(fetch.request());
        assert!(fetch.is_behind());
        assert!(fetch.answered(0));
        assert!(!fetch.is_behind());
    }

    #[test]
    fn pauses_grow_when_only_followups_fail() {
        let mut fetch = wanted();
        for failures in 1..10 {
            fetch.start();
            assert!(fetch.answered(0));
            fetch.succeeded();
            let pause = fetch.followup_failed();
            assert_eq!(pause.failures, failures);
            fetch.end_pause(pause);
        }
        fetch.followup_succeeded();
        assert_eq!(fetch.followup_failed().failures, 1);
    }
}
