//! What the Hub has said of tokens.
//!
//! Good ones and others are kept apart, and good ones by whom they are of: nobody's flood
//! drives out what is anyone else's.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use moka::{Expiry, future::Cache};

use super::{Answer, HubLimits, HubSettings, HubUser, TokenKey, api::HubApi, turns::Lane};

/// See the module's words.
pub(super) struct Answers {
    api: HubApi,
    fresh: Cache<TokenKey, Arc<HubUser>>,
    known: Cache<TokenKey, Arc<HubUser>>,
    /// What the Hub did not know a moment ago.
    refused: Cache<TokenKey, ()>,
    /// By the user's name, the oldest first.
    tokens_of: Cache<String, Arc<Mutex<VecDeque<TokenKey>>>>,
    of_one: usize,
}

/// Why there is no user.
enum Failure {
    Refused,
    Unanswered(anyhow::Error),
}

impl Answers {
    pub(super) fn new(settings: HubSettings, limits: HubLimits) -> anyhow::Result<Self> {
        let fresh = Cache::builder()
            .max_capacity(limits.remembered)
            .expire_after(Freshness::of(limits))
            .build();
        Ok(Self {
            api: HubApi::new(settings, limits)?,
            fresh,
            known: cache(limits.remembered, limits.stale),
            refused: cache(limits.remembered, limits.fresh_of_observers),
            tokens_of: cache(limits.remembered, limits.stale),
            of_one: limits.of_one,
        })
    }

    /// How the Hub is asked.
    pub(super) fn api(&self) -> &HubApi {
        &self.api
    }

    /// What was said lately, if anything.
    pub(super) async fn fresh(&self, key: &TokenKey) -> Option<Answer> {
        if let Some(user) = self.fresh.get(key).await {
            return Some(Some(user));
        }
        self.refused.get(key).await.map(|()| None)
    }

    /// Whom the Hub has named, lately or not.
    pub(super) async fn known(&self, key: &TokenKey) -> Option<Arc<HubUser>> {
        self.known.get(key).await
    }

    /// Asks for one token once, for however many want to know.
    pub(super) async fn ask(
        &self,
        key: TokenKey,
        token: &str,
        lane: Lane,
    ) -> Result<Answer, String> {
        let asking = async {
            let answer = self.api.owner_of(token, lane).await;
            match answer.map_err(Failure::Unanswered)?.map(Arc::new) {
                Some(user) => {
                    self.remember(key, &user).await;
                    Ok(user)
                }
                None => {
                    self.known.invalidate(&key).await;
                    self.refused.insert(key, ()).await;
                    Err(Failure::Refused)
                }
            }
        };
        match self.fresh.try_get_with(key, asking).await {
            Ok(user) => Ok(Some(user)),
            Err(failure) => match &*failure {
                Failure::Refused => Ok(None),
                Failure::Unanswered(cause) => Err(format!("{cause:#}")),
            },
        }
    }

    /// Forgets what was said of a token.
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
        if let Some(too_old) = push(&tokens, key, self.of_one) {
            self.forget(&too_old).await;
        }
    }
}

/// Adds a token to somebody's, and gives the one that they have too many.
fn push(tokens: &Mutex<VecDeque<TokenKey>>, key: TokenKey, most: usize) -> Option<TokenKey> {
    let mut tokens = tokens.lock();
    // The newest is what was asked for last.
    tokens.retain(|known| *known != key);
    tokens.push_back(key);
    (tokens.len() > most).then(|| tokens.pop_front()).flatten()
}

/// How long an answer is believed at most, by what the token shows.
struct Freshness {
    participants: Duration,
    observers: Duration,
}

impl Freshness {
    fn of(limits: HubLimits) -> Self {
        Self {
            participants: limits.fresh_of_participants,
            observers: limits.fresh_of_observers,
        }
    }

    /// A little less than at most: the key, which is a digest, says how much.
    fn of_answer(&self, key: &TokenKey, sees_everyone: bool) -> Duration {
        let most = match sees_everyone {
            true => self.observers,
            false => self.participants,
        };
        most * (768 + u32::from(key[0])) / 1_024
    }
}

impl Expiry<TokenKey, Arc<HubUser>> for Freshness {
    fn expire_after_create(
        &self,
        key: &TokenKey,
        user: &Arc<HubUser>,
        _: Instant,
    ) -> Option<Duration> {
        Some(self.of_answer(key, user.sees_everyone()))
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
    fn whoever_has_many_tokens_has_their_own_forgotten() {
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
        let freshness = Freshness::of(HubLimits::default());
        for (sees_everyone, seconds) in [(false, 300), (true, 60)] {
            let life = Duration::from_secs(seconds);
            let of = |first: u8| {
                let mut key = [0; 32];
                key[0] = first;
                freshness.of_answer(&key, sees_everyone)
            };
            assert_eq!(of(0), life * 3 / 4);
            assert!(of(1) > of(0) && of(255) > of(254) && of(255) < life);
        }
    }
}
