//! The page (`frontend/dist`) and the binary that has it inside.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, ensure};

use crate::{
    command::{cargo, execute, path_with, program, root, say},
    tools::{self, WebTools},
};

/// What the page is made of.
const SOURCES: [&str; 5] = [
    "frontend",
    "shared",
    "Cargo.toml",
    "Cargo.lock",
    "Trunk.toml",
];
/// What a first visit may weigh at most, in thousands of bytes, compressed.
const BUDGET_KB: f64 = 250.0;

/// Builds everything in release; the answer is where the binary is.
pub(crate) fn release() -> anyhow::Result<PathBuf> {
    page()?;
    say("Building the service");
    execute(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "backend",
    ]))?;
    Ok(target_folder().join("release/pipalhub"))
}

/// Builds the page, unless it is newer than all it is made of.
pub(crate) fn page() -> anyhow::Result<()> {
    let dist = root().join("frontend/dist");
    if is_current(&dist)? {
        say("The page is up to date");
        return Ok(());
    }
    let WebTools { folders, wasm_opt } = tools::web()?;
    say("Building the page");
    let mut trunk = program("trunk");
    trunk
        .args(["build", "--skip-version-check"])
        .env("PATH", path_with(&folders)?)
        // Trunk takes the variable's common value, 1, for a mistake.
        .env_remove("NO_COLOR");
    if wasm_opt {
        trunk.arg("--release");
    } else {
        say("Without npm there is no wasm-opt: the page works, but is larger");
        trunk.args(["--cargo-profile", "wasm-release"]);
    }
    execute(&mut trunk)?;
    add_maths_font(&dist)?;
    let kilobytes = compress(&dist)?;
    say(&format!("The first visit loads {kilobytes:.1} kB (brotli)"));
    // The budget is for what is shipped, and that has been through wasm-opt.
    ensure!(
        kilobytes < BUDGET_KB || !wasm_opt,
        "the page is heavier than the {BUDGET_KB} kB it may be"
    );
    Ok(())
}

/// Puts the font for formulas beside the page, which loads it when it has a formula to
/// show; without npm, browsers use what the system has.
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

/// Writes a brotli copy beside each file; the answer is what they weigh together, in
/// thousands of bytes.
fn compress(dist: &Path) -> anyhow::Result<f64> {
    let mut total = 0;
    for entry in fs::read_dir(dist)? {
        let path = entry?.path();
        let is_text_or_wasm = path.extension().is_some_and(|extension| {
            ["html", "css", "js", "wasm", "svg"]
                .iter()
                .any(|known| *known == extension)
        });
        if !is_text_or_wasm {
            continue;
        }
        let mut bytes = Vec::new();
        File::open(&path)?.read_to_end(&mut bytes)?;
        let mut compressed = Vec::new();
        let mut writer = brotli::CompressorWriter::new(&mut compressed, 1 << 16, 11, 22);
        writer.write_all(&bytes)?;
        drop(writer);
        total += compressed.len();
        let name = format!("{}.br", path.display());
        fs::write(&name, compressed).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(total as f64 / 1000.0)
}

fn is_current(dist: &Path) -> anyhow::Result<bool> {
    let Ok(built) = fs::metadata(dist.join("index.html.br")).and_then(|m| m.modified()) else {
        return Ok(false);
    };
    for source in SOURCES {
        if newest(&root().join(source), dist)? > built {
            return Ok(false);
        }
    }
    Ok(true)
}

/// When the newest file at or below `path` was changed, `without` being passed over.
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

pub(crate) fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
