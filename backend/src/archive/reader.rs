//! Reads an archive, which may be damaged, or made by somebody to trick us: nothing is believed of
//! it but its bytes, and each file in it is as long as the manifest says, or refused.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use zip::{ZipArchive, read::ZipFile};

use super::{
    ArchiveProgress,
    manifest::{ArchiveEntry, ClassManifest, MANIFEST, total},
    seal::{self, ArchiveSeal},
};

/// The largest manifest that is read, in bytes: that of a million files.
const MAX_MANIFEST_BYTES: u64 = 512 << 20;
/// Bytes that are read at once.
const READ_CHUNK_BYTES: usize = 64 << 10;

/// An archive that is open.
pub(crate) struct ClassArchive {
    seal: ArchiveSeal,
    /// Beside the reader, for the checksum of all.
    file: File,
    zip: ZipArchive<BufReader<File>>,
    manifest: ClassManifest,
}

impl ClassArchive {
    /// Opens an archive and reads its manifest.
    ///
    /// # Errors
    /// When it is none, is of a newer format, or is so damaged that what is in it cannot be known.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        Self::open_file(path).with_context(|| format!("cannot use the archive {}", path.display()))
    }

    fn open_file(path: &Path) -> anyhow::Result<Self> {
        let mut file = File::open(path)?;
        let seal = ArchiveSeal::read(&mut file)?;
        let zip = ZipArchive::new(BufReader::new(File::open(path)?));
        let mut zip = zip.context("it is damaged: the directory at its end cannot be read")?;
        let manifest = read_manifest(&mut zip).context("it is damaged: its manifest.json")?;
        Ok(Self {
            seal,
            file,
            zip,
            manifest,
        })
    }

    /// What is in it.
    pub(crate) fn manifest(&self) -> &ClassManifest {
        &self.manifest
    }

    /// The same, when nothing more is read.
    pub(crate) fn into_manifest(self) -> ClassManifest {
        self.manifest
    }

    /// The checksum in its seal.
    pub(crate) fn sha256(&self) -> &str {
        self.seal.sha256()
    }

    /// Reads all of it, and says what is damaged, each with its name; nothing when it is whole.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn check(&mut self, progress: &dyn ArchiveProgress) -> anyhow::Result<Vec<String>> {
        let is_whole = self.seal.fits(&mut self.file, progress)?;
        let entries = self.manifest.entries.clone();
        progress.begin("files", total(&entries));
        let mut damage = Vec::new();
        for entry in &entries {
            if let Err(error) = self.copy(entry, &mut io::sink()) {
                damage.push(format!("{error:#}"));
            }
            progress.advance(entry.size);
        }
        damage.extend(self.unlisted());
        if !is_whole && damage.is_empty() {
            damage.push(
                "the archive is not, to the byte, what was written, though each file in it is: its \
                 directory, or what stands between the files, is another"
                    .to_owned(),
            );
        }
        Ok(damage)
    }

    /// Refuses an archive that is not, to the byte, what was written; names what is damaged.
    ///
    /// # Errors
    /// When it is damaged, or cannot be read.
    pub(crate) fn require_whole(&mut self, progress: &dyn ArchiveProgress) -> anyhow::Result<()> {
        if self.seal.fits(&mut self.file, progress)? {
            return Ok(());
        }
        let damage = self.check(progress)?;
        bail!("the archive is damaged: {}", damage.join("; "))
    }

    /// Files that the manifest does not name.
    fn unlisted(&self) -> Vec<String> {
        let listed = self
            .manifest
            .entries
            .iter()
            .map(|entry| entry.name.as_bytes());
        let listed: HashSet<&[u8]> = listed.chain([MANIFEST.as_bytes()]).collect();
        let names = self.zip.file_names_raw();
        let unlisted = names.filter(|name| !listed.contains(name));
        unlisted
            .map(|name| {
                let name = String::from_utf8_lossy(name);
                format!("{name:?} is in the archive and not in its manifest")
            })
            .collect()
    }

    /// Writes the bytes of a file in it to `out`, and refuses them, with its name, when they are
    /// not those that the manifest says.
    ///
    /// # Errors
    /// When they are others, or cannot be read or written.
    pub(super) fn copy(&mut self, entry: &ArchiveEntry, out: &mut dyn Write) -> anyhow::Result<()> {
        let named = || format!("{:?} is damaged", entry.name);
        let mut file = self.packed(entry, false).with_context(named)?;
        let mut sha256 = Sha256::new();
        let mut left = entry.size;
        let mut chunk = vec![0; READ_CHUNK_BYTES];
        loop {
            let length = file.read(&mut chunk).with_context(named)?;
            if length == 0 {
                break;
            }
            let rest = left.checked_sub(length as u64);
            left = rest
                .context("it is longer than the manifest says")
                .with_context(named)?;
            sha256.update(&chunk[..length]);
            out.write_all(&chunk[..length])?;
        }
        if left > 0 {
            bail!(
                "{:?} is damaged: it is shorter than the manifest says",
                entry.name
            );
        }
        if seal::hex(&sha256.finalize()) != entry.sha256 {
            bail!("{:?} is damaged: its SHA-256 is another", entry.name);
        }
        Ok(())
    }

    /// A file in it, as it is packed (`is_raw`) or not.
    pub(super) fn packed(
        &mut self,
        entry: &ArchiveEntry,
        is_raw: bool,
    ) -> anyhow::Result<ZipFile<'_, BufReader<File>>> {
        let at = self.zip.index_for_name_raw(entry.name.as_bytes());
        let at = at.context("it is not in the archive")?;
        Ok(match is_raw {
            true => self.zip.by_index_raw(at)?,
            false => self.zip.by_index(at)?,
        })
    }
}

fn read_manifest(zip: &mut ZipArchive<BufReader<File>>) -> anyhow::Result<ClassManifest> {
    let file = zip.by_name(MANIFEST)?;
    let mut json = Vec::new();
    file.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut json)?;
    if json.len() as u64 > MAX_MANIFEST_BYTES {
        bail!("it has more than {} MiB", MAX_MANIFEST_BYTES >> 20);
    }
    // A newer format may have other fields.
    let format: ManifestFormat = serde_json::from_slice(&json)?;
    seal::check_format(format.format)?;
    Ok(serde_json::from_slice(&json)?)
}

/// The part of a manifest that all formats have.
#[derive(serde::Deserialize)]
struct ManifestFormat {
    format: u32,
}
