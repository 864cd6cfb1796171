//! `/api/notices`: the rights to write and read, refusals, announcements and receipts.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use backend::limits::{LimitSettings, NoticeLimits};
use futures::future::join;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    app::{App, TOKEN, read_until},
    clients::TestClient,
    common::eventually,
};

const DAY1: &str = "m1/day1.ipynb";

fn to_all(text: &str) -> Value {
    json!({"text": text, "to": {"everyone": true}})
}

async fn send(person: &TestClient<'_>, notice: &Value) -> Value {
    let response = person.post("api/notices", notice).await;
    assert_eq!(response.status(), 201, "{notice}");
    response.json().await.unwrap()
}

async fn texts(person: &TestClient<'_>) -> Vec<String> {
    let notices = person.json("api/notices").await;
    let notices = notices["notices"].as_array().unwrap().iter();
    notices
        .map(|notice| notice["text"].as_str().unwrap().to_owned())
        .collect()
}

async fn retract(person: &TestClient<'_>, id: &Value) -> StatusCode {
    let request = person.request(Method::DELETE, &format!("api/notices/{id}"));
    request.send().await.unwrap().status()
}

async fn receipt(person: &TestClient<'_>, id: &Value, state: &str) -> StatusCode {
    let path = format!("api/notices/{id}/receipt");
    person.post(&path, &json!({"state": state})).await.status()
}

/// A save of DAY1 by this participant, through their own server.
async fn save(app: &App, user: &str) {
    app.save(user, DAY1, &["x"]);
    let server = app.token(&format!("server-{user}"));
    server.post_event(&app.save_event(user, DAY1)).await;
}

#[tokio::test]
async fn participants_read_the_notices_meant_for_them() {
    let app = App::with_hub().await;
    let ines = app.instructor();
    save(&app, "alice").await;
    send(&ines, &to_all("for all")).await;
    send(
        &ines,
        &json!({"text": "for day 1", "to": {"notebook": DAY1}}),
    )
    .await;
    send(&ines, &json!({"text": "for bob", "to": {"user": "bob"}})).await;
    assert_eq!(
        texts(&app.participant("alice")).await,
        ["for all", "for day 1"]
    );
    assert_eq!(texts(&app.participant("bob")).await, ["for all", "for bob"]);
    // The participant's own server gets the same, and a participant who saves the notebook first
    // now gets its notice now.
    assert_eq!(
        texts(&app.token("server-bob")).await,
        ["for all", "for bob"]
    );
    save(&app, "bob").await;
    assert_eq!(
        texts(&app.participant("bob")).await,
        ["for all", "for day 1", "for bob"]
    );
}

#[tokio::test]
async fn only_instructors_write_see_all_and_take_back() {
    let app = App::with_hub().await;
    let alice = app.participant("alice");
    let notice = send(&app.instructor(), &to_all("x")).await;
    let refused = alice.post("api/notices", &to_all("from alice")).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(alice.get("api/notices/sent").await.status(), 403);
    assert_eq!(retract(&alice, &notice["id"]).await, 403);
    assert_eq!(texts(&alice).await, ["x"]);
}

#[tokio::test]
async fn a_notice_has_all_its_fields() {
    let app = App::with_hub().await;
    let until = 4_000_000_000_000_i64;
    let request = json!({
        "text": "Open **this**.", "to": {"everyone": true}, "title": "Now",
        "link": {"url": "https://example.org/a?b"}, "file": DAY1, "until_ms": until,
    });
    let sent = send(&app.instructor(), &request).await;
    let read = app.participant("alice").json("api/notices").await;
    let mut had = sent.clone();
    had["path"] = json!(app.home("alice").join(DAY1));
    assert_eq!(read["notices"], json!([had]));
    assert_eq!(read["cursor"], sent["seq"]);
    assert!(
        sent["html"]
            .as_str()
            .unwrap()
            .contains("<strong>this</strong>")
    );
    assert_eq!(
        sent["link"],
        json!({"url": "https://example.org/a?b", "label": "https://example.org/a?b"})
    );
    for (name, value) in [
        ("title", json!("Now")),
        ("file", json!(DAY1)),
        ("until_ms", json!(until)),
        ("retracted", json!(false)),
        ("opened", json!(false)),
    ] {
        assert_eq!(sent[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_notice_out_of_bounds_is_refused() {
    let app = App::standalone().await;
    let post = async |body: &Value| app.instructor().post("api/notices", body).await.status();
    for body in [
        json!({}),
        json!({"text": "x"}),
        json!({"text": "", "to": {"everyone": true}}),
        json!({"text": "é".repeat(4_001), "to": {"everyone": true}}),
        json!({"text": "x", "to": {}}),
        json!({"text": "x", "to": {"everyone": false}}),
        json!({"text": "x", "to": {"everyone": true, "user": "a"}}),
        json!({"text": "x", "to": {"user": ""}}),
        json!({"text": "x", "to": {"notebook": "../a"}}),
        json!({"text": "x", "to": {"everyone": true}, "link": {"url": "javascript:alert(1)"}}),
        json!({"text": "x", "to": {"everyone": true}, "file": "/etc/passwd"}),
        json!({"text": "x", "to": {"everyone": true}, "until_ms": 1}),
    ] {
        assert_eq!(post(&body).await, 400, "{body}");
    }
    // The longest text, in the longest escapes of JSON.
    let long = format!(
        "{{\"text\": \"{}\", \"to\": {{\"everyone\": true}}}}",
        "\\ud83c\\udf33".repeat(4_000)
    );
    let request = app.instructor().request(Method::POST, "api/notices");
    let request = request.header("content-type", "application/json");
    assert_eq!(request.body(long).send().await.unwrap().status(), 201);
    assert_eq!(post(&to_all(&"x".repeat(70_000))).await, 413);
    for path in ["api/notices?wait=26", "api/notices?after=x"] {
        assert_eq!(app.instructor().get(path).await.status(), 400, "{path}");
    }
    for id in [json!(99), json!("x")] {
        assert_eq!(retract(&app.instructor(), &id).await, 404, "{id}");
    }
}

#[tokio::test]
async fn too_many_notices_in_a_minute_are_refused() {
    let app = App::with_hub().await;
    let ines = app.instructor();
    for _ in 0..10 {
        send(&ines, &to_all("x")).await;
    }
    let refused = ines.post("api/notices", &to_all("x")).await;
    assert_eq!(refused.status(), 429);
    let seconds: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=6).contains(&seconds), "{seconds}");
    // The other instructor has a minute of their own.
    send(&app.token("oauth-root"), &to_all("y")).await;
}

#[tokio::test]
async fn hostile_text_of_a_notice_is_harmless() {
    let app = App::with_hub().await;
    let text = "<script>alert(1)</script>\n\nx <img src=x onerror=alert(1)> \
        [a](javascript:alert(1)) ![b](https://tracker.example/c.png) \
        <a id=\"app\" href=\"javascript:alert(1)\" style=\"position:fixed\">d</a> *e*";
    let sent = send(&app.instructor(), &to_all(text)).await;
    let html = sent["html"].as_str().unwrap();
    for never in [
        "<script",
        "onerror",
        "href=\"javascript",
        "<img src=x",
        "style=",
        "id=\"app\"",
        "src=\"https",
    ] {
        assert!(!html.contains(never), "{never} in {html}");
    }
    assert!(html.contains("<em>e</em>"), "{html}");
}

#[tokio::test]
async fn a_waiting_request_is_answered_by_the_next_notice() {
    let app = App::with_hub().await;
    let alice = app.participant("alice");
    let cursor = alice.json("api/notices").await["cursor"].clone();
    let path = format!("api/notices?after={cursor}&wait=25");
    let ines = app.instructor();
    let writing = async {
        send(&ines, &json!({"text": "no", "to": {"user": "bob"}})).await;
        send(&ines, &json!({"text": "yes", "to": {"user": "alice"}})).await
    };
    let (news, sent) = join(alice.json(&path), writing).await;
    assert_eq!(news["notices"], json!([sent]));

    // A retracted notice is news as well, and comes without its text.
    let path = format!("api/notices?after={}&wait=25", news["cursor"]);
    let (news, status) = join(alice.json(&path), retract(&ines, &sent["id"])).await;
    assert_eq!(status, 204);
    let gone = &news["notices"][0];
    assert_eq!(
        (&gone["id"], &gone["retracted"]),
        (&sent["id"], &json!(true))
    );
    assert_eq!((&gone["text"], &gone["html"]), (&json!(""), &json!("")));
    assert_eq!(texts(&alice).await, [] as [&str; 0]);
    assert_eq!(retract(&ines, &sent["id"]).await, 204, "once more");
}

#[tokio::test]
async fn a_waiting_request_does_not_keep_the_service_from_ending() {
    let app = App::with_hub().await;
    let cursor = app.instructor().json("api/notices").await["cursor"].clone();
    let path = format!("api/notices?after={cursor}&wait=25");
    let hub = app.hub.as_ref().unwrap();
    let asked = hub.asked.load(Ordering::SeqCst);
    let begun = Instant::now();
    let ending = async {
        // The Hub was asked for the owner of the token, so the request has arrived.
        eventually(async || (hub.asked.load(Ordering::SeqCst) > asked).then_some(())).await;
        app.ending.cancel();
    };
    let alice = app.participant("alice");
    let (news, ()) = join(alice.json(&path), ending).await;
    assert_eq!(news["notices"], json!([]));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_stream_announces_notices_to_their_recipients() {
    let app = App::with_hub().await;
    let mut streams = Vec::new();
    for person in [
        app.participant("alice"),
        app.participant("bob"),
        app.instructor(),
    ] {
        streams.push(person.get("events/stream").await);
    }
    let [alice, bob, ines] = streams.as_mut_slice() else {
        panic!("three were opened");
    };
    let notice = json!({"text": "x", "to": {"user": "alice"}});
    let sent = send(&app.instructor(), &notice).await;
    let news = format!("event: notice\ndata: {{\"cursor\":{}}}\n\n", sent["seq"]);
    read_until(alice, &[&news]).await;
    read_until(ines, &[&news]).await;
    let sent = send(&app.instructor(), &to_all("y")).await;
    let second = format!("event: notice\ndata: {{\"cursor\":{}}}\n\n", sent["seq"]);
    let read = read_until(bob, &[&second]).await;
    assert!(!read.contains(&news), "{read}");
}

#[tokio::test]
async fn a_sent_notice_is_listed_with_its_receipts() {
    let app = App::with_hub().await;
    let (ines, alice, bob) = (
        app.instructor(),
        app.participant("alice"),
        app.participant("bob"),
    );
    save(&app, "alice").await;
    save(&app, "carol").await;
    let sent = send(&ines, &to_all("x")).await;
    let id = &sent["id"];
    assert_eq!(receipt(&alice, id, "shown").await, 204);
    assert_eq!(receipt(&bob, id, "opened").await, 204);
    let list = ines.json("api/notices/sent").await;
    let notice = &list["notices"][0];
    assert_eq!(
        (&notice["text"], &notice["author"]),
        (&json!("x"), &json!("ines"))
    );
    assert_eq!(notice["to"], json!({"everyone": true}));
    let states = |notice: &Value| -> Vec<(String, bool, bool)> {
        let recipients = notice["recipients"].as_array().unwrap().iter();
        recipients
            .map(|r| {
                let user = r["user"].as_str().unwrap().to_owned();
                (user, r["shown_at_ms"].is_i64(), r["opened_at_ms"].is_i64())
            })
            .collect()
    };
    // Bob has no notebook and is listed all the same, since he has a receipt.
    assert_eq!(
        states(notice),
        [
            ("alice".to_owned(), true, false),
            ("bob".to_owned(), true, true),
            ("carol".to_owned(), false, false),
        ]
    );
    // A repeated receipt changes nothing, and a reader's other clients get their receipts.
    let first = notice["recipients"][1].clone();
    assert_eq!(receipt(&bob, id, "opened").await, 204);
    let list = ines.json("api/notices/sent").await;
    assert_eq!(list["notices"][0]["recipients"][1], first);
    let own = app.token("server-bob").json("api/notices").await;
    assert_eq!(own["notices"][0]["opened"], true);
    let own = alice.json("api/notices").await;
    assert_eq!(
        (&own["notices"][0]["shown"], &own["notices"][0]["opened"]),
        (&json!(true), &json!(false))
    );

    // A notice for another participant is not there.
    let to_carol = send(&ines, &json!({"text": "y", "to": {"user": "carol"}})).await;
    assert_eq!(receipt(&alice, &to_carol["id"], "shown").await, 404);
    assert_eq!(receipt(&alice, &json!(99), "shown").await, 404);
    assert_eq!(receipt(&alice, id, "eaten").await, 400);
}

/// How many a notice would be for, and how many of them have a server or a page.
async fn reach(ines: &TestClient<'_>, to: Value) -> [i64; 3] {
    let notice = json!({"text": "x", "to": to});
    let answer = ines.post("api/notices/preview", &notice).await;
    let preview: Value = answer.json().await.unwrap();
    ["recipients", "with_server", "with_page"].map(|name| preview["reach"][name].as_i64().unwrap())
}

#[tokio::test]
async fn a_preview_is_what_readers_will_see_and_sends_nothing() {
    let app = App::with_hub().await;
    let (ines, alice) = (app.instructor(), app.participant("alice"));
    let text = format!(
        "# Now\n\n**Save** and <script>x</script> `go` {}",
        "on ".repeat(60)
    );
    let notice = json!({"text": text, "title": "Soon", "to": {"everyone": true}});
    let answer = ines.post("api/notices/preview", &notice).await;
    let preview: Value = answer.json().await.unwrap();
    assert_eq!(texts(&alice).await, [] as [&str; 0]);
    let sent = send(&ines, &notice).await;
    let html = preview["html"].as_str().unwrap();
    assert_eq!(html.replace("preview-", "notice-1-"), sent["html"]);
    let read = alice.json("api/notices").await;
    let brief = read["notices"][0]["brief"].as_str().unwrap();
    assert_eq!(preview["brief"], brief);
    assert!(brief.starts_with("Soon\nNow Save and go on on"), "{brief}");
    assert!(
        brief.ends_with("on…") && brief.chars().count() <= 140,
        "{brief}"
    );
    for bad in [to_all(""), to_all(&"x".repeat(4_001)), json!({"text": "x"})] {
        let refused = ines.post("api/notices/preview", &bad).await;
        assert_eq!(refused.status(), 400, "{bad}");
    }
}

#[tokio::test]
async fn a_preview_counts_who_can_be_reached_now() {
    let app = App::with_hub().await;
    let (ines, everyone) = (app.instructor(), || json!({"everyone": true}));
    app.save("bob", DAY1, &["x"]);
    app.built().await;
    assert_eq!(reach(&ines, everyone()).await, [1, 0, 0]);
    // A server that reports runs, and a page is open while it has a stream.
    save(&app, "alice").await;
    assert_eq!(reach(&ines, everyone()).await, [2, 1, 0]);
    let stream = app.participant("bob").get("events/stream").await;
    assert_eq!(reach(&ines, everyone()).await, [2, 1, 1]);
    for (to, expected) in [
        (json!({"notebook": DAY1}), [2, 1, 1]),
        (json!({"notebook": "none.ipynb"}), [0, 0, 0]),
        (json!({"user": "alice"}), [1, 1, 0]),
        (json!({"users": ["bob", "carol"]}), [2, 0, 1]),
    ] {
        assert_eq!(reach(&ines, to.clone()).await, expected, "{to}");
    }
    drop(stream);
    // JupyterLab is open while its server waits for news.
    let alice = app.token("server-alice");
    let cursor = alice.json("api/notices").await["cursor"].clone();
    let path = format!("api/notices?after={cursor}&wait=25");
    let seen = async {
        eventually(async || {
            let [_, _, with_page] = reach(&ines, json!({"user": "alice"})).await;
            (with_page == 1).then_some(())
        })
        .await;
        send(&ines, &to_all("news")).await
    };
    join(alice.json(&path), seen).await;
}

#[tokio::test]
async fn a_restart_keeps_notices_and_their_recipients() {
    let app = App::with_hub().await;
    save(&app, "alice").await;
    let notice = json!({"text": "x", "to": {"notebook": DAY1}});
    let sent = send(&app.instructor(), &notice).await;
    assert_eq!(
        receipt(&app.participant("alice"), &sent["id"], "opened").await,
        204
    );
    let app = app.restarted(false).await;
    // The class is read anew, as at a start.
    app.built().await;
    let path = format!("api/notices?after={}", sent["seq"]);
    let news = app.participant("alice").json(&path).await;
    assert_eq!(news["notices"][0]["text"], "x");
    assert_eq!(news["notices"][0]["opened"], true);
    let list = app.instructor().json("api/notices/sent").await;
    assert!(list["notices"][0]["recipients"][0]["opened_at_ms"].is_i64());
}

#[tokio::test]
async fn sent_notices_are_listed_page_by_page() {
    let limits = LimitSettings {
        notices: NoticeLimits {
            every: Duration::from_millis(1),
            burst: 1_000,
        },
        ..LimitSettings::default()
    };
    let app = App::limited(limits).await;
    for at in 0..101 {
        send(&app.instructor(), &to_all(&at.to_string())).await;
    }
    let page = app.instructor().json("api/notices/sent").await;
    assert_eq!(
        (&page["notices"][0]["text"], &page["more"]),
        (&json!("100"), &json!(true))
    );
    let before = &page["notices"][99]["id"];
    let path = format!("api/notices/sent?before={before}");
    let page = app.instructor().json(&path).await;
    assert_eq!(
        (&page["notices"][0]["text"], &page["more"]),
        (&json!("0"), &json!(false))
    );
    assert_eq!(page["notices"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_cookie_alone_writes_nothing() {
    let app = App::standalone().await;
    let login = app.token(TOKEN).request(Method::POST, "api/login");
    let response = login.send().await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    let page = app.cookie(cookie.split(';').next().unwrap());
    let session = page.json("api/session").await;
    let sent = send(&app.instructor(), &to_all("x")).await;
    assert_eq!(page.post("api/notices", &to_all("y")).await.status(), 403);
    assert_eq!(retract(&page, &sent["id"]).await, 403);
    assert_eq!(receipt(&page, &sent["id"], "shown").await, 403);
    let xsrf = session["xsrf"].as_str().unwrap();
    let request = page.request(Method::POST, "api/notices").json(&to_all("y"));
    let request = request.header("x-xsrftoken", xsrf);
    assert_eq!(request.send().await.unwrap().status(), 201);
}
