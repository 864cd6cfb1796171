//! A Hub refuses few names of users. Whatever the name, everything of a participant is found by
//! it, and nothing of theirs is another's.

use std::{collections::HashSet, io::Cursor};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    app::{App, mentions, notebook, users},
    clients::TestClient,
    common::eventually,
    hub::server_token,
};

const DAY1: &str = "m1/day1.ipynb";

/// In the order of a Wall. The last has as many bytes as a name of a folder may have.
fn names() -> Vec<String> {
    let long = "ü".repeat(127);
    let names = [
        "#fragment",
        "%2e%2e",
        "-rf",
        "..%2f..%2fetc",
        ".hidden",
        "00-summary",
        "50% of a+b",
        "<b>&\"'<!--",
        "C:con\\nul",
        "Zoe\u{308}",
        "Zo\u{eb}",
        "_ana",
        "a.html",
        "a?b&c=d",
        "ana",
        "anA",
        "maria.gonzalez-perez@students.example.edu",
        "notebooks",
        "user:group",
        "\u{202e}gpj.exe",
        &long,
    ];
    let mut names: Vec<String> = names.map(str::to_owned).to_vec();
    names.sort();
    names
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn copy_query(user: &str) -> String {
    format!("filename={}&user={}", encoded(DAY1), encoded(user))
}

/// A text that is in the notebook of the participant with this number, and in no other's.
fn source(number: usize) -> String {
    format!("number_{number}_")
}

fn server<'a>(app: &'a App, user: &str) -> TestClient<'a> {
    app.token(&server_token(user))
}

/// A service to which each of them has pushed a notebook.
async fn class_of(names: &[String]) -> App {
    let app = App::with_hub().await;
    for (number, user) in names.iter().enumerate() {
        let content = notebook(&[&source(number)]);
        let (status, answer) = server(&app, user).push(DAY1, &content).await;
        assert_eq!(status, 200, "{user}: {answer}");
    }
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tile_and_its_versions_are_found_by_any_name() {
    let names = names();
    let app = class_of(&names).await;
    let wall = format!("api/wall?filename={}", encoded(DAY1));
    assert_eq!(users(&app.instructor().json(&wall).await), names);
    for (number, user) in names.iter().enumerate() {
        let query = copy_query(user);
        // The participant's own, who has only these.
        let own = server(&app, user);
        assert_eq!(users(&own.json(&wall).await), [user]);
        let events = own.json("events").await;
        assert_eq!(events.as_array().map(Vec::len), Some(1), "{events}");
        assert_eq!(events[0]["user"], **user);
        let found = format!("events?user={}", encoded(user));
        let found = app.instructor().json(&found).await;
        assert_eq!(found, events);
        let history = eventually(async || {
            let history = own.json(&format!("api/history?{query}")).await;
            let count = history["versions"].as_array().map_or(0, Vec::len);
            (count == 1).then_some(history)
        })
        .await;
        let version = &history["versions"][0]["version"];
        for path in [
            format!("api/tile?{query}"),
            format!("api/notebook?{query}"),
            format!("api/copies/content?{query}"),
            format!("api/history/version?{query}&version={version}"),
            format!("api/history/download?{query}&version={version}"),
        ] {
            let answer = own.json(&path).await;
            assert!(mentions(&answer, &source(number)), "{path}: {answer}");
            let others = &names[(number + 1) % names.len()];
            let refused = server(&app, others).get(&path).await;
            assert!(refused.status().is_client_error(), "{others}: {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_of_any_name_lead_to_their_participant() {
    let names = names();
    let app = class_of(&names).await;
    app.built_of_pushed().await;
    let instructor = app.instructor();
    let listing = instructor.get("build/m1/day1/").await.text().await.unwrap();
    let summary = instructor.get("build/m1/day1/00-summary.html").await;
    let summary = summary.text().await.unwrap();
    let links = |page: &str| -> Vec<String> {
        let links = page.split("href=\"./").skip(1);
        let links = links.map(|rest| rest.split('"').next().unwrap().to_owned());
        links
            .filter(|link| !link.starts_with("00-summary."))
            .collect()
    };
    // Of each an export and a copy, in the order of the names.
    let files = links(&listing);
    assert_eq!(files.len(), 2 * names.len(), "{files:?}");
    let exports = links(&summary);
    for (number, user) in names.iter().enumerate() {
        let own = server(&app, user);
        let built = own.json(&format!("api/build?{}", copy_query(user))).await;
        let address = built["address"].as_str().unwrap();
        let [export, copy] = [2 * number, 2 * number + 1].map(|at| &files[at]);
        assert_eq!(address, format!("build/m1/day1/{export}"));
        assert_eq!(&exports[number], export);
        for path in [address, &format!("build/m1/day1/{copy}")] {
            let answer = own.get(path).await;
            assert_eq!(answer.status(), 200, "{user}: {path}");
            let text = answer.text().await.unwrap();
            assert!(text.contains(&source(number)), "{user}: {path}: {text}");
            let others = &names[(number + 1) % names.len()];
            let refused = server(&app, others).get(path).await;
            assert!(refused.status().is_client_error(), "{others}: {path}");
        }
        // The anchor that the table of contents leads to.
        let own = links_to_sections(&summary).nth(number).unwrap();
        assert_eq!(summary.matches(&format!(" id=\"{own}\"")).count(), 1);
    }
    let archive = instructor.get("build/archive.zip").await;
    let archive = archive.bytes().await.unwrap();
    let archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let files = archive.file_names();
    let files: HashSet<String> = files.map(|name| name.unwrap().to_lowercase()).collect();
    assert_eq!(files.len(), 2 + 2 * names.len(), "{files:?}");
}

fn links_to_sections(summary: &str) -> impl Iterator<Item = &str> {
    let links = summary.split("<li><a href=\"#").skip(1);
    links.map(|rest| rest.split('"').next().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_and_errands_reach_any_name() {
    let names = names();
    let app = class_of(&names).await;
    for (number, user) in names.iter().enumerate() {
        // Another for each, since one may not write so many.
        let instructor = app.participant(&format!("ines-{number}"));
        let text = format!("For {number}.");
        let notice = json!({"text": text, "to": {"user": user}});
        let notice = instructor.post("api/notices", &notice).await;
        assert_eq!(notice.status(), 201, "{user}");
        let own = server(&app, user);
        let read = own.json("api/notices?after=0").await;
        let texts: Vec<&Value> = read["notices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|notice| &notice["text"])
            .collect();
        assert_eq!(texts, [&text], "{user}");

        // From another's notebook, since nobody is handed out their own.
        let giver = (number + 1) % names.len();
        let handout = json!({"user": names[giver], "filename": DAY1, "to": {"user": user}});
        let handout = instructor.post("api/handouts", &handout).await;
        assert_eq!(handout.status(), 201, "{user}");
        let history = eventually(async || {
            let history = own.json(&format!("api/history?{}", copy_query(user))).await;
            history["versions"][0]["version"].as_i64()
        })
        .await;
        let restore = json!({"user": user, "filename": DAY1, "version": history});
        let restore = instructor.post("api/history/restore", &restore).await;
        assert_eq!(restore.status(), 202, "{user}");
        let errands = own.json("api/errands").await;
        let errands = errands["errands"].as_array().unwrap();
        assert_eq!(errands.len(), 2, "{user}: {errands:?}");
        for (kind, number) in [("handout", giver), ("restore", number)] {
            let errand = errands.iter().find(|errand| errand["kind"] == kind);
            let errand = errand.unwrap();
            let content = own.get(errand["url"].as_str().unwrap()).await;
            let content = content.text().await.unwrap();
            assert!(content.contains(&source(number)), "{user}: {content}");
        }
    }
}
