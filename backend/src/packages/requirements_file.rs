//! `requirements.txt`: what participants can import beside what was there, a requirement a line.
//!
//! What a person has written stays: comments, empty lines, the order, and lines that are passed
//! over, which are named with their numbers.

use std::str;

use shared::{packages::RequirementsFileProblem, requirement::Requirement};

/// Largest file that is read.
pub(super) const MAX_FILE_BYTES: u64 = 256 << 10;

/// What begins a file that some editors write.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

struct Line {
    /// The bytes of the line with its end.
    raw: Vec<u8>,
    read: ReadLine,
}

enum ReadLine {
    /// A comment, or nothing.
    Aside,
    Requirement(Requirement),
    Problem(String),
}

/// The file as it is edited.
pub(super) struct RequirementsFile {
    lines: Vec<Line>,
}

impl RequirementsFile {
    /// Reads the bytes of a file. It always succeeds; lines that are not understood are
    /// [`Self::problems`].
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let lines = lines.enumerate().map(|(at, raw)| {
            let text = match at {
                0 => raw.strip_prefix(BYTE_ORDER_MARK).unwrap_or(raw),
                _ => raw,
            };
            Line {
                raw: raw.to_owned(),
                read: read_line(text),
            }
        });
        Self {
            lines: lines.collect(),
        }
    }

    /// What is asked for, in the order of the file.
    pub(super) fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        self.lines.iter().filter_map(|line| match &line.read {
            ReadLine::Requirement(requirement) => Some(requirement),
            ReadLine::Aside | ReadLine::Problem(_) => None,
        })
    }

    /// The same as texts.
    pub(super) fn texts(&self) -> Vec<String> {
        self.requirements().map(ToString::to_string).collect()
    }

    /// The lines that are passed over.
    pub(super) fn problems(&self) -> Vec<RequirementsFileProblem> {
        let lines = self.lines.iter().enumerate();
        let problems = lines.filter_map(|(at, line)| match &line.read {
            ReadLine::Problem(reason) => Some(RequirementsFileProblem {
                line: at + 1,
                reason: reason.clone(),
            }),
            ReadLine::Aside | ReadLine::Requirement(_) => None,
        });
        problems.collect()
    }

    /// Asks for a package, in the place of what was asked of it.
    pub(super) fn set(&mut self, requirement: &Requirement) {
        let key = requirement.key();
        let is_of =
            |line: &Line| matches!(&line.read, ReadLine::Requirement(it) if it.key() == key);
        // A line that says the same keeps the comment behind it.
        let mut same = self.requirements().filter(|it| it.key() == key);
        if same.next() == Some(requirement) && same.next().is_none() {
            return;
        }
        drop(same);
        let place = self.lines.iter().position(is_of);
        self.lines.retain({
            let mut at = 0;
            move |line| {
                at += 1;
                Some(at - 1) == place || !is_of(line)
            }
        });
        let new = Line {
            raw: format!("{requirement}\n").into_bytes(),
            read: ReadLine::Requirement(requirement.clone()),
        };
        match place {
            Some(place) => self.lines[place] = new,
            None => {
                // The last line of a file that was written by hand may lack its end.
                if let Some(last) = self.lines.last_mut()
                    && !last.raw.ends_with(b"\n")
                {
                    last.raw.push(b'\n');
                }
                self.lines.push(new);
            }
        }
    }

    /// Asks for a package no more. `false` if it was not asked for.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        let before = self.lines.len();
        self.lines
            .retain(|line| !matches!(&line.read, ReadLine::Requirement(it) if it.key() == key));
        before != self.lines.len()
    }

    /// The bytes of the file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.lines
            .iter()
            .flat_map(|line| &line.raw)
            .copied()
            .collect()
    }
}

fn read_line(raw: &[u8]) -> ReadLine {
    let Ok(text) = str::from_utf8(raw) else {
        return ReadLine::Problem("it is not UTF-8".to_owned());
    };
    let text = text.trim_end_matches(['\n', '\r']);
    // As pip reads it: a comment begins the line, or has a space before it.
    let end = match text.trim_start().starts_with('#') {
        true => 0,
        false => text
            .find(" #")
            .or_else(|| text.find("\t#"))
            .unwrap_or(text.len()),
    };
    let text = text[..end].trim();
    if text.is_empty() {
        return ReadLine::Aside;
    }
    match Requirement::parse(text) {
        Ok(requirement) => ReadLine::Requirement(requirement),
        Err(error) => ReadLine::Problem(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(file: &RequirementsFile) -> String {
        String::from_utf8(file.bytes()).unwrap()
    }

    #[test]
    fn what_a_person_has_written_stays() {
        let written =
            "\u{feff}# for November\r\nnumpy  # arrays\r\n\r\n-r more.txt\n pandas >= 2,<3\nscipy";
        let mut file = RequirementsFile::parse(written.as_bytes());
        assert_eq!(text(&file), written);
        assert_eq!(file.texts(), ["numpy", "pandas>=2,<3", "scipy"]);
        let problem = &file.problems()[0];
        assert_eq!(problem.line, 4);
        assert!(
            problem.reason.contains("begins with -"),
            "{}",
            problem.reason
        );
        file.set(&Requirement::parse("numpy").unwrap());
        assert_eq!(text(&file), written);
        file.set(&Requirement::parse("Pandas==2.2").unwrap());
        file.set(&Requirement::parse("six").unwrap());
        assert_eq!(
            text(&file),
            "\u{feff}# for November\r\nnumpy  # arrays\r\n\r\n-r more.txt\nPandas==2.2\nscipy\nsix\n"
        );
        assert!(file.remove("scipy"));
        assert!(!file.remove("scipy"));
        assert_eq!(file.texts(), ["numpy", "Pandas==2.2", "six"]);
    }

    #[test]
    fn a_package_that_is_asked_for_in_two_lines_is_one() {
        let mut file = RequirementsFile::parse(b"numpy>=1\nsix\nNumPy<2\n");
        file.set(&Requirement::parse("numpy==1.26").unwrap());
        assert_eq!(text(&file), "numpy==1.26\nsix\n");
        let mut file = RequirementsFile::parse(b"numpy>=1\nsix\nnumpy<2\n");
        assert!(file.remove("numpy"));
        assert_eq!(text(&file), "six\n");
    }
}
