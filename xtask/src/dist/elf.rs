//! What a program asks of the system that runs it, read from its ELF file.

use std::fmt;

use anyhow::{Context, ensure};
use goblin::elf::Elf;

use super::DistTarget;

/// A version of the GNU C library, `2.28`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GlibcVersion {
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl GlibcVersion {
    /// The version in the name of a symbol's version, `GLIBC_2.2.5`; `None` when the name is
    /// another library's.
    ///
    /// `GLIBC_PRIVATE` and `GLIBC_ABI_DT_RELR` are an error: the first is promised by no version,
    /// and the second stands for one that its name does not tell.
    fn of_symbol(name: &str) -> anyhow::Result<Option<Self>> {
        let Some(version) = name.strip_prefix("GLIBC_") else {
            return Ok(None);
        };
        let mut numbers = version.split('.').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Some(Self { major, minor })),
            _ => anyhow::bail!("it needs {name}, which no version of the C library stands for"),
        }
    }
}

impl fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The libraries of the C library, and the dynamic linker: they are on every system of GNU.
const SYSTEM_LIBRARIES: [&str; 7] = [
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libpthread.so.0",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
];

/// The newest version of the C library whose symbols a program for `target` uses.
///
/// # Errors
/// When it is for another machine, needs a library beside the C library, or a newer C library than
/// `limit`.
pub(super) fn glibc_of(
    program: &[u8],
    target: DistTarget,
    limit: GlibcVersion,
) -> anyhow::Result<GlibcVersion> {
    let elf = Elf::parse(program).context("it is no ELF file")?;
    ensure!(
        elf.header.e_machine == target.machine(),
        "it is for another machine than {}",
        target.triple()
    );
    let mut newest = GlibcVersion { major: 2, minor: 0 };
    for needed in elf.verneed.iter().flat_map(|section| section.iter()) {
        for version in needed.iter() {
            let name = elf.dynstrtab.get_at(version.vna_name);
            let name = name.context("a symbol's version has no name")?;
            newest = GlibcVersion::of_symbol(name)?.unwrap_or(newest).max(newest);
        }
    }
    ensure!(
        newest <= limit,
        "it needs version {newest} of the C library, and is to run with {limit}"
    );
    for library in &elf.libraries {
        ensure!(
            SYSTEM_LIBRARIES.contains(library),
            "it needs {library}, which not every system has"
        );
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn version(major: u32, minor: u32) -> GlibcVersion {
        GlibcVersion { major, minor }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let of_symbol = |name| GlibcVersion::of_symbol(name).unwrap();
        assert_eq!(of_symbol("GLIBC_2.2.5"), Some(version(2, 2)));
        assert!(of_symbol("GLIBC_2.4") < of_symbol("GLIBC_2.31"));
        assert_eq!(of_symbol("GCC_3.0"), None);
        for unknown in ["GLIBC_PRIVATE", "GLIBC_ABI_DT_RELR"] {
            let error = GlibcVersion::of_symbol(unknown).unwrap_err().to_string();
            assert!(error.contains(unknown), "{error}");
        }
    }

    /// The test itself is a program of this machine.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_program_that_needs_more_than_it_may_is_refused() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let [here, elsewhere] = match DistTarget::X86_64.is_host() {
            true => [DistTarget::X86_64, DistTarget::Arm64],
            false => [DistTarget::Arm64, DistTarget::X86_64],
        };
        let refusal = |target, limit| glibc_of(&own, target, limit).unwrap_err().to_string();
        assert!(refusal(elsewhere, version(9, 0)).contains(elsewhere.triple()));
        assert!(refusal(here, version(2, 2)).contains("is to run with 2.2"));
        // It unwinds by a library of its compiler, which the packages must not need.
        assert!(refusal(here, version(9, 0)).contains("libgcc_s.so.1"));
        assert!(glibc_of(b"#!/bin/sh", here, version(9, 0)).is_err());
    }
}
