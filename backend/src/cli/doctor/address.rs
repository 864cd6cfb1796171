//! The address the service listens on: free, or answered by a pipalhub.

use std::{io, net::SocketAddr, time::Duration};

use axum::http::{HeaderName, StatusCode};
use tokio::net::TcpListener;

use super::hub::client;
use crate::{
    cli::address::{DEFAULT_BIND, address_of_url, prefix_from},
    findings::Finding,
    routes::SECURITY_HEADERS,
};

const SUBJECT: &str = "address";
/// Longest wait for the answer of a service at the address.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) async fn check(
    bind: Option<SocketAddr>,
    variable: &impl Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    let address = default_address(bind, variable);
    let finding = match TcpListener::bind(address).await {
        Ok(_) if address.port() == 0 => Finding::ok(SUBJECT, "any free port"),
        Ok(_) => Finding::ok(SUBJECT, format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            taken(address, &prefix_from(variable("JUPYTERHUB_SERVICE_PREFIX"))).await
        }
        Err(error) => Finding::problem(
            SUBJECT,
            format!("{address} cannot be listened on: {error}"),
            "Choose another with --bind (under JupyterHub, with the service's `url`).",
        ),
    };
    vec![finding]
}

/// The address that the service listens on, in the service's order: the Hub's first.
pub(super) fn default_address(
    bind: Option<SocketAddr>,
    variable: &impl Fn(&str) -> Option<String>,
) -> SocketAddr {
    let from_hub = variable("JUPYTERHUB_SERVICE_URL").and_then(|url| address_of_url(&url));
    from_hub
        .or(bind)
        .unwrap_or_else(|| DEFAULT_BIND.parse().expect("a literal address"))
}

async fn taken(address: SocketAddr, prefix: &str) -> Finding {
    match health_at(&format!("http://{address}{prefix}")).await {
        Some(Answer::Health(answer)) if answer["status"] == "trouble" => {
            let words = answer["message"].as_str().unwrap_or("it is in trouble");
            Finding::problem(
                SUBJECT,
                format!("the pipalhub at {address} says: {words}"),
                "Its log says more; it goes on by itself once that is mended.",
            )
        }
        Some(Answer::Health(answer)) if answer["status"] == "ok" => {
            Finding::ok(SUBJECT, format!("a pipalhub answers at {address}"))
        }
        Some(Answer::OtherPrefix) => Finding::ok(
            SUBJECT,
            format!("a pipalhub answers at {address}, below another prefix than {prefix}"),
        ),
        _ => Finding::problem(
            SUBJECT,
            format!("{address} is taken by another program"),
            "End it, or choose another with --bind (under JupyterHub, with the service's `url`).",
        ),
    }
}

/// What came from the address.
pub(super) enum Answer {
    /// What it says of itself.
    Health(serde_json::Value),
    /// The 404 of a pipalhub, which says nothing but has its headers.
    OtherPrefix,
}

/// What answers at the address `url` of a service, which ends in a slash: none that is a stranger.
pub(super) async fn health_at(url: &str) -> Option<Answer> {
    let request = client(HEALTH_TIMEOUT).ok()?.get(format!("{url}healthz"));
    let response = request.send().await.ok()?;
    let has = |name: &HeaderName, value: &str| {
        let found = response.headers().get(name);
        found.is_some_and(|found| found == value)
    };
    let is_ours = SECURITY_HEADERS
        .iter()
        .all(|(name, value)| has(name, value));
    match response.status() {
        StatusCode::NOT_FOUND if is_ours => Some(Answer::OtherPrefix),
        _ if is_ours => response.json().await.ok().map(Answer::Health),
        _ => None,
    }
}
