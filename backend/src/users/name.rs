//! Names of participants' accounts: which are taken, and what is proposed in place of one that is
//! not.

use std::fmt;

use icu_normalizer::DecomposingNormalizer;
use thiserror::Error;

/// Most characters of an account of the system, which `useradd` and file systems take everywhere.
const MAX_SYSTEM_CHARS: usize = 31;
/// Most characters of a user of the Hub.
const MAX_HUB_CHARS: usize = 70;

/// Accounts of Debian, of its common packages, of JupyterHub and of this service: a participant
/// of that name would have their rights, or take their place when the package is installed.
/// `import`, `audit` and `servers` are routes below `/users`.
const RESERVED: &[&str] = &[
    "adm",
    "admin",
    "administrator",
    "apt",
    "audit",
    "avahi",
    "backup",
    "bin",
    "crontab",
    "daemon",
    "dbus",
    "dialout",
    "docker",
    "dovecot",
    "ftp",
    "games",
    "gnats",
    "halt",
    "hub",
    "import",
    "irc",
    "jovyan",
    "jupyter",
    "jupyterhub",
    "kmem",
    "list",
    "lp",
    "lxd",
    "mail",
    "man",
    "messagebus",
    "mysql",
    "named",
    "news",
    "nginx",
    "nobody",
    "nogroup",
    "ntp",
    "operator",
    "pipalhub",
    "plugdev",
    "polkitd",
    "postfix",
    "postgres",
    "proxy",
    "redis",
    "root",
    "rtkit",
    "servers",
    "service",
    "shadow",
    "shutdown",
    "src",
    "ssh",
    "sshd",
    "staff",
    "sudo",
    "sync",
    "sys",
    "syslog",
    "systemd",
    "tape",
    "tcpdump",
    "tty",
    "users",
    "utmp",
    "uucp",
    "uuidd",
    "video",
    "voice",
    "wheel",
    "www",
    "www-data",
];
/// Beginnings of names that systems give to accounts of their own.
const RESERVED_PREFIXES: &[&str] = &["systemd-", "pipalhub-", "debian-"];

/// Where a name is to be an account, which says what it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// An account of the system.
    System,
    /// A user of the Hub alone, whose authenticator may know people by their addresses.
    Hub,
}

/// A name that an account may have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Username(String);

/// Why a name is refused, in words for who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum NameError {
    #[error("the name is missing")]
    Empty,
    #[error("the name has {0} characters, and {1} is the most")]
    TooLong(usize, usize),
    #[error("{0:?} cannot be in a name: small letters a to z, digits and - can")]
    Character(char),
    #[error("{0:?} cannot be in a name of the Hub")]
    HubCharacter(char),
    #[error("capital letters cannot be in a name, since the Hub makes small ones of them")]
    Capital,
    #[error("the name must begin with a letter from a to z")]
    Start,
    #[error("this is the name of an account of the system")]
    Reserved,
}

impl Username {
    /// Reads a name. Nothing of it is changed: spaces around it are refused, too.
    pub(crate) fn parse(name: &str, rule: NameRule) -> Result<Self, NameError> {
        let Some(first) = name.chars().next() else {
            return Err(NameError::Empty);
        };
        if name.chars().any(|c| c.is_uppercase()) {
            return Err(NameError::Capital);
        }
        for c in name.chars() {
            match rule {
                NameRule::System => check_system_character(c)?,
                NameRule::Hub => check_hub_character(c)?,
            }
        }
        match rule {
            NameRule::System if !first.is_ascii_lowercase() => return Err(NameError::Start),
            // A line of the file that begins with it is a comment, and a file of that name is
            // hidden.
            NameRule::Hub if !first.is_alphanumeric() => {
                return Err(NameError::HubCharacter(first));
            }
            _ => {}
        }
        let chars = name.chars().count();
        let most = match rule {
            NameRule::System => MAX_SYSTEM_CHARS,
            NameRule::Hub => MAX_HUB_CHARS,
        };
        if chars > most {
            return Err(NameError::TooLong(chars, most));
        }
        let is_prefixed = RESERVED_PREFIXES.iter().any(|it| name.starts_with(it));
        if is_prefixed || RESERVED.binary_search(&name).is_ok() {
            return Err(NameError::Reserved);
        }
        Ok(Self(name.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_system_character(c: char) -> Result<(), NameError> {
    match c {
        'a'..='z' | '0'..='9' | '-' => Ok(()),
        _ => Err(NameError::Character(c)),
    }
}

fn check_hub_character(c: char) -> Result<(), NameError> {
    match c.is_alphanumeric() || "-_.@+".contains(c) {
        true => Ok(()),
        false => Err(NameError::HubCharacter(c)),
    }
}

/// A name that is taken, made of one that is not: of `María González` it is `maria-gonzalez`.
/// `None` where nothing of the name can be used.
pub(crate) fn propose(name: &str, rule: NameRule) -> Option<Username> {
    let decomposer = DecomposingNormalizer::new_nfkd();
    let mut made = String::new();
    for c in decomposer.normalize_iter(name.trim().chars()) {
        let c = c.to_ascii_lowercase();
        match c {
            'a'..='z' | '0'..='9' => made.push(c),
            'ß' => made.push_str("ss"),
            'æ' | 'Æ' => made.push_str("ae"),
            'ø' | 'Ø' => made.push('o'),
            'ł' | 'Ł' => made.push('l'),
            // An apostrophe parts no words.
            '\'' | '’' => {}
            _ if !c.is_ascii() => {}
            _ if made.ends_with('-') || made.is_empty() => {}
            _ => made.push('-'),
        }
    }
    let made: String = made
        .trim_start_matches(|c: char| !c.is_ascii_lowercase())
        .chars()
        .take(MAX_SYSTEM_CHARS)
        .collect();
    Username::parse(made.trim_end_matches('-'), rule).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(name: &str) -> Result<Username, NameError> {
        Username::parse(name, NameRule::System)
    }

    #[test]
    fn reserved_names_are_in_the_order_of_the_search() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn names_of_the_system_are_small_letters_digits_and_hyphens() {
        for name in ["a", "alice", "student-01", "x9", "a-", &"a".repeat(31)] {
            assert_eq!(system(name).unwrap().as_str(), name);
        }
        for (name, why) in [
            ("", NameError::Empty),
            ("Alice", NameError::Capital),
            ("1st", NameError::Start),
            ("-rf", NameError::Start),
            ("a_b", NameError::Character('_')),
            ("a.b", NameError::Character('.')),
            ("a b", NameError::Character(' ')),
            ("a:b", NameError::Character(':')),
            ("a\nb", NameError::Character('\n')),
            ("a\0b", NameError::Character('\0')),
            ("../etc", NameError::Character('.')),
            ("a$(id)", NameError::Character('$')),
            ("zoë", NameError::Character('ë')),
            ("аdmin", NameError::Character('а')),
        ] {
            assert_eq!(system(name), Err(why), "{name:?}");
        }
        let long = "a".repeat(32);
        assert_eq!(system(&long), Err(NameError::TooLong(32, 31)));
        for name in ["root", "www-data", "systemd-network", "pipalhub", "nobody"] {
            assert_eq!(system(name), Err(NameError::Reserved));
        }
    }

    #[test]
    fn no_character_that_a_file_or_a_shell_reads_is_in_a_name() {
        let signs = "!\"#$%&'()*+,./:;<=>?@[\\]^_`{|}~ \t\r\n\0\u{7f}\u{85}\u{a0}\u{ad}\u{200b}\u{202e}\
                     \u{2028}\u{feff}éßжａ①٣";
        let mut refused = 0;
        for sign in signs.chars().chain('A'..='Z') {
            for name in [
                format!("{sign}"),
                format!("{sign}ada"),
                format!("ada{sign}"),
                format!("ad{sign}a"),
                format!("ada{sign}root:x:0:0"),
            ] {
                assert!(system(&name).is_err(), "{name:?}");
                refused += 1;
            }
        }
        assert!(refused >= 300, "{refused}");
        let letters = ('a'..='z').chain('0'..='9').chain(['-']);
        let taken =
            letters.flat_map(|it| [format!("x{it}"), format!("x{it}y"), format!("xyz-{it}")]);
        let taken: Vec<String> = taken.collect();
        assert!(taken.len() >= 100);
        for name in taken {
            assert_eq!(system(&name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_of_the_hub_may_be_addresses_and_of_any_script() {
        let hub = |name| Username::parse(name, NameRule::Hub);
        for name in ["maria@x.example", "zoë", "a_b", "花子", "0day"] {
            assert_eq!(hub(name).unwrap().as_str(), name);
        }
        for name in [
            "",
            "a b",
            "a/b",
            "a:b",
            "#a",
            "a\nb",
            "Zoë",
            "a,b",
            ".ssh",
            "a\u{202e}b",
        ] {
            assert!(hub(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_name_is_proposed_for_one_that_is_refused() {
        let propose = |name| propose(name, NameRule::System).map(|it| it.to_string());
        for (name, proposed) in [
            ("María González", Some("maria-gonzalez")),
            ("  Zoë  ", Some("zoe")),
            ("O'Neil", Some("oneil")),
            ("a_b", Some("a-b")),
            ("1st try", Some("st-try")),
            ("Straße", Some("strasse")),
            ("花子", None),
            ("root", None),
            ("--", None),
        ] {
            assert_eq!(propose(name).as_deref(), proposed, "{name:?}");
        }
    }
}
