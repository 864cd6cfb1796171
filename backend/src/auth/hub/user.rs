//! Who a token belongs to, and what it lets them do here.

use serde::Deserialize;
use shared::wire::Role;

use super::HubSettings;
use crate::auth::Identity;

/// Seeing everyone's work.
const READ_SCOPE: &str = "custom:pipalhub:read";
/// Changing the class as well.
const WRITE_SCOPE: &str = "custom:pipalhub:write";

/// What the Hub answers to `GET /user`.
#[derive(Deserialize)]
pub(super) struct Owner {
    name: String,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    scopes: Vec<String>,
}

/// A token's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubUser {
    name: String,
    role: Role,
}

impl HubUser {
    pub(super) fn new(owner: Owner, settings: &HubSettings) -> Self {
        Self {
            role: role(&owner, settings),
            name: owner.name,
        }
    }

    /// The Hub's name for them.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Who that is here.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            user: self.name.clone(),
            role: self.role,
            from_hub: true,
        }
    }
}

/// The rights are the token's and not its owner's: one that is not meant for this service's
/// pages only says who its owner is. That of an instructor's own server is such a one, and
/// what runs there must not see the class.
fn role(owner: &Owner, settings: &HubSettings) -> Role {
    let holds = |scope: &str| owner.scopes.iter().any(|held| held == scope);
    let own = format!("access:services!service={}", settings.service_name);
    if !holds("access:services") && !holds(&own) {
        Role::Participant
    } else if holds(WRITE_SCOPE) || (owner.admin && settings.admins_instruct) {
        Role::Instructor
    } else if holds(READ_SCOPE) {
        Role::Helper
    } else {
        Role::Participant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Secret;

    fn settings(admins_instruct: bool) -> HubSettings {
        HubSettings {
            api_url: String::new(),
            api_token: Secret::new(""),
            client_id: String::new(),
            service_name: "dashboard".to_owned(),
            callback_url: String::new(),
            hub_host: String::new(),
            base_url: String::new(),
            admins_instruct,
        }
    }

    fn owner(admin: bool, scopes: &[&str]) -> Owner {
        Owner {
            name: "ana".to_owned(),
            admin,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        }
    }

    #[test]
    fn rights_come_from_the_token() {
        use Role::{Helper, Instructor, Participant};
        let visit = "access:services!service=dashboard";
        for (admin, scopes, expected) in [
            (false, &[visit][..], Participant),
            (false, &[visit, READ_SCOPE], Helper),
            (false, &[visit, WRITE_SCOPE, READ_SCOPE], Instructor),
            (true, &[visit], Instructor),
            (true, &["access:services"], Instructor),
            // Tokens that are for something else.
            (true, &["access:servers!server=ana/"], Participant),
            (true, &["access:services!service=other"], Participant),
            (false, &[READ_SCOPE, WRITE_SCOPE], Participant),
        ] {
            let role = role(&owner(admin, scopes), &settings(true));
            assert_eq!(role, expected, "{admin} {scopes:?}");
        }
    }

    #[test]
    fn admins_may_be_left_to_their_scopes() {
        let visit = "access:services!service=dashboard";
        let left = settings(false);
        assert_eq!(role(&owner(true, &[visit]), &left), Role::Participant);
        let holder = owner(true, &[visit, READ_SCOPE]);
        assert_eq!(role(&holder, &left), Role::Helper);
    }
}
