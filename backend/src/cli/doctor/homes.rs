//! The homes: whether the template or the lookup leads to any, and the folders and notebooks in
//! them that cannot be read.

use std::collections::HashSet;

use shared::notebook::Notebook;

use crate::{
    findings::{Finding, counted},
    homes::{FoundNotebook, Homes, ReadError, read_notebook, scan},
};

/// Most homes or notebooks that a finding names; of the others it says how many they are.
const MAX_NAMED_FILES: usize = 5;

/// The findings, and the number of folders that the service will watch.
pub(super) struct HomesCheck {
    pub(super) findings: Vec<Finding>,
    pub(super) folders: usize,
}

/// Checks the homes; those that have to be asked for by name are asked for by these `known`
/// users.
pub(super) fn check(homes: &Homes, known: &[String]) -> HomesCheck {
    let listed = homes.list();
    for user in known {
        homes.learn(user);
    }
    let users = homes.users();
    let refused = refused(homes).into_iter().chain(not_found(homes));
    if users.is_empty() {
        let findings = [no_home(homes, listed)].into_iter().chain(refused);
        return HomesCheck {
            findings: findings.collect(),
            folders: 1,
        };
    }
    let scans = scan(homes);
    let gaps = scans.iter().filter_map(|(user, scan)| {
        let gap = scan.gap.as_ref()?;
        Some(format!("{user}: {gap}"))
    });
    let gaps: Vec<String> = gaps.collect();
    let found: Vec<FoundNotebook> = scans.into_iter().flat_map(|(_, scan)| scan.found).collect();
    let is_closed = |user: &&String| {
        let home = homes.home_of(user).map(|home| home.open());
        home.is_some_and(|home| home.is_ok_and(|home| home.check_readable().is_err()))
    };
    let closed: Vec<String> = users.iter().filter(is_closed).cloned().collect();
    let mut findings = vec![Finding::ok(
        "homes",
        format!("{homes}: {}", counted(users.len(), "participant")),
    )];
    findings.extend(refused);
    if !closed.is_empty() {
        findings.push(Finding::problem(
            "homes",
            format!("cannot be looked into: {}", named(&closed)),
            "Run the service as a user who may read the homes, as root if need be.",
        ));
    }
    findings.extend(left_out(&gaps));
    findings.push(notebooks(homes, &found));
    let of_notebooks = found.iter().map(|file| {
        let (below, _) = file.filename.rsplit_once('/').unwrap_or_default();
        (&*file.user, below)
    });
    let mut folders: HashSet<(&str, &str)> = of_notebooks.collect();
    folders.extend(users.iter().map(|user| (&**user, "")));
    HomesCheck {
        folders: folders.len() + 1,
        findings,
    }
}

fn no_home(homes: &Homes, listed: Result<(), String>) -> Finding {
    let Some(template) = homes.template() else {
        let message = match listed {
            Ok(()) => format!("{homes}: no participant has a home there yet"),
            Err(error) => format!("{homes}: {error}"),
        };
        return Finding::problem(
            "homes",
            message,
            "Homes are found by the users of stored events and by visits of the page; see \
             --homes-from in the settings.",
        );
    };
    let (homes, base) = (template, template.base_shown());
    let message = match homes.check_readable() {
        Ok(()) => format!("{homes}: nobody has a home there"),
        Err(error) => format!("{homes}: {base} cannot be looked into: {error}"),
    };
    Finding::problem(
        "homes",
        message,
        "Say with --homes where they are, as in /home/{user} or /home/{tljh}, or with --homes-from \
         what knows it.",
    )
}

/// The lookups that failed, and the lines of a table that cannot be used.
fn not_found(homes: &Homes) -> Option<Finding> {
    let problems = homes.problems();
    (!problems.is_empty()).then(|| {
        Finding::warning(
            "homes",
            format!("{homes}: {}", named(&problems)),
            "Mend what --homes-from names; the others' homes are not affected.",
        )
    })
}

/// The homes that the service refuses to read or write.
fn refused(homes: &Homes) -> Option<Finding> {
    let refused = homes.refused().into_iter();
    let refused: Vec<String> = refused
        .map(|(user, why)| format!("{user} ({why})"))
        .collect();
    if refused.is_empty() {
        return None;
    }
    Some(Finding::problem(
        "homes",
        format!("not looked into: {}", named(&refused)),
        "From the folder with the participant's name on, nothing may be a link or another's; \
         what stands before {user} in --homes may be.",
    ))
}

/// The homes that were not walked to their end.
fn left_out(gaps: &[String]) -> Option<Finding> {
    (!gaps.is_empty()).then(|| {
        Finding::warning(
            "homes",
            format!(
                "{} not walked to the end: {}",
                counted(gaps.len(), "home"),
                named(gaps)
            ),
            "Ask these participants to move data that is no notebook out of the folder that is \
             named, or into one whose name begins with a dot.",
        )
    })
}

fn notebooks(homes: &Homes, found: &[FoundNotebook]) -> Finding {
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

fn fault(homes: &Homes, file: &FoundNotebook) -> Option<String> {
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
    let mut text = all[..all.len().min(MAX_NAMED_FILES)].join(", ");
    if all.len() > MAX_NAMED_FILES {
        text += &format!(" and {} more", all.len() - MAX_NAMED_FILES);
    }
    text
}
