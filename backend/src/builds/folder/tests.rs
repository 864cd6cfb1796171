//! Tests of the output folder.

use std::os::unix::fs::{MetadataExt, symlink};

use super::*;

fn write(folder: &OutputFolder, place: &str, text: &str) -> io::Result<WrittenFile> {
    folder.write(place, WriteMode::IfDifferent, &|out| {
        out.write_all(text.as_bytes())
    })
}

#[test]
fn folders_come_and_go_with_their_files() {
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("x/out");
    let folder = OutputFolder::open(&out).unwrap();
    assert_eq!(fs::metadata(&out).unwrap().mode() & 0o777, 0o700);
    write(&folder, "a/b/c.html", "c").unwrap();
    write(&folder, "a/d.html", "d").unwrap();
    assert_eq!(fs::read_to_string(out.join("a/b/c.html")).unwrap(), "c");
    assert_eq!(fs::metadata(out.join("a/b")).unwrap().mode() & 0o777, 0o700);
    folder.remove("a/b/c.html").unwrap();
    folder.remove("a/b/c.html").unwrap();
    assert!(!out.join("a/b").exists() && out.join("a").exists());
    folder.remove("a/d.html").unwrap();
    assert!(!out.join("a").exists() && out.exists());
}

#[test]
fn a_file_with_the_same_content_stays_and_is_unchanged() {
    let base = tempfile::tempdir().unwrap();
    let folder = OutputFolder::open(base.path()).unwrap();
    let first = write(&folder, "a.html", "one").unwrap();
    assert!(first.is_changed);
    let again = write(&folder, "a.html", "one").unwrap();
    assert!(!again.is_changed && again.version == first.version);
    assert_eq!(folder.files(), ["a.html"]);
    for text in ["one more", "on", "two", ""] {
        assert!(write(&folder, "a.html", text).unwrap().is_changed, "{text}");
        assert_eq!(
            fs::read_to_string(base.path().join("a.html")).unwrap(),
            text
        );
    }
    // A file with the time of its source gets that time again.
    let source = WriteMode::WithTimeOf(first.version);
    let timed = folder.write("a.html", source, &|_| Ok(())).unwrap();
    assert!(!timed.is_changed && timed.version.modified_ns == first.version.modified_ns);
}

#[test]
fn a_file_that_is_known_to_be_different_takes_the_place_of_the_old_one() {
    let base = tempfile::tempdir().unwrap();
    let folder = OutputFolder::open(base.path()).unwrap();
    for text in ["one", "two", "two"] {
        let fill: &Fill<'_> = &|out| out.write_all(text.as_bytes());
        let written = folder
            .write("a/b.html", WriteMode::KnownDifferent, fill)
            .unwrap();
        assert!(written.is_changed);
        let found = fs::read_to_string(base.path().join("a/b.html")).unwrap();
        assert_eq!(found, text);
        assert_eq!(folder.version("a/b.html"), Some(written.version));
        assert_eq!(fs::read_dir(base.path().join("a")).unwrap().count(), 1);
    }
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else() {
    let base = tempfile::tempdir().unwrap();
    let folder = OutputFolder::open(base.path()).unwrap();
    write(&folder, "a.html", "old").unwrap();
    let failed = folder.write("a.html", WriteMode::IfDifferent, &|out| {
        out.write_all(b"half")?;
        Err(io::ErrorKind::StorageFull.into())
    });
    assert!(failed.is_err());
    assert_eq!(folder.files(), ["a.html"]);
    assert_eq!(fs::read(base.path().join("a.html")).unwrap(), b"old");
}

#[test]
fn a_read_follows_no_link() {
    let base = tempfile::tempdir().unwrap();
    let folder = OutputFolder::open(&base.path().join("out")).unwrap();
    fs::write(base.path().join("secret"), "canary").unwrap();
    symlink(base.path().join("secret"), folder.path().join("a.html")).unwrap();
    symlink(base.path(), folder.path().join("dir")).unwrap();
    for place in [
        "a.html",
        "dir/secret",
        "../secret",
        "dir/../secret",
        "/etc/passwd",
        "",
    ] {
        assert!(folder.read(place).is_err(), "{place}");
    }
    assert!(write(&folder, "dir/x.html", "x").is_err());
    assert!(write(&folder, "../x.html", "x").is_err());
    assert!(!base.path().join("x.html").exists());
}

#[test]
fn a_folder_with_other_files_is_refused() {
    let base = tempfile::tempdir().unwrap();
    fs::write(base.path().join("thesis.html"), "").unwrap();
    let refusal = OutputFolder::open(base.path()).err().unwrap().to_string();
    assert!(refusal.contains("empty this one"), "{refusal}");
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_is_locked_by_one_program_and_records_its_renderer() {
    let base = tempfile::tempdir().unwrap();
    let first = OutputFolder::open(base.path()).unwrap();
    assert!(first.is_current(), "nobody else made anything");
    let refusal = OutputFolder::open(base.path()).err().unwrap().to_string();
    assert!(refusal.contains("another pipalhub"), "{refusal}");
    drop(first);
    fs::write(base.path().join(STAMP_FILE), "another renderer").unwrap();
    fs::write(base.path().join(".part-1-0"), "half").unwrap();
    let second = OutputFolder::open(base.path()).unwrap();
    assert!(!second.is_current());
    assert!(!base.path().join(".part-1-0").exists());
    second.set_current().unwrap();
    drop(second);
    assert!(OutputFolder::open(base.path()).unwrap().is_current());
}
