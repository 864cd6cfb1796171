//! Each reader is held to what the type's own one writes.

use serde::Serialize;
use shared::errands::HubGroup;
use shared::prepared::{
    CellContent, CodeCell, Image, ImageKind, JsonTree, Markdown, PreparedCell, PreparedOutput,
    RichOutput, SafeHtml,
};
use shared::wire::{
    Event, NotebookSummary, NotebooksResponse, PeopleResponse, Role, SaveProblem, SessionResponse,
    StreamHello, Tile, TileResponse,
};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{FromFields, read};

fn assert_read_back<T: FromFields + Serialize + PartialEq + std::fmt::Debug>(value: &T) {
    let json = serde_json::to_string(value).expect("it is JSON");
    assert_eq!(&read::<T>(&json).expect("it is read"), value, "{json}");
}

fn html(text: &str) -> SafeHtml {
    serde_json::from_value(text.into()).expect("a text is HTML")
}

/// Every form of an output. A new one does not compile before it is named here, and it belongs into
/// the list then, and into the reader.
fn rich_outputs() -> Vec<RichOutput> {
    let named = |form: &RichOutput| match form {
        RichOutput::Text(_)
        | RichOutput::Html(_)
        | RichOutput::Markdown(_)
        | RichOutput::Latex { .. }
        | RichOutput::Image { .. }
        | RichOutput::Json(_)
        | RichOutput::Live { .. }
        | RichOutput::Note { .. } => {}
    };
    let kinds = [
        ImageKind::Png,
        ImageKind::Jpeg,
        ImageKind::Gif,
        ImageKind::Webp,
        ImageKind::Svg,
    ];
    let images = kinds.map(|kind| RichOutput::Image {
        image: Image {
            kind,
            base64: "AAAA".into(),
            width: Some(7),
            height: None,
        },
        alt: "a picture".into(),
    });
    let tree = JsonTree::Object {
        entries: vec![
            ("a \"key\"".into(), JsonTree::Leaf("1".into())),
            (
                String::new(),
                JsonTree::List {
                    items: vec![JsonTree::Leaf("null".into())],
                    more: 3,
                },
            ),
        ],
        more: 0,
    };
    let live = |frame, shown: Option<RichOutput>| RichOutput::Live {
        note: "needs a script".into(),
        frame,
        shown: shown.map(Box::new),
    };
    let mut forms = vec![
        RichOutput::Text("é\u{1b}[31m\n😀".into()),
        RichOutput::Text(String::new()),
        RichOutput::Html(html("<b>x</b>")),
        RichOutput::Markdown(Markdown::Written(html("<p>x</p>"))),
        RichOutput::Markdown(Markdown::Html(html("<i>x</i>"))),
        RichOutput::Latex {
            text: "a \u{fffc}".into(),
            maths: vec![html("<math></math>")],
        },
        RichOutput::Json(tree),
        live(Some(0), Some(RichOutput::Text("shown".into()))),
        live(None, None),
        RichOutput::Note {
            note: "a widget".into(),
            text: String::new(),
        },
    ];
    forms.extend(images);
    forms.iter().for_each(named);
    forms
}

fn cells() -> Vec<PreparedCell> {
    let mut outputs = vec![
        PreparedOutput::Stdout("out".into()),
        PreparedOutput::Stderr(String::new()),
        PreparedOutput::Error {
            ename: "ZeroDivisionError".into(),
            evalue: String::new(),
            traceback: "Traceback".into(),
        },
    ];
    outputs.extend(rich_outputs().into_iter().map(PreparedOutput::Result));
    outputs.extend(rich_outputs().into_iter().map(PreparedOutput::Display));
    let code = |hidden: bool| CodeCell {
        execution_count: hidden.then_some(12),
        source: "1 / 0".into(),
        language: "python".into(),
        outputs: outputs.clone(),
        source_hidden: hidden,
        outputs_hidden: !hidden,
        scrolled: hidden,
    };
    let contents = [
        CellContent::Code(code(true)),
        CellContent::Code(code(false)),
        CellContent::Code(CodeCell::default()),
        CellContent::Markdown(Markdown::Written(html(""))),
        CellContent::Raw(String::new()),
        CellContent::Unknown {
            note: "a note".into(),
            text: "{}".into(),
        },
    ];
    let cell = |(index, content)| PreparedCell {
        index,
        tags: vec!["tag".into(); index],
        content,
    };
    contents.into_iter().enumerate().map(cell).collect()
}

#[wasm_bindgen_test]
fn a_tile_is_read_as_its_type_reads_it() {
    let tile = |problem: Option<&str>, save_problem| Tile {
        user: "zoë".into(),
        filename: "module 1/day1.ipynb".into(),
        saved_at_ms: 1_795_971_600_500,
        total_cells: 12,
        ends_in_error: problem.is_none(),
        cells: cells(),
        problem: problem.map(str::to_owned),
        save_problem,
        home_problem: problem.map(str::to_owned),
    };
    for tile in [
        tile(None, None),
        tile(Some("being written"), Some(SaveProblem::DiskFull)),
    ] {
        assert_read_back(&TileResponse { now_ms: 7, tile });
    }
}

#[wasm_bindgen_test]
fn other_answers_are_read_as_their_types_read_them() {
    for role in [
        Role::Instructor,
        Role::Helper,
        Role::Observer,
        Role::Participant,
    ] {
        let known = role.sees_everyone();
        assert_read_back(&SessionResponse {
            user: "ana".into(),
            role,
            hub_url: known.then(|| "/hub/home".into()),
            homes: None,
            version: "0.1.0".into(),
            xsrf: known.then(|| "x".into()),
            history: known,
            builds: !known,
        });
    }
    assert_read_back(&NotebooksResponse {
        now_ms: 1,
        notebooks: vec![NotebookSummary {
            filename: "a.ipynb".into(),
            participants: 300,
            saved_at_ms: -1,
            at_work: 41,
        }],
    });
    assert_read_back(&PeopleResponse {
        staff: vec!["ines".into()],
        groups: vec![HubGroup {
            name: "monday".into(),
            members: vec!["ana".into(), "bo".into()],
        }],
    });
    assert_read_back(&Event {
        id: 9,
        kind: "save-notebook".into(),
        user: "ana".into(),
        filename: "a.ipynb".into(),
        path: "/home/ana/a.ipynb".into(),
        timestamp: "2026-11-29T17:00:00Z".into(),
    });
    assert_read_back(&StreamHello {
        cursor: 0,
        now_ms: 5,
    });
}

#[wasm_bindgen_test]
fn an_answer_without_a_field_is_no_answer() {
    for body in ["", "null", "[]", "7", "{}", r#"{"now_ms": 1, "tile": {}}"#] {
        assert!(read::<TileResponse>(body).is_err(), "{body}");
    }
}
