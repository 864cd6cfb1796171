//! The identity of an authenticated request's sender, and their rights.

use shared::wire::Role;

/// A person, or a service of the Hub's, and their role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The Hub's name for them; of a service of the Hub's it is none that a user can have.
    pub user: String,
    /// Their role, which decides their rights.
    pub role: Role,
    /// Whether a Hub has named them, so that their name is one of a participant.
    pub from_hub: bool,
    /// The names of their groups in the Hub.
    pub groups: Vec<String>,
}

impl Identity {
    /// The user whose notebooks and events this person is confined to, if any.
    #[must_use]
    pub fn confined_to(&self) -> Option<&str> {
        (!self.role.sees_everyone()).then_some(&self.user)
    }

    /// Whether this person may see the notebooks and events of `user`.
    #[must_use]
    pub fn may_see(&self, user: &str) -> bool {
        self.confined_to().is_none_or(|own| own == user)
    }

    /// Whether this person may change the notebooks and events of `user`: a person their own, and
    /// an instructor everyone's.
    #[must_use]
    pub fn may_change(&self, user: &str) -> bool {
        self.role.changes_the_class() || self.user == user
    }
}

/// How the page in the browser can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginKind {
    /// By loading the page anew: the Hub asks.
    Hub,
    /// By the token of the printed link.
    Token,
}

impl LoginKind {
    /// As the header `X-PipalHub-Login` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Token => "token",
        }
    }

    /// The advice to a user who is not signed in.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Hub => {
                "You are not signed in. Load the page again to sign in with JupyterHub, \
                 or send a token of the Hub's as `Authorization: token …`."
            }
            Self::Token => {
                "You are not signed in. Open the link that `pipalhub serve` printed, \
                 or send its token as `Authorization: token …`."
            }
        }
    }
}
