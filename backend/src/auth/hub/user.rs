//! Who a token belongs to, and what it lets them do here.
//!
//! The Hub has users and services, and nothing keeps one from having the name of another. A
//! service is never a participant: it has no home, and one called `ana` is not ana. With a
//! scope that lets it see or change the class it is somebody under a name of its own.

use serde::Deserialize;
use shared::wire::Role;

use super::HubSettings;
use crate::{auth::AuthError, identity::Identity};

/// Seeing everyone's work.
pub const READ_SCOPE: &str = "custom:pipalhub:read";
/// Changing the class as well.
pub const WRITE_SCOPE: &str = "custom:pipalhub:write";

/// What the Hub answers to `GET /user`.
#[derive(Deserialize)]
pub(super) struct Owner {
    #[serde(default)]
    kind: Kind,
    name: String,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    scopes: Vec<String>,
}

/// What the Hub calls an owner. What is not said to be a user is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    User,
    #[default]
    #[serde(other)]
    Service,
}

/// A token's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubUser {
    kind: Kind,
    name: String,
    role: Role,
}

impl HubUser {
    pub(super) fn new(owner: Owner, settings: &HubSettings) -> Self {
        Self {
            role: role(&owner, settings),
            kind: owner.kind,
            name: owner.name,
        }
    }

    /// The Hub's name for them.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the token shows others' notebooks.
    pub(super) fn sees_everyone(&self) -> bool {
        self.role.sees_everyone()
    }

    /// Who that is here.
    ///
    /// # Errors
    /// [`AuthError::ServiceWithoutScope`] for a service that may neither see nor change the class, which
    /// is nobody here.
    pub fn identity(&self) -> Result<Identity, AuthError> {
        let Self { kind, name, role } = self;
        let user = match kind {
            Kind::User => name.clone(),
            // The Hub lets no user have a slash in their name.
            Kind::Service if role.sees_everyone() => format!("service/{name}"),
            Kind::Service => {
                return Err(AuthError::ServiceWithoutScope(name.clone()));
            }
        };
        Ok(Identity {
            user,
            role: *role,
            from_hub: true,
        })
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
    } else if holds(WRITE_SCOPE) || (is_admin(owner) && settings.admins_instruct) {
        Role::Instructor
    } else if holds(READ_SCOPE) {
        Role::Helper
    } else {
        Role::Participant
    }
}

/// A person who administers the Hub. Of services there are many that may, for other ends.
fn is_admin(owner: &Owner) -> bool {
    owner.admin && owner.kind == Kind::User
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

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
            kind: Kind::User,
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

    /// Whatever it is called, and whatever else it is that the Hub may name one day.
    #[test]
    fn a_service_is_no_participant() {
        let visit = "access:services!service=dashboard";
        for kind in [r#""kind": "service","#, r#""kind": "group","#, ""] {
            let identity = |admin: bool, scopes: &[&str]| {
                let scopes = serde_json::to_string(scopes).unwrap();
                let owner =
                    format!(r#"{{{kind} "name": "ana", "admin": {admin}, "scopes": {scopes}}}"#);
                let owner: Owner = serde_json::from_str(&owner).unwrap();
                HubUser::new(owner, &settings(true)).identity()
            };
            for scopes in [&[][..], &[visit], &[READ_SCOPE, WRITE_SCOPE]] {
                let refused = identity(true, scopes);
                assert!(
                    matches!(refused, Err(AuthError::ServiceWithoutScope(_))),
                    "{refused:?}"
                );
            }
            for (scope, role) in [(READ_SCOPE, Role::Helper), (WRITE_SCOPE, Role::Instructor)] {
                let somebody = identity(false, &[visit, scope]).unwrap();
                assert_eq!((&*somebody.user, somebody.role), ("service/ana", role));
            }
        }
        let owner = r#"{"kind": "user", "name": "ana", "groups": [], "scopes": []}"#;
        let owner: Owner = serde_json::from_str(owner).unwrap();
        let ana = HubUser::new(owner, &settings(true)).identity().unwrap();
        assert_eq!((&*ana.user, ana.role), ("ana", Role::Participant));
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
