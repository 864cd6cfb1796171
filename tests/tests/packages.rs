//! The packages that `cargo xtask dist` has made: installed without a network, each into a folder
//! of its own, and started once.
//!
//! They are ignored by default, because the packages take minutes to build; `cargo xtask dist` runs
//! them and sets the paths that they need. The Debian package is in `fresh/debian.rs`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use tests::{setting, standalone::Standalone};

/// The newest version of the GNU C library that every supported system has: 2.31, of Ubuntu 20.04
/// and Debian 11.
const GLIBC: (u32, u32) = (2, 31);

/// The machine of an ELF file: bytes 18 and 19, by name of the target.
const MACHINES: [(&str, u16); 2] = [("x86_64", 0x3e), ("aarch64", 0xb7)];

#[tokio::test]
#[ignore = "needs the packages: cargo xtask dist"]
async fn the_wheel_brings_the_program_and_the_module_to_a_hub() -> Result<()> {
    for hub in ["PIPALHUB_VENV", "PIPALHUB_VENV_HUB5"] {
        let venv = FreshVenv::beside(&setting(hub))?;
        venv.install("pipalhub")?;
        let program = venv.folder.path().join("bin/pipalhub");
        let version = output(Command::new(&program).arg("--version"))?;
        assert_eq!(version.trim(), format!("pipalhub {}", version_of_all()?));
        // It finds its own program, and not one on PATH.
        let found = venv.python("import pipalhub.program as p; print(p.find(None))")?;
        assert_eq!(Path::new(found.trim()), program);
        let module = venv.python("import pipalhub; print(pipalhub.__file__)")?;
        assert!(
            Path::new(module.trim()).starts_with(venv.folder.path()),
            "{module}"
        );
        answers(program).await?;
    }
    Ok(())
}

#[test]
#[ignore = "needs the packages: cargo xtask dist"]
fn the_wheel_of_the_participants_side_is_an_extension_of_their_server() -> Result<()> {
    let venv = FreshVenv::beside(&setting("PIPALHUB_VENV"))?;
    venv.install("pipalhub-singleuser")?;
    let list = "from jupyter_server.extension.serverextension import main; main(['list'])";
    let list = venv.python(list)?;
    let here = venv.folder.path().display().to_string();
    let (_, own) = list.split_once(&here).context("its configuration")?;
    let own = own.split("Config dir").next().unwrap_or_default();
    assert!(
        own.contains("pipalhub_singleuser") && own.contains("OK"),
        "{list}"
    );
    let module = venv.python("import pipalhub_singleuser as p; print(p.__file__)")?;
    assert!(
        Path::new(module.trim()).starts_with(venv.folder.path()),
        "{module}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "needs the packages: cargo xtask dist"]
async fn the_tarball_has_the_program_and_its_documents() -> Result<()> {
    let folder = unpack(&find(&format!(
        "{}-unknown-linux-gnu.tar.gz",
        std::env::consts::ARCH
    ))?)?;
    let mut entries = fs::read_dir(folder.path())?;
    let top = entries.next().context("a folder")??.path();
    assert!(entries.next().is_none(), "all is in one folder");
    for file in [
        "LICENSE",
        "README.md",
        "docs/install.md",
        "etc/systemd/pipalhub.service",
    ] {
        assert!(top.join(file).is_file(), "{file}");
    }
    answers(top.join("bin/pipalhub")).await
}

/// On another machine than one of arm64.
#[tokio::test]
#[ignore = "needs the packages and an emulator: cargo xtask dist"]
async fn every_program_for_arm64_is_started_by_an_emulator() -> Result<()> {
    let emulator = std::env::var("PIPALHUB_EMULATOR").context("PIPALHUB_EMULATOR is not set")?;
    for end in [
        "_aarch64.whl",
        "aarch64-unknown-linux-gnu.tar.gz",
        "_arm64.deb",
    ] {
        let package = find(end)?;
        let folder = unpack(&package)?;
        let program = program_in(folder.path())?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        let emulated = folder.path().join("emulated");
        let script = format!("#!/bin/sh\nexec {emulator} {} \"$@\"\n", program.display());
        fs::write(&emulated, script)?;
        fs::set_permissions(&emulated, fs::Permissions::from_mode(0o755))?;
        let version = output(Command::new(&emulated).arg("--version"))?;
        assert_eq!(version.trim(), format!("pipalhub {}", version_of_all()?));
        let mut check = Command::new(&emulated);
        check
            .args(["serve", "--check", "--bind", "127.0.0.1:0", "--homes"])
            .arg(folder.path().join("{user}"))
            .arg("--data")
            .arg(folder.path().join("data"));
        output(&mut check).with_context(|| format!("{package:?}"))?;
        answers(emulated)
            .await
            .with_context(|| format!("{package:?}"))?;
    }
    Ok(())
}

#[test]
#[ignore = "needs the packages: cargo xtask dist"]
fn every_package_is_listed_and_runs_on_old_systems() -> Result<()> {
    let dist = setting("PIPALHUB_DIST");
    let mut sums = Command::new("sha256sum");
    output(
        sums.current_dir(&dist)
            .args(["--check", "--strict", "SHA256SUMS"]),
    )?;
    let list = manifest()?;
    let files = list["files"].as_array().context("files")?;
    for file in files {
        let name = file["name"].as_str().context("a name")?;
        let size = fs::metadata(dist.join(name))?.len();
        assert_eq!(file["size"], size, "{name}");
        let Some(target) = file["target"].as_str() else {
            assert!(name.ends_with("-py3-none-any.whl"), "{name}");
            continue;
        };
        let glibc = file["glibc"].as_str().context("a version")?;
        assert!(pair(glibc, '.')? <= GLIBC, "{name} needs {glibc}");
        if let Some((_, tag)) = name.split_once("manylinux_") {
            assert!(pair(tag, '_')? <= GLIBC, "{name}");
        }
        is_for(target, &dist.join(name))?;
    }
    let listed = files.len() + ["SHA256SUMS", "manifest.json"].len();
    assert_eq!(
        fs::read_dir(&dist)?.count(),
        listed,
        "nothing else is there"
    );
    Ok(())
}

/// Checks that the program in a package is for this target, by the head of its ELF file.
fn is_for(target: &str, package: &Path) -> Result<()> {
    let (_, machine) = MACHINES
        .iter()
        .find(|(name, _)| target.starts_with(name))
        .context("a known machine")?;
    let folder = unpack(package)?;
    let program = program_in(folder.path())?;
    let head = fs::read(&program).with_context(|| format!("{package:?}: {program:?}"))?;
    ensure!(head.starts_with(b"\x7fELF"), "{program:?} is no program");
    assert_eq!(
        u16::from_le_bytes([head[18], head[19]]),
        *machine,
        "{package:?}"
    );
    Ok(())
}

/// The program among the files of a package.
fn program_in(folder: &Path) -> Result<PathBuf> {
    let find = ["-type", "f", "-name", "pipalhub", "-perm", "/111"];
    let found = output(Command::new("find").arg(folder).args(find))?;
    let programs: Vec<_> = found.lines().collect();
    // Python's unpacking of a wheel forgets that a file may be executed.
    Ok(match programs[..] {
        [program] => PathBuf::from(program),
        _ => {
            let scripts = format!("pipalhub-{}.data/scripts", version_of_all()?);
            folder.join(scripts).join("pipalhub")
        }
    })
}

/// The files of a package, in a folder that ends with this.
fn unpack(package: &Path) -> Result<TempDir> {
    let folder = TempDir::with_prefix("pipalhub-package-")?;
    let extension = package.extension().unwrap_or_default();
    let mut unpack = match extension.to_str() {
        Some("whl") => {
            let mut python = Command::new(setting("PIPALHUB_VENV").join("bin/python"));
            python.args(["-m", "zipfile", "--extract"]);
            python
        }
        Some("deb") => {
            let mut dpkg = Command::new("dpkg-deb");
            dpkg.arg("--extract");
            dpkg
        }
        _ => {
            let mut tar = Command::new("tar");
            tar.args(["--extract", "--file"]);
            tar.current_dir(folder.path());
            output(tar.arg(package))?;
            return Ok(folder);
        }
    };
    output(unpack.arg(package).arg(folder.path()))?;
    Ok(folder)
}

/// Checks that a program serves a page, from nothing but itself.
async fn answers(program: PathBuf) -> Result<()> {
    let service = Standalone::start_program(program)?;
    for path in ["healthz", ""] {
        let request = service.anonymous(Method::GET, path);
        let request = request.header("Accept", "text/html, application/json");
        let answer = request.send().await?.error_for_status()?;
        assert!(!answer.text().await?.is_empty(), "/{path}");
    }
    let status = service.terminate().await?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}

/// A new environment of Python that sees the packages of another, which has a Hub and a server.
struct FreshVenv {
    folder: TempDir,
}

impl FreshVenv {
    fn beside(other: &Path) -> Result<Self> {
        let folder = TempDir::with_prefix("pipalhub-venv-")?;
        let python = other.join("bin/python");
        output(
            Command::new(&python)
                .args(["-m", "venv"])
                .arg(folder.path()),
        )?;
        let venv = Self { folder };
        let site = "import sysconfig; print(sysconfig.get_path('purelib'))";
        let theirs = output(Command::new(&python).args(["-c", site]))?;
        let own = venv.python(site)?;
        fs::write(Path::new(own.trim()).join("other.pth"), theirs)?;
        Ok(venv)
    }

    /// Installs a package from the folder of packages and from nowhere else, into this environment
    /// even where the other one has it.
    fn install(&self, name: &str) -> Result<()> {
        let mut pip = Command::new(self.folder.path().join("bin/pip"));
        pip.args(["install", "--isolated", "--disable-pip-version-check"])
            .args(["--no-index", "--no-deps", "--ignore-installed"])
            .arg("--find-links")
            .arg(setting("PIPALHUB_DIST"));
        output(pip.arg(name)).map(drop)
    }

    /// What this environment's Python prints, outside of this repository.
    fn python(&self, code: &str) -> Result<String> {
        let mut python = Command::new(self.folder.path().join("bin/python"));
        python.current_dir(self.folder.path());
        output(python.args(["-c", code]))
    }
}

/// The package whose name ends so.
fn find(end: &str) -> Result<PathBuf> {
    let dist = setting("PIPALHUB_DIST");
    let mut paths = fs::read_dir(dist)?.flatten().map(|entry| entry.path());
    paths
        .find(|path| path.to_string_lossy().ends_with(end))
        .with_context(|| format!("no package ends in {end}"))
}

fn manifest() -> Result<Value> {
    let json = fs::read(setting("PIPALHUB_DIST").join("manifest.json"))?;
    Ok(serde_json::from_slice(&json)?)
}

fn version_of_all() -> Result<String> {
    let list = manifest()?;
    Ok(list["version"].as_str().context("a version")?.to_owned())
}

/// The first two of the numbers in a text.
fn pair(text: &str, between: char) -> Result<(u32, u32)> {
    let mut numbers = text.split(between).map(str::parse);
    let [major, minor] = [numbers.next(), numbers.next()];
    Ok((major.context("a number")??, minor.context("two numbers")??))
}

/// Runs a command to its end and returns what it printed.
fn output(command: &mut Command) -> Result<String> {
    let done = command
        .output()
        .with_context(|| format!("{command:?} cannot be started"))?;
    let [written, said] =
        [done.stdout, done.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
    ensure!(done.status.success(), "{command:?}: {written}{said}");
    Ok(format!("{written}{said}"))
}
