//! Every route refuses those it should.

use reqwest::Method;
use serde_json::json;

use crate::app::App;

/// All routes but the open ones, with a query that is otherwise right.
const CLOSED: [(Method, &str); 16] = [
    (Method::GET, "events"),
    (Method::POST, "events"),
    (Method::GET, "events/stream"),
    (Method::GET, "api/session"),
    (Method::GET, "api/notebooks"),
    (Method::GET, "api/wall?filename=x.ipynb"),
    (Method::GET, "api/tile?filename=x.ipynb&user=alice"),
    (Method::GET, "api/notebook?filename=x.ipynb&user=alice"),
    (
        Method::GET,
        "api/output?filename=x.ipynb&user=alice&cell=0&output=0",
    ),
    (Method::GET, "api/updates"),
    (Method::GET, "api/history?filename=x.ipynb&user=alice"),
    (
        Method::GET,
        "api/history/version?filename=x.ipynb&user=alice&version=1",
    ),
    (
        Method::GET,
        "api/history/download?filename=x.ipynb&user=alice&version=1",
    ),
    (
        Method::GET,
        "api/history/diff?filename=x.ipynb&user=alice&version=1",
    ),
    (
        Method::GET,
        "api/history/changes?filename=x.ipynb&user=alice&version=1",
    ),
    (Method::POST, "api/history/restore"),
];

#[tokio::test]
async fn the_unauthenticated_get_nothing() {
    for app in [App::standalone().await, App::with_hub().await] {
        for (method, path) in CLOSED {
            for person in [
                app.anon(),
                app.token("wrong"),
                app.cookie("pipalhub-session=forged"),
            ] {
                let request = person.request(method.clone(), path).json(&json!({}));
                let response = request.send().await.unwrap();
                assert_eq!(response.status(), 401, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_it_in_its_place() {
    let app = App::standalone().await;
    for path in ["events", "healthz", "poll.js", "api/session", "nothing"] {
        let response = app.instructor().get(path).await;
        assert_eq!(
            response.headers()["x-content-type-options"],
            "nosniff",
            "{path}"
        );
        assert_eq!(
            response.headers()["referrer-policy"],
            "no-referrer",
            "{path}"
        );
        assert_eq!(
            response.headers()["cross-origin-opener-policy"],
            "same-origin",
            "{path}"
        );
        assert_eq!(
            response.headers()["cross-origin-resource-policy"],
            "same-origin",
            "{path}"
        );
        assert!(
            response.headers().contains_key("content-security-policy"),
            "{path}"
        );
    }
}
