//! Which question to the Hub is next, when there are more than are asked at once.
//!
//! Each caller has a queue of their own, and the queues take turns: a caller with a thousand
//! questions delays their own only.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;

use tokio::sync::oneshot;

use super::{RequestSource, TokenKey};

/// The caller for whom the Hub is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum HubCaller {
    /// A user whom the Hub has named before.
    Person(String),
    /// The holder of a session cookie with this token, which cannot be made up.
    Session(TokenKey),
    /// The sender of a token that was never seen here, or of a code: only the source of their
    /// request is known.
    Stranger(RequestSource),
    /// The service itself, which lists the Hub's users for whoever looks at them.
    Roster,
}

/// Gives out turns to ask the Hub, so many at once.
#[derive(Clone)]
pub(super) struct HubTurns(Arc<Mutex<WaitingCallers>>);

/// The turns that are free, and the callers that wait for one.
struct WaitingCallers {
    free: usize,
    /// A queue for each caller that waits; none is empty.
    queues: HashMap<HubCaller, VecDeque<oneshot::Sender<HubTurn>>>,
    /// The callers, the next one first.
    order: VecDeque<HubCaller>,
}

/// A turn, which passes to the next caller when it is dropped.
pub(super) struct HubTurn(Option<HubTurns>);

impl HubTurns {
    pub(super) fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(WaitingCallers {
            free: at_once,
            queues: HashMap::new(),
            order: VecDeque::new(),
        })))
    }

    /// Waits until it is this caller's turn.
    pub(super) async fn take(&self, caller: HubCaller) -> HubTurn {
        let (sender, turn) = oneshot::channel();
        {
            let mut waiting = self.0.lock();
            if waiting.free > 0 {
                waiting.free -= 1;
                return HubTurn(Some(self.clone()));
            }
            waiting.add(caller, sender);
        }
        turn.await
            .expect("a waiting caller is given a turn before it is forgotten")
    }

    /// Gives a turn that has come back to the next caller that still waits.
    fn pass_on(self) {
        loop {
            let mut waiting = self.0.lock();
            let Some(next) = waiting.next() else {
                waiting.free += 1;
                return;
            };
            drop(waiting);
            match next.send(HubTurn(Some(self.clone()))) {
                Ok(()) => return,
                // The caller gave up at this moment. The turn must not pass itself on.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl WaitingCallers {
    fn add(&mut self, caller: HubCaller, sender: oneshot::Sender<HubTurn>) {
        let queue = self.queues.entry(caller.clone()).or_default();
        if queue.is_empty() {
            self.order.push_back(caller);
        }
        queue.push_back(sender);
    }

    fn next(&mut self) -> Option<oneshot::Sender<HubTurn>> {
        while let Some(caller) = self.order.pop_front() {
            let mut queue = self.queues.remove(&caller).unwrap_or_default();
            let mut first = None;
            while first.is_none()
                && let Some(sender) = queue.pop_front()
            {
                first = Some(sender).filter(|sender| !sender.is_closed());
            }
            if !queue.is_empty() {
                self.queues.insert(caller.clone(), queue);
                self.order.push_back(caller);
            }
            if first.is_some() {
                return first;
            }
        }
        None
    }
}

impl Drop for HubTurn {
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

    fn caller(user: &str) -> HubCaller {
        HubCaller::Person(user.to_owned())
    }

    /// The callers whose turn has come, in any order.
    fn served(waiting: &mut Vec<(String, BoxFuture<'static, HubTurn>)>) -> Vec<(String, HubTurn)> {
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
    async fn callers_take_turns() {
        let turns = HubTurns::new(1);
        let mut held = vec![("first".to_owned(), turns.take(caller("mallory")).await)];
        let mut waiting = Vec::new();
        for (name, count) in [("mallory", 100), ("ana", 2), ("bob", 1)] {
            for _ in 0..count {
                let turns = turns.clone();
                let turn = async move { turns.take(caller(name)).await }.boxed();
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
        // A caller that gives up is passed over, and no turn is lost.
        waiting.clear();
        held.clear();
        let waiting = turns.0.lock();
        assert_eq!(
            (waiting.free, waiting.queues.len(), waiting.order.len()),
            (1, 0, 0)
        );
    }

    #[tokio::test]
    async fn a_turn_given_to_a_caller_that_gave_up_comes_back() {
        let turns = HubTurns::new(1);
        let first = turns.take(caller("ana")).await;
        let mut given = turns.take(caller("bob")).boxed();
        assert!((&mut given).now_or_never().is_none());
        drop(first);
        // It is bob's, who has given up.
        drop(given);
        assert!(turns.take(caller("carol")).now_or_never().is_some());
    }
}
