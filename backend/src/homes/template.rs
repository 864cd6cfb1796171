//! `--homes /home/{user}`: the one place that turns users into homes, and paths into a user and
//! a path below that user's home.

use std::{
    ffi::OsStr,
    fmt, fs, io,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use super::{Home, HomeError, OpenHome};

const USER_PLACEHOLDER: &str = "{user}";

/// A path with `{user}` in one of its components, such as `/home/jupyter-{user}` or
/// `/srv/class/{user}/work`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomesTemplate {
    /// The folder that holds one folder a person.
    base: PathBuf,
    /// The text before and after the name in that folder's name.
    before: String,
    after: String,
    /// The path from that folder to the notebooks; often empty.
    rest: PathBuf,
}

impl FromStr for HomesTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.matches(USER_PLACEHOLDER).count() != 1 {
            return Err("it must contain {user} exactly once, as in /home/{user}".to_owned());
        }
        let path = std::path::absolute(text).map_err(|error| error.to_string())?;
        if path.components().any(|part| part == Component::ParentDir) {
            return Err("it must not contain ..".to_owned());
        }
        let mut parts = path.components();
        let mut base = PathBuf::new();
        for part in parts.by_ref() {
            let name = part.as_os_str().to_str().unwrap_or_default();
            if let Some((before, after)) = name.split_once(USER_PLACEHOLDER) {
                return Ok(Self {
                    base,
                    before: before.to_owned(),
                    after: after.to_owned(),
                    rest: parts.collect(),
                });
            }
            base.push(part);
        }
        Err("{user} must stand in a folder's name".to_owned())
    }
}

impl fmt::Display for HomesTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.home_named(USER_PLACEHOLDER).fmt(f)
    }
}

impl HomesTemplate {
    /// The folder that holds all users' folders; it exists while homes come and go.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// The same, for people.
    #[must_use]
    pub fn base_shown(&self) -> impl fmt::Display {
        self.base.display()
    }

    /// Checks that this program may look for homes there.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn check_readable(&self) -> io::Result<()> {
        fs::read_dir(&self.base).map(drop)
    }

    /// The home of `user`, or `None` for a name that cannot be a folder's.
    #[must_use]
    pub fn home_of(&self, user: &str) -> Option<Home> {
        is_user_name(user).then(|| self.home_named(user))
    }

    fn home_named(&self, user: &str) -> Home {
        let own = format!("{}{user}{}", self.before, self.after);
        Home::new(&self.base, own, &self.rest)
    }

    /// The users who have a home now, sorted.
    #[must_use]
    pub fn users(&self) -> Vec<String> {
        self.open_homes().map(|(user, _)| user).collect()
    }

    /// The users whose home is refused, because it is a link or not theirs, each with the reason.
    #[must_use]
    pub fn refused(&self) -> Vec<(String, HomeError)> {
        let opened = self.candidates().into_iter().filter_map(|user| {
            let error = self.home_named(&user).open().err()?;
            (!matches!(error, HomeError::Missing)).then_some((user, error))
        });
        opened.collect()
    }

    /// Each user and their home, sorted by user, one open at a time.
    pub(super) fn open_homes(&self) -> impl Iterator<Item = (String, OpenHome)> {
        self.candidates().into_iter().filter_map(|user| {
            let home = self.home_named(&user).open().ok()?;
            Some((user, home))
        })
    }

    /// The users for whom there is an entry with the name of their folder.
    pub(super) fn candidates(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.base).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| self.user_named(&entry.file_name()));
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// The user and the path below their home, when `path` is in one.
    #[must_use]
    pub fn split(&self, path: &Path) -> Option<(String, String)> {
        let below = path.strip_prefix(&self.base).ok()?;
        let mut parts = below.components();
        let user = self.user_named(parts.next()?.as_os_str())?;
        let below = parts.as_path().strip_prefix(&self.rest).ok()?;
        if !below
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return None;
        }
        let filename = below.to_str().filter(|name| !name.is_empty())?;
        Some((user, filename.to_owned()))
    }

    fn user_named(&self, folder: &OsStr) -> Option<String> {
        let user = folder
            .to_str()?
            .strip_prefix(&self.before)?
            .strip_suffix(&self.after)?;
        is_user_name(user).then(|| user.to_owned())
    }
}

/// Whether a name is one path component and no trick: as JupyterHub's authenticators give them,
/// with room for e-mail addresses.
fn is_user_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && !name.contains(|c: char| c == '/' || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> HomesTemplate {
        text.parse().unwrap()
    }

    #[test]
    fn a_template_names_homes_and_reads_them_back() {
        for (text, home) in [
            ("/home/{user}", "/home/ana"),
            ("/home/jupyter-{user}", "/home/jupyter-ana"),
            ("/srv/{user}/work", "/srv/ana/work"),
            ("/{user}", "/ana"),
        ] {
            let template = template(text);
            let path = Path::new(home);
            let shown = template.home_of("ana").unwrap().shown("m1/day1.ipynb");
            assert_eq!(shown, path.join("m1/day1.ipynb").display().to_string());
            let split = template.split(&path.join("m1/day1.ipynb")).unwrap();
            assert_eq!(split, ("ana".to_owned(), "m1/day1.ipynb".to_owned()));
            assert_eq!(template.to_string(), text);
        }
    }

    #[test]
    fn a_template_without_one_user_is_refused() {
        for text in ["/home", "/home/{user}/{user}", "/home/../{user}"] {
            assert!(text.parse::<HomesTemplate>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_name_or_path_leads_out_of_the_homes() {
        let template = template("/home/{user}");
        for user in ["", ".", "..", "a/b", "a\0b", ".ssh"] {
            assert_eq!(template.home_of(user), None, "{user:?}");
        }
        for path in [
            "/etc/passwd",
            "/home",
            "/home/ana",
            "/home/ana/../bob/x",
            "home/ana/x",
        ] {
            assert_eq!(template.split(Path::new(path)), None, "{path}");
        }
    }
}
