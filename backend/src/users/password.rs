//! Passwords of participants: which can be kept in the file, and new ones.

use thiserror::Error;

use crate::secret::Secret;

/// Most bytes of a password. PAM and crypt take 511.
const MAX_PASSWORD_BYTES: usize = 256;
/// A new password is so many groups of so many syllables, and so many digits: 46 bits.
const GROUPS: usize = 2;
const SYLLABLES: usize = 3;
const DIGITS: usize = 3;
/// Letters and digits that are not taken for each other, on paper and when they are spelled out.
const CONSONANTS: &[u8] = b"bdfghjkmnprstvz";
const VOWELS: &[u8] = b"aeiou";
const CLEAR_DIGITS: &[u8] = b"23456789";

/// Why a password is refused, in words for who gave it. None of them holds the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum PasswordError {
    #[error("the password is empty")]
    Empty,
    #[error("the password has more than {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    #[error("the password has a line break or another control character in it")]
    Control,
    #[error("the password looks like the hash of one: it begins with $, digits or letters, and $")]
    LooksHashed,
    #[error("a password of only ! and * means for the system that there is none")]
    Locked,
    #[error("the password begins or ends with a space, which is lost where it is typed or copied")]
    Space,
}

/// Refuses a password that `users.txt` or `chpasswd` would read as another.
pub(crate) fn check(password: &str) -> Result<(), PasswordError> {
    if password.is_empty() {
        Err(PasswordError::Empty)
    } else if password.len() > MAX_PASSWORD_BYTES {
        Err(PasswordError::TooLong)
    } else if password.chars().any(is_line_break) {
        Err(PasswordError::Control)
    } else if is_hash(password) {
        Err(PasswordError::LooksHashed)
    } else if password.chars().all(|c| "!*".contains(c)) {
        Err(PasswordError::Locked)
    } else if password.trim() != password {
        Err(PasswordError::Space)
    } else {
        Ok(())
    }
}

fn is_line_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether `text` is the hash of a password as crypt(5) writes it: `$y$j9T$…`.
pub(crate) fn is_hash(text: &str) -> bool {
    let mut parts = text.split('$');
    let (before, method, rest) = (parts.next(), parts.next(), parts.next());
    before == Some("")
        && rest.is_some()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"./$,=+-".contains(&byte))
        && method.is_some_and(|it| (1..=8).contains(&it.len()) && is_alphanumeric(it))
}

fn is_alphanumeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A new password that can be read out, such as `kamifo-tebusa-472`.
pub(crate) fn generate() -> Secret {
    let mut text = String::new();
    for _ in 0..GROUPS {
        for _ in 0..SYLLABLES {
            text.push(pick(CONSONANTS));
            text.push(pick(VOWELS));
        }
        text.push('-');
    }
    for _ in 0..DIGITS {
        text.push(pick(CLEAR_DIGITS));
    }
    Secret::new(text)
}

/// One of `letters`, each as likely as the others.
fn pick(letters: &[u8]) -> char {
    // The multiples of the number of letters: a larger byte would prefer the first ones.
    let even = 256 - 256 % letters.len();
    loop {
        let mut byte = [0];
        getrandom::fill(&mut byte).expect("the operating system gives random bytes");
        let drawn = usize::from(byte[0]);
        if drawn < even {
            return char::from(letters[drawn % letters.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn any_character_that_keeps_the_line_whole_is_taken() {
        for password in [
            "a",
            "with:colon",
            "a b",
            "#hash",
            "ünï-花",
            "'; rm -rf ~",
            "$1",
            "$x y$z",
        ] {
            assert_eq!(check(password), Ok(()), "{password:?}");
        }
        for (password, why) in [
            ("", PasswordError::Empty),
            ("a\nroot:x", PasswordError::Control),
            ("a\r", PasswordError::Control),
            ("a\0b", PasswordError::Control),
            ("a\u{85}b", PasswordError::Control),
            ("a\u{2028}b", PasswordError::Control),
            ("$6$salt$hash", PasswordError::LooksHashed),
            ("*", PasswordError::Locked),
            ("!!", PasswordError::Locked),
            (" a", PasswordError::Space),
            ("a\u{a0}", PasswordError::Space),
        ] {
            assert_eq!(check(password), Err(why), "{password:?}");
        }
        assert_eq!(check(&"ü".repeat(128)), Ok(()));
        assert_eq!(check(&"ü".repeat(129)), Err(PasswordError::TooLong));
    }

    #[test]
    fn new_passwords_can_be_read_out_and_differ() {
        let made: BTreeSet<String> = (0..500).map(|_| generate().reveal().to_owned()).collect();
        assert_eq!(made.len(), 500);
        for password in &made {
            check(password).unwrap();
            let groups: Vec<_> = password.split('-').map(str::len).collect();
            assert_eq!(groups, [6, 6, 3], "{password}");
            assert!(!password.contains(['l', '1', '0']), "{password}");
        }
    }

    #[test]
    fn each_letter_is_as_likely_as_the_others() {
        let mut drawn: BTreeMap<char, usize> = BTreeMap::new();
        for _ in 0..15_000 {
            *drawn.entry(pick(CONSONANTS)).or_default() += 1;
        }
        assert_eq!(drawn.len(), CONSONANTS.len());
        // 1,000 of each on average; 150 are five standard deviations.
        assert!(
            drawn.values().all(|n| (850..1_150).contains(n)),
            "{drawn:?}"
        );
    }
}
