//! Lists every notebook below every home, by walking. It is how files are found at first,
//! and on network file systems, which report no changes, the only way ever.
//!
//! A home may be changed while it is walked, by a participant who wants names of others'
//! files to appear as their own. So it is walked from the open home by descriptors: a
//! folder is opened in the one that it was found in, and no link is followed. The rule is
//! that of reading: a file or folder that does not belong to the owner of the home is neither
//! listed nor entered.

use std::{
    ffi::CStr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, Mode, OFlags, Stat, fstat, openat, statat};

use super::{Fingerprint, HomesTemplate, OpenHome, home::FileOwner};
use crate::time;

/// Folders deeper than this below a home are not entered; so many are open at once.
const MAX_DEPTH: usize = 8;
/// A home with more entries than this is walked no further; a virtual environment or a
/// data set must not slow everyone down.
const MAX_ENTRIES_PER_HOME: usize = 20_000;
/// So many notebooks of one home are found, and no more: each is remembered, and listed.
pub const MAX_NOTEBOOKS_PER_HOME: usize = 2_000;

/// A folder that was changed less than so many seconds ago may still be filled.
const FRESH_S: u64 = 10;

/// One notebook on disk.
#[derive(Clone, Debug)]
pub struct FoundNotebook {
    /// The participant whose home it is in.
    pub user: String,
    /// The path below the home.
    pub filename: String,
    /// Its version.
    pub fingerprint: Fingerprint,
}

/// Is called with the folders and notebooks of a walk.
pub(super) trait WalkVisitor {
    /// Visits an open folder that is a home or holds a notebook; its path in the home of `user`
    /// is `below`.
    fn folder(&mut self, user: &str, below: &str, folder: BorrowedFd<'_>);

    /// Visits a folder that was made or changed just now, before it is listed.
    fn fresh_folder(&mut self, _user: &str, _below: &str, _folder: BorrowedFd<'_>) {}

    /// Visits a notebook.
    fn notebook(&mut self, found: FoundNotebook);
}

impl WalkVisitor for Vec<FoundNotebook> {
    fn folder(&mut self, _: &str, _: &str, _: BorrowedFd<'_>) {}

    fn notebook(&mut self, found: FoundNotebook) {
        self.push(found);
    }
}

/// Walks all homes. Unreadable folders are passed over: their owner will save again,
/// and one participant's mistake must not hide the rest of the class.
#[must_use]
pub fn scan(homes: &HomesTemplate) -> Vec<FoundNotebook> {
    let mut found = Vec::new();
    for (user, home) in homes.open_homes() {
        walk_home(&user, &home, &mut found);
    }
    found
}

/// Walks one home and calls `visitor` on the way.
pub(super) fn walk_home(user: &str, home: &OpenHome, visitor: &mut dyn WalkVisitor) {
    let Ok(folder) = home.folder(".") else {
        return;
    };
    visitor.folder(user, "", folder.as_fd());
    let mut walk = Walk {
        user,
        owner: home.owner(),
        left: MAX_ENTRIES_PER_HOME,
        notebooks: MAX_NOTEBOOKS_PER_HOME,
        visitor,
    };
    walk.enter(folder, "", 1);
}

/// A walk through one home.
struct Walk<'a> {
    user: &'a str,
    owner: FileOwner,
    /// How many more entries are looked at.
    left: usize,
    /// How many more notebooks are visited.
    notebooks: usize,
    visitor: &'a mut dyn WalkVisitor,
}

impl Walk<'_> {
    /// Visits the entries of the open `folder`, whose path in the home is `below` and whose depth
    /// is counted from one.
    fn enter(&mut self, folder: OwnedFd, below: &str, depth: usize) {
        let Ok(mut entries) = Dir::new(folder) else {
            return;
        };
        let mut is_visited = depth == 1;
        while let Some(Ok(entry)) = entries.read() {
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            if self.left == 0 || self.notebooks == 0 {
                return;
            }
            self.left -= 1;
            let (Some(name), Ok(folder)) = (visible_name(&entry), entries.fd()) else {
                continue;
            };
            let below = match below {
                "" => name.to_owned(),
                _ => format!("{below}/{name}"),
            };
            if self.visit_file(folder, &entry, &below) {
                if !std::mem::replace(&mut is_visited, true) {
                    let (above, _) = below.rsplit_once('/').unwrap_or_default();
                    self.visitor.folder(self.user, above, folder);
                }
            } else if depth < MAX_DEPTH
                && let Some((inner, is_fresh)) = self.open(folder, &entry)
            {
                if is_fresh {
                    self.visitor.fresh_folder(self.user, &below, inner.as_fd());
                }
                self.enter(inner, &below, depth + 1);
            }
        }
    }

    /// Visits an entry if it is a notebook of the owner's; true when it is one.
    fn visit_file(&mut self, folder: BorrowedFd<'_>, entry: &DirEntry, below: &str) -> bool {
        // Not every file system tells the type of an entry here.
        let may_be = matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown);
        if !may_be || !below.ends_with(".ipynb") {
            return false;
        }
        let Some(stat) = stat_of(folder, entry.file_name()) else {
            return false;
        };
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !is_file || !self.owner.has(&stat) {
            return false;
        }
        self.notebooks -= 1;
        self.visitor.notebook(FoundNotebook {
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
        let is_fresh = (time::now_ms() / 1_000).abs_diff(stat.st_ctime) < FRESH_S;
        let is_environment = stat_of(folder.as_fd(), c"pyvenv.cfg").is_some();
        (is_owners && !is_environment).then_some((folder, is_fresh))
    }
}

/// The entry's name unless it is skipped. Hidden files are, because they hold Jupyter's
/// checkpoints and half-written `.~` copies.
fn visible_name(entry: &DirEntry) -> Option<&str> {
    let name = entry.file_name().to_str().ok()?;
    let is_skipped = name.starts_with('.') || ["node_modules", "__pycache__"].contains(&name);
    (!is_skipped).then_some(name)
}

fn stat_of(folder: BorrowedFd<'_>, name: &CStr) -> Option<Stat> {
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
        time::Instant,
    };

    use rustix::fs::{CWD, RenameFlags, renameat_with};

    use super::*;
    use crate::homes::RACE_TIMEOUT;

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
    fn a_scan_finds_notebooks_and_nothing_else() {
        let base = tempfile::tempdir().unwrap();
        let deep = format!("ana/{}x.ipynb", "d/".repeat(MAX_DEPTH - 1));
        let too_deep = format!("ana/{}y.ipynb", "d/".repeat(MAX_DEPTH));
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
    fn a_scan_lists_files_of_the_owner_alone() {
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
    fn two_names_of_one_file_have_one_file_id() {
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
    fn a_large_home_is_walked_up_to_the_limits() {
        let base = tempfile::tempdir().unwrap();
        let homes = class(base.path(), &["bob/b.ipynb"]);
        let home = base.path().join("ana");
        fs::create_dir(&home).unwrap();
        for n in 0..MAX_NOTEBOOKS_PER_HOME + 100 {
            fs::write(home.join(format!("{n}.ipynb")), "").unwrap();
        }
        // Half as many entries again as a walk looks at, a notebook among each thousand.
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
        assert_eq!((of("ana"), of("bob")), (MAX_NOTEBOOKS_PER_HOME, 1));
        assert!((15..25).contains(&of("cy")), "{}", of("cy"));
    }

    /// Folders change places with links into bob's home as fast as one thread can do it.
    #[test]
    fn exchanging_links_and_folders_lists_no_file_of_another_home() {
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
            let until = Instant::now() + RACE_TIMEOUT;
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
