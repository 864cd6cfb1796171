//! `--homes /home/{user}`: turns users into homes by the names of folders, and paths into a user
//! and a path below that user's home.

use std::{
    ffi::OsStr,
    fmt, fs, io,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use super::{Home, names::NamePattern};

/// A path with the user's name in one of its components, such as `/home/jupyter-{user}` or
/// `/srv/class/{user}/work`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomesTemplate {
    /// The folder that holds one folder a person.
    base: PathBuf,
    /// That folder's name.
    own: NamePattern,
    /// The path from that folder to the notebooks; often empty.
    rest: PathBuf,
}

impl FromStr for HomesTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if NamePattern::placeholders_in(text) != 1 {
            return Err(
                "it must contain {user} exactly once, as in /home/{user}, or one of {tljh}, \
                 {escaped} and {slug}"
                    .to_owned(),
            );
        }
        let path = std::path::absolute(text).map_err(|error| error.to_string())?;
        if path.components().any(|part| part == Component::ParentDir) {
            return Err("it must not contain ..".to_owned());
        }
        let mut parts = path.components();
        let mut base = PathBuf::new();
        for part in parts.by_ref() {
            let name = part.as_os_str().to_str().unwrap_or_default();
            if let Some(own) = NamePattern::of(name) {
                let rest = parts.collect();
                return Ok(Self { base, own, rest });
            }
            base.push(part);
        }
        Err("{user} must stand in a folder's name".to_owned())
    }
}

impl fmt::Display for HomesTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.home_named(self.own.to_string()).fmt(f)
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
        self.own.name_of(user).map(|own| self.home_named(own))
    }

    fn home_named(&self, own: String) -> Home {
        Home::new(&self.base, own, &self.rest)
    }

    /// Whether the folder's name does not tell that it is this user's.
    pub(super) fn cuts_name_of(&self, user: &str) -> bool {
        let own = || self.own.name_of(user);
        !self.own.tells_users() && own().is_some_and(|own| self.own.user_of(&own).is_none())
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
        self.own.user_of(folder.to_str()?)
    }
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
            ("/srv/claim-{escaped}/work", "/srv/claim-ana/work"),
            ("/srv/{slug}", "/srv/ana"),
            ("/home/{tljh}", "/home/jupyter-ana"),
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
        for text in [
            "/home",
            "/home/{user}/{user}",
            "/home/{user}/{slug}",
            "/home/../{user}",
        ] {
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
