//! Which pokes are sent, and for which user.

use std::{
    fs,
    os::unix::fs::{chown, symlink},
    path::Path,
    time::{Duration, Instant},
};

use rustix::fs::{RenameFlags, renameat_with};

use super::*;
use crate::homes::HomesTemplate;

const TEST_TIMEOUT: Duration = Duration::from_secs(180);

fn template(base: &Path) -> Homes {
    homes(&format!("{}/{{user}}", base.display()))
}

fn homes(template: &str) -> Homes {
    template.parse::<HomesTemplate>().unwrap().into()
}

fn scan(watch: &Watch, homes: &Homes) -> Vec<FoundNotebook> {
    let users = watch.users(homes).into_iter();
    users
        .flat_map(|user| watch.scan_home(homes, &user).found)
        .collect()
}

fn written(user: &str, filename: &str) -> Poke {
    let (user, filename) = (user.to_owned(), filename.to_owned());
    Poke::Written { user, filename }
}

/// All pokes until `last`.
fn until(last: &Poke, pokes: &Receiver<Poke>) -> Vec<Poke> {
    let end = Instant::now() + TEST_TIMEOUT;
    let mut told = Vec::new();
    while told.last() != Some(last) {
        let left = end.saturating_duration_since(Instant::now());
        let poke = pokes.recv_timeout(left);
        told.push(poke.unwrap_or_else(|_| panic!("{last:?} is not in {told:?}")));
    }
    told
}

/// The pokes of notebooks whose names end in `name`.
fn of<'a>(name: &str, told: &'a [Poke]) -> Vec<&'a Poke> {
    let is_of =
        |poke: &&Poke| matches!(poke, Poke::Written { filename, .. } if filename.ends_with(name));
    told.iter().filter(is_of).collect()
}

#[test]
fn a_poke_names_the_user_and_the_path_of_a_save() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir_all(base.path().join("ana/m1")).unwrap();
    fs::write(base.path().join("ana/m1/a.ipynb"), "").unwrap();
    let homes = template(base.path());
    let (watch, pokes, _wake) = watch();
    assert_eq!(scan(&watch, &homes).len(), 1);
    fs::write(base.path().join("ana/m1/a.ipynb"), "{}").unwrap();
    until(&written("ana", "m1/a.ipynb"), &pokes);
    fs::write(base.path().join("ana/new.ipynb"), "{}").unwrap();
    until(&written("ana", "new.ipynb"), &pokes);
    fs::create_dir(base.path().join("bob")).unwrap();
    until(&Poke::Rescan { user: None }, &pokes);

    // A renamed folder has its new name after the next scan.
    fs::rename(base.path().join("ana/m1"), base.path().join("ana/m2")).unwrap();
    let user = Some("ana".to_owned());
    until(&Poke::Rescan { user }, &pokes);
    let _ = scan(&watch, &homes);
    fs::write(base.path().join("ana/m2/b.ipynb"), "{}").unwrap();
    until(&written("ana", "m2/b.ipynb"), &pokes);
    let told = {
        fs::write(base.path().join("ana/end.ipynb"), "").unwrap();
        until(&written("ana", "end.ipynb"), &pokes)
    };
    assert!(of("m1/b.ipynb", &told).is_empty(), "{told:?}");
}

#[test]
fn a_notebook_below_a_link_is_watched() {
    let base = tempfile::tempdir().unwrap();
    for folder in ["ana/.course", "ana/.one"] {
        fs::create_dir_all(base.path().join(folder)).unwrap();
        fs::write(base.path().join(folder).join("a.ipynb"), "").unwrap();
    }
    symlink(".course", base.path().join("ana/course")).unwrap();
    symlink(".one/a.ipynb", base.path().join("ana/one.ipynb")).unwrap();
    let homes = template(base.path());
    let (watch, pokes, _wake) = watch();
    assert_eq!(scan(&watch, &homes).len(), 2);
    fs::write(base.path().join("ana/.course/a.ipynb"), "{}").unwrap();
    until(&written("ana", "course/a.ipynb"), &pokes);
    fs::write(base.path().join("ana/.one/a.ipynb"), "{}").unwrap();
    until(&written("ana", "one.ipynb"), &pokes);
    // Another file in its place is found by a walk.
    while pokes.try_recv().is_ok() {}
    fs::write(base.path().join("ana/.one/b"), "{}").unwrap();
    fs::rename(
        base.path().join("ana/.one/b"),
        base.path().join("ana/.one/a.ipynb"),
    )
    .unwrap();
    until(&rescan("ana"), &pokes);
}

/// The folder that was walked is watched, and not what is in its place now.
#[test]
fn another_users_file_is_never_reported_as_ones_own() {
    let base = tempfile::tempdir().unwrap();
    for folder in ["ana/dir", "bob/private"] {
        fs::create_dir_all(base.path().join(folder)).unwrap();
    }
    fs::write(base.path().join("ana/dir/a.ipynb"), "").unwrap();
    let (dir, link) = (base.path().join("ana/dir"), base.path().join("ana/link"));
    symlink("../bob/private", &link).unwrap();
    let homes = template(base.path());
    let (watch, pokes, _wake) = watch();
    for _ in 0..50 {
        renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE).unwrap();
        let _ = scan(&watch, &homes);
        renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE).unwrap();
        fs::write(base.path().join("bob/private/secret.ipynb"), "").unwrap();
    }
    fs::write(base.path().join("ana/end.ipynb"), "").unwrap();
    let told = until(&written("ana", "end.ipynb"), &pokes);
    let own = [written("bob", "private/secret.ipynb")];
    let leaked = of("secret.ipynb", &told);
    assert!(leaked.iter().all(|poke| own.contains(poke)), "{leaked:?}");
}

#[test]
fn a_folder_of_another_user_is_not_watched() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir_all(base.path().join("ana/theirs")).unwrap();
    fs::write(base.path().join("ana/theirs/a.ipynb"), "").unwrap();
    if chown(base.path().join("ana/theirs"), Some(12_345), None).is_err() {
        return; // Only root can give things to others.
    }
    let (watch, pokes, _wake) = watch();
    let _ = scan(&watch, &template(base.path()));
    fs::write(base.path().join("ana/theirs/a.ipynb"), "{}").unwrap();
    fs::write(base.path().join("ana/end.ipynb"), "").unwrap();
    let told = until(&written("ana", "end.ipynb"), &pokes);
    assert!(of("theirs/a.ipynb", &told).is_empty(), "{told:?}");
}

/// Neither descriptors nor watches grow with the number of scans, nor without bound
/// with the folders of one home.
#[test]
fn the_watches_of_a_home_are_bounded() {
    let base = tempfile::tempdir().unwrap();
    for n in 0..MAX_WATCHES_PER_HOME + 20 {
        let folder = base.path().join(format!("ana/{n}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.ipynb"), "").unwrap();
    }
    fs::create_dir(base.path().join("bob")).unwrap();
    let homes = template(base.path());
    let (watch, _pokes, _wake) = watch();
    for _ in 0..3 {
        assert_eq!(scan(&watch, &homes).len(), MAX_WATCHES_PER_HOME + 20);
        let watched = watch.0.as_ref().unwrap().0.folders();
        assert_eq!(watched.len(), 1 + MAX_WATCHES_PER_HOME + 1);
    }
    fs::remove_dir_all(base.path().join("ana")).unwrap();
    let _ = scan(&watch, &homes);
    let watcher = &watch.0.as_ref().unwrap().0;
    assert_eq!(watcher.folders().len(), 2);
}

#[test]
fn the_thread_ends_when_the_watch_is_dropped() {
    let (watch, pokes, wake) = watch();
    drop((watch, wake));
    assert!(pokes.recv_timeout(TEST_TIMEOUT).is_err());
    let ended = Instant::now() + TEST_TIMEOUT;
    while pokes.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
        assert!(Instant::now() < ended, "the thread goes on");
    }
}

fn rescan(user: &str) -> Poke {
    let user = Some(user.to_owned());
    Poke::Rescan { user }
}

/// The pokes until now.
fn pokes_so_far(base: &Path, pokes: &Receiver<Poke>) -> Vec<Poke> {
    fs::write(base.join("ana/end.ipynb"), "").unwrap();
    let told = until(&written("ana", "end.ipynb"), pokes);
    // The kernel says several things of one write.
    told.into_iter()
        .filter(|poke| *poke != written("ana", "end.ipynb"))
        .collect()
}

#[test]
fn a_folder_that_takes_the_place_of_another_is_watched() {
    let base = tempfile::tempdir().unwrap();
    let [home, day1, old] = ["ana", "ana/day1", "ana/old"].map(|name| base.path().join(name));
    fs::create_dir_all(&day1).unwrap();
    fs::write(day1.join("a.ipynb"), "").unwrap();
    let homes = template(base.path());
    let (watch, pokes, _wake) = watch();
    let _ = scan(&watch, &homes);
    let exchange = || {
        fs::rename(&day1, &old).unwrap();
        fs::create_dir(&day1).unwrap();
        fs::write(day1.join("a.ipynb"), "").unwrap();
    };
    let is_told = |name: &str| {
        until(&rescan("ana"), &pokes);
        let _ = scan(&watch, &homes);
        pokes_so_far(base.path(), &pokes);
        fs::write(home.join(name), "{}").unwrap();
        until(&written("ana", name), &pokes);
    };
    exchange();
    is_told("day1/a.ipynb");
    fs::write(old.join("a.ipynb"), "{}").unwrap();
    until(&written("ana", "old/a.ipynb"), &pokes);
    // By another that was watched under another name.
    fs::remove_dir_all(&day1).unwrap();
    fs::rename(&old, &day1).unwrap();
    is_told("day1/a.ipynb");
    // By a file, and back.
    fs::rename(&day1, &old).unwrap();
    fs::write(&day1, "").unwrap();
    let _ = scan(&watch, &homes);
    fs::remove_file(&day1).unwrap();
    pokes_so_far(base.path(), &pokes);
    fs::rename(&old, &day1).unwrap();
    is_told("day1/a.ipynb");
    // By one from elsewhere.
    fs::remove_dir_all(&day1).unwrap();
    fs::create_dir(base.path().join(".outside")).unwrap();
    fs::write(base.path().join(".outside/b.ipynb"), "").unwrap();
    pokes_so_far(base.path(), &pokes);
    fs::rename(base.path().join(".outside"), &day1).unwrap();
    is_told("day1/b.ipynb");
    // The whole home.
    fs::rename(&home, base.path().join("zoe")).unwrap();
    fs::create_dir_all(&day1).unwrap();
    fs::write(day1.join("a.ipynb"), "").unwrap();
    is_told("day1/a.ipynb");
    fs::write(base.path().join("zoe/day1/b.ipynb"), "{}").unwrap();
    until(&written("zoe", "day1/b.ipynb"), &pokes);
}

/// The folder is walked before a file is in it.
#[test]
fn a_file_put_into_a_new_folder_is_reported() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir_all(base.path().join("ana/day1/deep")).unwrap();
    let homes = template(base.path());
    let (watch, pokes, _wake) = watch();
    assert!(scan(&watch, &homes).is_empty());
    fs::write(base.path().join("ana/day1/deep/a.ipynb"), "").unwrap();
    until(&written("ana", "day1/deep/a.ipynb"), &pokes);
}

#[test]
fn a_home_below_the_participants_folder_may_be_replaced() {
    let base = tempfile::tempdir().unwrap();
    let [own, work] = ["ana/in", "ana/in/work"].map(|name| base.path().join(name));
    fs::create_dir_all(&work).unwrap();
    let homes = homes(&format!("{}/{{user}}/in/work", base.path().display()));
    let (watch, pokes, _wake) = watch();
    let _ = scan(&watch, &homes);
    for (from, to) in [(&work, "in/old"), (&own, "old")] {
        fs::write(work.join("a.ipynb"), "").unwrap();
        until(&written("ana", "a.ipynb"), &pokes);
        fs::rename(from, base.path().join("ana").join(to)).unwrap();
        until(&rescan("ana"), &pokes);
        // There is none at this moment.
        assert!(scan(&watch, &homes).is_empty());
        while pokes.try_recv().is_ok() {}
        fs::create_dir_all(&work).unwrap();
        until(&rescan("ana"), &pokes);
        let _ = scan(&watch, &homes);
    }
    fs::write(work.join("a.ipynb"), "").unwrap();
    until(&written("ana", "a.ipynb"), &pokes);
}

#[test]
fn the_folder_of_all_homes_may_be_replaced() {
    let base = tempfile::tempdir().unwrap();
    let homes = template(&base.path().join("homes"));
    let (watch, pokes, _wake) = watch();
    for _ in 0..3 {
        fs::create_dir(base.path().join("homes")).unwrap();
        assert!(scan(&watch, &homes).is_empty());
        while pokes.try_recv().is_ok() {}
        fs::create_dir(base.path().join("homes/ana")).unwrap();
        until(&Poke::Rescan { user: None }, &pokes);
        let _ = scan(&watch, &homes);
        assert_eq!(watch.0.as_ref().unwrap().0.folders().len(), 2);
        let n = fs::read_dir(base.path()).unwrap().count();
        fs::rename(
            base.path().join("homes"),
            base.path().join(format!("old-{n}")),
        )
        .unwrap();
    }
}

/// The kernel reports no file that came between the listing of a folder and the watch of it.
#[test]
fn a_home_in_which_a_new_folder_is_watched_is_scanned_once_more() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir_all(base.path().join("ana/day1")).unwrap();
    let homes = template(base.path());
    let (watch, pokes, _wake) = watch();
    let _ = scan(&watch, &homes);
    assert_eq!(pokes_so_far(base.path(), &pokes), [rescan("ana")]);
    let _ = scan(&watch, &homes);
    assert_eq!(pokes_so_far(base.path(), &pokes), []);
}
