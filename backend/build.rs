//! Makes a release build notice a new build of the frontend, which it embeds, tells the program
//! which version of the renderer is in it, and refuses a build whose C libraries would be others
//! than those that were measured.

use std::{
    env, fs,
    hash::{DefaultHasher, Hasher},
    path::Path,
};

/// What the files that are built from a notebook depend on, besides the notebook.
const RENDERER: [&str; 3] = ["../shared/src", "src/builds", "../Cargo.lock"];

/// What `.cargo/config.toml` says to the builds of SQLite and jemalloc. Cargo reads that file below
/// this repository only, and neither library can be asked afterwards.
const LIBRARIES: [(&str, &str, &str); 2] = [
    (
        "LIBSQLITE3_FLAGS",
        "-DHAVE_FDATASYNC=1",
        "a commit would be two writes to the disk instead of one",
    ),
    (
        "JEMALLOC_SYS_WITH_MALLOC_CONF",
        "background_thread:true,dirty_decay_ms:500,muzzy_decay_ms:0",
        "memory that is free would not go back to the system",
    ),
];

fn main() {
    for (variable, needed, without) in LIBRARIES {
        println!("cargo::rerun-if-env-changed={variable}");
        if !env::var(variable).is_ok_and(|value| value.contains(needed)) {
            println!(
                "cargo::error={variable} does not have {needed}, without which {without}: run \
                 cargo inside the repository, whose .cargo/config.toml sets it, or set it"
            );
        }
    }
    // What reads the frontend's files when the program runs takes only those below the folder that
    // was there when it was compiled, and `cargo xtask run` compiles it before the page is built.
    // Where the sources cannot be written, the page is there or there is none.
    let _ = fs::create_dir_all("../frontend/dist");
    // A debug build reads the frontend's files when it runs, so it need not know.
    if env::var("PROFILE").as_deref() == Ok("release") {
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
