//! `users.txt`: a line `username:password` for each participant, parted at the first colon, as
//! trainers write it by hand.
//!
//! What a person has written stays: comments, empty lines, the order, and lines that make no
//! sense, which are named with their numbers. A change through the service touches the line of that
//! user alone.

use std::{collections::BTreeSet, fmt::Write, str};

use thiserror::Error;

use super::{
    name::{NameError, NameRule, Username},
    password::{self, PasswordError},
};
use crate::secret::Secret;

/// Largest file that is read: some 20,000 people.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 20;

/// What stands behind a name.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// The password itself.
    Password(Secret),
    /// Its hash, as crypt(5) writes it.
    Hash(Secret),
    /// Nothing: somebody else knows the passwords.
    Absent,
}

impl Credential {
    fn read(text: &str) -> Result<Self, PasswordError> {
        if password::is_hash(text) {
            return Ok(Self::Hash(Secret::new(text)));
        }
        password::check(text)?;
        Ok(Self::Password(Secret::new(text)))
    }

    /// What stands in the file.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Password(secret) | Self::Hash(secret) => Some(secret.reveal()),
            Self::Absent => None,
        }
    }
}

/// A user of the file.
#[derive(Clone, Debug)]
pub(crate) struct UserEntry {
    pub(crate) name: Username,
    pub(crate) credential: Credential,
}

/// Why a line is passed over.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum LineError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("{0} stands in the file before; this line is not used")]
    Twice(Username),
}

/// A line that is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineProblem {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) error: LineError,
}

struct Line {
    /// The bytes of the line with its end.
    raw: Vec<u8>,
    read: ReadLine,
}

enum ReadLine {
    /// A comment, or nothing.
    Aside,
    Entry(UserEntry),
    Problem {
        error: LineError,
        /// What stands where the name would be.
        name: String,
    },
}

/// The file as it is edited.
pub(crate) struct UsersFile {
    lines: Vec<Line>,
    rule: NameRule,
}

impl UsersFile {
    /// Reads the bytes of a file. It always succeeds; lines that are not understood are
    /// [`Self::problems`].
    pub(crate) fn parse(bytes: &[u8], rule: NameRule) -> Self {
        let mut seen = BTreeSet::new();
        let bytes_of_lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let lines = bytes_of_lines.enumerate().map(|(at, raw)| {
            let raw_text = match at {
                0 => raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw),
                _ => raw,
            };
            let mut read = read_line(raw_text, rule);
            if let ReadLine::Entry(entry) = &read
                && !seen.insert(entry.name.clone())
            {
                read = ReadLine::Problem {
                    error: LineError::Twice(entry.name.clone()),
                    name: entry.name.to_string(),
                };
            }
            Line {
                raw: raw.to_owned(),
                read,
            }
        });
        Self {
            lines: lines.collect(),
            rule,
        }
    }

    /// The users, in the order of the file.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &UserEntry> {
        self.lines.iter().filter_map(|line| match &line.read {
            ReadLine::Entry(entry) => Some(entry),
            ReadLine::Aside | ReadLine::Problem { .. } => None,
        })
    }

    /// The user of this name.
    pub(crate) fn find(&self, name: &Username) -> Option<&UserEntry> {
        self.entries().find(|entry| &entry.name == name)
    }

    /// The lines that are passed over.
    pub(crate) fn problems(&self) -> Vec<LineProblem> {
        let lines = self.lines.iter().enumerate();
        let problems = lines.filter_map(|(at, line)| match &line.read {
            ReadLine::Problem { error, .. } => Some(LineProblem {
                line: at + 1,
                error: error.clone(),
            }),
            ReadLine::Aside | ReadLine::Entry(_) => None,
        });
        problems.collect()
    }

    /// Whether the name is in the file at all: in a line that cannot be used, too. A slip in
    /// somebody's line is no wish to remove them.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.lines.iter().any(|line| match &line.read {
            ReadLine::Aside => false,
            ReadLine::Entry(entry) => entry.name.as_str() == name,
            ReadLine::Problem { name: written, .. } => is_meant(written, name),
        })
    }

    /// Adds a user at the end, or gives the one there is another credential.
    pub(crate) fn set(&mut self, name: &Username, credential: &Credential) {
        let mut text = name.to_string();
        if let Some(secret) = credential.text() {
            write!(text, ":{secret}").expect("a string takes all that is written to it");
        }
        let entry = UserEntry {
            name: name.clone(),
            credential: credential.clone(),
        };
        let old = self
            .lines
            .iter_mut()
            .find(|line| matches!(&line.read, ReadLine::Entry(old) if &old.name == name));
        if let Some(line) = old {
            let end = line_end(&line.raw).to_vec();
            let mark = line.raw.starts_with(b"\xef\xbb\xbf");
            line.raw = [if mark { "\u{feff}" } else { "" }, &text].concat().into();
            line.raw.extend(end);
            line.read = ReadLine::Entry(entry);
            return;
        }
        // The last line of a file that was written by hand may lack its end.
        if let Some(last) = self.lines.last_mut()
            && line_end(&last.raw).is_empty()
        {
            last.raw.push(b'\n');
        }
        text.push('\n');
        self.lines.push(Line {
            raw: text.into_bytes(),
            read: ReadLine::Entry(entry),
        });
    }

    /// Takes a user out, with each further line that has the name. `false` if there is none.
    pub(crate) fn remove(&mut self, name: &Username) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| match &line.read {
            ReadLine::Entry(entry) => &entry.name != name,
            ReadLine::Problem {
                error: LineError::Twice(twice),
                ..
            } => twice != name,
            ReadLine::Problem { .. } | ReadLine::Aside => true,
        });
        before != self.lines.len()
    }

    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lines
            .iter()
            .flat_map(|line| &line.raw)
            .copied()
            .collect()
    }

    /// What accounts the names are for.
    pub(crate) fn rule(&self) -> NameRule {
        self.rule
    }
}

/// Whether what stands in the place of a name is this one with a slip.
fn is_meant(written: &str, name: &str) -> bool {
    let end = written
        .find([':', ';', ',', '\t', ' '])
        .unwrap_or(written.len());
    let written = written[..end].trim_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
    written.to_lowercase() == name
}

/// The bytes that end a line: `\n`, `\r\n` or, of the last one, none.
fn line_end(raw: &[u8]) -> &[u8] {
    let text = raw.strip_suffix(b"\n").unwrap_or(raw);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    &raw[text.len()..]
}

fn read_line(raw: &[u8], rule: NameRule) -> ReadLine {
    let line = &raw[..raw.len() - line_end(raw).len()];
    let Ok(text) = str::from_utf8(line) else {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        return ReadLine::Problem {
            error: LineError::NotUtf8,
            name: String::from_utf8_lossy(name).trim().to_owned(),
        };
    };
    if text.trim().is_empty() || text.trim_start().starts_with('#') {
        return ReadLine::Aside;
    }
    let (name, secret) = match text.split_once(':') {
        Some((name, secret)) => (name.trim(), Some(secret)),
        None => (text.trim(), None),
    };
    let read = || -> Result<UserEntry, LineError> {
        let credential = match secret {
            Some(secret) => Credential::read(secret)?,
            None => Credential::Absent,
        };
        Ok(UserEntry {
            name: Username::parse(name, rule)?,
            credential,
        })
    };
    match read() {
        Ok(entry) => ReadLine::Entry(entry),
        Err(error) => ReadLine::Problem {
            error,
            name: name.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> UsersFile {
        UsersFile::parse(text.as_bytes(), NameRule::System)
    }

    fn pairs(file: &UsersFile) -> Vec<(String, Option<String>)> {
        let pair = |entry: &UserEntry| {
            let text = entry.credential.text().map(ToOwned::to_owned);
            (entry.name.to_string(), text)
        };
        file.entries().map(pair).collect()
    }

    fn name(text: &str) -> Username {
        Username::parse(text, NameRule::System).unwrap()
    }

    fn password(text: &str) -> Credential {
        Credential::Password(Secret::new(text))
    }

    #[test]
    fn a_line_is_parted_at_its_first_colon() {
        let file = parse("alice:secret\nbob:a:b:c\n");
        let pairs = pairs(&file);
        assert_eq!(pairs[0], ("alice".into(), Some("secret".into())));
        assert_eq!(pairs[1], ("bob".into(), Some("a:b:c".into())));
        assert!(file.problems().is_empty());
    }

    #[test]
    fn what_a_person_has_written_stays() {
        let text = "\u{feff}# the class\r\n\r\nalice:one\r\n???\n  bob : two\ncarol:three";
        let mut file = parse(text);
        assert_eq!(file.bytes(), text.as_bytes());
        file.set(&name("alice"), &password("new"));
        file.set(&name("dave"), &password("four"));
        assert!(file.remove(&name("carol")) && !file.remove(&name("carol")));
        let expected = "\u{feff}# the class\r\n\r\nalice:new\r\n???\n  bob : two\ndave:four\n";
        assert_eq!(String::from_utf8(file.bytes()).unwrap(), expected);
    }

    #[test]
    fn the_mark_of_the_byte_order_is_no_part_of_a_name() {
        let mut file = parse("\u{feff}alice:one\n");
        file.set(&name("alice"), &password("two"));
        assert_eq!(file.bytes(), "\u{feff}alice:two\n".as_bytes());
    }

    #[test]
    fn lines_that_make_no_sense_are_named_by_their_numbers() {
        let file = UsersFile::parse(
            b"alice:one\nRoot:x\nbob:\nalice:two\nb\xffb:x\nroot:x\n",
            NameRule::System,
        );
        let problems = file.problems();
        let lines: Vec<_> = problems.iter().map(|it| it.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6]);
        assert_eq!(problems[1].error, PasswordError::Empty.into());
        assert_eq!(problems[2].error, LineError::Twice(name("alice")));
        assert_eq!(pairs(&file), [("alice".into(), Some("one".into()))]);
        assert!(file.mentions("bob") && file.mentions("alice") && !file.mentions("carol"));
        let slips = parse("Dave:x\n\u{feff}\u{feff}eve:x\nfay\tpw\ngus;pw\n");
        for name in ["dave", "eve", "fay", "gus"] {
            assert!(slips.mentions(name), "{name}");
        }
    }

    #[test]
    fn a_hash_is_told_from_a_password() {
        let file = parse("alice:$y$j9T$salt$hash\nbob:$money\ncarol\n");
        let kinds = file.entries().map(|it| match it.credential {
            Credential::Hash(_) => "hash",
            Credential::Password(_) => "password",
            Credential::Absent => "absent",
        });
        assert_eq!(kinds.collect::<Vec<_>>(), ["hash", "password", "absent"]);
    }

    #[test]
    fn every_character_of_a_keyboard_can_be_in_a_password() {
        for c in (' '..='~').chain("äéßñžøλжあ€—”".chars()) {
            for text in [
                format!("{c}x"),
                format!("x{c}"),
                format!("x{c}y"),
                format!("{c}{c}x"),
            ] {
                if super::password::check(&text).is_err() {
                    continue;
                }
                let mut file = parse("bea:two\n");
                file.set(&name("ada"), &password(&text));
                let read = UsersFile::parse(&file.bytes(), NameRule::System);
                assert!(read.problems().is_empty(), "{text:?}");
                assert_eq!(pairs(&read)[1], ("ada".into(), Some(text)));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// Whatever names and passwords are given, the file holds those that were accepted, and
        /// nobody else.
        #[test]
        fn the_file_reads_as_the_pairs_that_were_accepted(
            pairs_given in proptest::collection::vec((".{0,6}|[a-z]{1,4}", ".{0,8}|[a-z:$#]{1,8}"), 0..8),
        ) {
            let mut file = parse("# by hand\n");
            let mut accepted: Vec<(String, Option<String>)> = Vec::new();
            for (given, secret) in &pairs_given {
                let Ok(name) = Username::parse(given, NameRule::System) else { continue };
                if super::password::check(secret).is_err() {
                    continue;
                }
                file.set(&name, &password(secret));
                let pair = (name.to_string(), Some(secret.clone()));
                match accepted.iter_mut().find(|(it, _)| it == given) {
                    Some(there) => *there = pair,
                    None => accepted.push(pair),
                }
            }
            let read = UsersFile::parse(&file.bytes(), NameRule::System);
            prop_assert!(read.problems().is_empty());
            prop_assert_eq!(pairs(&read), accepted);
        }

        #[test]
        fn no_bytes_panic_and_all_stay(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(UsersFile::parse(&bytes, NameRule::Hub).bytes(), bytes);
        }
    }
}
