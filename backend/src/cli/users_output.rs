//! What `pipalhub users` prints.

use std::process::ExitCode;

use serde::Serialize;
use shared::users::{
    AccountsKind, AccountsSummary, ImportLine, RefusedUser, StoredPassword, UserCredentials,
    UsersChange, UsersFileProblem, UsersResponse,
};

use crate::telemetry::loggable;

pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<ExitCode> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn print_list(list: &UsersResponse) {
    let width = list.users.iter().map(|it| it.username.chars().count());
    let width = width.max().unwrap_or_default();
    for user in &list.users {
        let password = match user.password {
            StoredPassword::Plain => "password in the list",
            StoredPassword::Hash => "hash in the list",
            StoredPassword::None => "no password in the list",
        };
        let account = match (&user.failure, user.has_account) {
            (Some(failure), _) => failure.as_str(),
            (None, true) => "account",
            (None, false) => "no account yet",
        };
        println!("{:width$}  {account}, {password}", user.username);
    }
    if let Some(change) = &list.change {
        println!("{}", loggable(&change.to_string()));
    }
    println!("{}", who_makes_passwords(&list.accounts));
    println!("{} users", list.users.len());
    print_problems(&list.problems);
}

/// Who makes passwords; the one of all is not printed, but with `--json`.
pub(super) fn who_makes_passwords(accounts: &AccountsSummary) -> String {
    let provider = accounts.provider.as_deref().unwrap_or("the Hub");
    let said = match accounts.kind {
        AccountsKind::System => "passwords are made here, for accounts of the system",
        AccountsKind::Native => {
            "passwords are made here, and kept by the Hub's NativeAuthenticator"
        }
        AccountsKind::Shared => {
            "everyone signs in with one password, which the Hub's configuration sets"
        }
        AccountsKind::Outside => "knows the passwords, and the list lets people in",
        AccountsKind::Names => "names only: whoever signs people in makes passwords",
    };
    match accounts.kind {
        AccountsKind::Outside => format!("{} {said}", loggable(provider)),
        _ => said.to_owned(),
    }
}

pub(super) fn print_problems(problems: &[UsersFileProblem]) {
    for problem in problems {
        match problem.line {
            Some(line) => eprintln!("line {line} is passed over: {}", problem.reason),
            None => eprintln!("{}", problem.reason),
        }
    }
}

pub(super) fn print_lines(lines: &[ImportLine], good: usize) {
    print_bad(lines);
    println!("{good} of {} lines can be added.", lines.len());
}

pub(super) fn print_bad(lines: &[ImportLine]) {
    for line in lines {
        if let Some(problem) = &line.problem {
            let proposed = line.proposed.as_ref();
            let proposed = proposed.map(|name| format!(" Perhaps {name}?"));
            eprintln!(
                "line {}, {:?}: {problem}.{}",
                line.line,
                line.username,
                proposed.unwrap_or_default()
            );
        }
    }
}

pub(super) fn print_change(change: &UsersChange) {
    print_credentials(&change.added);
    for it in &change.changed {
        println!("{} has the password of the list now.", it.username);
    }
    for name in &change.removed {
        println!("{name} is removed. Their home stays.");
    }
    print_refused(&change.refused);
    print_problems(&change.problems);
    let (added, refused) = (change.added.len(), change.refused.len());
    if added + refused > 1 {
        println!("{added} added, {refused} not.");
    }
}

pub(super) fn print_credentials(users: &[UserCredentials]) {
    let width = users.iter().map(|it| it.username.chars().count());
    let width = width.max().unwrap_or_default();
    for user in users {
        match &user.password {
            Some(password) => println!("{:width$}  {password}", user.username),
            None => println!("{} is added.", user.username),
        }
    }
}

pub(super) fn print_refused(refused: &[RefusedUser]) {
    for it in refused {
        eprintln!("{:?} is not changed: {}.", it.username, it.reason);
    }
}
