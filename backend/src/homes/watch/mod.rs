//! Watching the homes: the kernel reports within milliseconds that a file below them changed.
//!
//! Only folders that hold notebooks are watched, not whole trees: a home may hold a
//! virtual environment with ten thousand folders, and watches are few. Besides, a few folders
//! are watched that came just now, since they may be filled, and those that lead to a home,
//! since another may be put into their place. Of a notebook that is a link the file that it leads to is
//! watched. The next scan finds changes that the watch misses
//! (on a network file system).
//!
//! The kernel reports no file that came into a folder after it was read and before it was
//! watched. So when a folder is watched that was not before, or that has another name by now,
//! its home is scanned once more.
//!
//! A scan hands over each folder while it is open, and the watch is of that very folder
//! ([inotify] by `/proc/self/fd`), even if another has its name by then. It needs no
//! descriptor after that. A [`Poke`] names the user and the path that the folder had in the last
//! walk; no path is resolved again.
//!
//! [inotify]: https://man7.org/linux/man-pages/man7/inotify.7.html

#[cfg(test)]
mod tests;
mod watched_folder;

use std::{
    collections::{HashMap, HashSet},
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use parking_lot::{Mutex, MutexGuard};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, eventfd, poll},
    fs::{
        CWD, Mode, OFlags,
        inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags},
        openat,
    },
    io::Errno,
};

use super::{
    FoundNotebook, Home, HomeScan, Homes,
    scan::{WalkVisitor, walk_home},
};
use watched_folder::WatchedFolder;

/// The changes of a file that the kernel is asked to report.
const FILE_WATCH_FLAGS: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DELETE_SELF);
/// The changes of a folder that the kernel is asked to report.
const FOLDER_WATCH_FLAGS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::ONLYDIR);
/// One home's folders take up no more watches than this, of all that the system has. Those
/// beyond are scanned.
const MAX_WATCHES_PER_HOME: usize = 256;
/// So many of those are for folders that came just now and hold no notebook.
const MAX_FRESH_WATCHES_PER_HOME: usize = 32;
/// While so many are not taken out, the kernel queues later events; when its queue is full it
/// reports an overflow, and all homes are walked.
const MAX_WAITING_POKES: usize = 1_024;
/// An event of the longest name has 272 bytes.
const READ_BUFFER_BYTES: usize = 16 << 10;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poke {
    /// This notebook was written.
    Written {
        /// The participant whose notebook it is.
        user: String,
        /// The path below the home.
        filename: String,
    },
    /// Folders came or notebooks went; only a walk of this user's home, or of all, can tell which.
    Rescan {
        /// The user whose home is to be walked; all, when `None`.
        user: Option<String>,
    },
    /// Wakes the receiver, which has something else to look at.
    Wake,
}

/// A running watch, or none. A clone is the same; it ends when the last is dropped.
#[derive(Clone)]
pub struct Watch(Option<Arc<RunningWatch>>);

/// Ends the watcher's thread when it is dropped.
struct RunningWatch(Arc<InotifyWatcher>);

/// The inotify instance, and the folders that it watches by the numbers that the kernel gave
/// them.
struct InotifyWatcher {
    inotify: OwnedFd,
    folders: Mutex<HashMap<i32, WatchedFolder>>,
    sender: SyncSender<Poke>,
    ending: OwnedFd,
}

/// Starts a watch of no folder yet; returns it with the receiver of its pokes, and a sender to
/// [`Poke::Wake`] that receiver.
#[must_use]
pub fn watch() -> (Watch, Receiver<Poke>, SyncSender<Poke>) {
    let (sender, receiver) = sync_channel(MAX_WAITING_POKES);
    let watcher = InotifyWatcher::start(&sender)
        .inspect_err(|error| tracing::warn!(%error, "no file watching; scanning only"))
        .ok();
    let watch = Watch(watcher.map(|watcher| Arc::new(RunningWatch(watcher))));
    (watch, receiver, sender)
}

impl Watch {
    /// No watch: a scan by this only scans.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// The users for whom there is an entry with the name of their folder, a home or not. Ends
    /// the watch of all other users' folders.
    #[must_use]
    pub fn users(&self, homes: &Homes) -> Vec<String> {
        let users = homes.candidates();
        if let Some(RunningWatch(watcher)) = self.0.as_deref() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let base = homes.base().and_then(|base| {
                let base = openat(CWD, base, flags, Mode::empty());
                let base = base.and_then(|base| watcher.add(base.as_fd(), WatchedFolder::Base));
                let base = base.inspect_err(|error| {
                    tracing::debug!(%error, "the folder of all homes is scanned, not watched");
                });
                base.ok().map(|(number, _)| number)
            });
            watcher.keep_only(&users, base);
        }
        users
    }

    /// Walks the home of `user`, as [`super::scan`] does, and from now on watches the folders
    /// that it visits there, and no others of this user.
    #[must_use]
    pub fn scan_home(&self, homes: &Homes, user: &str) -> HomeScan {
        // A lookup may take its time here, as the walk does.
        homes.learn(user);
        let home = homes.home_of(user);
        let Some(RunningWatch(watcher)) = self.0.as_deref() else {
            let mut scan = HomeScan::default();
            if let Some(Ok(home)) = home.map(|home| home.open()) {
                scan.gap = walk_home(user, &home, &mut scan.found);
            }
            return scan;
        };
        let mut gap = None;
        let mut walk = WatchingWalk {
            watcher,
            found: Vec::new(),
            numbers: HashSet::new(),
            fresh_left: MAX_FRESH_WATCHES_PER_HOME,
            has_new: false,
        };
        if let Some(home) = home {
            walk.watch_parents(user, &home);
            if let Ok(home) = home.open() {
                gap = walk_home(user, &home, &mut walk);
            }
        }
        watcher.keep(user, &walk.numbers);
        if walk.has_new {
            let user = Some(user.to_owned());
            // A receiver whose channel is full scans the home sooner or later.
            let _ = watcher.sender.try_send(Poke::Rescan { user });
        }
        let found = walk.found;
        HomeScan { found, gap }
    }
}

impl Drop for RunningWatch {
    fn drop(&mut self) {
        // The counter of the eventfd has room for this, so it cannot fail.
        let _ = rustix::io::write(&self.0.ending, &1_u64.to_ne_bytes());
    }
}

/// A walk of one home that watches.
struct WatchingWalk<'a> {
    watcher: &'a InotifyWatcher,
    found: Vec<FoundNotebook>,
    numbers: HashSet<i32>,
    /// How many more folders without a notebook are watched.
    fresh_left: usize,
    /// A folder is watched that was not before.
    has_new: bool,
}

impl WatchingWalk<'_> {
    /// Watches the folders above a home, because another may be put into its place there.
    fn watch_parents(&mut self, user: &str, home: &Home) {
        for (folder, child) in home.parents() {
            let user = user.to_owned();
            self.add(folder.as_fd(), WatchedFolder::Parent { user, child });
        }
    }

    fn add(&mut self, folder: BorrowedFd<'_>, watched: WatchedFolder) {
        if self.numbers.len() >= MAX_WATCHES_PER_HOME {
            return;
        }
        match self.watcher.add(folder, watched) {
            Ok((number, is_new)) => {
                self.numbers.insert(number);
                self.has_new |= is_new;
            }
            Err(error) => tracing::debug!(%error, "a folder is scanned, not watched"),
        }
    }
}

impl WalkVisitor for WatchingWalk<'_> {
    fn folder(&mut self, user: &str, below: &str, folder: BorrowedFd<'_>) {
        let (user, below) = (user.to_owned(), below.to_owned());
        self.add(folder, WatchedFolder::InHome { user, below });
    }

    fn fresh_folder(&mut self, user: &str, below: &str, folder: BorrowedFd<'_>) {
        if let Some(left) = self.fresh_left.checked_sub(1) {
            self.fresh_left = left;
            self.folder(user, below, folder);
        }
    }

    fn notebook(&mut self, found: FoundNotebook) {
        self.found.push(found);
    }

    fn linked_file(&mut self, user: &str, filename: &str, file: BorrowedFd<'_>) {
        let (user, filename) = (user.to_owned(), filename.to_owned());
        self.add(file, WatchedFolder::LinkedFile { user, filename });
    }
}

impl InotifyWatcher {
    fn start(sender: &SyncSender<Poke>) -> io::Result<Arc<Self>> {
        let watcher = Arc::new(Self {
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            folders: Mutex::default(),
            sender: sender.clone(),
            ending: eventfd(0, EventfdFlags::CLOEXEC)?,
        });
        let reading = Arc::clone(&watcher);
        thread::Builder::new()
            .name("home-watch".to_owned())
            .spawn(move || reading.forward_events())?;
        Ok(watcher)
    }

    /// Watches this very folder; returns its number, and whether it was not watched or had
    /// another name. A watched folder keeps its number, whatever its name.
    fn add(&self, folder: BorrowedFd<'_>, watched: WatchedFolder) -> Result<(i32, bool), Errno> {
        let itself = format!("/proc/self/fd/{}", folder.as_raw_fd());
        // Under the lock, so that no event of this number is forwarded before its folder is known.
        let mut folders = self.folders();
        let flags = match watched {
            WatchedFolder::LinkedFile { .. } => FILE_WATCH_FLAGS,
            _ => FOLDER_WATCH_FLAGS,
        };
        let number = inotify::add_watch(&self.inotify, itself, flags)?;
        let is_new = folders.get(&number) != Some(&watched);
        folders.insert(number, watched);
        Ok((number, is_new))
    }

    /// Ends the watch of all folders of the user `of` but these.
    fn keep(&self, of: &str, numbers: &HashSet<i32>) {
        self.retain(|number, watched| watched.user() != Some(of) || numbers.contains(&number));
    }

    /// Ends the watch of all folders of other users than these, and of the folder of all homes
    /// that was there before `base`.
    fn keep_only(&self, users: &[String], base: Option<i32>) {
        let users: HashSet<&str> = users.iter().map(String::as_str).collect();
        self.retain(|number, watched| match watched.user() {
            Some(user) => users.contains(user),
            None => Some(number) == base,
        });
    }

    fn retain(&self, is_kept: impl Fn(i32, &WatchedFolder) -> bool) {
        self.folders().retain(|number, watched| {
            let is_kept = is_kept(*number, watched);
            if !is_kept {
                // The kernel drops the watch of a folder that is deleted by itself.
                let _ = inotify::remove_watch(&self.inotify, *number);
            }
            is_kept
        });
    }

    /// Sends a poke for each event of the kernel, until the watch or the receiver has ended.
    fn forward_events(&self) {
        let mut buffer = vec![MaybeUninit::uninit(); READ_BUFFER_BYTES];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        loop {
            let poke = match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_string_lossy());
                    self.poke(event.wd(), event.events(), name.as_deref())
                }
                Err(Errno::AGAIN) if self.wait_for_events() => continue,
                Err(Errno::INTR) => continue,
                Err(_) => return,
            };
            if poke.is_some_and(|poke| self.sender.send(poke).is_err()) {
                return;
            }
        }
    }

    /// Waits for events; false when the watch has ended.
    fn wait_for_events(&self) -> bool {
        let mut either = [&self.inotify, &self.ending].map(|fd| PollFd::new(fd, PollFlags::IN));
        match poll(&mut either, None) {
            Ok(_) => either[1].revents().is_empty(),
            Err(errno) => errno == Errno::INTR,
        }
    }

    fn poke(&self, number: i32, events: ReadFlags, name: Option<&str>) -> Option<Poke> {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            // Something changed, and it is unknown what.
            return Some(Poke::Rescan { user: None });
        }
        let mut folders = self.folders();
        if events.contains(ReadFlags::IGNORED) {
            folders.remove(&number);
            return None;
        }
        let watched = folders.get(&number)?;
        if events.intersects(ReadFlags::MOVE_SELF | ReadFlags::DELETE_SELF) {
            return Some(watched.rescan());
        }
        watched.poke(events, name.unwrap_or_default())
    }

    fn folders(&self) -> MutexGuard<'_, HashMap<i32, WatchedFolder>> {
        self.folders.lock()
    }
}
