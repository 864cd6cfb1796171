//! The calls of the Hub's API, a few at a time.

use std::{collections::HashMap, time::Instant};

use anyhow::{Context, bail};
use metrics::{counter, histogram};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    HubLimits, HubSettings, HubUser,
    turns::{HubCaller, HubTurns},
};
use crate::secret::Secret;

/// Calls the Hub's API.
pub(super) struct HubApi {
    http: reqwest::Client,
    settings: HubSettings,
    turns: HubTurns,
    limits: HubLimits,
}

impl HubApi {
    pub(super) fn new(settings: HubSettings, limits: HubLimits) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self {
            http,
            settings,
            turns: HubTurns::new(limits.at_once),
            limits,
        })
    }

    /// The user of this token; `None` when the Hub does not know it.
    pub(super) async fn owner_of(
        &self,
        token: &str,
        caller: HubCaller,
    ) -> anyhow::Result<Option<HubUser>> {
        let request = self
            .http
            .get(format!("{}/user", self.settings.api_url))
            .header("Authorization", format!("token {token}"));
        self.in_time(caller, async {
            let response = self.send(request).await?;
            match response.status() {
                StatusCode::OK => {
                    let owner = response.json().await?;
                    Ok(Some(HubUser::new(owner, &self.settings)))
                }
                // The Hub answers 403 to a token it does not know.
                StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => {
                    Ok(None)
                }
                other => bail!("the Hub answered {other}"),
            }
        })
        .await
    }

    /// Trades an OAuth code for a token.
    pub(super) async fn trade(
        &self,
        code: &str,
        verifier: &str,
        caller: HubCaller,
    ) -> anyhow::Result<Secret> {
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
        let url = format!("{}/oauth2/token", settings.api_url);
        let request = self.http.post(url).form(&form);
        self.in_time(caller, async {
            let response = self.send(request).await?;
            let status = response.status();
            if !status.is_success() {
                bail!("the Hub answered {status} to the trade of a code for a token");
            }
            let answer: TokenResponse = response.json().await?;
            Ok(Secret::new(answer.access_token))
        })
        .await
    }

    /// A question in the service's own name, for `path` below the API.
    pub(super) fn of_service(&self, path: &str) -> RequestBuilder {
        let token = self.settings.api_token.reveal();
        self.http
            .get(format!("{}/{path}", self.settings.api_url))
            .header("Authorization", format!("token {token}"))
    }

    /// Whether the Hub's admins are instructors here.
    pub(super) fn admins_instruct(&self) -> bool {
        self.settings.admins_instruct
    }

    /// The service's name in the Hub.
    pub(super) fn service_name(&self) -> &str {
        &self.settings.service_name
    }

    /// Sends a request, and counts it in the metrics.
    pub(super) async fn send(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let begun = Instant::now();
        let response = request.send().await;
        histogram!("pipalhub_hub_request_seconds").record(begun.elapsed());
        let outcome = match &response {
            Ok(response) if !response.status().is_server_error() => "answered",
            _ => "failed",
        };
        counter!("pipalhub_hub_requests_total", "outcome" => outcome).increment(1);
        response
    }

    /// Runs `call` when it is its turn. The timeout counts from now, because with a slow Hub the
    /// wait for a turn takes longest.
    pub(super) async fn in_time<T>(
        &self,
        caller: HubCaller,
        call: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let calling = async {
            let _turn = self.turns.take(caller).await;
            call.await
        };
        let patience = self.limits.patience;
        let answered = timeout(patience, calling).await;
        answered.with_context(|| format!("the Hub did not answer within {patience:?}"))?
    }
}
