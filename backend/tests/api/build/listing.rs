//! The pages of folders, and the redirects to them.

use reqwest::header;

use crate::app::{App, PREFIX};

use super::class;

#[tokio::test]
async fn a_folder_without_its_slash_and_a_notebook_lead_to_their_builds() {
    let app = class(App::standalone().await).await;
    for (path, to) in [
        ("build", "build/"),
        ("build/m1", "build/m1/"),
        ("build/m1/day1", "build/m1/day1/"),
        (
            "build/?notebook=m1%2Fday1.ipynb",
            "build/m1/day1/00-summary.html",
        ),
    ] {
        let response = app.instructor().get(path).await;
        assert!(response.status().is_redirection(), "{path}");
        assert_eq!(
            response.headers()[header::LOCATION],
            format!("{PREFIX}{to}")
        );
    }
    let unknown = app.instructor().get("build/?notebook=x.ipynb").await;
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn a_listing_shows_participants_times_and_problems() {
    let app = App::standalone().await;
    app.save("a<b>&\"c", "m 1/day#1.ipynb", &["x"]);
    let broken = app.save_text("bob", "m 1/day#1.ipynb", "{\"<i>");
    let file = std::fs::File::options().write(true).open(broken).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    app.built().await;
    let response = app.instructor().get("build/").await;
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    let listing = response.text().await.unwrap();
    assert!(
        listing.contains("href=\"./m%201/day%231/\">day#1.ipynb</a>"),
        "{listing}"
    );
    assert!(listing.contains("1 cannot be read"), "{listing}");
    let listing = app
        .instructor()
        .get("build/m%201/day%231/")
        .await
        .text()
        .await
        .unwrap();
    let export = "./a%3Cb%3E%26%22c.html";
    assert!(
        listing.contains(&format!("<a href=\"{export}\">a&lt;b&gt;&amp;")),
        "{listing}"
    );
    assert!(listing.contains("1 Jan 1970, 00:00 UTC"), "{listing}");
    assert!(listing.contains("This file is not a notebook"), "{listing}");
    assert!(
        !listing.contains("<b>") && !listing.contains("<i>"),
        "{listing}"
    );
    let export = app
        .instructor()
        .get(&format!("build/m%201/day%231/{export}"))
        .await;
    assert_eq!(export.status(), 200);
}
