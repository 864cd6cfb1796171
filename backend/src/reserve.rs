//! A reserve on a disk that only events use.
//!
//! Builds, which can be made again, versions of notebooks, which are worth less than an event, and
//! handouts are written only while more than the reserve is free. Their writers check it first,
//! for each piece of a megabyte or so; a refused write of a build or a version is tried again by
//! itself, until there is room, and a refused handout by the instructor. Events are never checked.

use std::{
    io,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use metrics::gauge;
use rustix::fs::statvfs;

/// Of a small disk, no more than one part in so many is kept free, whatever is set.
const MAX_RESERVE_DIVISOR: u64 = 8;
/// Files take up inodes too: so many must stay free, on file systems that count them.
const MIN_FREE_FILES: u64 = 1_024;

/// The free space of a disk, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DiskSpace {
    /// Bytes that are free for users other than root.
    pub(crate) free: u64,
    /// Bytes of the whole disk.
    size: u64,
    /// Files that can still be made, and that there can be; the latter is 0 where files are not
    /// counted.
    files: (u64, u64),
}

impl DiskSpace {
    /// The space of the disk that `folder` is on.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let found = statvfs(folder)?;
        Ok(Self {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            size: found.f_blocks.saturating_mul(found.f_frsize),
            files: (found.f_favail, found.f_files),
        })
    }

    /// The part of a reserve of `bytes` that is kept on this disk.
    pub(crate) fn reserve(self, bytes: u64) -> u64 {
        bytes.min(self.size / MAX_RESERVE_DIVISOR)
    }

    /// Whether `more` bytes can be written and a reserve of `bytes` is still free.
    pub(crate) fn has(self, more: u64, bytes: u64) -> bool {
        let (free, all) = self.files;
        self.free >= self.reserve(bytes).saturating_add(more)
            && (all == 0 || free >= MIN_FREE_FILES.min(all / MAX_RESERVE_DIVISOR))
    }
}

/// The reserve, checked before builds or history write.
pub(crate) struct Reserve {
    space: Box<dyn Fn() -> io::Result<DiskSpace> + Send + Sync>,
    bytes: u64,
    /// The name of the writer that waits when there is no room, for the log and the metrics.
    waiting: &'static str,
    /// Whether what was refused is tried again by itself, so that something waits.
    waits: bool,
    is_reached: AtomicBool,
}

impl Reserve {
    /// A reserve of `bytes` on the disk that `folder` is on, for the writer named `waiting`.
    pub(crate) fn new(folder: &Path, bytes: u64, waiting: &'static str) -> Self {
        let folder = folder.to_owned();
        Self {
            space: Box::new(move || DiskSpace::of(&folder)),
            bytes,
            waiting,
            waits: true,
            is_reached: AtomicBool::new(false),
        }
    }

    /// The same for a writer who is refused once and for all, so that nothing waits for room.
    pub(crate) fn of_refused(folder: &Path, bytes: u64, writer: &'static str) -> Self {
        Self {
            waits: false,
            ..Self::new(folder, bytes, writer)
        }
    }

    /// A reserve on an imagined disk, of which so many bytes are free.
    #[cfg(test)]
    pub(crate) fn on(free: std::sync::Arc<std::sync::atomic::AtomicU64>, bytes: u64) -> Self {
        let space = move || {
            Ok(DiskSpace {
                free: free.load(Ordering::Relaxed),
                size: u64::MAX,
                files: (0, 0),
            })
        };
        Self {
            space: Box::new(space),
            bytes,
            waiting: "tests",
            waits: true,
            is_reached: AtomicBool::new(false),
        }
    }

    /// Whether `more` bytes may be written.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`], with a message, when they may not. A disk whose free space
    /// is unknown refuses the write itself.
    pub(crate) fn check(&self, more: u64) -> io::Result<()> {
        let Ok(space) = (self.space)() else {
            return Ok(());
        };
        let has_room = space.has(more, self.bytes);
        self.note(has_room, space);
        if has_room {
            return Ok(());
        }
        let words = format!(
            "{} MiB are free on the disk, of which events need {}",
            space.free >> 20,
            space.reserve(self.bytes).div_ceil(1 << 20)
        );
        Err(io::Error::new(io::ErrorKind::StorageFull, words))
    }

    /// Whether the last answer was no.
    pub(crate) fn is_reached(&self) -> bool {
        self.is_reached.load(Ordering::Relaxed)
    }

    /// Logs once that there is no room, and once that there is again; or each refusal, where
    /// nothing waits.
    fn note(&self, has_room: bool, space: DiskSpace) {
        let (what, free_mib) = (self.waiting, space.free >> 20);
        let reserve_mib = space.reserve(self.bytes).div_ceil(1 << 20);
        if !self.waits {
            if !has_room {
                tracing::warn!(
                    what,
                    free_mib,
                    reserve_mib,
                    "refused for want of room on the disk: the rest is for events"
                );
            }
            return;
        }
        if self.is_reached.swap(!has_room, Ordering::Relaxed) != has_room {
            return;
        }
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

    fn space(free: u64, size: u64, files: (u64, u64)) -> DiskSpace {
        DiskSpace { free, size, files }
    }

    #[test]
    fn bytes_that_are_free_beyond_the_reserve_may_be_written() {
        let disk = space(1_000, 100_000, (5_000, 10_000));
        assert!(disk.has(0, 1_000) && disk.has(400, 600));
        assert!(!disk.has(401, 600) && !disk.has(u64::MAX, 0));
        // Of a small disk an eighth at most.
        assert!(space(1_000, 4_000, (0, 0)).has(500, u64::MAX));
        assert!(!space(1_000, 4_000, (0, 0)).has(501, u64::MAX));
        // No room for another file is no room.
        assert!(!space(1_000, 1_000, (1_023, 1 << 20)).has(0, 0));
        assert!(space(1_000, 1_000, (20, 100)).has(0, 0));
    }

    #[test]
    fn the_reserve_asks_the_disk_and_remembers_the_answer() {
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

    /// Else the metric would say so until the next handout, which may never come.
    #[test]
    fn nothing_waits_after_a_refusal_that_is_not_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::of_refused(folder.path(), 0, "tests");
        reserve.check(u64::MAX).unwrap_err();
        assert!(!reserve.is_reached());
    }
}
