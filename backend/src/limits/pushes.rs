//! Memory that bodies of pushes may take up while they arrive and wait, and how many bytes one
//! participant may push.
//!
//! Small bodies and large ones have room of their own: participants who push large notebooks
//! slowly keep no other participant's line of code from being seen.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{
    LimitExceeded,
    rate::{Rate, TokenBuckets},
};

/// Bodies of more bytes than this are large.
const LARGE_BODY: usize = 256 << 10;
/// After so long a push that found no room is worth another try.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// How much may be pushed.
#[derive(Clone, Copy, Debug)]
pub struct PushLimits {
    /// Of one participant, KiB a second in the long run, and in a burst.
    pub kib: Rate,
    /// Notebooks of one participant that are put together and written, KiB a second in the long
    /// run, and in a burst: a push of a few bytes may make a large one.
    pub written_kib: Rate,
    /// Bytes of large bodies, of all participants, at the same time.
    pub large: usize,
    /// Bytes of small bodies, of all participants, at the same time.
    pub small: usize,
    /// Bytes of small bodies of one participant at the same time. Of large ones there is one.
    pub small_each: usize,
}

impl Default for PushLimits {
    fn default() -> Self {
        Self {
            // 30 MiB a minute; the largest notebook may come twice at once.
            kib: Rate {
                a_second: 512,
                burst: 64 << 10,
            },
            // The largest notebook, every four seconds; eight of them at once.
            written_kib: Rate {
                a_second: 8 << 10,
                burst: 256 << 10,
            },
            large: 96 << 20,
            small: 32 << 20,
            small_each: 1 << 20,
        }
    }
}

/// Keeps count of the bodies that are in memory.
pub(super) struct Pushes {
    settings: PushLimits,
    pushed: TokenBuckets,
    written: TokenBuckets,
    bodies: Arc<Mutex<Bodies>>,
}

#[derive(Default)]
struct Bodies {
    large: BodyPool,
    small: BodyPool,
}

/// Bytes of one kind of bodies.
#[derive(Default)]
struct BodyPool {
    bytes: usize,
    each: HashMap<String, usize>,
}

impl BodyPool {
    fn take(&mut self, user: &str, bytes: usize, all: usize, each: usize) -> bool {
        let own = self.each.get(user).copied().unwrap_or(0);
        // A body that is larger than one's room alone has that room when nothing else is in it.
        let is_alone = own == 0;
        if self.bytes + bytes > all || !(is_alone || own + bytes <= each) {
            return false;
        }
        self.bytes += bytes;
        *self.each.entry(user.to_owned()).or_default() += bytes;
        true
    }

    fn give_back(&mut self, user: &str, bytes: usize) {
        self.bytes -= bytes;
        if let Some(own) = self.each.get_mut(user) {
            *own -= bytes;
            if *own == 0 {
                self.each.remove(user);
            }
        }
    }
}

/// Room for one body, until it is dropped.
pub(crate) struct BodyRoom {
    bodies: Arc<Mutex<Bodies>>,
    user: String,
    bytes: usize,
}

impl Drop for BodyRoom {
    fn drop(&mut self) {
        let mut bodies = self.bodies.lock();
        let pool = match self.bytes > LARGE_BODY {
            true => &mut bodies.large,
            false => &mut bodies.small,
        };
        pool.give_back(&self.user, self.bytes);
    }
}

impl Pushes {
    pub(super) fn new(settings: PushLimits) -> Self {
        Self {
            settings,
            pushed: TokenBuckets::default(),
            written: TokenBuckets::default(),
            bodies: Arc::default(),
        }
    }

    /// Counts a body of so many bytes, before it is read.
    pub(super) fn take(&self, user: &str, bytes: usize) -> Result<BodyRoom, LimitExceeded> {
        let bytes = bytes.max(1);
        let settings = self.settings;
        let has_room = {
            let mut bodies = self.bodies.lock();
            match bytes > LARGE_BODY {
                true => bodies.large.take(user, bytes, settings.large, 0),
                false => bodies
                    .small
                    .take(user, bytes, settings.small, settings.small_each),
            }
        };
        if !has_room {
            return Err(super::too_many(
                "pushes",
                "More notebooks are arriving at the moment than there is room for: push it again \
                 in a moment."
                    .to_owned(),
                RETRY_AFTER,
            ));
        }
        let room = BodyRoom {
            bodies: Arc::clone(&self.bodies),
            user: user.to_owned(),
            bytes,
        };
        let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        let taken = self.pushed.take(user, kib, settings.kib, Instant::now());
        match taken {
            Ok(()) => Ok(room),
            Err(wait) => Err(super::too_many(
                "pushes",
                format!(
                    "{user} has pushed more than {} KiB a second for a while; wait, and push the \
                     newest version of each notebook.",
                    settings.kib.a_second
                ),
                wait,
            )),
        }
    }
}

impl Pushes {
    /// Counts a notebook of so many bytes, before it is put together.
    pub(super) fn write(&self, user: &str, bytes: u64) -> Result<(), LimitExceeded> {
        let rate = self.settings.written_kib;
        let kib = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        let taken = self.written.take(user, kib, rate, Instant::now());
        taken.map_err(|wait| {
            let message = format!(
                "{user} has pushed notebooks of more than {} MiB a second for a while; wait, and \
                 push the newest version of each.",
                rate.a_second >> 10
            );
            super::too_many("pushes", message, wait)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_leave_room_for_small_ones() {
        let pushes = Pushes::new(PushLimits::default());
        let rooms: Vec<BodyRoom> = (0..)
            .map_while(|n| pushes.take(&format!("m{n}"), 32 << 20).ok())
            .collect();
        assert_eq!(rooms.len(), 3);
        let small = pushes.take("ana", 10 << 10).expect("a small body has room");
        assert!(
            pushes.take("ana", 1 << 20).is_err(),
            "there is no room for a large one"
        );
        drop(rooms);
        assert!(pushes.take("ana", 1 << 20).is_ok());
        drop(small);
        let bodies = pushes.bodies.lock();
        assert_eq!((bodies.small.bytes, bodies.small.each.len()), (0, 0));
        assert_eq!((bodies.large.bytes, bodies.large.each.len()), (0, 0));
    }

    #[test]
    fn a_participant_pushes_one_large_body_at_a_time_and_a_mebibyte_of_small_ones() {
        let pushes = Pushes::new(PushLimits::default());
        let large = pushes.take("ana", 1 << 20).unwrap();
        assert!(pushes.take("ana", 1 << 20).is_err());
        assert!(pushes.take("bo", 1 << 20).is_ok());
        drop(large);
        let small: Vec<BodyRoom> = (0..)
            .map_while(|_| pushes.take("ana", LARGE_BODY).ok())
            .collect();
        assert_eq!(small.len(), 4);
    }

    #[test]
    fn small_pushes_that_make_large_notebooks_are_bounded() {
        let pushes = Pushes::new(PushLimits::default());
        for _ in 0..8 {
            pushes.write("mallory", 32 << 20).expect("the burst");
        }
        let refused = pushes.write("mallory", 32 << 20).err().unwrap();
        assert!(refused.message.contains("8 MiB a second"), "{refused:?}");
        assert!(pushes.write("ana", 32 << 20).is_ok());
    }

    #[test]
    fn bytes_a_minute_are_bounded() {
        let pushes = Pushes::new(PushLimits::default());
        for _ in 0..2 {
            pushes.take("mallory", 32 << 20).expect("the burst");
        }
        let refused = pushes.take("mallory", 1 << 20).err().unwrap();
        assert!(refused.message.contains("512 KiB a second"), "{refused:?}");
        assert!(refused.wait > Duration::ZERO);
        assert!(pushes.take("ana", 1 << 20).is_ok());
    }
}
