//! How much may be built of what participants save, and who has how much of it.
//!
//! A notebook needs three things: a *place*, which is its folders and its line in a summary;
//! its *part* of the summary, which is kept in memory as well; and its *files*, the export
//! and the copy. Of each everyone has a share ([`Shares`]), and the three together are what
//! is on the disk. What a second name of a file costs is its place.

use super::{names::Names, shares::Shares};

/// What is built takes up at most this. Where nothing else is said these are the numbers of
/// `pipalhub serve`.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// Of one person's notebooks, in bytes.
    pub each: u64,
    /// Of everyone's, in bytes.
    pub all: u64,
    /// So many notebooks of one person.
    pub notebooks: u32,
    /// So many bytes of the disk are left for events.
    pub reserve: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            each: 256 << 20,
            all: 8 << 30,
            notebooks: 500,
            reserve: 512 << 20,
        }
    }
}

/// A file on the disk takes up a multiple of this, and so does a folder.
const BLOCK: u64 = 4 << 10;
/// What a place takes up: the summary without its parts, which is mostly its stylesheet, in
/// two files, and the folders of the notebook.
const PLACE: u64 = 40 << 10;
/// One part has at most so much in both forms together. Ten cells with a picture each are
/// less; what is more is a mistake, or meant to be in everyone's way.
const LARGEST_PART: u64 = 16 << 20;

/// The shares. See the module's words.
pub(super) struct Rooms {
    pub(super) quota: Quota,
    pub(super) places: Shares,
    pub(super) parts: Shares,
    pub(super) files: Shares,
    pub(super) names: Names,
}

impl Rooms {
    /// An eighth for places, a quarter for parts, the rest for files.
    pub(super) fn new(quota: Quota) -> Self {
        let shares = |eighths: u64| {
            let of = |all: u64| (u128::from(all) * u128::from(eighths) / 8) as u64;
            Shares::new(of(quota.each), of(quota.all))
        };
        let notebooks = PLACE.saturating_mul(quota.notebooks.into());
        let places = notebooks.min(quota.each / 8);
        Self {
            places: Shares::new(places, quota.all / 8),
            parts: shares(2),
            files: shares(5),
            names: Names::default(),
            quota,
        }
    }

    /// How many notebooks of one person have a place.
    pub(super) fn notebooks(&self) -> u64 {
        self.places.each() / PLACE
    }
}

/// What the place of a notebook takes up, deep down more.
pub(super) fn size_of_place(filename: &str) -> u64 {
    PLACE + BLOCK * filename.matches('/').count() as u64
}

/// What a part counts for.
pub(super) fn size_of_part(bytes: u64) -> u64 {
    match bytes <= LARGEST_PART {
        true => bytes,
        false => u64::MAX,
    }
}

/// What files of these sizes take up.
pub(super) fn size_of_files(sizes: [u64; 2]) -> u64 {
    let on_disk = |size: u64| size.div_ceil(BLOCK) * BLOCK;
    sizes.into_iter().map(on_disk).sum()
}

#[cfg(test)]
mod tests {
    use shared::standalone::summary;

    use super::*;

    #[test]
    fn the_three_shares_are_the_quota() {
        let rooms = Rooms::new(Quota::default());
        let shares = [&rooms.places, &rooms.parts, &rooms.files];
        let sum: u64 = shares.iter().map(|share| share.each()).sum();
        assert!(sum <= rooms.quota.each);
        assert_eq!(rooms.notebooks(), 500);
        // A small quota is for few notebooks.
        let small = Quota {
            each: 1 << 20,
            ..Quota::default()
        };
        assert_eq!(Rooms::new(small).notebooks(), 3);
    }

    #[test]
    fn a_place_is_as_large_as_is_said() {
        let head = summary::head("m1/day1.ipynb", &[], "en").len() as u64;
        // With three folders and the other summary.
        assert!(size_of_files([head, 1]) + 3 * BLOCK <= PLACE, "{head}");
        assert_eq!(size_of_place("a/b/c.ipynb"), PLACE + 2 * BLOCK);
        assert_eq!(size_of_files([0, 1]), BLOCK);
    }
}
