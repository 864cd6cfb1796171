//! The seal: a checksum of the whole archive in its last bytes, the comment of the zip file.
//!
//! The checksums that a zip has of each file in it say nothing of the bytes between them. With the
//! seal a change of any byte is noticed, and an archive that was cut off has none.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use super::{ArchiveProgress, FORMAT};

/// How the comment begins, before the version of the format.
const BEGIN: &str = "pipalhub archive ";
/// What stands between that and the checksum.
const MIDDLE: &str = " sha256:";
/// The digits of the checksum.
const DIGITS: usize = 64;
/// The longest comment that is read, in bytes.
const MAX_COMMENT_BYTES: usize = 128;
/// Bytes that are read at once.
const READ_CHUNK_BYTES: usize = 1 << 20;

/// The seal of an archive as it is written there.
pub(super) struct ArchiveSeal {
    sha256: String,
}

/// The comment of an archive that has no seal yet.
pub(super) fn blank() -> String {
    format!("{BEGIN}{FORMAT}{MIDDLE}{}", "0".repeat(DIGITS))
}

/// Seals a complete archive, and returns the checksum.
pub(super) fn seal(file: &mut File) -> io::Result<String> {
    let begin = file.seek(SeekFrom::End(0))? - DIGITS as u64;
    let sha256 = checksum(file, begin, &mut |_| {})?;
    file.seek(SeekFrom::Start(begin))?;
    file.write_all(sha256.as_bytes())?;
    Ok(sha256)
}

impl ArchiveSeal {
    /// Reads the seal of a file.
    ///
    /// # Errors
    /// When it has none, or one of a newer format.
    pub(super) fn read(file: &mut File) -> anyhow::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        let begin = length.saturating_sub(MAX_COMMENT_BYTES as u64);
        file.seek(SeekFrom::Start(begin))?;
        let mut end = Vec::new();
        file.take(MAX_COMMENT_BYTES as u64).read_to_end(&mut end)?;
        let seal = Self::parse(&String::from_utf8_lossy(&end));
        let (format, seal) = seal.context(
            "it is no archive of pipalhub's, or was cut off or damaged at its end: its seal is not \
             there",
        )?;
        check_format(format)?;
        Ok(seal)
    }

    fn parse(end: &str) -> Option<(u32, Self)> {
        let (_, comment) = end.rsplit_once(BEGIN)?;
        let (format, sha256) = comment.split_once(MIDDLE)?;
        let is_hex = |c: char| c.is_ascii_hexdigit();
        let sha256 = sha256.to_owned();
        let is_whole = sha256.len() == DIGITS && sha256.chars().all(is_hex);
        let format = format.parse().ok()?;
        is_whole.then_some((format, Self { sha256 }))
    }

    /// Whether the file is, to the byte, what was sealed.
    pub(super) fn fits(&self, file: &mut File, progress: &dyn ArchiveProgress) -> io::Result<bool> {
        let end = file.seek(SeekFrom::End(0))?;
        progress.begin("checksum", end);
        let sha256 = checksum(file, end - DIGITS as u64, &mut |n| progress.advance(n))?;
        Ok(sha256 == self.sha256)
    }

    /// The checksum.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// Refuses a format that this program does not know.
pub(super) fn check_format(format: u32) -> anyhow::Result<()> {
    if format > FORMAT {
        bail!(
            "it is of format {format}, which a newer pipalhub has written; this one reads up to \
             {FORMAT}: install that version, or read it with any program for zip files"
        );
    }
    Ok(())
}

fn checksum(file: &mut File, bytes: u64, on_chunk: &mut dyn FnMut(u64)) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut rest = file.take(bytes);
    let mut sha256 = Sha256::new();
    let mut chunk = vec![0; READ_CHUNK_BYTES];
    loop {
        match rest.read(&mut chunk)? {
            0 => break,
            length => {
                sha256.update(&chunk[..length]);
                on_chunk(length as u64);
            }
        }
    }
    Ok(hex(&sha256.finalize()))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_of_a_newer_format_is_refused_in_words() {
        let mut file = tempfile::tempfile().unwrap();
        let newer = blank().replace("archive 1 ", "archive 2 ");
        file.write_all(newer.as_bytes()).unwrap();
        let refusal = ArchiveSeal::read(&mut file).err().unwrap().to_string();
        assert!(refusal.contains("a newer pipalhub"), "{refusal}");
    }

    #[test]
    fn an_empty_or_other_file_has_no_seal() {
        for text in ["", "PK", "pipalhub archive 1 sha256:00"] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let refusal = ArchiveSeal::read(&mut file).err().unwrap().to_string();
            assert!(refusal.contains("no archive"), "{refusal}");
        }
    }
}
