//! The rights of every route, and the properties that all answers and all changes have in common.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::{App, notebook},
    clients::TestClient,
    common::eventually,
    openapi::documented,
};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;

/// A route, and the status of its answer for each requester in [`requesters`]' order. `{a}` and
/// `{b}` stand for a version of alice's x.ipynb and of bob's.
pub(crate) struct RouteRow(
    pub(crate) Method,
    pub(crate) &'static str,
    pub(crate) [u16; 6],
);

impl RouteRow {
    /// Whether the route is for everyone, signed in or not.
    pub(crate) fn is_open(&self) -> bool {
        let Self(_, _, [anonymous, ..]) = self;
        *anonymous != 401 || self.1 == "api/login"
    }

    /// The address, with these versions of alice's x.ipynb and of bob's.
    pub(crate) fn filled(&self, versions: [i64; 2]) -> String {
        let [a, b] = versions.map(|version| version.to_string());
        self.1.replace("{a}", &a).replace("{b}", &b)
    }
}

/// All routes: [`the_document_has_every_route_and_no_other`] fails for a route that is in the
/// OpenAPI document and not here, or here and not there.
///
/// [`the_document_has_every_route_and_no_other`]: crate::openapi
#[rustfmt::skip]
pub(crate) const MATRIX: &[RouteRow] = &[
    //                                                             anonymous
    //                                                             |    an unknown token
    //                                                             |    |    alice
    //                                                             |    |    |    helper
    //                                                             |    |    |    |    observer
    //                                                             |    |    |    |    |    instructor
    RouteRow(GET,  "healthz",                                          [200, 200, 200, 200, 200, 200]),
    RouteRow(GET,  "poll.js",                                          [200, 200, 200, 200, 200, 200]),
    RouteRow(GET,  "oauth_callback",                                   [400, 400, 400, 400, 400, 400]),
    RouteRow(POST, "api/login",                                        [404, 404, 404, 404, 404, 404]),
    RouteRow(GET,  "api/session",                                      [401, 401, 200, 200, 200, 200]),
    RouteRow(POST, "api/logout",                                       [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "openapi.json",                                     [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "metrics",                                          [401, 401, 403, 200, 200, 200]),
    RouteRow(GET,  "events",                                           [401, 401, 200, 200, 200, 200]),
    // An event of alice's, which no other user may report.
    RouteRow(POST, "events",                                           [401, 401, 201, 403, 403, 403]),
    RouteRow(GET,  "events/stream",                                    [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/updates",                                      [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/notebooks",                                    [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/people",                                       [401, 401, 403, 200, 200, 200]),
    RouteRow(GET,  "api/wall?filename=x.ipynb",                        [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/tile?filename=x.ipynb&user=alice",             [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/tile?filename=x.ipynb&user=bob",               [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "api/notebook?filename=x.ipynb&user=alice",         [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/notebook?filename=x.ipynb&user=bob",           [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "api/output?filename=x.ipynb&user=alice&cell=0&output=0", [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/output?filename=x.ipynb&user=bob&cell=0&output=0",   [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "api/history?filename=x.ipynb&user=alice",          [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/history?filename=x.ipynb&user=bob",            [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "api/history/version?filename=x.ipynb&user=alice&version={a}",  [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/history/version?filename=x.ipynb&user=bob&version={b}",    [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "api/history/download?filename=x.ipynb&user=alice&version={a}", [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/history/download?filename=x.ipynb&user=bob&version={b}",   [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "api/history/diff?filename=x.ipynb&user=alice&version={a}",     [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/history/diff?filename=x.ipynb&user=bob&version={b}",       [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "api/history/changes?filename=x.ipynb&user=alice&version={a}",  [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/history/changes?filename=x.ipynb&user=bob&version={b}",    [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "api/copies",                                       [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/copies/content?filename=x.ipynb&user=alice",   [401, 401, 404, 404, 404, 404]),
    // Bodies that are none.
    RouteRow(PUT,  "api/copies",                                       [401, 401, 415, 415, 415, 415]),
    RouteRow(POST, "api/copies/inventory",                             [401, 401, 400, 400, 400, 400]),
    // A version of bob's.
    RouteRow(POST, "api/history/restore",                              [401, 401, 404, 403, 403, 201]),
    RouteRow(GET,  "api/notices",                                      [401, 401, 200, 200, 200, 200]),
    // To everyone; the receipt is of that notice.
    RouteRow(POST, "api/notices",                                      [401, 401, 403, 403, 403, 201]),
    RouteRow(GET,  "api/notices/sent",                                 [401, 401, 403, 403, 403, 200]),
    RouteRow(POST, "api/notices/preview",                              [401, 401, 403, 403, 403, 200]),
    RouteRow(POST, "api/notices/1/receipt",                            [401, 401, 204, 204, 204, 204]),
    RouteRow(DELETE, "api/notices/1",                                  [401, 401, 403, 403, 403, 204]),
    // Alice's x.ipynb, to all other participants.
    RouteRow(POST, "api/handouts",                                     [401, 401, 403, 403, 403, 201]),
    RouteRow(GET,  "api/handouts",                                     [401, 401, 403, 200, 200, 200]),
    RouteRow(GET,  "api/errands",                                      [401, 401, 200, 200, 200, 200]),
    // The helper has asked first: errand 1 is the helper's, errand 2 the observer's.
    RouteRow(GET,  "api/errands/1",                                    [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "api/errands/1/content",                            [401, 401, 404, 200, 404, 404]),
    RouteRow(POST, "api/errands/1",                                    [401, 401, 404, 204, 404, 404]),
    // A handout is taken back as a whole; the participant does not see this one.
    RouteRow(DELETE, "api/errands/1",                                  [401, 401, 404, 409, 403, 409]),
    // A body that is none.
    RouteRow(POST, "api/handouts/file?filename=x.csv&everyone=true",   [401, 401, 403, 403, 403, 415]),
    RouteRow(DELETE, "api/handouts/1",                                 [401, 401, 403, 403, 403, 204]),
    RouteRow(GET,  "api/build?filename=x.ipynb&user=alice",            [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/build?filename=x.ipynb&user=bob",              [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "api/build?filename=x.ipynb",                       [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "build",                                            [308, 308, 308, 308, 308, 308]),
    RouteRow(GET,  "build/",                                           [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "build/?notebook=x.ipynb",                          [401, 401, 404, 303, 303, 303]),
    RouteRow(GET,  "build/x/",                                         [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "build/x/alice.html",                               [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "build/x/bob.html",                                 [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "build/x/notebooks/bob.ipynb",                      [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "build/x/00-summary.html",                          [401, 401, 404, 200, 200, 200]),
    RouteRow(GET,  "build/archive.zip",                                [401, 401, 403, 200, 200, 200]),
    RouteRow(GET,  "api/about",                                        [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/workshop",                                     [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/sharing",                                      [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/setup",                                        [401, 401, 403, 200, 200, 200]),
    RouteRow(GET,  "api/insight?filename=x.ipynb",                     [401, 401, 403, 200, 200, 200]),
    RouteRow(GET,  "api/insight/exercise?filename=x.ipynb&anchor=0",   [401, 401, 403, 404, 404, 404]),
    RouteRow(POST, "api/insight/settled",                              [401, 401, 403, 204, 403, 204]),
    RouteRow(GET,  "api/help",                                         [401, 401, 403, 200, 200, 200]),
    RouteRow(GET,  "api/help/mine",                                    [401, 401, 200, 200, 200, 200]),
    // They ask for help, alice first: ticket 1 is hers.
    RouteRow(PUT,  "api/help/mine",                                    [401, 401, 200, 200, 200, 200]),
    RouteRow(POST, "api/help/1/claim",                                 [401, 401, 403, 200, 403, 409]),
    RouteRow(POST, "api/help/claim",                                   [401, 401, 403, 200, 403, 200]),
    RouteRow(POST, "api/help/1/release",                               [401, 401, 403, 200, 403, 409]),
    RouteRow(POST, "api/help/1/undo",                                  [401, 401, 403, 200, 403, 409]),
    RouteRow(POST, "api/help/1/done",                                  [401, 401, 403, 204, 403, 404]),
    RouteRow(POST, "api/help/round",                                   [401, 401, 403, 201, 403, 201]),
    RouteRow(DELETE, "api/help/round",                                 [401, 401, 403, 204, 403, 204]),
    // No steward runs.
    RouteRow(GET,  "users",                                            [401, 401, 403, 503, 503, 503]),
    RouteRow(POST, "users",                                            [401, 401, 403, 403, 403, 400]),
    RouteRow(POST, "users/import",                                     [401, 401, 403, 403, 403, 400]),
    RouteRow(POST, "users/import/preview",                             [401, 401, 403, 403, 403, 400]),
    RouteRow(GET,  "users/audit",                                      [401, 401, 403, 503, 503, 503]),
    RouteRow(POST, "users/servers",                                    [401, 401, 403, 403, 403, 400]),
    RouteRow(DELETE, "users/alice",                                    [401, 401, 403, 403, 403, 503]),
    RouteRow(DELETE, "users/alice/home",                               [401, 401, 403, 403, 403, 400]),
    RouteRow(POST, "users/alice/password",                             [401, 401, 403, 403, 403, 503]),
    RouteRow(GET,  "packages",                                         [401, 401, 403, 503, 503, 503]),
    RouteRow(POST, "packages",                                         [401, 401, 403, 403, 403, 503]),
    RouteRow(POST, "packages/plan",                                    [401, 401, 403, 403, 403, 503]),
    RouteRow(GET,  "packages/log",                                     [401, 401, 403, 503, 503, 503]),
    RouteRow(POST, "packages/stop",                                    [401, 401, 403, 403, 403, 400]),
    RouteRow(GET,  "api/followed",                                     [401, 401, 404, 404, 404, 404]),
    // The instructor has no such notebook of their own.
    RouteRow(PUT,  "api/sharing/followed",                             [401, 401, 403, 403, 403, 404]),
    RouteRow(PUT,  "api/sharing/summary",                              [401, 401, 403, 403, 403, 200]),
    // From here on the summary is shared.
    RouteRow(GET,  "build/?notebook=x.ipynb",                          [401, 401, 303, 303, 303, 303]),
    RouteRow(GET,  "build/x/00-summary.html",                          [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "api/build?filename=x.ipynb",                       [401, 401, 200, 200, 200, 200]),
    RouteRow(GET,  "build/x/bob.html",                                 [401, 401, 404, 200, 200, 200]),
];

fn requesters(app: &App) -> [(&'static str, TestClient<'_>); 6] {
    [
        ("an anonymous client", app.anonymous()),
        ("a token that is not known", app.token("wrong")),
        ("a participant", app.participant("alice")),
        ("a helper", app.helper()),
        ("an observer", app.observer()),
        ("an instructor", app.instructor()),
    ]
}

/// A class of alice and bob, each with a version of x.ipynb, which has an output that needs
/// a script; and the numbers of the versions.
pub(crate) async fn class_with_versions() -> (App, [i64; 2]) {
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
        app.token(&format!("server-{user}"))
            .post_event(&event)
            .await;
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

/// A body that this route takes.
fn body(app: &App, address: &str, versions: [i64; 2]) -> Value {
    match address {
        "events" => app.save_event("alice", "x.ipynb"),
        "api/history/restore" => {
            json!({"user": "bob", "filename": "x.ipynb", "version": versions[1]})
        }
        "api/notices" | "api/notices/preview" => json!({"text": "Hello", "to": {"everyone": true}}),
        "api/sharing/followed" => json!({"filename": "x.ipynb"}),
        "api/sharing/summary" => json!({"filename": "x.ipynb", "shared": true}),
        "api/handouts" => {
            json!({"user": "alice", "filename": "x.ipynb", "to": {"everyone": true}})
        }
        "api/insight/settled" => {
            json!({"filename": "x.ipynb", "user": "bob", "settled": "helped"})
        }
        "api/help/mine" => json!({"note": "help", "filename": "x.ipynb"}),
        "api/help/claim" => json!({"ids": [1]}),
        "api/errands/1" => json!({"state": "done", "filename": "x.ipynb"}),
        "api/notices/1/receipt" => json!({"state": "shown"}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn every_route_answers_each_requester_as_the_matrix_says() {
    let (app, versions) = class_with_versions().await;
    let mut wrong = Vec::new();
    for row in MATRIX {
        let RouteRow(method, address, statuses) = row;
        let filled = row.filled(versions);
        for ((requester, client), expected) in requesters(&app).into_iter().zip(statuses) {
            let mut request = client.request(method.clone(), &filled);
            if *method != GET {
                request = request.json(&body(&app, address, versions));
            }
            let status = request.send().await.unwrap().status();
            if status != *expected {
                wrong.push(format!(
                    "{method} {address} by {requester}: {status}, not {expected}"
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
        let RouteRow(method, address, _) = row;
        for person in [
            app.anonymous(),
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

/// The routes that change something, from the OpenAPI document, and whether they take a body.
/// Without `/api/login`, which takes a token in a header that no page of another origin can send.
async fn changing_routes(app: &App) -> Vec<(Method, String, bool)> {
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
        let changing = changing_routes(&app).await;
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
async fn a_form_is_refused_as_a_body() {
    let app = App::with_hub().await;
    for (method, path, _) in changing_routes(&app).await.iter().filter(|route| route.2) {
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
    let (app, versions) = class_with_versions().await;
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
        // Only the service's own page requests this, for a frame.
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
