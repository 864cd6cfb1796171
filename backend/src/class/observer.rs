//! Who else wants to know what was read: builds, history.
//!
//! A file is read once for all of them, by whoever looks at it first, and its end is parsed.

use super::{Content, Key};
use crate::homes::Fingerprint;

/// A version of a participant's copy, as it was just found.
#[derive(Clone, Debug)]
pub struct Revision {
    /// Whose, and of which notebook.
    pub key: Key,
    /// Which version; `None` when the file could not even be read.
    pub version: Option<Fingerprint>,
    /// The notebook or, in words for the instructor, why there is none.
    pub content: Result<Content, String>,
}

/// Hears of every version of every notebook, once. A file that is being written is not
/// told; what a participant saves twice between two looks is told once.
///
/// All but the last are called in the lane of the participant, while somebody may wait for a
/// tile or for an acknowledgement: they take note and leave the work to a thread of the
/// observer's own.
pub trait Observer: Send + Sync + 'static {
    /// This is what the file holds now.
    fn revised(&self, revision: &Revision);

    /// There is no such file any more.
    fn removed(&self, key: &Key);

    /// This file was read after somebody had given up waiting for it: what they were shown is
    /// out of date.
    fn caught_up(&self, _key: &Key) {}

    /// Called where nobody waits, by who reads one notebook after the other, between two of
    /// them: may take its time.
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
    struct Told(Mutex<Vec<String>>);

    impl Told {
        fn take(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl Observer for Told {
        fn revised(&self, revision: &Revision) {
            let what = match &revision.content {
                Ok(content) => format!("{} cells", content.end().total_cells),
                Err(fault) => fault.clone(),
            };
            self.0.lock().unwrap().push(what);
        }

        fn removed(&self, key: &Key) {
            self.0.lock().unwrap().push(format!("{} removed", key.user));
        }
    }

    /// Panics at one notebook, and counts the others.
    #[derive(Default)]
    struct Faulty(Mutex<usize>);

    impl Observer for Faulty {
        fn revised(&self, revision: &Revision) {
            assert_ne!(revision.key.user, "bo", "a fault of ours");
            *self.0.lock().unwrap() += 1;
        }

        fn removed(&self, _: &Key) {}
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
        let faulty = Arc::new(Faulty::default());
        let class = Class::new(
            homes.parse::<HomesTemplate>().unwrap(),
            TailLimits::default(),
        )
        .observed_by(Arc::clone(&faulty) as _);
        class.look_around(|_| true);
        class.read_all(1);
        assert_eq!(*faulty.0.lock().unwrap(), 3);
    }

    #[tokio::test]
    async fn every_version_is_told_once() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("ana")).unwrap();
        let file = base.path().join("ana/a.ipynb");
        let homes = format!("{}/{{user}}", base.path().display());
        let told = Arc::new(Told::default());
        let class = Class::new(
            homes.parse::<HomesTemplate>().unwrap(),
            TailLimits::default(),
        )
        .observed_by(Arc::clone(&told) as _);
        let key = class.key_of(file.to_str().unwrap()).unwrap();

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
        // After whatever is said of it.
        class.reader().lanes().ask("ana", || ()).wait().unwrap();
        assert_eq!(told.take(), ["ana removed"]);
    }

    /// A notebook that is gone and back, or said to be back, while its owner's lane is busy.
    #[test]
    fn what_is_told_is_in_the_order_of_what_happened() {
        let base = tempfile::tempdir().unwrap();
        fs::create_dir(base.path().join("ana")).unwrap();
        let file = base.path().join("ana/a.ipynb");
        let homes = format!("{}/{{user}}", base.path().display());
        let told = Arc::new(Told::default());
        let class = Class::new(
            homes.parse::<HomesTemplate>().unwrap(),
            TailLimits::default(),
        )
        .observed_by(Arc::clone(&told) as _);
        let key = class.key_of(file.to_str().unwrap()).unwrap();
        let lanes = class.reader().lanes();
        for is_back in [true, false] {
            fs::write(&file, r#"{"cells": []}"#).unwrap();
            class.look_around(|_| true);
            class.read_all(1);
            assert_eq!(told.take(), ["0 cells"]);
            let (let_go, hanging) = mpsc::channel::<()>();
            // It ends when the other end is dropped.
            lanes.put("ana", move || {
                let _ = hanging.recv();
            });
            fs::remove_file(&file).unwrap();
            class.forget(&key);
            if is_back {
                fs::write(&file, r#"{"cells": [{"cell_type": "raw"}]}"#).unwrap();
            }
            let entry = class.0.entry_or_new(&key);
            let look = class.look(&key, &entry);
            drop(let_go);
            look.wait().unwrap();
            match is_back {
                true => assert_eq!(told.take(), ["ana removed", "1 cells"]),
                false => assert_eq!(told.take(), ["ana removed"]),
            }
            class.forget(&key);
            lanes.ask("ana", || ()).wait().unwrap();
            told.take();
        }
    }
}
