//! Answers that are large and wait to be read.

use backend::limits::{AnswerLimits, LimitSettings};
use serde_json::json;
use tokio::time::{Duration, timeout};

use crate::app::{App, PATIENCE, eventually, notebook};

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

fn whole(user: &str) -> String {
    format!("api/notebook?filename={NAME}&user={user}")
}

#[tokio::test]
async fn answers_that_nobody_reads_are_bounded_and_cost_the_others_nothing_small() {
    let limits = LimitSettings {
        answers: AnswerLimits {
            own: 1 << 20,
            each: 20 << 20,
            all: 20 << 20,
        },
        ..LimitSettings::default()
    };
    let app = App::watching_with_hub(limits).await;
    for user in ["mallory", "alice"] {
        app.save_text(user, NAME, &pictures());
    }
    app.save_text("bob", NAME, &notebook(&["small"]));
    let [mallory, alice, bob] = ["mallory", "alice", "bob"].map(|user| app.participant(user));
    let unread = eventually(async || {
        let answer = mallory.get(&whole("mallory")).await;
        answer.status().is_success().then_some(answer)
    })
    .await;
    for (person, of, expected) in [
        (&mallory, "mallory", 429),
        (&alice, "alice", 429),
        (&bob, "bob", 200),
    ] {
        let answer = eventually(async || {
            let answer = person.get(&whole(of)).await;
            (answer.status() != 404).then_some(answer)
        })
        .await;
        assert_eq!(answer.status(), expected, "{of}");
        assert_eq!(
            answer.headers().contains_key("retry-after"),
            expected == 429
        );
    }
    // Who sees everyone is not counted.
    let seen = app.instructor().get(&whole("alice")).await;
    assert_eq!(seen.status(), 200);
    drop(unread);
    let read = async {
        loop {
            let answer = alice.get(&whole("alice")).await;
            if answer.status() == 200 {
                return answer.bytes().await.unwrap().len();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let length = timeout(PATIENCE, read).await.expect("there is room again");
    assert!(length > 15 << 20, "{length}");
}

#[tokio::test]
async fn a_large_notebook_that_everyone_follows_is_no_ones_answer() {
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
