//! The wheel of the service: the program with the page inside, and the Python module that
//! configures a Hub. maturin builds both from `wheel/`, and zig compiles and links for the oldest C
//! library.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

use super::{DistTarget, FILE_TIME, GLIBC, Program, elf::glibc_of, read};
use crate::{
    build,
    command::{execute, path_with, program, root},
};

/// Writes the wheel into `dist` and returns its path, and the program that is in it.
pub(super) fn build(
    venv: &Path,
    target: DistTarget,
    dist: &Path,
) -> anyhow::Result<(PathBuf, Program)> {
    // In a folder of its own, because maturin does not say what it has called the wheel.
    let folder = tempfile::tempdir_in(dist)?;
    let bin = venv.join("bin");
    let target_folder = root().join(build::target_folder());
    let policy = format!("manylinux_{}_{}", GLIBC.major, GLIBC.minor);
    let mut maturin = program(bin.join("maturin"));
    maturin
        .current_dir(root().join("wheel"))
        .args(["build", "--release", "--locked", "--zig"])
        .args(["--target", target.triple()])
        // Fails where the program does not keep to the policy, and changes nothing in it.
        .args(["--compatibility", &policy, "--auditwheel", "check"])
        .arg("--target-dir")
        .arg(&target_folder)
        .arg("--out")
        .arg(folder.path())
        // The venv's Python has zig.
        .env("PATH", path_with(&[bin])?)
        .env("SOURCE_DATE_EPOCH", FILE_TIME.to_string());
    execute(&mut maturin)?;
    let mut built = fs::read_dir(folder.path())?;
    let wheel = built.next().context("maturin has written no wheel")??;
    let name = wheel.file_name();
    let tag = format!("-{policy}_");
    ensure!(
        name.to_string_lossy().contains(&tag),
        "the wheel is called {}, without {tag}",
        name.display()
    );
    let path = dist.join(name);
    fs::rename(wheel.path(), &path)?;
    Ok((path, built_program(&target_folder, target)?))
}

/// The program that the wheel has been packed from.
fn built_program(target_folder: &Path, target: DistTarget) -> anyhow::Result<Program> {
    let path = target_folder.join(target.triple()).join("release/pipalhub");
    let glibc = glibc_of(&read(&path)?, target, GLIBC)
        .with_context(|| format!("{} cannot be shipped", path.display()))?;
    Ok(Program {
        target,
        path,
        glibc,
    })
}
