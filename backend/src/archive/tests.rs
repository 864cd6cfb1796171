//! Archives that were damaged, or made to trick whoever restores them.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use tempfile::TempDir;
use zip::ZipWriter;

use super::{
    ArchiveProgress, ClassArchive, ClassSources, FORMAT, INCOMPLETE_FOLDER, SavedArchive,
    manifest::{ArchiveEntry, ClassManifest, EntryContent, MANIFEST},
    restore, seal, write_archive, write_participants,
};
use crate::{
    builds::zip_options,
    homes::{Homes, HomesTemplate},
};

/// Nobody looks.
struct Unwatched;

impl ArchiveProgress for Unwatched {
    fn begin(&self, _: &str, _: u64) {}
    fn advance(&self, _: u64) {}
}

const NOTEBOOK: &str = r#"{"cells": [{"cell_type": "markdown", "metadata": {}, "source": "hello"}],
 "metadata": {}, "nbformat": 4, "nbformat_minor": 5}"#;

/// A class of two, on the disk.
struct SmallClass {
    folder: TempDir,
    homes: Homes,
}

impl SmallClass {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("data")).unwrap();
        let database = Connection::open(at("data/events.sqlite3")).unwrap();
        let rows = "CREATE TABLE events (user TEXT); INSERT INTO events VALUES ('ana'), ('bo')";
        database.execute_batch(rows).unwrap();
        fs::write(at("data/sharing.json"), "{}").unwrap();
        fs::write(at("data/cookie.key"), "secret-canary").unwrap();
        for name in ["ana/a.ipynb", "ana/m 1/b.ipynb", "bo/a.ipynb"] {
            let path = at("homes").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, NOTEBOOK).unwrap();
        }
        let template = format!("{}/homes/{{user}}", folder.path().display());
        let homes: HomesTemplate = template.parse().unwrap();
        let homes = homes.into();
        Self { folder, homes }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, per_person: u64) -> anyhow::Result<SavedArchive> {
        let data = self.at("data");
        let sources = ClassSources {
            data: &data,
            databases: &["events.sqlite3", "history.sqlite3"],
            settings: &["sharing.json"],
            events: "events.sqlite3",
            pushed: None,
            homes: Some(&self.homes),
            per_person,
            users: Some(vec!["ana".to_owned(), "bo".to_owned()]),
            host: None,
        };
        write_archive(&sources, &self.at(name), 0, &Unwatched)
    }

    fn archive(&self) -> PathBuf {
        self.write("class.zip", u64::MAX).unwrap();
        self.at("class.zip")
    }
}

/// What a check says of a file.
fn damage(path: &Path) -> Vec<String> {
    let checked = ClassArchive::open(path).and_then(|mut archive| archive.check(&Unwatched));
    checked.unwrap_or_else(|error| vec![format!("{error:#}")])
}

/// Numbers that look like chance and are the same each time.
fn chance(seed: u64) -> impl Iterator<Item = usize> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 8).unwrap()
    })
}

#[test]
fn no_byte_of_an_archive_can_change_without_a_word() {
    let class = SmallClass::new();
    let archive = class.archive();
    assert_eq!(damage(&archive), Vec::<String>::new());
    let whole = fs::read(&archive).unwrap();
    let harmed = class.at("harmed.zip");
    for number in chance(7).take(200) {
        let mut bytes = whole.clone();
        let (at, bit) = (number % bytes.len(), number % 8);
        bytes[at] ^= 1 << bit;
        fs::write(&harmed, &bytes).unwrap();
        assert_ne!(
            damage(&harmed),
            Vec::<String>::new(),
            "byte {at}, bit {bit}"
        );
    }
    for length in chance(11).take(100).map(|number| number % whole.len()) {
        fs::write(&harmed, &whole[..length]).unwrap();
        assert_ne!(damage(&harmed), Vec::<String>::new(), "{length} bytes");
    }
}

#[test]
fn damage_is_told_with_the_name_of_the_file_and_nothing_is_restored() {
    let class = SmallClass::new();
    let archive = class.archive();
    let mut bytes = fs::read(&archive).unwrap();
    let name = b"participants/bo/notebooks/a.ipynb";
    let at = bytes.windows(name.len()).position(|part| part == name);
    // The first bytes after the name are packed ones.
    bytes[at.unwrap() + name.len() + 20] ^= 1;
    fs::write(&archive, &bytes).unwrap();
    let told = damage(&archive);
    assert!(
        told.iter()
            .any(|it| it.contains("participants/bo/notebooks/a.ipynb")),
        "{told:?}"
    );
    let mut opened = ClassArchive::open(&archive).unwrap();
    let target = class.at("restored");
    let refusal = restore(&mut opened, &target, &Unwatched).unwrap_err();
    assert!(
        format!("{refusal:#}").contains("participants/bo/notebooks/a.ipynb"),
        "{refusal:#}"
    );
    assert!(!target.exists());
    write_participants(&mut opened, &target, &Unwatched).unwrap_err();
    assert!(!target.exists());
}

/// An archive of these files that is sealed as a good one is.
fn forged(folder: &Path, entries: &[(&str, EntryContent, &[u8], u64)], format: u32) -> PathBuf {
    let path = folder.join("forged.zip");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    let mut listed = Vec::new();
    for (name, content, bytes, size) in entries {
        zip.start_file(name, zip_options(None, 0o600)).unwrap();
        zip.write_all(bytes).unwrap();
        use sha2::Digest;
        listed.push(ArchiveEntry {
            name: (*name).to_owned(),
            content: content.clone(),
            size: *size,
            mode: "0600".to_owned(),
            sha256: seal::hex(&sha2::Sha256::digest(bytes)),
        });
    }
    let manifest = ClassManifest {
        format,
        program: String::new(),
        made_at: String::new(),
        host: None,
        entries: listed,
        left_out: Vec::new(),
    };
    zip.start_file(MANIFEST, zip_options(None, 0o600)).unwrap();
    zip.write_all(&serde_json::to_vec(&manifest).unwrap())
        .unwrap();
    zip.set_comment(seal::blank()).unwrap();
    zip.finish().unwrap();
    let mut file = File::options().read(true).write(true).open(&path).unwrap();
    seal::seal(&mut file).unwrap();
    path
}

fn notebook(user: &str, filename: &str, modified: &str) -> EntryContent {
    EntryContent::Notebook {
        user: user.to_owned(),
        filename: filename.to_owned(),
        modified: modified.to_owned(),
    }
}

#[test]
fn an_archive_that_would_write_elsewhere_or_fill_the_disk_is_refused_by_name() {
    let now = "2026-01-01T00:00:00Z";
    let data = |file: &str| EntryContent::Data {
        file: file.to_owned(),
    };
    let page = EntryContent::Page {
        user: Some("ana".to_owned()),
    };
    let pushed = EntryContent::Pushed {
        user: "ana".to_owned(),
        filename: "a.ipynb".to_owned(),
        header: "{}\n".to_owned(),
    };
    for (name, content, size) in [
        ("n1", notebook("..", "x.ipynb", now), 2),
        ("n2", notebook("ana", "../../x.ipynb", now), 2),
        ("n3", notebook("ana", "/etc/x.ipynb", now), 2),
        ("n4", notebook("ana", "x.ipynb", "yesterday"), 2),
        ("n5", data("cookie.key"), 2),
        ("n6", data("../x.json"), 2),
        ("n7", notebook("ana", "x.ipynb", now), 1),
        ("n8", notebook("ana", "x.ipynb", now), 3),
        ("n9", pushed, 2),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = forged(folder.path(), &[(name, content, b"{}", size)], FORMAT);
        let mut archive = ClassArchive::open(&path).unwrap();
        let target = folder.path().join("target");
        let refusal = format!(
            "{:#}",
            restore(&mut archive, &target, &Unwatched).unwrap_err()
        );
        assert!(refusal.contains(name), "{name}: {refusal}");
        assert!(!target.join("data").exists() && !folder.path().join("x.ipynb").exists());
    }
    // A file that is named twice, and one that claims more than any disk has.
    let folder = tempfile::tempdir().unwrap();
    let twice = notebook("ana", "x.ipynb", now);
    let entries = [
        ("t1", twice.clone(), &b"{}"[..], 2),
        ("t2", twice, b"{}", 2),
    ];
    let path = forged(folder.path(), &entries, FORMAT);
    let target = folder.path().join("target");
    let refusal = restore(&mut ClassArchive::open(&path).unwrap(), &target, &Unwatched);
    assert!(format!("{:#}", refusal.unwrap_err()).contains("t2"));
    let claim = |filename| notebook("ana", filename, now);
    let huge = ["x.ipynb", "y.ipynb"].map(|name| (name, claim(name), &b"{}"[..], u64::MAX));
    let path = forged(folder.path(), &huge, FORMAT);
    let target = folder.path().join("huge");
    let refusal = restore(&mut ClassArchive::open(&path).unwrap(), &target, &Unwatched);
    assert!(format!("{:#}", refusal.unwrap_err()).contains("make room"));
    // Names that a participant's zip must not have.
    for name in [
        "participants/ana/../../x",
        "participants/../x",
        "participants/ana/c:x",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = forged(folder.path(), &[(name, page.clone(), b"{}", 2)], FORMAT);
        let target = folder.path().join("zips");
        let mut archive = ClassArchive::open(&path).unwrap();
        let refusal = write_participants(&mut archive, &target, &Unwatched).unwrap_err();
        assert!(
            format!("{refusal:#}").contains("refused"),
            "{name}: {refusal:#}"
        );
    }
}

#[test]
fn a_manifest_of_a_newer_format_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = forged(folder.path(), &[], FORMAT + 1);
    let refusal = ClassArchive::open(&path).err().unwrap();
    assert!(
        format!("{refusal:#}").contains("a newer pipalhub"),
        "{refusal:#}"
    );
}

#[test]
fn a_file_that_the_manifest_does_not_name_is_told() {
    let class = SmallClass::new();
    let archive = class.archive();
    let file = File::options()
        .read(true)
        .write(true)
        .open(&archive)
        .unwrap();
    let mut zip = ZipWriter::new_append(file).unwrap();
    zip.start_file("participants/ana/extra.html", zip_options(None, 0o600))
        .unwrap();
    zip.set_comment(seal::blank()).unwrap();
    seal::seal(&mut zip.finish().unwrap()).unwrap();
    let told = damage(&archive);
    assert!(told[0].contains("participants/ana/extra.html"), "{told:?}");
}

#[test]
fn an_archive_has_no_secrets_and_two_of_one_class_have_the_same_in_them() {
    let class = SmallClass::new();
    let one = class.write("one.zip", u64::MAX).unwrap().manifest;
    let other = class.write("other.zip", u64::MAX).unwrap().manifest;
    assert_eq!(one.entries, other.entries);
    let names: Vec<&str> = one.entries.iter().map(|entry| &*entry.name).collect();
    assert_eq!(
        names,
        [
            "README.txt",
            "data/events.sqlite3",
            "data/sharing.json",
            "participants/ana/notebooks/a.ipynb",
            "participants/ana/exports/a.html",
            "participants/ana/notebooks/m 1/b.ipynb",
            "participants/ana/exports/m 1/b.html",
            "participants/ana/index.html",
            "participants/bo/notebooks/a.ipynb",
            "participants/bo/exports/a.html",
            "participants/bo/index.html",
            "index.html",
            "users.txt",
        ]
    );
    let mode = fs::metadata(class.at("one.zip"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let refusal = class.write("one.zip", u64::MAX).err().unwrap().to_string();
    assert!(refusal.contains("is not overwritten"), "{refusal}");
}

#[test]
fn a_damaged_database_is_named_and_the_rest_is_archived() {
    let class = SmallClass::new();
    fs::write(class.at("data/history.sqlite3"), "no database".repeat(500)).unwrap();
    let manifest = class.write("class.zip", u64::MAX).unwrap().manifest;
    let left: Vec<&str> = manifest.left_out.iter().map(|it| &*it.filename).collect();
    assert_eq!(left, ["history.sqlite3"]);
    let mut names = manifest.entries.iter().map(|entry| &*entry.name);
    assert!(names.any(|name| name == "data/events.sqlite3"));
    assert!(names.any(|name| name == "participants/bo/index.html"));
    assert_eq!(damage(&class.at("class.zip")), Vec::<String>::new());
}

#[test]
fn beyond_a_participants_bound_the_oldest_are_left_out_and_named() {
    let class = SmallClass::new();
    let old = File::options()
        .write(true)
        .open(class.at("homes/ana/a.ipynb"))
        .unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let bound = NOTEBOOK.len() as u64 + 1;
    let manifest = class.write("class.zip", bound).unwrap().manifest;
    let left: Vec<_> = manifest
        .left_out
        .iter()
        .map(|it| (&*it.user, &*it.filename))
        .collect();
    assert_eq!(left, [("ana", "a.ipynb")]);
}

#[test]
fn a_folder_with_something_in_it_is_left_alone_and_an_interrupted_restore_begins_anew() {
    let class = SmallClass::new();
    let mut archive = ClassArchive::open(&class.archive()).unwrap();
    let target = class.at("target");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("mine"), "").unwrap();
    let refusal = restore(&mut archive, &target, &Unwatched)
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("\"mine\"") && refusal.contains("empty folder"),
        "{refusal}"
    );
    fs::remove_file(target.join("mine")).unwrap();
    // As it is between two moves into place.
    let incomplete = target.join(INCOMPLETE_FOLDER);
    fs::create_dir_all(incomplete.join("data")).unwrap();
    fs::create_dir_all(target.join("homes/old")).unwrap();
    fs::write(incomplete.join("data/events.sqlite3"), "half").unwrap();
    restore(&mut archive, &target, &Unwatched).unwrap();
    assert!(!incomplete.exists() && !target.join("homes/old").exists());
    let restored = fs::read(target.join("homes/ana/m 1/b.ipynb")).unwrap();
    assert_eq!(restored, NOTEBOOK.as_bytes());
    assert_eq!(
        fs::read_to_string(target.join("users.txt")).unwrap(),
        "ana\nbo\n"
    );
    // What is restored whole is not restored again.
    restore(&mut archive, &target, &Unwatched).unwrap_err();
}
