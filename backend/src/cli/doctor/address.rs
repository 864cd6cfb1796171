//! The address the service listens on: free, or answered by a pipalhub.

use std::{io, net::SocketAddr, time::Duration};

use tokio::net::TcpListener;

use super::{hub::client, report::Finding};
use crate::cli::address::{DEFAULT_BIND, address_of_url, prefix_from};

const SUBJECT: &str = "address";
/// Longest wait for the answer of a service at the address.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) async fn check(
    bind: Option<SocketAddr>,
    variable: &impl Fn(&str) -> Option<String>,
) -> Vec<Finding> {
    // In the service's order: the Hub's address first.
    let from_hub = variable("JUPYTERHUB_SERVICE_URL").and_then(|url| address_of_url(&url));
    let address = from_hub
        .or(bind)
        .unwrap_or_else(|| DEFAULT_BIND.parse().expect("a literal address"));
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

async fn taken(address: SocketAddr, prefix: &str) -> Finding {
    match health(address, prefix).await {
        Some(answer) if answer["status"] == "trouble" => {
            let words = answer["message"].as_str().unwrap_or("it is in trouble");
            Finding::problem(
                SUBJECT,
                format!("the pipalhub at {address} says: {words}"),
                "Its log says more; it goes on by itself once that is mended.",
            )
        }
        // When its prefix is another than the one known here, it answers that there is no such
        // page.
        Some(answer) if answer["status"] == "ok" || answer["message"].is_string() => {
            Finding::ok(SUBJECT, format!("a pipalhub answers at {address}"))
        }
        _ => Finding::problem(
            SUBJECT,
            format!("{address} is taken by another program"),
            "End it, or choose another with --bind (under JupyterHub, with the service's `url`).",
        ),
    }
}

async fn health(address: SocketAddr, prefix: &str) -> Option<serde_json::Value> {
    let request = client(HEALTH_TIMEOUT)
        .ok()?
        .get(format!("http://{address}{prefix}healthz"));
    request.send().await.ok()?.json().await.ok()
}
