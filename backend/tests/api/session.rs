//! Signing in, with the Hub and without.

use std::sync::atomic::Ordering;

use reqwest::{Method, Response};
use serde_json::json;

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
    let response = app.anon().get("api/session").await;
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
    let began = app.anon().navigate("?notebook=m1%2Fday1.ipynb").await;
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
    // A code is good once.
    let again = app.cookie(&login_cookie).navigate(&back).await;
    assert_eq!(again.status(), 400);
}

#[tokio::test]
async fn a_sign_in_of_another_browser_is_refused() {
    let app = App::with_hub().await;
    let victim = app.anon().navigate("").await;
    let attacker = app.anon().navigate("").await;
    let state = parameter(location(&attacker), "state").to_owned();
    let back = format!("oauth_callback?code=mallory&state={state}");
    for person in [app.anon(), app.cookie(&cookie_of(&victim))] {
        let response = person.navigate(&back).await;
        assert_eq!(response.status(), 400);
        assert!(!response.headers().contains_key("set-cookie"));
    }
    let refused = format!("oauth_callback?error=access_denied&state={state}");
    let response = app.cookie(&cookie_of(&attacker)).navigate(&refused).await;
    assert_eq!(response.status(), 403);
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
        let response = app.anon().get(path).await;
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(response.headers()["x-pipalhub-login"], "hub");
    }
    assert_eq!(app.token("unknown").get("events").await.status(), 401);
}

#[tokio::test]
async fn a_hub_that_is_down_is_survived_by_those_it_knew() {
    let app = App::with_hub().await;
    let hub = app.hub.as_ref().unwrap();
    app.participant("alice").json("events").await;
    app.participant("alice").json("events").await;
    assert_eq!(hub.asked.load(Ordering::SeqCst), 1);
    hub.down.store(true, Ordering::SeqCst);
    assert_eq!(app.participant("alice").get("events").await.status(), 200);
    let stranger = app.participant("bob").get("events").await;
    assert_eq!(stranger.status(), 503);
    assert!(stranger.headers().contains_key("retry-after"));
    hub.down.store(false, Ordering::SeqCst);
    assert_eq!(app.participant("bob").get("events").await.status(), 200);
}

#[tokio::test]
async fn one_token_is_asked_for_once_at_a_time() {
    let app = App::with_hub().await;
    let alice = app.participant("alice");
    let at_once = (0..50).map(|_| alice.get("events"));
    for response in futures::future::join_all(at_once).await {
        assert_eq!(response.status(), 200);
    }
    assert_eq!(app.hub.as_ref().unwrap().asked.load(Ordering::SeqCst), 1);
}
