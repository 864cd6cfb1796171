//! Texts that must not be seen.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

/// The variable that may hold the key of the cookies.
pub(crate) const COOKIE_KEY_VARIABLE: &str = "PIPALHUB_COOKIE_KEY";
/// The variables that hold a secret of the service's own, which no program that it starts is told.
pub(crate) const SECRET_VARIABLES: [&str; 2] = [COOKIE_KEY_VARIABLE, "PIPALHUB_TOKEN"];

/// A text that must not be seen: it prints as `***` and is compared in constant time.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A new secret that cannot be guessed: 192 bits, in characters that a link can hold.
    ///
    /// # Panics
    /// When the operating system has no randomness to give; there is no going on then.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The text itself, for the one place that must send or print it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `other` is the same text.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new("canary");
        assert_eq!(format!("{secret:?}"), "***");
        assert!(secret.is("canary") && !secret.is("canarx") && !secret.is(""));
        assert_eq!(Secret::random().reveal().len(), 32);
    }
}
