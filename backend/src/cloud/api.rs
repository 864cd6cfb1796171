//! The calls that are needed of DigitalOcean's API, version 2.

use std::{env, time::Duration};

use anyhow::{Context, bail};
use hyper::{HeaderMap, Method, StatusCode, Uri};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    error::CloudError,
    model::{AccountKey, CloudAction, DnsRecord, Droplet, DropletOrder, DropletRequest},
    transport::{ApiAnswer, ApiTransport},
};
use crate::{secret::Secret, text::percent_encoded, time::now_ms};

/// The variable with the token.
pub(crate) const TOKEN_VARIABLE: &str = "DIGITALOCEAN_TOKEN";
/// The variable by which tests name another API, on this machine's loopback.
const URL_VARIABLE: &str = "PIPALHUB_DIGITALOCEAN_URL";
const API_URL: &str = "https://api.digitalocean.com";
/// How many pages of a list are read; 200 entries are on one.
const MAX_PAGES: usize = 100;
/// How often a call that changes nothing twice is made, while the API fails.
const TRIES: u32 = 4;

/// An account.
pub(crate) struct DigitalOcean {
    transport: ApiTransport,
    base: String,
    /// The pause before a call is made again, which doubles.
    pause: Duration,
    /// The longest wait for a rate limit to end.
    patience: Duration,
    /// Is told of waits.
    tell: Box<dyn Fn(&str)>,
}

impl DigitalOcean {
    /// # Errors
    /// When the token, the API's address or the system's authorities cannot be used.
    pub(crate) fn new(
        token: &Secret,
        settings: &super::NodeSettings,
        tell: Box<dyn Fn(&str)>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            transport: ApiTransport::new(
                token.reveal(),
                Duration::from_secs(settings.api_timeout_seconds),
            )?,
            base: base_url(env::var(URL_VARIABLE).ok())?,
            pause: settings.poll(),
            patience: Duration::from_secs(settings.rate_limit_wait_seconds),
            tell,
        })
    }

    /// The ids of the SSH keys in the account.
    pub(super) async fn ssh_keys(&self) -> Result<Vec<u64>, CloudError> {
        let keys: Vec<AccountKey> = self.pages("ssh_keys", "/v2/account/keys?").await?;
        Ok(keys.into_iter().map(|key| key.id).collect())
    }

    /// Whether the DNS of `domain` is served from this account.
    pub(super) async fn has_domain(&self, domain: &str) -> Result<bool, CloudError> {
        let path = format!("/v2/domains/{}", percent_encoded(domain));
        let found = self.call(Method::GET, &path, None).await;
        Ok(gone_as_none(found)?.is_some())
    }

    /// All droplets of this name.
    pub(super) async fn droplets(&self, name: &str) -> Result<Vec<Droplet>, CloudError> {
        let path = format!("/v2/droplets?name={}&", percent_encoded(name));
        let mut droplets: Vec<Droplet> = self.pages("droplets", &path).await?;
        // The API compares without regard to case.
        droplets.retain(|droplet| droplet.name == name);
        Ok(droplets)
    }

    /// A droplet, unless it is gone.
    pub(super) async fn droplet(&self, id: u64) -> Result<Option<Droplet>, CloudError> {
        let path = format!("/v2/droplets/{id}");
        let answer = gone_as_none(self.call(Method::GET, &path, None).await)?;
        answer
            .map(|answer| field(&path, &answer, "droplet"))
            .transpose()
    }

    /// Orders a droplet. Not made again when the API fails: it may have been ordered.
    pub(super) async fn create_droplet(
        &self,
        request: &DropletRequest<'_>,
    ) -> Result<DropletOrder, CloudError> {
        let path = "/v2/droplets";
        let body = json_of(request);
        let answer = self.call(Method::POST, path, Some(body)).await?;
        let actions = &answer["links"]["actions"];
        let actions = actions.as_array().into_iter().flatten();
        let action = actions
            .filter(|it| it["rel"] == "create")
            .find_map(|it| it["id"].as_u64());
        Ok(DropletOrder {
            droplet: field(path, &answer, "droplet")?,
            action,
        })
    }

    pub(super) async fn delete_droplet(&self, id: u64) -> Result<(), CloudError> {
        self.delete(&format!("/v2/droplets/{id}")).await
    }

    /// What became of an action, unless it is forgotten.
    pub(super) async fn action(&self, id: u64) -> Result<Option<CloudAction>, CloudError> {
        let path = format!("/v2/actions/{id}");
        let answer = gone_as_none(self.call(Method::GET, &path, None).await)?;
        answer
            .map(|answer| field(&path, &answer, "action"))
            .transpose()
    }

    /// All records of type A that a hostname has.
    pub(super) async fn records(
        &self,
        domain: &str,
        hostname: &str,
    ) -> Result<Vec<DnsRecord>, CloudError> {
        let path = format!(
            "/v2/domains/{}/records?type=A&name={}&",
            percent_encoded(domain),
            percent_encoded(hostname)
        );
        self.pages("domain_records", &path).await
    }

    /// A record, unless it is gone.
    pub(super) async fn record(
        &self,
        domain: &str,
        id: u64,
    ) -> Result<Option<DnsRecord>, CloudError> {
        let path = format!("/v2/domains/{}/records/{id}", percent_encoded(domain));
        let answer = gone_as_none(self.call(Method::GET, &path, None).await)?;
        answer
            .map(|answer| field(&path, &answer, "domain_record"))
            .transpose()
    }

    /// Makes a record. Not made again when the API fails: it may be there.
    pub(super) async fn create_record(
        &self,
        domain: &str,
        name: &str,
        address: &str,
        ttl: u32,
    ) -> Result<DnsRecord, CloudError> {
        let path = format!("/v2/domains/{}/records", percent_encoded(domain));
        let body = json!({"type": "A", "name": name, "data": address, "ttl": ttl});
        let answer = self.call(Method::POST, &path, Some(json_of(&body))).await?;
        field(&path, &answer, "domain_record")
    }

    pub(super) async fn update_record(
        &self,
        domain: &str,
        id: u64,
        address: &str,
        ttl: u32,
    ) -> Result<(), CloudError> {
        let path = format!("/v2/domains/{}/records/{id}", percent_encoded(domain));
        let body = json!({"type": "A", "data": address, "ttl": ttl});
        self.call(Method::PUT, &path, Some(json_of(&body))).await?;
        Ok(())
    }

    pub(super) async fn delete_record(&self, domain: &str, id: u64) -> Result<(), CloudError> {
        let path = format!("/v2/domains/{}/records/{id}", percent_encoded(domain));
        self.delete(&path).await
    }

    pub(super) async fn delete_tag(&self, tag: &str) -> Result<(), CloudError> {
        self.delete(&format!("/v2/tags/{}", percent_encoded(tag)))
            .await
    }

    /// Deletes something, or finds it gone.
    async fn delete(&self, path: &str) -> Result<(), CloudError> {
        gone_as_none(self.call(Method::DELETE, path, None).await)?;
        Ok(())
    }

    /// The entries of every page of a list; `path` ends where parameters go on.
    async fn pages<T: DeserializeOwned>(
        &self,
        key: &str,
        path: &str,
    ) -> Result<Vec<T>, CloudError> {
        let mut next = format!("{path}per_page=200");
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            let answer = self.call(Method::GET, &next, None).await?;
            let page: Vec<T> = field(&next, &answer, key)?;
            all.extend(page);
            let Some(link) = answer["links"]["pages"]["next"].as_str() else {
                return Ok(all);
            };
            // The token is sent to no other server, whatever an answer says.
            let below = link.strip_prefix(&*self.base);
            let below = below.filter(|below| below.starts_with('/'));
            let below = below.ok_or_else(|| unreadable(&next, "its next page is elsewhere"))?;
            next = below.to_owned();
        }
        Err(unreadable(path, "the list has no end"))
    }

    /// Makes one call, again after a pause where that does no harm.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Value, CloudError> {
        let action = format!("{method} {}", path.split('?').next().unwrap_or(path));
        let uri: Uri = format!("{}{path}", self.base)
            .parse()
            .map_err(|error| unreadable(&action, &format!("no address: {error}")))?;
        let mut pause = self.pause;
        let mut waited = Duration::ZERO;
        let mut tries = 0;
        loop {
            tries += 1;
            let sent = self
                .transport
                .send(method.clone(), uri.clone(), body.clone());
            let result = match sent.await {
                Ok(answer) => judge(&action, &answer),
                Err(reason) => Err(CloudError::Unreachable {
                    action: action.clone(),
                    reason,
                }),
            };
            let error = match result {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match &error {
                CloudError::RateLimited { wait, .. } if waited + *wait <= self.patience => {
                    let seconds = wait.as_secs();
                    (self.tell)(&format!(
                        "DigitalOcean asks to wait for {seconds} s before the next call"
                    ));
                    waited += *wait;
                    tokio::time::sleep(*wait).await;
                }
                CloudError::Unreachable { .. } | CloudError::Failed { .. }
                    if method != Method::POST && tries < TRIES =>
                {
                    (self.tell)(&format!("{error}; trying again"));
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                _ => return Err(error),
            }
        }
    }
}

/// The API's address, or another on the loopback.
fn base_url(other: Option<String>) -> anyhow::Result<String> {
    let Some(other) = other.filter(|url| !url.is_empty()) else {
        return Ok(API_URL.to_owned());
    };
    let uri: Uri = other
        .parse()
        .with_context(|| format!("{URL_VARIABLE} is no address"))?;
    if !matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]")) {
        bail!("{URL_VARIABLE} may only name this machine's loopback: the token goes there");
    }
    Ok(other.trim_end_matches('/').to_owned())
}

/// What an answer means.
fn judge(action: &str, answer: &ApiAnswer) -> Result<Value, CloudError> {
    let status = answer.status;
    if status.is_success() {
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        let read = serde_json::from_slice(&answer.body);
        return read.map_err(|error| unreadable(action, &error.to_string()));
    }
    let action = action.to_owned();
    let message = message(answer);
    let code = status.as_u16();
    Err(match status {
        StatusCode::UNAUTHORIZED => CloudError::Unauthorized { action, message },
        StatusCode::FORBIDDEN => CloudError::Forbidden { action, message },
        StatusCode::NOT_FOUND => CloudError::NotFound { action, message },
        StatusCode::TOO_MANY_REQUESTS => CloudError::RateLimited {
            action,
            wait: rate_limit_wait(&answer.headers, now_ms()),
        },
        status if status.is_server_error() => CloudError::Failed {
            action,
            status: code,
            message,
        },
        _ => CloudError::Refused {
            action,
            status: code,
            message,
        },
    })
}

#[derive(Deserialize)]
struct CloudErrorBody {
    message: String,
}

/// The API's own words on an error, on one line and not too long.
fn message(answer: &ApiAnswer) -> String {
    let read: Option<CloudErrorBody> = serde_json::from_slice(&answer.body).ok();
    let words = read.map_or_else(|| "it says no more".to_owned(), |body| body.message);
    let words = words.chars().take(300);
    words
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// How long to wait for a rate limit: what the answer says, or a minute.
fn rate_limit_wait(headers: &HeaderMap, now_ms: i64) -> Duration {
    let number = |name| headers.get(name)?.to_str().ok()?.parse::<u32>().ok();
    if let Some(seconds) = number("retry-after") {
        return Duration::from_secs(u64::from(seconds).max(1));
    }
    let reset = number("ratelimit-reset").map(|at| i64::from(at) - now_ms / 1000);
    let seconds = reset.and_then(|seconds| u64::try_from(seconds + 1).ok());
    Duration::from_secs(seconds.unwrap_or(60))
}

fn json_of(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain values are JSON")
}

fn unreadable(action: &str, reason: &str) -> CloudError {
    CloudError::Unreadable {
        action: action.split('?').next().unwrap_or(action).to_owned(),
        reason: reason.to_owned(),
    }
}

/// A field of an answer, read.
fn field<T: DeserializeOwned>(action: &str, answer: &Value, key: &str) -> Result<T, CloudError> {
    T::deserialize(&answer[key]).map_err(|error| unreadable(action, &format!("{key}: {error}")))
}

fn gone_as_none(answer: Result<Value, CloudError>) -> Result<Option<Value>, CloudError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_the_api_or_the_loopback_alone() {
        assert_eq!(base_url(None).unwrap(), API_URL);
        let local = base_url(Some("http://127.0.0.1:9/".to_owned())).unwrap();
        assert_eq!(local, "http://127.0.0.1:9");
        for other in ["https://example.org", "http://127.0.0.1.example.org", "x y"] {
            assert!(base_url(Some(other.to_owned())).is_err(), "{other}");
        }
    }

    #[test]
    fn a_rate_limit_ends_when_the_answer_says() {
        let wait = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            rate_limit_wait(&headers, 1_000_000).as_secs()
        };
        assert_eq!(wait("retry-after", "7"), 7);
        assert_eq!(wait("ratelimit-reset", "1030"), 31);
        assert_eq!(wait("ratelimit-reset", "10"), 60);
        assert_eq!(wait("retry-after", "soon"), 60);
    }
}
