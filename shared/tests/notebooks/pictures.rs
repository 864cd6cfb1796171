//! Tests of pictures, drawings, sounds and films, however a notebook has them: shown, or named in
//! a note.

use serde_json::{Value, json};

use crate::support::{assert_safe, html, notebook, outputs};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn display(data: &Value) -> String {
    let html = html(&outputs(json!([
        {"output_type": "display_data", "data": data, "metadata": {}}])));
    assert_safe(&html);
    html
}

#[test]
fn notes_name_what_is_not_shown_instead_of_an_object() {
    let figure = "<Figure size 640x480 with 1 Axes>";
    let html_alone = "<svg><foreignObject><p>a</p></foreignObject></svg>";
    for (data, note) in [
        (
            json!({"image/svg+xml": "<svg><g></svg>", "text/plain": "<IPython.core.display.SVG object>"}),
            "A picture that cannot be read (image/svg+xml) is not shown here.",
        ),
        (
            json!({"image/svg+xml": html_alone, "text/plain": figure}),
            "A picture that cannot be read (image/svg+xml) is not shown here.",
        ),
        (
            json!({"image/png": "no base64!", "text/plain": figure}),
            "A picture that cannot be read (image/png) is not shown here.",
        ),
        (
            json!({"application/pdf": "JVBERi0=", "text/plain": "<PDF object>"}),
            "Data of the type application/pdf is not shown here.",
        ),
        (
            json!({"image/bmp": "Qk0=", "text/plain": figure}),
            "Data of the type image/bmp is not shown here.",
        ),
        (
            json!({"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'><link/></svg>",
                   "text/plain": figure}),
            "This picture has something in it that is no drawing",
        ),
    ] {
        let html = display(&data);
        assert!(html.contains(note), "{html}");
        assert!(!html.contains("&lt;"), "{html}");
    }
    let both = display(&json!({"image/svg+xml": "<svg><g></svg>", "text/plain": "a graph"}));
    assert!(
        both.contains("cannot be read") && both.contains("a graph"),
        "{both}"
    );
    let text = display(&json!({"application/pdf": "JVBERi0=", "text/plain": "a report"}));
    assert!(
        text.contains("a report") && !text.contains("not shown"),
        "{text}"
    );
    let object = display(&json!({"text/plain": "<object at 0x7f>"}));
    assert!(object.contains("&lt;object at 0x7f&gt;"), "{object}");
}

#[test]
fn a_drawing_with_html_is_shown_without_it_or_as_another_picture() {
    let drawing = "<svg xmlns=\"http://www.w3.org/2000/svg\"><rect/><foreignObject/></svg>";
    let alone = display(&json!({"image/svg+xml": drawing}));
    assert!(alone.contains("src=\"data:image/svg+xml"), "{alone}");
    assert!(alone.contains("What is HTML in this drawing"), "{alone}");
    let both = display(&json!({"image/svg+xml": drawing, "image/png": PNG}));
    assert!(
        both.contains("src=\"data:image/png") && !both.contains("nb-note"),
        "{both}"
    );
    let in_html = display(&json!({"text/html": format!("<p>{drawing}</p>")}));
    assert!(
        in_html.contains("What is HTML in this drawing"),
        "{in_html}"
    );
}

#[test]
fn a_diagram_of_mermaid_has_its_colours() {
    let font = "font-family:\"trebuchet ms\",verdana,arial,sans-serif;";
    let css = format!(
        "#m1{{{font}font-size:16px;fill:#333;}}@keyframes dash{{to{{stroke-dashoffset:0;}}}}\
         #m1 .edge-animation-slow{{stroke-dasharray:9,5!important;stroke-dashoffset:900;\
         animation:dash 50s linear infinite;stroke-linecap:round;}}#m1 p{{margin:0;}}\
         #m1 .node rect,#m1 .node path{{fill:#ECECFF;stroke:#9370DB;stroke-width:1px;}}\
         #m1 .edgeLabel{{background-color:rgba(232,232,232, 0.8);text-align:center;}}\
         #m1 div.mermaidTooltip{{position:absolute;text-align:center;max-width:200px;padding:2px;\
         {font}font-size:12px;background:hsl(80, 100%, 96.27%);border:1px solid #aaaa33;\
         border-radius:2px;pointer-events:none;z-index:100;}}#m1 .flowchartTitleText{{\
         text-anchor:middle;font-size:18px;fill:#333;}}#m1 :root{{--mermaid-font-family:\"a\",b;}}"
    );
    let html = format!(
        "<svg id=\"m1\" width=\"100%\" xmlns=\"http://www.w3.org/2000/svg\" \
         style=\"max-width: 120px;\" viewBox=\"0 0 120 70\"><style>{css}</style>\
         <g class=\"node\"><rect width=\"90\" height=\"40\"/><text>Start</text></g></svg>"
    );
    let html = display(&json!({"text/html": html}));
    assert!(
        html.contains("src=\"data:image/svg+xml") && html.contains("width=\"120\""),
        "{html}"
    );
    assert!(!html.contains("nb-note"), "{html}");
}

#[test]
fn pictures_films_and_links_in_html_are_shown_or_named() {
    for (html, expected) in [
        (
            "<video width=\"9\" controls><source type=\"video/mp4\" \
             src=\"data:video/mp4;base64,AAAA\nBBBB\n\">No video.</video>"
                .to_owned(),
            "<video controls=\"\" src=\"data:video/mp4;base64,AAAABBBB\"></video>",
        ),
        (
            format!(
                "<img src=\"data:image/png;charset=utf-8;base64,{}\">",
                PNG.replace('=', "%3D")
            ),
            "<img class=\"nb-image\" src=\"data:image/png;base64,iVBORw0KGgo",
        ),
        (
            "<img src=\"DATA:image/svg+xml;charset=utf-8;base64,PHN2Zy8+\">".to_owned(),
            "<img class=\"nb-image\" src=\"data:image/svg+xml;base64,PHN2Zy8+\"",
        ),
        (
            "<img src=\"data:image/bmp;base64,Qk0=\">".to_owned(),
            "Image not loaded: data of the type image/bmp",
        ),
        (
            "<textarea><svg><path/></svg></textarea>".to_owned(),
            "&lt;svg&gt;&lt;path/&gt;&lt;/svg&gt;",
        ),
        (
            "<map><area href=\"https://x.org/\" alt=\"Left\"></map>".to_owned(),
            "href=\"https://x.org/\"",
        ),
        (
            "<iframe src=\"map.html\"></iframe>".to_owned(),
            "A frame is not loaded: map.html",
        ),
    ] {
        let shown = display(&json!({"text/html": html}));
        assert!(shown.contains(expected), "{html}: {shown}");
        assert!(!shown.contains("no address"), "{html}: {shown}");
    }
}

#[test]
fn pictures_in_markdown_are_shown_or_named() {
    for (address, expected) in [
        (
            "data:image/svg+xml;charset=utf-8;base64,PHN2Zy8+",
            "src=\"data:image/svg+xml;base64,PHN2Zy8+\"",
        ),
        (
            "DATA:image/png;base64,AA%3D%3D",
            "src=\"data:image/png;base64,AA==\"",
        ),
        (
            "data:image/avif;base64,AAAA",
            "Image not loaded: data of the type image/avif",
        ),
    ] {
        let source = format!("![]({address})");
        let html = html(&notebook(json!([
            {"cell_type": "markdown", "id": "a", "metadata": {}, "source": source}])));
        assert_safe(&html);
        assert!(html.contains(expected), "{html}");
    }
}
