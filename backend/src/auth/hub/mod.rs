//! Looks up the user of a token by asking the Hub, and caches its answers.
//!
//! * `settings.rs`: the variables that the Hub sets for a service that it starts
//! * `user.rs`: the user of a token, and their role
//! * `api.rs`: the calls; `turns.rs`: their order
//! * `answer_cache.rs`: the answers
//! * `roster.rs`: the Hub's users and their servers
//!
//! The Hub's token look-ups are slow in bulk, so it is asked once at a time for one token,
//! and a few at a time for all callers, who take turns. While it is slow or down, users whom it
//! has named before go on with its last answer, and hardly wait for it; strangers are told to
//! try again.

mod answer_cache;
mod api;
mod roster;
mod settings;
mod turns;
mod user;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use metrics::counter;
use moka::future::Cache;
use parking_lot::Mutex;
use tokio::time::timeout;

pub use roster::{HubServer, HubServerState, Roster, RosterAnswer};
pub use settings::HubSettings;
use user::HubUser;
pub use user::{HELP_SCOPE, READ_SCOPE, WRITE_SCOPE};

use super::{AuthError, RequestSource, session::digest};
use crate::secret::Secret;
use answer_cache::{HubAnswerCache, cache};
use roster::RosterCache;
use turns::HubCaller;

/// How long the Hub is waited for and believed, and how much is asked and kept.
#[derive(Clone, Copy, Debug)]
pub struct HubLimits {
    /// How long an answer about a participant is taken as still true, at most: some expire sooner,
    /// so that the tokens of a class that came at once are not asked for at once for ever.
    pub fresh_of_participants: Duration,
    /// The same for an answer about a user who sees others' notebooks, and for a token that the
    /// Hub refused.
    pub fresh_of_observers: Duration,
    /// How long one is used while the Hub cannot be asked.
    pub stale: Duration,
    /// Until a question is given up, waiting for its turn included.
    pub patience: Duration,
    /// Until a user whom the Hub has named before goes on with that answer. The question goes
    /// on too, for their next request.
    pub prompt: Duration,
    /// How long that user then goes on without another question.
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

/// The user of a token; `None` when the Hub does not know it.
type HubAnswer = Option<Arc<HubUser>>;
/// The digest of a token and the Hub session it came with, from which neither can be recovered.
type TokenKey = [u8; 32];

/// Finds the user of a token by asking the Hub, whose answers it caches.
pub struct HubClient {
    answers: Arc<HubAnswerCache>,
    /// The tokens for which an answer was waited for in vain a moment ago.
    resting: Cache<TokenKey, ()>,
    roster: RosterCache,
    /// Who was seen to see everyone.
    staff: Mutex<BTreeSet<String>>,
    limits: HubLimits,
}

impl HubClient {
    /// A client that remembers nothing yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: HubSettings, limits: HubLimits) -> anyhow::Result<Self> {
        let answers = Arc::new(HubAnswerCache::new(settings, limits)?);
        Ok(Self {
            roster: RosterCache::new(Arc::clone(&answers)),
            answers,
            resting: cache(limits.remembered, limits.rest),
            staff: Mutex::default(),
            limits,
        })
    }

    /// The user of this token, which came from `source`; `None` when the Hub does not know it.
    ///
    /// # Errors
    /// [`AuthError::HubUnavailable`] when the Hub cannot be asked and the token is new here.
    pub async fn user_of(
        &self,
        token: &str,
        source: &RequestSource,
    ) -> Result<HubAnswer, AuthError> {
        let caller = HubCaller::Stranger(*source);
        let answer = self
            .count_and_look_up(key_of(token, None), token, caller)
            .await;
        if let Ok(Some(user)) = &answer
            && user.sees_everyone()
        {
            self.note_staff(user);
        }
        answer
    }

    /// The user of the token of a session that was begun here; `hub_session` is the browser's
    /// session with the Hub: after it has ended, the answer is asked for anew.
    ///
    /// # Errors
    /// As for [`Self::user_of`].
    pub async fn user_in_session(
        &self,
        token: &str,
        hub_session: Option<&str>,
    ) -> Result<HubAnswer, AuthError> {
        let caller = HubCaller::Session(key_of(token, None));
        let key = key_of(token, hub_session);
        let answer = self.count_and_look_up(key, token, caller).await;
        if let Ok(Some(user)) = &answer {
            self.note_staff(user);
        }
        answer
    }

    /// Notes whether this user sees everyone. Only a session says that they do not: they have other
    /// tokens that let them see less.
    fn note_staff(&self, user: &HubUser) {
        let mut staff = self.staff.lock();
        match user.sees_everyone() {
            true if !staff.contains(user.name()) => drop(staff.insert(user.name().to_owned())),
            true => {}
            false => drop(staff.remove(user.name())),
        }
    }

    /// Who sees everyone, as far as they have been here since the service was started.
    #[must_use]
    pub fn staff(&self) -> BTreeSet<String> {
        self.staff.lock().clone()
    }

    /// The same with the Hub's admins, where they are instructors and the Hub tells them; who asks
    /// waits for the Hub some seconds at most.
    pub async fn staff_with_admins(&self) -> BTreeSet<String> {
        let mut staff = self.staff();
        if !self.answers.api().admins_instruct() {
            return staff;
        }
        if let RosterAnswer::Known(roster) | RosterAnswer::Unanswered(Some(roster)) =
            self.roster().await
        {
            staff.extend(roster.admins.iter().cloned());
        }
        staff
    }

    async fn count_and_look_up(
        &self,
        key: TokenKey,
        token: &str,
        caller: HubCaller,
    ) -> Result<HubAnswer, AuthError> {
        let (origin, answer) = self.look_up(key, token, caller).await;
        counter!("pipalhub_hub_lookups_total", "source" => origin).increment(1);
        answer
    }

    async fn look_up(
        &self,
        key: TokenKey,
        token: &str,
        caller: HubCaller,
    ) -> (&'static str, Result<HubAnswer, AuthError>) {
        if let Some(answer) = self.answers.fresh(&key).await {
            return ("fresh", Ok(answer));
        }
        let known = self.answers.known(&key).await;
        if known.is_some() && self.resting.contains_key(&key) {
            return ("stale", Ok(known));
        }
        let (patience, caller) = match &known {
            Some(user) => (
                self.limits.prompt,
                HubCaller::Person(user.name().to_owned()),
            ),
            None => (self.limits.patience, caller),
        };
        match (self.ask(key, token, caller, patience).await, known) {
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
        caller: HubCaller,
        patience: Duration,
    ) -> Result<HubAnswer, String> {
        let answers = Arc::clone(&self.answers);
        let token = token.to_owned();
        // A task of its own: a caller that stops waiting does not stop the question. It ends by
        // itself, since the call has a timeout.
        let asking = tokio::spawn(async move { answers.ask(key, &token, caller).await });
        match timeout(patience, asking).await {
            Ok(Ok(answer)) => answer.map_err(|cause| format!("{cause:#}")),
            Ok(Err(panic)) => Err(panic.to_string()),
            Err(_) => Err(format!("no answer within {patience:?}")),
        }
    }

    /// Forgets a token, so that the Hub is asked before it is valid again.
    pub async fn forget(&self, token: &str, hub_session: Option<&str>) {
        let key = key_of(token, hub_session);
        self.answers.forget(&key).await;
        self.resting.invalidate(&key).await;
    }

    /// The Hub's users and the state of their servers, at most some seconds old; who asks waits
    /// for the Hub some seconds at most.
    pub async fn roster(&self) -> RosterAnswer {
        self.roster.current().await
    }

    /// This service's name in the Hub.
    #[must_use]
    pub fn service_name(&self) -> &str {
        self.answers.api().service_name()
    }

    /// Trades an OAuth code, which came from `source`, for a token.
    ///
    /// # Errors
    /// When the Hub refuses or cannot be asked.
    pub async fn trade(
        &self,
        code: &str,
        verifier: &str,
        source: &RequestSource,
    ) -> anyhow::Result<Secret> {
        let caller = HubCaller::Stranger(*source);
        self.answers.api().trade(code, verifier, caller).await
    }
}

fn key_of(token: &str, hub_session: Option<&str>) -> TokenKey {
    digest(&[token, hub_session.unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_another_session_has_another_key() {
        assert_eq!(key_of("t", None), key_of("t", Some("")));
        assert_ne!(key_of("t", Some("one")), key_of("t", Some("two")));
        assert_ne!(key_of("ab", Some("c")), key_of("a", Some("bc")));
    }
}
