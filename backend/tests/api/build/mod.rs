//! `/build/`: the files that are built from notebooks, and the rights to them.

mod archive;
mod listing;
mod version;

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::app::{App, PREFIX};

const POLICY: &str =
    "sandbox; default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'";

/// One notebook of two participants and one of alice's alone, all built.
pub(super) async fn class(app: App) -> App {
    app.save("alice", "m1/day1.ipynb", &["from_alice"]);
    app.save("bob", "m1/day1.ipynb", &["from_bob"]);
    app.save("alice", "own.ipynb", &["only_alice"]);
    app.built().await;
    app
}

#[tokio::test]
async fn a_built_file_has_a_policy_that_allows_nothing() {
    let app = class(App::standalone().await).await;
    for (path, kind) in [
        ("build/m1/day1/alice.html", "text/html; charset=utf-8"),
        ("build/m1/day1/00-summary.html", "text/html; charset=utf-8"),
        ("build/m1/day1/00-summary.ipynb", "application/x-ipynb+json"),
        (
            "build/m1/day1/notebooks/bob.ipynb",
            "application/x-ipynb+json",
        ),
    ] {
        let response = app.instructor().get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-security-policy"), POLICY, "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("cache-control"), "private, no-cache");
        assert_eq!(header("content-type"), kind);
        assert_eq!(
            response.headers().contains_key("content-disposition"),
            path.ends_with(".ipynb"),
            "{path}"
        );
        let text = response.text().await.unwrap();
        assert!(text.contains("from_"), "{path}: {text}");
    }
    let copy = app
        .instructor()
        .json("build/m1/day1/notebooks/bob.ipynb")
        .await;
    assert_eq!(copy["cells"][0]["source"], "from_bob");
}

/// The page's own frame can be read by the page, and runs no script either; the same address
/// opened by itself has the policy of all builds.
#[tokio::test]
async fn a_framed_build_can_be_read_by_the_page_and_runs_nothing() {
    let app = class(App::standalone().await).await;
    let framed = async |destination: &'static str| {
        let request = app
            .instructor()
            .request(Method::GET, "build/m1/day1/00-summary.html?framed=true");
        let response = request.header("sec-fetch-dest", destination).send();
        let headers = response.await.unwrap().headers().clone();
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        (header("content-security-policy"), header("x-frame-options"))
    };
    let (policy, framing) = framed("iframe").await;
    assert!(policy.starts_with("sandbox allow-same-origin "), "{policy}");
    assert!(policy.contains("default-src 'none'") && !policy.contains("script"));
    assert!(policy.ends_with("frame-ancestors 'self'"), "{policy}");
    assert_eq!(framing, "SAMEORIGIN");
    let alone = framed("document").await;
    assert_eq!(alone, (POLICY.to_owned(), "DENY".to_owned()));
}

#[tokio::test]
async fn participants_see_their_own_builds_only() {
    let app = class(App::with_hub().await).await;
    let alice = app.participant("alice");
    for own in [
        "build/",
        "build/m1/",
        "build/m1/day1/",
        "build/m1/day1/alice.html",
        "build/m1/day1/notebooks/alice.ipynb",
        "build/own/alice.html",
    ] {
        assert_eq!(alice.get(own).await.status(), 200, "{own}");
    }
    let missing = alice.get("build/m1/day1/nobody.html").await;
    assert_eq!(missing.status(), 404);
    let missing = missing.text().await.unwrap();
    for (person, path) in [
        ("alice", "build/m1/day1/bob.html"),
        ("alice", "build/m1/day1/notebooks/bob.ipynb"),
        ("alice", "build/m1/day1/00-summary.html"),
        ("alice", "build/m1/day1/00-summary.ipynb"),
        ("alice", "build/?notebook=m1/day1.ipynb"),
        ("bob", "build/own/"),
        ("bob", "build/own"),
    ] {
        let refused = app.participant(person).get(path).await;
        assert_eq!(refused.status(), 404, "{person} {path}");
        assert_eq!(refused.text().await.unwrap(), missing, "one answer: {path}");
    }
    assert_eq!(alice.get("build/archive.zip").await.status(), 403);
    let listing = alice.get("build/m1/day1/").await.text().await.unwrap();
    assert!(listing.contains("./alice.html"), "{listing}");
    for never in ["bob", "00-summary", "archive.zip"] {
        assert!(!listing.contains(never), "{never}: {listing}");
    }
    let listing = app
        .participant("bob")
        .get("build/")
        .await
        .text()
        .await
        .unwrap();
    assert!(
        listing.contains("day1") && !listing.contains("own.ipynb"),
        "{listing}"
    );
    for path in [
        "build/m1/day1/bob.html",
        "build/m1/day1/00-summary.html",
        "build/own/",
    ] {
        assert_eq!(app.instructor().get(path).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_browser_without_a_session_is_sent_to_sign_in() {
    let app = class(App::with_hub().await).await;
    for path in ["build/", "build/m1/day1/alice.html"] {
        let response = app.anonymous().navigate(path).await;
        assert_eq!(response.status(), 303, "{path}");
        let to = response.headers()[header::LOCATION].to_str().unwrap();
        assert!(to.contains("oauth2/authorize"), "{to}");
    }
}

#[tokio::test]
async fn an_unchanged_build_is_not_sent_again() {
    let app = class(App::standalone().await).await;
    let instructor = app.instructor();
    for path in ["build/m1/day1/alice.html", "build/m1/day1/", "build/"] {
        let first = instructor.get(path).await;
        let etag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        let length = first.text().await.unwrap().len();
        for known in [&etag, &format!("\"x\", {etag}"), "*"] {
            let request = instructor.request(Method::GET, path);
            let again = request.header(header::IF_NONE_MATCH, known);
            let again = again.send().await.unwrap();
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
            assert_eq!(again.headers()[header::ETAG], etag);
            assert!(again.headers().contains_key("content-security-policy"));
            assert_eq!(again.text().await.unwrap(), "");
        }
        let head = instructor.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), 200);
        assert_eq!(head.headers()[header::CONTENT_LENGTH], length.to_string());
        assert_eq!(head.text().await.unwrap(), "");
    }
    let export = "build/m1/day1/alice.html";
    let etag = instructor.get(export).await.headers()[header::ETAG].clone();
    app.save("alice", "m1/day1.ipynb", &["changed"]);
    app.built().await;
    let request = instructor.request(Method::GET, export);
    let after = request
        .header(header::IF_NONE_MATCH, etag)
        .send()
        .await
        .unwrap();
    assert_eq!(after.status(), 200);
    assert!(after.text().await.unwrap().contains("changed"));
}

#[tokio::test]
async fn a_file_that_is_no_build_is_not_served() {
    let app = class(App::standalone().await).await;
    let out = app.out().display().to_string();
    std::fs::write(app.out().join("m1/day1/canary.html"), "canary").unwrap();
    std::os::unix::fs::symlink("/etc", app.out().join("etc")).unwrap();
    for path in [
        "m1/day1/canary.html",
        ".pipalhub",
        "etc/passwd",
        "../events.sqlite3",
        "..%2fevents.sqlite3",
        "%2e%2e/events.sqlite3",
        "m1/day1/../../../homes/alice/own.ipynb",
        "m1%2fday1/..%2f..%2f..%2fhomes/alice/own.ipynb",
        "m1/day1/notebooks/..%2f..%2f..%2fhomes/alice/own.ipynb",
        "m1/day1/alice.html/",
        "m1/day1//alice.html",
        "/m1/day1/alice.html",
        "m1/day1/alice.html%00",
        "m1/day1/%ff.html",
        "%2fetc%2fpasswd",
        &format!("%2f{}", out.trim_start_matches('/')),
        &"x".repeat(4096),
        &"../".repeat(1000),
    ] {
        let response = app.raw(&format!("{PREFIX}build/{path}")).await;
        let (status, body) = response;
        assert!(matches!(status, 400 | 404), "{status} {path}");
        assert!(
            !body.contains("canary") && !body.contains("root:"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_save_is_acknowledged_whether_or_not_it_can_be_built() {
    let app = class(App::with_hub().await).await;
    // A folder is in the place of the export.
    let export = app.out().join("m1/day1/alice.html");
    std::fs::remove_file(&export).unwrap();
    std::fs::create_dir(&export).unwrap();
    app.save("alice", "m1/day1.ipynb", &["saved all the same"]);
    let event = app.save_event("alice", "m1/day1.ipynb");
    app.token("server-alice").post_event(&event).await;
    let tile: Value = app
        .instructor()
        .json("api/tile?filename=m1/day1.ipynb&user=alice")
        .await;
    assert!(tile.to_string().contains("saved all the same"));
    assert_eq!(tile["tile"]["problem"], json!(null));
}

#[tokio::test]
async fn routes_of_a_service_without_builds_say_so() {
    let app = class(App::without_builds().await).await;
    let instructor = app.instructor();
    assert_eq!(instructor.json("api/session").await["builds"], false);
    for path in [
        "build/",
        "build/?notebook=m1/day1.ipynb",
        "build/m1/",
        "build/m1/day1/alice.html",
        "build/archive.zip",
        "api/build?filename=m1/day1.ipynb",
    ] {
        let answer = instructor.get(path).await;
        assert_eq!(answer.status(), 404, "{path}");
        let words = answer.text().await.unwrap();
        assert!(words.contains("--no-build"), "{path}: {words}");
    }
    let built = class(App::standalone().await).await;
    let session = built.instructor().json("api/session").await;
    assert_eq!(session["builds"], true);
}
