//! Tests of the output folder after saves, deletions and mistakes.

mod bounds;
mod incremental;

use std::{
    fs,
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Instant, SystemTime},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    queue::{BuildTarget, BuildTask},
    section::SummarySection,
    *,
};
use crate::{
    class::NotebookContent,
    homes::HomesTemplate,
    lanes::{LaneTimeouts, PersonLanes},
};

/// A class of its own and its builds.
struct Workshop {
    base: TempDir,
    class: Class,
    builds: Arc<Builds>,
}

impl Drop for Workshop {
    fn drop(&mut self) {
        self.builds.end();
    }
}

impl Workshop {
    fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap(), Duration::ZERO)
    }

    fn at(base: TempDir, every: Duration) -> Self {
        let homes: HomesTemplate = format!("{}/homes/{{user}}", base.path().display())
            .parse()
            .unwrap();
        let limits = TailLimits::default();
        let reader = Copies::for_command(homes);
        let builds = Builds::new(reader.clone(), limits, &base.path().join("out")).unwrap();
        let builds = Arc::new(builds.writing_every(every));
        builds.start(2).unwrap();
        Self::of(base, reader, builds)
    }

    fn of(base: TempDir, reader: Copies, builds: Arc<Builds>) -> Self {
        let class = Class::new(reader, TailLimits::default());
        Self {
            class: class.observed_by(Arc::clone(&builds) as _),
            builds,
            base,
        }
    }

    /// The same folders in a new builder, as after a restart.
    fn restarted(self) -> Self {
        let Self { base, builds, .. } = &self;
        builds.end();
        while Arc::strong_count(builds) > 2 {
            thread::yield_now();
        }
        let base = base.path().to_owned();
        // A temporary folder is removed with its value, so the content is moved.
        let moved = tempfile::tempdir().unwrap();
        fs::rename(base.join("homes"), moved.path().join("homes")).unwrap();
        fs::rename(base.join("out"), moved.path().join("out")).unwrap();
        drop(self);
        Self::at(moved, Duration::ZERO)
    }

    fn write(&self, user: &str, filename: &str, text: &str) {
        let path = self.base.path().join("homes").join(user).join(filename);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        // Long ago, so that a broken file is not taken for one that is being written.
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(60))
            .unwrap();
    }

    fn save(&self, user: &str, filename: &str, sources: &[&str]) {
        self.write(user, filename, &notebook(sources));
    }

    fn delete(&self, user: &str, filename: &str) {
        let path = self.base.path().join("homes").join(user).join(filename);
        fs::remove_file(path).unwrap();
    }

    /// Finds the changed files, and waits until all builds are written.
    fn build(&self) {
        self.class.scan_homes(|_| true);
        self.class.read_all(1);
        self.builds.class_was_read(&self.class);
        self.builds.settle();
    }

    fn out(&self, place: &str) -> PathBuf {
        self.builds.path().join(place)
    }

    fn text(&self, place: &str) -> String {
        fs::read_to_string(self.out(place)).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let mut files = self.builds.folder.files();
        files.sort();
        files
    }
}

fn notebook(sources: &[&str]) -> String {
    let cells: Vec<Value> = sources
        .iter()
        .map(|source| json!({"cell_type": "markdown", "metadata": {}, "source": source}))
        .collect();
    json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string()
}

fn key(user: &str, filename: &str) -> CopyId {
    CopyId {
        filename: filename.to_owned(),
        user: user.to_owned(),
    }
}

#[test]
fn other_participants_builds_do_not_wait_for_a_busy_lane() {
    let base = tempfile::tempdir().unwrap();
    let homes = format!("{}/homes/{{user}}", base.path().display());
    let homes: HomesTemplate = homes.parse().unwrap();
    let hour = Duration::from_secs(3_600);
    let timeouts = LaneTimeouts {
        running: hour,
        waiting: hour,
    };
    let lanes = PersonLanes::new(2, timeouts);
    // The job ends when the sender is dropped.
    let (busy, end) = mpsc::channel::<()>();
    lanes.submit_detached("mallory", move || {
        let _ = end.recv();
    });
    let reader = Copies::in_lanes(homes.clone(), lanes);
    let builds = Builds::new(reader, TailLimits::default(), &base.path().join("out")).unwrap();
    let class = Workshop::of(base, Copies::for_command(homes), Arc::new(builds));
    class.save("bo", "a.ipynb", &["from bo"]);
    for user in ["mallory", "bo"] {
        let target = BuildTarget::Copy(key(user, "a.ipynb"));
        class
            .builds
            .queue
            .push(target, BuildTask::ReadAgain, Instant::now());
    }
    class.builds.queue.release();
    class.builds.start(1).unwrap();
    let deadline = Instant::now() + Duration::from_secs(180);
    while !class.builds.knows(&key("bo", "a.ipynb")) {
        assert!(Instant::now() < deadline, "it is built meanwhile");
        thread::sleep(Duration::from_millis(10));
    }
    drop(busy);
}

#[test]
fn a_class_has_its_exports_its_copies_and_a_summary() {
    let class = Workshop::new();
    class.save("bo", "m1/a.ipynb", &["from bo"]);
    class.save("ana", "m1/a.ipynb", &["from ana"]);
    class.build();
    assert_eq!(
        class.files(),
        [
            "m1/a/00-summary.html",
            "m1/a/00-summary.ipynb",
            "m1/a/ana.html",
            "m1/a/bo.html",
            "m1/a/notebooks/ana.ipynb",
            "m1/a/notebooks/bo.ipynb",
        ]
    );
    assert_eq!(
        class.text("m1/a/notebooks/ana.ipynb"),
        notebook(&["from ana"])
    );
    assert!(class.text("m1/a/ana.html").contains("from ana"));
    let html = class.text("m1/a/00-summary.html");
    let (ana, bo) = (
        html.find("from ana").unwrap(),
        html.find("from bo").unwrap(),
    );
    assert!(ana < bo, "by name");
    assert!(html.contains("<a href=\"./ana.html\">ana</a>"));
}

#[test]
fn builds_of_a_deleted_copy_are_removed_with_their_folders() {
    let class = Workshop::new();
    class.save("ana", "m1/a.ipynb", &["x"]);
    class.save("bo", "m1/a.ipynb", &["y"]);
    class.build();
    class.delete("bo", "m1/a.ipynb");
    class.build();
    assert!(!class.text("m1/a/00-summary.html").contains("bo.html"));
    assert!(!class.out("m1/a/bo.html").exists());
    // A rename is a deletion and a new file.
    class.delete("ana", "m1/a.ipynb");
    class.save("ana", "b.ipynb", &["x"]);
    class.build();
    assert!(!class.out("m1").exists());
    assert!(class.out("b/ana.html").exists());
}

#[test]
fn a_broken_notebook_is_a_card_and_its_last_good_export_stays() {
    let class = Workshop::new();
    class.save("ana", "a.ipynb", &["good"]);
    class.save("bo", "a.ipynb", &["fine"]);
    class.build();
    class.write("ana", "a.ipynb", "{\"cells\": <");
    class.build();
    let html = class.text("a/00-summary.html");
    assert!(
        html.contains("class=\"sum-card\"") && html.contains("not JSON"),
        "{html}"
    );
    assert!(!html.contains("good") && html.contains("fine"));
    assert!(class.text("a/ana.html").contains("good"));
    let summary: Value = serde_json::from_str(&class.text("a/00-summary.ipynb")).unwrap();
    let card = &summary["cells"][1]["source"][0];
    assert!(card.as_str().unwrap().contains("cannot be read"), "{card}");
    let problems = class.builds.problems();
    assert!(problems[&key("ana", "a.ipynb")].contains("not a notebook"));

    // This holds for a process that has never read it as a notebook.
    let class = class.restarted();
    class.build();
    assert!(class.text("a/ana.html").contains("good"));
    assert!(class.text("a/00-summary.html").contains("./ana.html"));
    class.save("ana", "a.ipynb", &["good again"]);
    class.build();
    assert!(class.text("a/ana.html").contains("good again"));
    assert!(class.builds.problems().is_empty());
}

#[test]
fn a_restart_writes_only_what_changed() {
    let class = Workshop::new();
    for user in ["ana", "bo", "cy", "di"] {
        class.save(user, "a.ipynb", &[user]);
    }
    class.build();
    let inode = |class: &Workshop, user: &str| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(class.out(&format!("a/{user}.html")))
            .unwrap()
            .ino()
    };
    let before = ["ana", "bo", "cy"].map(|user| inode(&class, user));
    // Changed while no builder was running.
    fs::write(class.out("a/bo.html"), "").unwrap();
    class.save("cy", "a.ipynb", &["changed"]);
    class.delete("di", "a.ipynb");
    let class = class.restarted();
    class.build();
    assert_eq!(inode(&class, "ana"), before[0]);
    assert_ne!(inode(&class, "bo"), before[1]);
    assert!(
        class.text("a/bo.html").contains("bo"),
        "torn, and made anew"
    );
    assert!(class.text("a/cy.html").contains("changed"));
    assert!(!class.out("a/di.html").exists());

    // Another renderer makes everything anew.
    let before = inode(&class, "ana");
    fs::write(class.out(".pipalhub"), "another").unwrap();
    let class = class.restarted();
    class.build();
    assert_ne!(inode(&class, "ana"), before);
}

#[test]
fn private_cells_are_not_built_and_cause_no_second_build() {
    let class = Workshop::new();
    let cell = |tag: &str, source: &str| json!({"cell_type": "markdown", "metadata": {"tags": [tag]}, "source": source});
    let cells = [cell("private", "canary"), cell("x", "shown")];
    let text = json!({"cells": cells, "metadata": {}, "nbformat": 4}).to_string();
    class.write("ana", "a.ipynb", &text);
    class.build();
    for file in class.files() {
        let built = class.text(&file);
        assert!(
            built.contains("shown") && !built.contains("canary"),
            "{file}"
        );
    }
    let ana = key("ana", "a.ipynb");
    assert_eq!(class.builds.exports.rendered_anew(&ana), Some(1));
    let class = class.restarted();
    class.build();
    assert_eq!(class.builds.exports.rendered_anew(&ana), None);
}

#[test]
fn a_save_renders_the_cells_that_changed() {
    let class = Workshop::new();
    class.save("ana", "a.ipynb", &["# one", "two", "three"]);
    class.build();
    let ana = key("ana", "a.ipynb");
    assert_eq!(class.builds.exports.rendered_anew(&ana), Some(3));
    class.save("ana", "a.ipynb", &["# one", "2", "three"]);
    class.build();
    assert_eq!(class.builds.exports.rendered_anew(&ana), Some(1));
    assert_eq!(
        class
            .builds
            .catalogue
            .section(&ana)
            .unwrap()
            .rendered_anew(),
        1
    );
}

#[test]
fn an_unchanged_summary_is_not_written_anew() {
    let class = Workshop::new();
    class.save("ana", "a.ipynb", &["one"]);
    class.build();
    let versions = || {
        ["a/00-summary.html", "a/00-summary.ipynb"].map(|place| class.builds.folder.version(place))
    };
    let first = versions();
    class.builds.summarise("a.ipynb");
    assert_eq!(versions(), first);
    // Saved with the same content: the document has the time of the save, the notebook has not.
    let path = class.base.path().join("homes/ana/a.ipynb");
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(30))
        .unwrap();
    class.build();
    let [document, notebook] = versions();
    assert_ne!(document, first[0]);
    assert_eq!(notebook, first[1]);
    // Another program removes a file.
    fs::remove_file(class.out("a/00-summary.ipynb")).unwrap();
    class.builds.summarise("a.ipynb");
    assert!(versions()[1].is_some());
}

#[test]
fn files_wait_for_the_write_interval_and_the_catalogue_does_not() {
    const AN_HOUR: Duration = Duration::from_secs(3600);
    let class = Workshop::at(tempfile::tempdir().unwrap(), AN_HOUR);
    class.save("ana", "a.ipynb", &["first"]);
    class.build();
    class.save("ana", "a.ipynb", &["second"]);
    class.class.read_all(1);
    let deadline = Instant::now() + Duration::from_secs(180);
    loop {
        let mut html = Vec::new();
        let summary = class.builds.summary("a.ipynb").unwrap();
        summary.write_html(&mut html).unwrap();
        if String::from_utf8(html).unwrap().contains("second") {
            break;
        }
        assert!(Instant::now() < deadline, "it comes in time");
        thread::yield_now();
    }
    for place in ["a/00-summary.html", "a/00-summary.ipynb", "a/ana.html"] {
        assert!(class.text(place).contains("first"), "{place}");
    }
}

#[test]
fn files_with_odd_names_stay_in_the_folder() {
    let class = Workshop::new();
    let long = "ü".repeat(120);
    for user in [
        "notebooks",
        "00-summary",
        "ana@x.org",
        "a b%20#?",
        "_x",
        &long,
    ] {
        class.save(user, "m 1/%2e%2e/a#b.ipynb", &[&format!("`{user}`")]);
    }
    class.save("ana@x.org", "m 1.ipynb", &["x"]);
    class.save("ana@x.org", "notebooks.ipynb", &["x"]);
    class.build();
    let files = class.files();
    assert_eq!(files.len(), 6 * 2 + 2 + 2 * 4);
    for user in [
        "notebooks",
        "00-summary",
        "ana@x.org",
        "a b%20#?",
        "_x",
        &long,
    ] {
        let export = layout::export("m 1/%2e%2e/a#b", user);
        assert!(
            class
                .text(&export)
                .contains(&format!("<code>{user}</code>")),
            "{export}"
        );
        let found = class.builds.find(&export).unwrap();
        assert_eq!(found.user.as_deref(), Some(user));
    }
    let outside = fs::read_dir(class.base.path()).unwrap().count();
    assert_eq!(outside, 2, "homes and out");
}

#[test]
fn threads_that_read_a_whole_class_build_its_summary() {
    let base = tempfile::tempdir().unwrap();
    let homes = format!("{}/homes/{{user}}", base.path().display());
    let homes: HomesTemplate = homes.parse().unwrap();
    let out = base.path().join("out");
    // No builder thread is started.
    let builds = Builds::new(
        Copies::for_command(homes.clone()),
        TailLimits::default(),
        &out,
    )
    .unwrap();
    let class = Workshop::of(base, Copies::for_command(homes), Arc::new(builds));
    let users: Vec<String> = (0..40).map(|n| format!("user{n:02}")).collect();
    for user in &users {
        class.save(user, "a.ipynb", &["1"]);
    }
    class.class.scan_homes(|_| true);
    class.class.read_all(2);
    let known = |user: &String| class.builds.knows(&key(user, "a.ipynb"));
    assert!(users.iter().all(known));
}
