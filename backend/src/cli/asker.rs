//! Who asks the steward by a command.

use std::env;

/// The account of the system before the command line.
pub(super) fn asker() -> String {
    let names = ["SUDO_USER", "LOGNAME", "USER"].into_iter();
    let mut given = names.filter_map(|it| env::var(it).ok().filter(|name| !name.is_empty()));
    given.next().unwrap_or_else(|| "command line".to_owned())
}
