//! Whose question to the Hub is next, when there are more than are asked at once.
//!
//! Everyone has a lane of their own, and the lanes take turns: who asks a thousand things
//! waits for themselves.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;

use tokio::sync::oneshot;

use super::{Asker, TokenKey};

/// For whose sake the Hub is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    /// Somebody whom the Hub has named before.
    Person(String),
    /// Whoever holds a session cookie with this token, which nobody can make up.
    Session(TokenKey),
    /// Whoever shows a token that was never seen here, or a code: all that is known of them
    /// is where they ask from.
    Stranger(Asker),
}

/// See the module's words.
#[derive(Clone)]
pub(super) struct Turns(Arc<Mutex<Waiting>>);

struct Waiting {
    free: usize,
    /// Who waits, by lane; none is empty.
    lanes: HashMap<Lane, VecDeque<oneshot::Sender<Turn>>>,
    /// The lanes, that whose turn it is first.
    order: VecDeque<Lane>,
}

/// One turn, which is the next one's when it is dropped.
pub(super) struct Turn(Option<Turns>);

impl Turns {
    pub(super) fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(Waiting {
            free: at_once,
            lanes: HashMap::new(),
            order: VecDeque::new(),
        })))
    }

    /// Waits until it is this lane's turn.
    pub(super) async fn take(&self, lane: Lane) -> Turn {
        let (sender, turn) = oneshot::channel();
        {
            let mut waiting = self.0.lock();
            if waiting.free > 0 {
                waiting.free -= 1;
                return Turn(Some(self.clone()));
            }
            waiting.add(lane, sender);
        }
        turn.await
            .expect("who waits is given a turn before they are forgotten")
    }

    /// Gives a turn that has come back to whoever is next and still waits.
    fn pass_on(self) {
        loop {
            let mut waiting = self.0.lock();
            let Some(next) = waiting.next() else {
                waiting.free += 1;
                return;
            };
            drop(waiting);
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // Gave up at this moment. The turn must not pass itself on.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl Waiting {
    fn add(&mut self, lane: Lane, sender: oneshot::Sender<Turn>) {
        let queue = self.lanes.entry(lane.clone()).or_default();
        if queue.is_empty() {
            self.order.push_back(lane);
        }
        queue.push_back(sender);
    }

    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        while let Some(lane) = self.order.pop_front() {
            let mut queue = self.lanes.remove(&lane).unwrap_or_default();
            let mut first = None;
            while first.is_none()
                && let Some(sender) = queue.pop_front()
            {
                first = Some(sender).filter(|sender| !sender.is_closed());
            }
            if !queue.is_empty() {
                self.lanes.insert(lane.clone(), queue);
                self.order.push_back(lane);
            }
            if first.is_some() {
                return first;
            }
        }
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::BoxFuture};

    use super::*;

    fn lane(user: &str) -> Lane {
        Lane::Person(user.to_owned())
    }

    /// Those whose turn has come, in any order.
    fn served(waiting: &mut Vec<(String, BoxFuture<'static, Turn>)>) -> Vec<(String, Turn)> {
        let mut served = Vec::new();
        waiting.retain_mut(|(name, turn)| match turn.now_or_never() {
            Some(turn) => {
                served.push((name.clone(), turn));
                false
            }
            None => true,
        });
        served
    }

    #[tokio::test]
    async fn lanes_take_turns() {
        let turns = Turns::new(1);
        let mut held = vec![("first".to_owned(), turns.take(lane("mallory")).await)];
        let mut waiting = Vec::new();
        for (name, count) in [("mallory", 100), ("ana", 2), ("bob", 1)] {
            for _ in 0..count {
                let turns = turns.clone();
                let turn = async move { turns.take(lane(name)).await }.boxed();
                waiting.push((name.to_owned(), turn));
            }
        }
        assert_eq!(served(&mut waiting).len(), 0);
        let mut order = Vec::new();
        for _ in 0..6 {
            held.clear();
            held = served(&mut waiting);
            assert_eq!(held.len(), 1, "one at a time");
            order.push(held[0].0.clone());
        }
        assert_eq!(
            order,
            ["mallory", "ana", "bob", "mallory", "ana", "mallory"]
        );
        // Who gives up is passed over, and nothing is lost.
        waiting.clear();
        held.clear();
        let waiting = turns.0.lock();
        assert_eq!(
            (waiting.free, waiting.lanes.len(), waiting.order.len()),
            (1, 0, 0)
        );
    }

    #[tokio::test]
    async fn a_turn_that_was_given_to_nobody_comes_back() {
        let turns = Turns::new(1);
        let first = turns.take(lane("ana")).await;
        let mut given = turns.take(lane("bob")).boxed();
        assert!((&mut given).now_or_never().is_none());
        drop(first);
        // It is bob's, who does not look any more.
        drop(given);
        assert!(turns.take(lane("carol")).now_or_never().is_some());
    }
}
