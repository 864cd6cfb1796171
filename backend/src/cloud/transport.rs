//! HTTPS to one API, with the authorities that the system trusts.
//!
//! The service itself talks to its Hub without TLS, by another client: it must start where the
//! system knows no authority, as in a small container.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, StatusCode, Uri,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// The largest answer that is read: a page of 200 droplets is below one MB.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Sends requests to the API.
pub(super) struct ApiTransport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    authorization: HeaderValue,
    timeout: Duration,
}

/// An answer, of whatever status.
pub(super) struct ApiAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl ApiTransport {
    /// # Errors
    /// When the system has no authorities to trust, or the token cannot be a token.
    pub(super) fn new(token: &str, timeout: Duration) -> anyhow::Result<Self> {
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                anyhow::anyhow!("DIGITALOCEAN_TOKEN is no token: it has characters that none has")
            })?;
        authorization.set_sensitive(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls()?)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            authorization,
            timeout,
        })
    }

    /// Sends one request and reads its answer; says why when there is none.
    pub(super) async fn send(
        &self,
        method: Method,
        uri: Uri,
        body: Option<Vec<u8>>,
    ) -> Result<ApiAnswer, String> {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("pipalhub/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body.unwrap_or_default().into()))
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|e| chain(&e))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            Ok(ApiAnswer {
                status: parts.status,
                headers: parts.headers,
                body: body.map_err(|error| error.to_string())?.to_bytes(),
            })
        };
        let answer = tokio::time::timeout(self.timeout, exchange).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {} s", self.timeout.as_secs())))
    }
}

/// An error with those that caused it: that of the connection says no more than that it failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words.push_str(": ");
        words.push_str(&error.to_string());
        source = error.source();
    }
    words
}

fn tls() -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        anyhow::bail!(
            "this machine trusts no certificate authority, so that nobody can be known to be \
             DigitalOcean: install the package ca-certificates"
        );
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
