//! Lists every notebook below every home, by walking. It is how files are found at first,
//! and on network file systems, which report no changes, the only way ever.
//!
//! A walk goes breadth first and is bounded by entries: it reads some entries of each folder
//! before it goes deeper, and reads a large folder on after all others, so that no folder,
//! however large, hides a notebook elsewhere. Of the folders of one level those come first
//! below whose first folder the fewest entries were read. Environments of Python and the like
//! are not read at all. The parts that a walk left out are its [`ScanGap`].
//!
//! A home may be changed while it is walked, by a participant who wants names of others'
//! files to appear as their own. So each folder is opened beneath the open home, by its path
//! there: the kernel follows links that stay in the home and none out of it. The rule is that
//! of reading: a file or folder that does not belong to the owner of the home is neither
//! listed nor entered. Each folder is entered once, under its own name where it has one that is
//! not hidden; so links make no circles.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet, VecDeque},
    ffi::CStr,
    fmt,
    os::fd::{AsFd, BorrowedFd},
};

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, OFlags, Stat, fstat, statat};

use super::{FileId, Fingerprint, Homes, OpenHome};
use crate::time;

/// Folders deeper than this below a home are not entered.
const MAX_DEPTH: usize = 32;
/// A home with more entries than this is walked no further; a data set must not slow everyone
/// down.
const MAX_ENTRIES_PER_HOME: usize = 20_000;
/// How many entries of a folder are read before the walk goes on to others. A folder that has
/// more stays open meanwhile, so twenty folders of a home are open at most.
const MAX_ENTRIES_PER_TURN: usize = 1_000;
/// How many notebooks of one home are found at most: each is remembered, and listed.
pub const MAX_NOTEBOOKS_PER_HOME: usize = 2_000;

/// How much of one home a walk reads.
#[derive(Clone, Copy)]
struct WalkLimits {
    entries: usize,
    entries_per_turn: usize,
    notebooks: usize,
}

impl Default for WalkLimits {
    fn default() -> Self {
        Self {
            entries: MAX_ENTRIES_PER_HOME,
            entries_per_turn: MAX_ENTRIES_PER_TURN,
            notebooks: MAX_NOTEBOOKS_PER_HOME,
        }
    }
}

/// Folders of these names hold files of programs, and no participant's notebooks.
const SKIPPED_FOLDERS: [&str; 3] = ["node_modules", "__pycache__", "site-packages"];
/// A folder with one of these entries is an environment of Python, or of conda.
const ENVIRONMENT_MARKS: [&CStr; 2] = [c"pyvenv.cfg", c"conda-meta"];

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

/// The result of a walk of one home.
#[derive(Clone, Debug, Default)]
pub struct HomeScan {
    /// The notebooks.
    pub found: Vec<FoundNotebook>,
    /// The part that the walk left out, if any.
    pub gap: Option<ScanGap>,
}

/// A part of a home that a walk left out, so that notebooks in it are not known. Shown to
/// readers, it names the folder and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanGap {
    /// The home has more entries than are read; most were read in this folder.
    Entries(String),
    /// The home has more notebooks than are listed; most were found in this folder.
    Notebooks(String),
    /// Folders below this one are too deep.
    Depth(String),
}

impl ScanGap {
    /// Whether both leave out something for the same reason.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for ScanGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entries(folder) => write!(
                f,
                "Notebooks of this home may be missing: {MAX_ENTRIES_PER_HOME} of its files and \
                 folders are looked at, and it has more, most of them in {folder}. Move data out \
                 of {folder}, or into a folder whose name begins with a dot."
            ),
            Self::Notebooks(folder) => write!(
                f,
                "Notebooks of this home are missing: {MAX_NOTEBOOKS_PER_HOME} are shown, and it \
                 has more, most of them in {folder}. Delete those in {folder} that are not \
                 needed, or move them into a folder whose name begins with a dot."
            ),
            Self::Depth(folder) => write!(
                f,
                "Notebooks of this home may be missing: folders are looked into {MAX_DEPTH} deep, \
                 and there are deeper ones in {folder}. Move the notebooks in {folder} up."
            ),
        }
    }
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

    /// Visits the file that the notebook `filename`, a link, leads to.
    fn linked_file(&mut self, _user: &str, _filename: &str, _file: BorrowedFd<'_>) {}
}

impl WalkVisitor for Vec<FoundNotebook> {
    fn folder(&mut self, _: &str, _: &str, _: BorrowedFd<'_>) {}

    fn notebook(&mut self, found: FoundNotebook) {
        self.push(found);
    }
}

/// Walks all homes; each user's, sorted by user. Unreadable folders are passed over: their
/// owner will save again, and one participant's mistake must not hide the rest of the class.
#[must_use]
pub fn scan(homes: &Homes) -> Vec<(String, HomeScan)> {
    scan_within(WalkLimits::default(), homes)
}

fn scan_within(limits: WalkLimits, homes: &Homes) -> Vec<(String, HomeScan)> {
    let scanned = homes.open_homes().map(|(user, home)| {
        let mut found = Vec::new();
        let gap = walk_home_within(limits, &user, &home, &mut found);
        (user, HomeScan { found, gap })
    });
    scanned.collect()
}

/// Walks one home and calls `visitor` on the way; returns the part that was left out.
pub(super) fn walk_home(
    user: &str,
    home: &OpenHome,
    visitor: &mut dyn WalkVisitor,
) -> Option<ScanGap> {
    walk_home_within(WalkLimits::default(), user, home, visitor)
}

fn walk_home_within(
    limits: WalkLimits,
    user: &str,
    home: &OpenHome,
    visitor: &mut dyn WalkVisitor,
) -> Option<ScanGap> {
    let mut walk = Walk {
        user,
        home,
        entries_left: limits.entries,
        entries_per_turn: limits.entries_per_turn,
        notebooks_left: limits.notebooks,
        branches: Vec::new(),
        waiting: BinaryHeap::new(),
        links: VecDeque::new(),
        large: VecDeque::new(),
        entered: HashSet::new(),
        too_deep: None,
        visitor,
    };
    walk.add_branch(String::new(), 1);
    walk.run()
}

/// A walk through one home.
struct Walk<'a> {
    user: &'a str,
    home: &'a OpenHome,
    /// How many more entries are looked at.
    entries_left: usize,
    /// How many entries of a folder are read before the walk goes on to others.
    entries_per_turn: usize,
    /// How many more notebooks are visited.
    notebooks_left: usize,
    branches: Vec<Branch>,
    /// The branches that have folders to read, by the depth of the next one and by the entries
    /// that were read.
    waiting: BinaryHeap<Reverse<(usize, usize, usize)>>,
    /// Links to folders, each with its path and depth, to be followed after all folders.
    links: VecDeque<(String, usize)>,
    /// Folders of which more is to be read, after all others.
    large: VecDeque<FolderReader>,
    /// The folders that were entered, so that each is entered once.
    entered: HashSet<FileId>,
    /// The branch in which a folder was too deep.
    too_deep: Option<usize>,
    visitor: &'a mut dyn WalkVisitor,
}

/// A part of the home that takes turns with others: the home's own entries, what is below one of
/// its folders, or below a link.
struct Branch {
    /// The path in the home.
    name: String,
    /// How many entries of it were read.
    entries: usize,
    /// The paths and depths of folders to read, by depth.
    folders: VecDeque<(String, usize)>,
}

/// An open folder, and how far it was read.
struct FolderReader {
    entries: Dir,
    /// The entry that comes next, when it was read already.
    next: Option<DirEntry>,
    /// The path in the home.
    below: String,
    /// Counted from one, the home's own.
    depth: usize,
    branch: usize,
    /// The visitor was called with it.
    is_visited: bool,
}

impl FolderReader {
    fn next(&mut self) -> Option<DirEntry> {
        if let Some(next) = self.next.take() {
            return Some(next);
        }
        loop {
            let entry = self.entries.read()?.ok()?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                return Some(entry);
            }
        }
    }

    fn has_more(&mut self) -> bool {
        self.next = self.next();
        self.next.is_some()
    }
}

impl Walk<'_> {
    fn run(mut self) -> Option<ScanGap> {
        while self.entries_left > 0 && self.notebooks_left > 0 {
            let Some(folder) = self.next_folder() else {
                break;
            };
            let branch = folder.branch;
            self.read_some(folder);
            self.wait(branch);
        }
        let is_cut_off = !self.waiting.is_empty()
            || !self.links.is_empty()
            || self.large.iter_mut().any(FolderReader::has_more);
        let most = self.branches.iter().max_by_key(|branch| branch.entries)?;
        match (is_cut_off, self.too_deep) {
            (true, _) if self.notebooks_left == 0 => Some(ScanGap::Notebooks(shown(most))),
            (true, _) => Some(ScanGap::Entries(shown(most))),
            (false, too_deep) => too_deep.map(|at| ScanGap::Depth(shown(&self.branches[at]))),
        }
    }

    /// The folder that is read next; folders that cannot be entered are passed over.
    fn next_folder(&mut self) -> Option<FolderReader> {
        loop {
            if let Some(Reverse((.., branch))) = self.waiting.pop() {
                let next = self.branches[branch].folders.pop_front();
                let folder = next.and_then(|(below, depth)| self.enter(below, depth, branch));
                match folder {
                    Some(folder) => return Some(folder),
                    None => self.wait(branch),
                }
            } else if let Some((below, depth)) = self.links.pop_front() {
                self.add_branch(below, depth);
            } else {
                return self.large.pop_front();
            }
        }
    }

    fn add_branch(&mut self, name: String, depth: usize) {
        self.branches.push(Branch {
            name: name.clone(),
            entries: 0,
            folders: VecDeque::from([(name, depth)]),
        });
        self.wait(self.branches.len() - 1);
    }

    /// Lets a branch wait for its next turn, if it has folders to read.
    fn wait(&mut self, branch: usize) {
        let Branch {
            entries, folders, ..
        } = &self.branches[branch];
        if let Some((_, depth)) = folders.front() {
            self.waiting.push(Reverse((*depth, *entries, branch)));
        }
    }

    /// Opens a folder that is the owner's, was not entered before and may have notebooks in it.
    fn enter(&mut self, below: String, depth: usize, branch: usize) -> Option<FolderReader> {
        let is_home = below.is_empty();
        let name = if is_home { "." } else { &*below };
        let folder = self.home.folder(name).ok()?;
        let stat = fstat(&folder).ok()?;
        if !self.entered.insert(Fingerprint::from(&stat).file()) {
            return None;
        }
        let is_environment = || {
            let mut marks = ENVIRONMENT_MARKS.iter();
            marks.any(|mark| stat_of(folder.as_fd(), mark).is_some())
        };
        if is_home {
            self.visitor.folder(self.user, "", folder.as_fd());
        } else if is_environment() {
            return None;
        } else if (time::now_ms() / 1_000).abs_diff(stat.st_ctime) < FRESH_S {
            self.visitor.fresh_folder(self.user, &below, folder.as_fd());
        }
        Some(FolderReader {
            entries: Dir::new(folder).ok()?,
            next: None,
            below,
            depth,
            branch,
            is_visited: is_home,
        })
    }

    /// Reads a turn's entries of an open folder; a folder with more is read on later.
    fn read_some(&mut self, mut folder: FolderReader) {
        for _ in 0..self.entries_per_turn {
            let Some(entry) = folder.next() else {
                return;
            };
            if self.entries_left == 0 || self.notebooks_left == 0 {
                folder.next = Some(entry);
                break;
            }
            self.entries_left -= 1;
            self.branches[folder.branch].entries += 1;
            self.visit(&mut folder, &entry);
        }
        self.large.push_back(folder);
    }

    fn visit(&mut self, folder: &mut FolderReader, entry: &DirEntry) {
        let Some(name) = visible_name(entry) else {
            return;
        };
        let below = match &*folder.below {
            "" => name.to_owned(),
            above => format!("{above}/{name}"),
        };
        match kind_of(folder, entry) {
            FileType::RegularFile if name.ends_with(".ipynb") => {
                let Ok(above) = folder.entries.fd() else {
                    return;
                };
                if let Some(stat) = stat_of(above, entry.file_name()) {
                    self.visit_notebook(folder, below, &stat);
                }
            }
            FileType::Directory => self.add_folder(folder, below),
            FileType::Symlink => self.follow(folder, below),
            _ => {}
        }
    }

    /// Visits a notebook of the owner's; false when it is none.
    fn visit_notebook(&mut self, folder: &mut FolderReader, below: String, stat: &Stat) -> bool {
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !is_file || !self.home.owner().has(stat) {
            return false;
        }
        self.notebooks_left -= 1;
        self.visitor.notebook(FoundNotebook {
            user: self.user.to_owned(),
            filename: below,
            fingerprint: Fingerprint::from(stat),
        });
        if !std::mem::replace(&mut folder.is_visited, true)
            && let Ok(opened) = folder.entries.fd()
        {
            self.visitor.folder(self.user, &folder.below, opened);
        }
        true
    }

    fn add_folder(&mut self, above: &FolderReader, below: String) {
        let depth = above.depth + 1;
        if depth > MAX_DEPTH {
            self.too_deep.get_or_insert(above.branch);
        } else if above.below.is_empty() {
            self.add_branch(below, depth);
        } else {
            // The branch waits for its turn again when this folder was read.
            let folders = &mut self.branches[above.branch].folders;
            folders.push_back((below, depth));
        }
    }

    /// Visits the notebook that a link in the home leads to, or notes the folder.
    fn follow(&mut self, folder: &mut FolderReader, below: String) {
        let Ok(target) = self.home.open_within(&below, OFlags::PATH) else {
            return;
        };
        let Ok(stat) = fstat(&target) else {
            return;
        };
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            if folder.depth < MAX_DEPTH {
                self.links.push_back((below, folder.depth + 1));
            }
        } else if below.ends_with(".ipynb") && self.visit_notebook(folder, below.clone(), &stat) {
            self.visitor.linked_file(self.user, &below, target.as_fd());
        }
    }
}

/// The branch's name for readers.
fn shown(branch: &Branch) -> String {
    match &*branch.name {
        "" => "the home folder itself".to_owned(),
        name => name.to_owned(),
    }
}

/// The entry's name unless it is skipped. Hidden files are, because they hold Jupyter's
/// checkpoints and half-written `.~` copies.
fn visible_name(entry: &DirEntry) -> Option<&str> {
    let name = entry.file_name().to_str().ok()?;
    let is_skipped = name.starts_with('.') || SKIPPED_FOLDERS.contains(&name);
    (!is_skipped).then_some(name)
}

/// The entry's type, which not every file system says when it lists a folder.
fn kind_of(folder: &FolderReader, entry: &DirEntry) -> FileType {
    match (entry.file_type(), folder.entries.fd()) {
        (FileType::Unknown, Ok(above)) => stat_of(above, entry.file_name())
            .map_or(FileType::Unknown, |stat| {
                FileType::from_raw_mode(stat.st_mode)
            }),
        (kind, _) => kind,
    }
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
        time::{Duration, Instant},
    };

    use rustix::fs::{CWD, RenameFlags, renameat_with};

    use super::*;
    use crate::homes::{HomesTemplate, RACE_TIMEOUT};

    fn class(base: &Path, files: &[&str]) -> Homes {
        for path in files {
            let path = base.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "{}").unwrap();
        }
        let template = format!("{}/{{user}}", base.display());
        template.parse::<HomesTemplate>().unwrap().into()
    }

    fn names(homes: &Homes) -> BTreeSet<String> {
        names_in(scan(homes))
    }

    fn names_in(scans: Vec<(String, HomeScan)>) -> BTreeSet<String> {
        scans
            .into_iter()
            .flat_map(|(_, scan)| scan.found)
            .map(|f| format!("{}:{}", f.user, f.filename))
            .collect()
    }

    fn found(homes: &Homes) -> Vec<FoundNotebook> {
        scan(homes)
            .into_iter()
            .flat_map(|(_, scan)| scan.found)
            .collect()
    }

    fn gap_of(homes: &Homes, user: &str) -> Option<ScanGap> {
        gap_in(scan(homes), user)
    }

    fn gap_in(scans: Vec<(String, HomeScan)>, user: &str) -> Option<ScanGap> {
        let scan = scans.into_iter().find(|(of, _)| of == user);
        scan.and_then(|(_, scan)| scan.gap)
    }

    /// Makes `count` files in a folder.
    fn fill(folder: &Path, count: usize) {
        fs::create_dir_all(folder).unwrap();
        for n in 0..count {
            fs::write(folder.join(n.to_string()), "").unwrap();
        }
    }

    /// A twentieth of the limits, because making 20,000 files takes a slow disk a minute.
    const SMALL_LIMITS: WalkLimits = WalkLimits {
        entries: MAX_ENTRIES_PER_HOME / 20,
        entries_per_turn: MAX_ENTRIES_PER_TURN / 20,
        notebooks: MAX_NOTEBOOKS_PER_HOME,
    };

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_scan_finds_notebooks_and_nothing_else() {
        let base = tempfile::tempdir().unwrap();
        let deep = format!("ana/{}x.ipynb", "d/".repeat(MAX_DEPTH - 1));
        let too_deep = format!("ana/{}y.ipynb", "d/".repeat(MAX_DEPTH));
        assert_eq!(MAX_DEPTH, 32);
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
        let gap = gap_of(&homes, "ana").unwrap();
        assert_eq!(gap, ScanGap::Depth("d".to_owned()));
        assert!(gap.to_string().contains("Move the notebooks in d up"));
        assert_eq!(gap_of(&homes, "bob"), None);
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
        let found = found(&homes);
        let files: BTreeSet<_> = found.iter().map(|found| found.fingerprint.file()).collect();
        assert_eq!((found.len(), files.len()), (101, 2));
    }

    #[test]
    fn a_home_with_very_many_notebooks_is_listed_up_to_the_limit() {
        let base = tempfile::tempdir().unwrap();
        let homes = class(base.path(), &["bob/b.ipynb"]);
        let home = base.path().join("ana/many");
        fs::create_dir_all(&home).unwrap();
        for n in 0..MAX_NOTEBOOKS_PER_HOME {
            fs::write(home.join(format!("{n}.ipynb")), "").unwrap();
        }
        assert_eq!(gap_of(&homes, "ana"), None);
        fs::write(home.join("one-more.ipynb"), "").unwrap();
        let found = found(&homes);
        let of = |user| found.iter().filter(|found| found.user == user).count();
        assert_eq!((of("ana"), of("bob")), (MAX_NOTEBOOKS_PER_HOME, 1));
        let gap = gap_of(&homes, "ana").unwrap();
        assert_eq!(gap, ScanGap::Notebooks("many".to_owned()));
        assert!(gap.to_string().contains("2000 are shown"), "{gap}");
        assert_eq!(gap_of(&homes, "bob"), None);
    }

    /// Eight of nine notebooks were hidden by one environment.
    #[test]
    fn a_folder_of_very_many_files_hides_no_notebook_elsewhere() {
        let base = tempfile::tempdir().unwrap();
        let (homes, home) = (class(base.path(), &[]), base.path().join("ana"));
        let data = home.join("a/data");
        fill(&data, SMALL_LIMITS.entries + 5);
        for n in 0..50 {
            fill(&home.join(format!("sets/{n}")), 15);
        }
        let mut expected = Vec::new();
        for folder in ["", "a/", "a/data/in/", "b/c/d/", "z/", "z/deep/er/still/"] {
            fs::create_dir_all(home.join(folder)).unwrap();
            fs::write(home.join(folder).join("day.ipynb"), "").unwrap();
            expected.push(format!("ana:{folder}day.ipynb"));
        }
        // Where the folder's own order has this one is unknown.
        expected.retain(|name| !name.contains("data"));
        let scans = scan_within(SMALL_LIMITS, &homes);
        let names = names_in(scans.clone());
        let missing: Vec<_> = expected
            .iter()
            .filter(|name| !names.contains(*name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        let gap = gap_in(scans, "ana").unwrap().to_string();
        for words in ["most of them in sets", "begins with a dot"] {
            assert!(gap.contains(words), "{gap}");
        }
    }

    #[test]
    fn environments_are_skipped_before_they_are_read() {
        let base = tempfile::tempdir().unwrap();
        let homes = class(
            base.path(),
            &[
                "ana/day1.ipynb",
                "ana/env/pyvenv.cfg",
                "ana/env/share/sample.ipynb",
                "ana/miniconda/conda-meta/history",
                "ana/miniconda/share/sample.ipynb",
                "ana/lib/site-packages/x/sample.ipynb",
                "ana/web/node_modules/x/sample.ipynb",
                "ana/web/.git/sample.ipynb",
                "ana/web/__pycache__/sample.ipynb",
            ],
        );
        fill(
            &base.path().join("ana/miniconda/pkgs"),
            SMALL_LIMITS.entries + 1,
        );
        let scans = scan_within(SMALL_LIMITS, &homes);
        assert_eq!(gap_in(scans.clone(), "ana"), None);
        assert_eq!(names_in(scans), set(&["ana:day1.ipynb"]));
    }

    #[test]
    fn links_that_stay_in_the_home_are_followed_once() {
        let base = tempfile::tempdir().unwrap();
        let homes = class(
            base.path(),
            &[
                "ana/.course/day1.ipynb",
                "ana/.course/in/day2.ipynb",
                "ana/own/day3.ipynb",
                "bob/secret.ipynb",
            ],
        );
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.ipynb"), "").unwrap();
        let link = |target: &str, name: &str| {
            symlink(target, base.path().join("ana").join(name)).unwrap();
        };
        link(".course", "course");
        link(".course", "course-again");
        // A folder that has a visible name of its own is listed under that.
        link("own", "an-own");
        link("..", "own/up");
        link(".", "here");
        link("loop", "loop");
        link("../.course/day1.ipynb", "own/linked.ipynb");
        // Out of the home, or to no file.
        link("../bob", "bob");
        link("../bob/secret.ipynb", "bob.ipynb");
        link("own/../../bob", "own-bob");
        link(outside.path().to_str().unwrap(), "outside");
        link("/dev/null", "null.ipynb");
        link("nothing", "nothing.ipynb");
        link("own", "folder.ipynb");
        let names: Vec<_> = names(&homes).into_iter().collect();
        let (ana, others): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| name.starts_with("ana:"));
        assert_eq!(others, ["bob:secret.ipynb"]);
        let course = if ana[0].starts_with("ana:course/") {
            "course"
        } else {
            "course-again"
        };
        let expected = [
            format!("ana:{course}/day1.ipynb"),
            format!("ana:{course}/in/day2.ipynb"),
            "ana:own/day3.ipynb".to_owned(),
            "ana:own/linked.ipynb".to_owned(),
        ];
        assert_eq!(ana, expected);
        // The notebooks that are listed can be read.
        let home = homes.home_of("ana").unwrap().open().unwrap();
        for name in &ana {
            assert!(home.has(name.strip_prefix("ana:").unwrap()), "{name}");
        }
    }

    #[test]
    fn a_linked_folder_of_another_user_is_not_entered() {
        let base = tempfile::tempdir().unwrap();
        let homes = class(base.path(), &["ana/.theirs/a.ipynb", "ana/.own/b.ipynb"]);
        symlink(".theirs", base.path().join("ana/theirs")).unwrap();
        symlink(".own/b.ipynb", base.path().join("ana/b.ipynb")).unwrap();
        for path in ["ana/.theirs", "ana/.own/b.ipynb"] {
            if chown(base.path().join(path), Some(12_345), None).is_err() {
                return; // Only root can give things to others.
            }
        }
        assert_eq!(names(&homes), set(&[]));
    }

    /// Descriptors do not grow with the depth or the number of folders.
    #[test]
    fn a_walk_keeps_few_folders_open() {
        struct DescriptorCounter<'a> {
            base: &'a Path,
            most: usize,
            notebooks: usize,
        }
        impl DescriptorCounter<'_> {
            /// Counts the descriptors below the base, because other tests open files as well.
            fn count(&mut self) {
                let all = fs::read_dir("/proc/self/fd").unwrap().flatten();
                let paths = all.filter_map(|entry| fs::read_link(entry.path()).ok());
                let open = paths.filter(|path| path.starts_with(self.base)).count();
                self.most = self.most.max(open);
            }
        }
        impl WalkVisitor for DescriptorCounter<'_> {
            fn folder(&mut self, _: &str, _: &str, _: BorrowedFd<'_>) {
                self.count();
            }
            fn fresh_folder(&mut self, _: &str, _: &str, _: BorrowedFd<'_>) {
                self.count();
            }
            fn notebook(&mut self, _: FoundNotebook) {
                self.notebooks += 1;
            }
        }
        let turns = SMALL_LIMITS.entries / SMALL_LIMITS.entries_per_turn;
        // The deep notebooks are found only when the large folders leave entries for them.
        for (folders, notebooks) in [(10, 10), (turns + 2, 0)] {
            let base = tempfile::tempdir().unwrap();
            let homes = class(base.path(), &[]);
            for folder in 0..folders {
                let folder = base.path().join(format!("ana/{folder}"));
                fill(&folder, SMALL_LIMITS.entries_per_turn + 10);
                let deep = folder.join("d/".repeat(MAX_DEPTH - 3));
                fs::create_dir_all(&deep).unwrap();
                fs::write(deep.join("a.ipynb"), "").unwrap();
            }
            let home = homes.home_of("ana").unwrap().open().unwrap();
            let mut counter = DescriptorCounter {
                base: base.path(),
                most: 0,
                notebooks: 0,
            };
            walk_home_within(SMALL_LIMITS, "ana", &home, &mut counter);
            assert_eq!(counter.notebooks, notebooks);
            let large = folders.min(turns);
            // Besides these: the home, the one that is read, and the one that is entered.
            assert!(
                (large..=large + 3).contains(&counter.most),
                "{}",
                counter.most
            );
        }
    }

    /// After this time a race ends when it has met each of the names [`MIN_SIGHTINGS`] times.
    const LONG_RACE: Duration = Duration::from_secs(3);
    const MIN_SIGHTINGS: usize = 100;

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
            let begun = Instant::now();
            let mut seen = [0_usize; 2];
            let mut leaked = BTreeSet::new();
            // The folder was met under both of its names, often. A busy machine may let one thread
            // run at a time, so that after a while fewer times are enough.
            while seen.iter().any(|times| *times < 1_000) && begun.elapsed() < RACE_TIMEOUT {
                let is_long = begun.elapsed() > LONG_RACE;
                if is_long && seen.iter().all(|times| *times >= MIN_SIGHTINGS) {
                    break;
                }
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
