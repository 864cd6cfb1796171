//! What is in the folder after it was written, and what is left alone.

use std::os::unix::fs::{MetadataExt, symlink};

use super::*;

fn write(folder: &Folder, place: &str, text: &str) -> io::Result<Written> {
    folder.write(place, Made::OfMany, &|out| out.write_all(text.as_bytes()))
}

#[test]
fn folders_come_and_go_with_their_files() {
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("x/out");
    let folder = Folder::open(&out).unwrap();
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
fn a_file_that_says_the_same_is_no_news_and_stays() {
    let base = tempfile::tempdir().unwrap();
    let folder = Folder::open(base.path()).unwrap();
    let first = write(&folder, "a.html", "one").unwrap();
    assert!(first.is_news);
    let again = write(&folder, "a.html", "one").unwrap();
    assert!(!again.is_news && again.version == first.version);
    assert_eq!(folder.files(), ["a.html"]);
    for text in ["one more", "on", "two", ""] {
        assert!(write(&folder, "a.html", text).unwrap().is_news, "{text}");
        assert_eq!(
            fs::read_to_string(base.path().join("a.html")).unwrap(),
            text
        );
    }
    // What has the time of its source gets it anew.
    let source = Made::Of(first.version);
    let timed = folder.write("a.html", source, &|_| Ok(())).unwrap();
    assert!(!timed.is_news && timed.version.modified_ns == first.version.modified_ns);
}

#[test]
fn a_file_that_is_known_to_be_different_takes_the_place_of_the_old_one() {
    let base = tempfile::tempdir().unwrap();
    let folder = Folder::open(base.path()).unwrap();
    for text in ["one", "two", "two"] {
        let fill: &Fill<'_> = &|out| out.write_all(text.as_bytes());
        let written = folder.write("a/b.html", Made::Different, fill).unwrap();
        assert!(written.is_news);
        let found = fs::read_to_string(base.path().join("a/b.html")).unwrap();
        assert_eq!(found, text);
        assert_eq!(folder.version("a/b.html"), Some(written.version));
        assert_eq!(fs::read_dir(base.path().join("a")).unwrap().count(), 1);
    }
}

#[test]
fn a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else() {
    let base = tempfile::tempdir().unwrap();
    let folder = Folder::open(base.path()).unwrap();
    write(&folder, "a.html", "old").unwrap();
    let failed = folder.write("a.html", Made::OfMany, &|out| {
        out.write_all(b"half")?;
        Err(io::ErrorKind::StorageFull.into())
    });
    assert!(failed.is_err());
    assert_eq!(folder.files(), ["a.html"]);
    assert_eq!(fs::read(base.path().join("a.html")).unwrap(), b"old");
}

#[test]
fn nothing_is_read_through_a_link() {
    let base = tempfile::tempdir().unwrap();
    let folder = Folder::open(&base.path().join("out")).unwrap();
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
fn a_folder_of_somebody_elses_is_left_alone() {
    let base = tempfile::tempdir().unwrap();
    fs::write(base.path().join("thesis.html"), "").unwrap();
    let refusal = Folder::open(base.path()).err().unwrap().to_string();
    assert!(refusal.contains("empty this one"), "{refusal}");
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
}

#[test]
fn one_program_at_a_time_and_it_knows_its_renderer() {
    let base = tempfile::tempdir().unwrap();
    let first = Folder::open(base.path()).unwrap();
    assert!(first.is_current(), "nobody else made anything");
    let refusal = Folder::open(base.path()).err().unwrap().to_string();
    assert!(refusal.contains("another pipalhub"), "{refusal}");
    drop(first);
    fs::write(base.path().join(STAMP), "another renderer").unwrap();
    fs::write(base.path().join(".part-1-0"), "half").unwrap();
    let second = Folder::open(base.path()).unwrap();
    assert!(!second.is_current());
    assert!(!base.path().join(".part-1-0").exists());
    second.set_current().unwrap();
    drop(second);
    assert!(Folder::open(base.path()).unwrap().is_current());
}
