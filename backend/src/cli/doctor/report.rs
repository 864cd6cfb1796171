//! The findings, and how they are printed.

use std::{
    borrow::Cow,
    env,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::telemetry::loggable;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    Warning,
    Problem,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }

    /// Green, yellow, red.
    fn colour(self) -> &'static str {
        match self {
            Self::Ok => "32",
            Self::Warning => "33",
            Self::Problem => "31",
        }
    }
}

/// The result of one check.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    subject: Cow<'static, str>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    /// The subject is as it should be.
    pub(super) fn ok(subject: &'static str, message: impl AsRef<str>) -> Self {
        Self::new(Level::Ok, subject, message.as_ref(), None)
    }

    /// The service works, though not as well as it could or not for long.
    pub(super) fn warning(subject: &'static str, message: impl AsRef<str>, remedy: &str) -> Self {
        Self::new(Level::Warning, subject, message.as_ref(), Some(remedy))
    }

    /// The service does not work.
    pub(super) fn problem(subject: &'static str, message: impl AsRef<str>, remedy: &str) -> Self {
        Self::new(Level::Problem, subject, message.as_ref(), Some(remedy))
    }

    /// What another program has found.
    pub(super) fn of_other(other: &OtherFinding) -> Self {
        let escaped = |text: &str| loggable(text).to_string();
        Self {
            level: other.level,
            subject: escaped(&other.subject).into(),
            message: escaped(&other.message),
            remedy: other.remedy.as_deref().map(escaped),
        }
    }

    /// Escapes the message, because it may hold filenames, which participants choose, and goes to
    /// a terminal.
    fn new(level: Level, subject: &'static str, message: &str, remedy: Option<&str>) -> Self {
        Self {
            level,
            subject: subject.into(),
            message: loggable(message).to_string(),
            remedy: remedy.map(str::to_owned),
        }
    }
}

/// A finding as another program writes it.
#[derive(Deserialize)]
pub(super) struct OtherFinding {
    level: Level,
    subject: String,
    message: String,
    remedy: Option<String>,
    /// The address of the service, of the finding that names it.
    pub(super) url: Option<String>,
}

/// All findings of one run.
#[derive(Default)]
pub(super) struct DoctorReport {
    findings: Vec<Finding>,
}

impl DoctorReport {
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub(super) fn extend(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|f| f.level == level).count()
    }

    /// Prints to the standard output, and returns the exit code.
    pub(super) fn print(&self, as_json: bool) -> anyhow::Result<ExitCode> {
        let text = if as_json {
            self.json()?
        } else {
            let colour = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
            self.text(colour)
        };
        match io::stdout().lock().write_all(text.as_bytes()) {
            // The reader of the output has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.context("cannot write what was found")?,
        }
        Ok(match self.count(Level::Problem) {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }

    fn json(&self) -> anyhow::Result<String> {
        let whole = serde_json::json!({
            "problems": self.count(Level::Problem),
            "warnings": self.count(Level::Warning),
            "findings": self.findings,
        });
        Ok(serde_json::to_string_pretty(&whole)? + "\n")
    }

    fn text(&self, colour: bool) -> String {
        let width = self.findings.iter().map(|f| f.subject.len()).max();
        let width = width.unwrap_or_default();
        let mut text = String::new();
        for finding in &self.findings {
            let level = format!("{:<7}", finding.level.name());
            let level = match colour {
                true => format!("\x1b[{}m{level}\x1b[0m", finding.level.colour()),
                false => level,
            };
            text += &format!(
                "{level}  {:<width$}  {}\n",
                finding.subject, finding.message
            );
            if let Some(remedy) = &finding.remedy {
                text += &format!("{:<indent$}{remedy}\n", "", indent = width + 11);
            }
        }
        text + &self.sum()
    }

    fn sum(&self) -> String {
        let (problems, warnings) = (self.count(Level::Problem), self.count(Level::Warning));
        match (problems, warnings) {
            (0, 0) => "\nAll is well.\n".to_owned(),
            (0, _) => format!("\n{}, no problem.\n", counted(warnings, "warning")),
            _ => format!(
                "\n{}, {}.\n",
                counted(problems, "problem"),
                counted(warnings, "warning")
            ),
        }
    }
}

/// `1 folder`, `2 folders`
pub(super) fn counted(count: usize, name: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_report_is_aligned_and_does_not_move_the_cursor() {
        let mut report = DoctorReport::default();
        report.add(Finding::ok("a", "good"));
        report.add(Finding::problem("longer", "bad\x1b[2J", "mend it"));
        let expected = "ok       a       good\n\
                        problem  longer  bad\\u{1b}[2J\n                 mend it\n\
                        \n1 problem, 0 warnings.\n";
        assert_eq!(report.text(false), expected);
        assert!(report.text(true).starts_with("\x1b[32mok     \x1b[0m  a"));
    }
}
