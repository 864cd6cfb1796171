//! The quota for builds, and the share of it that each participant uses.
//!
//! A notebook needs three things: a *place*, which is its folders and its line in a summary; its
//! *section* of the summary, which is kept in memory as well; and its *files*, the export and the
//! copy. Every participant has a share of each ([`Shares`]), and the three together are the output
//! folder. A second name of a file costs only its place.

use super::{hard_links::HardLinks, shares::Shares};

/// Bounds of the output folder. The default is that of `pipalhub serve`.
#[derive(Clone, Copy, Debug)]
pub struct BuildQuota {
    /// Bytes for one participant's notebooks.
    pub each: u64,
    /// Bytes for all participants' notebooks.
    pub all: u64,
    /// Notebooks of one participant.
    pub notebooks: u32,
    /// Bytes of the disk that are left for events.
    pub reserve: u64,
}

impl Default for BuildQuota {
    fn default() -> Self {
        Self {
            each: 256 << 20,
            all: 8 << 30,
            notebooks: 500,
            reserve: 512 << 20,
        }
    }
}

/// The size of a file or folder on the disk is a multiple of this.
const BLOCK_BYTES: u64 = 4 << 10;
/// Size of a place: the summary without its sections, which is mostly its stylesheet, in two files,
/// and the folders of the notebook.
const PLACE_BYTES: u64 = 40 << 10;
/// The largest section, in both forms together. Ten cells with a picture each are smaller; a larger
/// section is a mistake or an attack.
const MAX_SECTION_BYTES: u64 = 16 << 20;

/// Each participant's shares of places, sections and files.
pub(super) struct BuildShares {
    pub(super) quota: BuildQuota,
    pub(super) places: Shares,
    pub(super) sections: Shares,
    pub(super) files: Shares,
    pub(super) hard_links: HardLinks,
}

impl BuildShares {
    /// Places get an eighth of the quota, sections a quarter, files the rest.
    pub(super) fn new(quota: BuildQuota) -> Self {
        let shares = |eighths: u64| {
            let of = |all: u64| (u128::from(all) * u128::from(eighths) / 8) as u64;
            Shares::new(of(quota.each), of(quota.all))
        };
        let notebooks = PLACE_BYTES.saturating_mul(quota.notebooks.into());
        let places = notebooks.min(quota.each / 8);
        Self {
            places: Shares::new(places, quota.all / 8),
            sections: shares(2),
            files: shares(5),
            hard_links: HardLinks::default(),
            quota,
        }
    }

    /// Notebooks of one participant that have a place.
    pub(super) fn notebooks(&self) -> u64 {
        self.places.each() / PLACE_BYTES
    }
}

/// Size of the place of a notebook; each folder of its path adds a block.
pub(super) fn size_of_place(filename: &str) -> u64 {
    PLACE_BYTES + BLOCK_BYTES * filename.matches('/').count() as u64
}

/// The size that a section claims.
pub(super) fn size_of_section(bytes: u64) -> u64 {
    match bytes <= MAX_SECTION_BYTES {
        true => bytes,
        false => u64::MAX,
    }
}

/// The size of two files on the disk.
pub(super) fn size_of_files(sizes: [u64; 2]) -> u64 {
    let on_disk = |size: u64| size.div_ceil(BLOCK_BYTES) * BLOCK_BYTES;
    sizes.into_iter().map(on_disk).sum()
}

#[cfg(test)]
mod tests {
    use shared::standalone::summary;

    use super::*;

    #[test]
    fn the_three_shares_are_the_quota() {
        let shares = BuildShares::new(BuildQuota::default());
        let all = [&shares.places, &shares.sections, &shares.files];
        let sum: u64 = all.iter().map(|share| share.each()).sum();
        assert!(sum <= shares.quota.each);
        assert_eq!(shares.notebooks(), 500);
        // A small quota allows few notebooks.
        let small = BuildQuota {
            each: 1 << 20,
            ..BuildQuota::default()
        };
        assert_eq!(BuildShares::new(small).notebooks(), 3);
    }

    #[test]
    fn a_place_is_at_most_as_large_as_claimed() {
        let head = summary::head("m1/day1.ipynb", &[], "en").len() as u64;
        // With three folders and the summary as a notebook.
        assert!(
            size_of_files([head, 1]) + 3 * BLOCK_BYTES <= PLACE_BYTES,
            "{head}"
        );
        assert_eq!(size_of_place("a/b/c.ipynb"), PLACE_BYTES + 2 * BLOCK_BYTES);
        assert_eq!(size_of_files([0, 1]), BLOCK_BYTES);
    }
}
