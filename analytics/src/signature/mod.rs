//! What an error is, so that the same mistake of two people is one: language, type and key.
//!
//! A signature holds no path, no address, no number and no name of a person, so it is the same on
//! every machine, and can be kept and shown. The rules have a version: when they change, what was
//! kept by others is not mixed with it.
//!
//! * `plain`: the rules for any text
//! * `python`, `r`, `java`, `other`: the rules of languages
//! * `names`: the names of the cell's owner

mod java;
mod names;
mod other;
mod plain;
mod python;
mod r;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use names::Names;

use self::plain::{plain, without_ansi};
use crate::hash::hash;

/// The version of the rules.
pub const RULES_VERSION: u32 = 2;
/// Characters of a key.
const MAX_KEY_CHARS: usize = 120;
/// Characters of a type.
const MAX_TYPE_CHARS: usize = 60;
/// Bytes of a message and, from its end, of a traceback that are looked at.
const MAX_MESSAGE_BYTES: usize = 2 * 1024;
const MAX_TRACEBACK_BYTES: usize = 64 * 1024;

/// An error as a kernel has written it.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    /// The language of the notebook.
    pub language: String,
    /// nbformat's `ename`.
    pub name: String,
    /// nbformat's `evalue`.
    pub value: String,
    /// nbformat's `traceback`, its lines joined.
    pub traceback: String,
}

/// What an error is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Signature {
    /// The version of the rules that made it.
    pub version: u32,
    /// The language, in small letters.
    pub language: String,
    /// The type, such as `NameError`.
    pub kind: String,
    /// What tells it from others of its type, such as the name that is not defined; may be empty.
    pub key: String,
}

impl Signature {
    /// The signature of an error in a cell whose owner has these names.
    ///
    /// ```
    /// use analytics::signature::{Failure, Names, Signature};
    ///
    /// let failure = Failure {
    ///     language: "python".to_owned(),
    ///     name: "NameError".to_owned(),
    ///     value: "name 'df' is not defined".to_owned(),
    ///     ..Failure::default()
    /// };
    /// let signature = Signature::of(&failure, &Names::default());
    /// assert_eq!(signature.to_string(), "NameError df");
    /// ```
    #[must_use]
    pub fn of(failure: &Failure, names: &Names) -> Self {
        let language = failure.language.to_lowercase();
        let value = without_ansi(beginning(&failure.value));
        let (kind, key) = match &*language {
            "python" | "ipython" | "python3" | "sage" => {
                python::kind_and_key(&failure.name, &value, end(&failure.traceback))
            }
            "java" => java::kind_and_key(&failure.name, &value, beginning(&failure.traceback)),
            _ => other::kind_and_key(&language, &failure.name, &value),
        };
        Self {
            version: RULES_VERSION,
            language: names.without(&cut(&plain(&language), MAX_TYPE_CHARS)),
            kind: names.without(&cut(&plain(&kind), MAX_TYPE_CHARS)),
            key: names.without(&cut(&key, MAX_KEY_CHARS)),
        }
    }

    /// Whether somebody has stopped the cell, or ended the kernel, on purpose.
    #[must_use]
    pub fn is_interruption(&self) -> bool {
        matches!(
            &*self.kind,
            "KeyboardInterrupt" | "SystemExit" | "InterruptException"
        )
    }

    /// A short text that names it, the same on every machine.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:016x}", self.mark())
    }

    /// Its hash, the same on every machine.
    pub(crate) fn mark(&self) -> u64 {
        hash(
            format!(
                "{}\n{}\n{}\n{}",
                self.version, self.language, self.kind, self.key
            )
            .as_bytes(),
        )
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.key {
            "" => f.write_str(&self.kind),
            key => write!(f, "{} {key}", self.kind),
        }
    }
}

impl Failure {
    /// Whether what such a cell prints is that of a shell, which has no errors of its own.
    pub(crate) fn is_of_shell(language: &str, source: &str) -> bool {
        let first = source.trim_start();
        matches!(language, "bash" | "sh" | "zsh")
            || ["!", "%%bash", "%%sh"]
                .iter()
                .any(|sign| first.starts_with(sign))
    }

    /// With what the kernel has printed before: R tells in a warning which file it cannot open, and
    /// in the error that it cannot.
    pub(crate) fn after(self, printed: Option<&str>) -> Self {
        let is_r = self.language.eq_ignore_ascii_case("r");
        let warning = printed.filter(|_| is_r && r::has_no_connection(&self.value));
        match warning.and_then(|printed| r::unopened(end(printed))) {
            Some(value) => Self { value, ..self },
            None => self,
        }
    }

    /// The error that a shell has printed, if it is one.
    pub(crate) fn of_shell(printed: &str) -> Option<Self> {
        other::shell_message(&without_ansi(end(printed))).map(|value| Self {
            language: "bash".to_owned(),
            value,
            ..Self::default()
        })
    }
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_MESSAGE_BYTES)]
}

fn end(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(MAX_TRACEBACK_BYTES))..]
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests;
