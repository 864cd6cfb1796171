//! The accounts and groups of the system, read at one moment from its own files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::password;

/// A file or folder of the system that cannot be read, and why.
#[derive(Debug, Error)]
#[error("cannot read {0}: {1}")]
pub(crate) struct UnreadablePath(pub(super) PathBuf, pub(super) io::Error);

/// An account as `/etc/passwd` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SystemAccount {
    name: String,
    pub(crate) id: u32,
    group: u32,
    pub(crate) home: PathBuf,
}

/// All accounts, and who is in which group.
#[derive(Debug, Default)]
pub(crate) struct SystemView {
    accounts: BTreeMap<String, SystemAccount>,
    /// The groups that name somebody, by the name of the member.
    groups_of: BTreeMap<String, BTreeSet<String>>,
    /// The numbers of groups.
    group_names: BTreeMap<u32, String>,
}

impl SystemView {
    /// Reads `/etc/passwd` and `/etc/group`.
    pub(super) fn read() -> Result<Self, UnreadablePath> {
        Ok(Self::parse(&read("/etc/passwd")?, &read("/etc/group")?))
    }

    fn parse(passwd: &str, group: &str) -> Self {
        let mut view = Self::default();
        for line in passwd.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let number = |at: usize| fields.get(at).and_then(|it| it.parse().ok());
            if let (Some(id), Some(group), Some(home)) = (number(2), number(3), fields.get(5)) {
                let name = fields[0].to_owned();
                let account = SystemAccount {
                    name: name.clone(),
                    id,
                    group,
                    home: PathBuf::from(home),
                };
                // Of two lines of one name the system takes the first.
                view.accounts.entry(name).or_insert(account);
            }
        }
        for line in group.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let Some(number) = fields.get(2).and_then(|it| it.parse().ok()) else {
                continue;
            };
            view.group_names.insert(number, fields[0].to_owned());
            let members = fields.get(3).copied().unwrap_or_default();
            for member in members.split(',').filter(|it| !it.is_empty()) {
                let groups = view.groups_of.entry(member.to_owned()).or_default();
                groups.insert(fields[0].to_owned());
            }
        }
        view
    }

    pub(super) fn account(&self, name: &str) -> Option<&SystemAccount> {
        self.accounts.get(name)
    }

    /// The numbers of all accounts.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.accounts.values().map(|account| account.id)
    }

    /// Whether the account is in this group, and besides in none but one of its own name.
    pub(super) fn is_only_in(&self, account: &SystemAccount, group: &str) -> bool {
        let groups = self.groups_of.get(&account.name);
        let is_there = groups.is_some_and(|groups| groups.contains(group));
        is_there
            && groups
                .is_none_or(|groups| groups.iter().all(|it| it == group || it == &account.name))
            && self.has_own_group(account)
    }

    /// Whether the account is in no group but one of its own name.
    pub(super) fn is_in_no_group(&self, account: &SystemAccount) -> bool {
        let groups = self.groups_of.get(&account.name);
        groups.is_none_or(|groups| groups.iter().all(|it| it == &account.name))
            && self.has_own_group(account)
    }

    /// The number of the account's first group, where no such group is there.
    pub(super) fn missing_group(&self, account: &SystemAccount) -> Option<u32> {
        let is_there = self.group_names.contains_key(&account.group);
        (!is_there).then_some(account.group)
    }

    /// Whether the account is in one of these groups.
    pub(super) fn is_in_any(&self, account: &SystemAccount, groups: &[&str]) -> bool {
        let first = self.group_names.get(&account.group).into_iter();
        let others = self.groups_of.get(&account.name).into_iter().flatten();
        first.chain(others).any(|it| groups.contains(&it.as_str()))
    }

    /// Whether the first group of the account has its name, as `useradd` makes it.
    fn has_own_group(&self, account: &SystemAccount) -> bool {
        self.group_names.get(&account.group) == Some(&account.name)
    }
}

/// The hash that the system keeps of a password.
pub(super) fn hash_of(name: &str) -> Result<Option<String>, UnreadablePath> {
    let shadow = read("/etc/shadow")?;
    let lines = shadow
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let mut of_name = lines.filter(|fields| fields[0] == name);
    let hash = of_name
        .next()
        .and_then(|fields| Some((*fields.get(1)?).to_owned()));
    Ok(hash.filter(|it| password::is_hash(it)))
}

/// The number of the account of this name, of whomever.
pub(crate) fn user_id(name: &str) -> Result<Option<u32>, UnreadablePath> {
    Ok(SystemView::read()?.account(name).map(|account| account.id))
}

fn read(path: &'static str) -> Result<String, UnreadablePath> {
    let bytes = fs::read(Path::new(path));
    let bytes = bytes.map_err(|error| UnreadablePath(PathBuf::from(path), error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nalice:x:1001:1001::/home/alice:/bin/sh\n\
        alice:x:0:0::/:/bin/sh\nines:x:1002:1002::/home/ines:/bin/sh\n\
        olga:x:1003:27::/home/olga:/bin/sh\nbroken\n";
    const GROUPS: &str = "root:x:0:\nsudo:x:27:ines\nalice:x:1001:\nines:x:1002:ines\n\
        ours:x:1004:alice,ines,olga\n";

    #[test]
    fn who_is_in_another_group_is_not_only_in_ours() {
        let view = SystemView::parse(PASSWD, GROUPS);
        let is_ours = |name: &str| view.is_only_in(view.account(name).unwrap(), "ours");
        assert!(is_ours("alice"));
        assert!(!is_ours("ines"), "is in sudo");
        assert!(!is_ours("olga"), "has sudo for the first group");
        assert!(!is_ours("root"));
        let is_powerful = |name: &str| view.is_in_any(view.account(name).unwrap(), &["sudo"]);
        assert!(is_powerful("ines") && is_powerful("olga") && !is_powerful("alice"));
        assert_eq!(
            view.account("alice").unwrap().id,
            1001,
            "the first line counts"
        );
        assert!(view.account("broken").is_none());
        assert!(!view.is_in_no_group(view.account("ines").unwrap()));
    }
}
