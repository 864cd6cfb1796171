//! A cache of the Hub's answers about tokens.
//!
//! Valid and other tokens are kept apart, and valid ones by their user: a flood of tokens drives
//! out no answer about another user's.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use moka::{Expiry, future::Cache};

use super::{HubAnswer, HubLimits, HubSettings, HubUser, TokenKey, api::HubApi, turns::HubCaller};

/// The Hub's answers about tokens: recent ones, older ones, and refusals.
pub(super) struct HubAnswerCache {
    api: HubApi,
    fresh: Cache<TokenKey, Arc<HubUser>>,
    known: Cache<TokenKey, Arc<HubUser>>,
    /// The tokens that the Hub did not know a moment ago.
    refused: Cache<TokenKey, ()>,
    /// The tokens of each user, by name, the oldest first.
    tokens_of: Cache<String, Arc<Mutex<VecDeque<TokenKey>>>>,
    max_tokens_per_user: usize,
}

/// Why a token has no user: the Hub does not know it, or did not answer.
enum HubLookupError {
    Refused,
    Unanswered(anyhow::Error),
}

impl HubAnswerCache {
    pub(super) fn new(settings: HubSettings, limits: HubLimits) -> anyhow::Result<Self> {
        let fresh = Cache::builder()
            .max_capacity(limits.remembered)
            .expire_after(AnswerExpiry::new(limits))
            .build();
        Ok(Self {
            api: HubApi::new(settings, limits)?,
            fresh,
            known: cache(limits.remembered, limits.stale),
            refused: cache(limits.remembered, limits.fresh_of_observers),
            tokens_of: cache(limits.remembered, limits.stale),
            max_tokens_per_user: limits.of_one,
        })
    }

    /// The client of the Hub's API.
    pub(super) fn api(&self) -> &HubApi {
        &self.api
    }

    /// A recent answer, if there is one.
    pub(super) async fn fresh(&self, key: &TokenKey) -> Option<HubAnswer> {
        if let Some(user) = self.fresh.get(key).await {
            return Some(Some(user));
        }
        self.refused.get(key).await.map(|()| None)
    }

    /// The user that the Hub has named for a token, recently or not.
    pub(super) async fn known(&self, key: &TokenKey) -> Option<Arc<HubUser>> {
        self.known.get(key).await
    }

    /// Asks the Hub for one token's user, once for all callers that wait for it.
    pub(super) async fn ask(
        &self,
        key: TokenKey,
        token: &str,
        caller: HubCaller,
    ) -> Result<HubAnswer, String> {
        let asking = async {
            let answer = self.api.owner_of(token, caller).await;
            match answer.map_err(HubLookupError::Unanswered)?.map(Arc::new) {
                Some(user) => {
                    self.remember(key, &user).await;
                    Ok(user)
                }
                None => {
                    self.known.invalidate(&key).await;
                    self.refused.insert(key, ()).await;
                    Err(HubLookupError::Refused)
                }
            }
        };
        match self.fresh.try_get_with(key, asking).await {
            Ok(user) => Ok(Some(user)),
            Err(failure) => match &*failure {
                HubLookupError::Refused => Ok(None),
                HubLookupError::Unanswered(cause) => Err(format!("{cause:#}")),
            },
        }
    }

    /// Forgets the answers about a token.
    pub(super) async fn forget(&self, key: &TokenKey) {
        self.fresh.invalidate(key).await;
        self.known.invalidate(key).await;
        self.refused.invalidate(key).await;
    }

    async fn remember(&self, key: TokenKey, user: &Arc<HubUser>) {
        self.known.insert(key, Arc::clone(user)).await;
        let name = user.name().to_owned();
        let tokens = self.tokens_of.get_with(name, async { Arc::default() });
        let tokens: Arc<Mutex<_>> = tokens.await;
        if let Some(too_old) = push(&tokens, key, self.max_tokens_per_user) {
            self.forget(&too_old).await;
        }
    }
}

/// Adds a token to a user's, and returns the oldest when they are more than `most`.
fn push(tokens: &Mutex<VecDeque<TokenKey>>, key: TokenKey, most: usize) -> Option<TokenKey> {
    let mut tokens = tokens.lock();
    // A token that was asked for again becomes the newest.
    tokens.retain(|known| *known != key);
    tokens.push_back(key);
    (tokens.len() > most).then(|| tokens.pop_front()).flatten()
}

/// How long an answer is believed at most. A participant's token is believed for longer than one
/// that shows others' notebooks.
struct AnswerExpiry {
    participants: Duration,
    observers: Duration,
}

impl AnswerExpiry {
    fn new(limits: HubLimits) -> Self {
        Self {
            participants: limits.fresh_of_participants,
            observers: limits.fresh_of_observers,
        }
    }

    /// This time or a little less, so that answers do not expire all at once. How much less depends
    /// on the key, which is a digest.
    fn spread(&self, key: &TokenKey, sees_everyone: bool) -> Duration {
        let most = match sees_everyone {
            true => self.observers,
            false => self.participants,
        };
        most * (768 + u32::from(key[0])) / 1_024
    }
}

impl Expiry<TokenKey, Arc<HubUser>> for AnswerExpiry {
    fn expire_after_create(
        &self,
        key: &TokenKey,
        user: &Arc<HubUser>,
        _: Instant,
    ) -> Option<Duration> {
        Some(self.spread(key, user.sees_everyone()))
    }
}

pub(super) fn cache<K, V>(most: u64, life: Duration) -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(most)
        .time_to_live(life)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_with_many_tokens_loses_their_own_oldest() {
        let tokens = Mutex::default();
        let key = |n: u8| [n; 32];
        for n in 0..3 {
            assert_eq!(push(&tokens, key(n), 3), None);
        }
        // One that is still used is not the oldest.
        assert_eq!(push(&tokens, key(0), 3), None);
        assert_eq!(push(&tokens, key(3), 3), Some(key(1)));
        assert_eq!(push(&tokens, key(4), 3), Some(key(2)));
    }

    #[test]
    fn no_answer_is_believed_for_longer_than_it_may_be() {
        let expiry = AnswerExpiry::new(HubLimits::default());
        for (sees_everyone, seconds) in [(false, 300), (true, 60)] {
            let life = Duration::from_secs(seconds);
            let of = |first: u8| {
                let mut key = [0; 32];
                key[0] = first;
                expiry.spread(&key, sees_everyone)
            };
            assert_eq!(of(0), life * 3 / 4);
            assert!(of(1) > of(0) && of(255) > of(254) && of(255) < life);
        }
    }
}
