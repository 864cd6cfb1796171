//! Who teaches: named in the Hub's configuration when that is written, with an account each.

use std::{
    cell::RefCell,
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde::Deserialize;

use super::{bundle, server::Server, stack::wait_for, step::SetupStep};

/// The command for the server itself, which finds the steward.
const COMMAND: &str = "/usr/local/bin/pipalhub";
/// How long the steward may take to answer after a start.
const TIMEOUT: Duration = Duration::from_secs(60);
/// What the configuration says of instructors before anybody is named.
const NOBODY: &str = "instructors=[]";

/// The Hub's configuration as it is first written, with these instructors.
///
/// # Panics
/// When it has no place for them, which the tests would see.
pub(super) fn first_configuration(names: &[String]) -> String {
    let text = bundle::node_file("jupyterhub_config.py");
    assert!(
        text.contains(NOBODY),
        "the configuration names its instructors"
    );
    // A name has letters, digits and few signs, and none that ends a text of Python's.
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    text.replace(NOBODY, &format!("instructors=[{}]", quoted.join(", ")))
}

/// Those of them whom the configuration, which is the trainer's, does not name.
pub(super) fn unnamed(names: &[String], configuration: &str) -> Vec<String> {
    let text = fs::read_to_string(configuration).unwrap_or_default();
    let is_named = |name: &&String| {
        ['"', '\'']
            .iter()
            .any(|q| text.contains(&format!("{q}{name}{q}")))
    };
    names
        .iter()
        .filter(|name| !is_named(name))
        .cloned()
        .collect()
}

/// An account for each instructor who has none.
pub(super) struct InstructorAccounts<'a> {
    pub(super) names: &'a [String],
    /// What the steward has told of those that it has made: name and password.
    pub(super) made: RefCell<Vec<String>>,
}

/// What the list of the class says.
#[derive(Deserialize)]
struct ClassList {
    users: Vec<ClassUser>,
}

#[derive(Deserialize)]
struct ClassUser {
    username: String,
}

impl InstructorAccounts<'_> {
    fn without_account(&self) -> anyhow::Result<Vec<&str>> {
        let mut listed = String::new();
        wait_for(Instant::now() + TIMEOUT, || {
            listed = ask(&["--json", "list"])?;
            Ok(())
        })?;
        let list: ClassList = serde_json::from_str(&listed).context("what it lists is no list")?;
        let is_missing = |name: &&str| list.users.iter().all(|user| user.username != *name);
        Ok(self
            .names
            .iter()
            .map(String::as_str)
            .filter(is_missing)
            .collect())
    }
}

impl SetupStep for InstructorAccounts<'_> {
    fn name(&self) -> String {
        "Instructors' accounts".to_owned()
    }

    fn missing(&self, _: &Server) -> anyhow::Result<Option<String>> {
        let missing = self.without_account()?;
        Ok((!missing.is_empty()).then(|| format!("to be made: {}", missing.join(", "))))
    }

    fn act(&self, _: &Server) -> anyhow::Result<()> {
        let missing = self.without_account()?;
        let said = ask(&[&["add"], &missing[..]].concat())?;
        self.made
            .borrow_mut()
            .extend(said.lines().map(str::to_owned));
        Ok(())
    }
}

/// Runs `pipalhub users` and returns what it prints, which is in no log: it may be passwords.
fn ask(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(COMMAND)
        .arg("users")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{COMMAND} cannot be started"))?;
    if !output.status.success() {
        bail!(
            "pipalhub users: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructors_are_named_where_nobody_was() {
        let none = first_configuration(&[]);
        assert!(
            none.contains("pipalhub.workshop(c, instructors=[])"),
            "{none}"
        );
        let names = ["ines".to_owned(), "ana-m".to_owned()];
        let two = first_configuration(&names);
        assert!(
            two.contains("workshop(c, instructors=[\"ines\", \"ana-m\"])"),
            "{two}"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.py");
        fs::write(&file, "pipalhub.workshop(c, instructors=['ines'])\n").unwrap();
        assert_eq!(unnamed(&names, file.to_str().unwrap()), ["ana-m"]);
    }
}
