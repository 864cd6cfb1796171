//! `GET /api/build`, and the announcements of new builds.

use reqwest::Method;
use serde_json::json;

use crate::app::{App, read_until};

use super::class;

#[tokio::test]
async fn the_version_of_a_build_is_that_of_its_file() {
    let app = class(App::standalone().await).await;
    let instructor = app.instructor();
    for (query, place) in [
        ("&user=alice", "build/m1/day1/alice.html"),
        ("", "build/m1/day1/00-summary.html"),
    ] {
        let asked = format!("api/build?filename=m1/day1.ipynb{query}");
        let built = instructor.json(&asked).await;
        assert_eq!(built["address"], place);
        let file = instructor.get(place).await;
        assert_eq!(built["version"], file.headers()["etag"].to_str().unwrap());
        let age_ms = built["now_ms"].as_i64().unwrap() - built["built_at_ms"].as_i64().unwrap();
        assert!((0..60_000).contains(&age_ms), "{age_ms}");
        app.built().await;
        assert_eq!(instructor.json(&asked).await["version"], built["version"]);
        app.save("alice", "m1/day1.ipynb", &["changed", query]);
        app.built().await;
        assert_ne!(instructor.json(&asked).await["version"], built["version"]);
    }
    for nothing in [
        "filename=none.ipynb",
        "filename=m1/day1.ipynb&user=carol",
        "filename=..",
    ] {
        let answer = instructor.get(&format!("api/build?{nothing}")).await;
        assert_eq!(answer.status(), 404, "{nothing}");
    }
    let answer = instructor.get("api/build").await;
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn a_stream_announces_builds_that_its_reader_may_see() {
    let app = class(App::with_hub().await).await;
    let mut alices = app.participant("alice").get("events/stream").await;
    let mut helpers = app.helper().get("events/stream").await;
    for stream in [&mut alices, &mut helpers] {
        read_until(stream, &["event: hello"]).await;
    }
    for user in ["bob", "alice"] {
        app.save(user, "m1/day1.ipynb", &["more"]);
        app.built().await;
    }
    let news = |user: &str| {
        format!("event: built\ndata: {{\"filename\":\"m1/day1.ipynb\",\"user\":{user}}}\n\n")
    };
    let all = [news("\"bob\""), news("\"alice\""), news("null")];
    read_until(&mut helpers, &all.each_ref().map(String::as_str)).await;
    let [_, own, _] = &all;
    let read = read_until(&mut alices, &[own]).await;
    assert!(!read.contains("bob") && !read.contains(":null"), "{read}");

    // A shared summary is announced to participants, too.
    let share = app.instructor().request(Method::PUT, "api/sharing/summary");
    let share = share.json(&json!({"filename": "m1/day1.ipynb", "shared": true}));
    assert_eq!(share.send().await.unwrap().status(), 200);
    app.save("bob", "m1/day1.ipynb", &["shared"]);
    app.built().await;
    let read = read_until(&mut alices, &[&news("null")]).await;
    assert!(!read.contains("bob"), "{read}");
}
