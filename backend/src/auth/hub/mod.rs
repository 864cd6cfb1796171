//! The Hub's answers to "whose token is this?", kept for a while.
//!
//! * `settings.rs`: what the Hub tells a service that it starts
//! * `user.rs`: who a token belongs to, and their role
//! * `api.rs`: the calls; `turns.rs`: whose is next
//! * `answers.rs`: what was answered
//!
//! The Hub's token look-ups are slow in bulk, so it is asked once at a time for one token,
//! and a few at a time for all, of whom everyone gets their turn. While it is slow or down,
//! people it has named before go on with what it said last, and hardly wait for it; strangers
//! are told to try again.

mod answers;
mod api;
mod settings;
mod turns;
mod user;

use std::{sync::Arc, time::Duration};

use metrics::counter;
use moka::future::Cache;
use tokio::time::timeout;

pub use settings::HubSettings;
use user::HubUser;
pub use user::{READ_SCOPE, WRITE_SCOPE};

use super::{Asker, AuthError, session::digest};
use crate::secret::Secret;
use answers::{Answers, cache};
use turns::Lane;

/// How long the Hub is waited for and believed, and how much is asked and kept.
#[derive(Clone, Copy, Debug)]
pub struct HubLimits {
    /// How long an answer on a participant is taken as still true, at most: a few are asked for
    /// anew sooner, so that a class that came at once does not ask at once for ever.
    pub fresh_of_participants: Duration,
    /// The same of an answer on a user who sees others, and on a token that the Hub refused.
    pub fresh_of_observers: Duration,
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
    /// Tokens that are remembered, and as many again that the Hub does not know: a flood of
    /// made-up ones drives out none that is good.
    pub remembered: u64,
    /// Of one person. Their oldest goes first.
    pub of_one: usize,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            // As long as the Hub's own services believe one.
            fresh_of_participants: Duration::from_secs(300),
            fresh_of_observers: Duration::from_secs(60),
            stale: Duration::from_secs(12 * 3600),
            patience: Duration::from_secs(10),
            prompt: Duration::from_secs(1),
            rest: Duration::from_secs(5),
            at_once: 8,
            remembered: 10_000,
            of_one: 32,
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

impl HubClient {
    /// A client that remembers nothing yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: HubSettings, limits: HubLimits) -> anyhow::Result<Self> {
        let answers = Answers::new(settings, limits)?;
        Ok(Self {
            answers: Arc::new(answers),
            resting: cache(limits.remembered, limits.rest),
            limits,
        })
    }

    /// Whose token this is, which `asker` shows; `None` when the Hub does not know it.
    ///
    /// # Errors
    /// [`AuthError::HubUnavailable`] when the Hub cannot be asked and the token is new here.
    pub async fn user_of(&self, token: &str, asker: &Asker) -> Result<Answer, AuthError> {
        let lane = Lane::Stranger(*asker);
        self.count_and_look_up(key_of(token, None), token, lane)
            .await
    }

    /// Whose token this is, of a session that was begun here; `hub_session` is the browser's
    /// session with the Hub: after it has ended, the answer is asked for anew.
    ///
    /// # Errors
    /// As for [`Self::user_of`].
    pub async fn user_in_session(
        &self,
        token: &str,
        hub_session: Option<&str>,
    ) -> Result<Answer, AuthError> {
        let lane = Lane::Session(key_of(token, None));
        let key = key_of(token, hub_session);
        self.count_and_look_up(key, token, lane).await
    }

    async fn count_and_look_up(
        &self,
        key: TokenKey,
        token: &str,
        lane: Lane,
    ) -> Result<Answer, AuthError> {
        let (source, answer) = self.look_up(key, token, lane).await;
        counter!("pipalhub_hub_lookups_total", "source" => source).increment(1);
        answer
    }

    async fn look_up(
        &self,
        key: TokenKey,
        token: &str,
        lane: Lane,
    ) -> (&'static str, Result<Answer, AuthError>) {
        if let Some(answer) = self.answers.fresh(&key).await {
            return ("fresh", Ok(answer));
        }
        let known = self.answers.known(&key).await;
        if known.is_some() && self.resting.contains_key(&key) {
            return ("stale", Ok(known));
        }
        let (patience, lane) = match &known {
            Some(user) => (self.limits.prompt, Lane::Person(user.name().to_owned())),
            None => (self.limits.patience, lane),
        };
        match (self.ask(key, token, lane, patience).await, known) {
            (Ok(answer), _) => ("hub", Ok(answer)),
            (Err(cause), Some(user)) => {
                tracing::warn!(%cause, "the Hub does not answer; going on with what it said");
                self.resting.insert(key, ()).await;
                ("stale", Ok(Some(user)))
            }
            (Err(cause), None) => ("stale", Err(AuthError::HubUnavailable { cause })),
        }
    }

    async fn ask(
        &self,
        key: TokenKey,
        token: &str,
        lane: Lane,
        patience: Duration,
    ) -> Result<Answer, String> {
        let answers = Arc::clone(&self.answers);
        let token = token.to_owned();
        // A task of its own: who stops waiting does not stop the question. It ends by
        // itself, since the call has its time.
        let asking = tokio::spawn(async move { answers.ask(key, &token, lane).await });
        match timeout(patience, asking).await {
            Ok(Ok(answer)) => answer.map_err(|cause| format!("{cause:#}")),
            Ok(Err(panic)) => Err(panic.to_string()),
            Err(_) => Err(format!("no answer within {patience:?}")),
        }
    }

    /// Forgets a token, so that the Hub is asked before it is good for anything again.
    pub async fn forget(&self, token: &str, hub_session: Option<&str>) {
        let key = key_of(token, hub_session);
        self.answers.forget(&key).await;
        self.resting.invalidate(&key).await;
    }

    /// Trades an OAuth code, which `asker` brings, for a token.
    ///
    /// # Errors
    /// When the Hub refuses or cannot be asked.
    pub async fn trade(&self, code: &str, verifier: &str, asker: &Asker) -> anyhow::Result<Secret> {
        let lane = Lane::Stranger(*asker);
        self.answers.api().trade(code, verifier, lane).await
    }
}

fn key_of(token: &str, hub_session: Option<&str>) -> TokenKey {
    digest(&[token, hub_session.unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_another_session_is_asked_for_anew() {
        assert_eq!(key_of("t", None), key_of("t", Some("")));
        assert_ne!(key_of("t", Some("one")), key_of("t", Some("two")));
        assert_ne!(key_of("ab", Some("c")), key_of("a", Some("bc")));
    }
}
