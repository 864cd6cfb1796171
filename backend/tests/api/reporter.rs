//! Saves that no participant's server reports become events.

use std::{fs, os::unix::fs::symlink, path::Path};

use serde_json::{Value, json};

use crate::{
    app::{App, mentions, notebook},
    common::eventually,
};

async fn events(app: &App, kind: &str) -> Vec<Value> {
    let listed = app.instructor().json(&format!("events?type={kind}")).await;
    listed.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_save_becomes_an_event() {
    let app = App::watching().await;
    let path = app.save("alice", "m1/day1.ipynb", &["first"]);
    let stored = eventually(async || events(&app, "save-notebook").await.pop()).await;
    assert_eq!(stored["user"], "alice");
    assert_eq!(stored["filename"], "m1/day1.ipynb");
    assert_eq!(stored["path"], json!(path));
    app.save("alice", "m1/day1.ipynb", &["first", "second"]);
    eventually(async || {
        let updates = app.instructor().json("api/updates?after=1").await;
        updates["events"].as_array().unwrap().first().cloned()
    })
    .await;
    let tile = app
        .instructor()
        .json("api/tile?filename=m1/day1.ipynb&user=alice")
        .await;
    assert!(mentions(&tile, "second"));
}

/// Of a home with very many files a tile says that some of its notebooks may be missing.
#[tokio::test]
async fn a_tile_says_that_a_home_was_not_walked_to_its_end() {
    let app = App::watching().await;
    for user in ["alice", "bob"] {
        app.save(user, "day1.ipynb", &["x"]);
    }
    let data = app.home("alice").join("data");
    fs::create_dir(&data).unwrap();
    for n in 0..20_100 {
        fs::write(data.join(n.to_string()), "").unwrap();
    }
    let app = app.restarted(false).await;
    let wall = app.instructor().json("api/wall?filename=day1.ipynb").await;
    let [alice, bob] = &wall["tiles"].as_array().unwrap()[..] else {
        panic!("two tiles: {wall}")
    };
    let problem = alice["home_problem"].as_str().unwrap();
    assert!(problem.contains("most of them in data"), "{problem}");
    assert_eq!(alice["problem"], json!(null), "the notebook itself is good");
    assert_eq!(bob.get("home_problem"), None);
}

/// Lab opened it below a link, and so its server reports it.
#[tokio::test]
async fn a_notebook_below_a_linked_folder_is_found_and_shown() {
    let app = App::watching().await;
    app.save("alice", ".course/m1/day1.ipynb", &["below_a_link"]);
    symlink(".course", app.home("alice").join("course")).unwrap();
    let stored = eventually(async || events(&app, "save-notebook").await.pop()).await;
    assert_eq!(stored["filename"], "course/m1/day1.ipynb");
    let tile = app
        .instructor()
        .json("api/tile?filename=course/m1/day1.ipynb&user=alice")
        .await;
    assert!(mentions(&tile, "below_a_link"), "{tile}");
    assert_eq!(tile["tile"]["problem"], json!(null));
}

/// Of a name that was cut nothing tells the user, until that user comes.
#[tokio::test]
async fn a_home_whose_name_was_cut_is_found_when_its_user_is_known() {
    const MARIA: &str = "maria.gonzalez-perez@students.example.edu";
    let app = App::with_homes_named("{tljh}").await;
    let folder = app.folder.path().join("homes");
    let save = |name: &str| {
        let path = folder.join(name).join("day1.ipynb");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, notebook(&["cut_name"])).unwrap();
        path
    };
    let path = save("jupyter-maria.gonzalez-per-6d9ea");
    save("jupyter-bob");
    let of_maria = async || {
        let listed = events(&app, "save-notebook").await;
        listed.into_iter().find(|event| event["user"] == MARIA)
    };
    eventually(async || (!events(&app, "save-notebook").await.is_empty()).then_some(())).await;
    assert_eq!(of_maria().await, None, "nothing tells whose it is");
    app.participant(MARIA).json("api/session").await;
    let stored = eventually(of_maria).await;
    assert_eq!(stored["path"], json!(path));

    // Another is known by an event of theirs.
    let other = "students.other-name@students.example.edu";
    let path = save("jupyter-students.other-nam-48fcb");
    let event = |path: &Path| {
        json!({"type": "save-notebook", "user": other,
        "filename": "day1.ipynb", "path": path})
    };
    let server = app.token(&format!("server-{other}"));
    assert_eq!(server.post("events", &event(&path)).await.status(), 201);
    let tile = format!("api/tile?filename=day1.ipynb&user={other}");
    assert!(mentions(&server.json(&tile).await, "cut_name"));
    let marias = folder.join("jupyter-maria.gonzalez-per-6d9ea/day1.ipynb");
    assert_eq!(server.post("events", &event(&marias)).await.status(), 403);
}

#[tokio::test]
async fn a_deleted_notebook_leaves_the_wall_with_an_event() {
    let app = App::watching().await;
    let path = app.save("alice", "day1.ipynb", &["x"]);
    eventually(async || events(&app, "save-notebook").await.pop()).await;
    fs::remove_file(path).unwrap();
    eventually(async || events(&app, "delete-notebook").await.pop()).await;
    eventually(async || {
        let wall = app.instructor().json("api/wall?filename=day1.ipynb").await;
        wall["tiles"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_reported_save_is_not_reported_again() {
    let app = App::standalone().await;
    app.save("alice", "day1.ipynb", &["x"]);
    app.instructor()
        .post_event(&app.save_event("alice", "day1.ipynb"))
        .await;
    app.save("bob", "day1.ipynb", &["saved while nobody watched"]);
    let app = app.restarted(true).await;
    eventually(async || (events(&app, "save-notebook").await.len() == 2).then_some(())).await;
    let updates = app.instructor().json("api/updates?after=0").await;
    let users: Vec<_> = updates["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["user"].clone())
        .collect();
    assert_eq!(users, ["alice", "bob"]);
    // A restarted service reports none of these again.
    let app = app.restarted(true).await;
    app.save("carol", "day1.ipynb", &["x"]);
    eventually(async || (events(&app, "save-notebook").await.len() == 3).then_some(())).await;
    assert_eq!(app.instructor().json("api/updates").await["cursor"], 3);
}

#[tokio::test]
async fn a_clock_that_is_ahead_hides_no_save() {
    let app = App::standalone().await;
    app.save("alice", "day1.ipynb", &["x"]);
    let mut ahead = app.save_event("alice", "day1.ipynb");
    ahead["timestamp"] = json!("2999-01-01T00:00:00Z");
    app.instructor().post_event(&ahead).await;
    let wall = app.instructor().json("api/wall?filename=day1.ipynb").await;
    let saved = wall["tiles"][0]["saved_at_ms"].as_i64().unwrap();
    assert!(
        saved <= wall["now_ms"].as_i64().unwrap(),
        "no age is negative"
    );
    app.save("alice", "day1.ipynb", &["saved while nobody watched"]);
    let app = app.restarted(true).await;
    eventually(async || {
        let saves = events(&app, "save-notebook").await;
        (!saves[0]["timestamp"].as_str().unwrap().starts_with("2999")).then_some(())
    })
    .await;
}

/// The events of the journal after a sequence number, as `type user filename`, sorted.
async fn events_after(app: &App, after: usize) -> Vec<String> {
    let updates = format!("api/updates?after={after}");
    let updates = app.instructor().json(&updates).await;
    let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
    let events = updates["events"].as_array().unwrap().iter();
    let mut events: Vec<String> = events
        .map(|event| ["type", "user", "filename"].map(|name| text(event, name)))
        .map(|words| words.join(" "))
        .collect();
    events.sort();
    events
}

#[tokio::test]
async fn deletions_while_the_service_was_down_become_events() {
    let app = App::standalone().await;
    let homes = app.folder.path().join("homes");
    for (user, filename) in [
        ("alice", "a.ipynb"),
        ("alice", "m1/b.ipynb"),
        ("alice", "m1/c.ipynb"),
        ("alice", "never.ipynb"),
        ("bob", "a.ipynb"),
    ] {
        if filename != "never.ipynb" {
            app.save(user, filename, &["x"]);
        }
        app.instructor()
            .post_event(&app.save_event(user, filename))
            .await;
    }
    fs::remove_file(homes.join("alice/a.ipynb")).unwrap();
    let (before, now) = (homes.join("alice/m1/b.ipynb"), homes.join("alice/m2.ipynb"));
    fs::rename(before, now).unwrap();
    // The disk of bob's home is not mounted.
    let elsewhere = app.folder.path().join("elsewhere");
    fs::rename(homes.join("bob"), &elsewhere).unwrap();
    let app = app.restarted(true).await;
    let expected = [
        "delete-notebook alice a.ipynb",
        "delete-notebook alice m1/b.ipynb",
        "delete-notebook alice never.ipynb",
        "save-notebook alice m2.ipynb",
    ];
    eventually(async || (events_after(&app, 5).await == expected).then_some(())).await;
    // An unchanged home that comes back is no event.
    fs::rename(&elsewhere, homes.join("bob")).unwrap();
    app.save("carol", "a.ipynb", &["x"]);
    eventually(async || (!events_after(&app, 9).await.is_empty()).then_some(())).await;
    eventually(async || {
        let wall = app.instructor().json("api/wall?filename=a.ipynb").await;
        (wall["tiles"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    // A restarted service reports none of it either.
    let app = app.restarted(true).await;
    app.save("dave", "a.ipynb", &["x"]);
    eventually(async || (events_after(&app, 10).await.len() == 1).then_some(())).await;
    let expected = ["save-notebook carol a.ipynb", "save-notebook dave a.ipynb"];
    assert_eq!(events_after(&app, 9).await, expected);
    // A deleted notebook that comes back is an event, however old the file is.
    let now = homes.join("alice/m2.ipynb");
    let copy = app.folder.path().join("copy.ipynb");
    fs::rename(&now, &copy).unwrap();
    let expected = ["delete-notebook alice m2.ipynb"];
    eventually(async || (events_after(&app, 11).await == expected).then_some(())).await;
    fs::rename(&copy, &now).unwrap();
    let expected = ["save-notebook alice m2.ipynb"];
    eventually(async || (events_after(&app, 12).await == expected).then_some(())).await;
}

#[tokio::test]
async fn missing_homes_are_no_deletions() {
    let app = App::standalone().await;
    for user in ["alice", "bob"] {
        app.save(user, "a.ipynb", &["x"]);
        app.instructor()
            .post_event(&app.save_event(user, "a.ipynb"))
            .await;
    }
    let homes = app.folder.path().join("homes");
    let elsewhere = app.folder.path().join("elsewhere");
    fs::rename(&homes, &elsewhere).unwrap();
    // Empty folders on which the disks are not mounted yet: of all homes, and of bob's.
    fs::create_dir_all(homes.join("bob")).unwrap();
    let app = app.restarted(true).await;
    app.save("carol", "a.ipynb", &["x"]);
    eventually(async || (events_after(&app, 2).await.len() == 1).then_some(())).await;
    fs::remove_dir(homes.join("bob")).unwrap();
    for user in ["alice", "bob"] {
        fs::rename(elsewhere.join(user), homes.join(user)).unwrap();
    }
    eventually(async || {
        let wall = app.instructor().json("api/wall?filename=a.ipynb").await;
        (wall["tiles"].as_array().unwrap().len() == 3).then_some(())
    })
    .await;
    assert_eq!(events_after(&app, 2).await, ["save-notebook carol a.ipynb"]);
}
