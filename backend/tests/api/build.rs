//! What is built, for those who may see it.

use std::{
    collections::HashSet,
    io::{Cursor, Read},
};

use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::app::{App, PATIENCE, PREFIX};

const POLICY: &str = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// Two participants and one notebook, built; and something else of alice's.
async fn class(app: App) -> App {
    app.save("alice", "m1/day1.ipynb", &["from_alice"]);
    app.save("bob", "m1/day1.ipynb", &["from_bob"]);
    app.save("alice", "own.ipynb", &["only_alice"]);
    app.built().await;
    app
}

#[tokio::test]
async fn what_is_made_of_a_notebook_can_do_nothing() {
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

/// The page's own frame may be read by the page, and runs no script either; whoever opens
/// its address by itself gets what they always get.
#[tokio::test]
async fn a_frame_of_the_page_may_be_read_and_still_do_nothing() {
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
async fn participants_see_what_is_theirs_and_nothing_else() {
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
async fn a_browser_signs_in_on_the_way() {
    let app = class(App::with_hub().await).await;
    for path in ["build/", "build/m1/day1/alice.html"] {
        let response = app.anon().navigate(path).await;
        assert_eq!(response.status(), 303, "{path}");
        let to = response.headers()[header::LOCATION].to_str().unwrap();
        assert!(to.contains("oauth2/authorize"), "{to}");
    }
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
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
async fn nothing_but_builds_is_there() {
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
async fn folders_are_found_without_their_slash_and_summaries_by_notebook() {
    let app = class(App::standalone().await).await;
    for (path, to) in [
        ("build", "build/"),
        ("build/m1", "build/m1/"),
        ("build/m1/day1", "build/m1/day1/"),
        (
            "build/?notebook=m1%2Fday1.ipynb",
            "build/m1/day1/00-summary.html",
        ),
    ] {
        let response = app.instructor().get(path).await;
        assert!(response.status().is_redirection(), "{path}");
        assert_eq!(
            response.headers()[header::LOCATION],
            format!("{PREFIX}{to}")
        );
    }
    let unknown = app.instructor().get("build/?notebook=x.ipynb").await;
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn a_listing_shows_who_and_when_and_what_is_wrong() {
    let app = App::standalone().await;
    app.save("a<b>&\"c", "m 1/day#1.ipynb", &["x"]);
    let broken = app.save_text("bob", "m 1/day#1.ipynb", "{\"<i>");
    let file = std::fs::File::options().write(true).open(broken).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    app.built().await;
    let response = app.instructor().get("build/").await;
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    let listing = response.text().await.unwrap();
    assert!(
        listing.contains("href=\"./m%201/day%231/\">day#1.ipynb</a>"),
        "{listing}"
    );
    assert!(listing.contains("1 cannot be read"), "{listing}");
    let listing = app
        .instructor()
        .get("build/m%201/day%231/")
        .await
        .text()
        .await
        .unwrap();
    let export = "./a%3Cb%3E%26%22c.html";
    assert!(
        listing.contains(&format!("<a href=\"{export}\">a&lt;b&gt;&amp;")),
        "{listing}"
    );
    assert!(listing.contains("1 Jan 1970, 00:00 UTC"), "{listing}");
    assert!(listing.contains("This file is not a notebook"), "{listing}");
    assert!(
        !listing.contains("<b>") && !listing.contains("<i>"),
        "{listing}"
    );
    let export = app
        .instructor()
        .get(&format!("build/m%201/day%231/{export}"))
        .await;
    assert_eq!(export.status(), 200);
}

/// Unpacked where case does not count, and where a colon is none of a name.
#[tokio::test]
async fn an_archive_can_be_unpacked_anywhere() {
    let app = App::standalone().await;
    for (user, filename) in [
        ("ana", "m1/Day1.ipynb"),
        ("ANA", "m1/Day1.ipynb"),
        ("C:evil", "m1/Day1.ipynb"),
        ("exe.\u{202e}gpj", "m1/Day1.ipynb"),
        ("ana", "M1/day1.ipynb"),
        ("ana", "m1/day1.ipynb"),
        ("ana", "nul.ipynb"),
        ("ana", "m1/Day1/NOTEBOOKS.ipynb"),
    ] {
        app.save(user, filename, &[user]);
    }
    app.built().await;
    let response = app.instructor().get("build/archive.zip").await;
    let bytes = response.bytes().await.unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    assert_eq!(names.len(), 5 * 4 + 3 * 2);
    let different: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(different.len(), names.len(), "{names:?}");
    let is_bad = |part: &str| part.contains([':', '\u{202e}']) || part == "nul";
    assert!(
        !names.iter().any(|name| name.split('/').any(is_bad)),
        "{names:?}"
    );

    // Everybody is found by the links of the summaries.
    let mut found = 0;
    for summary in names
        .iter()
        .filter(|name| name.ends_with("/00-summary.html"))
    {
        let mut text = String::new();
        let mut read = archive.by_name(summary).unwrap();
        read.read_to_string(&mut text).unwrap();
        let folder = summary.rsplit_once('/').unwrap().0;
        for rest in text.split("href=\"./").skip(1) {
            let link = rest.split('"').next().unwrap();
            assert!(
                names.contains(&format!("{folder}/{link}")),
                "{link} of {names:?}"
            );
            found += 1;
        }
    }
    assert_eq!(found, 4 + 4);
}

#[tokio::test]
async fn the_archive_holds_everything_byte_for_byte() {
    let app = class(App::standalone().await).await;
    let long: String = (0..200_000).map(|n| format!("{n:x} ")).collect();
    app.save("Ü %20", "long.ipynb", &[&long]);
    app.built().await;
    let response = app.instructor().get("build/archive.zip").await;
    assert_eq!(response.headers()["content-type"], "application/zip");
    assert!(!response.headers().contains_key("content-encoding"));
    let bytes = response.bytes().await.unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut names: Vec<String> = archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "build/long/00-summary.html",
            "build/long/00-summary.ipynb",
            "build/long/notebooks/Ü %20.ipynb",
            "build/long/Ü %20.html",
            "build/m1/day1/00-summary.html",
            "build/m1/day1/00-summary.ipynb",
            "build/m1/day1/alice.html",
            "build/m1/day1/bob.html",
            "build/m1/day1/notebooks/alice.ipynb",
            "build/m1/day1/notebooks/bob.ipynb",
            "build/own/00-summary.html",
            "build/own/00-summary.ipynb",
            "build/own/alice.html",
            "build/own/notebooks/alice.ipynb",
        ]
    );
    for name in names {
        let mut unpacked = Vec::new();
        archive
            .by_name(&name)
            .unwrap()
            .read_to_end(&mut unpacked)
            .unwrap();
        let place = name.strip_prefix("build/").unwrap();
        assert_eq!(
            unpacked,
            std::fs::read(app.out().join(place)).unwrap(),
            "{name}"
        );
    }
    let part = app.instructor().get("build/archive.zip?path=m1").await;
    let archive = zip::ZipArchive::new(Cursor::new(part.bytes().await.unwrap())).unwrap();
    assert_eq!(archive.len(), 6);
    let nothing = app.instructor().get("build/archive.zip?path=..").await;
    assert_eq!(nothing.status(), 404);
}

#[tokio::test]
async fn a_save_is_acknowledged_whether_or_not_it_can_be_built() {
    let app = class(App::with_hub().await).await;
    // There is a folder where the export would go.
    let export = app.out().join("m1/day1/alice.html");
    std::fs::remove_file(&export).unwrap();
    std::fs::create_dir(&export).unwrap();
    app.save("alice", "m1/day1.ipynb", &["saved all the same"]);
    let event = app.save_event("alice", "m1/day1.ipynb");
    app.token("server-alice").tell(&event).await;
    let tile: Value = app
        .instructor()
        .json("api/tile?filename=m1/day1.ipynb&user=alice")
        .await;
    assert!(tile.to_string().contains("saved all the same"));
    assert_eq!(tile["tile"]["problem"], json!(null));
}

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

/// Reads a stream until it has said all of `news`; everything that it said.
async fn said(stream: &mut Response, news: &[&str]) -> String {
    let mut text = String::new();
    while !news.iter().all(|news| text.contains(news)) {
        let chunk = tokio::time::timeout(PATIENCE, stream.chunk()).await;
        let chunk = chunk.expect("in time").unwrap().expect("not its end");
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    text
}

#[tokio::test]
async fn streams_say_what_is_built_anew_to_those_who_may_see_it() {
    let app = class(App::with_hub().await).await;
    let mut alices = app.participant("alice").get("events/stream").await;
    let mut helpers = app.helper().get("events/stream").await;
    for stream in [&mut alices, &mut helpers] {
        said(stream, &["event: hello"]).await;
    }
    for user in ["bob", "alice"] {
        app.save(user, "m1/day1.ipynb", &["more"]);
        app.built().await;
    }
    let news = |user: &str| {
        format!("event: built\ndata: {{\"filename\":\"m1/day1.ipynb\",\"user\":{user}}}\n\n")
    };
    let all = [news("\"bob\""), news("\"alice\""), news("null")];
    said(&mut helpers, &all.each_ref().map(String::as_str)).await;
    let [_, own, _] = &all;
    let told = said(&mut alices, &[own]).await;
    assert!(!told.contains("bob") && !told.contains(":null"), "{told}");

    // Of a summary that is shared with them participants hear, too.
    let share = app.instructor().request(Method::PUT, "api/sharing/summary");
    let share = share.json(&json!({"filename": "m1/day1.ipynb", "shared": true}));
    assert_eq!(share.send().await.unwrap().status(), 200);
    app.save("bob", "m1/day1.ipynb", &["shared"]);
    app.built().await;
    let told = said(&mut alices, &[&news("null")]).await;
    assert!(!told.contains("bob"), "{told}");
}

#[tokio::test]
async fn without_builds_the_routes_say_so() {
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
