//! What authors and kernels write, and what of it a reader is shown.

use serde_json::json;

use crate::support::{html, notebook, outputs};

fn of_output(source: &str) -> String {
    html(&outputs(json!([{
        "output_type": "display_data", "metadata": {}, "data": {"text/html": source},
    }])))
}

fn of_markdown(source: &str) -> String {
    html(&notebook(json!([
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": source},
    ])))
}

#[test]
fn an_address_that_is_not_loaded_is_told() {
    for (source, expected) in [
        (
            "<img src=\"images/x.png\" width=400>",
            "Image not loaded: images/x.png</span>",
        ),
        (
            "<img src=\"images/x.png\" alt=\"Figure 1\">",
            "Image not loaded: Figure 1 (images/x.png)</span>",
        ),
        (
            "<img src=\"https://x.org/p.png\" alt=\"Figure 1\">",
            "Image not loaded: <a href=\"https://x.org/p.png\" target=\"_blank\" \
             rel=\"noopener noreferrer nofollow\">Figure 1</a></span>",
        ),
        (
            "<a href=\"https://y.org\"><img src=\"https://x.org/p.png\"></a>",
            "Image not loaded: https://x.org/p.png</span></a>",
        ),
        ("<img alt=\"\">", "Image not loaded: no address</span>"),
    ] {
        for html in [of_output(source), of_markdown(source)] {
            assert!(html.contains(expected), "{source}: {html}");
        }
    }
    for (source, expected) in [
        (
            "![Figure 2](images/x.png)",
            "Image not loaded: Figure 2 (images/x.png)</span>",
        ),
        ("![](images/x.png)", "Image not loaded: images/x.png</span>"),
    ] {
        let html = of_markdown(source);
        assert!(html.contains(expected), "{source}: {html}");
    }
}

#[test]
fn lists_keep_their_marks_and_numbers() {
    for (source, expected) in [
        ("<ol start=\"-1\"><li>a</li></ol>", "<ol start=\"-1\">"),
        (
            "<ol style=\"list-style-type: lower-roman\"><li>a</li></ol>",
            "<ol type=\"i\">",
        ),
        (
            "<ol type=\"1\" style=\"list-style: upper-alpha inside\"><li>a</li></ol>",
            "<ol type=\"A\">",
        ),
        (
            "<ul style=\"list-style: none\"><li>a</li></ul>",
            "<ul class=\"nb-no-marks\">",
        ),
        (
            "<style>ul{list-style-type:square}</style><ul><li>a</li></ul>",
            "<ul type=\"square\">",
        ),
    ] {
        let html = of_output(source);
        assert!(html.contains(expected), "{source}: {html}");
    }
}

#[test]
fn sizes_of_pictures_are_read_as_a_browser_does() {
    let data = "data:image/png;base64,iVBORw0KGgo=";
    for (size, expected) in [
        ("width=\"300px;\"", " width=\"300\""),
        ("width=\"50em\"", " width=\"800\""),
        ("style=\"width:10em\"", " width=\"160\""),
        ("style=\"width:100px !important\"", " width=\"100\""),
        ("style=\"width: 50%\"", " width=\"50%\""),
        ("style=\"height: 3in\"", " height=\"288\""),
    ] {
        let html = of_output(&format!("<img src=\"{data}\" {size}>"));
        assert!(html.contains(expected), "{size}: {html}");
    }
    let html = of_output(&format!("<img src=\"{data}\" style=\"width:50vw\">"));
    assert!(!html.contains(" width="), "{html}");
}

#[test]
fn colours_say_what_their_author_meant() {
    for (source, expected) in [
        (
            "<table><tr><td style=\"background-color: rgba(0,128,0,0.1)\">x</td></tr></table>",
            "bgcolor=\"#e6f2e6\"",
        ),
        (
            "<div style=\"background:#d9edf7; border-left: 5px solid blue\">x</div>",
            "<div class=\"nb-alert nb-alert-info\">",
        ),
        (
            "<p style=\"background-color:#fcf8e3\">x</p>",
            "<p class=\"nb-alert nb-alert-warning\">",
        ),
        (
            "<font color=\"ff0000\">x</font>",
            "<span class=\"ansi-fg-1\">",
        ),
        ("<div style=\"background:#fff\">x</div>", "<div>x</div>"),
        ("<div style=\"background:#f5f5f5\">x</div>", "<div>x</div>"),
        (
            "<span style=\"white-space:pre-wrap\">'a    b'</span>",
            "<span class=\"nb-pre\">'a    b'</span>",
        ),
    ] {
        let html = of_output(source);
        assert!(html.contains(expected), "{source}: {html}");
    }
}

#[test]
fn what_a_browser_hides_is_hidden_and_nothing_else() {
    for (source, shown, hidden) in [
        (
            "<title>SAS Output</title><p>x</p>",
            "<p>x</p>",
            "SAS Output",
        ),
        (
            "<dialog>a</dialog><marquee>b</marquee>c",
            "<div class=\"nb-gone\">a</div><div>b</div>c",
            "abc",
        ),
        ("<dialog open>a</dialog>", "<div>a</div>", "nb-gone"),
        (
            "<style>@media print{.pr{display:none}}</style><div class=\"pr\">x</div>",
            "<div>x</div>",
            "nb-gone",
        ),
        (
            "Task <input type=\"checkbox\" checked> two",
            "Task ☑ two",
            "<input",
        ),
        (
            "<progress value=3 max=10></progress>",
            "<samp>30 %</samp>",
            "nothing to see",
        ),
    ] {
        let html = of_output(source);
        assert!(html.contains(shown), "{source}: {html}");
        assert!(!html.contains(hidden), "{source}: {html}");
    }
}

#[test]
fn an_error_is_what_its_kernel_told_of_it() {
    let error = |ename: &str, evalue: &str, traceback: &[&str]| {
        html(&outputs(json!([{
            "output_type": "error", "ename": ename, "evalue": evalue, "traceback": traceback,
        }])))
    };
    let shown = error("Interpreter Error", "", &["line 1: oh no"]);
    assert!(!shown.contains("Interpreter Error"), "{shown}");
    let shown = error("ERROR", "boom", &["1. f()"]);
    assert!(shown.contains("ERROR: boom"), "{shown}");
    let shown = error("", "", &[]);
    assert!(shown.contains("An error without a message"), "{shown}");
    let shown = error("", "boom", &[]);
    assert!(shown.contains(">boom"), "{shown}");
}

#[test]
fn json_of_nbformat_4_is_a_value_and_no_text() {
    for (value, expected) in [
        (json!(["12", "34"]), "&quot;12&quot;"),
        (json!("123"), "\"123\""),
        (json!(["null"]), "null"),
    ] {
        let html = html(&outputs(json!([{
            "output_type": "display_data", "metadata": {}, "data": {"application/json": value},
        }])));
        let text = html.replace("&quot;", "\"");
        let expected = expected.replace("&quot;", "\"");
        assert!(text.contains(&expected), "{value}: {html}");
        assert!(!text.contains("1234"), "{value}: {html}");
    }
}

#[test]
fn a_bar_goes_on_behind_the_most_outputs() {
    let pieces: Vec<_> = (0..1200)
        .flat_map(|n| {
            [
                json!({"output_type": "stream", "name": "stderr", "text": format!("\r{n}/1199 it")}),
                json!({"output_type": "stream", "name": "stdout", "text": format!("loss {n}\n")}),
            ]
        })
        .collect();
    let html = html(&outputs(pieces.into()));
    assert!(
        html.contains("1199/1199 it") && !html.contains("499/1199"),
        "{html:.2000}"
    );
}
