//! `POST /api/history/restore` into a home with links and folders of others.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    app::{App, notebook},
    history::{record, restore_of},
};

const ALICE_UID: u32 = 12_345;
const BOB_UID: u32 = 12_346;

/// A service with homes at `{user}/work`, and a version of alice's.
struct RestoreFixture {
    app: App,
    version: i64,
}

impl RestoreFixture {
    async fn new() -> Self {
        let app = App::with_homes_below("work").await;
        let version = record(&app, "alice", &notebook(&["x"])).await;
        Self { app, version }
    }

    /// The folder that a participant owns and that holds their home.
    fn own(&self, user: &str) -> PathBuf {
        self.app.home(user).parent().unwrap().to_owned()
    }

    /// Moves a participant's home elsewhere, as its owner may.
    fn move_home(&self, user: &str) -> PathBuf {
        let home = self.app.home(user);
        fs::rename(&home, home.with_file_name("elsewhere")).unwrap();
        home
    }

    async fn restore(&self) -> (u16, Value) {
        let body = restore_of("alice", self.version);
        let instructor = self.app.instructor();
        let response = instructor.post("api/history/restore", &body).await;
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    async fn is_refused(&self, word: &str) {
        let (status, body) = self.restore().await;
        assert_eq!(status, 409, "{body}");
        assert!(body["message"].as_str().unwrap().contains(word), "{body}");
    }
}

fn give(path: &Path, owner: u32) -> bool {
    // Only root may change owners; another user runs a part of the test.
    chown(path, Some(owner), Some(owner)).is_ok()
}

fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => files_below(&entry.path()),
            false => 1,
        })
        .sum()
}

#[tokio::test]
async fn a_home_that_leads_elsewhere_is_not_written_to() {
    let class = RestoreFixture::new().await;
    let closed = tempfile::tempdir().unwrap();
    fs::create_dir(closed.path().join("m1")).unwrap();
    fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
    let bobs = class.app.home("bob");
    fs::create_dir_all(bobs.join("m1")).unwrap();
    let bob_is_another = give(&bobs, BOB_UID) && give(&bobs.join("m1"), BOB_UID);
    give(&class.own("alice"), ALICE_UID);

    let home = class.move_home("alice");
    for target in [closed.path(), Path::new("../bob/work"), &bobs] {
        symlink(target, &home).unwrap();
        class.is_refused("link").await;
        fs::remove_file(&home).unwrap();
    }
    // The folder itself, and not a link to it: bob's, and one of root's.
    if bob_is_another {
        fs::rename(&bobs, &home).unwrap();
        class.is_refused("does not belong").await;
        fs::rename(&home, &bobs).unwrap();
        fs::rename(closed.path(), &home).unwrap();
        class.is_refused("does not belong").await;
        fs::rename(&home, closed.path()).unwrap();
    }
    class.is_refused("not there").await;
    assert_eq!((files_below(closed.path()), files_below(&bobs)), (0, 0));
}

#[tokio::test]
async fn the_participants_folder_itself_may_be_no_link() {
    let class = RestoreFixture::new().await;
    let bobs = class.app.home("bob");
    fs::create_dir_all(bobs.join("m1")).unwrap();
    let own = class.own("alice");
    fs::rename(&own, own.with_file_name("elsewhere")).unwrap();
    symlink("bob", &own).unwrap();
    class.is_refused("link").await;
    assert_eq!(files_below(&bobs), 0);
}

#[tokio::test]
async fn a_restored_file_belongs_to_the_owner_of_the_folder() {
    let class = RestoreFixture::new().await;
    let home = class.app.home("alice");
    let folder = home.join("m1");
    let paths = [class.own("alice"), home.clone(), folder.clone()];
    let owner = match paths.iter().all(|path| give(path, ALICE_UID)) {
        true => ALICE_UID,
        false => fs::metadata(&home).unwrap().uid(),
    };
    let (status, body) = class.restore().await;
    assert_eq!(status, 201, "{body}");
    let written = home.join(body["filename"].as_str().unwrap());
    assert_eq!(fs::metadata(written).unwrap().uid(), owner);
    // The service does not write into a folder of another user in a home.
    if give(&folder, BOB_UID) {
        class.is_refused("does not belong").await;
        assert_eq!(files_below(&folder), 2);
    }
}

/// A notebook behind the link is not shown either.
#[tokio::test]
async fn a_home_that_leads_elsewhere_is_not_read() {
    let class = RestoreFixture::new().await;
    class.app.save("bob", "m1/secret.ipynb", &["canary"]);
    let home = class.move_home("alice");
    symlink("../bob/work", &home).unwrap();
    let event = json!({"type": "save-notebook", "user": "alice", "filename": "m1/secret.ipynb",
        "path": home.join("m1/secret.ipynb")});
    class.app.instructor().post_event(&event).await;
    for route in ["api/tile", "api/notebook"] {
        let asked = format!("{route}?filename=m1/secret.ipynb&user=alice");
        let response = class.app.instructor().get(&asked).await;
        let text = response.text().await.unwrap();
        assert!(!text.contains("canary"), "{text}");
    }
}
