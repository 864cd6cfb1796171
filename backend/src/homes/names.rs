//! Names of folders and accounts that hubs and spawners make of a user's name.
//!
//! Some cut long names and add a hash, from which the user cannot be told: such a name is
//! matched by making it anew of a user that is known.

use std::{fmt, fmt::Write};

use sha2::{Digest, Sha256};

/// The Littlest JupyterHub's accounts begin with this, and a name of so many characters or more
/// is cut and ends in so many digits of its hash.
const SYSTEM_USER_PREFIX: &str = "jupyter-";
const SYSTEM_USER_CUT: usize = 26;
const SYSTEM_USER_HASH_DIGITS: usize = 5;
/// The longest slug that is the name itself, as a name in DNS may be.
const MAX_PLAIN_SLUG: usize = 63;
/// Of other slugs so many characters are the name's, before so many digits of its hash.
const SLUG_CUT: usize = 21;
const SLUG_HASH_DIGITS: usize = 8;
/// The longest name of a folder on Linux, and of a user here.
const MAX_NAME_BYTES: usize = 255;

/// The ways in which hubs and spawners make a name of a user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameForm {
    /// The name itself.
    Plain,
    /// The name with `-2d` for each character that is no small letter or digit, as DockerSpawner
    /// and KubeSpawner write it.
    Escaped,
    /// The name, or letters of it and a hash, as KubeSpawner 7 and DockerSpawner 14 write it.
    Slug,
    /// The name of the account that The Littlest JupyterHub makes.
    SystemUser,
}

impl NameForm {
    const PLACEHOLDERS: [(&str, Self); 4] = [
        ("{user}", Self::Plain),
        ("{escaped}", Self::Escaped),
        ("{slug}", Self::Slug),
        ("{tljh}", Self::SystemUser),
    ];

    fn placeholder(self) -> &'static str {
        let all = Self::PLACEHOLDERS.into_iter();
        let mut own = all.filter(|(_, form)| *form == self);
        own.next().map_or("", |(placeholder, _)| placeholder)
    }

    fn name_of(self, user: &str) -> String {
        match self {
            Self::Plain => user.to_owned(),
            Self::Escaped => escaped(user),
            Self::Slug => slug(user),
            Self::SystemUser => system_user(user),
        }
    }

    /// The user of whom this is the name, as far as the name tells.
    fn user_of(self, name: &str) -> Option<String> {
        let user = match self {
            Self::Plain | Self::Slug => name.to_owned(),
            Self::Escaped => unescaped(name)?,
            Self::SystemUser => name.strip_prefix(SYSTEM_USER_PREFIX)?.to_owned(),
        };
        (self.name_of(&user) == name).then_some(user)
    }
}

/// A name with one placeholder for the user's, such as `jupyter-{user}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamePattern {
    before: String,
    form: NameForm,
    after: String,
}

impl NamePattern {
    /// How many placeholders there are in `text`.
    pub(super) fn placeholders_in(text: &str) -> usize {
        let all = NameForm::PLACEHOLDERS.iter();
        all.map(|(placeholder, _)| text.matches(placeholder).count())
            .sum()
    }

    /// The pattern, when `text` has a placeholder.
    pub(super) fn of(text: &str) -> Option<Self> {
        NameForm::PLACEHOLDERS
            .into_iter()
            .find_map(|(placeholder, form)| {
                let (before, after) = text.split_once(placeholder)?;
                Some(Self {
                    before: before.to_owned(),
                    form,
                    after: after.to_owned(),
                })
            })
    }

    /// The name made of `user`, unless that cannot be a user's or a folder's.
    pub(super) fn name_of(&self, user: &str) -> Option<String> {
        let name = || format!("{}{}{}", self.before, self.form.name_of(user), self.after);
        is_plain_name(user)
            .then(name)
            .filter(|name| is_plain_name(name))
    }

    /// The user of whom this is the name, as far as the name tells.
    pub(super) fn user_of(&self, name: &str) -> Option<String> {
        let own = name.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        let user = self.form.user_of(own)?;
        is_plain_name(&user).then_some(user)
    }

    /// Whether each name tells its user.
    pub(super) fn tells_users(&self) -> bool {
        matches!(self.form, NameForm::Plain | NameForm::Escaped)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let placeholder = self.form.placeholder();
        write!(f, "{}{placeholder}{}", self.before, self.after)
    }
}

/// Whether a name is one path component and no trick: as JupyterHub's authenticators give them,
/// with room for e-mail addresses.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.starts_with('.')
        && !name.contains(|c: char| c == '/' || c.is_control())
}

/// As Python's `escapism` writes it, with `-` and in small letters.
fn escaped(user: &str) -> String {
    let mut name = String::with_capacity(user.len());
    for byte in user.bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() {
            name.push(char::from(byte));
        } else {
            write!(name, "-{byte:02x}").expect("a String takes everything");
        }
    }
    name
}

fn unescaped(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut parts = name.split('-');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let digits = part.get(..2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// As `kubespawner.slugs.safe_slug` makes it.
fn slug(user: &str) -> String {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_plain = user.starts_with(|c: char| c.is_ascii_lowercase())
        && user.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && user.chars().all(is_inner)
        && user.len() <= MAX_PLAIN_SLUG
        && !user.contains("--");
    if is_plain {
        return user.to_owned();
    }
    let mut letters = String::new();
    for c in user.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            letters.push(c);
        } else if !letters.ends_with('-') {
            letters.push('-');
        }
    }
    let cut = |text: &str, most: usize| text[..text.len().min(most)].to_owned();
    let mut safe = cut(letters.trim_start_matches('-'), SLUG_CUT);
    safe.truncate(safe.trim_end_matches('-').len());
    if safe.is_empty() {
        safe.push('x');
    } else if !safe.starts_with(|c: char| c.is_ascii_lowercase()) {
        safe = format!("x-{}", cut(&safe, SLUG_CUT - 2));
    }
    format!("{safe}---{}", hash_digits(user, SLUG_HASH_DIGITS))
}

/// As `tljh.normalize.generate_system_username` makes it.
fn system_user(user: &str) -> String {
    let name = format!("{SYSTEM_USER_PREFIX}{user}");
    if name.chars().count() < SYSTEM_USER_CUT {
        return name;
    }
    let cut: String = name.chars().take(SYSTEM_USER_CUT).collect();
    format!("{cut}-{}", hash_digits(&name, SYSTEM_USER_HASH_DIGITS))
}

fn hash_digits(text: &str, digits: usize) -> String {
    let hash = Sha256::digest(text);
    let mut hex = String::new();
    for byte in &hash[..digits.div_ceil(2)] {
        write!(hex, "{byte:02x}").expect("a String takes everything");
    }
    hex.truncate(digits);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARIA: &str = "maria.gonzalez-perez@students.example.edu";

    /// The names are those that Python's own functions give.
    #[test]
    fn names_are_those_that_hubs_and_spawners_make() {
        let long = "n".repeat(70);
        for (pattern, user, name) in [
            ("{user}", "Zoë", "Zoë"),
            ("jupyter-{user}", "a_b", "jupyter-a_b"),
            ("{escaped}", "matt-ns", "matt-2dns"),
            ("{escaped}", "Zoë", "-5ao-c3-ab"),
            ("{escaped}", "a_b", "a-5fb"),
            (
                "claim-{escaped}",
                MARIA,
                "claim-maria-2egonzalez-2dperez-40students-2eexample-2eedu",
            ),
            ("{slug}", "ana", "ana"),
            ("{slug}", "matt-ns", "matt-ns"),
            ("{slug}", "Zoë", "zo---c6a12698"),
            ("{slug}", "a_b", "a-b---648fa9b3"),
            ("{slug}", "a--b", "a-b---90827a2e"),
            ("{slug}", "7up", "x-7up---be39b1e7"),
            ("{slug}", "...", "x---ab5df625"),
            ("{slug}", MARIA, "maria-gonzalez-perez---7dc9a126"),
            ("{slug}", &long, "nnnnnnnnnnnnnnnnnnnnn---85069ddf"),
            ("{tljh}", "ana", "jupyter-ana"),
            ("{tljh}", "abcdefghijklmnopq", "jupyter-abcdefghijklmnopq"),
            (
                "{tljh}",
                "abcdefghijklmnopqr",
                "jupyter-abcdefghijklmnopqr-e375e",
            ),
            (
                "{tljh}",
                "aelie9sohjeequ9iemeipuimuoshahz4aitugiuteeg4ohioh5yuiha6aei7te5z",
                "jupyter-aelie9sohjeequ9iem-4b726",
            ),
            ("{tljh}", MARIA, "jupyter-maria.gonzalez-per-6d9ea"),
            ("{tljh}", "Zoë", "jupyter-Zoë"),
            ("{tljh}", &long, "jupyter-nnnnnnnnnnnnnnnnnn-f2505"),
        ] {
            let pattern = NamePattern::of(pattern).unwrap();
            // No user of a Hub's is called by dots.
            let made = match user {
                "..." => slug(user),
                _ => pattern.name_of(user).unwrap(),
            };
            assert_eq!(made, name, "{pattern} of {user}");
        }
    }

    #[test]
    fn a_name_tells_its_user_unless_it_was_cut() {
        for user in [
            "ana",
            "matt-ns",
            "Zoë",
            "a_b",
            "-",
            "a-2db",
            MARIA,
            &"n".repeat(70),
        ] {
            for text in ["{user}", "x-{user}-y", "{escaped}", "p-{escaped}"] {
                let pattern = NamePattern::of(text).unwrap();
                let name = pattern.name_of(user).unwrap();
                assert_eq!(pattern.user_of(&name).as_deref(), Some(user), "{text}");
                assert!(pattern.tells_users());
            }
            for text in ["{slug}", "{tljh}"] {
                let pattern = NamePattern::of(text).unwrap();
                let name = pattern.name_of(user).unwrap();
                let told = pattern.user_of(&name);
                assert!(told.is_none_or(|told| told == user), "{text}");
                assert!(!pattern.tells_users());
            }
        }
        let user_of = |pattern: &str, name: &str| NamePattern::of(pattern).unwrap().user_of(name);
        assert_eq!(user_of("{tljh}", "jupyter-ana").as_deref(), Some("ana"));
        assert_eq!(user_of("{slug}", "ana").as_deref(), Some("ana"));
        // Names of folders that no spawner makes.
        for name in ["Ana", "a-", "a-2", "a-zz", "a-2D", "a-c3", "-61", "a_b"] {
            assert_eq!(user_of("{escaped}", name), None, "{name}");
        }
        for name in ["ana", "jupyter-", "root"] {
            assert_eq!(user_of("{tljh}", name), None, "{name}");
        }
        assert_eq!(user_of("{escaped}", "a-2fb"), None, "no slash is in a name");
    }

    #[test]
    fn no_name_is_made_of_a_trick() {
        for user in ["", ".", "..", "a/b", "a\0b", ".ssh", &"n".repeat(256)] {
            for text in ["{user}", "x-{escaped}", "{slug}", "{tljh}"] {
                let pattern = NamePattern::of(text).unwrap();
                assert_eq!(pattern.name_of(user), None, "{text} of {user:?}");
            }
        }
    }
}
