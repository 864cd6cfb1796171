//! `cargo xtask dist`: the packages that people install, in `dist/`.
//!
//! * [`wheel`]: the wheels, of the service and of the participants' side; building the first
//!   builds the program that the others contain
//! * [`elf`]: what the program asks of the system that runs it
//! * [`tarball`]: the program and its documents, for any Linux
//! * [`deb`]: the same for Debian and Ubuntu, with a unit of systemd
//! * [`archive`]: the files of both, in tar and ar
//! * [`manifest`]: the list of all that was made, with checksums
//! * [`trial`]: each package installed and started once

mod archive;
mod deb;
mod elf;
mod manifest;
mod tarball;
mod trial;
mod wheel;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use goblin::elf::header::{EM_AARCH64, EM_X86_64};

use crate::{
    build::{self, BuildProfile},
    command::{root, say},
    tools,
};
use elf::GlibcVersion;
use manifest::Manifest;

/// The C library that the packages run with, and every later one. That of Ubuntu 20.04 and Debian
/// 11 is 2.31; this one is as easily built for, and pip knows its name.
const GLIBC: GlibcVersion = GlibcVersion {
    major: 2,
    minor: 28,
};

/// The time of all files in the packages, 1980-01-01 and the earliest that a wheel can have: the
/// same files make the same packages, byte for byte.
const FILE_TIME: u64 = 315_532_800;

/// Make the packages, in dist/: wheels, tarballs and Debian packages, for x86-64 and arm64.
///
/// Each is then installed and started once, as far as this machine can run it.
#[derive(Args)]
pub(crate) struct DistArgs {
    /// Build for this machine only; may be given twice. [default: both]
    #[arg(long = "target", value_enum, value_name = "TARGET")]
    targets: Vec<DistTarget>,
    /// Only make the packages, and try none.
    #[arg(long)]
    untried: bool,
}

/// A kind of machine that packages are made for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DistTarget {
    /// 64-bit Intel and AMD.
    #[value(name = "x86_64-unknown-linux-gnu", alias = "x86_64", alias = "amd64")]
    X86_64,
    /// 64-bit ARM.
    #[value(name = "aarch64-unknown-linux-gnu", alias = "aarch64", alias = "arm64")]
    Arm64,
}

impl DistTarget {
    /// As Rust calls it.
    fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// As Debian calls it.
    fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// As the head of an ELF file calls it.
    fn machine(self) -> u16 {
        match self {
            Self::X86_64 => EM_X86_64,
            Self::Arm64 => EM_AARCH64,
        }
    }

    /// Whether this machine can run it.
    fn is_host(self) -> bool {
        cfg!(target_os = "linux")
            && match self {
                Self::X86_64 => cfg!(target_arch = "x86_64"),
                Self::Arm64 => cfg!(target_arch = "aarch64"),
            }
    }
}

/// The program as it was built for a target.
struct Program {
    target: DistTarget,
    path: PathBuf,
    /// The version of the C library that it needs.
    glibc: GlibcVersion,
}

impl Program {
    fn read(&self) -> anyhow::Result<Vec<u8>> {
        read(&self.path)
    }
}

pub(crate) fn run(args: &DistArgs) -> anyhow::Result<()> {
    let targets = match args.targets.as_slice() {
        [] => DistTarget::value_variants(),
        chosen => chosen,
    };
    // The program's C libraries are compiled by zig; programs that only build it by cc.
    tools::debian_packages(&[("cc", "gcc"), ("make", "make")])?;
    build::page(BuildProfile::Release)?;
    let venv = tools::venv(&tools::DIST_VENV)?;
    for target in targets {
        tools::rust_target(target.triple())?;
    }
    let dist = empty_folder()?;
    let mut manifest = Manifest::new();
    for target in targets {
        let triple = target.triple();
        say(&format!("Building the wheel for {triple}"));
        let (wheel, program) = wheel::build(&venv, *target, &dist)?;
        manifest.add(&wheel, Some(&program))?;
        say(&format!("Packing the rest for {triple}"));
        manifest.add(&tarball::build(&program, &dist)?, Some(&program))?;
        manifest.add(&deb::build(&program, &dist)?, Some(&program))?;
    }
    let python = venv.join("bin/python");
    manifest.add(&tools::singleuser_wheel(&python, &dist)?, None)?;
    manifest.write(&dist)?;
    if !args.untried {
        trial::run(targets, &dist)?;
    }
    println!("{}", dist.display());
    Ok(())
}

/// `dist/`, without what an earlier run has left.
fn empty_folder() -> anyhow::Result<PathBuf> {
    let dist = root().join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).with_context(|| format!("cannot empty {}", dist.display()))?;
    }
    fs::create_dir(&dist).with_context(|| format!("cannot make {}", dist.display()))?;
    Ok(dist)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
