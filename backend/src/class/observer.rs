//! The interface of those parts that follow what is read: builds, history and others.
//!
//! A file is read once for all of them, at the first look at it, and its end is parsed.

use super::{CopyId, NotebookContent};
use crate::homes::Fingerprint;

/// A version of a participant's copy that was just read.
#[derive(Clone, Debug)]
pub struct Revision {
    /// The copy.
    pub key: CopyId,
    /// The version; `None` when the file could not even be read.
    pub version: Option<Fingerprint>,
    /// The notebook or, in words for the instructor, why there is none.
    pub content: Result<NotebookContent, String>,
}

/// Is told of every version of every copy, once. It is not told of a file that is being
/// written, and once only of a file that is saved twice between two looks.
///
/// All methods but the last are called in the participant's lane, while a reader may wait for a
/// tile or a server for an acknowledgement: they take note and leave the work to a thread of
/// the observer's own.
pub trait Observer: Send + Sync + 'static {
    /// A new version of a copy was read.
    fn revised(&self, revision: &Revision);

    /// The file of a copy was deleted.
    fn removed(&self, key: &CopyId);

    /// The file was read after a reader had given up waiting for it, whose tile is therefore out
    /// of date.
    fn caught_up(&self, _key: &CopyId) {}

    /// Called between two notebooks by a thread that reads them all, for which no request waits:
    /// may take its time.
    fn keep_up(&self) {}
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        sync::{Arc, Mutex, mpsc},
        time::{Duration, SystemTime},
    };

    use super::*;
    use crate::{
        class::{Class, TailLimits},
        homes::HomesTemplate,
    };

    #[derive(Default)]
    struct RecordingObserver(Mutex<Vec<String>>);

    impl RecordingObserver {
        fn take(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl Observer for RecordingObserver {
        fn revised(&self, revision: &Revision) {
            let what = match &revision.content {
                Ok(content) => format!("{} cells", content.end().total_cells),
                Err(fault) => fault.clone(),
            };
            self.0.lock().unwrap().push(what);
        }

        fn removed(&self, key: &CopyId) {
            self.0.lock().unwrap().push(format!("{} removed", key.user));
        }
    }

    /// Panics at one notebook, and counts the others.
    #[derive(Default)]
    struct PanickingObserver(Mutex<usize>);

    impl Observer for PanickingObserver {
        fn revised(&self, revision: &Revision) {
            assert_ne!(revision.key.user, "bo", "a fault of ours");
            *self.0.lock().unwrap() += 1;
        }

        fn removed(&self, _: &CopyId) {}
    }

    #[test]
    fn a_fault_in_one_notebook_does_not_keep_the_others_from_being_read() {
        let base = tempfile::tempdir().unwrap();
        let homes = format!("{}/{{user}}", base.path().display());
        for user in ["ana", "bo", "cy", "di"] {
            fs::create_dir(base.path().join(user)).unwrap();
            let file = base.path().join(user).join("a.ipynb");
            fs::write(file, r#"{"cells": []}"#).unwrap();
        }
        let faulty = Arc::new(PanickingObserver::default());
        let class = Class::new(
            homes.parse::<HomesTemplate>().unwrap(),
            TailLimits::default(),
        )
        .observed_by(Arc::clone(&faulty) as _);
        class.scan_homes(|_| true);
        class.read_all(1);
        assert_eq!(*faulty.0.lock().unwrap(), 3);
    }

    #[tokio::test]
    async fn an_observer_is_told_of_every_version_once() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("ana")).unwrap();
        let file = base.path().join("ana/a.ipynb");
        let homes = format!("{}/{{user}}", base.path().display());
        let told = Arc::new(RecordingObserver::default());
        let class = Class::new(
            homes.parse::<HomesTemplate>().unwrap(),
            TailLimits::default(),
        )
        .observed_by(Arc::clone(&told) as _);
        let key = class.copies().copy_at(file.to_str().unwrap()).unwrap();

        fs::write(&file, r#"{"cells": [{"cell_type": "raw"}]}"#).unwrap();
        class.note_reported(&key).await;
        class.read_all(2);
        class.tile_as(&key, |tile| tile).await.unwrap();
        assert_eq!(told.take(), ["1 cells"]);

        // Half a file is being written, until it has not changed for a while.
        fs::write(&file, r#"{"cells": ["#).unwrap();
        class.tile_as(&key, |tile| tile).await.unwrap();
        assert_eq!(told.take(), [""; 0]);
        let past = SystemTime::now() - Duration::from_secs(5);
        File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(past)
            .unwrap();
        class.tile_as(&key, |tile| tile).await.unwrap();
        class.tile_as(&key, |tile| tile).await.unwrap();
        let [fault] = &told.take()[..] else {
            panic!("told once")
        };
        assert!(fault.contains("ends in the middle"), "{fault}");

        fs::remove_file(&file).unwrap();
        class.forget(&key);
        // The lane tells the observers before it runs this.
        class.copies().lanes().submit("ana", || ()).wait().unwrap();
        assert_eq!(told.take(), ["ana removed"]);
    }

    /// A notebook that is gone and back, or said to be back, while its owner's lane is busy.
    #[test]
    fn observers_are_told_in_the_order_of_what_happened() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("ana")).unwrap();
        let file = base.path().join("ana/a.ipynb");
        let homes = format!("{}/{{user}}", base.path().display());
        let told = Arc::new(RecordingObserver::default());
        let class = Class::new(
            homes.parse::<HomesTemplate>().unwrap(),
            TailLimits::default(),
        )
        .observed_by(Arc::clone(&told) as _);
        let key = class.copies().copy_at(file.to_str().unwrap()).unwrap();
        let lanes = class.copies().lanes();
        for is_back in [true, false] {
            fs::write(&file, r#"{"cells": []}"#).unwrap();
            class.scan_homes(|_| true);
            class.read_all(1);
            assert_eq!(told.take(), ["0 cells"]);
            let (let_go, hanging) = mpsc::channel::<()>();
            // It ends when the other end is dropped.
            lanes.submit_detached("ana", move || {
                let _ = hanging.recv();
            });
            fs::remove_file(&file).unwrap();
            class.forget(&key);
            if is_back {
                fs::write(&file, r#"{"cells": [{"cell_type": "raw"}]}"#).unwrap();
            }
            let record = class.0.record_or_new(&key);
            let look = class.look(&key, &record);
            drop(let_go);
            look.wait().unwrap();
            match is_back {
                true => assert_eq!(told.take(), ["ana removed", "1 cells"]),
                false => assert_eq!(told.take(), ["ana removed"]),
            }
            class.forget(&key);
            lanes.submit("ana", || ()).wait().unwrap();
            told.take();
        }
    }
}
