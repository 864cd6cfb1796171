//! The Python of an environment.

use std::{path::Path, process::Command};

/// What pip is not to take from the settings of whoever started the steward: it would install into
/// another place.
const PLACES_OF_PIP: [&str; 5] = [
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_USER",
    "PIP_PYTHON",
];

/// The Python of the environment at `root`, apart from this user's own modules and settings.
pub(super) fn python(root: &Path) -> Command {
    let mut command = Command::new(root.join("bin").join("python3"));
    command.args(["-I", "-B"]);
    for name in PLACES_OF_PIP {
        command.env_remove(name);
    }
    command
}
