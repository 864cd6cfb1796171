//! Notebooks that are there, notebooks that are gone, and homes whose disk hangs.

use std::fs;

use super::*;
use crate::{
    class::TailLimits,
    homes::HomesTemplate,
    store::{EventFilter, SqliteStore},
};

#[tokio::test]
async fn a_notebook_deleted_before_it_is_read_is_never_reported() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("homes/ana/a.ipynb");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, r#"{"cells": []}"#).unwrap();
    let homes = format!("{}/homes/{{user}}", base.path().display());
    let homes: HomesTemplate = homes.parse().unwrap();
    let class = Class::new(homes, TailLimits::default());
    let store = Arc::new(SqliteStore::open(&base.path().join("events.sqlite3")).unwrap());
    let reporter = Reporter::new(class.clone(), Arc::clone(&store) as _, Duration::ZERO);
    let mut reporter = reporter.await.unwrap();
    let key = class.copies().copy_at(file.to_str().unwrap()).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(class.tile_as(&key, |tile| tile).await.is_none());
    reporter.settle();
    assert_eq!(class.copy_ids(), []);
    assert_eq!(store.list(EventFilter::default()).await.unwrap(), []);
}

/// Who has stored events is known to a service that begins.
#[tokio::test]
async fn a_home_whose_name_was_cut_is_walked_for_a_user_of_stored_events() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("zo---c6a12698/a.ipynb");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, r#"{"cells": []}"#).unwrap();
    let homes = format!("{}/{{slug}}", base.path().display());
    let homes: HomesTemplate = homes.parse().unwrap();
    let store = Arc::new(SqliteStore::open(&base.path().join("events.sqlite3")).unwrap());
    let class = Class::new(homes.clone(), TailLimits::default());
    let reporter = Reporter::new(class.clone(), Arc::clone(&store) as _, Duration::ZERO);
    drop(reporter.await.unwrap());
    assert_eq!(class.copy_ids(), []);
    let event = NewEvent {
        kind: SAVE_NOTEBOOK.to_owned(),
        user: "Zoë".to_owned(),
        filename: "a.ipynb".to_owned(),
        path: file.to_str().unwrap().to_owned(),
        timestamp: time::now_text(),
    };
    store.append(event).await.unwrap();
    let class = Class::new(homes, TailLimits::default());
    let reporter = Reporter::new(class.clone(), Arc::clone(&store) as _, Duration::ZERO);
    drop(reporter.await.unwrap());
    let known = class.copy_ids();
    assert_eq!((known.len(), &*known[0].user), (1, "Zoë"));
}

impl Reporter {
    /// Walks all homes, and waits until everything that comes of it is done.
    fn settle(&mut self) {
        self.list_users();
        self.walks
            .want_all(Instant::now() - Duration::from_secs(60));
        self.walk_due_homes();
        while !(self.walked.is_empty() && self.due.is_quiet()) {
            let answer = self.lane_results.recv().unwrap();
            self.take_result(answer);
        }
    }
}

#[tokio::test]
async fn a_home_that_hangs_holds_up_neither_the_start_nor_others() {
    let base = tempfile::tempdir().unwrap();
    for user in ["ana", "bo"] {
        let file = base.path().join(user).join("a.ipynb");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, r#"{"cells": []}"#).unwrap();
    }
    let homes = format!("{}/{{user}}", base.path().display());
    let homes: HomesTemplate = homes.parse().unwrap();
    let class = Class::new(homes, TailLimits::default());
    let (let_go, hanging) = mpsc::channel::<()>();
    class.copies().lanes().submit_detached("ana", move || {
        // It ends when the other end is dropped.
        let _ = hanging.recv();
    });
    let store = SqliteStore::open(&base.path().join("events.sqlite3")).unwrap();
    let reporter = Reporter::new(class.clone(), Arc::new(store), Duration::ZERO);
    let mut reporter = reporter.await.unwrap();
    let users = |class: &Class| -> Vec<String> {
        let keys = class.copy_ids().into_iter();
        keys.map(|key| key.user).collect()
    };
    assert_eq!(users(&class), ["bo"]);
    drop(let_go);
    reporter.settle();
    assert_eq!(users(&class), ["ana", "bo"]);
}

#[tokio::test]
async fn a_report_that_was_not_stored_is_left_to_the_reporter() {
    let base = tempfile::tempdir().unwrap();
    let home = base.path().join("ana");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("a.ipynb"), r#"{"cells": []}"#).unwrap();
    let homes = format!("{}/{{user}}", base.path().display());
    let homes: HomesTemplate = homes.parse().unwrap();
    let class = Class::new(homes, TailLimits::default());
    let [there, invented] =
        ["a.ipynb", "b.ipynb"].map(|name| class.copies().copy_at(home.join(name).to_str()?));
    let (there, invented) = (there.unwrap(), invented.unwrap());
    for key in [&there, &invented] {
        class.note_reported(key).await;
    }
    let reported = |key| Some(class.0.record(key)?.reported().is_some());
    assert_eq!(
        (reported(&there), reported(&invented)),
        (Some(true), Some(false))
    );
    for key in [&there, &invented] {
        class.note_unreported(key);
    }
    assert_eq!((reported(&there), reported(&invented)), (Some(false), None));
}
