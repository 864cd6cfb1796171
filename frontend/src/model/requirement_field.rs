//! What is typed or pasted into the field of the page *Packages*, read as requirements: one a line,
//! or several with spaces or commas between, and a `requirements.txt` with its comments.

use std::collections::BTreeMap;

use shared::requirement::{Requirement, RequirementError};

/// What the field asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypedRequirements {
    /// What can be asked for, as the service is sent it.
    pub good: Vec<String>,
    /// What cannot.
    pub bad: Vec<UnreadableRequirement>,
}

/// Something that is no requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRequirement {
    /// The number of its line, from 1.
    pub line: usize,
    /// What is written there.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads the field.
pub fn read_typed(text: &str) -> TypedRequirements {
    let mut reader = FieldReader::default();
    for (at, line) in text.lines().enumerate() {
        let line = without_comment(line).trim();
        if !line.is_empty() {
            reader.take_line(at + 1, line);
        }
    }
    reader.read
}

/// What is read so far.
#[derive(Default)]
struct FieldReader {
    read: TypedRequirements,
    /// By the name of the package: what is asked for, and on which line.
    asked: BTreeMap<String, (String, usize)>,
}

impl FieldReader {
    fn take_line(&mut self, at: usize, line: &str) {
        if is_command(line) {
            let reason = "write only what comes after install".to_owned();
            return self.refuse(at, line, reason);
        }
        match Requirement::parse(line) {
            Ok(requirement) => self.take(at, line, &requirement),
            // Each of these holds spaces of its own, as `numpy; python_version < "3.9"`.
            Err(
                error @ (RequirementError::Option
                | RequirementError::Address
                | RequirementError::Marker),
            ) => self.refuse(at, line, error.to_string()),
            Err(_) => {
                for piece in pieces(line) {
                    match Requirement::parse(&piece) {
                        Ok(requirement) => self.take(at, &piece, &requirement),
                        Err(error) => self.refuse(at, &piece, error.to_string()),
                    }
                }
            }
        }
    }

    fn take(&mut self, at: usize, text: &str, requirement: &Requirement) {
        let written = requirement.to_string();
        match self.asked.get(&requirement.key()) {
            None => {
                let asked = (written.clone(), at);
                self.asked.insert(requirement.key(), asked);
                self.read.good.push(written);
            }
            Some((other, _)) if *other == written => {}
            Some((other, line)) => {
                let reason = format!("line {line} asks for {other} already: leave one of them out");
                self.refuse(at, text, reason);
            }
        }
    }

    fn refuse(&mut self, line: usize, text: &str, reason: String) {
        self.read.bad.push(UnreadableRequirement {
            line,
            text: text.to_owned(),
            reason,
        });
    }
}

/// The line before its comment, which begins it or has a space before.
fn without_comment(line: &str) -> &str {
    let is_comment = |&(at, _): &(usize, &str)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(char::is_whitespace)
    };
    let comment = line.match_indices('#').find(is_comment);
    comment.map_or(line, |(at, _)| &line[..at])
}

/// Whether it is a command as `pip install numpy`, whose words are names of packages, too.
fn is_command(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().collect();
    words.windows(2).any(|pair| {
        let program = pair[0].trim_start_matches(['%', '!', '$']);
        matches!(program, "pip" | "pip3" | "conda" | "mamba") && pair[1] == "install"
    })
}

/// The requirements of a line with spaces or commas between them. A name begins one, and what
/// compares a version goes on with it, as in `pandas >= 2, < 3 numpy`.
fn pieces(line: &str) -> Vec<String> {
    const COMPARING: [char; 5] = ['<', '>', '=', '!', '~'];
    let mut pieces: Vec<String> = Vec::new();
    let (mut brackets, mut has_gap, mut has_comma) = (0_usize, true, false);
    for letter in line.chars() {
        if brackets == 0 && (letter == ',' || letter.is_whitespace()) {
            has_gap = true;
            has_comma |= letter == ',';
            continue;
        }
        if has_gap {
            let goes_on = letter == '[' || COMPARING.contains(&letter);
            match pieces.last_mut() {
                Some(last) if goes_on || last.ends_with(COMPARING) => {
                    last.push(if has_comma { ',' } else { ' ' });
                }
                _ => pieces.push(String::new()),
            }
            (has_gap, has_comma) = (false, false);
        }
        match letter {
            '[' => brackets += 1,
            ']' => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        if let Some(last) = pieces.last_mut() {
            last.push(letter);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(text: &str) -> Vec<(usize, String, String)> {
        let bad = read_typed(text).bad.into_iter();
        bad.map(|it| (it.line, it.text, it.reason)).collect()
    }

    #[test]
    fn names_may_have_lines_spaces_or_commas_between_them() {
        for text in [
            "numpy\npandas>=2,<3\nscipy[all]==1.2",
            "numpy pandas>=2,<3 scipy[all]==1.2",
            "numpy, pandas>=2,<3, scipy[all]==1.2",
            "numpy pandas >= 2 , < 3 scipy [all] == 1.2",
            "  numpy,pandas>=2,<3,\r\n\tscipy[all]==1.2 ",
        ] {
            let read = read_typed(text);
            assert_eq!(read.bad, [], "{text:?}");
            assert_eq!(read.good, ["numpy", "pandas>=2,<3", "scipy[all]==1.2"]);
        }
        assert_eq!(read_typed("a[b, c] d").good, ["a[b,c]", "d"]);
        assert_eq!(read_typed("install").good, ["install"]);
    }

    #[test]
    fn a_file_with_comments_and_blank_lines_is_read() {
        let file = "# for the class\n\nnumpy  # arrays\n\n   # none\npandas==2.0#x\n";
        assert_eq!(read_typed(file).good, ["numpy"]);
        // Without a space before it, `#` begins no comment.
        assert_eq!(bad(file)[0].1, "pandas==2.0#x");
        assert_eq!(bad(file)[0].0, 6);
        assert_eq!(read_typed(" \n# only this"), TypedRequirements::default());
    }

    #[test]
    fn each_bad_one_is_named_and_the_good_ones_stay() {
        let text = "numpy pandas>\n-r other.txt\nfoo @ https://x.example/foo.whl\n\
                    scipy; python_version < \"3.9\"\nmatplotlib $x";
        let read = read_typed(text);
        assert_eq!(read.good, ["numpy", "matplotlib"]);
        let named: Vec<_> = read.bad.iter().map(|it| (it.line, &*it.text)).collect();
        assert_eq!(
            named,
            [
                (1, "pandas>"),
                (2, "-r other.txt"),
                (3, "foo @ https://x.example/foo.whl"),
                (4, "scipy; python_version < \"3.9\""),
                (5, "$x"),
            ]
        );
        assert!(read.bad[1].reason.contains("options"));
        assert!(read.bad[3].reason.contains("conditions"));
    }

    #[test]
    fn versions_without_a_comma_between_them_are_not_guessed_at() {
        assert_eq!(bad("numpy>=1 <2")[0].1, "numpy>=1 <2");
        assert_eq!(bad("== 2")[0].1, "== 2");
    }

    #[test]
    fn a_command_installs_no_package_named_install() {
        for line in [
            "pip install numpy",
            "%pip install -U numpy",
            "!pip3 install numpy",
            "python -m pip install numpy",
        ] {
            assert_eq!(read_typed(line).good, [""; 0], "{line:?}");
            assert_eq!(bad(line)[0].2, "write only what comes after install");
        }
    }

    #[test]
    fn a_package_is_asked_for_once() {
        assert_eq!(read_typed("numpy\nnumpy").good, ["numpy"]);
        let twice = bad("Scikit_Learn>=1\nscikit-learn");
        assert_eq!(twice[0].0, 2);
        assert!(twice[0].2.contains("line 1 asks for Scikit_Learn>=1"));
    }
}
