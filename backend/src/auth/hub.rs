//! The Hub's answers to "whose token is this?", kept for a while.
//!
//! The Hub is asked at most once at a time for one token, and by at most eight requests
//! in all: its token look-ups are slow in bulk. While it is down, people it has named
//! before go on; strangers are told to try again.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use metrics::{counter, histogram};
use moka::future::Cache;
use reqwest::StatusCode;
use serde::Deserialize;
use shared::wire::Role;
use tokio::sync::Semaphore;

use super::{Identity, Secret, session::digest};
use crate::error::AppError;

/// How long an answer of the Hub's is taken as still true.
const FRESH: Duration = Duration::from_secs(60);
/// How long one is used while the Hub cannot be asked.
const STALE: Duration = Duration::from_secs(12 * 3600);
/// Until a question to the Hub is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Questions to the Hub at the same time.
const AT_ONCE: usize = 8;
/// Tokens that are remembered.
const REMEMBERED: u64 = 10_000;

/// Being allowed to read everyone's work.
const READ_SCOPE: &str = "custom:pipalhub:read";

/// The `JUPYTERHUB_*` variables that a managed service gets.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// Where the Hub's API answers, `http://127.0.0.1:8081/hub/api`.
    pub api_url: String,
    /// This service's token, also its OAuth secret.
    pub api_token: Secret,
    /// `service-dashboard`
    pub client_id: String,
    /// The service's name in the Hub, `dashboard`.
    pub service_name: String,
    /// The path of the OAuth callback, `/services/dashboard/oauth_callback`.
    pub callback_url: String,
    /// Scheme and host of the Hub when services have hosts of their own, else empty.
    pub hub_host: String,
    /// The Hub's base URL, `/`, ends in a slash.
    pub base_url: String,
}

impl HubSettings {
    /// Reads them by `get`, which gives a variable's value; `None` without a Hub.
    ///
    /// # Errors
    /// When the Hub set some variables and not others.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<Self>> {
        let Some(api_token) = get("JUPYTERHUB_API_TOKEN") else {
            return Ok(None);
        };
        let need =
            |name: &str| {
                get(name).filter(|value| !value.is_empty()).with_context(|| {
                format!(
                    "JUPYTERHUB_API_TOKEN is set but {name} is not: under a Hub, let the Hub \
                     start this service; without one, unset JUPYTERHUB_API_TOKEN"
                )
            })
            };
        let settings = Self {
            api_url: need("JUPYTERHUB_API_URL")?.trim_end_matches('/').to_owned(),
            api_token: Secret::new(api_token),
            client_id: need("JUPYTERHUB_CLIENT_ID")?,
            service_name: need("JUPYTERHUB_SERVICE_NAME")?,
            callback_url: need("JUPYTERHUB_OAUTH_CALLBACK_URL")?,
            hub_host: get("JUPYTERHUB_HOST").unwrap_or_default(),
            base_url: get("JUPYTERHUB_BASE_URL").unwrap_or_else(|| "/".to_owned()),
        };
        if !settings.api_url.starts_with("http://") {
            bail!(
                "JUPYTERHUB_API_URL is {}: only a Hub whose API is plain http on this machine \
                 is supported",
                settings.api_url
            );
        }
        Ok(Some(settings))
    }

    /// The Hub's home page, as a browser finds it.
    #[must_use]
    pub fn home_url(&self) -> String {
        format!("{}{}hub/home", self.hub_host, self.base_url)
    }
}

/// What the Hub says of a token's owner.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HubUser {
    /// Their name.
    pub name: String,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    scopes: Vec<String>,
    /// Whether the token is good for this service's pages, and not only to say who its
    /// owner is.
    #[serde(skip)]
    may_visit: bool,
}

impl HubUser {
    /// A Hub admin and whoever holds the scope are instructors, by a token that is meant
    /// for this service. The token of an admin's own server is not: what runs there
    /// must not see the class.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let reads = self.admin || self.scopes.iter().any(|scope| scope == READ_SCOPE);
        let role = if self.may_visit && reads {
            Role::Instructor
        } else {
            Role::Participant
        };
        Identity {
            user: self.name.clone(),
            role,
            from_hub: true,
        }
    }

    fn for_service(mut self, service: &str) -> Self {
        let own = format!("access:services!service={service}");
        self.may_visit = self
            .scopes
            .iter()
            .any(|scope| scope == "access:services" || *scope == own);
        self
    }
}

type Answer = Option<Arc<HubUser>>;
type TokenKey = [u8; 32];

/// Asks the Hub. See the module's words.
pub struct HubClient {
    http: reqwest::Client,
    settings: HubSettings,
    fresh: Cache<TokenKey, Answer>,
    known: Cache<TokenKey, Arc<HubUser>>,
    at_once: Semaphore,
}

impl HubClient {
    /// A client that remembers nothing yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: HubSettings) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self {
            http,
            settings,
            fresh: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(FRESH)
                .build(),
            known: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(STALE)
                .build(),
            at_once: Semaphore::new(AT_ONCE),
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
        let key = digest(&[token, hub_session.unwrap_or_default()]);
        let remembered = self.fresh.contains_key(&key);
        let asked = self.fresh.try_get_with(key, self.ask(token)).await;
        let source = match (&asked, remembered) {
            (Ok(_), true) => "fresh",
            (Ok(_), false) => "hub",
            (Err(_), _) => "stale",
        };
        counter!("pipalhub_hub_lookups_total", "source" => source).increment(1);
        match asked {
            Ok(answer) => {
                match &answer {
                    Some(user) => self.known.insert(key, Arc::clone(user)).await,
                    None => self.known.invalidate(&key).await,
                }
                Ok(answer)
            }
            Err(cause) => match self.known.get(&key).await {
                Some(user) => {
                    tracing::warn!(%cause, "the Hub does not answer; going on with what it said");
                    Ok(Some(user))
                }
                None => Err(AppError::Unavailable {
                    message: "JupyterHub cannot be asked who you are; try again in a moment.",
                    cause: format!("{cause:#}"),
                }),
            },
        }
    }

    async fn ask(&self, token: &str) -> anyhow::Result<Answer> {
        let _turn = self
            .at_once
            .acquire()
            .await
            .context("the semaphore is never closed")?;
        let begun = Instant::now();
        let request = self
            .http
            .get(format!("{}/user", self.settings.api_url))
            .header("Authorization", format!("token {token}"));
        let response = request.send().await;
        histogram!("pipalhub_hub_request_seconds").record(begun.elapsed());
        let outcome = match &response {
            Ok(response) if !response.status().is_server_error() => "answered",
            _ => "failed",
        };
        counter!("pipalhub_hub_requests_total", "outcome" => outcome).increment(1);
        let response = response?;
        match response.status() {
            StatusCode::OK => {
                let user: HubUser = response.json().await?;
                Ok(Some(Arc::new(
                    user.for_service(&self.settings.service_name),
                )))
            }
            // The Hub answers 403 to a token it does not know.
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => Ok(None),
            other => bail!("the Hub answered {other}"),
        }
    }

    /// Trades an OAuth code for a token.
    ///
    /// # Errors
    /// When the Hub refuses or cannot be asked.
    pub async fn trade(&self, code: &str, verifier: &str) -> anyhow::Result<Secret> {
        #[derive(Deserialize)]
        struct TokenResponse {
            access_token: String,
        }
        let settings = &self.settings;
        let form = HashMap::from([
            ("client_id", settings.client_id.as_str()),
            ("client_secret", settings.api_token.reveal()),
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", &settings.callback_url),
        ]);
        let response = self
            .http
            .post(format!("{}/oauth2/token", settings.api_url))
            .form(&form)
            .send()
            .await?;
        let status = response.status();
        if !status.is_success() {
            bail!("the Hub answered {status} to the trade of a code for a token");
        }
        let answer: TokenResponse = response.json().await?;
        Ok(Secret::new(answer.access_token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(admin: bool, scopes: &[&str]) -> Role {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let user = HubUser {
            name: "ana".to_owned(),
            admin,
            scopes,
            may_visit: false,
        };
        user.for_service("dashboard").identity().role
    }

    #[test]
    fn rights_come_from_the_token() {
        let visit = "access:services!service=dashboard";
        assert_eq!(user(false, &[visit]), Role::Participant);
        assert_eq!(user(false, &[visit, READ_SCOPE]), Role::Instructor);
        assert_eq!(user(true, &[visit]), Role::Instructor);
        assert_eq!(user(true, &["access:services"]), Role::Instructor);
        assert_eq!(
            user(true, &["access:servers!server=ana/"]),
            Role::Participant
        );
        assert_eq!(
            user(true, &["access:services!service=other"]),
            Role::Participant
        );
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error =
            HubSettings::from_env(|name| (name == "JUPYTERHUB_API_TOKEN").then(|| "t".to_owned()));
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("JUPYTERHUB_API_URL")
        );
        assert!(HubSettings::from_env(|_| None).unwrap().is_none());
    }
}
