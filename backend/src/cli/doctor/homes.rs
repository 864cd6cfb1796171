//! The homes: whether the template leads anywhere, and what in it cannot be read.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use shared::notebook::Notebook;

use super::report::{Finding, counted};
use crate::homes::{Found, HomesTemplate, ReadError, read_notebook, scan};

/// So many are named; of more only how many.
const NAMED: usize = 5;

/// What was found, and how many folders the service will watch.
pub(super) struct Class {
    pub(super) findings: Vec<Finding>,
    pub(super) folders: usize,
}

pub(super) fn check(homes: &HomesTemplate) -> Class {
    let users = homes.users();
    if users.is_empty() {
        return Class {
            findings: vec![nobody(homes)],
            folders: 1,
        };
    }
    let found = scan(homes);
    let closed = users.iter().filter(|(_, home)| fs::read_dir(home).is_err());
    let closed: Vec<String> = closed.map(|(user, _)| user.clone()).collect();
    let mut findings = vec![Finding::ok(
        "homes",
        format!("{homes}: {}", counted(users.len(), "participant")),
    )];
    if !closed.is_empty() {
        findings.push(Finding::problem(
            "homes",
            format!("cannot be looked into: {}", named(&closed)),
            "Run the service as a user who may read the homes, as root if need be.",
        ));
    }
    findings.push(notebooks(homes, &found));
    let mut folders: HashSet<&Path> = found.iter().filter_map(|f| f.path.parent()).collect();
    folders.extend(
        users
            .iter()
            .map(|(_, home): &(String, PathBuf)| home.as_path()),
    );
    Class {
        folders: folders.len() + 1,
        findings,
    }
}

fn nobody(homes: &HomesTemplate) -> Finding {
    let base = homes.base().display();
    let message = match fs::read_dir(homes.base()) {
        Ok(_) => format!("{homes}: nobody has a home there"),
        Err(error) => format!("{homes}: {base} cannot be looked into: {error}"),
    };
    Finding::problem(
        "homes",
        message,
        "Say with --homes where they are, as in /home/{user} or /home/jupyter-{user}.",
    )
}

fn notebooks(homes: &HomesTemplate, found: &[Found]) -> Finding {
    let subject = "notebooks";
    let faults: Vec<String> = found.iter().filter_map(|file| fault(homes, file)).collect();
    if found.is_empty() {
        return Finding::ok(subject, "none yet");
    }
    if faults.is_empty() {
        return Finding::ok(subject, format!("{}, all can be read", found.len()));
    }
    Finding::warning(
        subject,
        format!(
            "{} of {} cannot be read: {}",
            faults.len(),
            found.len(),
            named(&faults)
        ),
        "The wall says so on their tiles; everyone else's are not affected.",
    )
}

fn fault(homes: &HomesTemplate, file: &Found) -> Option<String> {
    let home = homes.home_of(&file.user)?;
    let why = match read_notebook(&home, &file.filename, None) {
        Ok((_, Some(file))) => {
            let parsed = file.content().and_then(|bytes| Notebook::parse(&bytes));
            parsed.err()?.to_string()
        }
        Ok((_, None)) | Err(ReadError::Missing) => return None,
        Err(error) => error.to_string(),
    };
    Some(format!("{}:{} ({why})", file.user, file.filename))
}

fn named(all: &[String]) -> String {
    let mut text = all[..all.len().min(NAMED)].join(", ");
    if all.len() > NAMED {
        text += &format!(" and {} more", all.len() - NAMED);
    }
    text
}
