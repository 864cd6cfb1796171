//! Lines of the trainer's handbook that need no server, as they stand there.

use std::{env, fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tests::{
    documents::run_blocks,
    notebooks::{notebook, save},
    setting,
};

const PAGE: &str = "docs/handbook.md";

#[test]
#[ignore = "needs the service: cargo xtask test"]
fn the_evening_after_a_class_is_archived_and_tried_by_the_lines_of_the_handbook() -> Result<()> {
    let folder = TempDir::with_prefix("pipalhub-handbook-")?;
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("data"))?;
    fs::set_permissions(at("data"), fs::Permissions::from_mode(0o700))?;
    for user in ["ana", "bo"] {
        let home = at("homes").join(user);
        fs::create_dir_all(&home)?;
        save(&home.join("day1.ipynb"), &notebook(&[user]))?;
    }
    // On the server, where the program is told by its settings where the class is.
    let words = [("sudo ", ""), ("/var/tmp/alpha.zip", "alpha.zip")];
    for block in run_blocks(PAGE, "evening-after")? {
        let said = run(folder.path(), &block.with(&words)?.code)?;
        ensure!(said.contains("2 participants, 2 notebooks"), "{said}");
        ensure!(said.contains("written and checked"), "{said}");
    }
    let mut said = String::new();
    for block in run_blocks(PAGE, "after-fetch")? {
        said += &run(folder.path(), &block.code)?;
    }
    for words in [
        "alpha.zip is whole: 2 participants, 2 notebooks, made at ",
        "alpha-restored: 2 participants, 2 notebooks, as they were at ",
        "pipalhub serve --data alpha-restored/data --homes 'alpha-restored/homes/{user}'",
        "zips: a zip for each of 2 participants",
    ] {
        ensure!(said.contains(words), "{words:?} is not in {said}");
    }
    for file in ["alpha-restored/homes/ana/day1.ipynb", "zips/bo.zip"] {
        ensure!(at(file).exists(), "there is no {file}");
    }
    Ok(())
}

/// Runs lines of shell in a folder; what they print.
fn run(folder: &Path, lines: &str) -> Result<String> {
    let program = setting("PIPALHUB_BIN");
    let programs = program.parent().context("a program is in a folder")?;
    let path = format!("{}:{}", programs.display(), env::var("PATH")?);
    let output = Command::new("sh")
        .args(["-e", "-c", lines])
        .current_dir(folder)
        .env("PATH", path)
        .env("PIPALHUB_DATA", folder.join("data"))
        .env("PIPALHUB_HOMES", folder.join("homes/{user}"))
        .env("PIPALHUB_USERS_FILE", folder.join("users.txt"))
        .env("PIPALHUB_STEWARD_SOCKET", folder.join("steward.sock"))
        .output()?;
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8(said)?;
    ensure!(output.status.success(), "{lines}{said}");
    Ok(said)
}
