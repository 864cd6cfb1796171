//! Large answers that wait to be read.

use backend::limits::{AnswerLimits, EventLimits, LimitSettings, ReadLimits};
use reqwest::Response;
use serde_json::json;

use crate::{
    app::{App, notebook},
    clients::TestClient,
    common::eventually,
};

const NAME: &str = "day1.ipynb";

/// A notebook whose cells are pictures of 15 MiB together: more than sockets take.
fn pictures() -> String {
    const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAASwAAADICAYAAAAAAAAA";
    let data = json!({"image/png": PNG.to_owned() + &"A".repeat(5 << 20)});
    let output = json!({"output_type": "display_data", "metadata": {}, "data": data});
    let cell = json!({"cell_type": "code", "metadata": {}, "execution_count": 1, "source": "plot()",
                      "outputs": [output]});
    json!({"cells": [cell, cell, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
        .to_string()
}

/// Whether the pictures have come: on a busy machine reading may take longer than an answer waits for
/// it.
fn is_large(answer: &Response) -> bool {
    let bytes = answer.content_length();
    bytes.is_some_and(|bytes| bytes > 15 << 20)
}

fn whole(user: &str) -> String {
    format!("api/notebook?filename={NAME}&user={user}")
}

#[tokio::test]
async fn a_client_with_unread_answers_makes_room_for_others() {
    let limits = LimitSettings {
        answers: AnswerLimits {
            own: 1 << 20,
            each: 40 << 20,
            all: 34 << 20,
        },
        // A busy machine is asked again and again until it has read them.
        reads: ReadLimits {
            participant: ReadLimits::default().looks_of_observer,
            each: ReadLimits::default().all,
            ..ReadLimits::default()
        },
        ..LimitSettings::default()
    };
    let app = App::watching_with_hub(limits).await;
    for user in ["mallory", "alice"] {
        app.save_text(user, NAME, &pictures());
    }
    app.save_text("bob", NAME, &notebook(&["small"]));
    let [mallory, alice, bob] = ["mallory", "alice", "bob"].map(|user| app.participant(user));
    let whole_of = async |person: &TestClient<'_>, user: &str| {
        eventually(async || {
            let answer = person.get(&whole(user)).await;
            let is_read = is_large(&answer) || user == "bob" && answer.status() == 200;
            (is_read || answer.status() == 429).then_some(answer)
        })
        .await
    };
    let first = whole_of(&mallory, "mallory").await;
    let second = whole_of(&mallory, "mallory").await;
    let third = whole_of(&mallory, "mallory").await;
    assert_eq!([first.status(), second.status()], [200, 200]);
    assert_eq!(third.status(), 429);
    assert!(third.headers().contains_key("retry-after"));
    // Small answers come all the while, and those of instructors are not counted.
    assert_eq!(whole_of(&bob, "bob").await.status(), 200);
    assert_eq!(whole_of(&app.instructor(), "alice").await.status(), 200);
    let read = eventually(async || {
        let answer = alice.get(&whole("alice")).await;
        is_large(&answer).then_some(answer)
    })
    .await;
    assert!(read.bytes().await.unwrap().len() > 15 << 20);
    assert!(first.bytes().await.is_err(), "it made room");
    assert!(second.bytes().await.unwrap().len() > 15 << 20);
}

#[tokio::test]
async fn lists_are_counted_as_well() {
    let limits = LimitSettings {
        answers: AnswerLimits {
            own: 1,
            each: 1,
            all: 1,
        },
        events: EventLimits {
            participant: EventLimits::default().instructor,
            ..EventLimits::default()
        },
        ..LimitSettings::default()
    };
    let app = App::limited_with_hub(limits).await;
    let alice = app.participant("alice");
    for n in 0..20 {
        let event = app.save_event("alice", &format!("{n}/{}.ipynb", "long/".repeat(700)));
        app.token("server-alice").post_event(&event).await;
    }
    for path in ["events", "api/updates?after=0", "api/notebooks"] {
        assert_eq!(alice.get(path).await.status(), 429, "{path}");
        assert_eq!(app.instructor().get(path).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn the_followed_notebook_counts_for_no_reader() {
    let limits = LimitSettings {
        answers: AnswerLimits {
            own: 1,
            each: 1,
            all: 1,
        },
        ..LimitSettings::default()
    };
    let app = App::watching_with_hub(limits).await;
    app.save_text("ines", NAME, &pictures());
    let instructor = app.instructor();
    eventually(async || {
        let followed = json!({"filename": NAME});
        let answer = instructor
            .request(reqwest::Method::PUT, "api/sharing/followed")
            .json(&followed)
            .send()
            .await
            .unwrap();
        answer.status().is_success().then_some(())
    })
    .await;
    let mut unread = Vec::new();
    for user in ["ana", "bo", "cy"] {
        let answer = app.participant(user).get("api/followed").await;
        assert_eq!(answer.status(), 200, "{user}");
        unread.push(answer);
    }
    let tile: serde_json::Value = unread.remove(0).json().await.unwrap();
    assert_eq!(tile["tile"]["total_cells"], 3);
    assert!(tile["now_ms"].is_i64());
}
