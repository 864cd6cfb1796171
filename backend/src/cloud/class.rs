//! A class that is brought to a node: its list is checked on the trainer's machine before anything
//! is made, and passwords are made there too, so that no interruption loses one.
//!
//! The list goes to the server by ssh's standard input. No password is an argument of a program.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use csv::WriterBuilder;
use serde::de::DeserializeOwned;
use shared::users::{UsersChange, UsersResponse};

use super::{
    passwords::NodePasswords,
    ssh::{NodeShell, ShellOutput},
    state::NodeFolder,
};
use crate::{
    secret::Secret,
    telemetry::loggable,
    users::{
        class_list::{self, ListedPerson},
        name::{NameRule, Username},
        new_password,
    },
};

/// The longest wait for the server to name its users.
const LIST_TIMEOUT: Duration = Duration::from_mins(1);
/// The longest wait for it to add one more.
const PERSON_TIMEOUT: Duration = Duration::from_secs(5);
/// So many bad lines of a list are told.
const MOST_TOLD: usize = 20;

/// A class whose list is in order.
pub(crate) struct NodeClass {
    /// `None` for instructors alone.
    file: Option<PathBuf>,
    people: Vec<ListedPerson>,
}

/// What came of it.
pub(crate) struct BroughtClass {
    pub(crate) added: usize,
    /// How many were there before.
    pub(crate) known: usize,
    /// Names of them whose passwords are not known here.
    pub(crate) without_password: Vec<String>,
    /// The table of passwords and the sheet of cards; none where passwords are not made here.
    pub(crate) papers: Option<[PathBuf; 2]>,
}

impl NodeClass {
    /// Reads a list: names, `name,password`, a table with a header, or lines of a `users.txt`.
    /// Instructors who are not in it are added.
    ///
    /// # Errors
    /// When it cannot be read, has nobody in it, or a line cannot be used; all such lines are told.
    pub(crate) fn read(file: &Path, instructors: &[Username]) -> anyhow::Result<Self> {
        let named = || format!("cannot use the class list {}", file.display());
        let bytes = fs::read(file).with_context(named)?;
        let text = String::from_utf8(bytes)
            .context("it is not UTF-8: save it as such")
            .with_context(named)?;
        let mut people = read_people(&text).with_context(named)?;
        let is_missing = |name: &&Username| people.iter().all(|person| person.name != **name);
        let missing: Vec<_> = instructors.iter().filter(is_missing).cloned().collect();
        people.extend(missing.into_iter().map(without_password));
        Ok(Self {
            file: Some(file.to_owned()),
            people,
        })
    }

    /// Nobody but instructors; `None` when there are none.
    pub(crate) fn of_instructors(instructors: &[Username]) -> Option<Self> {
        let people: Vec<_> = instructors.iter().cloned().map(without_password).collect();
        (!people.is_empty()).then_some(Self { file: None, people })
    }

    /// The list, as a step of a plan names it.
    pub(super) fn named(&self) -> String {
        match &self.file {
            Some(file) => format!("{} people of {}", self.people.len(), file.display()),
            None => "the instructors".to_owned(),
        }
    }

    /// Adds those to the node who are not there.
    ///
    /// # Errors
    /// When the server cannot be asked, or refuses somebody.
    pub(super) async fn bring(
        &self,
        shell: &NodeShell,
        folder: &NodeFolder,
        hostname: &str,
    ) -> anyhow::Result<BroughtClass> {
        let list = shell
            .run("pipalhub users list --json", LIST_TIMEOUT)
            .await?;
        let list: UsersResponse = answer("pipalhub users list", &list)?;
        let there: BTreeSet<&str> = list.users.iter().map(|it| &*it.username).collect();
        let (known, new): (Vec<_>, Vec<_>) = self
            .people
            .iter()
            .partition(|it| there.contains(it.name.as_str()));
        if !list.accounts.kind.makes_passwords() {
            let new = new.iter().map(|it| (it.name.to_string(), None)).collect();
            return Ok(BroughtClass {
                added: import(shell, &new).await?.added.len(),
                known: known.len(),
                without_password: Vec::new(),
                papers: None,
            });
        }
        let mut passwords = NodePasswords::open(folder)?;
        let mut missing = BTreeMap::new();
        for person in &new {
            let name = person.name.to_string();
            let given = person.password.as_ref().or_else(|| passwords.of(&name));
            let password = given.cloned().unwrap_or_else(new_password);
            missing.insert(name, Some(password));
        }
        // They are on this disk before the server has them.
        passwords.add(&missing)?;
        let added = import(shell, &missing).await;
        if let Err(NotAdded::These { names, .. }) = &added {
            passwords.forget(names)?;
        }
        let added = added?.added.len();
        let names = self.people.iter().map(|it| it.name.to_string());
        let without_password = names.filter(|it| passwords.of(it).is_none()).collect();
        Ok(BroughtClass {
            added,
            known: known.len(),
            without_password,
            papers: Some([
                passwords.path().to_owned(),
                passwords.write_cards(folder, hostname)?,
            ]),
        })
    }
}

/// Somebody whose password is to be made.
fn without_password(name: Username) -> ListedPerson {
    ListedPerson {
        name,
        password: None,
    }
}

fn read_people(text: &str) -> anyhow::Result<Vec<ListedPerson>> {
    let lines = class_list::read(text, NameRule::System).map_err(anyhow::Error::msg)?;
    let (mut people, mut bad) = (Vec::new(), Vec::new());
    for line in lines {
        match line.person {
            Ok(person) => people.push(person),
            Err(problem) => {
                let proposed = problem.proposed.map(|name| format!(". Perhaps {name}?"));
                bad.push(format!(
                    "line {}, {:?}: {}{}",
                    line.number,
                    line.written,
                    problem.reason,
                    proposed.unwrap_or_default()
                ));
            }
        }
    }
    if bad.len() > MOST_TOLD {
        let more = bad.len() - MOST_TOLD;
        bad.truncate(MOST_TOLD);
        bad.push(format!("and {more} lines more"));
    }
    if !bad.is_empty() {
        bail!(
            "nothing was made, mend these lines first:\n  {}",
            bad.join("\n  ")
        );
    }
    if people.is_empty() {
        bail!("there is nobody in it");
    }
    Ok(people)
}

/// Why somebody is not there.
#[derive(Debug, thiserror::Error)]
enum NotAdded {
    /// The server has refused these, and added the others.
    #[error("the server has not added {}: {}", names.join(", "), reasons.join("; "))]
    These {
        names: Vec<String>,
        reasons: Vec<String>,
    },
    #[error(transparent)]
    Nobody(#[from] anyhow::Error),
}

/// Adds these to the server's list.
async fn import(
    shell: &NodeShell,
    people: &BTreeMap<String, Option<Secret>>,
) -> Result<UsersChange, NotAdded> {
    if people.is_empty() {
        return Ok(UsersChange::default());
    }
    let table = table(people).context("cannot write the list for the server")?;
    let count = u32::try_from(people.len()).unwrap_or(u32::MAX);
    let timeout = LIST_TIMEOUT + PERSON_TIMEOUT.saturating_mul(count);
    let command = "pipalhub users import --json -";
    let output = shell
        .run_with_input(command, table.reveal(), timeout)
        .await?;
    let change: UsersChange = answer("pipalhub users import", &output)?;
    if change.refused.is_empty() {
        return Ok(change);
    }
    let refused = change.refused.iter();
    Err(NotAdded::These {
        names: refused.clone().map(|it| it.username.clone()).collect(),
        reasons: refused.map(|it| loggable(&it.reason).to_string()).collect(),
    })
}

/// The list as a table with a header, which is read alike whatever a password holds.
fn table(people: &BTreeMap<String, Option<Secret>>) -> anyhow::Result<Secret> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(["username", "password"])?;
    for (name, password) in people {
        let password = password.as_ref().map_or("", Secret::reveal);
        writer.write_record([name, password])?;
    }
    Ok(Secret::new(String::from_utf8(writer.into_inner()?)?))
}

/// What a command of the server has answered. What it prints holds passwords, and is told to nobody.
fn answer<T: DeserializeOwned>(command: &str, output: &ShellOutput) -> anyhow::Result<T> {
    serde_json::from_str(&output.stdout).map_err(|_| {
        let said = output.stderr.trim();
        let said = said.lines().last().unwrap_or("it has said nothing");
        anyhow::anyhow!(
            "{command} on the server has ended with {}: {}",
            output.status,
            loggable(said)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_with_bad_lines_is_told_line_by_line() {
        let error = read_people("ana\n# late\nMaría G.\nroot\nana\n")
            .err()
            .unwrap();
        let said = error.to_string();
        assert!(said.contains("line 3, \"María G.\": "), "{said}");
        assert!(said.contains("Perhaps maria-g?"), "{said}");
        assert!(said.contains("line 4, \"root\": "), "{said}");
        assert!(
            said.contains("line 5, \"ana\": ana is in the list before"),
            "{said}"
        );
        let many: String = (0..30).map(|at| format!("A{at}\n")).collect();
        let said = read_people(&many).err().unwrap().to_string();
        assert!(said.ends_with("and 10 lines more"), "{said}");
        assert_eq!(
            read_people("\n").err().unwrap().to_string(),
            "there is nobody in it"
        );
    }

    #[test]
    fn any_password_arrives_as_it_is() {
        let odd = ["a,\"b\"", "#c", "d:e;f", "=g"];
        let people = ["ana", "bo", "cy", "di"].into_iter().zip(odd);
        let people = people.map(|(name, it)| (name.to_owned(), Some(Secret::new(it))));
        let table = table(&people.collect()).unwrap();
        let read = class_list::read(table.reveal(), NameRule::System).unwrap();
        let read = read
            .into_iter()
            .map(|line| line.person.unwrap().password.unwrap());
        let read: Vec<String> = read.map(|it| it.reveal().to_owned()).collect();
        assert_eq!(read, odd);
    }
}
