//! Tests of the command `pipalhub build`.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

mod common;

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::SystemTime,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use common::eventually_blocking;

/// A folder with homes, to build into.
struct BuildFixture(TempDir);

impl BuildFixture {
    fn new() -> Self {
        // Not hidden, because builds of notebooks outside the homes are named by the whole path.
        Self(tempfile::Builder::new().prefix("class").tempdir().unwrap())
    }

    fn save(&self, user: &str, filename: &str, text: &str) -> PathBuf {
        let path = self.0.path().join("homes").join(user).join(filename);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn build(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipalhub"));
        command.env_clear().current_dir(self.0.path());
        let homes = format!("{}/homes/{{user}}", self.0.path().display());
        command.args(["build", "--homes", &homes]).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> (i32, String) {
        let Output { status, stderr, .. } = self.build(args).output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        (status.code().unwrap(), stderr)
    }

    fn text(&self, place: &str) -> String {
        fs::read_to_string(self.0.path().join(place)).unwrap()
    }

    fn is_there(&self, place: &str) -> bool {
        self.0.path().join(place).exists()
    }
}

fn notebook(source: &str) -> String {
    let cell = json!({"cell_type": "markdown", "metadata": {}, "source": source});
    json!({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string()
}

#[test]
fn a_build_makes_all_files_of_all_participants() {
    let class = BuildFixture::new();
    class.save("ana", "m1/day1.ipynb", &notebook("of ana"));
    class.save("bo", "m1/day1.ipynb", &notebook("of bo"));
    class.save("bo", "notes.txt", "not a notebook");
    let (code, stderr) = class.run(&[]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("2 of 2 notebooks"), "{stderr}");
    assert!(class.text("build/m1/day1/ana.html").contains("of ana"));
    assert_eq!(
        class.text("build/m1/day1/notebooks/bo.ipynb"),
        notebook("of bo")
    );
    let summary: Value =
        serde_json::from_str(&class.text("build/m1/day1/00-summary.ipynb")).unwrap();
    assert_eq!(summary["cells"].as_array().unwrap().len(), 4);

    fs::remove_dir_all(class.0.path().join("homes/bo")).unwrap();
    assert_eq!(class.run(&[]).0, 0);
    assert!(!class.is_there("build/m1/day1/bo.html"));
    assert!(
        !class
            .text("build/m1/day1/00-summary.html")
            .contains("of bo")
    );
}

#[test]
fn a_notebook_that_cannot_be_built_is_named_and_the_others_are_built() {
    let class = BuildFixture::new();
    class.save("ana", "a.ipynb", &notebook("of ana"));
    // Written a moment ago, so it may still be being written.
    class.save("bo", "a.ipynb", "{\"cells\": [");
    let secret = class.save("cy", "secret", &notebook("canary"));
    symlink(secret, class.0.path().join("homes/bo/link.ipynb")).unwrap();
    let (code, stderr) = class.run(&["-d", "out/put"]);
    assert_eq!(code, 1);
    assert!(
        stderr.contains("homes/bo/a.ipynb: This file is not a notebook"),
        "{stderr}"
    );
    assert!(stderr.contains("1 of 2 notebooks"), "{stderr}");
    assert!(class.text("out/put/a/ana.html").contains("of ana"));
    let summary = class.text("out/put/a/00-summary.html");
    assert!(summary.contains("the file ends in the middle"));
    assert!(!class.is_there("out/put/link"));
}

#[test]
fn a_file_that_cannot_be_written_is_named_and_not_waited_for() {
    let class = BuildFixture::new();
    class.save("ana", "a.ipynb", &notebook("of ana"));
    class.save("bo", "a.ipynb", &notebook("of bo"));
    assert_eq!(class.run(&[]).0, 0);
    // A folder is in the way of the file.
    for place in ["build/a/ana.html", "build/a/00-summary.html"] {
        fs::remove_file(class.0.path().join(place)).unwrap();
        fs::create_dir_all(class.0.path().join(place).join("x")).unwrap();
    }
    let (code, stderr) = class.run(&[]);
    assert_eq!(code, 1);
    assert!(
        stderr.contains("homes/ana/a.ipynb: cannot be written"),
        "{stderr}"
    );
    assert!(
        stderr.contains("the summary of a.ipynb: cannot be written"),
        "{stderr}"
    );
    assert!(class.text("build/a/bo.html").contains("of bo"));
    for place in ["build/a/ana.html", "build/a/00-summary.html"] {
        fs::remove_dir_all(class.0.path().join(place)).unwrap();
    }
    assert_eq!(class.run(&[]).0, 0);
    assert!(class.text("build/a/ana.html").contains("of ana"));
}

#[test]
fn only_the_named_notebooks_are_built() {
    let class = BuildFixture::new();
    class.save("ana", "a.ipynb", &notebook("a of ana"));
    class.save("bo", "a.ipynb", &notebook("a of bo"));
    class.save("ana", "b.ipynb", &notebook("b of ana"));
    let outside = class.0.path().join("elsewhere.ipynb");
    fs::write(&outside, notebook("elsewhere")).unwrap();
    let file = class.0.path().join("homes/ana/b.ipynb");
    assert_eq!(class.run(&[file.to_str().unwrap()]).0, 0);
    assert!(class.is_there("build/b/ana.html") && !class.is_there("build/a"));
    // The builds of the notebook that was not asked for this time stay.
    assert_eq!(class.run(&["a.ipynb", "elsewhere.ipynb"]).0, 0);
    assert!(class.is_there("build/b/ana.html") && class.is_there("build/a/bo.html"));
    let place = fs::canonicalize(&outside).unwrap().with_extension("html");
    let place = Path::new("build").join(place.strip_prefix("/").unwrap());
    assert!(class.text(place.to_str().unwrap()).contains("elsewhere"));

    let (code, stderr) = class.run(&["nope.ipynb"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("nope.ipynb: nobody has"), "{stderr}");
}

#[test]
fn mistakes_are_named_with_their_remedy() {
    let class = BuildFixture::new();
    let (code, stderr) = class.run(&[]);
    assert_eq!(code, 1);
    assert!(stderr.contains("is --homes right?"), "{stderr}");
    class.save("ana", "a.ipynb", &notebook("x"));
    fs::create_dir(class.0.path().join("mine")).unwrap();
    fs::write(class.0.path().join("mine/thesis.html"), "x").unwrap();
    let (code, stderr) = class.run(&["-d", "mine"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("choose another folder"), "{stderr}");
    assert_eq!(class.text("mine/thesis.html"), "x");
}

#[test]
fn the_watch_option_follows_saves_until_the_end() {
    let class = BuildFixture::new();
    class.save("ana", "a.ipynb", &notebook("first"));
    let mut child = class
        .build(&["--watch"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("following saves")));
    class.save("ana", "a.ipynb", &notebook("second"));
    class.save("bo", "new/b.ipynb", &notebook("of bo"));
    let export = || fs::read_to_string(class.0.path().join("build/a/ana.html")).unwrap();
    eventually_blocking(|| {
        export().contains("second") && class.is_there("build/new/b/00-summary.html")
    });
    fs::remove_file(class.0.path().join("homes/bo/new/b.ipynb")).unwrap();
    eventually_blocking(|| !class.is_there("build/new"));
    end(&mut child);
    assert!(child.wait().unwrap().success());
}

/// `pipalhub serve` builds by itself, readable by its own user only.
#[test]
fn the_service_builds_saved_notebooks() {
    use std::os::unix::fs::MetadataExt;
    let class = BuildFixture::new();
    class.save("ana", "a.ipynb", &notebook("before it ran"));
    let mut serve = Command::new(env!("CARGO_BIN_EXE_pipalhub"));
    let homes = format!("{}/homes/{{user}}", class.0.path().display());
    serve
        .env_clear()
        .current_dir(class.0.path())
        .args([
            "serve",
            "--bind",
            "127.0.0.1:0",
            "--data",
            "data",
            "--homes",
            &homes,
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = serve.spawn().unwrap();
    eventually_blocking(|| {
        class.is_there("data/build/a/00-summary.ipynb") && class.is_there("data/build/a/ana.html")
    });
    let mode = |place: &str| fs::metadata(class.0.path().join(place)).unwrap().mode() & 0o777;
    assert_eq!(mode("data/build"), 0o700);
    assert_eq!(mode("data/build/a/ana.html"), 0o600);
    class.save("bo", "a.ipynb", &notebook("while it ran"));
    eventually_blocking(|| {
        class
            .text("data/build/a/00-summary.html")
            .contains("while it ran")
    });
    end(&mut child);
    assert!(child.wait().unwrap().success());

    let saved = fs::metadata(class.0.path().join("homes/ana/a.ipynb")).unwrap();
    let built = fs::metadata(class.0.path().join("data/build/a/ana.html")).unwrap();
    let modified = |metadata: fs::Metadata| metadata.modified().unwrap();
    let (saved, built): (SystemTime, SystemTime) = (modified(saved), modified(built));
    assert_eq!(saved, built, "an export is as old as what it is made of");
}

fn end(child: &mut Child) {
    let id = Pid::from_child(child);
    kill_process(id, Signal::INT).unwrap();
}
