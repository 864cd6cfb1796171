//! The kernel's word that something below the homes changed, within milliseconds.
//!
//! Only folders that hold notebooks are watched, not whole trees: a home may hold a
//! virtual environment with ten thousand folders, and watches are few. So are a few that came
//! just now, which may be filled, and those that lead to a home, which may be put into the place
//! of another. What this misses (a network file system) the next scan finds.
//!
//! What came into a folder after it was read and before it was watched is nobody's news. So
//! when something is watched that was not before, or is called something else by now, that home
//! is scanned once more.
//!
//! A scan hands over each folder while it is open, and the watch is of that very folder
//! ([inotify] by `/proc/self/fd`), whatever is under its name by then. It needs no
//! descriptor after that. What the kernel says of it is told by whose it is and what it was
//! called when it was walked last, and never by a path that would be resolved again.
//!
//! [inotify]: https://man7.org/linux/man-pages/man7/inotify.7.html

mod place;
#[cfg(test)]
mod tests;

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
    Found, Home, HomesTemplate,
    scan::{Visitor, walk_home},
};
use place::Place;

/// What is asked of the kernel.
const NEWS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::ONLYDIR);
/// One home's folders take up no more watches than this, of all that the system has. Those
/// beyond are scanned.
const MOST_EACH: usize = 256;
/// Of those so many for folders that came just now and hold no notebook.
const MOST_FRESH: usize = 32;
/// While so many are not taken out, the kernel keeps what comes after; when that becomes
/// too much it says so, and everything is looked at.
const MOST_WAITING: usize = 1_024;
/// In bytes. An event of the longest name has 272.
const READ_AT_ONCE: usize = 16 << 10;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poke {
    /// This notebook was written.
    Written {
        /// Whose it is.
        user: String,
        /// The path below the home.
        filename: String,
    },
    /// Folders came or notebooks went; only a walk can tell, of this person's home or of all.
    Rescan {
        /// Whose it is.
        user: Option<String>,
    },
    /// Whoever listens has something else to look at.
    Wake,
}

/// A running watch, or none. A clone is the same; it ends when the last is dropped.
#[derive(Clone)]
pub struct Watch(Option<Arc<Running>>);

struct Running(Arc<Watched>);

/// What is watched, by the number the kernel gave it.
struct Watched {
    inotify: OwnedFd,
    places: Mutex<HashMap<i32, Place>>,
    sender: SyncSender<Poke>,
    ending: OwnedFd,
}

/// Starts a watch of no folder yet; where its news come out, and where somebody else may
/// [`Poke::Wake`] who listens.
#[must_use]
pub fn watch() -> (Watch, Receiver<Poke>, SyncSender<Poke>) {
    let (sender, receiver) = sync_channel(MOST_WAITING);
    let watched = Watched::start(&sender)
        .inspect_err(|error| tracing::warn!(%error, "no file watching; scanning only"))
        .ok();
    let watch = Watch(watched.map(|watched| Arc::new(Running(watched))));
    (watch, receiver, sender)
}

impl Watch {
    /// No watch: who scans by this only scans.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Who has something under the name of their folder, a home or not. Of those who have
    /// nothing any more nothing is watched from now on.
    #[must_use]
    pub fn everyone(&self, homes: &HomesTemplate) -> Vec<String> {
        let users = homes.names();
        if let Some(Running(watched)) = self.0.as_deref() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let base = openat(CWD, homes.base(), flags, Mode::empty());
            let base = base.and_then(|base| watched.add(base.as_fd(), Place::Base));
            let base = base.inspect_err(|error| {
                tracing::debug!(%error, "the folder of all homes is scanned, not watched");
            });
            watched.keep_only(&users, base.ok().map(|(number, _)| number));
        }
        users
    }

    /// Walks the home of `user`, as [`super::scan`] does, and watches from now on the folders
    /// of it that it comes by, and no others.
    #[must_use]
    pub fn scan_home(&self, homes: &HomesTemplate, user: &str) -> Vec<Found> {
        let home = homes.home_of(user);
        let Some(Running(watched)) = self.0.as_deref() else {
            let mut found = Vec::new();
            if let Some(Ok(home)) = home.map(|home| home.open()) {
                walk_home(user, &home, &mut found);
            }
            return found;
        };
        let mut round = Round {
            watched,
            found: Vec::new(),
            kept: HashSet::new(),
            fresh: MOST_FRESH,
            has_new: false,
        };
        if let Some(home) = home {
            round.lead_to(user, &home);
            if let Ok(home) = home.open() {
                walk_home(user, &home, &mut round);
            }
        }
        watched.keep(user, &round.kept);
        if round.has_new {
            let user = Some(user.to_owned());
            // Who has more waiting than there is room for scans it sooner or later.
            let _ = watched.sender.try_send(Poke::Rescan { user });
        }
        round.found
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its counter has room for this, so it cannot fail.
        let _ = rustix::io::write(&self.0.ending, &1_u64.to_ne_bytes());
    }
}

/// A walk of one home that watches.
struct Round<'a> {
    watched: &'a Watched,
    found: Vec<Found>,
    kept: HashSet<i32>,
    /// How many more that hold no notebook are watched.
    fresh: usize,
    /// Something is watched that was not.
    has_new: bool,
}

impl Round<'_> {
    /// Watches the folders above a home, in which it may be put into the place of another.
    fn lead_to(&mut self, user: &str, home: &Home) {
        for (folder, next) in home.way() {
            let user = user.to_owned();
            self.add(folder.as_fd(), Place::Way { user, next });
        }
    }

    fn add(&mut self, folder: BorrowedFd<'_>, place: Place) {
        if self.kept.len() >= MOST_EACH {
            return;
        }
        match self.watched.add(folder, place) {
            Ok((number, is_new)) => {
                self.kept.insert(number);
                self.has_new |= is_new;
            }
            Err(error) => tracing::debug!(%error, "a folder is scanned, not watched"),
        }
    }
}

impl Visitor for Round<'_> {
    fn folder(&mut self, user: &str, below: &str, folder: BorrowedFd<'_>) {
        let (user, below) = (user.to_owned(), below.to_owned());
        self.add(folder, Place::Folder { user, below });
    }

    fn fresh_folder(&mut self, user: &str, below: &str, folder: BorrowedFd<'_>) {
        if let Some(left) = self.fresh.checked_sub(1) {
            self.fresh = left;
            self.folder(user, below, folder);
        }
    }

    fn notebook(&mut self, found: Found) {
        self.found.push(found);
    }
}

impl Watched {
    fn start(sender: &SyncSender<Poke>) -> io::Result<Arc<Self>> {
        let watched = Arc::new(Self {
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            places: Mutex::default(),
            sender: sender.clone(),
            ending: eventfd(0, EventfdFlags::CLOEXEC)?,
        });
        let reading = Arc::clone(&watched);
        thread::Builder::new()
            .name("home-watch".to_owned())
            .spawn(move || reading.read())?;
        Ok(watched)
    }

    /// Watches this very folder, and says whether it was not watched, or was called something
    /// else. One that is watched keeps its number: that is which folder it is, whatever its name.
    fn add(&self, folder: BorrowedFd<'_>, place: Place) -> Result<(i32, bool), Errno> {
        let itself = format!("/proc/self/fd/{}", folder.as_raw_fd());
        // Before it is known what the number stands for, nothing that has it is told.
        let mut places = self.places();
        let number = inotify::add_watch(&self.inotify, itself, NEWS)?;
        let is_new = places.get(&number) != Some(&place);
        places.insert(number, place);
        Ok((number, is_new))
    }

    /// Ends the watch of all of this person's folders but these.
    fn keep(&self, of: &str, numbers: &HashSet<i32>) {
        self.retain(|number, place| place.user() != Some(of) || numbers.contains(&number));
    }

    /// Ends the watch of all that is nobody's of these, and of what was the folder of all homes
    /// before `base` was.
    fn keep_only(&self, users: &[String], base: Option<i32>) {
        let users: HashSet<&str> = users.iter().map(String::as_str).collect();
        self.retain(|number, place| match place.user() {
            Some(user) => users.contains(user),
            None => Some(number) == base,
        });
    }

    fn retain(&self, is_kept: impl Fn(i32, &Place) -> bool) {
        self.places().retain(|number, place| {
            let is_kept = is_kept(*number, place);
            if !is_kept {
                // The kernel drops the watch of a folder that is deleted by itself.
                let _ = inotify::remove_watch(&self.inotify, *number);
            }
            is_kept
        });
    }

    /// Tells what the kernel says, until the watch or who listens has ended.
    fn read(&self) {
        let mut buffer = vec![MaybeUninit::uninit(); READ_AT_ONCE];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        loop {
            let poke = match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_string_lossy());
                    self.poke(event.wd(), event.events(), name.as_deref())
                }
                Err(Errno::AGAIN) if self.wait() => continue,
                Err(Errno::INTR) => continue,
                Err(_) => return,
            };
            if poke.is_some_and(|poke| self.sender.send(poke).is_err()) {
                return;
            }
        }
    }

    /// Waits for news; false when there will be none.
    fn wait(&self) -> bool {
        let mut either = [&self.inotify, &self.ending].map(|fd| PollFd::new(fd, PollFlags::IN));
        match poll(&mut either, None) {
            Ok(_) => either[1].revents().is_empty(),
            Err(errno) => errno == Errno::INTR,
        }
    }

    fn poke(&self, number: i32, events: ReadFlags, name: Option<&str>) -> Option<Poke> {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            // Something changed, nobody knows what.
            return Some(Poke::Rescan { user: None });
        }
        let mut places = self.places();
        if events.contains(ReadFlags::IGNORED) {
            places.remove(&number);
            return None;
        }
        let place = places.get(&number)?;
        if events.contains(ReadFlags::MOVE_SELF) {
            return Some(place.rescan());
        }
        place.poke(events, name?)
    }

    fn places(&self) -> MutexGuard<'_, HashMap<i32, Place>> {
        self.places.lock()
    }
}
