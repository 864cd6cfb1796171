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
    /// Counts the requests.
    requests: u32,
    /// The request that is on its way takes longer than usual.
    late: bool,
    /// Until this is over nothing is asked.
    pause: Option<Pause>,
    /// Counts the pauses, so that the end of one that was overtaken does nothing.
    pauses: u32,
    /// Of requests, one after the other.
    failures: u32,
    /// Of what is done with answers, one after the other.
    spoiled: u32,
}

/// A pause before the next request, and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    target: u32,
    number: u32,
    /// How many failures there were, one after the other.
    pub failures: u32,
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
            requests: self.requests,
            pauses: self.pauses,
            ..Self::default()
        };
    }

    /// What made it fail may be over: it is tried now, and not after a pause.
    pub fn hurry(&mut self) {
        self.pause = None;
        self.failures = self.failures.min(1);
        self.spoiled = self.spoiled.min(1);
    }

    /// Whether to ask now, and for which target.
    pub fn start(&mut self) -> Option<u32> {
        if !self.wanted || self.running || self.pause.is_some() {
            return None;
        }
        self.wanted = false;
        self.running = true;
        self.requests = self.requests.wrapping_add(1);
        Some(self.target)
    }

    /// The number of the request that began last.
    pub fn request(&self) -> u32 {
        self.requests
    }

    /// This request takes longer than usual, if it is still on its way.
    pub fn late(&mut self, request: u32) {
        self.late |= self.running && request == self.requests;
    }

    /// An answer has come for `target`; whether that is still meant.
    pub fn came(&mut self, target: u32) -> bool {
        let is_meant = target == self.target;
        self.running &= !is_meant;
        self.late &= self.running;
        is_meant
    }

    /// What came is as new as it has to be, or there is nothing more to be had.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Nothing came, or something too old: it is wanted again, after a pause.
    pub fn failed(&mut self) -> Pause {
        self.failures += 1;
        self.rest(self.failures)
    }

    /// What came was of no use, because something failed that was to follow: the same. That it
    /// came again makes the pauses no shorter.
    pub fn spoiled(&mut self) -> Pause {
        self.spoiled += 1;
        self.rest(self.spoiled)
    }

    /// What came was of use.
    pub fn used(&mut self) {
        self.spoiled = 0;
    }

    fn rest(&mut self, failures: u32) -> Pause {
        self.wanted = true;
        self.pauses = self.pauses.wrapping_add(1);
        *self.pause.insert(Pause {
            target: self.target,
            number: self.pauses,
            failures,
        })
    }

    /// This pause is over.
    pub fn paused(&mut self, pause: Pause) {
        self.pause = self.pause.filter(|current| *current != pause);
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
        self.late || self.failures > 0 || self.pause.is_some()
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
        let mut before = None;
        for failures in 1..100 {
            let target = fetch.start().expect("it is wanted");
            assert!(fetch.came(target));
            let pause = fetch.failed();
            assert_eq!(pause.failures, failures);
            fetch.want();
            assert_eq!(fetch.start(), None, "it pauses, whatever is wanted");
            assert!(fetch.is_behind());
            if let Some(before) = before {
                fetch.paused(before);
            }
            assert_eq!(fetch.start(), None, "another pause was over");
            fetch.paused(pause);
            before = Some(pause);
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
        let next = fetch.failed().failures;
        assert_eq!(next, 2, "the next pause is a short one");
    }

    #[test]
    fn a_pause_ends_though_an_answer_comes_meanwhile() {
        let mut fetch = wanted();
        fetch.start();
        let pause = fetch.spoiled();
        assert!(fetch.came(0));
        fetch.succeeded();
        assert_eq!(fetch.start(), None, "it pauses");
        assert!(fetch.is_behind());
        fetch.paused(pause);
        assert!(fetch.start().is_some(), "what is wanted is asked for");
    }

    #[test]
    fn what_takes_long_is_behind_until_it_comes() {
        let mut fetch = wanted();
        fetch.start();
        let first = fetch.request();
        assert!(fetch.came(0));
        fetch.late(first);
        assert!(!fetch.is_behind(), "it was there by then");
        fetch.want();
        fetch.start();
        fetch.late(first);
        assert!(!fetch.is_behind(), "that was another");
        fetch.late(fetch.request());
        assert!(fetch.is_behind());
        assert!(fetch.came(0));
        assert!(!fetch.is_behind());
    }

    #[test]
    fn pauses_grow_when_only_what_follows_fails() {
        let mut fetch = wanted();
        for failures in 1..10 {
            fetch.start();
            assert!(fetch.came(0));
            fetch.succeeded();
            let pause = fetch.spoiled();
            assert_eq!(pause.failures, failures);
            fetch.paused(pause);
        }
        fetch.used();
        assert_eq!(fetch.spoiled().failures, 1);
    }
}
