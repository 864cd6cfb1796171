//! People who use the service under test, and how they ask it.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use crate::app::{App, PATIENCE, PREFIX, TOKEN};

impl App {
    /// Somebody whom the service does not know.
    pub(crate) fn anon(&self) -> Person<'_> {
        Person {
            app: self,
            header: None,
        }
    }

    /// Whoever sends this token in `Authorization`.
    pub(crate) fn token(&self, token: &str) -> Person<'_> {
        Person {
            app: self,
            header: Some(("authorization", format!("token {token}"))),
        }
    }

    /// Whoever's browser sends this cookie.
    pub(crate) fn cookie(&self, cookie: &str) -> Person<'_> {
        Person {
            app: self,
            header: Some(("cookie", cookie.to_owned())),
        }
    }

    /// The one who opened the printed link, or someone with the Hub's scope.
    pub(crate) fn instructor(&self) -> Person<'_> {
        if self.hub.is_some() {
            self.token("oauth-ines")
        } else {
            self.token(TOKEN)
        }
    }

    /// A participant of the Hub, by their session's token.
    pub(crate) fn participant(&self, name: &str) -> Person<'_> {
        self.token(&format!("oauth-{name}"))
    }

    /// Somebody with the Hub's scope to see everyone.
    pub(crate) fn helper(&self) -> Person<'_> {
        self.token("oauth-helga")
    }

    /// A browser that somebody is signed in with: its cookie, and what its pages send along.
    /// Without a Hub that is the instructor, whatever the name.
    pub(crate) async fn browser(&self, name: &str) -> (String, String) {
        let cookie = |response: &Response| {
            let cookie = response.headers()["set-cookie"].to_str().unwrap();
            cookie.split(';').next().unwrap().to_owned()
        };
        let signed_in = if self.hub.is_some() {
            let began = self.anon().navigate("").await;
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

/// Someone in front of the service.
pub(crate) struct Person<'a> {
    app: &'a App,
    header: Option<(&'static str, String)>,
}

impl Person<'_> {
    /// A request below the prefix, or anywhere when `path` begins with a slash.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
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

    /// What a browser sends when a person opens a page.
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

    /// Posts an event that must be taken.
    pub(crate) async fn tell(&self, event: &Value) -> Value {
        let response = self.post("events", event).await;
        assert_eq!(response.status(), 201);
        response.json().await.unwrap()
    }
}
