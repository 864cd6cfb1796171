//! The events that a requester may post and see, and tokens.

use serde_json::json;

use crate::app::{App, bytes_below};

#[tokio::test]
async fn a_participant_cannot_post_events_of_another() {
    let app = App::with_hub().await;
    app.save("alice", "x.ipynb", &["1"]);
    let own = app.save_event("alice", "x.ipynb");
    assert_eq!(
        app.token("server-alice")
            .post("events", &own)
            .await
            .status(),
        201
    );
    let others = app.save_event("bob", "x.ipynb");
    let mut outside = own.clone();
    outside["path"] = app.save_event("bob", "x.ipynb")["path"].clone();
    let mut above = own.clone();
    above["path"] = json!(app.home("alice").join("../bob/x.ipynb"));
    for body in [others, outside, above] {
        assert_eq!(
            app.token("server-alice")
                .post("events", &body)
                .await
                .status(),
            403,
            "{body}"
        );
    }
    // An instructor's own server reports for itself alone, too.
    let response = app.token("oauth-ines").post("events", &own).await;
    assert_eq!(response.status(), 403);
    assert_eq!(
        app.instructor()
            .json("events")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn participants_see_their_own_events() {
    let app = App::with_hub().await;
    for user in ["alice", "bob"] {
        app.token(&format!("server-{user}"))
            .post_event(&app.save_event(user, "x.ipynb"))
            .await;
    }
    let seen = async |person: crate::clients::TestClient<'_>| -> Vec<String> {
        let listed = person.json("events").await;
        let users = listed.as_array().unwrap().iter();
        users
            .map(|e| e["user"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(seen(app.instructor()).await, ["alice", "bob"]);
    assert_eq!(seen(app.token("oauth-root")).await, ["alice", "bob"]);
    assert_eq!(seen(app.participant("alice")).await, ["alice"]);
    assert_eq!(seen(app.token("server-bob")).await, ["bob"]);
    // The token of an admin's own server has no rights of the admin.
    assert_eq!(seen(app.token("server-root")).await, [""; 0]);
    let others = app.participant("alice").json("events?user=bob").await;
    assert_eq!(others, json!([]));
    let updates = app.participant("alice").json("api/updates?after=0").await;
    assert_eq!(updates["events"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn no_token_is_kept() {
    let app = App::with_hub().await;
    app.token("server-canary")
        .post_event(&app.save_event("canary", "x.ipynb"))
        .await;
    app.participant("canary").json("events").await;
    let kept = bytes_below(app.folder.path());
    for token in ["server-canary", "oauth-canary", crate::hub::SERVICE_TOKEN] {
        let found = kept
            .windows(token.len())
            .any(|window| window == token.as_bytes());
        assert!(!found, "{token}");
    }
}
