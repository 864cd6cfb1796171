//! `/api/output`: outputs that need a script, for a closed frame.

use serde_json::json;

use crate::app::App;

const LIVE: &str = "api/output?filename=day1.ipynb&user=alice&cell=1&output=0";

/// A notebook whose second cell has one output with a script and one of plain text.
fn notebook() -> String {
    let script = "<div id=\"plot\"></div><script>document.title = 'canary'</script>";
    let outputs = json!([
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": script}},
        {"output_type": "stream", "name": "stdout", "text": "plain"}
    ]);
    let cells = json!([
        {"cell_type": "markdown", "metadata": {}, "source": "prose"},
        {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": "plot()",
         "outputs": outputs}
    ]);
    json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).to_string()
}

async fn with_notebook(app: App) -> App {
    app.save_text("alice", "day1.ipynb", &notebook());
    app.restarted(false).await
}

#[tokio::test]
async fn a_live_output_comes_in_a_sandbox_of_its_own() {
    let app = with_notebook(App::standalone().await).await;
    let instructor = app.instructor();
    for frame in [None, Some("iframe")] {
        let mut request = instructor.request(reqwest::Method::GET, LIVE);
        if let Some(destination) = frame {
            request = request.header("sec-fetch-dest", destination);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        let said: Vec<&str> = policy.split("; ").collect();
        for part in [
            "sandbox allow-scripts",
            "default-src 'none'",
            "script-src 'unsafe-inline' 'unsafe-eval'",
            "img-src data: blob:",
            "frame-ancestors 'self'",
        ] {
            assert!(said.contains(&part), "{policy}");
        }
        for part in [
            "connect-src",
            "frame-src",
            "child-src",
            "worker-src",
            "object-src",
        ] {
            assert!(said.contains(&&*format!("{part} 'none'")), "{policy}");
        }
        // No connection of any kind is allowed.
        assert_eq!(header("connection-allowlist"), "()");
        assert_eq!(header("x-dns-prefetch-control"), "off");
        for never in ["allow-same-origin", "http", "*"] {
            assert!(!policy.contains(never), "{policy}");
        }
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert!(header("content-type").starts_with("text/html"));
        assert!(!response.headers().contains_key("x-frame-options"));
        assert!(!response.headers().contains_key("set-cookie"));
        assert!(response.text().await.unwrap().contains("canary"));
    }
}

#[tokio::test]
async fn an_output_is_sent_to_frames_only() {
    let app = with_notebook(App::standalone().await).await;
    for destination in ["document", "script", "empty", "object", "embed"] {
        let instructor = app.instructor();
        let request = instructor.request(reqwest::Method::GET, LIVE);
        let request = request.header("sec-fetch-dest", destination);
        assert_eq!(request.send().await.unwrap().status(), 404, "{destination}");
    }
}

#[tokio::test]
async fn another_participants_output_is_not_there() {
    let app = with_notebook(App::with_hub().await).await;
    assert_eq!(app.participant("alice").get(LIVE).await.status(), 200);
    assert_eq!(app.instructor().get(LIVE).await.status(), 200);
    let other = app.participant("bob").get(LIVE).await;
    assert_eq!(other.status(), 404);
    let refusal = other.text().await.unwrap();
    let gone = LIVE.replace("day1", "day2");
    let missing = app.participant("alice").get(&gone).await;
    assert_eq!(missing.status(), 404);
    assert_eq!(
        missing.text().await.unwrap(),
        refusal,
        "the two are one answer"
    );
}

#[tokio::test]
async fn an_output_without_a_script_has_no_document() {
    let app = with_notebook(App::standalone().await).await;
    for (cell, output) in [(1, 1), (0, 0), (1, 2), (9, 0)] {
        let path = format!("api/output?filename=day1.ipynb&user=alice&cell={cell}&output={output}");
        assert_eq!(app.instructor().get(&path).await.status(), 404, "{path}");
    }
    for path in [
        "api/output?filename=day1.ipynb&user=alice&cell=-1&output=0",
        "api/output?filename=day1.ipynb&user=alice",
    ] {
        assert_eq!(app.instructor().get(path).await.status(), 400, "{path}");
    }
}
