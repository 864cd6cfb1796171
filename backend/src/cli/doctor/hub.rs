//! The Hub, when its variables are set: that it answers, is new enough, and knows our token.

use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::{auth::HubSettings, findings::Finding};

const SUBJECT: &str = "JupyterHub";
/// Longest wait for an answer of the Hub.
const HUB_TIMEOUT: Duration = Duration::from_secs(10);
/// The oldest version of JupyterHub that is taken: older ones have known holes in features that
/// this service relies on.
const MIN_HUB_VERSION: [u64; 3] = [5, 5, 1];

pub(super) async fn check(variable: &impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let settings = match HubSettings::from_env(variable) {
        Ok(Some(settings)) => settings,
        Ok(None) => {
            let message = "its variables are not set: the service runs by itself, or see \
                           --hub-config";
            return vec![Finding::ok(SUBJECT, message)];
        }
        Err(error) => {
            let remedy = "Let the Hub start the service: see docs/install.md.";
            return vec![Finding::problem(SUBJECT, format!("{error:#}"), remedy)];
        }
    };
    match ask(&format!("{}/", settings.api_url), None).await {
        Ok((_, answer)) => {
            let mut findings = vec![version(&settings, &answer), token(&settings).await];
            findings.extend(scopes(&settings).await);
            findings
        }
        Err(error) => vec![Finding::problem(
            SUBJECT,
            format!("{} does not answer: {error:#}", settings.api_url),
            "Start the Hub, or see with its administrator whether the address is right.",
        )],
    }
}

fn version(settings: &HubSettings, answer: &Value) -> Finding {
    let Some(version) = answer["version"].as_str() else {
        return Finding::problem(
            SUBJECT,
            format!("{} is not the API of a JupyterHub", settings.api_url),
            "JUPYTERHUB_API_URL must be the Hub's, such as http://127.0.0.1:8081/hub/api.",
        );
    };
    if numbers(version) < MIN_HUB_VERSION {
        return Finding::problem(
            SUBJECT,
            format!("version {version} is too old"),
            "Install 5.5.1 or later.",
        );
    }
    Finding::ok(
        SUBJECT,
        format!("version {version} answers at {}", settings.api_url),
    )
}

fn numbers(version: &str) -> [u64; 3] {
    let mut numbers = version
        .split(['.', '-', '+'])
        .map(|part| {
            part.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
        })
        .map(|digits| digits.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// Whether the service's token is good. For signing people in a service needs no scope of its own:
/// it asks the Hub for the owner of a requester's token with that very token, and trades codes as
/// the OAuth client of its name.
async fn token(settings: &HubSettings) -> Finding {
    let subject = "Hub token";
    let url = format!("{}/user", settings.api_url);
    match ask(&url, Some(settings.api_token.reveal())).await {
        Ok((200, owner)) if owner["name"] == settings.service_name.as_str() => Finding::ok(
            subject,
            format!("is good, and the service {}'s", settings.service_name),
        ),
        Ok((200, owner)) => Finding::problem(
            subject,
            format!(
                "is {}'s, not the service {}'s: nobody could sign in",
                owner["name"], settings.service_name
            ),
            "Let the Hub start the service, which then gives it a token of its own.",
        ),
        Ok((status, _)) => Finding::problem(
            subject,
            format!("is not known to the Hub, which answered {status}"),
            "Restart the service through the Hub: it gives a new token at each start.",
        ),
        Err(error) => Finding::problem(
            subject,
            format!("the Hub did not say whose it is: {error:#}"),
            "See the Hub's log.",
        ),
    }
}

/// Whether the service may list users and their servers, where the Hub says so or not.
async fn scopes(settings: &HubSettings) -> Option<Finding> {
    let subject = "Hub scopes";
    let url = format!("{}/users?limit=1", settings.api_url);
    let (status, users) = ask(&url, Some(settings.api_token.reveal())).await.ok()?;
    let sees_servers = || {
        let users = users.as_array()?;
        Some(users.iter().all(|user| user["servers"].is_object()))
    };
    match (status, sees_servers()) {
        (200, Some(true)) => Some(Finding::ok(
            subject,
            "the service may list users and servers, for the page Setup",
        )),
        (403, _) | (200, Some(false)) => Some(Finding::warning(
            subject,
            "the service may not list users and servers: the page Setup shows only those that it \
             has heard",
            "Let pipalhub.configure(c) of this version add the role pipalhub-service, and restart \
             the Hub.",
        )),
        _ => None,
    }
}

/// The status of the answer, and its body if that is JSON.
async fn ask(url: &str, token: Option<&str>) -> anyhow::Result<(u16, Value)> {
    let mut request = client(HUB_TIMEOUT)?.get(url);
    if let Some(token) = token {
        request = request.header("Authorization", format!("token {token}"));
    }
    let response = request.send().await?;
    let status = response.status().as_u16();
    Ok((status, response.json().await.unwrap_or_default()))
}

/// An HTTP client that uses no proxy and follows no redirect.
pub(super) fn client(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(timeout)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .context("cannot make an HTTP client")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for good in ["5.5.1", "5.10.0", "6.1.1", "6.0.0b2"] {
            assert!(numbers(good) >= MIN_HUB_VERSION, "{good}");
        }
        for old in ["5.5.0", "5.4.9", "4.1.6", "", "x"] {
            assert!(numbers(old) < MIN_HUB_VERSION, "{old}");
        }
    }
}
