//! Makes a release build notice a new build of the frontend, which it embeds, and tells
//! the program which version of the renderer is in it.

use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    path::Path,
};

/// What the files that are built from a notebook depend on, besides the notebook.
const RENDERER: [&str; 3] = ["../shared/src", "src/builds", "../Cargo.lock"];

fn main() {
    // A debug build reads the frontend's files when it runs, so it need not know.
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo::rerun-if-changed=../frontend/dist");
    } else {
        println!("cargo::rerun-if-changed=build.rs");
    }
    let mut hasher = DefaultHasher::new();
    for path in RENDERER {
        println!("cargo::rerun-if-changed={path}");
        hash(Path::new(path), &mut hasher);
    }
    println!(
        "cargo::rustc-env=PIPALHUB_RENDERER={:016x}",
        hasher.finish()
    );
}

/// Names and contents of all files at or below `path`, in one order.
fn hash(path: &Path, hasher: &mut DefaultHasher) {
    hasher.write(path.as_os_str().as_encoded_bytes());
    if let Ok(entries) = fs::read_dir(path) {
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            hash(&path, hasher);
        }
    } else {
        hasher.write(&fs::read(path).unwrap_or_default());
    }
}
