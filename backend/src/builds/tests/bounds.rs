//! Tests of the quota: what participants can make the folder take up, and what they lose by it.

use std::{
    os::unix::fs::MetadataExt,
    sync::atomic::{AtomicU64, Ordering},
};

use walkdir::WalkDir;

use super::*;
use crate::reserve::Reserve;

impl Workshop {
    fn bounded(quota: BuildQuota) -> Self {
        Self::with_builds(|builds| builds.within(quota))
    }

    fn with_builds(with: impl FnOnce(Builds) -> Builds) -> Self {
        let base = tempfile::tempdir().unwrap();
        let homes: HomesTemplate = format!("{}/homes/{{user}}", base.path().display())
            .parse()
            .unwrap();
        let limits = TailLimits::default();
        let builds = Builds::new(
            Copies::for_command(homes.clone()),
            limits,
            &base.path().join("out"),
        )
        .unwrap();
        let builds = Arc::new(with(builds).writing_every(Duration::ZERO));
        builds.start(2).unwrap();
        Self::of(base, Copies::for_command(homes), builds)
    }

    fn saved_at(&self, user: &str, filename: &str, seconds_ago: u64) {
        let path = self.base.path().join("homes").join(user).join(filename);
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds_ago))
            .unwrap();
    }

    /// Size of the folder on the disk, each file counted once.
    fn on_disk(&self) -> u64 {
        let mut inodes = HashSet::new();
        let entries = WalkDir::new(self.builds.path()).into_iter().flatten();
        let metadata = entries.map(|entry| entry.metadata().unwrap());
        let new = metadata.filter(|metadata| inodes.insert(metadata.ino()));
        new.map(|metadata| metadata.blocks() * 512).sum()
    }

    fn note(&self, user: &str, filename: &str) -> String {
        self.builds.note(&key(user, filename)).unwrap_or_default()
    }
}

fn quota(kib: u64) -> BuildQuota {
    BuildQuota {
        each: kib << 10,
        all: 10 * (kib << 10),
        reserve: 0,
        ..BuildQuota::default()
    }
}

/// Waits for a condition: copies give way and come back in several tasks.
fn until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(180);
    while !is_so() {
        assert!(Instant::now() < end, "it does not come");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Text that takes up `kib` KiB in a file.
fn long(kib: usize) -> String {
    "all work and no play ".repeat(kib * 1024 / 21)
}

#[test]
fn a_file_with_a_hundred_names_is_built_once() {
    let class = Workshop::new();
    class.save("ana", "a.ipynb", &[&long(1024)]);
    class.save("bo", "n07.ipynb", &["from bo"]);
    class.build();
    let once = class.on_disk();
    let home = class.base.path().join("homes/ana");
    for n in 0..99 {
        fs::hard_link(home.join("a.ipynb"), home.join(format!("n{n:02}.ipynb"))).unwrap();
    }
    class.build();
    // Two folders for each name, and a card for ana's in the summary of bo's.
    let more = class.on_disk() - once;
    assert!(more < 99 * 2 * 4096 + 100_000, "{more} more than {once}");
    let copy =
        |name: &str| fs::metadata(class.out(&format!("{name}/notebooks/ana.ipynb"))).unwrap();
    until(|| class.out("n42/notebooks/ana.ipynb").exists());
    assert_eq!(copy("a").ino(), copy("n42").ino());
    assert!(class.text("n42/ana.html").contains("all work"));
    assert!(!class.out("n42/00-summary.html").exists());
    let summary = class.text("n07/00-summary.html");
    assert!(summary.contains("The same file as a.ipynb.") && summary.contains("from bo"));
    assert!(!summary.contains("all work"));

    // It stays one file when it is saved, and becomes another when it is replaced.
    class.save("ana", "a.ipynb", &["changed"]);
    class.build();
    assert!(class.text("n42/ana.html").contains("changed"));
    assert_eq!(copy("a").ino(), copy("n42").ino());
    class.delete("ana", "n42.ipynb");
    class.save("ana", "n42.ipynb", &["on its own"]);
    class.build();
    assert!(class.text("n42/00-summary.html").contains("on its own"));
    assert!(class.text("n41/ana.html").contains("changed"));
    // When the first name is deleted, another becomes the first.
    class.delete("ana", "a.ipynb");
    class.build();
    assert!(!class.out("a").exists());
    let names = (0..99).filter(|n| *n != 42).map(|n| format!("n{n:02}"));
    let summaries = names.filter(|name| {
        let summary = class.out(&format!("{name}/00-summary.html"));
        summary.exists() && fs::read_to_string(summary).unwrap().contains("changed")
    });
    assert_eq!(summaries.count(), 1);
}

#[test]
fn the_oldest_copies_of_one_participant_give_way_and_no_others() {
    let class = Workshop::bounded(quota(512));
    class.save("bo", "b.ipynb", &["from bo", &long(50)]);
    for (n, seconds_ago) in [(0, 500), (1, 400), (2, 300), (3, 200)] {
        class.save("ana", &format!("{n}.ipynb"), &[&long(70)]);
        class.saved_at("ana", &format!("{n}.ipynb"), seconds_ago);
        class.build();
    }
    // A copy and an export of each are some 160 KiB, of 320.
    let has = |n: u32| class.out(&format!("{n}/ana.html")).exists();
    assert!(has(3) && !has(0) && class.out("b/bo.html").exists());
    assert!(class.on_disk() < (512 + 200) << 10, "{}", class.on_disk());
    assert_eq!(
        class.note("ana", "0.ipynb"),
        "Over the quota of 0 MiB: no export of this version."
    );
    assert_eq!(
        class.note("bo", "b.ipynb") + &class.note("ana", "3.ipynb"),
        ""
    );
    assert_eq!(class.builds.export_place(&key("ana", "0.ipynb")), None);
    // It comes back when it is saved again, and the oldest by then gives way.
    class.save("ana", "0.ipynb", &[&long(70), "again"]);
    class.build();
    assert!(has(0) && class.text("0/ana.html").contains("again"));
    // A copy comes back too when there is room.
    for n in [0, 3] {
        class.delete("ana", &format!("{n}.ipynb"));
    }
    class.build();
    until(|| has(2));
    assert!(class.text("2/ana.html").contains("all work"));
}

#[test]
fn a_flood_of_notebooks_leaves_the_newest_and_those_of_others() {
    let class = Workshop::bounded(BuildQuota {
        notebooks: 20,
        ..quota(64 << 10)
    });
    class.save("bo", "b.ipynb", &["from bo"]);
    for n in 0..300 {
        class.save("eve", &format!("{n}.ipynb"), &["x"]);
        class.saved_at("eve", &format!("{n}.ipynb"), 1_000 - n);
    }
    class.build();
    let count = |class: &Workshop| class.builds.list("", Some("eve")).len();
    assert_eq!(count(&class), 20);
    assert_eq!(fs::read_dir(class.builds.path()).unwrap().count(), 20 + 2);
    assert!(class.out("299/eve.html").exists() && class.out("b/bo.html").exists());
    let messages = class.builds.left_out(Some("eve"));
    assert!(
        messages[0].contains("of 280 nothing is built"),
        "{messages:?}"
    );
    assert!(class.builds.left_out(Some("bo")).is_empty());
}

#[test]
fn a_section_that_is_too_large_is_replaced_by_a_reason() {
    let class = Workshop::bounded(quota(1024));
    class.save("bo", "a.ipynb", &["from bo"]);
    class.save("ana", "a.ipynb", &[&long(300)]);
    class.build();
    let summary = class.text("a/00-summary.html");
    assert!(summary.contains("from bo") && !summary.contains("all work"));
    assert!(
        summary.contains("over the quota for builds of ana"),
        "{summary}"
    );
    assert!(class.text("a/00-summary.ipynb").contains("over the quota"));
    assert!(class.on_disk() < 1024 << 10);
    class.save("ana", "a.ipynb", &["short"]);
    class.build();
    assert!(class.text("a/00-summary.html").contains("short"));
}

#[test]
fn builds_are_not_written_into_the_reserve() {
    let free = Arc::new(AtomicU64::new(10 << 20));
    let reserve = Reserve::on(Arc::clone(&free), 1 << 20);
    let class = Workshop::with_builds(|builds| builds.with_reserve(reserve));
    class.save("ana", "a.ipynb", &[&long(100)]);
    class.build();
    assert!(class.text("a/ana.html").contains("all work"));
    // There is room for the reserve and not for another export.
    free.store((1 << 20) + 50_000, Ordering::Relaxed);
    class.save("ana", "b.ipynb", &[&long(100)]);
    class.save("bo", "b.ipynb", &[&long(100)]);
    class.build();
    let files: Vec<_> = WalkDir::new(class.out("b")).into_iter().flatten().collect();
    assert!(files.iter().all(|entry| entry.path().is_dir()), "{files:?}");
    assert!(class.note("ana", "b.ipynb").contains("events need 1"));
    assert!(class.text("a/ana.html").contains("all work"));
    // Building goes on by itself.
    free.store(10 << 20, Ordering::Relaxed);
    let deadline = Instant::now() + Duration::from_secs(180);
    let places = ["b/ana.html", "b/bo.html", "b/00-summary.ipynb"];
    while !places.iter().all(|place| class.out(place).exists()) {
        assert!(Instant::now() < deadline, "it is tried again");
        thread::sleep(Duration::from_millis(20));
    }
}
