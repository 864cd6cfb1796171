//! How the Hub signs people in, by the class of its authenticator, and so what becomes of the
//! names in the list.

use std::time::Duration;

use shared::users::AccountsKind;
use tokio::time::sleep;

use super::hub_api::{HubError, StewardHub};

/// How often a Hub is asked that does not answer yet, and the time between.
const TRIES: usize = 60;
const TRY_INTERVAL: Duration = Duration::from_millis(500);

/// What the Hub signs people in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HubAuthenticator {
    pub(crate) kind: AccountsKind,
    /// The name of the class, without its module.
    pub(crate) provider: String,
}

impl HubAuthenticator {
    /// Asks the Hub for the class of its authenticator.
    ///
    /// `ancestors` are the classes that it is made of, itself first, as `configure` has seen them:
    /// of a site's own class the Hub's API tells the name, which says nothing. They count while
    /// the Hub names the same class, since something may have set another after `configure`.
    /// `has_password` says that the Hub's configuration has one password for everyone.
    pub(crate) async fn ask(
        hub: &StewardHub,
        ancestors: &str,
        has_password: bool,
    ) -> Result<Self, HubError> {
        let mut tries = 0;
        let class = loop {
            tries += 1;
            match hub.authenticator().await {
                // It starts its services when it is about to answer, or restarts just now.
                Err(HubError::Unreachable | HubError::Late) if tries < TRIES => {
                    sleep(TRY_INTERVAL).await;
                }
                answer => break answer?,
            }
        };
        Ok(Self::of(&class, ancestors, has_password))
    }

    /// What signs people in, of which this class is.
    pub(crate) fn of(class: &str, ancestors: &str, has_password: bool) -> Self {
        let ancestors: Vec<&str> = ancestors.split_whitespace().collect();
        let classes = match ancestors.first() == Some(&class) {
            true => ancestors,
            false => vec![class],
        };
        let kind = classes.iter().find_map(|class| match name_of(class) {
            // An outside provider's class that makes accounts of the system has this one for a
            // parent, too.
            "LocalAuthenticator" if classes.len() > 1 => None,
            "PAMAuthenticator" | "LocalAuthenticator" => Some(AccountsKind::System),
            "NativeAuthenticator" => Some(AccountsKind::Native),
            "SharedPasswordAuthenticator" => Some(AccountsKind::Shared),
            // Without a password it takes any.
            "DummyAuthenticator" if has_password => Some(AccountsKind::Shared),
            _ => None,
        });
        Self {
            kind: kind.unwrap_or(AccountsKind::Outside),
            provider: name_of(class).to_owned(),
        }
    }
}

fn name_of(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_known_by_what_it_is_made_of() {
        use AccountsKind::{Native, Outside, Shared, System};
        const OWN: &str = "site.Own jupyterhub.auth.PAMAuthenticator jupyterhub.auth.Authenticator";
        const LOCAL: &str = "github.Local jupyterhub.auth.LocalAuthenticator github.GitHub";
        for (class, ancestors, kind, provider) in [
            (
                "jupyterhub.auth.PAMAuthenticator",
                "",
                System,
                "PAMAuthenticator",
            ),
            ("site.Own", OWN, System, "Own"),
            ("github.Local", LOCAL, Outside, "Local"),
            // Another class was set after the configuration was read.
            ("github.GitHub", OWN, Outside, "GitHub"),
            ("site.Own", "", Outside, "Own"),
            (
                "native.native.NativeAuthenticator",
                "",
                Native,
                "NativeAuthenticator",
            ),
            (
                "shared.SharedPasswordAuthenticator",
                "",
                Shared,
                "SharedPasswordAuthenticator",
            ),
            (
                "jupyterhub.auth.DummyAuthenticator",
                "",
                Outside,
                "DummyAuthenticator",
            ),
        ] {
            let found = HubAuthenticator::of(class, ancestors, false);
            assert_eq!((found.kind, &*found.provider), (kind, provider), "{class}");
        }
        let dummy = HubAuthenticator::of("jupyterhub.auth.DummyAuthenticator", "", true);
        assert_eq!(dummy.kind, Shared);
    }
}
