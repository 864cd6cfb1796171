use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{chown, symlink},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;
use crate::homes::{HomesTemplate, RACE_TIMEOUT};

fn class(base: &Path, files: &[&str]) -> Homes {
    for path in files {
        let path = base.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "{}").unwrap();
    }
    let template = format!("{}/{{user}}", base.display());
    template.parse::<HomesTemplate>().unwrap().into()
}

fn names(homes: &Homes) -> BTreeSet<String> {
    names_in(scan(homes))
}

fn names_in(scans: Vec<(String, HomeScan)>) -> BTreeSet<String> {
    scans
        .into_iter()
        .flat_map(|(_, scan)| scan.found)
        .map(|f| format!("{}:{}", f.user, f.filename))
        .collect()
}

fn found(homes: &Homes) -> Vec<FoundNotebook> {
    scan(homes)
        .into_iter()
        .flat_map(|(_, scan)| scan.found)
        .collect()
}

fn gap_of(homes: &Homes, user: &str) -> Option<ScanGap> {
    gap_in(scan(homes), user)
}

fn gap_in(scans: Vec<(String, HomeScan)>, user: &str) -> Option<ScanGap> {
    let scan = scans.into_iter().find(|(of, _)| of == user);
    scan.and_then(|(_, scan)| scan.gap)
}

/// Makes `count` files in a folder.
fn fill(folder: &Path, count: usize) {
    fs::create_dir_all(folder).unwrap();
    for n in 0..count {
        fs::write(folder.join(n.to_string()), "").unwrap();
    }
}

/// A twentieth of the limits, because making 20,000 files takes a slow disk a minute.
const SMALL_LIMITS: WalkLimits = WalkLimits {
    entries: MAX_ENTRIES_PER_HOME / 20,
    entries_per_turn: MAX_ENTRIES_PER_TURN / 20,
    notebooks: MAX_NOTEBOOKS_PER_HOME,
};

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn a_scan_finds_notebooks_and_nothing_else() {
    let base = tempfile::tempdir().unwrap();
    let deep = format!("ana/{}x.ipynb", "d/".repeat(MAX_DEPTH - 1));
    let too_deep = format!("ana/{}y.ipynb", "d/".repeat(MAX_DEPTH));
    assert_eq!(MAX_DEPTH, 32);
    let homes = class(
        base.path(),
        &[
            "ana/day1.ipynb",
            "ana/m1/day2.ipynb",
            "ana/.ipynb_checkpoints/day1-checkpoint.ipynb",
            "ana/.~day1.ipynb",
            "ana/notes.txt",
            "ana/env/pyvenv.cfg",
            "ana/env/lib/sample.ipynb",
            "bob/day1.ipynb",
            "bob/folder.ipynb/day2.ipynb",
            "stray.ipynb",
            &deep,
            &too_deep,
        ],
    );
    let deep = deep.replacen('/', ":", 1);
    let expected = [
        "ana:day1.ipynb",
        "ana:m1/day2.ipynb",
        &deep,
        "bob:day1.ipynb",
        "bob:folder.ipynb/day2.ipynb",
    ];
    assert_eq!(names(&homes), set(&expected));
    let gap = gap_of(&homes, "ana").unwrap();
    assert_eq!(gap, ScanGap::Depth("d".to_owned()));
    assert!(gap.to_string().contains("Move the notebooks in d up"));
    assert_eq!(gap_of(&homes, "bob"), None);
}

#[test]
fn a_scan_lists_files_of_the_owner_alone() {
    let base = tempfile::tempdir().unwrap();
    let homes = class(
        base.path(),
        &[
            "ana/a.ipynb",
            "ana/b.ipynb",
            "ana/theirs/c.ipynb",
            "bob/d.ipynb",
        ],
    );
    symlink("../bob", base.path().join("ana/dir")).unwrap();
    symlink("../bob/d.ipynb", base.path().join("ana/d.ipynb")).unwrap();
    let everything = set(&[
        "ana:a.ipynb",
        "ana:b.ipynb",
        "ana:theirs/c.ipynb",
        "bob:d.ipynb",
    ]);
    assert_eq!(names(&homes), everything);
    for path in ["ana/b.ipynb", "ana/theirs"] {
        if chown(base.path().join(path), Some(12_345), None).is_err() {
            return; // Only root can give things to others.
        }
    }
    assert_eq!(names(&homes), set(&["ana:a.ipynb", "bob:d.ipynb"]));
}

#[test]
fn two_names_of_one_file_have_one_file_id() {
    let base = tempfile::tempdir().unwrap();
    let homes = class(base.path(), &["ana/a.ipynb", "ana/other.ipynb"]);
    for n in 0..99 {
        let name = base.path().join(format!("ana/link-{n}.ipynb"));
        fs::hard_link(base.path().join("ana/a.ipynb"), name).unwrap();
    }
    let found = found(&homes);
    let files: BTreeSet<_> = found.iter().map(|found| found.fingerprint.file()).collect();
    assert_eq!((found.len(), files.len()), (101, 2));
}

#[test]
fn a_home_with_very_many_notebooks_is_listed_up_to_the_limit() {
    let base = tempfile::tempdir().unwrap();
    let homes = class(base.path(), &["bob/b.ipynb"]);
    let home = base.path().join("ana/many");
    fs::create_dir_all(&home).unwrap();
    for n in 0..MAX_NOTEBOOKS_PER_HOME {
        fs::write(home.join(format!("{n}.ipynb")), "").unwrap();
    }
    assert_eq!(gap_of(&homes, "ana"), None);
    fs::write(home.join("one-more.ipynb"), "").unwrap();
    let found = found(&homes);
    let of = |user| found.iter().filter(|found| found.user == user).count();
    assert_eq!((of("ana"), of("bob")), (MAX_NOTEBOOKS_PER_HOME, 1));
    let gap = gap_of(&homes, "ana").unwrap();
    assert_eq!(gap, ScanGap::Notebooks("many".to_owned()));
    assert!(gap.to_string().contains("2000 are shown"), "{gap}");
    assert_eq!(gap_of(&homes, "bob"), None);
}

/// Eight of nine notebooks were hidden by one environment.
#[test]
fn a_folder_of_very_many_files_hides_no_notebook_elsewhere() {
    let base = tempfile::tempdir().unwrap();
    let (homes, home) = (class(base.path(), &[]), base.path().join("ana"));
    let data = home.join("a/data");
    fill(&data, SMALL_LIMITS.entries + 5);
    for n in 0..50 {
        fill(&home.join(format!("sets/{n}")), 15);
    }
    let mut expected = Vec::new();
    for folder in ["", "a/", "a/data/in/", "b/c/d/", "z/", "z/deep/er/still/"] {
        fs::create_dir_all(home.join(folder)).unwrap();
        fs::write(home.join(folder).join("day.ipynb"), "").unwrap();
        expected.push(format!("ana:{folder}day.ipynb"));
    }
    // Where the folder's own order has this one is unknown.
    expected.retain(|name| !name.contains("data"));
    let scans = scan_within(SMALL_LIMITS, &homes);
    let names = names_in(scans.clone());
    let missing: Vec<_> = expected
        .iter()
        .filter(|name| !names.contains(*name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let gap = gap_in(scans, "ana").unwrap().to_string();
    for words in ["most of them in sets", "begins with a dot"] {
        assert!(gap.contains(words), "{gap}");
    }
}

#[test]
fn environments_are_skipped_before_they_are_read() {
    let base = tempfile::tempdir().unwrap();
    let homes = class(
        base.path(),
        &[
            "ana/day1.ipynb",
            "ana/env/pyvenv.cfg",
            "ana/env/share/sample.ipynb",
            "ana/miniconda/conda-meta/history",
            "ana/miniconda/share/sample.ipynb",
            "ana/lib/site-packages/x/sample.ipynb",
            "ana/web/node_modules/x/sample.ipynb",
            "ana/web/.git/sample.ipynb",
            "ana/web/__pycache__/sample.ipynb",
        ],
    );
    fill(
        &base.path().join("ana/miniconda/pkgs"),
        SMALL_LIMITS.entries + 1,
    );
    let scans = scan_within(SMALL_LIMITS, &homes);
    assert_eq!(gap_in(scans.clone(), "ana"), None);
    assert_eq!(names_in(scans), set(&["ana:day1.ipynb"]));
}

#[test]
fn links_that_stay_in_the_home_are_followed_once() {
    let base = tempfile::tempdir().unwrap();
    let homes = class(
        base.path(),
        &[
            "ana/.course/day1.ipynb",
            "ana/.course/in/day2.ipynb",
            "ana/own/day3.ipynb",
            "bob/secret.ipynb",
        ],
    );
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.ipynb"), "").unwrap();
    let link = |target: &str, name: &str| {
        symlink(target, base.path().join("ana").join(name)).unwrap();
    };
    link(".course", "course");
    link(".course", "course-again");
    // A folder that has a visible name of its own is listed under that.
    link("own", "an-own");
    link("..", "own/up");
    link(".", "here");
    link("loop", "loop");
    link("../.course/day1.ipynb", "own/linked.ipynb");
    // Out of the home, or to no file.
    link("../bob", "bob");
    link("../bob/secret.ipynb", "bob.ipynb");
    link("own/../../bob", "own-bob");
    link(outside.path().to_str().unwrap(), "outside");
    link("/dev/null", "null.ipynb");
    link("nothing", "nothing.ipynb");
    link("own", "folder.ipynb");
    let names: Vec<_> = names(&homes).into_iter().collect();
    let (ana, others): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| name.starts_with("ana:"));
    assert_eq!(others, ["bob:secret.ipynb"]);
    let course = if ana[0].starts_with("ana:course/") {
        "course"
    } else {
        "course-again"
    };
    let expected = [
        format!("ana:{course}/day1.ipynb"),
        format!("ana:{course}/in/day2.ipynb"),
        "ana:own/day3.ipynb".to_owned(),
        "ana:own/linked.ipynb".to_owned(),
    ];
    assert_eq!(ana, expected);
    // The notebooks that are listed can be read.
    let home = homes.home_of("ana").unwrap().open().unwrap();
    for name in &ana {
        assert!(home.has(name.strip_prefix("ana:").unwrap()), "{name}");
    }
}

#[test]
fn a_linked_folder_of_another_user_is_not_entered() {
    let base = tempfile::tempdir().unwrap();
    let homes = class(base.path(), &["ana/.theirs/a.ipynb", "ana/.own/b.ipynb"]);
    symlink(".theirs", base.path().join("ana/theirs")).unwrap();
    symlink(".own/b.ipynb", base.path().join("ana/b.ipynb")).unwrap();
    for path in ["ana/.theirs", "ana/.own/b.ipynb"] {
        if chown(base.path().join(path), Some(12_345), None).is_err() {
            return; // Only root can give things to others.
        }
    }
    assert_eq!(names(&homes), set(&[]));
}

/// Descriptors do not grow with the depth or the number of folders.
#[test]
fn a_walk_keeps_few_folders_open() {
    struct DescriptorCounter<'a> {
        base: &'a Path,
        most: usize,
        notebooks: usize,
    }
    impl DescriptorCounter<'_> {
        /// Counts the descriptors below the base, because other tests open files as well.
        fn count(&mut self) {
            let all = fs::read_dir("/proc/self/fd").unwrap().flatten();
            let paths = all.filter_map(|entry| fs::read_link(entry.path()).ok());
            let open = paths.filter(|path| path.starts_with(self.base)).count();
            self.most = self.most.max(open);
        }
    }
    impl WalkVisitor for DescriptorCounter<'_> {
        fn folder(&mut self, _: &str, _: &str, _: BorrowedFd<'_>) {
            self.count();
        }
        fn fresh_folder(&mut self, _: &str, _: &str, _: BorrowedFd<'_>) {
            self.count();
        }
        fn notebook(&mut self, _: FoundNotebook) {
            self.notebooks += 1;
        }
    }
    let turns = SMALL_LIMITS.entries / SMALL_LIMITS.entries_per_turn;
    // The deep notebooks are found only when the large folders leave entries for them.
    for (folders, notebooks) in [(10, 10), (turns + 2, 0)] {
        let base = tempfile::tempdir().unwrap();
        let homes = class(base.path(), &[]);
        for folder in 0..folders {
            let folder = base.path().join(format!("ana/{folder}"));
            fill(&folder, SMALL_LIMITS.entries_per_turn + 10);
            let deep = folder.join("d/".repeat(MAX_DEPTH - 3));
            fs::create_dir_all(&deep).unwrap();
            fs::write(deep.join("a.ipynb"), "").unwrap();
        }
        let home = homes.home_of("ana").unwrap().open().unwrap();
        let mut counter = DescriptorCounter {
            base: base.path(),
            most: 0,
            notebooks: 0,
        };
        walk_home_within(SMALL_LIMITS, "ana", &home, &mut counter);
        assert_eq!(counter.notebooks, notebooks);
        let large = folders.min(turns);
        // Besides these: the home, the one that is read, and the one that is entered.
        assert!(
            (large..=large + 3).contains(&counter.most),
            "{}",
            counter.most
        );
    }
}

/// After this time a race ends when it has met each of the names [`MIN_SIGHTINGS`] times.
const LONG_RACE: Duration = Duration::from_secs(3);
const MIN_SIGHTINGS: usize = 100;

/// Folders change places with links into bob's home as fast as one thread can do it.
#[test]
fn exchanging_links_and_folders_lists_no_file_of_another_home() {
    let base = tempfile::tempdir().unwrap();
    let homes = class(
        base.path(),
        &[
            "ana/dir/own.ipynb",
            "ana/dir/in/own.ipynb",
            "bob/private/secret.ipynb",
        ],
    );
    fs::create_dir(base.path().join("bob/private/in")).unwrap();
    fs::write(base.path().join("bob/private/in/secret.ipynb"), "").unwrap();
    let home = base.path().join("ana");
    symlink("../bob/private", home.join("link")).unwrap();
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (one, other) = (home.join("dir"), home.join("link"));
            while !enough.load(Ordering::Relaxed) {
                renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let begun = Instant::now();
        let mut seen = [0_usize; 2];
        let mut leaked = BTreeSet::new();
        // The folder was met under both of its names, often. A busy machine may let one thread
        // run at a time, so that after a while fewer times are enough.
        while seen.iter().any(|times| *times < 1_000) && begun.elapsed() < RACE_TIMEOUT {
            let is_long = begun.elapsed() > LONG_RACE;
            if is_long && seen.iter().all(|times| *times >= MIN_SIGHTINGS) {
                break;
            }
            let names = names(&homes);
            let own = |folder: &str| names.contains(&format!("ana:{folder}/own.ipynb"));
            seen[0] += usize::from(own("dir"));
            seen[1] += usize::from(own("link"));
            let is_leak = |name: &&String| name.starts_with("ana:") && name.contains("secret");
            leaked.extend(names.iter().filter(is_leak).cloned());
        }
        enough.store(true, Ordering::Relaxed);
        assert_eq!(leaked, BTreeSet::new());
        assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
    });
}
