//! Which tiles to fetch next.
//!
//! A class that saves all at once must not open three hundred requests, and two
//! requests for one tile could answer in the wrong order. So at most [`AT_ONCE`] run,
//! never two for the same participant, and a save that arrives while one is running
//! asks for exactly one more.

use std::collections::VecDeque;

/// A browser allows six connections to one host over HTTP/1.1; one is the event
/// stream's, one is left for whatever the reader does.
pub const AT_ONCE: usize = 4;

/// After this many failures without a success between them, of whomever, it is no use to go on
/// one by one.
pub const ATTEMPTS: u32 = 5;

/// What to do about a fetch that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// That one again, after the pause of so many failures in a row.
    One(u32),
    /// All at once, by one request, and none of those that wait.
    All,
}

#[derive(Debug)]
struct Running {
    user: String,
    /// The number of the request.
    number: u32,
    /// Something changed after the request was sent.
    again: bool,
    /// It takes longer than usual.
    late: bool,
}

/// The participants whose tile is being fetched or has to be.
#[derive(Debug, Default)]
pub struct Fetches {
    waiting: VecDeque<String>,
    running: Vec<Running>,
    failures: Vec<(String, u32)>,
    in_a_row: u32,
}

impl Fetches {
    /// Notes that `user`'s tile has changed.
    pub fn want(&mut self, user: &str) {
        let running = self.running.iter_mut().find(|running| running.user == user);
        if let Some(running) = running {
            running.again = true;
        } else if !self.waiting.iter().any(|waiting| waiting == user) {
            self.waiting.push_back(user.to_owned());
        }
    }

    /// The next one to fetch now, by request `number`, if one may be started.
    pub fn start(&mut self, number: u32) -> Option<String> {
        if self.running.len() >= AT_ONCE {
            return None;
        }
        let user = self.waiting.pop_front()?;
        self.running.push(Running {
            user: user.clone(),
            number,
            again: false,
            late: false,
        });
        Some(user)
    }

    /// Notes that the fetch for `user` was answered.
    pub fn answered(&mut self, user: &str) {
        self.in_a_row = 0;
        self.forget_failures(user);
        self.end(user);
    }

    /// Notes that the fetch for `user` failed.
    pub fn failed(&mut self, user: &str) -> Next {
        let failures = self.forget_failures(user) + 1;
        self.in_a_row += 1;
        if self.in_a_row >= ATTEMPTS {
            let running = std::mem::take(&mut self.running).into_iter();
            *self = Self {
                running: running.filter(|running| running.user != user).collect(),
                ..Self::default()
            };
            return Next::All;
        }
        self.end(user);
        self.failures.push((user.to_owned(), failures));
        Next::One(failures)
    }

    /// Request `number` takes longer than usual, if it is still running.
    pub fn late(&mut self, number: u32) {
        for running in self.running.iter_mut().filter(|it| it.number == number) {
            running.late = true;
        }
    }

    /// Whether one of those that failed was not answered yet, or one takes long.
    pub fn lag(&self) -> bool {
        !self.failures.is_empty() || self.running.iter().any(|running| running.late)
    }

    fn forget_failures(&mut self, user: &str) -> u32 {
        let at = self.failures.iter().position(|(other, _)| other == user);
        at.map_or(0, |at| self.failures.swap_remove(at).1)
    }

    fn end(&mut self, user: &str) {
        let at = self.running.iter().position(|running| running.user == user);
        let ended = at.map(|at| self.running.swap_remove(at));
        if let Some(Running {
            user, again: true, ..
        }) = ended
        {
            self.waiting.push_back(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saves_during_a_fetch_ask_for_exactly_one_more() {
        let mut fetches = Fetches::default();
        fetches.want("ana");
        assert_eq!(fetches.start(0).as_deref(), Some("ana"));
        for _ in 0..5 {
            fetches.want("ana");
            assert_eq!(fetches.start(0), None, "never two at once");
        }
        fetches.answered("ana");
        assert_eq!(fetches.start(0).as_deref(), Some("ana"));
        fetches.answered("ana");
        assert_eq!(fetches.start(0), None);
    }

    #[test]
    fn one_that_takes_long_lags_until_it_is_answered() {
        let mut fetches = Fetches::default();
        fetches.want("ana");
        assert!(fetches.start(1).is_some() && !fetches.lag());
        fetches.late(1);
        assert!(fetches.lag());
        fetches.answered("ana");
        assert!(!fetches.lag());
        fetches.want("ana");
        fetches.start(2);
        fetches.late(1);
        assert!(!fetches.lag(), "that was another");
    }

    #[test]
    fn only_so_many_run_and_the_order_is_kept() {
        let mut fetches = Fetches::default();
        let users: Vec<String> = (0..AT_ONCE + 2).map(|n| format!("u{n}")).collect();
        for user in users.iter().chain(&users) {
            fetches.want(user);
        }
        let started: Vec<_> = std::iter::from_fn(|| fetches.start(0)).collect();
        assert_eq!(started, users[..AT_ONCE]);
        fetches.answered("u1");
        assert_eq!(fetches.start(0).as_ref(), Some(&users[AT_ONCE]));
    }

    #[test]
    fn one_that_fails_is_tried_again_and_all_that_fail_together() {
        let mut fetches = Fetches::default();
        for attempt in 1..20 {
            for user in ["ana", "bo"] {
                fetches.want(user);
                assert_eq!(fetches.start(0).as_deref(), Some(user));
            }
            assert_eq!(fetches.failed("ana"), Next::One(attempt));
            fetches.answered("bo");
            assert!(fetches.lag());
        }
        for user in 0..40 {
            fetches.want(&format!("u{user}"));
        }
        for _ in 1..ATTEMPTS {
            let user = fetches.start(0).expect("it waits");
            assert!(matches!(fetches.failed(&user), Next::One(_)));
        }
        let user = fetches.start(0).expect("it waits");
        assert_eq!(fetches.failed(&user), Next::All);
        assert_eq!(fetches.start(0), None, "none of those that waited");
        fetches.want("ana");
        assert_eq!(fetches.start(0).as_deref(), Some("ana"));
        assert!(!fetches.lag(), "that is for the request for all to say");
        assert_eq!(fetches.failed("ana"), Next::One(1));
    }
}
