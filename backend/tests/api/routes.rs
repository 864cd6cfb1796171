//! Every route refuses those it should.

use reqwest::Method;
use serde_json::json;

use crate::app::App;

/// The routes for everyone; what they do with a token is tested where they are.
pub(crate) const OPEN: &[(Method, &str)] = &[
    (Method::GET, "healthz"),
    (Method::GET, "poll.js"),
    (Method::GET, "oauth_callback"),
    (Method::POST, "api/login"),
];

/// All others, with a query that is otherwise right.
pub(crate) const CLOSED: &[(Method, &str)] = &[
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
    (Method::GET, "metrics"),
    (Method::GET, "openapi.json"),
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
    (Method::GET, "build/"),
    (Method::GET, "build/?notebook=x.ipynb"),
    (Method::GET, "build/x/alice.html"),
    (Method::GET, "build/x/"),
    (Method::GET, "build/archive.zip"),
    (Method::GET, "api/notices"),
    (Method::POST, "api/notices"),
    (Method::GET, "api/notices/sent"),
    (Method::DELETE, "api/notices/1"),
    (Method::POST, "api/notices/1/receipt"),
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
    for path in [
        "events",
        "healthz",
        "poll.js",
        "api/session",
        "nothing",
        "build/",
    ] {
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
