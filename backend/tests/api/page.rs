//! The page itself and the files around it.

use crate::app::{App, PREFIX};

#[tokio::test]
async fn a_deep_link_is_the_page_too() {
    let app = App::standalone().await;
    for path in [
        PREFIX.to_owned(),
        format!("{PREFIX}notebook?user=alice&notebook=a.ipynb"),
        format!("{PREFIX}setup?only=attention"),
    ] {
        let response = app.anonymous().navigate(&path).await;
        assert_eq!(response.status(), 200, "{path}");
        let type_ = response.headers()["content-type"].to_str().unwrap();
        assert!(type_.starts_with("text/html"), "{path}");
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    }
    let bare = PREFIX.trim_end_matches('/');
    let response = app
        .anonymous()
        .navigate(&format!("{bare}?notebook=x"))
        .await;
    assert_eq!(response.status(), 308);
    assert_eq!(
        response.headers()["location"],
        format!("{PREFIX}?notebook=x")
    );
    for outside in ["/", "/hub/home", "/base/services/dashboardx/"] {
        assert_eq!(
            app.anonymous().navigate(outside).await.status(),
            404,
            "{outside}"
        );
    }
}

#[tokio::test]
async fn only_a_navigation_gets_the_page() {
    let app = App::standalone().await;
    for path in [
        "no-such-file.js",
        // It has neither prefix nor nonce.
        "manage.html",
        "events/nothing",
        "../../etc/passwd",
        "%2e%2e/secret",
    ] {
        assert_eq!(app.anonymous().get(path).await.status(), 404, "{path}");
    }
}

/// As `curl` does, and a page's own `fetch`.
#[tokio::test]
async fn a_program_that_asks_for_the_page_is_told_how_to_sign_in() {
    let apps = [
        (
            App::standalone().await,
            "link that `pipalhub serve` has printed",
        ),
        (App::with_hub().await, "/hub/token"),
    ];
    for (app, words) in apps {
        for path in [
            "",
            "notebook?user=alice",
            "follow",
            "document",
            "index.html",
            "setup",
        ] {
            let response = app.anonymous().get(path).await;
            assert_eq!(response.status(), 200, "{path}");
            let kind = response.headers()["content-type"].clone();
            assert_eq!(kind, "text/plain; charset=utf-8", "{path}");
            let text = response.text().await.unwrap();
            assert!(
                text.contains(words) && text.contains("Authorization: token"),
                "{text}"
            );
            assert!(text.contains(&format!("{PREFIX}openapi.json")), "{text}");
            let head = app.anonymous().request(reqwest::Method::HEAD, path);
            let head = head.send().await.unwrap();
            assert_eq!(
                (head.status().as_u16(), &head.headers()["content-type"]),
                (200, &kind)
            );
            assert_eq!(head.text().await.unwrap(), "");
        }
    }
}

#[tokio::test]
async fn a_wrong_address_for_programs_is_json_even_for_a_person() {
    let app = App::standalone().await;
    for path in ["api/", "api/nothing", "events/", "events/nothing"] {
        let response = app.anonymous().navigate(path).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "application/json",
            "{path}"
        );
    }
    let request = app.instructor().request(reqwest::Method::DELETE, "events");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 405);
    let body: serde_json::Value = response.json().await.unwrap();
    assert!(
        body["message"].as_str().unwrap().contains("DELETE"),
        "{body}"
    );
}

#[tokio::test]
async fn poll_js_needs_no_url_pasted_in() {
    let app = App::with_hub().await;
    let response = app.anonymous().get("poll.js").await;
    assert_eq!(response.status(), 200);
    let script = response.text().await.unwrap();
    assert!(script.contains("document.currentScript.src"));
    for name in ["waitForUpdate", "isUpdateAvailable", "getEvents"] {
        assert!(script.contains(name), "{name}");
    }
}

#[tokio::test]
async fn health_is_open_and_says_nothing_of_anyone() {
    let app = App::with_hub().await;
    let response = app.anonymous().get("healthz").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.unwrap(), r#"{"status":"ok"}"#);
}
