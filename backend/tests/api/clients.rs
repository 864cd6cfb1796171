//! Clients of the service under test, by their credentials.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use crate::{
    app::{App, PREFIX, TOKEN},
    common::TEST_TIMEOUT,
};

impl App {
    /// A client without credentials.
    pub(crate) fn anonymous(&self) -> TestClient<'_> {
        TestClient {
            app: self,
            header: None,
        }
    }

    /// A client that sends this token in `Authorization`.
    pub(crate) fn token(&self, token: &str) -> TestClient<'_> {
        TestClient {
            app: self,
            header: Some(("authorization", format!("token {token}"))),
        }
    }

    /// A browser that sends this cookie.
    pub(crate) fn cookie(&self, cookie: &str) -> TestClient<'_> {
        TestClient {
            app: self,
            header: Some(("cookie", cookie.to_owned())),
        }
    }

    /// The instructor: by the printed token, or by the Hub's scope.
    pub(crate) fn instructor(&self) -> TestClient<'_> {
        if self.hub.is_some() {
            self.token("oauth-ines")
        } else {
            self.token(TOKEN)
        }
    }

    /// A participant of the Hub, by the token of their session.
    pub(crate) fn participant(&self, name: &str) -> TestClient<'_> {
        self.token(&format!("oauth-{name}"))
    }

    /// An observer: a user with the Hub's scope to see everyone.
    pub(crate) fn observer(&self) -> TestClient<'_> {
        self.token("oauth-olga")
    }

    /// A helper: a user with the Hub's scope to help.
    pub(crate) fn helper(&self) -> TestClient<'_> {
        self.token("oauth-helga")
    }

    /// Signs a browser in; returns its cookie and the `xsrf` of its session. Without a Hub it is
    /// the instructor's, whatever the name.
    pub(crate) async fn browser(&self, name: &str) -> (String, String) {
        let cookie = |response: &Response| {
            let cookie = response.headers()["set-cookie"].to_str().unwrap();
            cookie.split(';').next().unwrap().to_owned()
        };
        let signed_in = if self.hub.is_some() {
            let began = self.anonymous().navigate("").await;
            let state = began.headers()["location"].to_str().unwrap();
            let state = state.split("state=").nth(1).unwrap();
            let state = state.split('&').next().unwrap();
            let back = format!("oauth_callback?code={name}&state={state}");
            self.cookie(&cookie(&began)).navigate(&back).await
        } else {
            let request = self.token(TOKEN).request(Method::POST, "api/login");
            request.send().await.unwrap()
        };
        let cookie = cookie(&signed_in);
        let session = self.cookie(&cookie).json("api/session").await;
        (cookie, session["xsrf"].as_str().unwrap().to_owned())
    }
}

/// A client with one set of credentials.
pub(crate) struct TestClient<'a> {
    app: &'a App,
    header: Option<(&'static str, String)>,
}

impl TestClient<'_> {
    /// A request below the prefix, or anywhere when `path` begins with a slash.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TEST_TIMEOUT)
            .build()
            .unwrap();
        let below = if path.starts_with('/') { "" } else { PREFIX };
        let request = client.request(method, format!("{}{below}{path}", self.app.origin));
        match &self.header {
            Some((name, value)) => request.header(*name, value),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// Sends the request of a browser that opens a page.
    pub(crate) async fn navigate(&self, path: &str) -> Response {
        let request = self
            .request(Method::GET, path)
            .header("sec-fetch-mode", "navigate");
        request.send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// Posts an event that must be stored.
    pub(crate) async fn post_event(&self, event: &Value) -> Value {
        let response = self.post("events", event).await;
        assert_eq!(response.status(), 201);
        response.json().await.unwrap()
    }
}
