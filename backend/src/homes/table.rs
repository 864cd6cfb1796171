//! A table of homes: a file of the administrator's with a line `user path` for each user.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::{Fingerprint, Home};

/// The largest table that is read; 20,000 users have about a MiB.
const MAX_TABLE_BYTES: u64 = 8 << 20;

/// The homes of a table, and its bad lines.
#[derive(Debug, Default)]
pub(super) struct HomesTable {
    pub(super) homes: BTreeMap<String, Home>,
    /// In words for the administrator, each with its line.
    pub(super) problems: Vec<String>,
    /// The version of the file.
    pub(super) version: Option<Fingerprint>,
}

impl HomesTable {
    /// Reads the table at `path`, unless its version is the `known` one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(path: &Path, known: Option<Fingerprint>) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        let version = Fingerprint::from(&file.metadata()?);
        if known == Some(version) {
            return Ok(None);
        }
        let mut text = String::new();
        file.take(MAX_TABLE_BYTES + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_TABLE_BYTES {
            let message = format!("it has more than {MAX_TABLE_BYTES} bytes");
            return Err(io::Error::other(message));
        }
        let table = Self::parse(&text);
        Ok(Some(Self {
            version: Some(version),
            ..table
        }))
    }

    fn parse(text: &str) -> Self {
        let mut table = Self::default();
        let mut paths = BTreeSet::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // A path may have spaces in it, and a user's name as well.
            let Some((user, path)) = [" /", "\t/"]
                .into_iter()
                .filter_map(|gap| line.find(gap))
                .min()
                .map(|at| (line[..at].trim_end(), &line[at + 1..]))
            else {
                let problem = format!("line {number} is not a user and an absolute path");
                table.problems.push(problem);
                continue;
            };
            let home = match Home::of_path(path.as_ref()) {
                Ok(home) => home,
                Err(why) => {
                    table.problems.push(format!("line {number}: {path} {why}"));
                    continue;
                }
            };
            if table.homes.contains_key(user) {
                let problem = format!("line {number}: {user} has a home already");
                table.problems.push(problem);
            } else if !paths.insert(home.to_string()) {
                let problem = format!("line {number}: {home} is another user's home already");
                table.problems.push(problem);
            } else {
                table.homes.insert(user.to_owned(), home);
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_users_and_paths_and_names_its_bad_lines() {
        let long = "n".repeat(70);
        let text = format!(
            "# user path\n\nZoë /srv/z\na_b\t/srv/with space/a b\n\
             maria.gonzalez-perez@students.example.edu   /srv/maria\n{long} /srv/long/\n\
             Jo Ann /srv/jo\n\
             ana srv/ana\nana\nbo /srv/../etc\nbo /\nZoë /srv/other\neve /srv/z\n"
        );
        let table = HomesTable::parse(&text);
        let homes: Vec<_> = table
            .homes
            .iter()
            .map(|(user, home)| (&**user, home.to_string()))
            .collect();
        let expected = [
            ("Jo Ann", "/srv/jo"),
            ("Zoë", "/srv/z"),
            ("a_b", "/srv/with space/a b"),
            ("maria.gonzalez-perez@students.example.edu", "/srv/maria"),
            (&long, "/srv/long"),
        ];
        assert_eq!(homes, expected.map(|(user, path)| (user, path.to_owned())));
        let lines: Vec<_> = table
            .problems
            .iter()
            .map(|problem| problem.split([' ', ':']).nth(1).unwrap())
            .collect();
        assert_eq!(
            lines,
            ["8", "9", "10", "11", "12", "13"],
            "{:?}",
            table.problems
        );
    }

    #[test]
    fn a_table_is_read_again_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("homes");
        assert!(HomesTable::read(&path, None).is_err());
        std::fs::write(&path, "ana /srv/ana\n").unwrap();
        let first = HomesTable::read(&path, None).unwrap().unwrap();
        assert!(HomesTable::read(&path, first.version).unwrap().is_none());
        std::fs::write(&path, "ana /srv/ana\nbo /srv/bo\n").unwrap();
        let second = HomesTable::read(&path, first.version).unwrap().unwrap();
        assert_eq!(second.homes.len(), 2);
    }
}
