//! Signing in, with the Hub and without.

use std::sync::atomic::Ordering;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::app::{App, PREFIX, TOKEN};

fn cookie_of(response: &Response) -> String {
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    assert!(cookie.contains(&format!("Path={PREFIX}")), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

fn location(response: &Response) -> &str {
    response.headers()["location"].to_str().unwrap()
}

fn parameter<'a>(url: &'a str, name: &str) -> &'a str {
    let prefix = format!("{name}=");
    url.split(['?', '&'])
        .find_map(|part| part.strip_prefix(&prefix))
        .unwrap()
}

#[tokio::test]
async fn the_printed_token_signs_a_browser_in() {
    let app = App::standalone().await;
    let response = app.anonymous().get("api/session").await;
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["x-pipalhub-login"], "token");
    let wrong = app
        .token("wrong")
        .request(Method::POST, "api/login")
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 401);
    assert!(!wrong.headers().contains_key("set-cookie"));
    let right = app
        .token(TOKEN)
        .request(Method::POST, "api/login")
        .send()
        .await
        .unwrap();
    assert_eq!(right.status(), 204);
    let cookie = cookie_of(&right);
    assert!(!cookie.contains(TOKEN));
    let session = app.cookie(&cookie).json("api/session").await;
    assert_eq!(session["user"], "instructor");
    assert_eq!(session["role"], "instructor");
    assert_eq!(session["hub_url"], json!(null));
    assert!(
        session["homes"]
            .as_str()
            .unwrap()
            .ends_with("/homes/{user}")
    );
    // The session is only good for reading, and only as it was given.
    let posted = app
        .cookie(&cookie)
        .post("events", &app.save_event("u", "x.ipynb"))
        .await;
    assert_eq!(posted.status(), 403);
    let forged = app.cookie(&format!("{cookie}x")).get("api/session").await;
    assert_eq!(forged.status(), 401);
    // A key file that outlives the service keeps people signed in; the cookie's name
    // holds the port, which the restart changed.
    let port = |app: &App| app.origin.rsplit(':').next().unwrap().to_owned();
    let before = port(&app);
    let app = app.restarted(false).await;
    let cookie = cookie.replace(&before, &port(&app));
    assert_eq!(
        app.cookie(&cookie).get("api/session").await.status(),
        401,
        "bound to its name"
    );
}

#[tokio::test]
async fn the_hub_signs_a_browser_in() {
    let app = App::with_hub().await;
    let began = app.anonymous().navigate("?notebook=m1%2Fday1.ipynb").await;
    assert_eq!(began.status(), 303);
    let authorize = location(&began).to_owned();
    assert!(
        authorize.starts_with("/base/hub/api/oauth2/authorize?"),
        "{authorize}"
    );
    assert_eq!(parameter(&authorize, "client_id"), "service-dashboard");
    assert_eq!(parameter(&authorize, "code_challenge_method"), "S256");
    let login_cookie = cookie_of(&began);
    let state = parameter(&authorize, "state").to_owned();
    let back = format!("oauth_callback?code=ines&state={state}");
    let done = app.cookie(&login_cookie).navigate(&back).await;
    assert_eq!(done.status(), 303);
    assert_eq!(
        location(&done),
        format!("{PREFIX}?notebook=m1%2Fday1.ipynb")
    );
    let session = app.cookie(&cookie_of(&done)).json("api/session").await;
    assert_eq!(session["user"], "ines");
    assert_eq!(session["role"], "instructor");
    assert_eq!(session["hub_url"], "/base/hub/home");
    let participant = app.participant("alice").json("api/session").await;
    assert_eq!(participant["homes"], json!(null), "not for participants");
    let hub = app.hub.as_ref().unwrap();
    let trade = hub.trades.lock().unwrap().pop().unwrap();
    assert_eq!(trade["redirect_uri"], format!("{PREFIX}oauth_callback"));
    assert!(trade["code_verifier"].len() >= 43);
    // The browser has no cookie of it any more, and the Hub takes a code once.
    let gone = done.headers().get_all("set-cookie").iter();
    let login_name = login_cookie.split('=').next().unwrap();
    let mut gone = gone.filter(|cookie| cookie.to_str().unwrap().starts_with(login_name));
    assert!(
        gone.next_back()
            .unwrap()
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(app.anonymous().navigate(&back).await.status(), 400);
    let again = app.cookie(&login_cookie).navigate(&back).await;
    assert_eq!(again.status(), 502);
}

/// The data of a sign-in lies in the browser, so a service that begins anew ends it.
#[tokio::test]
async fn a_sign_in_outlives_a_restart_of_the_service() {
    let app = App::with_hub().await;
    let began = app.anonymous().navigate("?notebook=day1.ipynb").await;
    let state = parameter(location(&began), "state").to_owned();
    let app = app.restarted(false).await;
    let back = format!("oauth_callback?code=ana&state={state}");
    let done = app.cookie(&cookie_of(&began)).navigate(&back).await;
    assert_eq!(done.status(), 303);
    assert_eq!(location(&done), format!("{PREFIX}?notebook=day1.ipynb"));
    let session = app.cookie(&cookie_of(&done)).json("api/session").await;
    assert_eq!(session["user"], "ana");
}

#[tokio::test]
async fn a_sign_in_of_another_browser_is_refused() {
    let app = App::with_hub().await;
    let victim = app.anonymous().navigate("").await;
    let attacker = app.anonymous().navigate("").await;
    let state = parameter(location(&attacker), "state").to_owned();
    let back = format!("oauth_callback?code=mallory&state={state}");
    for person in [app.anonymous(), app.cookie(&cookie_of(&victim))] {
        let response = person.navigate(&back).await;
        assert_eq!(response.status(), 400);
        assert!(!response.headers().contains_key("set-cookie"));
    }
    let refused = format!("oauth_callback?error=access_denied&state={state}");
    let response = app.cookie(&cookie_of(&attacker)).navigate(&refused).await;
    assert_eq!(response.status(), 403);
}

/// A flood cannot make the service forget a sign-in, because it remembers none.
#[tokio::test]
async fn a_flood_of_begun_sign_ins_ends_no_other() {
    let app = App::with_hub().await;
    let began = app.anonymous().navigate("?notebook=day1.ipynb").await;
    let state = parameter(location(&began), "state").to_owned();
    for _ in 0..20 {
        app.begin_sign_ins(1_000).await;
    }
    let back = format!("oauth_callback?code=ana&state={state}");
    let done = app.cookie(&cookie_of(&began)).navigate(&back).await;
    assert_eq!(done.status(), 303);
    assert_eq!(location(&done), format!("{PREFIX}?notebook=day1.ipynb"));
}

/// Each tab has its own sign-in; finished ones are removed, and unfinished ones do not pile up.
#[tokio::test]
async fn several_tabs_sign_in_at_once() {
    let app = App::with_hub().await;
    let mut browser = CookieJar::default();
    let mut states = Vec::new();
    for n in 0..6 {
        let path = format!("?notebook={n}.ipynb");
        let began = app.cookie(&browser.header()).navigate(&path).await;
        states.push(parameter(location(&began), "state").to_owned());
        browser.take(&began);
    }
    assert_eq!(browser.0.len(), 4, "the newest");
    for (n, state) in states.iter().enumerate().rev() {
        let back = format!("oauth_callback?code=ana&state={state}");
        let done = app.cookie(&browser.header()).navigate(&back).await;
        if n < 2 {
            assert_eq!(done.status(), 400, "{n}");
            continue;
        }
        assert_eq!(location(&done), format!("{PREFIX}?notebook={n}.ipynb"));
        browser.take(&done);
    }
    assert_eq!(browser.0.len(), 1, "the session");
    let session = app.cookie(&browser.header()).json("api/session").await;
    assert_eq!(session["user"], "ana");
}

/// A refused and a failed sign-in are over.
#[tokio::test]
async fn a_sign_in_that_failed_leaves_nothing_in_the_browser() {
    let app = App::with_hub().await;
    for query in ["error=access_denied", "code=nobody"] {
        let mut browser = CookieJar::default();
        let began = app.anonymous().navigate("").await;
        browser.take(&began);
        let state = parameter(location(&began), "state");
        let back = format!("oauth_callback?{query}&state={state}");
        app.hub.as_ref().unwrap().refuses_trades(true);
        let failed = app.cookie(&browser.header()).navigate(&back).await;
        assert!(failed.status().as_u16() >= 400);
        browser.take(&failed);
        assert_eq!(browser.0.len(), 0, "{query}");
    }
}

/// A browser with made-up cookies can begin to sign in, and none of the cookies is believed.
#[tokio::test]
async fn made_up_login_cookies_are_refused() {
    let app = App::with_hub().await;
    let began = app.anonymous().navigate("").await;
    let (name, value) = cookie_of(&began)
        .split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .unwrap();
    let state = parameter(location(&began), "state").to_owned();
    let back = format!("oauth_callback?code=ana&state={state}");
    for cookie in [
        format!("{name}={}", value.replacen(&value[20..21], "", 1)),
        format!("{name}={state}"),
        format!("{name}=x"),
        format!("{name}-2={value}"),
        format!("pipalhub-session={value}"),
    ] {
        let response = app.cookie(&cookie).navigate(&back).await;
        assert_eq!(response.status(), 400, "{cookie}");
        let session = app.cookie(&cookie).get("api/session").await;
        assert_eq!(session.status(), 401, "{cookie}");
    }
    let many: Vec<_> = (0..500)
        .map(|n| format!("pipalhub-login-{n}={}", "x".repeat(8)))
        .collect();
    let answer = app.cookie(&many.join("; ")).navigate("").await;
    assert_eq!(answer.status(), 303);
    let told = answer.headers().get_all("set-cookie").iter().count();
    assert!((2..64).contains(&told), "{told}");
    assert!(
        app.cookie(&cookie_of(&began))
            .navigate(&back)
            .await
            .status()
            == 303
    );
}

/// The cookies of a browser.
#[derive(Default)]
struct CookieJar(Vec<(String, String)>);

impl CookieJar {
    fn header(&self) -> String {
        let all: Vec<_> = self.0.iter().map(|(n, v)| format!("{n}={v}")).collect();
        all.join("; ")
    }

    fn take(&mut self, response: &Response) {
        for told in response.headers().get_all("set-cookie") {
            let told = told.to_str().unwrap();
            assert!(told.contains("HttpOnly") && told.contains("SameSite=Lax"));
            assert!(told.contains(&format!("Path={PREFIX}")), "{told}");
            let (name, value) = told.split(';').next().unwrap().split_once('=').unwrap();
            self.0.retain(|(known, _)| known != name);
            if !told.contains("Max-Age=0") {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

#[tokio::test]
async fn a_script_without_a_session_is_not_redirected() {
    let app = App::with_hub().await;
    for path in [
        "api/session",
        "api/wall?filename=x",
        "events",
        "events/stream",
    ] {
        let response = app.anonymous().get(path).await;
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(response.headers()["x-pipalhub-login"], "hub");
    }
    assert_eq!(app.token("unknown").get("events").await.status(), 401);
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    for (app, next) in [
        (App::standalone().await, PREFIX),
        (App::with_hub().await, "/base/hub/logout"),
        (
            App::with_hub_on("https://hub.example").await,
            "https://hub.example/base/hub/logout",
        ),
    ] {
        let (cookie, xsrf) = app.browser("ines").await;
        let request = app.cookie(&cookie).request(Method::POST, "api/logout");
        let response = request.header("x-xsrftoken", xsrf).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let gone = cookie_of(&response);
        assert_eq!(gone.split('=').next(), cookie.split('=').next());
        assert_eq!(gone.split('=').nth(1), Some(""), "{gone}");
        let told = response.headers()["set-cookie"].to_str().unwrap();
        assert!(told.contains("Max-Age=0"), "{told}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["next"], next);
    }
}

/// Signing out forgets the token here, so that a copy of the cookie is worth nothing once the
/// Hub has forgotten it too.
#[tokio::test]
async fn signing_out_forgets_the_token() {
    let app = App::with_hub().await;
    let hub = app.hub.as_ref().unwrap();
    let (cookie, xsrf) = app.browser("ines").await;
    let revoked = "oauth-ines".to_owned();
    hub.revoked.lock().unwrap().insert(revoked);
    let still = app.cookie(&cookie).get("api/session").await;
    assert_eq!(still.status(), 200, "an answer is good for a minute");
    let request = app.cookie(&cookie).request(Method::POST, "api/logout");
    request.header("x-xsrftoken", xsrf).send().await.unwrap();
    let copied = app.cookie(&cookie).get("api/session").await;
    assert_eq!(copied.status(), 401);
}

#[tokio::test]
async fn a_session_that_ended_at_the_hub_ends_here() {
    let app = App::with_hub().await;
    let hub = app.hub.as_ref().unwrap();
    let (cookie, _) = app.browser("ines").await;
    let with = |session: &str| format!("{cookie}; jupyterhub-session-id={session}");
    let signed_in = app.cookie(&with("one")).get("api/session").await;
    assert_eq!(signed_in.status(), 200);
    let asked = hub.asked.load(Ordering::SeqCst);
    app.cookie(&with("one")).json("api/session").await;
    assert_eq!(hub.asked.load(Ordering::SeqCst), asked, "it is remembered");
    // Signing out of the Hub ends the token, and the browser's next session there is another.
    hub.revoked.lock().unwrap().insert("oauth-ines".to_owned());
    let ended = app.cookie(&with("two")).get("api/session").await;
    assert_eq!(ended.status(), 401);
}

#[tokio::test]
async fn a_sign_in_leads_to_the_host_of_the_hub() {
    let app = App::with_hub_on("https://hub.example").await;
    let began = app.anonymous().navigate("?notebook=x.ipynb").await;
    let authorize = location(&began).to_owned();
    assert!(
        authorize.starts_with("https://hub.example/base/hub/api/oauth2/authorize?"),
        "{authorize}"
    );
    // No `Domain`: the cookie is this host's alone, and not of participants' servers.
    let told = began.headers()["set-cookie"].to_str().unwrap();
    assert!(!told.to_lowercase().contains("domain"), "{told}");
    let state = parameter(&authorize, "state");
    let back = format!("oauth_callback?code=ines&state={state}");
    let request = app.cookie(&cookie_of(&began)).request(Method::GET, &back);
    let request = request.header("x-forwarded-proto", "https, http");
    let done = request.send().await.unwrap();
    assert_eq!(location(&done), format!("{PREFIX}?notebook=x.ipynb"));
    let told = done.headers()["set-cookie"].to_str().unwrap();
    assert!(!told.to_lowercase().contains("domain"), "{told}");
    assert!(told.contains("; Secure"), "{told}");
    let session = app.cookie(&cookie_of(&done)).json("api/session").await;
    assert_eq!(session["hub_url"], "https://hub.example/base/hub/home");
}

/// A sign-in ends below the prefix, whatever path a link made the browser request.
#[tokio::test]
async fn a_sign_in_never_leads_outside_the_prefix() {
    let app = App::with_hub().await;
    for path in [
        "/evil.example",
        "/evil.example/..",
        "\\evil.example",
        "%2fevil.example",
        "%5Cevil.example",
        "%09/evil.example",
        "%0d%0aLocation:%20https://evil.example",
        "..%2f..%2fhub/logout",
        "%2e%2e/%2e%2e/hub/logout",
        "../../../hub/logout",
        "x//evil.example",
        "@evil.example",
        "?next=//evil.example",
        "build/x//evil.example",
        "build/%2f%2fevil.example",
    ] {
        let answer = app.ask_as_browser(&format!("{PREFIX}{path}")).await;
        let Some(authorize) = answer.location() else {
            // It is not a page of this service.
            assert!([301, 308, 404].contains(&answer.status), "{path}");
            continue;
        };
        assert!(authorize.starts_with(PREFIX) || authorize.starts_with("/base/hub/api/oauth2/"));
        if answer.status != 303 {
            continue;
        }
        let back = format!(
            "oauth_callback?code=ines&state={}",
            parameter(authorize, "state")
        );
        let done = app.cookie(&answer.cookie()).navigate(&back).await;
        let next = location(&done);
        assert!(next.starts_with(PREFIX), "{path} leads to {next}");
        let place = next.split('?').next().unwrap().to_lowercase();
        for trick in ["//", "..", "\\", "%2f", "%5c", "%2e", "%0", "evil.example/"] {
            assert!(!place.contains(trick), "{path} leads to {next}");
        }
    }
}

/// A service of the Hub may have the name of a participant.
#[tokio::test]
async fn a_service_of_the_hub_without_a_scope_is_refused() {
    let app = App::with_hub().await;
    app.save("alice", "x.ipynb", &["canary"]);
    app.token("server-alice")
        .post_event(&app.save_event("alice", "x.ipynb"))
        .await;
    let service = app.token("hubservice-alice");
    for path in [
        "api/session",
        "api/notebooks",
        "api/tile?filename=x.ipynb&user=alice",
        "api/history?filename=x.ipynb&user=alice",
        "api/notices",
        "events",
        "events/stream",
    ] {
        let response = service.get(path).await;
        assert_eq!(response.status(), 403, "{path}");
        let body: Value = response.json().await.unwrap();
        let message = body["message"].as_str().unwrap();
        assert!(message.contains("the Hub's service alice"), "{message}");
    }
    let event = app.save_event("alice", "y.ipynb");
    assert_eq!(service.post("events", &event).await.status(), 403);

    // A service with a scope is let in, and is not the participant of its name.
    let service = app.token("hubservice-ines");
    let session = service.json("api/session").await;
    assert_eq!(session["user"], "service/ines");
    assert_eq!(session["role"], "instructor");
    assert_eq!(service.get("metrics").await.status(), 200);
    let event = app.save_event("ines", "x.ipynb");
    assert_eq!(service.post("events", &event).await.status(), 403);
    app.save("ines", "x.ipynb", &["1"]);
    app.token("server-ines").post_event(&event).await;
    let follow = service
        .request(Method::PUT, "api/sharing/followed")
        .json(&json!({"filename": "x.ipynb"}));
    assert_eq!(follow.send().await.unwrap().status(), 404);
    let helper = app.token("hubservice-helga");
    assert_eq!(helper.json("api/session").await["role"], "helper");
    let observer = app.token("hubservice-olga");
    assert_eq!(observer.json("api/session").await["role"], "observer");
}
