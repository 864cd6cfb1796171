//! The Hub's answers to "whose token is this?", kept for a while.
//!
//! * `settings.rs`: what the Hub tells a service that it starts
//! * `user.rs`: who a token belongs to, and their role
//! * `api.rs`: the calls
//!
//! The Hub's token look-ups are slow in bulk, so it is asked once at a time for one token,
//! and a few at a time for all. While it is slow or down, people it has named before go on
//! with what it said last, and hardly wait for it; strangers are told to try again.

mod api;
mod settings;
mod user;

use std::{sync::Arc, time::Duration};

use metrics::counter;
use moka::future::Cache;
use tokio::time::timeout;

pub use settings::HubSettings;
use user::HubUser;

use super::{Secret, session::digest};
use crate::error::AppError;
use api::HubApi;

/// How long the Hub is waited for and believed, and how much is asked and kept.
#[derive(Clone, Copy, Debug)]
pub struct HubLimits {
    /// How long an answer is taken as still true.
    pub fresh: Duration,
    /// How long one is used while the Hub cannot be asked.
    pub stale: Duration,
    /// Until a question is given up, waiting for its turn included.
    pub patience: Duration,
    /// Until somebody whom the Hub has named before goes on with that. The question goes
    /// on too, for their next request.
    pub prompt: Duration,
    /// How long they then go on without asking again.
    pub rest: Duration,
    /// Questions at the same time.
    pub at_once: usize,
    /// Tokens that are remembered. A flood of made-up ones does not drive out those that
    /// are in use: what is asked for often is kept.
    pub remembered: u64,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(60),
            stale: Duration::from_secs(12 * 3600),
            patience: Duration::from_secs(10),
            prompt: Duration::from_secs(1),
            rest: Duration::from_secs(5),
            at_once: 8,
            remembered: 10_000,
        }
    }
}

/// Who a token belongs to, unless the Hub does not know it.
type Answer = Option<Arc<HubUser>>;
/// A token and the Hub session it came with, as neither can be had from it.
type TokenKey = [u8; 32];

/// Asks the Hub. See the module's words.
pub struct HubClient {
    answers: Arc<Answers>,
    /// Whose answer was waited for in vain a moment ago.
    resting: Cache<TokenKey, ()>,
    limits: HubLimits,
}

/// What the Hub said.
struct Answers {
    api: HubApi,
    fresh: Cache<TokenKey, Answer>,
    known: Cache<TokenKey, Arc<HubUser>>,
}

impl HubClient {
    /// A client that remembers nothing yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: HubSettings, limits: HubLimits) -> anyhow::Result<Self> {
        let answers = Answers {
            api: HubApi::new(settings, limits)?,
            fresh: cache(limits.remembered, limits.fresh),
            known: cache(limits.remembered, limits.stale),
        };
        Ok(Self {
            answers: Arc::new(answers),
            resting: cache(limits.remembered, limits.rest),
            limits,
        })
    }

    /// Whose token this is; `None` when the Hub does not know it. `hub_session` is the
    /// browser's session with the Hub: after it has ended, the answer is asked for anew.
    ///
    /// # Errors
    /// [`AppError::Unavailable`] when the Hub cannot be asked and the token is new here.
    pub async fn user_of(
        &self,
        token: &str,
        hub_session: Option<&str>,
    ) -> Result<Answer, AppError> {
        let key = key_of(token, hub_session);
        let (source, answer) = self.look_up(key, token).await;
        counter!("pipalhub_hub_lookups_total", "source" => source).increment(1);
        answer
    }

    async fn look_up(
        &self,
        key: TokenKey,
        token: &str,
    ) -> (&'static str, Result<Answer, AppError>) {
        if let Some(answer) = self.answers.fresh.get(&key).await {
            return ("fresh", Ok(answer));
        }
        let known = self.answers.known.get(&key).await;
        if known.is_some() && self.resting.contains_key(&key) {
            return ("stale", Ok(known));
        }
        let patience = match known {
            Some(_) => self.limits.prompt,
            None => self.limits.patience,
        };
        match (self.ask(key, token, patience).await, known) {
            (Ok(answer), _) => ("hub", Ok(answer)),
            (Err(cause), Some(user)) => {
                tracing::warn!(%cause, "the Hub does not answer; going on with what it said");
                self.resting.insert(key, ()).await;
                ("stale", Ok(Some(user)))
            }
            (Err(cause), None) => {
                let message = "JupyterHub cannot be asked who you are; try again in a moment.";
                ("stale", Err(AppError::Unavailable { message, cause }))
            }
        }
    }

    async fn ask(&self, key: TokenKey, token: &str, patience: Duration) -> Result<Answer, String> {
        let answers = Arc::clone(&self.answers);
        let token = token.to_owned();
        // A task of its own: who stops waiting does not stop the question. It ends by
        // itself, since the call has its time.
        let asking = tokio::spawn(async move { answers.ask(key, &token).await });
        match timeout(patience, asking).await {
            Ok(Ok(answer)) => answer.map_err(|cause| format!("{cause:#}")),
            Ok(Err(panic)) => Err(panic.to_string()),
            Err(_) => Err(format!("no answer within {patience:?}")),
        }
    }

    /// Forgets a token, so that the Hub is asked before it is good for anything again.
    pub async fn forget(&self, token: &str, hub_session: Option<&str>) {
        let key = key_of(token, hub_session);
        self.answers.fresh.invalidate(&key).await;
        self.answers.known.invalidate(&key).await;
        self.resting.invalidate(&key).await;
    }

    /// Trades an OAuth code for a token.
    ///
    /// # Errors
    /// When the Hub refuses or cannot be asked.
    pub async fn trade(&self, code: &str, verifier: &str) -> anyhow::Result<Secret> {
        self.answers.api.trade(code, verifier).await
    }
}

impl Answers {
    /// Asks for one token once, for however many want to know.
    async fn ask(&self, key: TokenKey, token: &str) -> Result<Answer, Arc<anyhow::Error>> {
        let asking = async {
            let answer = self.api.owner_of(token).await?.map(Arc::new);
            match &answer {
                Some(user) => self.known.insert(key, Arc::clone(user)).await,
                None => self.known.invalidate(&key).await,
            }
            Ok(answer)
        };
        self.fresh.try_get_with(key, asking).await
    }
}

fn cache<T: Clone + Send + Sync + 'static>(most: u64, life: Duration) -> Cache<TokenKey, T> {
    Cache::builder()
        .max_capacity(most)
        .time_to_live(life)
        .build()
}

fn key_of(token: &str, hub_session: Option<&str>) -> TokenKey {
    digest(&[token, hub_session.unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_of_tokens_is_not_kept_and_drives_nobody_out() {
        let answers: Cache<TokenKey, Answer> = cache(100, Duration::from_secs(3600));
        let in_use = key_of("alice", Some("session"));
        answers.insert(in_use, None).await;
        for n in 0..10_000 {
            answers.insert(key_of(&n.to_string(), None), None).await;
            assert!(answers.get(&in_use).await.is_some(), "after {n}");
            if n % 10 == 0 {
                answers.run_pending_tasks().await;
            }
        }
        answers.run_pending_tasks().await;
        assert!(answers.entry_count() <= 100, "{}", answers.entry_count());
    }

    #[test]
    fn a_token_in_another_session_is_asked_for_anew() {
        assert_eq!(key_of("t", None), key_of("t", Some("")));
        assert_ne!(key_of("t", Some("one")), key_of("t", Some("two")));
        assert_ne!(key_of("ab", Some("c")), key_of("a", Some("bc")));
    }
}
