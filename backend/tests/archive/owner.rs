//! Whose an archive is, and whose rights it is made with.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::Command,
};

use rustix::process::geteuid;

use crate::class::{ArchivedClass, notebook, said};

/// The number of a user who is nobody.
const NOBODY: u32 = 65534;

#[test]
fn root_archives_as_the_user_of_the_data_folder() {
    let may_run = Command::new("setpriv")
        .args(["--reuid=65534", "--clear-groups", "--"])
        .args([env!("CARGO_BIN_EXE_pipalhub"), "--version"])
        .output();
    if !geteuid().is_root() || !may_run.is_ok_and(|it| it.status.success()) {
        eprintln!("not tried: root is needed, and a program that everyone may run");
        return;
    }
    let class = ArchivedClass::new();
    class.push("ana", "a.ipynb", &notebook(&["a"], false));
    let everyone = Permissions::from_mode(0o755);
    fs::set_permissions(class.at(""), everyone).unwrap();
    let given = Command::new("chown")
        .args(["--recursive", "65534:65534"])
        .args([class.at("class/data"), class.at("archives")])
        .status();
    assert!(given.unwrap().success());

    let (archive, report) = class.archive("class.zip");
    assert_eq!(report["notebooks"], 1);
    let metadata = fs::metadata(archive).unwrap();
    assert_eq!((metadata.uid(), metadata.mode() & 0o777), (NOBODY, 0o600));
    let root = ["class/data", "archives"].map(|it| root_files(&class.at(it)));
    assert_eq!(root, [0, 0]);

    // How the other has ended is how this one ends, and where the file may be is said.
    fs::create_dir(class.at("roots")).unwrap();
    let mut command = class.archive_command("../roots/class.zip");
    let output = command.output().unwrap();
    let words = said(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(
        words.contains("a folder where that user may write"),
        "{words}"
    );
}

/// How many files and folders there are root's.
fn root_files(folder: &std::path::Path) -> usize {
    let found = Command::new("find")
        .arg(folder)
        .args(["-user", "0"])
        .output();
    let found = String::from_utf8(found.unwrap().stdout).unwrap();
    found.lines().count()
}
