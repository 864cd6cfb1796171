//! What a line of `requirements.txt` asks for: a name, extras, and versions, as in
//! `name[extra]>=1.2,<2`. The name is that of PEP 508 and the versions are those of PEP 440.
//!
//! What an installer would understand beside it is refused, since it would fetch from elsewhere,
//! read files or change how it works: addresses, paths, markers and options.

use std::fmt;

/// Longest requirement in bytes.
pub const MAX_REQUIREMENT_BYTES: usize = 200;
/// Longest name of a package or an extra in bytes.
const MAX_NAME_BYTES: usize = 100;
/// Most extras, and most versions, of a requirement.
const MAX_PARTS: usize = 10;

/// A requirement that may be given to an installer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    name: String,
    extras: Vec<String>,
    specifiers: Vec<Specifier>,
}

/// A version, and how it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Specifier {
    operator: &'static str,
    version: String,
}

/// Why something is no requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequirementError {
    /// There is nothing.
    Empty,
    /// It is longer than [`MAX_REQUIREMENT_BYTES`].
    TooLong,
    /// It begins with `-`.
    Option,
    /// It is an address, or a path.
    Address,
    /// It holds a marker, after `;`.
    Marker,
    /// It holds this, which no requirement does.
    Letter(char),
    /// This is no name of a package.
    Name(String),
    /// This is no name of an extra.
    Extra(String),
    /// This is no comparison with a version.
    Specifier(String),
    /// This is no version.
    Version(String),
    /// It has more than ten extras or versions.
    TooManyParts,
}

impl fmt::Display for RequirementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no name of a package"),
            Self::TooLong => write!(f, "it is longer than {MAX_REQUIREMENT_BYTES} bytes"),
            Self::Option => f.write_str("it begins with -, as options of an installer do"),
            Self::Address => f.write_str(
                "addresses and paths are not taken: write the name of a package, as numpy",
            ),
            Self::Marker => f.write_str("conditions after ; are not taken: leave them out"),
            Self::Letter(letter) => write!(f, "{letter:?} is in no requirement"),
            Self::Name(name) => write!(
                f,
                "{name:?} is no name of a package: letters, digits, and . _ - between them"
            ),
            Self::Extra(extra) => write!(f, "{extra:?} is no name of an extra"),
            Self::Specifier(text) => write!(
                f,
                "{text:?} is no version: write it as ==1.2, >=1.2 or >=1.2,<2"
            ),
            Self::Version(version) => write!(f, "{version:?} is no version, as 1.2 or 2.0rc1 are"),
            Self::TooManyParts => write!(f, "it has more than {MAX_PARTS} extras or versions"),
        }
    }
}

impl std::error::Error for RequirementError {}

/// How versions are compared, the longer ones first.
const OPERATORS: &[&str] = &["==", "!=", "<=", ">=", "~=", "<", ">"];

impl Requirement {
    /// Reads a requirement.
    ///
    /// # Errors
    /// When it is none, or more than a name, extras and versions.
    pub fn parse(text: &str) -> Result<Self, RequirementError> {
        let text = text.trim_matches([' ', '\t']);
        if text.is_empty() {
            return Err(RequirementError::Empty);
        }
        if text.len() > MAX_REQUIREMENT_BYTES {
            return Err(RequirementError::TooLong);
        }
        if text.starts_with('-') {
            return Err(RequirementError::Option);
        }
        if text.contains("://") || text.contains(['@', '/', '\\']) || text.starts_with(['.', '~']) {
            return Err(RequirementError::Address);
        }
        if text.contains(';') {
            return Err(RequirementError::Marker);
        }
        if let Some(letter) = text.chars().find(|&it| !is_usual(it)) {
            return Err(RequirementError::Letter(letter));
        }
        let name_end = text.find(|it: char| !is_of_name(it)).unwrap_or(text.len());
        let (name, rest) = text.split_at(name_end);
        let name = checked_name(name).ok_or_else(|| RequirementError::Name(text.to_owned()))?;
        let (extras, rest) = parse_extras(rest.trim_start())?;
        Ok(Self {
            name: name.to_owned(),
            extras,
            specifiers: parse_specifiers(rest.trim())?,
        })
    }

    /// The name, as it was written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name by which packages are compared (PEP 503): small letters, and `-` for every run of
    /// `-`, `_` and `.`.
    #[must_use]
    pub fn key(&self) -> String {
        normalized_name(&self.name)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.extras.is_empty() {
            write!(f, "[{}]", self.extras.join(","))?;
        }
        for (index, Specifier { operator, version }) in self.specifiers.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{operator}{version}")?;
        }
        Ok(())
    }
}

/// The name by which packages are compared (PEP 503).
#[must_use]
pub fn normalized_name(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '-' | '_' | '.' if key.ends_with('-') => {}
            '-' | '_' | '.' => key.push('-'),
            _ => key.push(letter.to_ascii_lowercase()),
        }
    }
    key
}

/// A name that is one of a package.
#[must_use]
pub fn checked_name(name: &str) -> Option<&str> {
    let ends_well = |it: Option<char>| it.is_some_and(|it| it.is_ascii_alphanumeric());
    let is_name = name.len() <= MAX_NAME_BYTES
        && name.chars().all(is_of_name)
        && ends_well(name.chars().next())
        && ends_well(name.chars().next_back());
    is_name.then_some(name)
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

fn is_usual(letter: char) -> bool {
    is_of_name(letter) || " \t[],<>=!~+*".contains(letter)
}

/// The extras at the beginning, and what comes after them.
fn parse_extras(text: &str) -> Result<(Vec<String>, &str), RequirementError> {
    let Some(inside) = text.strip_prefix('[') else {
        return Ok((Vec::new(), text));
    };
    let wrong = || RequirementError::Extra(text.to_owned());
    let (inside, rest) = inside.split_once(']').ok_or_else(wrong)?;
    let names = inside.split(',').map(|it| {
        let name = checked_name(it.trim()).ok_or_else(wrong)?;
        Ok(name.to_owned())
    });
    let extras = names.collect::<Result<Vec<_>, _>>()?;
    match extras.len() > MAX_PARTS {
        true => Err(RequirementError::TooManyParts),
        false => Ok((extras, rest)),
    }
}

fn parse_specifiers(text: &str) -> Result<Vec<Specifier>, RequirementError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let specifiers = text.split(',').map(|it| parse_specifier(it.trim()));
    let specifiers = specifiers.collect::<Result<Vec<_>, _>>()?;
    match specifiers.len() > MAX_PARTS {
        true => Err(RequirementError::TooManyParts),
        false => Ok(specifiers),
    }
}

fn parse_specifier(text: &str) -> Result<Specifier, RequirementError> {
    let wrong = || RequirementError::Specifier(text.to_owned());
    let operator = OPERATORS.iter().find(|it| text.starts_with(**it));
    let operator = *operator.ok_or_else(wrong)?;
    let version = text[operator.len()..].trim();
    if version.is_empty() || version.starts_with(['=', '<', '>', '!', '~']) {
        return Err(wrong());
    }
    let wrong = || RequirementError::Version(version.to_owned());
    let is_equality = matches!(operator, "==" | "!=");
    let (plain, is_prefix) = match version.strip_suffix(".*") {
        Some(plain) => (plain, true),
        None => (version, false),
    };
    let parsed = ParsedVersion::parse(plain).ok_or_else(wrong)?;
    let is_right = match operator {
        "==" | "!=" => !is_prefix || parsed.is_release,
        // It means "at least this, and the same but for the last number".
        "~=" => parsed.release_parts >= 2,
        _ => true,
    };
    match is_right && (is_equality || !is_prefix && !parsed.has_local) {
        true => Ok(Specifier {
            operator,
            version: version.to_owned(),
        }),
        false => Err(wrong()),
    }
}

/// What of a version decides where it may stand.
struct ParsedVersion {
    release_parts: usize,
    /// It is numbers alone.
    is_release: bool,
    has_local: bool,
}

impl ParsedVersion {
    /// Reads a version of PEP 440: `[N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local]`, and the other
    /// ways to write it which that allows.
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let (public, local) = match text.split_once('+') {
            Some((public, local)) => (public, Some(local)),
            None => (text.as_str(), None),
        };
        if let Some(local) = local {
            let is_part =
                |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !local.split(['.', '-', '_']).all(is_part) {
                return None;
            }
        }
        let public = public.strip_prefix('v').unwrap_or(public);
        let public = match public.split_once('!') {
            Some((epoch, rest)) => {
                let is_epoch = !epoch.is_empty() && epoch.bytes().all(|it| it.is_ascii_digit());
                is_epoch.then_some(rest)?
            }
            None => public,
        };
        let mut rest = strip_digits(public)?;
        let mut release_parts = 1;
        while let Some(next) = rest.strip_prefix('.').and_then(strip_digits) {
            release_parts += 1;
            rest = next;
        }
        let after_release = rest;
        const PRE: &[&str] = &["alpha", "a", "beta", "b", "preview", "pre", "c", "rc"];
        rest = strip_suffix(rest, PRE).unwrap_or(rest);
        rest = match rest.strip_prefix('-').and_then(strip_digits) {
            // `1.0-1` is `1.0.post1`.
            Some(rest) => rest,
            None => strip_suffix(rest, &["post", "rev", "r"]).unwrap_or(rest),
        };
        let after_dev = strip_suffix(rest, &["dev"]);
        after_dev.unwrap_or(rest).is_empty().then_some(Self {
            release_parts,
            is_release: after_release.is_empty() && local.is_none(),
            has_local: local.is_some(),
        })
    }
}

/// What comes after at least one digit.
fn strip_digits(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|it: char| it.is_ascii_digit());
    (rest.len() < text.len()).then_some(rest)
}

/// What comes after one of these words, which may have a separator before it and a number after.
fn strip_suffix<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    const SEPARATORS: [char; 3] = ['.', '-', '_'];
    let text = text.strip_prefix(SEPARATORS).unwrap_or(text);
    let rest = words.iter().find_map(|word| text.strip_prefix(word))?;
    let number = rest.strip_prefix(SEPARATORS).and_then(strip_digits);
    Some(number.or_else(|| strip_digits(rest)).unwrap_or(rest))
}

#[cfg(test)]
mod tests;
