//! When something that changes is fetched, so that what is shown is as new as what was
//! heard of, and an older answer never takes the place of a newer one.
//!
//! One request is on its way at a time. What is wanted meanwhile asks for exactly one more;
//! what failed is tried again, after pauses that grow, until it succeeds or fails for good.

/// Of one thing that is fetched again and again.
#[derive(Debug, Default)]
pub struct Fetch {
    /// Counts what was meant: an answer for what was meant before is dropped.
    target: u32,
    wanted: bool,
    running: bool,
    pausing: bool,
    failures: u32,
}

impl Fetch {
    /// It has changed, or may have: what is on its way may be from before.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// Another thing is meant from now on.
    pub fn retarget(&mut self) {
        *self = Self {
            target: self.target.wrapping_add(1),
            wanted: true,
            ..Self::default()
        };
    }

    /// What made it fail may be over: it is tried now, and not after a pause.
    pub fn hurry(&mut self) {
        self.pausing = false;
        self.failures = self.failures.min(1);
    }

    /// Whether to ask now, and for which target.
    pub fn start(&mut self) -> Option<u32> {
        if !self.wanted || self.running || self.pausing {
            return None;
        }
        self.wanted = false;
        self.running = true;
        Some(self.target)
    }

    /// An answer has come for `target`; whether that is still meant.
    pub fn came(&mut self, target: u32) -> bool {
        let is_meant = target == self.target;
        self.running &= !is_meant;
        is_meant
    }

    /// What came is as new as it has to be, or there is nothing more to be had.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Nothing came, or something too old: it is wanted again, after a pause. How many times
    /// that was so, one after the other.
    pub fn failed(&mut self) -> u32 {
        self.wanted = true;
        self.pausing = true;
        self.failures += 1;
        self.failures
    }

    /// The pause is over that followed so many failures for `target`.
    pub fn paused(&mut self, target: u32, failures: u32) {
        if (target, failures) == (self.target, self.failures) {
            self.pausing = false;
        }
    }

    /// What is meant.
    pub fn target(&self) -> u32 {
        self.target
    }

    /// Whether a request is on its way or to come.
    pub fn is_pending(&self) -> bool {
        self.running || self.wanted
    }

    /// Whether what is shown may be older than it should be, for longer than a request takes.
    pub fn is_behind(&self) -> bool {
        self.failures > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Fetch {
        let mut fetch = Fetch::default();
        fetch.want();
        fetch
    }

    #[test]
    fn what_is_wanted_meanwhile_asks_for_exactly_one_more() {
        let mut fetch = wanted();
        let target = fetch.start().expect("nothing is on its way");
        for _ in 0..5 {
            fetch.want();
            assert_eq!(fetch.start(), None, "never two at once");
        }
        assert!(fetch.came(target));
        fetch.succeeded();
        assert!(fetch.start().is_some());
        assert!(fetch.came(target));
        fetch.succeeded();
        assert_eq!(fetch.start(), None);
        assert!(!fetch.is_pending());
    }

    #[test]
    fn what_failed_is_tried_again_after_a_pause_and_for_ever() {
        let mut fetch = wanted();
        for failures in 1..100 {
            let target = fetch.start().expect("it is wanted");
            assert!(fetch.came(target));
            assert_eq!(fetch.failed(), failures);
            fetch.want();
            assert_eq!(fetch.start(), None, "it pauses, whatever is wanted");
            assert!(fetch.is_behind());
            fetch.paused(target, failures - 1);
            assert_eq!(fetch.start(), None, "another pause was over");
            fetch.paused(target, failures);
        }
        assert!(fetch.start().is_some());
        assert!(fetch.came(0));
        fetch.succeeded();
        assert!(!fetch.is_behind());
    }

    #[test]
    fn an_answer_for_what_was_meant_before_is_dropped() {
        let mut fetch = wanted();
        let before = fetch.start().expect("it is wanted");
        fetch.retarget();
        let now = fetch.start().expect("another is meant");
        assert!(!fetch.came(before));
        assert_eq!(fetch.start(), None, "that for the other is on its way");
        assert!(fetch.came(now));
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
            fetch.came(0);
            fetch.failed();
            fetch.hurry();
        }
        assert_eq!(fetch.start(), Some(0));
        fetch.came(0);
        assert_eq!(fetch.failed(), 2, "the next pause is a short one");
    }
}
