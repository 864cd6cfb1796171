//! Checks now and then whether the requester of a request that goes on for hours still has their
//! rights.
//!
//! Each check looks into the cache of the Hub's answers, which asks the Hub when its answer is
//! old: the number of requests of one person and of checks does not change how often the Hub is
//! asked.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::time::{Instant, sleep_until, timeout};

use crate::{app::AppState, auth::Authenticated};

/// Longest wait for one check before the request goes on meanwhile. A Hub that is well answers
/// sooner.
const CHECK_WAIT: Duration = Duration::from_millis(100);

/// The repeated check of one requester's rights, while a request of theirs goes on.
pub(super) struct RightsCheck {
    state: Arc<AppState>,
    requester: Arc<Authenticated>,
    /// The time of the next check.
    next: Instant,
    /// The check that is under way.
    checking: Option<BoxFuture<'static, bool>>,
}

impl RightsCheck {
    /// Of a requester who was authenticated just now.
    pub(super) fn new(state: Arc<AppState>, requester: Arc<Authenticated>) -> Self {
        let mut rights = Self {
            state,
            requester,
            next: Instant::now(),
            checking: None,
        };
        rights.schedule();
        rights
    }

    /// Whether the requester has their rights, as far as one short check says. A check that takes
    /// longer goes on, and the next call or [`Self::lost`] has its result.
    pub(super) async fn holds(&mut self) -> bool {
        let still = match &mut self.checking {
            Some(checking) => checking.now_or_never(),
            None if Instant::now() < self.next => return true,
            None => timeout(CHECK_WAIT, self.check()).await.ok(),
        };
        if still == Some(true) {
            self.schedule();
        }
        still.unwrap_or(true)
    }

    /// Returns when the requester has lost their rights. It may be cancelled: a check that is
    /// under way is kept.
    pub(super) async fn lost(&mut self) {
        loop {
            if self.checking.is_none() {
                sleep_until(self.next.max(Instant::now() + CHECK_WAIT)).await;
            }
            if !self.check().await {
                return;
            }
            self.schedule();
        }
    }

    fn check(&mut self) -> &mut BoxFuture<'static, bool> {
        let (state, requester) = (&self.state, &self.requester);
        self.checking.get_or_insert_with(|| {
            let (state, requester) = (Arc::clone(state), Arc::clone(requester));
            async move { requester.is_still(&state.auth).await }.boxed()
        })
    }

    fn schedule(&mut self) {
        self.checking = None;
        self.next = Instant::now() + self.state.limits.settings().streams.recheck;
    }
}
