//! `/api/history`: versions, their differences, and restoring one.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    time::Duration,
};

use backend::limits::LimitSettings;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, TOKEN, mentions, notebook, read_until},
    clients::TestClient,
    common::eventually,
};

const DAY1: &str = "m1/day1.ipynb";
const LIST: &str = "api/history?filename=m1/day1.ipynb&user=alice";

/// Saves DAY1 and waits until it is recorded; returns the number of the version.
pub(crate) async fn record(app: &App, user: &str, text: &str) -> i64 {
    let instructor = app.instructor();
    let list = format!("api/history?filename={DAY1}&user={user}");
    let newest = async || instructor.json(&list).await["versions"][0]["version"].as_i64();
    let before = newest().await;
    app.save_text(user, DAY1, text);
    let tile = format!("api/tile?filename={DAY1}&user={user}");
    match instructor.get(&tile).await.status().as_u16() {
        200 => {}
        // The class does not know this notebook yet.
        _ => {
            let path = app.home(user).join(DAY1);
            let event =
                json!({"type": "save-notebook", "user": user, "filename": DAY1, "path": path});
            app.token(&token_of(app, user)).post_event(&event).await;
        }
    }
    eventually(async || newest().await.filter(|newest| Some(*newest) != before)).await
}

fn token_of(app: &App, user: &str) -> String {
    match app.hub {
        Some(_) => format!("server-{user}"),
        None => TOKEN.to_owned(),
    }
}

pub(crate) fn restore_of(user: &str, version: i64) -> Value {
    json!({"user": user, "filename": DAY1, "version": version})
}

async fn post_with(person: &TestClient<'_>, xsrf: Option<&str>, body: &Value) -> u16 {
    let mut request = person.request(Method::POST, "api/history/restore");
    if let Some(xsrf) = xsrf {
        request = request.header("x-xsrftoken", xsrf);
    }
    request.json(body).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn every_save_is_a_version() {
    let app = App::standalone().await;
    // Not as Jupyter writes it, because the download has to be the file byte for byte.
    let odd =
        "{\"nbformat\": 4,\t\"cells\":[ {\"cell_type\":\"code\", \"x\": NaN} ] , \"z\": 1e400}";
    let second = notebook(&["a = 1", "b = 2"]);
    let third = notebook(&["a = 1", "b = 3", "c"]);
    let mut versions = Vec::new();
    for text in [odd, &second, &third] {
        versions.push(record(&app, "alice", text).await);
    }
    let list = app.instructor().json(LIST).await;
    assert_eq!(list["more"], false);
    let listed = list["versions"].as_array().unwrap();
    let numbers = |name: &str| -> Vec<i64> {
        let numbers = listed.iter().map(|version| version[name].as_i64().unwrap());
        numbers.collect()
    };
    versions.reverse();
    assert_eq!(numbers("version"), versions);
    assert_eq!(numbers("cells"), [3, 2, 1]);
    assert_eq!((numbers("added")[0], numbers("changed")[0]), (1, 1));
    let now = list["now_ms"].as_i64().unwrap();
    assert!(
        numbers("saved_at_ms")
            .iter()
            .all(|at| *at > 0 && *at <= now)
    );
    let older = app
        .instructor()
        .json(&format!("{LIST}&before={}", versions[1]))
        .await;
    assert_eq!(older["versions"].as_array().unwrap().len(), 1);

    let one = |route: &str, version: i64| {
        format!("api/history/{route}?filename={DAY1}&user=alice&version={version}")
    };
    let shown = app.instructor().json(&one("version", versions[1])).await;
    assert!(mentions(&shown["tile"], "b = 2") && !mentions(&shown["tile"], "b = 3"));
    assert_eq!(shown["older"], versions[2]);
    assert_eq!(shown["newer"], versions[0]);
    let download = app.instructor().get(&one("download", versions[2])).await;
    let disposition = download.headers()["content-disposition"].to_str().unwrap();
    assert!(
        disposition.starts_with("attachment; filename=\"day1-20"),
        "{disposition}"
    );
    assert_eq!(download.text().await.unwrap(), odd);

    let diff = app.instructor().json(&one("diff", versions[0])).await;
    assert_eq!(diff["from"]["version"], versions[1]);
    let lines = |at: usize| diff["cells"][at]["lines"].clone();
    assert_eq!(lines(0), json!([{"removed": "b = 2"}, {"added": "b = 3"}]));
    assert_eq!(lines(1), json!([{"added": "c"}]));
    let changes = app.instructor().get(&one("changes", versions[0])).await;
    assert!(
        changes.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let changes = changes.text().await.unwrap();
    assert!(changes.contains("<del>− b = 2"), "{changes}");
    let far = format!("{}&from={}", one("diff", versions[0]), versions[2]);
    assert_eq!(
        app.instructor().json(&far).await["from"]["version"],
        versions[2]
    );
    let first = app.instructor().json(&one("diff", versions[2])).await;
    assert_eq!(first["from"], Value::Null);
}

#[tokio::test]
async fn history_outlives_the_service_and_the_notebook() {
    let app = App::standalone().await;
    let version = record(&app, "alice", &notebook(&["kept"])).await;
    fs::remove_file(app.home("alice").join(DAY1)).unwrap();
    let app = app.restarted(false).await;
    let path = format!("api/history/version?filename={DAY1}&user=alice&version={version}");
    assert!(mentions(&app.instructor().json(&path).await, "kept"));
}

#[tokio::test]
async fn a_participant_sees_their_own_versions_only() {
    let app = App::with_hub().await;
    let alices = record(&app, "alice", &notebook(&["a"])).await;
    let bobs = record(&app, "bob", &notebook(&["secret"])).await;
    let alice = app.participant("alice");
    assert_eq!(alice.get(LIST).await.status(), 200);
    for (route, query) in [
        ("", String::new()),
        ("/version", format!("&version={bobs}")),
        ("/download", format!("&version={bobs}")),
        ("/diff", format!("&version={bobs}")),
        ("/changes", format!("&version={bobs}")),
    ] {
        let path = |user: &str| format!("api/history{route}?filename={DAY1}&user={user}{query}");
        let response = alice.get(&path("bob")).await;
        assert_eq!(response.status(), 404, "{route}");
        assert!(!response.text().await.unwrap().contains("secret"));
        if !route.is_empty() {
            assert_eq!(
                alice.get(&path("alice")).await.status(),
                404,
                "another's number"
            );
        }
    }
    let path = format!("api/history/diff?filename={DAY1}&user=alice&version={alices}&from={bobs}");
    assert_eq!(alice.get(&path).await.status(), 404);
    for (user, version) in [("bob", bobs), ("alice", bobs)] {
        let response = alice
            .post("api/history/restore", &restore_of(user, version))
            .await;
        assert_eq!(response.status(), 404);
    }
    assert_eq!(fs::read_dir(app.home("bob").join("m1")).unwrap().count(), 1);
    let own = alice
        .post("api/history/restore", &restore_of("alice", alices))
        .await;
    assert_eq!(own.status(), 201);
}

#[tokio::test]
async fn a_helper_sees_everyones_versions_and_restores_their_own_only() {
    let app = App::with_hub().await;
    let bobs = record(&app, "bob", &notebook(&["b"])).await;
    let own = record(&app, "helga", &notebook(&["h"])).await;
    let seen = format!("api/history/version?filename={DAY1}&user=bob&version={bobs}");
    assert!(mentions(&app.helper().json(&seen).await, "b"));
    let restore = async |user: &str, version| {
        let body = restore_of(user, version);
        let response = app.helper().post("api/history/restore", &body).await;
        response.status().as_u16()
    };
    assert_eq!(restore("bob", bobs).await, 403);
    assert_eq!(fs::read_dir(app.home("bob").join("m1")).unwrap().count(), 1);
    assert_eq!(restore("helga", own).await, 201);
    // The token of an instructor's own server does not write into another's home either.
    let server = app.token("server-ines");
    let body = restore_of("bob", bobs);
    let response = server.post("api/history/restore", &body).await;
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn a_version_is_restored_beside_the_notebook_and_never_over_it() {
    let app = App::standalone().await;
    let old = notebook(&["old"]);
    let version = record(&app, "alice", &old).await;
    record(&app, "alice", &notebook(&["new"])).await;
    let own = app.home("alice").join(DAY1);
    fs::set_permissions(&own, fs::Permissions::from_mode(0o640)).unwrap();
    let mut names = Vec::new();
    for _ in 0..2 {
        let response = app
            .instructor()
            .post("api/history/restore", &restore_of("alice", version))
            .await;
        assert_eq!(response.status(), 201);
        let body: Value = response.json().await.unwrap();
        names.push(body["filename"].as_str().unwrap().to_owned());
    }
    assert!(names[0].starts_with("m1/day1-restored-20") && names[0].ends_with("Z.ipynb"));
    assert!(names[1].ends_with("Z-2.ipynb"), "{names:?}");
    for name in names {
        let path = app.home("alice").join(name);
        assert_eq!(fs::read_to_string(&path).unwrap(), old);
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o640);
        assert_eq!(
            metadata.uid(),
            fs::metadata(app.home("alice")).unwrap().uid()
        );
    }
    assert_eq!(fs::read_to_string(own).unwrap(), notebook(&["new"]));
}

#[tokio::test]
async fn restores_are_paced_by_count_and_by_bytes() {
    let mut limits = LimitSettings::default();
    limits.restores.burst = 2;
    limits.restores.every = Duration::from_secs(3_600);
    let app = App::limited(limits).await;
    let restore = async |user: &str, version| {
        let body = restore_of(user, version);
        app.instructor().post("api/history/restore", &body).await
    };
    let of_alice = record(&app, "alice", &notebook(&["a"])).await;
    let of_bob = record(&app, "bob", &notebook(&["b"])).await;
    for _ in 0..2 {
        assert_eq!(restore("alice", of_alice).await.status(), 201);
    }
    let refused = restore("alice", of_alice).await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    assert_eq!(restore("bob", of_bob).await.status(), 201, "another's home");
    let names = fs::read_dir(app.home("alice").join("m1")).unwrap().count();
    assert_eq!(names, 3);

    let mut limits = LimitSettings::default();
    limits.restores.mib_an_hour = 1;
    let app = App::limited(limits).await;
    let version = record(&app, "alice", &notebook(&["a"])).await;
    let body = restore_of("alice", version);
    let instructor = app.instructor();
    let restore = async || instructor.post("api/history/restore", &body).await;
    assert_eq!(restore().await.status(), 201);
    let refused = restore().await;
    assert_eq!(refused.status(), 429);
    let refused: Value = refused.json().await.unwrap();
    assert!(
        mentions(&refused, "1 MiB were restored for alice"),
        "{refused}"
    );
}

#[tokio::test]
async fn restored_copies_beyond_the_limit_are_refused() {
    let mut limits = LimitSettings::default();
    limits.restores.burst = 100;
    let app = App::limited(limits).await;
    let version = record(&app, "alice", &notebook(&["a"])).await;
    let body = restore_of("alice", version);
    let mut statuses = Vec::new();
    for _ in 0..22 {
        let response = app.instructor().post("api/history/restore", &body).await;
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [vec![201; 20], vec![409; 2]].concat());
}

#[tokio::test]
async fn nothing_is_restored_through_a_link_or_to_a_hostile_place() {
    let app = App::standalone().await;
    let version = record(&app, "alice", &notebook(&["x"])).await;
    let outside = tempfile::tempdir().unwrap();
    let folder = app.home("alice").join("m1");
    fs::rename(&folder, app.home("alice").join("elsewhere")).unwrap();
    symlink(outside.path(), &folder).unwrap();
    let response = app
        .instructor()
        .post("api/history/restore", &restore_of("alice", version))
        .await;
    assert_eq!(response.status(), 409);
    let body: Value = response.json().await.unwrap();
    assert!(body["message"].as_str().unwrap().contains("link"), "{body}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    for (user, filename) in [
        ("alice", "../bob/m1/day1.ipynb"),
        ("alice", "/etc/passwd"),
        ("..", DAY1),
        ("a/b", DAY1),
        ("nobody", DAY1),
    ] {
        let body = json!({"user": user, "filename": filename, "version": version});
        let response = app.instructor().post("api/history/restore", &body).await;
        assert_eq!(response.status(), 404, "{user} {filename}");
    }
}

#[tokio::test]
async fn a_cookie_changes_something_only_with_its_xsrf() {
    let app = App::standalone().await;
    let version = record(&app, "alice", &notebook(&["x"])).await;
    let body = restore_of("alice", version);
    let (cookie, xsrf) = app.browser("ines").await;
    let page = app.cookie(&cookie);
    let (_, again) = app.browser("ines").await;
    assert_eq!(xsrf, again, "of one session there is one");
    assert!(!xsrf.contains(TOKEN));
    assert_eq!(post_with(&page, None, &body).await, 403);
    for wrong in ["", "x", &xsrf[1..], &cookie] {
        assert_eq!(post_with(&page, Some(wrong), &body).await, 403, "{wrong}");
    }
    assert_eq!(post_with(&app.anonymous(), Some(&xsrf), &body).await, 401);
    let folder = app.home("alice").join("m1");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);

    // A body that a form can send is refused, even from an instructor with a token.
    for kind in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data",
    ] {
        for person in [&page, &app.instructor()] {
            let request = person
                .request(Method::POST, "api/history/restore")
                .header("x-xsrftoken", &xsrf)
                .header("content-type", kind)
                .body(body.to_string());
            assert_eq!(request.send().await.unwrap().status(), 415, "{kind}");
        }
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    assert_eq!(post_with(&page, Some(&xsrf), &body).await, 201);
    let with_token = app.instructor().json("api/session").await;
    assert_eq!(with_token.get("xsrf"), None, "a token needs no other");
    assert_eq!(with_token["history"], true);
}

#[tokio::test]
async fn the_xsrf_of_one_session_is_refused_with_another() {
    let app = App::with_hub().await;
    let version = record(&app, "alice", &notebook(&["x"])).await;
    let (cookie, own) = app.browser("ines").await;
    let (_, foreign) = app.browser("mallory").await;
    let page = app.cookie(&cookie);
    let body = restore_of("alice", version);
    assert_eq!(post_with(&page, Some(&foreign), &body).await, 403);
    assert_eq!(post_with(&page, Some(&own), &body).await, 201);
}

#[tokio::test]
async fn a_wrong_parameter_is_a_400() {
    let app = App::standalone().await;
    for path in [
        "api/history?user=alice",
        "api/history/version?filename=x&user=alice",
        "api/history/version?filename=x&user=alice&version=one",
    ] {
        assert_eq!(app.instructor().get(path).await.status(), 400, "{path}");
    }
    let empty = app.instructor().json(LIST).await;
    assert_eq!(empty["versions"], json!([]));
    for body in [
        json!({}),
        json!({"user": "alice", "filename": DAY1, "version": "1"}),
    ] {
        let response = app.instructor().post("api/history/restore", &body).await;
        assert_eq!(response.status(), 400, "{body}");
    }
}

#[tokio::test]
async fn a_stream_announces_versions_that_its_reader_may_see() {
    let app = App::with_hub().await;
    let people = [app.instructor(), app.participant("bob")];
    let mut streams = Vec::new();
    for person in &people {
        streams.push(person.get("events/stream").await);
    }
    record(&app, "alice", &notebook(&["a"])).await;
    record(&app, "bob", &notebook(&["b"])).await;
    let message = |user: &str| {
        format!("event: recorded\ndata: {{\"filename\":\"{DAY1}\",\"user\":\"{user}\"}}\n\n")
    };
    for (mut stream, sees_alice) in streams.into_iter().zip([true, false]) {
        let read = read_until(&mut stream, &[&message("bob")]).await;
        assert_eq!(read.contains(&message("alice")), sees_alice, "{read}");
    }
}
