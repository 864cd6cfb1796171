//! Every notebook below every home, by walking. It is how files are found at first,
//! and on network file systems, which report no changes, the only way ever.

use std::path::PathBuf;

use walkdir::{DirEntry, WalkDir};

use super::{Fingerprint, HomesTemplate};

/// Folders deeper than this below a home are not looked into.
const DEEPEST: usize = 8;
/// A home with more entries than this is walked no further; a virtual environment or a
/// data set must not slow everyone down.
const MOST_ENTRIES: usize = 20_000;

/// One notebook on disk.
#[derive(Clone, Debug)]
pub struct Found {
    /// Whose it is.
    pub user: String,
    /// The path below the home.
    pub filename: String,
    /// The whole path.
    pub path: PathBuf,
    /// Its version.
    pub fingerprint: Fingerprint,
}

/// Walks all homes. Unreadable folders are passed over: their owner will save again,
/// and somebody else's mistake must not hide the rest of the class.
#[must_use]
pub fn scan(homes: &HomesTemplate) -> Vec<Found> {
    let mut found = Vec::new();
    for (user, home) in homes.users() {
        let walk = WalkDir::new(&home)
            .max_depth(DEEPEST)
            .into_iter()
            .filter_entry(|entry| entry.depth() == 0 || is_worth_a_look(entry))
            .take(MOST_ENTRIES);
        for entry in walk.flatten().filter(|entry| entry.file_type().is_file()) {
            let Some(filename) = notebook_name(&entry, &home) else {
                continue;
            };
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            found.push(Found {
                user: user.clone(),
                filename,
                path: entry.path().to_owned(),
                fingerprint: Fingerprint::from(&metadata),
            });
        }
    }
    found
}

/// Hidden files hold Jupyter's checkpoints and half-written `.~` copies.
fn is_worth_a_look(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let is_environment = || entry.file_type().is_dir() && entry.path().join("pyvenv.cfg").exists();
    !name.starts_with('.')
        && !["node_modules", "__pycache__"].contains(&&*name)
        && !is_environment()
}

fn notebook_name(entry: &DirEntry, home: &std::path::Path) -> Option<String> {
    let below = entry.path().strip_prefix(home).ok()?.to_str()?;
    below.ends_with(".ipynb").then(|| below.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn finds_notebooks_and_nothing_else() {
        let base = tempfile::tempdir().unwrap();
        for path in [
            "ana/day1.ipynb",
            "ana/m1/day2.ipynb",
            "ana/.ipynb_checkpoints/day1-checkpoint.ipynb",
            "ana/.~day1.ipynb",
            "ana/notes.txt",
            "ana/env/pyvenv.cfg",
            "ana/env/lib/sample.ipynb",
            "bob/day1.ipynb",
            "stray.ipynb",
        ] {
            let path = base.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "{}").unwrap();
        }
        let homes = format!("{}/{{user}}", base.path().display())
            .parse()
            .unwrap();
        let mut seen: Vec<_> = scan(&homes)
            .into_iter()
            .map(|f| format!("{}:{}", f.user, f.filename))
            .collect();
        seen.sort();
        assert_eq!(
            seen,
            ["ana:day1.ipynb", "ana:m1/day2.ipynb", "bob:day1.ipynb"]
        );
    }
}
