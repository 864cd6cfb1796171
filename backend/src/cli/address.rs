//! The address the service listens on: of its settings, or of the Hub.

use std::{env, net::SocketAddr};

use anyhow::{Context, bail};

/// The address of a service without a Hub.
pub(super) const DEFAULT_BIND: &str = "127.0.0.1:10101";

/// The address to listen on, given that of `--bind`.
pub(super) fn bind_address(
    option: Option<SocketAddr>,
    under_hub: bool,
) -> anyhow::Result<SocketAddr> {
    if under_hub {
        let url = env::var("JUPYTERHUB_SERVICE_URL").unwrap_or_default();
        if option.is_some() {
            tracing::warn!("--bind is not used: under JupyterHub the Hub gives the address");
        }
        return address_of_url(&url).with_context(|| {
            format!(
                "JUPYTERHUB_SERVICE_URL is {url:?}: give the service a `url` such as \
                 http://127.0.0.1:10101 in jupyterhub_config.py"
            )
        });
    }
    let bind = option.unwrap_or_else(|| DEFAULT_BIND.parse().expect("a literal address"));
    if !bind.ip().is_loopback() {
        bail!(
            "--bind {bind}: without JupyterHub this listens on this machine only; use \
             127.0.0.1:{}, and JupyterHub or a proxy of yours to reach it from elsewhere",
            bind.port()
        );
    }
    Ok(bind)
}

pub(super) fn address_of_url(url: &str) -> Option<SocketAddr> {
    let host = url.strip_prefix("http://")?.split('/').next()?;
    let host = host.replace("localhost", "127.0.0.1");
    host.parse().ok()
}

/// The prefix with a slash at both ends, as the Hub gives it.
pub(super) fn prefix_from(given: Option<String>) -> String {
    let given = given.unwrap_or_default();
    match given.trim_matches('/') {
        "" => "/".to_owned(),
        inner => format!("/{inner}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_gets_its_slashes() {
        for (given, prefix) in [
            (None, "/"),
            (Some("/"), "/"),
            (Some("/a/b/"), "/a/b/"),
            (Some("a"), "/a/"),
        ] {
            assert_eq!(prefix_from(given.map(str::to_owned)), prefix);
        }
    }

    #[test]
    fn a_url_has_its_address() {
        let address = "127.0.0.1:10101".parse().ok();
        for url in [
            "http://127.0.0.1:10101",
            "http://127.0.0.1:10101/",
            "http://localhost:10101",
        ] {
            assert_eq!(address_of_url(url), address, "{url}");
        }
        assert_eq!(address_of_url("unix+http://x"), None);
        assert_eq!(address_of_url(""), None);
    }

    #[test]
    fn a_service_without_a_hub_listens_on_this_machine_only() {
        assert!(bind_address(Some("0.0.0.0:80".parse().unwrap()), false).is_err());
        assert!(bind_address(Some("[::1]:0".parse().unwrap()), false).is_ok());
    }
}
