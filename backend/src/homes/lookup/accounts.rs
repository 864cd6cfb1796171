//! The machine's accounts, as `getent` tells them.

use std::{ffi::OsString, io};

use super::{
    super::{
        Home,
        program::{ProgramOutput, output_of},
    },
    LOOKUP_TIMEOUT,
};

/// Accounts with lower numbers are the system's, and their homes no participants'.
pub(super) const MIN_USER_ID: u32 = 1_000;
/// `getent` ends with this when there is no such account.
const NO_SUCH_ACCOUNT: i32 = 2;

/// The output of `getent`; `None` when there is no such account.
pub(super) fn accounts(
    getent: &OsString,
    arguments: &[&str],
    max_bytes: usize,
) -> Result<Option<String>, String> {
    let said = output_of(getent, arguments, LOOKUP_TIMEOUT, max_bytes);
    let ProgramOutput { code, text } = said.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            "getent is not there: install it (Debian: libc-bin), or use table: or command:"
                .to_owned()
        }
        _ => format!("getent cannot be asked for accounts: {error}"),
    })?;
    match code {
        Some(0) => Ok(Some(text)),
        Some(NO_SUCH_ACCOUNT) => Ok(None),
        _ => Err(format!(
            "getent {} failed; try it as the service's user",
            arguments.join(" ")
        )),
    }
}

/// A line of the database of accounts.
pub(super) struct Account<'a> {
    pub(super) name: &'a str,
    id: u32,
    home: &'a str,
}

impl<'a> Account<'a> {
    pub(super) fn of_line(line: &'a str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, id, _, _, home, _] = fields[..] else {
            return None;
        };
        let id = id.parse().ok()?;
        Some(Self { name, id, home })
    }

    pub(super) fn home(&self) -> Result<Home, String> {
        let Self { name, id, home } = self;
        if *id < MIN_USER_ID {
            return Err(format!(
                "the account {name} is the system's (its number {id} is below {MIN_USER_ID})"
            ));
        }
        match Home::of_path(home.as_ref()) {
            Ok(home) => Ok(home.owned_by(*id)),
            Err(why) => Err(format!("the home of the account {name}, {home:?}, {why}")),
        }
    }
}
