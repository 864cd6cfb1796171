//! Who gets what: every route for everybody, and what every answer and every change has in
//! common.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, eventually, notebook},
    openapi::documented,
    people::Person,
};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

/// A route, and the status of its answer for everybody in [`everybody`]'s order. `{a}` and
/// `{b}` stand for a version of alice's x.ipynb and of bob's.
pub(crate) struct Row(
    pub(crate) Method,
    pub(crate) &'static str,
    pub(crate) [u16; 5],
);

impl Row {
    /// It is for everyone, signed in or not.
    pub(crate) fn is_open(&self) -> bool {
        let Self(_, _, [nobody, ..]) = self;
        *nobody != 401 || self.1 == "api/login"
    }
}

/// All of them: what [`every_route_is_in_it_and_everything_in_it_is_a_route`] finds in the
/// document of the routes and not here, or here and not there, fails.
///
/// [`every_route_is_in_it_and_everything_in_it_is_a_route`]: crate::openapi
#[rustfmt::skip]
pub(crate) const MATRIX: &[Row] = &[
    //                                                             nobody
    //                                                             |    whose token is not known
    //                                                             |    |    alice
    //                                                             |    |    |    helper
    //                                                             |    |    |    |    instructor
    Row(GET,  "healthz",                                          [200, 200, 200, 200, 200]),
    Row(GET,  "poll.js",                                          [200, 200, 200, 200, 200]),
    Row(GET,  "oauth_callback",                                   [400, 400, 400, 400, 400]),
    Row(POST, "api/login",                                        [404, 404, 404, 404, 404]),
    Row(GET,  "api/session",                                      [401, 401, 200, 200, 200]),
    Row(POST, "api/logout",                                       [401, 401, 200, 200, 200]),
    Row(GET,  "openapi.json",                                     [401, 401, 200, 200, 200]),
    Row(GET,  "metrics",                                          [401, 401, 403, 200, 200]),
    Row(GET,  "events",                                           [401, 401, 200, 200, 200]),
    // An event of alice's: nobody reports for another.
    Row(POST, "events",                                           [401, 401, 201, 403, 403]),
    Row(GET,  "events/stream",                                    [401, 401, 200, 200, 200]),
    Row(GET,  "api/updates",                                      [401, 401, 200, 200, 200]),
    Row(GET,  "api/notebooks",                                    [401, 401, 200, 200, 200]),
    Row(GET,  "api/wall?filename=x.ipynb",                        [401, 401, 200, 200, 200]),
    Row(GET,  "api/tile?filename=x.ipynb&user=alice",             [401, 401, 200, 200, 200]),
    Row(GET,  "api/tile?filename=x.ipynb&user=bob",               [401, 401, 404, 200, 200]),
    Row(GET,  "api/notebook?filename=x.ipynb&user=alice",         [401, 401, 200, 200, 200]),
    Row(GET,  "api/notebook?filename=x.ipynb&user=bob",           [401, 401, 404, 200, 200]),
    Row(GET,  "api/output?filename=x.ipynb&user=alice&cell=0&output=0", [401, 401, 200, 200, 200]),
    Row(GET,  "api/output?filename=x.ipynb&user=bob&cell=0&output=0",   [401, 401, 404, 200, 200]),
    Row(GET,  "api/history?filename=x.ipynb&user=alice",          [401, 401, 200, 200, 200]),
    Row(GET,  "api/history?filename=x.ipynb&user=bob",            [401, 401, 404, 200, 200]),
    Row(GET,  "api/history/version?filename=x.ipynb&user=alice&version={a}",  [401, 401, 200, 200, 200]),
    Row(GET,  "api/history/version?filename=x.ipynb&user=bob&version={b}",    [401, 401, 404, 200, 200]),
    Row(GET,  "api/history/download?filename=x.ipynb&user=alice&version={a}", [401, 401, 200, 200, 200]),
    Row(GET,  "api/history/download?filename=x.ipynb&user=bob&version={b}",   [401, 401, 404, 200, 200]),
    Row(GET,  "api/history/diff?filename=x.ipynb&user=alice&version={a}",     [401, 401, 200, 200, 200]),
    Row(GET,  "api/history/diff?filename=x.ipynb&user=bob&version={b}",       [401, 401, 404, 200, 200]),
    Row(GET,  "api/history/changes?filename=x.ipynb&user=alice&version={a}",  [401, 401, 200, 200, 200]),
    Row(GET,  "api/history/changes?filename=x.ipynb&user=bob&version={b}",    [401, 401, 404, 200, 200]),
    // Of bob's.
    Row(POST, "api/history/restore",                              [401, 401, 404, 403, 201]),
    Row(GET,  "api/notices",                                      [401, 401, 200, 200, 200]),
    // To everyone; the receipt is of that one.
    Row(POST, "api/notices",                                      [401, 401, 403, 403, 201]),
    Row(GET,  "api/notices/sent",                                 [401, 401, 403, 403, 200]),
    Row(POST, "api/notices/1/receipt",                            [401, 401, 204, 204, 204]),
    Row(DELETE, "api/notices/1",                                  [401, 401, 403, 403, 204]),
    // Alice's x.ipynb, to everyone else.
    Row(POST, "api/handouts",                                     [401, 401, 403, 403, 201]),
    Row(GET,  "api/handouts",                                     [401, 401, 403, 200, 200]),
    Row(GET,  "api/errands",                                      [401, 401, 200, 200, 200]),
    // The helper has asked first: it is the helper's, and the instructor's is errand 2.
    Row(GET,  "api/errands/1",                                    [401, 401, 404, 200, 200]),
    Row(GET,  "api/errands/1/content",                            [401, 401, 404, 200, 404]),
    Row(POST, "api/errands/1",                                    [401, 401, 404, 204, 404]),
    Row(DELETE, "api/handouts/1",                                 [401, 401, 403, 403, 204]),
    Row(GET,  "api/build?filename=x.ipynb&user=alice",            [401, 401, 200, 200, 200]),
    Row(GET,  "api/build?filename=x.ipynb&user=bob",              [401, 401, 404, 200, 200]),
    Row(GET,  "api/build?filename=x.ipynb",                       [401, 401, 404, 200, 200]),
    Row(GET,  "build",                                            [308, 308, 308, 308, 308]),
    Row(GET,  "build/",                                           [401, 401, 200, 200, 200]),
    Row(GET,  "build/?notebook=x.ipynb",                          [401, 401, 404, 303, 303]),
    Row(GET,  "build/x/",                                         [401, 401, 200, 200, 200]),
    Row(GET,  "build/x/alice.html",                               [401, 401, 200, 200, 200]),
    Row(GET,  "build/x/bob.html",                                 [401, 401, 404, 200, 200]),
    Row(GET,  "build/x/notebooks/bob.ipynb",                      [401, 401, 404, 200, 200]),
    Row(GET,  "build/x/00-summary.html",                          [401, 401, 404, 200, 200]),
    Row(GET,  "build/archive.zip",                                [401, 401, 403, 200, 200]),
    Row(GET,  "api/about",                                        [401, 401, 200, 200, 200]),
    Row(GET,  "api/sharing",                                      [401, 401, 200, 200, 200]),
    Row(GET,  "api/followed",                                     [401, 401, 404, 404, 404]),
    // The instructor has no such notebook of their own.
    Row(PUT,  "api/sharing/followed",                             [401, 401, 403, 403, 404]),
    Row(PUT,  "api/sharing/summary",                              [401, 401, 403, 403, 200]),
    // From here on it is shared.
    Row(GET,  "build/?notebook=x.ipynb",                          [401, 401, 303, 303, 303]),
    Row(GET,  "build/x/00-summary.html",                          [401, 401, 200, 200, 200]),
    Row(GET,  "api/build?filename=x.ipynb",                       [401, 401, 200, 200, 200]),
    Row(GET,  "build/x/bob.html",                                 [401, 401, 404, 200, 200]),
];

fn everybody(app: &App) -> [(&'static str, Person<'_>); 5] {
    [
        ("nobody", app.anon()),
        ("a token that is not known", app.token("wrong")),
        ("a participant", app.participant("alice")),
        ("a helper", app.helper()),
        ("an instructor", app.instructor()),
    ]
}

/// A class of alice and bob, each with a version of x.ipynb, which has an output that needs
/// a script; and the numbers of the versions.
async fn class() -> (App, [i64; 2]) {
    let app = App::with_hub().await;
    let mut cells: Value = serde_json::from_str(&notebook(&["1"])).unwrap();
    cells["cells"][0]["outputs"] = json!([{
        "output_type": "display_data", "metadata": {},
        "data": {"text/html": "<div id=a></div><script>1</script>"},
    }]);
    let mut versions = [0; 2];
    for (user, version) in ["alice", "bob"].into_iter().zip(&mut versions) {
        app.save_text(user, "x.ipynb", &cells.to_string());
        let event = app.save_event(user, "x.ipynb");
        app.token(&format!("server-{user}")).tell(&event).await;
        let list = format!("api/history?filename=x.ipynb&user={user}");
        let instructor = app.instructor();
        *version = eventually(async || {
            instructor.get(&list.replace("history", "tile")).await;
            instructor.json(&list).await["versions"][0]["version"].as_i64()
        })
        .await;
    }
    app.built().await;
    (app, versions)
}

/// A body that is right for this route.
fn body(app: &App, address: &str, versions: [i64; 2]) -> Value {
    match address {
        "events" => app.save_event("alice", "x.ipynb"),
        "api/history/restore" => {
            json!({"user": "bob", "filename": "x.ipynb", "version": versions[1]})
        }
        "api/notices" => json!({"text": "Hello", "to": {"everyone": true}}),
        "api/sharing/followed" => json!({"filename": "x.ipynb"}),
        "api/sharing/summary" => json!({"filename": "x.ipynb", "shared": true}),
        "api/handouts" => {
            json!({"user": "alice", "filename": "x.ipynb", "to": {"everyone": true}})
        }
        "api/errands/1" => json!({"state": "done", "filename": "x.ipynb"}),
        "api/notices/1/receipt" => json!({"state": "shown"}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn everybody_gets_what_is_theirs() {
    let (app, versions) = class().await;
    let mut wrong = Vec::new();
    for Row(method, address, statuses) in MATRIX {
        let filled = address
            .replace("{a}", &versions[0].to_string())
            .replace("{b}", &versions[1].to_string());
        for ((who, person), expected) in everybody(&app).into_iter().zip(statuses) {
            let mut request = person.request(method.clone(), &filled);
            if *method != GET {
                request = request.json(&body(&app, address, versions));
            }
            let status = request.send().await.unwrap().status();
            if status != *expected {
                wrong.push(format!(
                    "{method} {address} by {who}: {status}, not {expected}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_forged_cookie_and_an_unknown_token_get_nothing_without_a_hub_either() {
    let app = App::standalone().await;
    let name = format!(
        "pipalhub-session-{}",
        app.origin.rsplit(':').next().unwrap()
    );
    for row in MATRIX.iter().filter(|row| !row.is_open()) {
        let Row(method, address, _) = row;
        for person in [
            app.anon(),
            app.token("wrong"),
            app.cookie("pipalhub-session=forged"),
            app.cookie(&format!("{name}=forged")),
        ] {
            let request = person.request(method.clone(), address).json(&json!({}));
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 401, "{method} {address}");
        }
    }
}

/// The routes that change something, from the document of all routes, and whether they take
/// a body. Signing in is none: it takes a token in a header, which no page of another
/// origin can send.
async fn changing(app: &App) -> Vec<(Method, String, bool)> {
    let document = app.instructor().json("openapi.json").await;
    let operations = documented(&document).into_iter();
    operations
        .filter(|(method, path)| method != "GET" && path != "/api/login")
        .map(|(method, path)| {
            let operation = &document["paths"][&path][method.to_lowercase()];
            let has_body = operation["requestBody"].is_object();
            (method.parse().unwrap(), path[1..].to_owned(), has_body)
        })
        .collect()
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    for app in [App::standalone().await, App::with_hub().await] {
        let (cookie, xsrf) = app.browser("ines").await;
        let changing = changing(&app).await;
        assert!(changing.len() >= 3, "{changing:?}");
        for (method, path, _) in changing {
            let send = async |xsrf: Option<&str>| {
                let request = app.cookie(&cookie).request(method.clone(), &path);
                let request = match xsrf {
                    Some(xsrf) => request.header("x-xsrftoken", xsrf),
                    None => request,
                };
                request.json(&json!({})).send().await.unwrap().status()
            };
            for wrong in [None, Some(""), Some("guessed")] {
                assert_eq!(send(wrong).await, 403, "{method} {path} {wrong:?}");
            }
            assert_ne!(send(Some(&xsrf)).await, 403, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_a_form_can_send_is_not_a_body() {
    let app = App::with_hub().await;
    for (method, path, _) in changing(&app).await.iter().filter(|route| route.2) {
        for kind in [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain",
            "",
        ] {
            let request = app.instructor().request(method.clone(), path);
            let request = request.header("content-type", kind).body("{}");
            let status = request.send().await.unwrap().status();
            assert_eq!(status, 415, "{method} {path} {kind}");
        }
    }
}

#[tokio::test]
async fn no_other_site_can_frame_a_page() {
    let (app, versions) = class().await;
    let changes = format!(
        "api/history/changes?filename=x.ipynb&user=alice&version={}",
        versions[0]
    );
    let mut pages = 0;
    for path in [
        "",
        "notebook?notebook=x.ipynb&user=alice",
        "oauth_callback?code=x&state=y",
        "build/",
        "build/x/",
        "build/x/alice.html",
        "build/x/00-summary.html",
        &changes,
        "api/output?filename=x.ipynb&user=alice&cell=0&output=0",
    ] {
        // Only its own page asks for this, for a frame.
        let own = path.starts_with("api/output");
        let response = match own {
            true => app.instructor().get(path).await,
            false => app.instructor().navigate(path).await,
        };
        let headers = response.headers();
        let kind = headers["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/html"), "{path}: {kind}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        let denied = headers
            .get("x-frame-options")
            .is_some_and(|it| it == "DENY");
        let ancestors = if own { "'self'" } else { "'none'" };
        assert!(
            denied || policy.contains(&format!("frame-ancestors {ancestors}")),
            "{path}: {policy}"
        );
        assert!(!own || policy.starts_with("sandbox"), "{path}: {policy}");
        pages += 1;
    }
    assert_eq!(pages, 9);
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
        "openapi.json",
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
