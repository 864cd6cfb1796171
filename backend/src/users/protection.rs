//! Those whom an instructor neither adds, changes nor removes: other instructors, and who
//! administers the Hub. With another's password they would have another's rights.

use std::collections::BTreeSet;

use super::{
    error::UserListError,
    hub_api::{HubError, HubPerson, StewardHub},
};

/// The role of instructors, which `configure` makes.
pub(crate) const INSTRUCTOR_ROLE: &str = "pipalhub-instructor";
/// The Hub's own role of those who may do everything.
const ADMIN_ROLE: &str = "admin";
/// So many are asked for one by one, and more by the list of all.
const FEW: usize = 4;

/// The Hub's names are shorter, in bytes.
const MAX_NAME: usize = 1_000;

/// Who asks for a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    /// The name, as the audit list has it.
    pub(crate) name: &'a str,
    /// An administrator of the machine before the command line, whom nothing is refused.
    pub(crate) is_administrator: bool,
}

/// Who is protected.
#[derive(Clone, Default)]
pub(crate) struct Protection {
    names: BTreeSet<String>,
    roles: BTreeSet<String>,
    hub: Option<StewardHub>,
}

impl Protection {
    /// Protects these, and whomever the Hub knows for an administrator or to hold one of these
    /// roles.
    pub(crate) fn new(
        names: impl IntoIterator<Item = String>,
        roles: impl IntoIterator<Item = String>,
        hub: Option<StewardHub>,
    ) -> Self {
        let own_roles = [INSTRUCTOR_ROLE, ADMIN_ROLE].map(ToOwned::to_owned);
        Self {
            names: names.into_iter().collect(),
            roles: roles.into_iter().chain(own_roles).collect(),
            hub,
        }
    }

    /// Those of `names` whom `asker` may not touch.
    ///
    /// # Errors
    /// When the Hub does not say who they are.
    pub(super) async fn among(
        &self,
        asker: Asker<'_>,
        names: &[&str],
    ) -> Result<BTreeSet<String>, UserListError> {
        if asker.is_administrator {
            return Ok(BTreeSet::new());
        }
        let own = names.iter().filter(|name| self.names.contains(**name));
        let mut protected: BTreeSet<String> = own.map(|name| (*name).to_owned()).collect();
        if let Some(hub) = &self.hub {
            let of_hub = self.of_hub(hub, names).await;
            protected.append(&mut of_hub.map_err(UserListError::Protection)?);
        }
        Ok(protected)
    }

    /// Fails for somebody whom `asker` may not touch.
    pub(super) async fn check(&self, asker: Asker<'_>, name: &str) -> Result<(), UserListError> {
        match self.among(asker, &[name]).await?.is_empty() {
            true => Ok(()),
            false => Err(UserListError::Refused(reason(name))),
        }
    }

    async fn of_hub(&self, hub: &StewardHub, names: &[&str]) -> Result<BTreeSet<String>, HubError> {
        let mut people = Vec::new();
        let names: Vec<&str> = names
            .iter()
            .copied()
            .filter(|it| it.len() <= MAX_NAME)
            .collect();
        if names.len() > FEW {
            let all = hub.people().await?;
            people.extend(
                all.into_iter()
                    .filter(|it| names.contains(&it.name.as_str())),
            );
        } else {
            for name in names {
                people.extend(hub.person(name).await?);
            }
        }
        if people.is_empty() {
            return Ok(BTreeSet::new());
        }
        let groups = match people.iter().any(|person| !person.groups.is_empty()) {
            true => hub.groups_with(&self.roles).await?,
            false => BTreeSet::new(),
        };
        let is_protected = |person: &HubPerson| {
            person.admin
                || person.roles.iter().any(|role| self.roles.contains(role))
                || person.groups.iter().any(|group| groups.contains(group))
        };
        let protected = people.into_iter().filter(is_protected);
        Ok(protected.map(|person| person.name).collect())
    }
}

/// The words for somebody who is protected.
pub(super) fn reason(name: &str) -> String {
    format!(
        "{name} is an instructor, administers the Hub or is named by --protect: only root's \
         command line, `pipalhub users`, changes them"
    )
}
