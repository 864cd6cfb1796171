//! Files of variables, `NAME=value` a line, whose other lines are the trainer's.

use std::{fs, io};

use anyhow::Context;

/// The text of such a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EnvFile {
    text: String,
}

impl EnvFile {
    /// Reads the file, or begins with this text where there is none.
    pub(super) fn read_or(path: &str, text: String) -> anyhow::Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Self { text }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { text }),
            Err(error) => Err(error).with_context(|| format!("cannot read {path}")),
        }
    }

    /// The variable's value; `None` where it has none, or an empty one.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.text.lines().rev().filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| value.trim().trim_matches('"'))
        });
        // As a shell and systemd have it, the last one holds.
        values.next().filter(|value| !value.is_empty())
    }

    /// Gives the variable this value, in the line that it has.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        if self.value(name) == Some(value) {
            return;
        }
        let is_of = |line: &&str| {
            line.split_once('=')
                .is_some_and(|(key, _)| key.trim() == name)
        };
        let line = format!("{name}={value}");
        let at = self.text.lines().position(|it| is_of(&it));
        let mut lines: Vec<_> = self.text.lines().filter(|it| !is_of(it)).collect();
        let at = at.unwrap_or(lines.len()).min(lines.len());
        lines.insert(at, &line);
        self.text = lines.join("\n") + "\n";
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> EnvFile {
        EnvFile {
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_variable_is_set_where_it_stands_and_the_rest_stays() {
        let mut file = of("# The token.\nTOKEN=\nMINE=1\n");
        assert_eq!(file.value("TOKEN"), None);
        file.set("TOKEN", "abc");
        assert_eq!(file.text(), "# The token.\nTOKEN=abc\nMINE=1\n");
        file.set("OTHER", "2");
        assert_eq!(file.text(), "# The token.\nTOKEN=abc\nMINE=1\nOTHER=2\n");
        assert_eq!(file.value("MINE"), Some("1"));
        let before = file.clone();
        file.set("OTHER", "2");
        assert_eq!(file, before);
    }

    #[test]
    fn the_last_of_two_lines_holds_and_one_remains() {
        let mut file = of("A=1\nB=x\nA=2");
        assert_eq!(file.value("A"), Some("2"));
        file.set("A", "3");
        assert_eq!(file.text(), "A=3\nB=x\n");
        assert_eq!(of("A=\"quoted\"").value("A"), Some("quoted"));
    }
}
