//! Builds the page (`frontend/dist`) and the binary that contains it.

mod slim;

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    thread,
    time::SystemTime,
};

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::{
    command::{cargo, execute, path_with, program, root, say},
    tools,
};

/// The sources of the page.
const PAGE_SOURCES: [&str; 5] = [
    "frontend",
    "shared",
    "Cargo.toml",
    "Cargo.lock",
    "Trunk.toml",
];
/// The largest size of a first visit, compressed, in thousands of bytes.
const MAX_FIRST_VISIT_KB: f64 = 250.0;
/// The document of the app of the pages for running a class, in the folder of its sources.
const MANAGE_DOCUMENT: &str = "manage.html";
/// The most that such a page loads beside what the first visit has loaded.
const MAX_MANAGE_KB: f64 = 260.0;

/// How a build is optimised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BuildProfile {
    /// For trying on this machine: fast to build.
    Trial,
    /// For installing: as fast and as small as possible.
    Release,
}

/// The argument that chooses the profile.
#[derive(Args)]
pub(crate) struct BuildProfileArgs {
    /// Build as for installing, which takes twice as long and makes a faster service and a
    /// smaller page.
    #[arg(long)]
    release: bool,
}

impl BuildProfileArgs {
    /// Builds everything; returns the path of the binary.
    pub(crate) fn build(&self) -> anyhow::Result<PathBuf> {
        match self.release {
            true => release(),
            false => trial(),
        }
    }
}

/// Builds everything in release; returns the path of the binary.
pub(crate) fn release() -> anyhow::Result<PathBuf> {
    page(BuildProfile::Release)?;
    say("Building the service");
    let arguments = ["build", "--release", "--locked", "--package", "backend"];
    execute(&mut cargo(&arguments))?;
    Ok(target_folder().join("release/pipalhub"))
}

/// Builds the service with the page and what goes onto a server in it, and without what only a
/// debugger reads; returns the path of the binary, which is good on any server.
pub(crate) fn embedded() -> anyhow::Result<PathBuf> {
    say("Building the service with the page in it");
    let features = ["--package", "backend", "--features", "embedded"];
    execute(&mut cargo(
        &[&["build", "--locked"], &features[..]].concat(),
    ))?;
    let folder = target_folder().join("embedded");
    fs::create_dir_all(&folder)?;
    let binary = folder.join("pipalhub");
    let mut strip = program("objcopy");
    strip
        .arg("--strip-debug")
        .arg(target_folder().join("debug/pipalhub"));
    execute(strip.arg(&binary))?;
    Ok(binary)
}

/// Builds everything for trying. A debug build of the service reads the page at run time, so both
/// are built in parallel, and each uses the processors while the other waits.
fn trial() -> anyhow::Result<PathBuf> {
    say("Building the service, in the background");
    thread::scope(|scope| {
        let arguments = ["build", "--quiet", "--locked", "--package", "backend"];
        let service = scope.spawn(move || execute(&mut cargo(&arguments)));
        page(BuildProfile::Trial)?;
        say("Waiting for the service");
        service.join().ok().context("building it has panicked")?
    })?;
    Ok(target_folder().join("debug/pipalhub"))
}

/// Builds the page, unless it is newer than its sources. A release build is good for trying too.
pub(crate) fn page(purpose: BuildProfile) -> anyhow::Result<()> {
    let dist = root().join("frontend/dist");
    // The file that is written last; only a release build is compressed.
    let last = match purpose {
        BuildProfile::Trial => MANAGE_DOCUMENT.to_owned(),
        BuildProfile::Release => format!("{MANAGE_DOCUMENT}.br"),
    };
    if is_current(&dist, &last)? {
        say("The page is up to date");
        return Ok(());
    }
    let mut folders = tools::web()?;
    let wasm_opt = match purpose {
        BuildProfile::Trial => None,
        BuildProfile::Release => tools::wasm_opt()?,
    };
    let is_optimised = wasm_opt.is_some();
    folders.extend(wasm_opt.flatten());
    let trunk = |arguments: &[&str]| {
        let mut trunk = program("trunk");
        trunk
            .args(["build", "--skip-version-check"])
            .args(arguments)
            .env("PATH", path_with(&folders)?)
            // Trunk rejects the variable's usual value, 1.
            .env_remove("NO_COLOR");
        match purpose {
            BuildProfile::Trial => trunk.args(["--cargo-profile", "wasm-try"]),
            BuildProfile::Release if is_optimised => trunk.arg("--release"),
            BuildProfile::Release => trunk.args(["--cargo-profile", "wasm-release"]),
        };
        execute(&mut trunk)
    };
    if purpose == BuildProfile::Release && !is_optimised {
        say("Without npm there is no wasm-opt: the page works, but is larger");
    }
    say("Building the page");
    trunk(&[])?;
    slim_for(purpose, &dist)?;
    add_maths_font(&dist)?;
    let first_visit = compress_for(purpose, &dist)?;
    say("Building the pages for running a class");
    // Trunk empties the folder that it builds into.
    let manage = target_folder().join("manage-page");
    let manage_folder = manage.to_string_lossy();
    let document = format!("frontend/{MANAGE_DOCUMENT}");
    trunk(&["--dist", &manage_folder, &document])?;
    slim_for(purpose, &manage)?;
    add_manage_page(&manage, &dist)?;
    let manage = compress_for(purpose, &dist)?;
    if purpose == BuildProfile::Trial {
        return Ok(());
    }
    say(&format!(
        "The first visit loads {first_visit:.1} kB (brotli); a page for running a class \
         {manage:.1} kB more"
    ));
    // The budgets are for shipped pages, which have been through wasm-opt.
    ensure!(
        first_visit < MAX_FIRST_VISIT_KB || !is_optimised,
        "the page is heavier than the {MAX_FIRST_VISIT_KB} kB it may be"
    );
    ensure!(
        manage < MAX_MANAGE_KB || !is_optimised,
        "the pages for running a class are heavier than the {MAX_MANAGE_KB} kB they may be"
    );
    Ok(())
}

/// Puts what Trunk has built of the pages for running a class beside the page. Names are those of
/// contents, so what both have is there once. The document, by which the build is known to be
/// through, is the last.
fn add_manage_page(built: &Path, dist: &Path) -> anyhow::Result<()> {
    let mut documents = Vec::new();
    for entry in fs::read_dir(built)? {
        let path = entry?.path();
        if path.is_dir() {
            continue;
        }
        let is_document = path
            .extension()
            .is_some_and(|extension| extension == "html");
        if is_document {
            documents.push(path);
        } else {
            copy_into(&path, dist)?;
        }
    }
    let [document] = &documents[..] else {
        bail!(
            "{} has {} documents, and not one",
            built.display(),
            documents.len()
        );
    };
    fs::copy(document, dist.join(MANAGE_DOCUMENT))
        .with_context(|| format!("cannot copy {}", document.display()))?;
    Ok(())
}

fn copy_into(file: &Path, folder: &Path) -> anyhow::Result<()> {
    let name = file.file_name().context("a file has a name")?;
    let to = folder.join(name);
    if !to.exists() {
        fs::copy(file, to).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    Ok(())
}

/// Copies the font for formulas beside the page, which loads it when it shows a formula; without
/// npm, browsers use a font of the system.
fn add_maths_font(dist: &Path) -> anyhow::Result<()> {
    let Some([font, licence]) = tools::maths_font()? else {
        return Ok(());
    };
    let folder = dist.join("fonts");
    fs::create_dir_all(&folder)?;
    for (from, name) in [
        (font, "stix-two-math.woff2"),
        (licence, "stix-two-math.LICENSE"),
    ] {
        fs::copy(&from, folder.join(name))
            .with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}

/// Makes the program in `folder` and its script smaller, unless the page is for trying.
fn slim_for(purpose: BuildProfile, folder: &Path) -> anyhow::Result<()> {
    match purpose {
        BuildProfile::Trial => Ok(()),
        BuildProfile::Release => slim::slim(folder),
    }
}

/// Compresses what has no compressed copy yet, unless the page is for trying; returns the total size
/// of the new ones in thousands of bytes.
fn compress_for(purpose: BuildProfile, dist: &Path) -> anyhow::Result<f64> {
    match purpose {
        BuildProfile::Trial => Ok(0.0),
        BuildProfile::Release => compress(dist),
    }
}

/// Writes a brotli copy beside each file that has none, the document of the pages for running a
/// class last; returns their total size in thousands of bytes.
fn compress(dist: &Path) -> anyhow::Result<f64> {
    let mut total = 0;
    let paths = fs::read_dir(dist)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.sort_by_key(|path| path.ends_with(MANAGE_DOCUMENT));
    for path in paths {
        let is_text_or_wasm = path.extension().is_some_and(|extension| {
            ["html", "css", "js", "wasm", "svg"]
                .iter()
                .any(|known| *known == extension)
        });
        let name = format!("{}.br", path.display());
        if !is_text_or_wasm || Path::new(&name).exists() {
            continue;
        }
        let mut bytes = Vec::new();
        File::open(&path)?.read_to_end(&mut bytes)?;
        let mut compressed = Vec::new();
        let mut writer = brotli::CompressorWriter::new(&mut compressed, 1 << 16, 11, 22);
        writer.write_all(&bytes)?;
        drop(writer);
        total += compressed.len();
        fs::write(&name, compressed).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(total as f64 / 1000.0)
}

/// Whether the file that is written last is newer than the sources of the page.
fn is_current(dist: &Path, last: &str) -> anyhow::Result<bool> {
    let Ok(built) = fs::metadata(dist.join(last)).and_then(|m| m.modified()) else {
        return Ok(false);
    };
    for source in PAGE_SOURCES {
        if newest(&root().join(source), dist)? > built {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The modification time of the newest file at or below `path`, except `without`.
fn newest(path: &Path, without: &Path) -> anyhow::Result<SystemTime> {
    let mut newest = fs::metadata(path)?.modified()?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            let below = entry?.path();
            if below != without {
                newest = newest.max(self::newest(&below, without)?);
            }
        }
    }
    Ok(newest)
}

/// The folder for screenshots: the one that was asked for, else one beside what is built.
pub(crate) fn shots(wanted: Option<&Path>) -> anyhow::Result<PathBuf> {
    let shots = wanted.map_or_else(|| target_folder().join("screenshots"), Path::to_path_buf);
    fs::create_dir_all(&shots).with_context(|| format!("cannot make {}", shots.display()))?;
    Ok(fs::canonicalize(shots)?)
}

pub(crate) fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
