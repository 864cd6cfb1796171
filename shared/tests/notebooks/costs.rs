//! Tests that an output that takes a browser long to draw becomes a note, and that ordinary
//! outputs do not.

use serde_json::{Value, json};
use shared::{
    incremental::{self, PreparedCells},
    notebook::Notebook,
    render::{self, Options},
    sanitize::Ammonia,
};

use crate::support::{html, notebook, outputs, prepare};

/// Words of every note on something that is too much.
const NOTE: &str = "The notebook itself has";

fn display(mime: &str, data: &str) -> Value {
    json!({"output_type": "display_data", "metadata": {}, "data": {mime: data, "text/plain": "plain"}})
}

fn elements(html: &str) -> usize {
    html.matches('<').count() - html.matches("</").count()
}

/// The HTML of a notebook's tile.
fn tile(notebook: &Notebook) -> String {
    let prepared = PreparedCells::of(notebook, 0, &Ammonia, None);
    render::cells(prepared.cells(), &Options::default()).into_string()
}

fn nested(levels: usize) -> String {
    let mut inner = "<g id=\"a0\"><path/></g>".to_owned();
    for level in 1..=levels {
        let one = format!("<use href=\"#a{}\"/>", level - 1);
        inner += &format!("<g id=\"a{level}\">{}</g>", one.repeat(10));
    }
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{inner}</svg>")
}

/// The beginning of a PNG of 16,000 by 16,000 pixels.
const HUGE: &str = "iVBORw0KGgoAAAANSUhEUgAAPoAAAD6ACAYAAAAAAAAA";

#[test]
fn costly_outputs_become_notes_in_every_place() {
    let table = format!(
        "<table>{}</table>",
        format!("<tr>{}</tr>", "<td colspan=1000 rowspan=1000>x".repeat(100)).repeat(100)
    );
    let picture = format!("<img src=\"data:image/png;base64,{HUGE}\">");
    let markup = [
        ("too many elements", "<b>x</b>".repeat(100_000)),
        ("places that overlap", table),
        ("pixels", picture),
        ("turns of direction", format!("<p>{}", "aא".repeat(50_000))),
        (
            "turns that are references",
            format!("<p>{}", "a&#1488;".repeat(50_000)),
        ),
    ];
    for (what, markup) in markup {
        for notebook in [
            outputs(json!([display("text/html", &markup)])),
            outputs(json!([display("text/markdown", &markup)])),
            notebook(json!([{"cell_type": "markdown", "source": markup}])),
        ] {
            for html in [html(&notebook), tile(&notebook)] {
                assert!(
                    elements(&html) < 100,
                    "{what}: {} elements",
                    elements(&html)
                );
                let says = html.contains(NOTE) || html.contains("bytes are not shown here");
                assert!(
                    says || html.contains("HTML not shown"),
                    "{what}: {html:.400}"
                );
            }
        }
    }
    for (kind, data) in [("image/svg+xml", nested(7)), ("image/png", HUGE.to_owned())] {
        let output = outputs(json!([display(kind, &data)]));
        for html in [html(&output), tile(&output)] {
            assert!(
                html.contains(NOTE) && !html.contains("<img"),
                "{kind}: {html}"
            );
            assert!(html.contains("plain"), "{kind}: {html}");
        }
        let source = "![a](attachment:a) <b>![a](attachment:a)</b>";
        for source in [source, "![a](attachment:a)"] {
            let attached = notebook(json!([{"cell_type": "markdown", "source": source,
                                            "attachments": {"a": {kind: data}}}]));
            let html = html(&attached);
            assert!(
                html.contains(NOTE) && !html.contains("<img"),
                "{kind}: {html}"
            );
        }
    }
}

#[test]
fn costly_outputs_are_shown_in_a_closed_frame() {
    let output = outputs(json!([display("image/svg+xml", &nested(7))]));
    let options = Options {
        frames: true,
        ..Options::default()
    };
    let html = render::cells(&prepare(&output), &options).into_string();
    assert!(html.contains("data-cell=\"0\" data-output=\"0\""), "{html}");
    let document = shared::prepare::frame_document(&output, 0, 0).expect("a picture");
    assert!(
        document.contains("src=&quot;data:image/svg+xml;base64,"),
        "{document:.300}"
    );
}

#[test]
fn another_form_that_fits_replaces_a_costly_one() {
    let png = "iVBORw0KGgoAAAANSUhEUgAAASwAAADICAYAAAAAAAAA";
    let output = outputs(json!([{"output_type": "display_data", "metadata": {},
        "data": {"image/svg+xml": nested(7), "image/png": png}}]));
    assert!(html(&output).contains(&format!("data:image/png;base64,{png}")));
}

#[test]
fn many_small_outputs_exceed_the_budget_together() {
    let one = display("text/html", &"<b>x</b>".repeat(4000));
    let many = outputs(json!(vec![one.clone(); 100]));
    assert!(elements(&html(&many)) < 100);
    assert!(html(&many).contains(NOTE));

    let cell = json!({"cell_type": "code", "source": "shown", "outputs": [one]});
    let many = notebook(json!(vec![cell; 100]));
    let page = html(&many);
    assert!(elements(&page) < 105_000, "{}", elements(&page));
    assert!(page.contains(NOTE) && page.matches(">shown<").count() == 100);
    let tile = tile(&many);
    assert!(elements(&tile) < 8_000, "{}", elements(&tile));
    // The last cells are whole, because a reader looks for those.
    let last = tile.rfind("<div class=\"nb-cell ").expect("a cell");
    assert!(!tile[last..].contains(NOTE) && tile[..last].contains(NOTE));

    let cells = notebook(json!(vec![
        json!({"cell_type": "raw", "source": "x"});
        9_000
    ]));
    let page = html(&cells);
    assert!(page.contains("4000 more cells"), "{}", page.len());
    assert!(elements(&page) < 30_000);
}

/// Few pixels can be many bytes, which the service keeps for a tile and sends to every reader.
#[test]
fn a_tile_has_few_megabytes_of_pictures_and_the_page_has_them_all() {
    const MIB: usize = 1024 * 1024;
    let start = "iVBORw0KGgoAAAANSUhEUgAAASwAAADICAYAAAAAAAAA";
    let noise = |length: usize| format!("{start}{}", "q83v".repeat((length - start.len()) / 4));
    let of = |length: usize, count: usize| {
        let picture = display("image/png", &noise(length));
        let cell = json!({"cell_type": "code", "source": "", "outputs": [picture]});
        notebook(json!(vec![cell; count]))
    };
    let json = |notebook: &Notebook| {
        let prepared = PreparedCells::of(notebook, 0, &Ammonia, None);
        serde_json::to_string(prepared.cells()).expect("JSON")
    };

    let many = of(3 * MIB, 10);
    let tile = json(&many);
    assert!(tile.len() < 5 * MIB, "{} bytes", tile.len());
    // The last picture is whole.
    let picture = tile.find(start).expect("a picture");
    assert!(tile.rfind(NOTE).expect("a note") < picture);
    let page = html(&many);
    assert!(page.matches("<img").count() == 10 && !page.contains(NOTE));

    let one = of(5 * MIB, 1);
    let tile = json(&one);
    assert!(
        tile.len() < MIB && tile.contains("bytes of data; up to 4,194,304"),
        "{tile:.500}"
    );
    assert!(html(&one).contains("<img"));
    let page = html(&of(5 * MIB, 20));
    assert!(page.len() < 65 * MIB && page.contains(NOTE));
    // The same holds in prose and in HTML.
    let image = format!("<img src=\"data:image/png;base64,{}\">", noise(5 * MIB));
    let attached = json!({"cell_type": "markdown", "source": "![a](attachment:a)",
                          "attachments": {"a": {"image/png": noise(5 * MIB)}}});
    for notebook in [
        outputs(json!([display("text/html", &image)])),
        notebook(json!([attached])),
    ] {
        let tile = json(&notebook);
        assert!(tile.len() < MIB && tile.contains(NOTE), "{tile:.500}");
        assert!(html(&notebook).contains("<img"));
    }
}

#[test]
fn text_over_the_budget_is_cut_shorter() {
    let coloured: String = (0..40_000)
        .map(|n| format!("\u{1b}[3{}mx", n % 8))
        .collect();
    for text in [
        "aא".repeat(100_000),
        "a".to_owned() + &"\u{301}".repeat(200_000),
        coloured,
        "x\n".repeat(200_000),
    ] {
        let notebook = outputs(json!([{"output_type": "stream", "name": "stdout", "text": text}]));
        let page = html(&notebook);
        assert!(elements(&page) < 11_000, "{}", elements(&page));
        let tile = tile(&notebook);
        assert!(
            elements(&tile) < 5_100 && tile.len() < 1_000_000,
            "{text:.9}"
        );
    }
    let source = "f(1, 'a')\n".repeat(5_000);
    let code = notebook(json!([{"cell_type": "code", "source": source, "outputs": []}]));
    assert!(elements(&tile(&code)) < 100);
}

/// Whether a page has room for a cell depends on the cells around it, so a cell that was reduced
/// before may be whole now, and the other way round.
#[test]
fn changed_notebooks_are_reduced_as_if_from_nothing() {
    let options = Options::default();
    let of = |sizes: &[usize]| {
        let cells = sizes.iter().map(|size| {
            let output = display("text/html", &"<b>x</b>".repeat(*size));
            json!({"cell_type": "code", "source": size.to_string(), "outputs": [output]})
        });
        notebook(cells.collect())
    };
    let steps: [&[usize]; 5] = [
        &[10, 50_000, 40_000, 20_000, 10],
        &[10, 50_000, 20_000, 10],
        &[10, 59_000, 50_000, 20_000, 10],
        &[10, 20_000, 10],
        &[10, 50_000, 40_000, 20_000, 10],
    ];
    let (mut text, mut pieces) = incremental::cells(&of(steps[0]), 0, &options, &Ammonia, None);
    for step in steps {
        let notebook = of(step);
        let before = Some((&pieces, text.as_str()));
        let (changed, now) = incremental::cells(&notebook, 0, &options, &Ammonia, before);
        let (anew, _) = incremental::cells(&notebook, 0, &options, &Ammonia, None);
        assert_eq!(changed, anew);
        assert_eq!(
            changed,
            render::cells(&prepare(&notebook), &options).into_string()
        );
        (text, pieces) = (changed, now);
    }
    let mut before = None;
    for step in steps {
        let notebook = of(&step.iter().map(|size| size / 10).collect::<Vec<_>>());
        let changed = PreparedCells::of(&notebook, 0, &Ammonia, before.as_ref());
        assert_eq!(changed, PreparedCells::of(&notebook, 0, &Ammonia, None));
        before = Some(changed);
    }
}

/// The outputs that participants usually have, at their usual largest.
#[test]
fn usual_outputs_are_whole() {
    let row = format!("<tr><th>1</th>{}</tr>\n", "<td>0.12</td>\n".repeat(20));
    let frame = format!(
        "<div>\n<table border=\"1\" class=\"dataframe\">\n<tbody>\n{}</tbody>\n</table>\n</div>",
        row.repeat(60)
    );
    // A figure of 3000 by 2000 pixels.
    let figure = "iVBORw0KGgoAAAANSUhEUgAAC7gAAAfQCAYAAAAAAAAA";
    let log = "2026-03-01 10:00:00 INFO epoch 12 of 100, loss 0.123, accuracy 0.98\n".repeat(2000);
    let cells = json!([
        {"cell_type": "code", "source": "df\n".repeat(100), "outputs": [display("text/html", &frame)]},
        {"cell_type": "code", "source": "plot()", "outputs": [display("image/png", figure)]},
        {"cell_type": "code", "source": "train()", "outputs": [
            {"output_type": "stream", "name": "stdout", "text": log}]},
        {"cell_type": "markdown", "source": "# A heading\n\nSome *prose* and $x^2$.\n".repeat(50)},
    ]);
    let notebook = notebook(cells);
    for html in [html(&notebook), tile(&notebook)] {
        assert!(!html.contains(NOTE), "{html:.500}");
        assert!(!html.contains("bytes are not shown here"));
    }
}
