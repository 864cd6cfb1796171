//! The kernel's word that something below the homes changed, within milliseconds.
//!
//! Only folders that hold notebooks are watched, not whole trees: a home may hold a
//! virtual environment with ten thousand folders, and watches are few. What this misses
//! (a network file system, a new folder) the next scan finds.
//!
//! A scan hands over each folder while it is open, and the watch is of that very folder
//! ([inotify] by `/proc/self/fd`), whatever is under its name by then. It needs no
//! descriptor after that. What the kernel says of it is told by whose it is and what it was
//! called when it was walked last, and never by a path that would be resolved again.
//!
//! [inotify]: https://man7.org/linux/man-pages/man7/inotify.7.html

use std::{
    collections::{HashMap, HashSet},
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

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
    Found, HomesTemplate,
    scan::{Visitor, walk_home},
};

/// What is asked of the kernel.
const NEWS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::ONLYDIR);
/// What came or went.
const COMES: ReadFlags = ReadFlags::CREATE.union(ReadFlags::MOVED_TO);
const GOES: ReadFlags = ReadFlags::DELETE.union(ReadFlags::MOVED_FROM);
/// One home's folders take up no more watches than this, of all that the system has. Those
/// beyond are scanned.
const MOST_EACH: usize = 256;
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
    ending: OwnedFd,
}

/// A folder that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// That of everyone's.
    Base,
    /// What is called `below` in the home of `user`.
    Folder { user: String, below: String },
}

/// Starts a watch of no folder yet; where its news come out, and where somebody else may
/// [`Poke::Wake`] who listens.
#[must_use]
pub fn watch() -> (Watch, Receiver<Poke>, SyncSender<Poke>) {
    let (sender, receiver) = sync_channel(MOST_WAITING);
    let watched = Watched::start(sender.clone())
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
            watched.keep_only(&users);
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            if let Ok(base) = openat(CWD, homes.base(), flags, Mode::empty())
                && let Err(error) = watched.add(base.as_fd(), Place::Base)
            {
                tracing::debug!(%error, "the folder of all homes is scanned, not watched");
            }
        }
        users
    }

    /// Walks the home of `user`, as [`super::scan`] does, and watches from now on the folders
    /// of it that it comes by, and no others.
    #[must_use]
    pub fn scan_home(&self, homes: &HomesTemplate, user: &str) -> Vec<Found> {
        let Some(Ok(home)) = homes.home_of(user).map(|home| home.open()) else {
            if let Some(Running(watched)) = self.0.as_deref() {
                watched.keep(user, &HashSet::new());
            }
            return Vec::new();
        };
        let Some(Running(watched)) = self.0.as_deref() else {
            let mut found = Vec::new();
            walk_home(user, &home, &mut found);
            return found;
        };
        let mut round = Round {
            watched,
            found: Vec::new(),
            kept: HashSet::new(),
        };
        walk_home(user, &home, &mut round);
        watched.keep(user, &round.kept);
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
}

impl Visitor for Round<'_> {
    fn folder(&mut self, user: &str, below: &str, folder: BorrowedFd<'_>) {
        if self.kept.len() >= MOST_EACH {
            return;
        }
        let (user, below) = (user.to_owned(), below.to_owned());
        match self.watched.add(folder, Place::Folder { user, below }) {
            Ok(number) => drop(self.kept.insert(number)),
            Err(error) => tracing::debug!(%error, "a folder is scanned, not watched"),
        }
    }

    fn notebook(&mut self, found: Found) {
        self.found.push(found);
    }
}

impl Watched {
    fn start(sender: SyncSender<Poke>) -> io::Result<Arc<Self>> {
        let watched = Arc::new(Self {
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            places: Mutex::default(),
            ending: eventfd(0, EventfdFlags::CLOEXEC)?,
        });
        let reading = Arc::clone(&watched);
        thread::Builder::new()
            .name("home-watch".to_owned())
            .spawn(move || reading.read(&sender))?;
        Ok(watched)
    }

    /// Watches this very folder. One that is watched keeps its number, and is called what it
    /// is called now.
    fn add(&self, folder: BorrowedFd<'_>, place: Place) -> Result<i32, Errno> {
        let itself = format!("/proc/self/fd/{}", folder.as_raw_fd());
        // Before it is known what the number stands for, nothing that has it is told.
        let mut places = self.places();
        let number = inotify::add_watch(&self.inotify, itself, NEWS)?;
        places.insert(number, place);
        Ok(number)
    }

    /// Ends the watch of all of this person's folders but these.
    fn keep(&self, of: &str, numbers: &HashSet<i32>) {
        self.retain(|number, place| match place {
            Place::Base => true,
            Place::Folder { user, .. } => user != of || numbers.contains(&number),
        });
    }

    /// Ends the watch of all that is nobody's of these.
    fn keep_only(&self, users: &[String]) {
        let users: HashSet<&str> = users.iter().map(String::as_str).collect();
        self.retain(|_, place| match place {
            Place::Base => true,
            Place::Folder { user, .. } => users.contains(&**user),
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
    fn read(&self, sender: &SyncSender<Poke>) {
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
            if poke.is_some_and(|poke| sender.send(poke).is_err()) {
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
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// That whose it is is walked.
    fn rescan(&self) -> Poke {
        let user = match self {
            Self::Base => None,
            Self::Folder { user, .. } => Some(user.clone()),
        };
        Poke::Rescan { user }
    }

    /// What is to be looked at after `events` of what is called `name` in this folder.
    fn poke(&self, events: ReadFlags, name: &str) -> Option<Poke> {
        let is_folder = events.contains(ReadFlags::ISDIR);
        let may_be_news = events.intersects(COMES | GOES);
        let Self::Folder { user, below } = self else {
            return (is_folder && may_be_news).then_some(self.rescan());
        };
        // Hidden ones hold nothing that is looked at.
        if name.starts_with('.') {
            return None;
        }
        if is_folder {
            return may_be_news.then_some(self.rescan());
        }
        if !name.ends_with(".ipynb") {
            return None;
        }
        if events.intersects(GOES) {
            return Some(self.rescan());
        }
        let filename = match &**below {
            "" => name.to_owned(),
            below => format!("{below}/{name}"),
        };
        let user = user.clone();
        Some(Poke::Written { user, filename })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{chown, symlink},
        path::Path,
        time::{Duration, Instant},
    };

    use rustix::fs::{RenameFlags, renameat_with};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn template(base: &Path) -> HomesTemplate {
        format!("{}/{{user}}", base.display()).parse().unwrap()
    }

    fn scan(watch: &Watch, homes: &HomesTemplate) -> Vec<Found> {
        let users = watch.everyone(homes).into_iter();
        users
            .flat_map(|user| watch.scan_home(homes, &user))
            .collect()
    }

    fn written(user: &str, filename: &str) -> Poke {
        let (user, filename) = (user.to_owned(), filename.to_owned());
        Poke::Written { user, filename }
    }

    /// Everything that is told until `last` is.
    fn until(last: &Poke, pokes: &Receiver<Poke>) -> Vec<Poke> {
        let end = Instant::now() + PATIENCE;
        let mut told = Vec::new();
        while told.last() != Some(last) {
            let left = end.saturating_duration_since(Instant::now());
            let poke = pokes.recv_timeout(left);
            told.push(poke.unwrap_or_else(|_| panic!("{last:?} is not in {told:?}")));
        }
        told
    }

    /// Those that were told of a notebook called `name`.
    fn of<'a>(name: &str, told: &'a [Poke]) -> Vec<&'a Poke> {
        let is_of = |poke: &&Poke| matches!(poke, Poke::Written { filename, .. } if filename.ends_with(name));
        told.iter().filter(is_of).collect()
    }

    #[test]
    fn a_save_is_told_by_whose_it_is_and_what_it_is_called() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir_all(base.path().join("ana/m1")).unwrap();
        fs::write(base.path().join("ana/m1/a.ipynb"), "").unwrap();
        let homes = template(base.path());
        let (watch, pokes, _wake) = watch();
        assert_eq!(scan(&watch, &homes).len(), 1);
        fs::write(base.path().join("ana/m1/a.ipynb"), "{}").unwrap();
        until(&written("ana", "m1/a.ipynb"), &pokes);
        fs::write(base.path().join("ana/new.ipynb"), "{}").unwrap();
        until(&written("ana", "new.ipynb"), &pokes);
        fs::create_dir(base.path().join("bob")).unwrap();
        until(&Poke::Rescan { user: None }, &pokes);

        // What is renamed is called by its new name after the next scan.
        fs::rename(base.path().join("ana/m1"), base.path().join("ana/m2")).unwrap();
        let user = Some("ana".to_owned());
        until(&Poke::Rescan { user }, &pokes);
        let _ = scan(&watch, &homes);
        fs::write(base.path().join("ana/m2/b.ipynb"), "{}").unwrap();
        until(&written("ana", "m2/b.ipynb"), &pokes);
        let told = {
            fs::write(base.path().join("ana/end.ipynb"), "").unwrap();
            until(&written("ana", "end.ipynb"), &pokes)
        };
        assert!(of("m1/b.ipynb", &told).is_empty(), "{told:?}");
    }

    /// The folder that was walked is watched, and not what is in its place now.
    #[test]
    fn what_others_write_is_never_told_as_ones_own() {
        let base = tempfile::tempdir().unwrap();
        for folder in ["ana/dir", "bob/private"] {
            fs::create_dir_all(base.path().join(folder)).unwrap();
        }
        fs::write(base.path().join("ana/dir/a.ipynb"), "").unwrap();
        let (dir, link) = (base.path().join("ana/dir"), base.path().join("ana/link"));
        symlink("../bob/private", &link).unwrap();
        let homes = template(base.path());
        let (watch, pokes, _wake) = watch();
        for _ in 0..50 {
            renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            let _ = scan(&watch, &homes);
            renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            fs::write(base.path().join("bob/private/secret.ipynb"), "").unwrap();
        }
        fs::write(base.path().join("ana/end.ipynb"), "").unwrap();
        let told = until(&written("ana", "end.ipynb"), &pokes);
        let own = [written("bob", "private/secret.ipynb")];
        let leaked = of("secret.ipynb", &told);
        assert!(leaked.iter().all(|poke| own.contains(poke)), "{leaked:?}");
    }

    #[test]
    fn what_is_not_the_owners_is_not_watched() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir_all(base.path().join("ana/theirs")).unwrap();
        fs::write(base.path().join("ana/theirs/a.ipynb"), "").unwrap();
        if chown(base.path().join("ana/theirs"), Some(12_345), None).is_err() {
            return; // Only root can give things to others.
        }
        let (watch, pokes, _wake) = watch();
        let _ = scan(&watch, &template(base.path()));
        fs::write(base.path().join("ana/theirs/a.ipynb"), "{}").unwrap();
        fs::write(base.path().join("ana/end.ipynb"), "").unwrap();
        let told = until(&written("ana", "end.ipynb"), &pokes);
        assert!(of("theirs/a.ipynb", &told).is_empty(), "{told:?}");
    }

    /// Neither descriptors nor watches grow with how often it is scanned, nor without bound
    /// with the folders of one home.
    #[test]
    fn what_is_watched_is_bounded() {
        let base = tempfile::tempdir().unwrap();
        for n in 0..MOST_EACH + 20 {
            let folder = base.path().join(format!("ana/{n}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("a.ipynb"), "").unwrap();
        }
        fs::create_dir(base.path().join("bob")).unwrap();
        let homes = template(base.path());
        let (watch, _pokes, _wake) = watch();
        for _ in 0..3 {
            assert_eq!(scan(&watch, &homes).len(), MOST_EACH + 20);
            let watched = watch.0.as_ref().unwrap().0.places();
            assert_eq!(watched.len(), 1 + MOST_EACH + 1);
        }
        fs::remove_dir_all(base.path().join("ana")).unwrap();
        let _ = scan(&watch, &homes);
        let watched = &watch.0.as_ref().unwrap().0;
        assert_eq!(watched.places().len(), 2);
    }

    #[test]
    fn it_ends_with_whoever_had_it() {
        let (watch, pokes, wake) = watch();
        drop((watch, wake));
        assert!(pokes.recv_timeout(PATIENCE).is_err());
        let ended = Instant::now() + PATIENCE;
        while pokes.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
            assert!(Instant::now() < ended, "the thread goes on");
        }
    }
}
