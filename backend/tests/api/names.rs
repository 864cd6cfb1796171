//! A notebook has one filename, that of the class, whatever a participant's server sends. The
//! root of a server is its own setting, and the class begins at `--homes`, which may be further
//! down.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, mentions},
    clients::TestClient,
};

/// An event of this notebook by the server of alice, whose root is one folder above `work`.
fn event_of_server(app: &App, kind: &str, filename: &str) -> Value {
    let mut event = app.save_event("alice", filename);
    event["type"] = kind.into();
    event["filename"] = format!("work/{filename}").into();
    event["timestamp"] = "2026-01-01T10:00:00Z".into();
    event
}

async fn tile(person: &TestClient<'_>) -> Value {
    person.json("api/tile?user=alice&filename=a.ipynb").await
}

#[tokio::test]
async fn an_event_has_the_name_that_the_class_has() {
    for app in [
        App::with_homes_below("work").await,
        App::with_hub_and_homes_below("work").await,
    ] {
        let (alice, ines) = match app.hub {
            Some(_) => (app.token("server-alice"), app.instructor()),
            None => (app.instructor(), app.instructor()),
        };
        let first = ines.json("api/updates").await;
        for text in ["first", "second"] {
            app.save("alice", "a.ipynb", &[text]);
            let stored = alice
                .post_event(&event_of_server(&app, "save-notebook", "a.ipynb"))
                .await;
            assert_eq!(stored["filename"], "a.ipynb");
            assert!(mentions(&tile(&ines).await, text));
        }
        let mut failed = event_of_server(&app, "save-failed", "a.ipynb");
        failed["reason"] = "disk-full".into();
        alice.post_event(&failed).await;
        assert_eq!(tile(&ines).await["tile"]["save_problem"], "disk-full");
        alice
            .post_event(&event_of_server(&app, "save-works", "a.ipynb"))
            .await;

        // The events are found by that filename and by the path.
        let path = app.home("alice").join("a.ipynb").display().to_string();
        for filter in [
            "filename=a.ipynb".to_owned(),
            format!("type=save-notebook&path={path}"),
        ] {
            let found = ines.json(&format!("events?{filter}")).await;
            assert_eq!(found[0]["filename"], "a.ipynb", "{filter}");
        }
        let after = first["cursor"].as_i64().unwrap();
        let updates = ines.json(&format!("api/updates?after={after}")).await;
        for event in updates["events"].as_array().unwrap() {
            assert_eq!(event["filename"], "a.ipynb");
        }

        std::fs::remove_file(path).unwrap();
        let gone = alice
            .post_event(&event_of_server(&app, "delete-notebook", "a.ipynb"))
            .await;
        assert_eq!(gone["filename"], "a.ipynb");
        let tile = ines.get("api/tile?user=alice&filename=a.ipynb").await;
        assert_eq!(tile.status(), 404);
    }
}

#[tokio::test]
async fn a_path_outside_the_homes_keeps_its_filename_or_is_refused() {
    let outside = |app: &App| {
        let mut event = event_of_server(app, "save-notebook", "a.ipynb");
        let above = app.home("alice").parent().unwrap().join("b.ipynb");
        event["path"] = json!(above);
        event["filename"] = "b.ipynb".into();
        event
    };
    let app = App::with_homes_below("work").await;
    let event = outside(&app);
    assert_eq!(
        app.instructor().post_event(&event).await["filename"],
        "b.ipynb"
    );

    let app = App::with_hub_and_homes_below("work").await;
    std::fs::create_dir_all(app.home("alice")).unwrap();
    let event = outside(&app);
    let alice = app.token("server-alice");
    let request = alice.request(Method::POST, "events").json(&event);
    let refused = request.send().await.unwrap();
    assert_eq!(refused.status(), 403);
    let message = refused.json::<Value>().await.unwrap()["message"].to_string();
    assert!(message.contains("below alice's home"), "{message}");
    assert!(message.contains("/{user}/work (--homes)"), "{message}");
}

#[tokio::test]
async fn the_file_of_a_notice_is_where_the_reader_has_it() {
    let app = App::with_hub_and_homes_below("work").await;
    let notice = json!({"text": "x", "to": {"everyone": true}, "file": "m1/a.ipynb"});
    let sent = app.instructor().post("api/notices", &notice).await;
    assert_eq!(sent.status(), 201);
    let id = sent.json::<Value>().await.unwrap()["id"].clone();
    for user in ["alice", "bob"] {
        let read = app.token(&format!("server-{user}"));
        let read = read.json("api/notices?after=0").await;
        assert_eq!(
            read["notices"][0]["path"],
            json!(app.home(user).join("m1/a.ipynb"))
        );
    }
    let taken_back = app
        .instructor()
        .request(Method::DELETE, &format!("api/notices/{id}"))
        .send();
    assert_eq!(taken_back.await.unwrap().status(), 204);
    let read = app.token("server-alice").json("api/notices?after=0").await;
    assert_eq!(read["notices"][0]["path"], Value::Null);
}
