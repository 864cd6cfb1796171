//! Every notebook below every home, by walking. It is how files are found at first,
//! and on network file systems, which report no changes, the only way ever.
//!
//! A home may be changed while it is walked, and by somebody who wants names of others'
//! files to appear as their own. So it is walked from the open home by descriptors: a
//! folder is opened in the one that it was found in, and no link is followed. The rule is
//! that of reading: what does not belong to the owner of the home is not listed, nor is it
//! entered.

use std::{
    ffi::CStr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, Mode, OFlags, Stat, fstat, openat, statat};

use super::{Fingerprint, HomesTemplate, OpenHome, home::Owner};
use crate::time;

/// Folders deeper than this below a home are not looked into; so many are open at once.
const DEEPEST: usize = 8;
/// A home with more entries than this is walked no further; a virtual environment or a
/// data set must not slow everyone down.
const MOST_ENTRIES: usize = 20_000;
/// So many notebooks of one home are found, and no more: each is remembered, and listed.
pub const MOST_NOTEBOOKS: usize = 2_000;

/// A folder that was changed less than so many seconds ago may be filled at the moment.
const FRESH: u64 = 10;

/// One notebook on disk.
#[derive(Clone, Debug)]
pub struct Found {
    /// Whose it is.
    pub user: String,
    /// The path below the home.
    pub filename: String,
    /// Its version.
    pub fingerprint: Fingerprint,
}

/// Told of what a walk comes by.
pub(super) trait Visitor {
    /// This folder, which is open, is a home or holds a notebook; it is called `below` in
    /// the home of `user`.
    fn folder(&mut self, user: &str, below: &str, folder: BorrowedFd<'_>);

    /// The same of one that came just now, or something in it did, before it is looked into.
    fn fresh_folder(&mut self, _user: &str, _below: &str, _folder: BorrowedFd<'_>) {}

    /// This notebook is there.
    fn notebook(&mut self, found: Found);
}

impl Visitor for Vec<Found> {
    fn folder(&mut self, _: &str, _: &str, _: BorrowedFd<'_>) {}

    fn notebook(&mut self, found: Found) {
        self.push(found);
    }
}

/// Walks all homes. Unreadable folders are passed over: their owner will save again,
/// and somebody else's mistake must not hide the rest of the class.
#[must_use]
pub fn scan(homes: &HomesTemplate) -> Vec<Found> {
    let mut found = Vec::new();
    for (user, home) in homes.opened() {
        walk_home(&user, &home, &mut found);
    }
    found
}

/// Walks one home, told as it goes.
pub(super) fn walk_home(user: &str, home: &OpenHome, visitor: &mut dyn Visitor) {
    let Ok(folder) = home.folder(".") else {
        return;
    };
    visitor.folder(user, "", folder.as_fd());
    let mut walk = Walk {
        user,
        owner: home.owner(),
        left: MOST_ENTRIES,
        notebooks: MOST_NOTEBOOKS,
        visitor,
    };
    walk.enter(folder, "", 1);
}

/// A walk through one home.
struct Walk<'a> {
    user: &'a str,
    owner: Owner,
    /// How many entries are still looked at.
    left: usize,
    /// How many notebooks are still told of.
    notebooks: usize,
    visitor: &'a mut dyn Visitor,
}

impl Walk<'_> {
    /// Looks at what is in the open `folder`, which is called `below` and is so deep in the
    /// home, counted from one.
    fn enter(&mut self, folder: OwnedFd, below: &str, depth: usize) {
        let Ok(mut entries) = Dir::new(folder) else {
            return;
        };
        let mut is_told = depth == 1;
        while let Some(Ok(entry)) = entries.read() {
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            if self.left == 0 || self.notebooks == 0 {
                return;
            }
            self.left -= 1;
            let (Some(name), Ok(folder)) = (name_worth_a_look(&entry), entries.fd()) else {
                continue;
            };
            let below = match below {
                "" => name.to_owned(),
                _ => format!("{below}/{name}"),
            };
            if self.look_at_file(folder, &entry, &below) {
                if !std::mem::replace(&mut is_told, true) {
                    let (above, _) = below.rsplit_once('/').unwrap_or_default();
                    self.visitor.folder(self.user, above, folder);
                }
            } else if depth < DEEPEST
                && let Some((inner, is_fresh)) = self.open(folder, &entry)
            {
                if is_fresh {
                    self.visitor.fresh_folder(self.user, &below, inner.as_fd());
                }
                self.enter(inner, &below, depth + 1);
            }
        }
    }

    /// Tells of a notebook of the owner's; true when it is one.
    fn look_at_file(&mut self, folder: BorrowedFd<'_>, entry: &DirEntry, below: &str) -> bool {
        // Not every file system says here what an entry is.
        let may_be = matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown);
        if !may_be || !below.ends_with(".ipynb") {
            return false;
        }
        let Some(stat) = look(folder, entry.file_name()) else {
            return false;
        };
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !is_file || !self.owner.has(&stat) {
            return false;
        }
        self.notebooks -= 1;
        self.visitor.notebook(Found {
            user: self.user.to_owned(),
            filename: below.to_owned(),
            fingerprint: Fingerprint::from(&stat),
        });
        true
    }

    /// Opens a folder of the owner's that may have notebooks in it, and says whether it was
    /// changed just now.
    fn open(&self, above: BorrowedFd<'_>, entry: &DirEntry) -> Option<(OwnedFd, bool)> {
        if !matches!(entry.file_type(), FileType::Directory | FileType::Unknown) {
            return None;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(above, entry.file_name(), flags, Mode::empty()).ok()?;
        let stat = fstat(&folder).ok()?;
        let is_owners = self.owner.has(&stat);
        let is_fresh = (time::now_ms() / 1_000).abs_diff(stat.st_ctime) < FRESH;
        let is_environment = look(folder.as_fd(), c"pyvenv.cfg").is_some();
        (is_owners && !is_environment).then_some((folder, is_fresh))
    }
}

/// Hidden files hold Jupyter's checkpoints and half-written `.~` copies.
fn name_worth_a_look(entry: &DirEntry) -> Option<&str> {
    let name = entry.file_name().to_str().ok()?;
    let is_boring = name.starts_with('.') || ["node_modules", "__pycache__"].contains(&name);
    (!is_boring).then_some(name)
}

fn look(folder: BorrowedFd<'_>, name: &CStr) -> Option<Stat> {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs,
        os::unix::fs::{chown, symlink},
        path::Path,
        sync::atomic::{AtomicBool, Ordering},
        thread,
        time::{Duration, Instant},
    };

    use rustix::fs::{CWD, RenameFlags, renameat_with};

    use super::*;

    fn class(base: &Path, files: &[&str]) -> HomesTemplate {
        for path in files {
            let path = base.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "{}").unwrap();
        }
        format!("{}/{{user}}", base.display()).parse().unwrap()
    }

    fn names(homes: &HomesTemplate) -> BTreeSet<String> {
        let found = scan(homes).into_iter();
        found
            .map(|f| format!("{}:{}", f.user, f.filename))
            .collect()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn finds_notebooks_and_nothing_else() {
        let base = tempfile::tempdir().unwrap();
        let deep = format!("ana/{}x.ipynb", "d/".repeat(DEEPEST - 1));
        let too_deep = format!("ana/{}y.ipynb", "d/".repeat(DEEPEST));
        let homes = class(
            base.path(),
            &[
                "ana/day1.ipynb",
                "ana/m1/day2.ipynb",
                "ana/.ipynb_checkpoints/day1-checkpoint.ipynb",
                "ana/.~day1.ipynb",
                "ana/notes.txt",
                "ana/env/pyvenv.cfg",
                "ana/env/lib/sample.ipynb",
                "bob/day1.ipynb",
                "bob/folder.ipynb/day2.ipynb",
                "stray.ipynb",
                &deep,
                &too_deep,
            ],
        );
        let deep = deep.replacen('/', ":", 1);
        let expected = [
            "ana:day1.ipynb",
            "ana:m1/day2.ipynb",
            &deep,
            "bob:day1.ipynb",
            "bob:folder.ipynb/day2.ipynb",
        ];
        assert_eq!(names(&homes), set(&expected));
    }

    #[test]
    fn lists_what_is_the_owners_alone() {
        let base = tempfile::tempdir().unwrap();
        let homes = class(
            base.path(),
            &[
                "ana/a.ipynb",
                "ana/b.ipynb",
                "ana/theirs/c.ipynb",
                "bob/d.ipynb",
            ],
        );
        symlink("../bob", base.path().join("ana/dir")).unwrap();
        symlink("../bob/d.ipynb", base.path().join("ana/d.ipynb")).unwrap();
        let everything = set(&[
            "ana:a.ipynb",
            "ana:b.ipynb",
            "ana:theirs/c.ipynb",
            "bob:d.ipynb",
        ]);
        assert_eq!(names(&homes), everything);
        for path in ["ana/b.ipynb", "ana/theirs"] {
            if chown(base.path().join(path), Some(12_345), None).is_err() {
                return; // Only root can give things to others.
            }
        }
        assert_eq!(names(&homes), set(&["ana:a.ipynb", "bob:d.ipynb"]));
    }

    #[test]
    fn two_names_of_one_file_are_known_for_that() {
        let base = tempfile::tempdir().unwrap();
        let homes = class(base.path(), &["ana/a.ipynb", "ana/other.ipynb"]);
        for n in 0..99 {
            let name = base.path().join(format!("ana/link-{n}.ipynb"));
            fs::hard_link(base.path().join("ana/a.ipynb"), name).unwrap();
        }
        let found = scan(&homes);
        let files: BTreeSet<_> = found.iter().map(|found| found.fingerprint.file()).collect();
        assert_eq!((found.len(), files.len()), (101, 2));
    }

    #[test]
    fn a_home_of_any_size_is_walked_so_far() {
        let base = tempfile::tempdir().unwrap();
        let homes = class(base.path(), &["bob/b.ipynb"]);
        let home = base.path().join("ana");
        fs::create_dir(&home).unwrap();
        for n in 0..MOST_NOTEBOOKS + 100 {
            fs::write(home.join(format!("{n}.ipynb")), "").unwrap();
        }
        // Half as many entries again as are looked at, a notebook among each thousand.
        for folder in 0..30 {
            let folder = base.path().join(format!("cy/{folder}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("a.ipynb"), "").unwrap();
            for n in 0..1_000 {
                fs::write(folder.join(n.to_string()), "").unwrap();
            }
        }
        let found = scan(&homes);
        let of = |user| found.iter().filter(|found| found.user == user).count();
        assert_eq!((of("ana"), of("bob")), (MOST_NOTEBOOKS, 1));
        assert!((15..25).contains(&of("cy")), "{}", of("cy"));
    }

    /// Folders change places with links into bob's home as fast as one thread can do it.
    #[test]
    fn there_is_no_moment_to_slip_through() {
        const PATIENCE: Duration = Duration::from_secs(60);
        let base = tempfile::tempdir().unwrap();
        let homes = class(
            base.path(),
            &[
                "ana/dir/own.ipynb",
                "ana/dir/in/own.ipynb",
                "bob/private/secret.ipynb",
            ],
        );
        fs::create_dir(base.path().join("bob/private/in")).unwrap();
        fs::write(base.path().join("bob/private/in/secret.ipynb"), "").unwrap();
        let home = base.path().join("ana");
        symlink("../bob/private", home.join("link")).unwrap();
        let enough = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let (one, other) = (home.join("dir"), home.join("link"));
                while !enough.load(Ordering::Relaxed) {
                    renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
                }
            });
            let until = Instant::now() + PATIENCE;
            let mut seen = [0_usize; 2];
            let mut leaked = BTreeSet::new();
            // The folder was met under both of its names, often.
            while seen.iter().any(|times| *times < 1_000) && Instant::now() < until {
                let names = names(&homes);
                let own = |folder: &str| names.contains(&format!("ana:{folder}/own.ipynb"));
                seen[0] += usize::from(own("dir"));
                seen[1] += usize::from(own("link"));
                let is_leak = |name: &&String| name.starts_with("ana:") && name.contains("secret");
                leaked.extend(names.iter().filter(is_leak).cloned());
            }
            enough.store(true, Ordering::Relaxed);
            assert_eq!(leaked, BTreeSet::new());
            assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
        });
    }
}
