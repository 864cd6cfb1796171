//! Which tiles to fetch next.
//!
//! A class that saves all at once must not cause three hundred requests at once, and two requests
//! for one tile could be answered in the wrong order. So at most [`MAX_TILE_REQUESTS`] run, never
//! two for the same participant, and any number of saves during a request cause exactly one more.

use std::collections::VecDeque;

/// How many requests for tiles run at once. A browser allows six connections to one host over
/// HTTP/1.1; one is for the event stream, one is left for the reader's clicks.
pub const MAX_TILE_REQUESTS: usize = 4;

/// After this many failures in a row, of any participants' tiles, one request for all tiles
/// replaces the single ones.
pub const MAX_FAILURES_IN_A_ROW: u32 = 5;

/// How to retry after a failed fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchRetry {
    /// Retry the same tile, after the pause for this many failures of it.
    One(u32),
    /// Fetch all tiles by one request, and drop the waiting fetches.
    All,
}

#[derive(Debug)]
struct RunningFetch {
    user: String,
    /// The number of the request.
    number: u32,
    /// The tile changed after the request was sent.
    again: bool,
    /// The request takes longer than usual.
    late: bool,
}

/// The participants whose tile is being fetched or waits to be.
#[derive(Debug, Default)]
pub struct TileFetches {
    waiting: VecDeque<String>,
    running: Vec<RunningFetch>,
    failures: Vec<(String, u32)>,
    failures_in_a_row: u32,
}

impl TileFetches {
    /// Notes that `user`'s tile has changed.
    pub fn want(&mut self, user: &str) {
        let running = self.running.iter_mut().find(|running| running.user == user);
        if let Some(running) = running {
            running.again = true;
        } else if !self.waiting.iter().any(|waiting| waiting == user) {
            self.waiting.push_back(user.to_owned());
        }
    }

    /// Starts the next fetch as request `number`, if one may start; returns its participant.
    pub fn start(&mut self, number: u32) -> Option<String> {
        if self.running.len() >= MAX_TILE_REQUESTS {
            return None;
        }
        let user = self.waiting.pop_front()?;
        self.running.push(RunningFetch {
            user: user.clone(),
            number,
            again: false,
            late: false,
        });
        Some(user)
    }

    /// Notes that the fetch for `user` was answered.
    pub fn answered(&mut self, user: &str) {
        self.failures_in_a_row = 0;
        self.forget_failures(user);
        self.end(user);
    }

    /// Notes that the fetch for `user` failed.
    pub fn failed(&mut self, user: &str) -> FetchRetry {
        let failures = self.forget_failures(user) + 1;
        self.failures_in_a_row += 1;
        if self.failures_in_a_row >= MAX_FAILURES_IN_A_ROW {
            let running = std::mem::take(&mut self.running).into_iter();
            *self = Self {
                running: running.filter(|running| running.user != user).collect(),
                ..Self::default()
            };
            return FetchRetry::All;
        }
        self.end(user);
        self.failures.push((user.to_owned(), failures));
        FetchRetry::One(failures)
    }

    /// Notes that request `number` takes longer than usual, if it is still running.
    pub fn note_late(&mut self, number: u32) {
        for running in self.running.iter_mut().filter(|it| it.number == number) {
            running.late = true;
        }
    }

    /// Whether a failed fetch has not been answered since, or a running one takes long.
    pub fn is_behind(&self) -> bool {
        !self.failures.is_empty() || self.running.iter().any(|running| running.late)
    }

    fn forget_failures(&mut self, user: &str) -> u32 {
        let at = self.failures.iter().position(|(other, _)| other == user);
        at.map_or(0, |at| self.failures.swap_remove(at).1)
    }

    fn end(&mut self, user: &str) {
        let at = self.running.iter().position(|running| running.user == user);
        let ended = at.map(|at| self.running.swap_remove(at));
        if let Some(RunningFetch {
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
        let mut fetches = TileFetches::default();
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
    fn a_late_fetch_is_behind_until_it_is_answered() {
        let mut fetches = TileFetches::default();
        fetches.want("ana");
        assert!(fetches.start(1).is_some() && !fetches.is_behind());
        fetches.note_late(1);
        assert!(fetches.is_behind());
        fetches.answered("ana");
        assert!(!fetches.is_behind());
        fetches.want("ana");
        fetches.start(2);
        fetches.note_late(1);
        assert!(!fetches.is_behind(), "that was another");
    }

    #[test]
    fn fetches_are_limited_and_keep_their_order() {
        let mut fetches = TileFetches::default();
        let users: Vec<String> = (0..MAX_TILE_REQUESTS + 2)
            .map(|n| format!("u{n}"))
            .collect();
        for user in users.iter().chain(&users) {
            fetches.want(user);
        }
        let started: Vec<_> = std::iter::from_fn(|| fetches.start(0)).collect();
        assert_eq!(started, users[..MAX_TILE_REQUESTS]);
        fetches.answered("u1");
        assert_eq!(fetches.start(0).as_ref(), Some(&users[MAX_TILE_REQUESTS]));
    }

    #[test]
    fn one_failed_tile_is_retried_alone_and_many_by_one_request() {
        let mut fetches = TileFetches::default();
        for attempt in 1..20 {
            for user in ["ana", "bo"] {
                fetches.want(user);
                assert_eq!(fetches.start(0).as_deref(), Some(user));
            }
            assert_eq!(fetches.failed("ana"), FetchRetry::One(attempt));
            fetches.answered("bo");
            assert!(fetches.is_behind());
        }
        for user in 0..40 {
            fetches.want(&format!("u{user}"));
        }
        for _ in 1..MAX_FAILURES_IN_A_ROW {
            let user = fetches.start(0).expect("it waits");
            assert!(matches!(fetches.failed(&user), FetchRetry::One(_)));
        }
        let user = fetches.start(0).expect("it waits");
        assert_eq!(fetches.failed(&user), FetchRetry::All);
        assert_eq!(fetches.start(0), None, "none of those that waited");
        fetches.want("ana");
        assert_eq!(fetches.start(0).as_deref(), Some("ana"));
        assert!(
            !fetches.is_behind(),
            "that is for the request for all to say"
        );
        assert_eq!(fetches.failed("ana"), FetchRetry::One(1));
    }
}
