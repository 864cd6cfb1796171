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
mod tests;
