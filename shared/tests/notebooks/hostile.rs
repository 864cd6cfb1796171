//! Tests that payloads that would act in a page do not, wherever a notebook can hold text.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::support::{PREFIX, assert_safe, html, notebook, outputs};

const PAYLOADS: [&str; 34] = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=\"data:image/svg+xml,<svg onload=alert(1)>\">",
    "<img src='data:text/html;base64,PHNjcmlwdD4='>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math><mi xlink:href=\"javascript:alert(1)\">x</mi></math>",
    "<iframe src=\"javascript:alert(1)\"></iframe>",
    "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
    "<object data=\"javascript:alert(1)\"></object><embed src=//x>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<a href=\" &#1; java\tscript:alert(1)\">x</a>",
    "<a href=\"//evil.example\">x</a><a href=\"/hub/logout\">y</a>",
    "<form action=//x><input name=q autofocus onfocus=alert(1)></form>",
    "<base href=//evil.example/><meta http-equiv=refresh content='0;url=//x'>",
    "<link rel=stylesheet href=//x><style>@import '//x';</style>",
    "<div style=\"background:url(//x);position:fixed;inset:0\">x</div>",
    "<div id=app name=location class=\"nb-cell modal\">x</div>",
    "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<x/onclick=alert(1)//>",
    "\"><script>alert(1)</script>",
    "' onmouseover='alert(1)",
    "\" onmouseover=\"alert(1)\" x=\"",
    "[x](javascript:alert(1)) ![x](javascript:alert(1)) <javascript:alert(1)>",
    "[x](data:text/html;base64,PHNjcmlwdD4=) [x]: javascript:alert(1)",
    "`</code><script>alert(1)</script>` $</code><script>alert(1)</script>$",
    "\u{1b}]8;;javascript:alert(1)\u{7}<b>x</b>\u{1b}[\"><script>m",
];

/// Fails when the payload survived in a form that acts.
fn check(sink: &str, payload: &str, notebook: &shared::notebook::Notebook) {
    let html = html(notebook);
    assert_safe(&html);
    assert!(
        html.starts_with("<div class=\"nb-cell "),
        "{sink}: {payload}"
    );
    assert_eq!(
        html.matches("<div class=\"nb-cell ").count(),
        notebook.len(),
        "{sink}: {payload}"
    );
    assert_eq!(
        html.matches(" id=\"").count() - html.matches(&format!(" id=\"{PREFIX}")).count(),
        0,
        "{sink}"
    );
}

fn each(sink: &str, make: impl Fn(&str) -> shared::notebook::Notebook) {
    for payload in PAYLOADS {
        check(sink, payload, &make(payload));
    }
}

#[test]
fn payloads_in_cells_do_not_act() {
    for kind in ["code", "markdown", "raw", "heading", "html", "<b>"] {
        each(kind, |payload| {
            notebook(json!([{"cell_type": kind, "source": payload}]))
        });
    }
    each("cell type", |payload| {
        notebook(json!([{"cell_type": payload, "source": ""}]))
    });
    each("cell", |payload| notebook(json!([payload])));
    each("id and tags", |payload| {
        notebook(json!([{"cell_type": "code", "source": "", "id": payload,
                         "metadata": {"tags": [payload]}, "execution_count": payload}]))
    });
    each("language", |payload| {
        notebook(json!([{"cell_type": "code", "source": payload, "language": payload}]))
    });
    each("fence", |payload| {
        let source =
            format!("```{payload}\n{payload}\n```\n\n# {payload}\n\n[a]({payload} \"{payload}\")");
        notebook(json!([{"cell_type": "markdown", "source": source}]))
    });
}

#[test]
fn payloads_in_attachments_do_not_act() {
    each("attachment", |payload| {
        let source = format!("![{payload}](<attachment:{payload}>) ![b](attachment:b) {payload}");
        notebook(
            json!([{"cell_type": "markdown", "source": source, "attachments": {
                payload: {"image/png": payload}, "b": {payload: "Zg==", "image/svg+xml": payload},
            }}]),
        )
    });
}

#[test]
fn payloads_in_streams_and_errors_do_not_act() {
    each("stream", |payload| {
        outputs(json!([{"output_type": "stream", "name": payload, "text": payload}]))
    });
    each("error", |payload| {
        outputs(
            json!([{"output_type": "error", "ename": payload, "evalue": payload,
                        "traceback": [payload, payload]}]),
        )
    });
    each("output type", |payload| {
        outputs(json!([payload, {"output_type": payload}]))
    });
}

#[test]
fn payloads_in_data_do_not_act() {
    for mime in [
        "text/html",
        "text/plain",
        "text/markdown",
        "text/latex",
        "image/svg+xml",
        "image/png",
        "image/jpeg",
        "application/json",
        "application/javascript",
        "application/vnd.jupyter.widget-view+json",
        "application/vnd.plotly.v1+json",
    ] {
        each(mime, |payload| {
            let metadata: Value = json!({mime: {"width": payload, "height": payload,
                                                "alt": payload}, "width": payload});
            outputs(json!([
                {"output_type": "display_data", "data": {mime: payload}, "metadata": metadata},
                {"output_type": "execute_result", "execution_count": payload,
                 "data": {mime: [payload], "text/plain": payload}, "metadata": metadata},
            ]))
        });
    }
    each("mime type", |payload| {
        outputs(json!([{"output_type": "display_data", "data": {payload: payload}}]))
    });
}

/// The inputs take html5ever by itself a time that is quadratic in their length. Four times as
/// much may take eight times as long and not sixteen. The time is that of this thread alone, so
/// that a busy machine does not change it.
#[test]
fn html_takes_a_time_proportional_to_its_length() {
    let time = |part: &str, length: usize| {
        let text = part.repeat(length / part.len());
        let display = json!([{"output_type": "display_data", "data": {"text/html": text}}]);
        let now = || {
            let now = clock_gettime(ClockId::ThreadCPUTime);
            Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
        };
        let runs = (0..3).map(|_| {
            let begun = now();
            check("text/html", part, &outputs(display.clone()));
            now() - begun
        });
        runs.min().unwrap()
    };
    for part in ["&", "&amp;", "&zz ", "<p>", "<b x=1><p>", "<table><td>"] {
        let (short, long) = (time(part, 75_000), time(part, 300_000));
        let most = 8 * short.max(Duration::from_millis(1));
        assert!(long <= most, "{part}: {short:?}, then {long:?}");
    }
}

#[test]
fn dense_and_deep_input_stays_small_and_quick() {
    let image = "A".repeat(100_000);
    for source in [
        ">".repeat(50_000),
        "- ".repeat(50_000),
        "*a ".repeat(50_000),
        "[".repeat(50_000),
        "`".repeat(50_000),
        "$".repeat(50_001),
        format!("{}\n{}", "|a".repeat(1000), "|-".repeat(1000)) + &"\n|x".repeat(10_000),
        "<b>".repeat(50_000),
        "<div>".repeat(50_000),
        "![](attachment:a)".repeat(10_000),
        "<img src='attachment:a'>".repeat(10_000),
    ] {
        let cell = json!({"cell_type": "markdown", "source": source,
                          "attachments": {"a": {"image/png": image}}});
        let html = html(&notebook(json!([cell])));
        let limit = 8 * (source.len() + image.len()) + 8192;
        assert!(
            html.len() <= limit,
            "{:.20}: {} of {limit}",
            source,
            html.len()
        );
        assert_safe(&html);
    }
}
