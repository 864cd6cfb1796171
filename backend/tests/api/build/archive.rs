//! `GET /build/archive.zip`.

use std::{
    collections::HashSet,
    io::{Cursor, Read},
};

use crate::app::App;

use super::class;

/// File systems that ignore case, and those without colons in names, included.
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

    // The links of the summaries lead to every participant's export.
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
