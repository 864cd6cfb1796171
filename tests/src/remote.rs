//! A Hub and its participants' servers as their HTTP clients see them.

use anyhow::{Context, Result, ensure};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::until;

/// The token of the service `tests`, which uses the Hub's API.
pub(crate) const API_TOKEN: &str = "the-token-of-the-end-to-end-tests";

/// All characters but those that RFC 3986 calls unreserved, and the `@` that the Hub leaves as it
/// is in the addresses of servers.
const ENCODED_CHARACTERS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@');

/// A name as a part of an address, as the Hub writes it.
pub fn encoded(name: &str) -> String {
    utf8_percent_encode(name, ENCODED_CHARACTERS).to_string()
}

/// The HTTP client of a Hub, on this machine or another.
pub struct RemoteHub {
    url: String,
    client: Client,
}

impl RemoteHub {
    /// A client of the Hub at this address, which ends in a slash.
    pub(crate) fn new(url: String) -> Result<Self> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // Without the environment's proxy, because no Hub of a test is behind it.
            .no_proxy()
            // A connection that waits for the next request may be closed just as that comes.
            .pool_max_idle_per_host(0)
            .timeout(crate::WAIT_TIMEOUT)
            .build()?;
        Ok(Self { url, client })
    }

    /// The address of `path` below the Hub's base URL.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The address of `path` below the service.
    pub fn service(&self, path: &str) -> String {
        self.url(&format!("services/dashboard/{path}"))
    }

    /// A request without credentials, which follows no redirect.
    pub fn anonymous(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// A request to the service with this token.
    pub fn with_token(&self, token: &str, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, &self.service(path))
            .header("Authorization", format!("token {token}"))
    }

    /// Whether the Hub and the service answer.
    pub async fn is_ready(&self) -> Result<bool> {
        for path in ["hub/api/", "services/dashboard/healthz"] {
            let request = self.anonymous(Method::GET, &self.url(path));
            if !request.send().await?.status().is_success() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds a user, as an admin does on the Hub's admin page.
    pub async fn add_user(&self, user: &str) -> Result<()> {
        let answer = self
            .api(Method::POST, &format!("users/{}", encoded(user)))
            .send()
            .await?;
        ensure!(answer.status() == StatusCode::CREATED, "{answer:?}");
        Ok(())
    }

    /// Puts a user into a group, as an admin does on the Hub's admin page.
    pub async fn join_group(&self, user: &str, group: &str) -> Result<()> {
        let asked = self.api(Method::POST, &format!("groups/{}/users", encoded(group)));
        let answer = asked.json(&json!({"users": [user]})).send().await?;
        ensure!(answer.status() == StatusCode::OK, "{answer:?}");
        Ok(())
    }

    /// The services that the Hub has, by their names.
    pub async fn services(&self) -> Result<Value> {
        let answer = self.api(Method::GET, "services").send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Deletes a user and their tokens, as an admin does.
    pub async fn delete_user(&self, user: &str) -> Result<()> {
        let path = format!("users/{}", encoded(user));
        let answer = self.api(Method::DELETE, &path).send();
        let status = answer.await?.status();
        ensure!(status == StatusCode::NO_CONTENT, "{status}");
        Ok(())
    }

    /// A new token of this user, with their rights.
    pub async fn token_of(&self, user: &str) -> Result<String> {
        let path = format!("users/{}/tokens", encoded(user));
        let asked = self.api(Method::POST, &path);
        let answer: Value = asked.send().await?.error_for_status()?.json().await?;
        let token = answer["token"].as_str().context("a token")?;
        Ok(token.to_owned())
    }

    /// Starts the server of a user, waits until it answers and returns the spawner's state.
    pub(crate) async fn spawn(&self, user: &str) -> Result<Value> {
        let path = format!("users/{}", encoded(user));
        let answer = self
            .api(Method::POST, &format!("{path}/server"))
            .send()
            .await?;
        ensure!(answer.status().is_success(), "{answer:?}");
        until(("the server of", user), async || {
            let model: Value = self.api(Method::GET, &path).send().await?.json().await?;
            let server = &model["servers"][""];
            let ready = server["ready"].as_bool().unwrap_or(false);
            Ok(ready.then(|| server["state"].clone()))
        })
        .await
    }

    /// Stops the server of a user and waits until the Hub has no server of theirs.
    pub async fn stop(&self, user: &str) -> Result<()> {
        let path = format!("users/{}", encoded(user));
        let answer = self.api(Method::DELETE, &format!("{path}/server")).send();
        let status = answer.await?.status();
        ensure!(status.is_success(), "{status}");
        until(("the end of the server of", user), async || {
            let model: Value = self.api(Method::GET, &path).send().await?.json().await?;
            let servers = model["servers"].as_object().context("servers")?;
            Ok(servers.is_empty().then_some(()))
        })
        .await
    }

    /// A client of the server of a user, which has this token.
    pub(crate) fn server(&self, user: &str, token: String) -> ParticipantServer {
        ParticipantServer {
            token,
            url: self.url(&format!("user/{}/", encoded(user))),
            client: self.client.clone(),
        }
    }

    fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, &self.url(&format!("hub/api/{path}")))
            .header("Authorization", format!("token {API_TOKEN}"))
    }
}

/// A participant's running server.
pub struct ParticipantServer {
    /// The token the Hub gave it.
    pub token: String,
    url: String,
    client: Client,
}

impl ParticipantServer {
    /// Whether the server answers.
    pub async fn is_ready(&self) -> Result<bool> {
        let answer = self.request(Method::GET, "api/status").send().await?;
        Ok(answer.status().is_success())
    }

    /// Saves a notebook as JupyterLab does, through the contents API.
    pub async fn save(&self, filename: &str, notebook: &Value) -> Result<StatusCode> {
        let model = json!({"type": "notebook", "format": "json", "content": notebook});
        let answer = self
            .request(Method::PUT, &format!("api/contents/{filename}"))
            .json(&model)
            .send()
            .await?;
        Ok(answer.status())
    }

    /// Makes a folder as JupyterLab does, through the contents API.
    pub async fn make_folder(&self, filename: &str) -> Result<()> {
        let answer = self
            .request(Method::PUT, &format!("api/contents/{filename}"))
            .json(&json!({"type": "directory"}))
            .send()
            .await?;
        ensure!(answer.status() == StatusCode::CREATED, "{answer:?}");
        Ok(())
    }

    /// Starts a kernel as JupyterLab does, and returns its id.
    pub async fn start_kernel(&self) -> Result<String> {
        let asked = self.request(Method::POST, "api/kernels");
        let asked = asked.json(&json!({"name": "python3"}));
        let kernel: Value = asked.send().await?.error_for_status()?.json().await?;
        let id = kernel["id"].as_str().context("a kernel's id")?;
        Ok(id.to_owned())
    }

    /// Ends a kernel, whatever it does.
    pub async fn end_kernel(&self, id: &str) -> Result<()> {
        let asked = self.request(Method::DELETE, &format!("api/kernels/{id}"));
        asked.send().await?.error_for_status()?;
        Ok(())
    }

    /// The notices that JupyterLab shows, as its page asks for them.
    pub async fn notices(&self) -> Result<Value> {
        let asked = self.request(Method::GET, "pipalhub/notices?after=0");
        Ok(asked.send().await?.error_for_status()?.json().await?)
    }

    /// Opens a file as JupyterLab does, through the contents API.
    pub async fn open_file(&self, filename: &str) -> Result<()> {
        let path = format!("api/contents/{filename}");
        let answer = self.request(Method::GET, &path).send().await?;
        ensure!(answer.status().is_success(), "{answer:?}");
        Ok(())
    }

    /// The default of a setting of JupyterLab.
    pub async fn lab_setting(&self, plugin: &str, name: &str) -> Result<Value> {
        let answer: Value = self
            .request(Method::GET, &format!("lab/api/settings/{plugin}"))
            .send()
            .await?
            .json()
            .await?;
        Ok(answer["schema"]["properties"][name]["default"].clone())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.url))
            .header("Authorization", format!("token {}", self.token))
    }
}
