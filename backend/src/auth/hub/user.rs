//! The user of a token, and the role that the token gives them here.
//!
//! The Hub has users and services, and a service may have the name of a user. A service is never
//! a participant: it has no home, and one called `ana` is not ana. With a scope that lets it see
//! or change the class it has an identity with a name of its own.

use serde::Deserialize;
use shared::wire::Role;

use super::HubSettings;
use crate::{auth::AuthError, identity::Identity};

/// The scope to see everyone's work.
pub const READ_SCOPE: &str = "custom:pipalhub:read";
/// The scope to help as well: to take tickets, and to say that somebody was seen to.
pub const HELP_SCOPE: &str = "custom:pipalhub:help";
/// The scope to change the class as well.
pub const WRITE_SCOPE: &str = "custom:pipalhub:write";

/// The user model, with which the Hub answers `GET /user`.
#[derive(Deserialize)]
pub(super) struct UserModel {
    #[serde(default)]
    kind: HubUserKind,
    name: String,
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
}

/// The kind of a token's owner. One that the Hub does not call a user is taken for a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum HubUserKind {
    User,
    #[default]
    #[serde(other)]
    Service,
}

/// The owner of a token, and the role that the token gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubUser {
    kind: HubUserKind,
    name: String,
    role: Role,
    groups: Vec<String>,
}

impl HubUser {
    pub(super) fn new(owner: UserModel, settings: &HubSettings) -> Self {
        Self {
            role: role(&owner, settings),
            kind: owner.kind,
            name: owner.name,
            groups: owner.groups,
        }
    }

    /// The Hub's name of the user or service.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the token shows others' notebooks.
    pub(super) fn sees_everyone(&self) -> bool {
        self.role.sees_everyone()
    }

    /// The identity that they have here.
    ///
    /// # Errors
    /// [`AuthError::ServiceWithoutScope`] for a service that may neither see nor change the class,
    /// which has no identity here.
    pub fn identity(&self) -> Result<Identity, AuthError> {
        let Self {
            kind,
            name,
            role,
            groups,
        } = self;
        let user = match kind {
            HubUserKind::User => name.clone(),
            // The Hub lets no user have a slash in their name.
            HubUserKind::Service if role.sees_everyone() => format!("service/{name}"),
            HubUserKind::Service => {
                return Err(AuthError::ServiceWithoutScope(name.clone()));
            }
        };
        Ok(Identity {
            user,
            role: *role,
            from_hub: true,
            groups: groups.clone(),
        })
    }
}

/// The role is the token's and not its owner's: a token that is not meant for this service's
/// pages only names its owner. That of an instructor's own server is such a token, and code that
/// runs there must not see the class.
fn role(owner: &UserModel, settings: &HubSettings) -> Role {
    let holds = |scope: &str| owner.scopes.iter().any(|held| held == scope);
    let own = format!("access:services!service={}", settings.service_name);
    if !holds("access:services") && !holds(&own) {
        Role::Participant
    } else if holds(WRITE_SCOPE) || (is_admin(owner) && settings.admins_instruct) {
        Role::Instructor
    } else if holds(HELP_SCOPE) {
        Role::Helper
    } else if holds(READ_SCOPE) {
        Role::Observer
    } else {
        Role::Participant
    }
}

/// Whether a person administers the Hub. Services do not count: many may do so, for other ends.
fn is_admin(owner: &UserModel) -> bool {
    owner.admin && owner.kind == HubUserKind::User
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

    fn owner(admin: bool, scopes: &[&str]) -> UserModel {
        UserModel {
            kind: HubUserKind::User,
            name: "ana".to_owned(),
            admin,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            groups: Vec::new(),
        }
    }

    #[test]
    fn the_role_comes_from_the_token() {
        use Role::{Helper, Instructor, Observer, Participant};
        let visit = "access:services!service=dashboard";
        for (admin, scopes, expected) in [
            (false, &[visit][..], Participant),
            (false, &[visit, READ_SCOPE], Observer),
            (false, &[visit, HELP_SCOPE], Helper),
            // The Hub names the subscopes of a scope, too.
            (false, &[visit, HELP_SCOPE, READ_SCOPE], Helper),
            (
                false,
                &[visit, WRITE_SCOPE, HELP_SCOPE, READ_SCOPE],
                Instructor,
            ),
            (true, &[visit], Instructor),
            (true, &["access:services"], Instructor),
            // Tokens that are for something else.
            (true, &["access:servers!server=ana/"], Participant),
            (true, &["access:services!service=other"], Participant),
            (false, &[READ_SCOPE, HELP_SCOPE, WRITE_SCOPE], Participant),
        ] {
            let role = role(&owner(admin, scopes), &settings(true));
            assert_eq!(role, expected, "{admin} {scopes:?}");
        }
    }

    /// Whatever its name is, and whatever other kinds the Hub may name one day.
    #[test]
    fn a_service_is_no_participant() {
        let visit = "access:services!service=dashboard";
        for kind in [r#""kind": "service","#, r#""kind": "group","#, ""] {
            let identity = |admin: bool, scopes: &[&str]| {
                let scopes = serde_json::to_string(scopes).unwrap();
                let owner =
                    format!(r#"{{{kind} "name": "ana", "admin": {admin}, "scopes": {scopes}}}"#);
                let owner: UserModel = serde_json::from_str(&owner).unwrap();
                HubUser::new(owner, &settings(true)).identity()
            };
            for scopes in [&[][..], &[visit], &[READ_SCOPE, WRITE_SCOPE]] {
                let refused = identity(true, scopes);
                assert!(
                    matches!(refused, Err(AuthError::ServiceWithoutScope(_))),
                    "{refused:?}"
                );
            }
            for (scope, role) in [
                (READ_SCOPE, Role::Observer),
                (HELP_SCOPE, Role::Helper),
                (WRITE_SCOPE, Role::Instructor),
            ] {
                let service = identity(false, &[visit, scope]).unwrap();
                assert_eq!((&*service.user, service.role), ("service/ana", role));
            }
        }
        let owner = r#"{"kind": "user", "name": "ana", "groups": ["monday"], "scopes": []}"#;
        let owner: UserModel = serde_json::from_str(owner).unwrap();
        let ana = HubUser::new(owner, &settings(true)).identity().unwrap();
        assert_eq!((&*ana.user, ana.role), ("ana", Role::Participant));
        assert_eq!(ana.groups, ["monday"]);
    }

    #[test]
    fn admins_may_be_left_to_their_scopes() {
        let visit = "access:services!service=dashboard";
        let left = settings(false);
        assert_eq!(role(&owner(true, &[visit]), &left), Role::Participant);
        let holder = owner(true, &[visit, HELP_SCOPE]);
        assert_eq!(role(&holder, &left), Role::Helper);
    }
}
