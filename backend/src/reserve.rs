//! Room on a disk that only events use.
//!
//! What can be made again, builds, or is worth less than an event, versions of notebooks, is
//! written only while more than the reserve is free. Whoever writes such things asks first,
//! for each piece of a megabyte or so; what is refused is tried again by itself, and goes on
//! when there is room. Events never ask.

use std::{
    io,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use metrics::gauge;
use rustix::fs::statvfs;

/// Whatever is set, of a small disk no more is kept free than one in so many.
const SMALLEST_SHARE: u64 = 8;
/// Files take up more than bytes: so many must be left to make, on disks that count them.
const FILES: u64 = 1_024;

/// What is free on a disk, and how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes that are free for whoever is not root.
    pub(crate) free: u64,
    /// Bytes of the whole.
    size: u64,
    /// Files that may be made, and that there may be; the latter is 0 where nobody counts.
    files: (u64, u64),
}

impl Room {
    /// Of the disk that `folder` is on.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let found = statvfs(folder)?;
        Ok(Self {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            size: found.f_blocks.saturating_mul(found.f_frsize),
            files: (found.f_favail, found.f_files),
        })
    }

    /// What of a reserve of `bytes` is kept on this disk.
    pub(crate) fn reserve(self, bytes: u64) -> u64 {
        bytes.min(self.size / SMALLEST_SHARE)
    }

    /// Whether `more` bytes can be written and a reserve of `bytes` is still free.
    pub(crate) fn has(self, more: u64, bytes: u64) -> bool {
        let (free, all) = self.files;
        self.free >= self.reserve(bytes).saturating_add(more)
            && (all == 0 || free >= FILES.min(all / SMALLEST_SHARE))
    }
}

/// See the module's words.
pub(crate) struct Reserve {
    room: Box<dyn Fn() -> io::Result<Room> + Send + Sync>,
    bytes: u64,
    /// What waits when there is no room, for the log and the metrics.
    what: &'static str,
    is_reached: AtomicBool,
}

impl Reserve {
    /// A reserve of `bytes` on the disk that `folder` is on, for whoever writes `what` there.
    pub(crate) fn new(folder: &Path, bytes: u64, what: &'static str) -> Self {
        let folder = folder.to_owned();
        Self {
            room: Box::new(move || Room::of(&folder)),
            bytes,
            what,
            is_reached: AtomicBool::new(false),
        }
    }

    /// One on a disk of a test's own, of which so many bytes are free.
    #[cfg(test)]
    pub(crate) fn on(free: std::sync::Arc<std::sync::atomic::AtomicU64>, bytes: u64) -> Self {
        let room = move || {
            Ok(Room {
                free: free.load(Ordering::Relaxed),
                size: u64::MAX,
                files: (0, 0),
            })
        };
        Self {
            room: Box::new(room),
            bytes,
            what: "tests",
            is_reached: AtomicBool::new(false),
        }
    }

    /// Whether `more` bytes may be written.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`], in words, when they may not. A disk that does not say
    /// what is free says so when it is written to.
    pub(crate) fn check(&self, more: u64) -> io::Result<()> {
        let Ok(room) = (self.room)() else {
            return Ok(());
        };
        let has_room = room.has(more, self.bytes);
        self.note(has_room, room);
        if has_room {
            return Ok(());
        }
        let words = format!(
            "{} MiB are free on the disk, of which events need {}",
            room.free >> 20,
            room.reserve(self.bytes).div_ceil(1 << 20)
        );
        Err(io::Error::new(io::ErrorKind::StorageFull, words))
    }

    /// Whether the last answer was no.
    pub(crate) fn is_reached(&self) -> bool {
        self.is_reached.load(Ordering::Relaxed)
    }

    /// Says once that there is no room, and once that there is again.
    fn note(&self, has_room: bool, room: Room) {
        if self.is_reached.swap(!has_room, Ordering::Relaxed) != has_room {
            return;
        }
        let (what, free_mib) = (self.what, room.free >> 20);
        let reserve_mib = room.reserve(self.bytes).div_ceil(1 << 20);
        gauge!("pipalhub_waiting_for_room", "what" => what).set(f64::from(u8::from(!has_room)));
        if has_room {
            tracing::info!(what, free_mib, "there is room on the disk again");
        } else {
            tracing::warn!(
                what,
                free_mib,
                reserve_mib,
                "not written until there is room on the disk: the rest is for events"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(free: u64, size: u64, files: (u64, u64)) -> Room {
        Room { free, size, files }
    }

    #[test]
    fn what_is_free_beyond_the_reserve_is_room() {
        let disk = room(1_000, 100_000, (5_000, 10_000));
        assert!(disk.has(0, 1_000) && disk.has(400, 600));
        assert!(!disk.has(401, 600) && !disk.has(u64::MAX, 0));
        // Of a small disk an eighth at most.
        assert!(room(1_000, 4_000, (0, 0)).has(500, u64::MAX));
        assert!(!room(1_000, 4_000, (0, 0)).has(501, u64::MAX));
        // No room for another file is no room.
        assert!(!room(1_000, 1_000, (1_023, 1 << 20)).has(0, 0));
        assert!(room(1_000, 1_000, (20, 100)).has(0, 0));
    }

    #[test]
    fn it_is_told_by_the_disk_and_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(folder.path(), 0, "tests");
        reserve.check(1).unwrap();
        assert!(!reserve.is_reached());
        let refusal = reserve.check(u64::MAX).unwrap_err();
        assert_eq!(refusal.kind(), io::ErrorKind::StorageFull);
        assert!(reserve.is_reached());
        reserve.check(1).unwrap();
        assert!(!reserve.is_reached());
    }
}
