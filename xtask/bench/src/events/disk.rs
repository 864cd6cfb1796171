//! What the disk takes for a sync, by itself, in the folder where ours writes.

use std::{fs::File, os::unix::fs::FileExt, path::Path, time::Instant};

/// A page of SQLite's log with its header.
const PAGE: usize = 4096 + 24;
/// As long as SQLite lets its log become.
const LOG: u64 = 1_000;

/// Writes a page over what is there and waits until it is on the disk.
pub(super) fn overwrite(folder: &Path, times: u64, samples: &mut Vec<f64>) -> anyhow::Result<()> {
    let path = folder.join("overwritten");
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if file.metadata()?.len() == 0 {
        file.write_all_at(&vec![1; PAGE * LOG as usize], 0)?;
        file.sync_all()?;
    }
    sync_often(&file, times, LOG, samples)
}

/// Writes a page behind the last.
pub(super) fn append(folder: &Path, times: u64, samples: &mut Vec<f64>) -> anyhow::Result<()> {
    let file = File::create(folder.join("appended"))?;
    sync_often(&file, times, u64::MAX, samples)
}

fn sync_often(file: &File, times: u64, around: u64, samples: &mut Vec<f64>) -> anyhow::Result<()> {
    for n in 0..times {
        file.write_all_at(&[n.to_le_bytes()[0]; PAGE], n % around * PAGE as u64)?;
        let begun = Instant::now();
        file.sync_data()?;
        samples.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}
