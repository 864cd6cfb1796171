//! Measures an fdatasync of the disk in the folder where the service writes.

use std::{fs::File, os::unix::fs::FileExt, path::Path, time::Instant};

/// A frame of SQLite's write-ahead log: a page and its header.
const WAL_FRAME_BYTES: usize = 4096 + 24;
/// The length that SQLite lets its log reach, in frames.
const WAL_FRAMES: u64 = 1_000;

/// Writes a frame over an earlier one and waits until it is on the disk.
pub(super) fn overwrite(folder: &Path, times: u64, samples: &mut Vec<f64>) -> anyhow::Result<()> {
    let path = folder.join("overwritten");
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if file.metadata()?.len() == 0 {
        file.write_all_at(&vec![1; WAL_FRAME_BYTES * WAL_FRAMES as usize], 0)?;
        file.sync_all()?;
    }
    sync_often(&file, times, WAL_FRAMES, samples)
}

/// Writes a frame after the last one and waits until it is on the disk.
pub(super) fn append(folder: &Path, times: u64, samples: &mut Vec<f64>) -> anyhow::Result<()> {
    let file = File::create(folder.join("appended"))?;
    sync_often(&file, times, u64::MAX, samples)
}

fn sync_often(file: &File, times: u64, around: u64, samples: &mut Vec<f64>) -> anyhow::Result<()> {
    for n in 0..times {
        file.write_all_at(
            &[n.to_le_bytes()[0]; WAL_FRAME_BYTES],
            n % around * WAL_FRAME_BYTES as u64,
        )?;
        let begun = Instant::now();
        file.sync_data()?;
        samples.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}
