//! Looks now and then whether somebody whose request goes on for hours still has the rights
//! they had.
//!
//! Each look is one into what the Hub said lately, which is asked anew when that is old: so
//! however many requests somebody has, and however often is looked, the Hub is asked as often
//! as for anyone.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::time::{Instant, sleep_until, timeout};

use crate::{app::AppState, auth::Authenticated};

/// How long an answer is waited for before going on meanwhile. A Hub that is well is quicker.
const MOMENT: Duration = Duration::from_millis(100);

/// See the module's words.
pub(super) struct Trust {
    state: Arc<AppState>,
    somebody: Arc<Authenticated>,
    /// When it is looked again.
    until: Instant,
    looking: Option<BoxFuture<'static, bool>>,
}

impl Trust {
    /// In somebody whose rights were looked at just now.
    pub(super) fn new(state: Arc<AppState>, somebody: Arc<Authenticated>) -> Self {
        let mut trust = Self {
            state,
            somebody,
            until: Instant::now(),
            looking: None,
        };
        trust.renew();
        trust
    }

    /// Whether they have their rights, as far as that is known in a moment. What is not known
    /// yet is at the next call, or by [`Self::lost`].
    pub(super) async fn holds(&mut self) -> bool {
        let still = match &mut self.looking {
            Some(looking) => looking.now_or_never(),
            None if Instant::now() < self.until => return true,
            None => timeout(MOMENT, self.look()).await.ok(),
        };
        if still == Some(true) {
            self.renew();
        }
        still.unwrap_or(true)
    }

    /// Returns when they have lost them. Nothing is lost when this is given up half-way.
    pub(super) async fn lost(&mut self) {
        loop {
            if self.looking.is_none() {
                sleep_until(self.until.max(Instant::now() + MOMENT)).await;
            }
            if !self.look().await {
                return;
            }
            self.renew();
        }
    }

    fn look(&mut self) -> &mut BoxFuture<'static, bool> {
        let (state, somebody) = (&self.state, &self.somebody);
        self.looking.get_or_insert_with(|| {
            let (state, somebody) = (Arc::clone(state), Arc::clone(somebody));
            async move { somebody.is_still(&state.auth).await }.boxed()
        })
    }

    fn renew(&mut self) {
        self.looking = None;
        self.until = Instant::now() + self.state.limits.settings().streams.recheck;
    }
}
