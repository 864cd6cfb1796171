//! The settings that the Hub gives to a service that it starts.

use anyhow::{Context, bail};

use crate::secret::Secret;

/// The `JUPYTERHUB_*` variables that a managed service gets.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// The address of the Hub's API, `http://127.0.0.1:8081/hub/api`.
    pub api_url: String,
    /// This service's token, also its OAuth secret.
    pub api_token: Secret,
    /// `service-dashboard`
    pub client_id: String,
    /// The service's name in the Hub, `dashboard`.
    pub service_name: String,
    /// The path of the OAuth callback, `/services/dashboard/oauth_callback`.
    pub callback_url: String,
    /// Scheme and host of the Hub when services have hosts of their own, else empty.
    pub hub_host: String,
    /// The Hub's base URL, `/`, ends in a slash.
    pub base_url: String,
    /// Whether the Hub's admins are instructors, whatever scopes they hold.
    pub admins_instruct: bool,
}

impl HubSettings {
    /// Reads the variables by `get`, which gives a variable's value; `None` without a Hub.
    ///
    /// # Errors
    /// When the Hub set some variables and not others.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<Self>> {
        let Some(api_token) = get("JUPYTERHUB_API_TOKEN") else {
            return Ok(None);
        };
        if api_token.is_empty() {
            bail!(
                "JUPYTERHUB_API_TOKEN is empty: set it to the token that the Hub knows this \
                 service by; without a Hub, unset it"
            );
        }
        let need =
            |name: &str| {
                get(name).filter(|value| !value.is_empty()).with_context(|| {
                format!(
                    "JUPYTERHUB_API_TOKEN is set but {name} is not: under a Hub, let the Hub \
                     start this service; without one, unset JUPYTERHUB_API_TOKEN"
                )
            })
            };
        let settings = Self {
            api_url: need("JUPYTERHUB_API_URL")?.trim_end_matches('/').to_owned(),
            api_token: Secret::new(api_token),
            client_id: need("JUPYTERHUB_CLIENT_ID")?,
            service_name: need("JUPYTERHUB_SERVICE_NAME")?,
            callback_url: need("JUPYTERHUB_OAUTH_CALLBACK_URL")?,
            hub_host: get("JUPYTERHUB_HOST").unwrap_or_default(),
            base_url: get("JUPYTERHUB_BASE_URL").unwrap_or_else(|| "/".to_owned()),
            admins_instruct: true,
        };
        if !settings.api_url.starts_with("http://") {
            bail!(
                "JUPYTERHUB_API_URL is {}: only a Hub whose API is plain http on this machine \
                 is supported",
                settings.api_url
            );
        }
        Ok(Some(settings))
    }

    /// A page of the Hub's, as a browser finds it; `path` is below the Hub's own prefix.
    #[must_use]
    pub fn page(&self, path: &str) -> String {
        format!("{}{}hub/{path}", self.hub_host, self.base_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_a_missing_variable() {
        let error =
            HubSettings::from_env(|name| (name == "JUPYTERHUB_API_TOKEN").then(|| "t".to_owned()));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("JUPYTERHUB_API_URL"), "{error}");
        assert!(HubSettings::from_env(|_| None).unwrap().is_none());
    }

    #[test]
    fn an_empty_token_is_an_error() {
        let error = HubSettings::from_env(|_| Some(String::new())).unwrap_err();
        assert!(error.to_string().contains("is empty"), "{error}");
    }

    #[test]
    fn pages_of_the_hub_are_on_its_own_host_if_it_has_one() {
        let settings = |host: &'static str| {
            let get = move |name: &str| {
                let value = match name {
                    "JUPYTERHUB_HOST" => host,
                    "JUPYTERHUB_BASE_URL" => "/base/",
                    "JUPYTERHUB_API_URL" => "http://127.0.0.1:8081/base/hub/api",
                    _ => "x",
                };
                Some(value.to_owned())
            };
            HubSettings::from_env(get).unwrap().unwrap()
        };
        assert_eq!(settings("").page("home"), "/base/hub/home");
        let own = settings("https://hub.example:8443").page("logout");
        assert_eq!(own, "https://hub.example:8443/base/hub/logout");
    }
}
