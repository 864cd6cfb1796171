use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;

use super::*;
use crate::{check::dial::Dialer, secret::Secret};

const GUEST: &str = "check-pipalhub-0abcdefxyz-01";

/// A Hub and its dashboard that note what they are asked for, and answer by `answer`.
async fn hub(answer: fn(&str) -> Response) -> (Arc<Browser>, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    let note = async move |request: Request| {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let path = parts.uri.path();
        let line = format!("{} {path} {}", parts.method, String::from_utf8_lossy(&body));
        let line = line.trim_end().to_owned();
        notes.lock().push(line.clone());
        answer(&line)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(note);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let dialer = Dialer::new(address.parse().unwrap(), Vec::new(), None).unwrap();
    let token = Some(Secret::new("canary"));
    let patience = Duration::from_secs(5);
    (
        Arc::new(Browser::new(Arc::new(dialer), token, patience)),
        asked,
    )
}

/// What everyone new finds in their home.
const FOUND: &str = r#"{"content": [{"name": "Welcome.ipynb", "type": "notebook"},
    {"name": "data.csv", "type": "file"}]}"#;

fn all_goes(line: &str) -> Response {
    match line.starts_with(Method::DELETE.as_str()) {
        true => StatusCode::NO_CONTENT.into_response(),
        false if line.contains("/api/tile") => StatusCode::NOT_FOUND.into_response(),
        false if line.contains("/api/contents") => FOUND.into_response(),
        false => "{\"servers\": {}}".into_response(),
    }
}

fn made(browser: &Arc<Browser>, names: &[&str]) -> Leftovers {
    let left = Leftovers::default();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    left.has_rights(browser.clone(), false);
    let dashboard = Dashboard::new(browser.clone(), "dashboard");
    left.has_dashboard(Arc::new(dashboard));
    left.will_make_guests(GuestMaker::List { makes_homes: true }, &names);
    left
}

#[tokio::test]
async fn all_that_was_made_goes_and_in_this_order() {
    let (browser, asked) = hub(all_goes).await;
    let left = made(&browser, &[GUEST]);
    let server = format!("/user/{GUEST}/");
    left.will_start_server(GUEST, &browser);
    left.has_kernel(&browser, &server, "k1");
    left.will_save(&browser, &server, "a.ipynb");
    left.has_tile(&server, "a.ipynb", GUEST, "a.ipynb");
    let finding = left.remove().await.unwrap();
    let said = finding.text(0, false);
    assert!(
        said.ends_with("is removed: 1 participant, 1 file\n"),
        "{said}"
    );
    let expected = [
        format!("DELETE {server}api/kernels/k1"),
        format!("DELETE {server}api/contents/a.ipynb"),
        "GET /services/dashboard/api/tile".to_owned(),
        format!("GET {server}api/contents"),
        format!("DELETE {server}api/contents/Welcome.ipynb"),
        "GET /services/dashboard/api/tile".to_owned(),
        format!("DELETE /hub/api/users/{GUEST}/server"),
        format!("GET /hub/api/users/{GUEST}"),
        format!("DELETE /services/dashboard/users/{GUEST}"),
        format!("DELETE /services/dashboard/users/{GUEST}/home {{\"confirm\":\"{GUEST}\"}}"),
    ];
    assert_eq!(*asked.lock(), expected);
    assert!(left.remove().await.is_none(), "it is removed once");
}

#[tokio::test]
async fn what_stays_is_named() {
    let (browser, _) = hub(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()).await;
    let left = made(&browser, &[GUEST]);
    left.will_save(&browser, "/user/x/", "a.ipynb");
    let said = left.remove().await.unwrap().text(0, false);
    assert!(said.starts_with("problem"), "{said}");
    for named in [GUEST, "/user/x/a.ipynb", "--clean"] {
        assert!(said.contains(named), "{named}: {said}");
    }
}

#[tokio::test]
async fn nobody_is_removed_who_was_not_made_for_a_check() {
    let (browser, asked) = hub(all_goes).await;
    let left = made(&browser, &["ana", "check-pipalhub", GUEST]);
    left.remove().await;
    let asked = asked.lock();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked.iter().all(|line| line.contains(GUEST)), "{asked:?}");
}
