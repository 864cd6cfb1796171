//! Findings of checks, and how they are printed: what `doctor` and `check` have in common.

use std::{
    borrow::Cow,
    env,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::telemetry::loggable;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
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
pub(crate) struct Finding {
    pub(crate) level: Level,
    subject: Cow<'static, str>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// How long what was tried took.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
}

impl Finding {
    /// The subject is as it should be.
    pub(crate) fn ok(subject: &'static str, message: impl AsRef<str>) -> Self {
        Self::new(Level::Ok, subject, message.as_ref(), None)
    }

    /// It works, though not as well as it could or not for long.
    pub(crate) fn warning(subject: &'static str, message: impl AsRef<str>, remedy: &str) -> Self {
        Self::new(Level::Warning, subject, message.as_ref(), Some(remedy))
    }

    /// It does not work.
    pub(crate) fn problem(subject: &'static str, message: impl AsRef<str>, remedy: &str) -> Self {
        Self::new(Level::Problem, subject, message.as_ref(), Some(remedy))
    }

    /// What another program has found.
    pub(crate) fn of_other(other: &OtherFinding) -> Self {
        let escaped = |text: &str| loggable(text).to_string();
        Self {
            level: other.level,
            subject: escaped(&other.subject).into(),
            message: escaped(&other.message),
            remedy: other.remedy.as_deref().map(escaped),
            duration_ms: None,
        }
    }

    /// The same, with the time that it took.
    pub(crate) fn took(mut self, time: Duration) -> Self {
        self.duration_ms = u64::try_from(time.as_millis()).ok();
        self
    }

    /// Escapes the message, because it may hold filenames, which participants choose, and goes to
    /// a terminal.
    fn new(level: Level, subject: &'static str, message: &str, remedy: Option<&str>) -> Self {
        Self {
            level,
            subject: subject.into(),
            message: loggable(message).to_string(),
            remedy: remedy.map(str::to_owned),
            duration_ms: None,
        }
    }

    /// Its line, and one of the remedy, with subjects in a column of this width.
    pub(crate) fn text(&self, width: usize, colour: bool) -> String {
        let level = format!("{:<7}", self.level.name());
        let level = match colour {
            true => format!("\x1b[{}m{level}\x1b[0m", self.level.colour()),
            false => level,
        };
        let mut text = format!("{level}  {:<width$}  {}", self.subject, self.message);
        if let Some(time_ms) = self.duration_ms {
            text += &format!(" ({})", duration_words(Duration::from_millis(time_ms)));
        }
        text.push('\n');
        if let Some(remedy) = &self.remedy {
            text += &format!("{:<indent$}{remedy}\n", "", indent = width + 11);
        }
        text
    }
}

/// `12 ms`, `3.4 s`
pub(crate) fn duration_words(time: Duration) -> String {
    match time.as_millis() {
        ms @ ..1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// A finding as another program writes it.
#[derive(Deserialize)]
pub(crate) struct OtherFinding {
    level: Level,
    subject: String,
    message: String,
    remedy: Option<String>,
    /// The address of the service, of the finding that names it.
    pub(crate) url: Option<String>,
}

/// All findings of one run.
#[derive(Default)]
pub(crate) struct FindingReport {
    findings: Vec<Finding>,
}

impl FindingReport {
    pub(crate) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub(crate) fn extend(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|f| f.level == level).count()
    }

    /// Prints to the standard output, and returns the exit code.
    pub(crate) fn print(&self, as_json: bool) -> anyhow::Result<ExitCode> {
        let text = if as_json {
            format!("{:#}\n", self.json())
        } else {
            self.text(has_colours())
        };
        print(&text)?;
        Ok(self.exit_code())
    }

    /// Failure when there is a problem.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.count(Level::Problem) {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::json!({
            "problems": self.count(Level::Problem),
            "warnings": self.count(Level::Warning),
            "findings": self.findings,
        })
    }

    fn text(&self, colour: bool) -> String {
        let width = self.findings.iter().map(|f| f.subject.len()).max();
        let width = width.unwrap_or_default();
        let lines = self.findings.iter().map(|f| f.text(width, colour));
        lines.collect::<String>() + &self.sum()
    }

    /// The last line.
    pub(crate) fn sum(&self) -> String {
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

/// Whether what is printed may have colours.
pub(crate) fn has_colours() -> bool {
    io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none()
}

/// Writes to the standard output. A reader who has read enough is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write what was found"),
    }
}

/// `1 folder`, `2 folders`
pub(crate) fn counted(count: usize, name: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_report_is_aligned_and_does_not_move_the_cursor() {
        let mut report = FindingReport::default();
        report.add(Finding::ok("a", "good"));
        report.add(Finding::ok("b", "quick").took(Duration::from_millis(12)));
        report.add(Finding::ok("c", "slow").took(Duration::from_millis(3_449)));
        report.add(Finding::problem("longer", "bad\x1b[2J", "mend it"));
        let expected = "ok       a       good\n\
                        ok       b       quick (12 ms)\n\
                        ok       c       slow (3.4 s)\n\
                        problem  longer  bad\\u{1b}[2J\n                 mend it\n\
                        \n1 problem, 0 warnings.\n";
        assert_eq!(report.text(false), expected);
        assert!(report.text(true).starts_with("\x1b[32mok     \x1b[0m  a"));
    }
}
