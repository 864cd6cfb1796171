//! A class that was restored is the one that was archived.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

use serde_json::{Value, json};

use crate::class::{
    ArchivedClass, CANARY, ClassService, files_below, history_query, notebook, pipalhub, said,
    unpacked,
};
use crate::common::eventually;

const COPIES: [(&str, &str); 5] = [
    ("ana", "a.ipynb"),
    ("ana", "m 1/Übung #1?.ipynb"),
    ("zoë ß", "a.ipynb"),
    ("a..b", "a.ipynb"),
    ("ANA", "a.ipynb"),
];

fn class_of_five() -> ArchivedClass {
    let class = ArchivedClass::new();
    for (user, filename) in COPIES {
        class.save(user, filename, &notebook(&[user, filename], false));
    }
    class
}

/// The notices without their sequence numbers, which begin anew with each start.
async fn notices(service: &ClassService) -> Value {
    let mut notices = service.json("api/notices").await["notices"].take();
    for notice in notices.as_array_mut().unwrap() {
        notice.as_object_mut().unwrap().remove("seq");
    }
    notices
}

/// What the service says of the class.
async fn answers(service: &ClassService) -> Vec<Value> {
    let mut answers = vec![
        service.json("events").await,
        service.json("api/updates?after=0").await,
        notices(service).await,
        service.json("api/notices/sent").await,
        service.json("api/notebooks").await,
    ];
    for filename in ["a.ipynb", "m 1/Übung #1?.ipynb"] {
        let query = history_query("ana", filename);
        let (_, filename) = query.split_once('&').unwrap();
        answers.push(
            eventually(async || {
                let wall = service.json(&format!("api/wall?{filename}")).await;
                // Tiles are read one after another.
                let tiles = wall["tiles"].as_array().unwrap();
                let are_read = tiles
                    .iter()
                    .all(|tile| !tile["cells"].as_array().unwrap().is_empty());
                are_read.then_some(wall)
            })
            .await,
        );
    }
    for (user, filename) in COPIES {
        let query = history_query(user, filename);
        let history = service.json(&format!("api/history?{query}")).await;
        for version in history["versions"].as_array().unwrap() {
            let query = format!("{query}&version={}", version["version"]);
            let bytes = service.get(&format!("api/history/download?{query}")).await;
            answers.push(Value::String(bytes));
        }
        answers.push(history);
    }
    for answer in &mut answers {
        // The time of the answer itself.
        if let Value::Object(fields) = answer {
            fields.remove("now_ms");
        }
    }
    answers
}

#[tokio::test]
async fn a_restored_class_answers_as_it_did_and_is_byte_for_byte_the_same() {
    let class = class_of_five();
    let service = class.serve();
    service.knows(&COPIES).await;
    class.save("ana", "a.ipynb", &notebook(&["ana", "changed"], false));
    eventually(async || {
        let query = history_query("ana", "a.ipynb");
        let history = service.json(&format!("api/history?{query}")).await;
        (history["versions"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    let event = json!({"type": "x", "user": "ana", "filename": "a.ipynb", "path": "/elsewhere/a"});
    service.post("events", &event).await;
    let notice = json!({"text": "Lunch at one", "to": {"everyone": true}});
    service.post("api/notices", &notice).await;
    let before = answers(&service).await;

    // The service runs on, and does not notice.
    let (archive, report) = class.archive("class.zip");
    assert_eq!(report["participants"], 4);
    assert_eq!(report["notebooks"], 5);
    assert_eq!(report["left_out"], json!([]));
    assert_eq!(answers(&service).await, before);
    service.end();
    class.take_away();
    class.restore(&archive);

    let homes = ["before/homes", "class/homes"].map(|name| files_below(&class.at(name)));
    assert_eq!(homes[0], homes[1]);
    for (path, _) in &homes[0] {
        let [old, new] = ["before/homes", "class/homes"]
            .map(|name| fs::metadata(class.at(name).join(path)).unwrap());
        assert_eq!(old.modified().unwrap(), new.modified().unwrap());
        assert_eq!(new.permissions().mode() & 0o777, 0o600);
    }
    for name in ["class", "class/data", "class/homes/zoë ß"] {
        assert_eq!(fs::metadata(class.at(name)).unwrap().mode() & 0o777, 0o700);
    }
    assert!(!class.at("class/data/cookie.key").exists());
    let service = class.serve();
    assert_eq!(answers(&service).await, before);
    // Numbers go on where they were.
    service
        .post(
            "events",
            &json!({"type": "x", "user": "ana", "filename": "b", "path": "/b"}),
        )
        .await;
    let events = service.json("events").await;
    assert_eq!(events[6]["id"], 7, "{events}");
    service.end();

    // An archive of the restored class has the same in it.
    let (again, _) = class.archive("again.zip");
    let without_the_time = |archive| {
        let mut files = unpacked(archive);
        let (name, manifest) = files.pop().unwrap();
        assert_eq!(name, "manifest.json");
        let mut manifest: Value = serde_json::from_slice(&manifest).unwrap();
        manifest["made_at"] = Value::Null;
        (files, manifest)
    };
    let [one, other] = [&archive, &again].map(|it| without_the_time(it));
    for (old, new) in one.0.iter().zip(&other.0) {
        assert_eq!(old.0, new.0);
        // The service has opened its databases again, which counts in their headers.
        assert!(old.1 == new.1 || old.0.ends_with(".sqlite3"), "{}", old.0);
    }
    assert_eq!(one.0.len(), other.0.len());
}

#[test]
fn pushed_notebooks_come_back_as_they_were_kept_whatever_they_are_called() {
    let class = ArchivedClass::new();
    let odd = [
        ("ana", "m1/a.ipynb"),
        ("ana", "a\\b/../ \u{1}.ipynb"),
        ("ana", "not-a-notebook's.name"),
        ("ana", "_~a-0.ipynb"),
        ("../\u{1F600}/bo", "@server/a.ipynb"),
        ("..", "a//b.ipynb"),
    ];
    for (user, filename) in odd {
        class.push(user, filename, &notebook(&[filename], true));
    }
    // Where a server pushes, the home is not looked at.
    class.save("ana", "only-at-home.ipynb", &notebook(&["home"], false));
    class.save("cy", "a.ipynb", &notebook(&["cy"], true));
    let (archive, report) = class.archive("class.zip");
    assert_eq!(report["notebooks"], 7, "{report}");
    let files = unpacked(&archive);
    for (name, bytes) in &files {
        let has = |text: &str| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(!has(CANARY) && !has("only-at-home"), "{name}");
        let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\\');
        assert!(name.split('/').all(is_plain), "{name}");
    }
    let before = files_below(&class.at("class/data/copies"));
    class.take_away();
    class.restore(&archive);
    assert_eq!(files_below(&class.at("class/data/copies")), before);
    let kept = fs::read_to_string(class.at("class/homes/cy/a.ipynb")).unwrap();
    assert!(kept.contains("cy") && !kept.contains(CANARY));

    let zips = class.at("zips");
    let output = pipalhub()
        .args(["restore", "--participants"])
        .args([&archive, &zips])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let mut names: Vec<_> = files_below(&zips)
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    names.retain(|name| name.extension().is_some_and(|ending| ending == "zip"));
    assert_eq!(names.len(), 4);
    let own = unpacked(&zips.join("ana.zip"));
    assert!(
        own.iter().all(|(name, _)| name.starts_with("ana/")),
        "{own:?}"
    );
    let (_, page) = own
        .iter()
        .find(|(name, _)| name == "ana/index.html")
        .unwrap();
    let page = String::from_utf8_lossy(page);
    assert!(page.contains("href=\"./exports/m1/a.html\""), "{page}");
}

#[test]
fn names_of_the_list_are_kept_and_no_password() {
    let class = ArchivedClass::new();
    let list = class.at("users.txt");
    fs::write(
        &list,
        "# pass: comment-canary\nana:password-canary\nbo:$6$salt$hash-canary\n",
    )
    .unwrap();
    let mut command = class.archive_command("class.zip");
    let output = command.arg("--users-file").arg(&list).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let files = unpacked(&class.at("archives/class.zip"));
    let (_, users) = files.iter().find(|(name, _)| name == "users.txt").unwrap();
    assert_eq!(users, b"ana\nbo\n");
    for (name, bytes) in &files {
        assert!(!String::from_utf8_lossy(bytes).contains("canary"), "{name}");
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_archived() {
    let class = ArchivedClass::new();
    class.save("ana", "a.ipynb", &notebook(&["a"], false));
    class.save(
        "ana",
        "half.ipynb",
        "{\"cells\": [{\"metadata\": {\"tags\": [\"private\"]",
    );
    std::os::unix::fs::symlink("/etc/passwd", class.at("class/homes/ana/link.ipynb")).unwrap();
    class.push("bo", "x.ipynb", &notebook(&["bo"], false));
    let [(kept, mut bytes)] =
        <[_; 1]>::try_from(files_below(&class.at("class/data/copies"))).unwrap();
    *bytes.last_mut().unwrap() = b' ';
    fs::write(class.at("class/data/copies").join(kept), bytes).unwrap();
    let plan = class.archive_command("class.zip").arg("--dry-run").output();
    assert!(said(&plan.unwrap()).starts_with("2 participants, "));
    assert!(!class.at("archives/class.zip").exists());
    let output = class.archive_command("class.zip").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    for words in [
        "left out: ana half.ipynb: ",
        "left out: bo x.ipynb: ",
        "damaged",
    ] {
        assert!(said(&output).contains(words), "{}", said(&output));
    }
    let mut names = unpacked(&class.at("archives/class.zip"))
        .into_iter()
        .map(|it| it.0);
    assert!(names.any(|name| name == "participants/ana/notebooks/a.ipynb"));
    assert!(!names.any(|name| name.contains("link") || name.contains("half")));
}
