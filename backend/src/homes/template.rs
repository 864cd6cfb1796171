//! `--homes /home/{user}`: the one place that turns people into folders and back.

use std::{
    ffi::OsStr,
    fmt, fs,
    ops::Deref,
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2},
    io::Errno,
};

const PLACE: &str = "{user}";

/// A path with `{user}` in one of its components, such as `/home/jupyter-{user}` or
/// `/srv/class/{user}/work`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomesTemplate {
    /// The folder that holds one folder a person.
    base: PathBuf,
    /// What stands before and after the name in that folder's name.
    before: String,
    after: String,
    /// What comes below it before the notebooks begin; often empty.
    rest: PathBuf,
}

/// Where one participant's notebooks are: a path, and how to open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    path: PathBuf,
    /// What of the path is the participant's own folder. Which folder that is, and whether
    /// it is a link, is the administrator's business; what is below it is the
    /// participant's.
    own: PathBuf,
    /// The rest of it.
    rest: PathBuf,
}

impl From<&Path> for Home {
    /// A home that is the participant's own folder.
    fn from(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            own: path.to_owned(),
            rest: PathBuf::new(),
        }
    }
}

impl Deref for Home {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl Home {
    /// Opens it as a place to open files below; no link that the participant made leads
    /// there.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let own = openat(CWD, &self.own, flags, Mode::empty())?;
        if self.rest.as_os_str().is_empty() {
            return Ok(own);
        }
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        openat2(&own, &self.rest, flags, Mode::empty(), within)
    }
}

impl FromStr for HomesTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.matches(PLACE).count() != 1 {
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
            if let Some((before, after)) = name.split_once(PLACE) {
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
        write!(f, "{}", self.home_named(PLACE).path.display())
    }
}

impl HomesTemplate {
    /// The folder that holds everyone's; it exists while homes come and go.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The home of `user`, or `None` for a name that cannot be a folder's.
    #[must_use]
    pub fn home_of(&self, user: &str) -> Option<Home> {
        is_user_name(user).then(|| self.home_named(user))
    }

    fn home_named(&self, user: &str) -> Home {
        let own = self
            .base
            .join(format!("{}{user}{}", self.before, self.after));
        Home {
            // By components, since joining an empty path leaves a slash at the end.
            path: own.components().chain(self.rest.components()).collect(),
            own,
            rest: self.rest.clone(),
        }
    }

    /// Everyone who has a home now, by name.
    #[must_use]
    pub fn users(&self) -> Vec<(String, PathBuf)> {
        let Ok(entries) = fs::read_dir(&self.base) else {
            return Vec::new();
        };
        let mut users: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let user = self.user_named(&entry.file_name())?;
                let home = self.home_of(&user)?;
                home.open().is_ok().then(|| (user, home.to_path_buf()))
            })
            .collect();
        users.sort();
        users
    }

    /// The person and the path below their home, when `path` is in one.
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

/// Names that are one path component and no trick: what JupyterHub's authenticators
/// give, with room for e-mail addresses.
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
    fn names_homes_and_reads_them_back() {
        for (text, home) in [
            ("/home/{user}", "/home/ana"),
            ("/home/jupyter-{user}", "/home/jupyter-ana"),
            ("/srv/{user}/work", "/srv/ana/work"),
            ("/{user}", "/ana"),
        ] {
            let template = template(text);
            let path = Path::new(home);
            assert_eq!(&*template.home_of("ana").unwrap(), path);
            let split = template.split(&path.join("m1/day1.ipynb")).unwrap();
            assert_eq!(split, ("ana".to_owned(), "m1/day1.ipynb".to_owned()));
            assert_eq!(template.to_string(), text);
        }
    }

    /// Where the template goes on behind the name, the participant owns what is there.
    #[test]
    fn a_link_in_the_way_is_nobodys_home() {
        let base = tempfile::tempdir().unwrap();
        let template = template(&format!("{}/{{user}}/work/x", base.path().display()));
        fs::create_dir_all(base.path().join("bob/work/x")).unwrap();
        fs::create_dir(base.path().join("ana")).unwrap();
        std::os::unix::fs::symlink("../bob/work", base.path().join("ana/work")).unwrap();
        let opened = |user: &str| template.home_of(user).unwrap().open().map(drop);
        assert_eq!(opened("ana"), Err(Errno::LOOP));
        assert_eq!(opened("bob"), Ok(()));
        assert_eq!(template.users().len(), 1);
        // The administrator may keep homes elsewhere.
        std::os::unix::fs::symlink("bob", base.path().join("cy")).unwrap();
        assert_eq!(opened("cy"), Ok(()));
    }

    #[test]
    fn refuses_templates_that_name_nobody() {
        for text in ["/home", "/home/{user}/{user}", "/home/../{user}"] {
            assert!(text.parse::<HomesTemplate>().is_err(), "{text}");
        }
    }

    #[test]
    fn never_leads_out_of_the_homes() {
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
