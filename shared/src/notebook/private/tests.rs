//! Examples of cuts; properties of every notebook are in `tests/notebooks/private.rs`.

use super::{super::json::MAX_JSON_DEPTH, *};

const PRIVATE_CELL: &str = r#"{"metadata": {"tags": ["private"]}, "source": "secret"}"#;

/// The rest of `json`, in which `@` stands for a private cell.
fn rest(json: &str) -> String {
    let bytes = json.replace('@', PRIVATE_CELL).into_bytes();
    String::from_utf8(without_private(bytes).unwrap()).unwrap()
}

#[test]
fn bytes_around_private_cells_stay_as_written() {
    for (json, expected) in [
        (r#"{"cells": [@]}"#, r#"{"cells": []}"#),
        ("{\"cells\": [\n @\n ]}", r#"{"cells": []}"#),
        (r#"{"cells": [@, {"x":1}]}"#, r#"{"cells": [{"x":1}]}"#),
        (r#"{"cells": [{"x":1}, @]}"#, r#"{"cells": [{"x":1}]}"#),
        (
            r#"{"cells": [{"x":1}, @, 17]}"#,
            r#"{"cells": [{"x":1}, 17]}"#,
        ),
        (r#"{"cells": ["1" ,@,@ ,"2"]}"#, r#"{"cells": ["1" ,"2"]}"#),
        ("{\"cells\": [@,@, NaN,\n @,@\n]}", "{\"cells\": [NaN\n]}"),
        (r#"{"cells": [[@], 1, @]}"#, r#"{"cells": [[], 1]}"#),
        (r#"{"cells": @, "x": 1e5}"#, r#"{"cells": [], "x": 1e5}"#),
        (
            r#"{"cells": [@], "é": [1.50], "cells": [@, {}]}"#,
            r#"{"cells": [], "é": [1.50], "cells": [{}]}"#,
        ),
        (
            r#"{"nbformat": 3, "worksheets": [{"cells": [@, {}]}, {"cells": @}, @]}"#,
            r#"{"nbformat": 3, "worksheets": [{"cells": [{}]}, {"cells": []}]}"#,
        ),
        (
            r#"{"metadata": {"widgets": {"x": "secret"}, "y": 1}, "cells": [@]}"#,
            r#"{"metadata": {"widgets": {}, "y": 1}, "cells": []}"#,
        ),
    ] {
        assert_eq!(rest(json), expected, "{json}");
    }
}

#[test]
fn private_cells_are_cut_in_any_spelling() {
    for cell in [
        r#"{"metadata": {"tags": ["a", "Private", "b"]}}"#,
        r#"{"metadata": {"tags": ["priv\u0061te"]}}"#,
        r#"{"metadata": {"tags": ["\u0050\u0052\u0049\u0056\u0041\u0054\u0045"]}}"#,
        r#"{"met\u0061data": {"t\u0061gs": ["private"]}}"#,
        r#"{"metadata": {"tags": "private"}}"#,
        r#"{"metadata": {"tags": [["private"]]}}"#,
        r#"{"metadata": {"x": [[], {}], "tags": [1, null, "private"], "y": 1}, "x": 1}"#,
        r#"{"metadata": {"tags": ["private"]}, "metadata": {}}"#,
        r#"{"metadata": {"tags": ["private"], "tags": []}}"#,
        r#"{"source": "\\", "metadata": {"tags": ["private"]}}"#,
        r#"{"x": {"cells": [{"metadata": {"tags": []}}]}, "metadata": {"tags": ["private"]}}"#,
    ] {
        assert_eq!(
            rest(&format!(r#"{{"cells": [{cell}]}}"#)),
            r#"{"cells": []}"#,
            "{cell}"
        );
    }
}

#[test]
fn doubtful_cells_are_cut() {
    let deep = |tag: &str| format!("{}{tag}{}", "[".repeat(150), "]".repeat(150));
    let deep_tags = format!(r#"{{"metadata": {{"tags": {}}}}}"#, deep("\"private\""));
    let deep_metadata = format!(
        r#"{{"metadata": {{"x": {}}}}}"#,
        deep(r#"{"tags": ["private"]}"#)
    );
    for cell in [
        r#"{"metadata": {"tags": ["private "]}}"#,
        r#"{"metadata": {"tags": ["private\u0000"]}}"#,
        r#"{"metadata": {"tags": ["\u200bprivate\ufeff"]}}"#,
        r#"{"metadata": {"tags": ["ｐｒｉｖａｔｅ"]}}"#,
        r#"{"metadata": {"tags": {"private": true}}}"#,
        r#"{"metadata": {"tags": {"a": {"b": "private"}}}}"#,
        r#"{"metadata": {"jupyter": {"tags": ["private"]}}}"#,
        r#"{"metadata": [{"tags": ["private"]}]}"#,
        r#"{"metadata": [["tags", ["private"]]]}"#,
        r#"{"metadata": ["private"]}"#,
        r#"{"metadata": "private"}"#,
        r#"{"metadata": {"metadata": {"tags": ["private"]}}}"#,
        r#"{"Metadata ": {"TAGS": ["private"]}}"#,
        r#"{"tags": ["private"]}"#,
        &deep_tags,
        &deep_metadata,
    ] {
        let json = format!(r#"{{"cells": [{cell}]}}"#);
        assert_eq!(rest(&json), r#"{"cells": []}"#, "{cell}");
        let json = format!(r#"{{"cells": {{"a": {cell}, "b": {{}}}}}}"#);
        assert_eq!(rest(&json), r#"{"cells": {"a": [], "b": {}}}"#, "{cell}");
    }
}

#[test]
fn private_cells_in_odd_places_are_cut() {
    for (json, expected) in [
        (r#"{"cells": {"a": @}}"#, r#"{"cells": {"a": []}}"#),
        (r#"{"cells": {"a": [@]}}"#, r#"{"cells": {"a": []}}"#),
        (
            r#"{"nbformat": 4, "x": {"cells": [@, {}]}}"#,
            r#"{"nbformat": 4, "x": {"cells": [{}]}}"#,
        ),
        (
            r#"{"nbformat": 4, "metadata": {"x": @}}"#,
            r#"{"nbformat": 4, "metadata": {"x": []}}"#,
        ),
        (
            r#"{"cells": [{"outputs": [{"data": {"application/json": @}}]}]}"#,
            r#"{"cells": [{"outputs": [{"data": {"application/json": []}}]}]}"#,
        ),
    ] {
        assert_eq!(rest(json), expected, "{json}");
    }
    let deep = format!(r#"{{"cells": {}@{}}}"#, "[".repeat(200), "]".repeat(200));
    assert!(!rest(&deep).contains("secret"));
}

#[test]
fn widget_state_is_cut_with_a_private_cell() {
    let state = r#"application/vnd.jupyter.widget-state+json"#;
    let deep = format!(
        r#"{{"y": {}{{"{state}": "secret"}}{}}}"#,
        "[".repeat(120),
        "]".repeat(120)
    );
    for place in [
        r#"{"widgets": "secret"}"#,
        r#"{"widgets": ["secret"], "widgets": {"x": "secret"}}"#,
        r#"{"w\u0069dgets": {"x": "secret"}}"#,
        r#"{"widgets": {"x": {"widgets": @}, "y": "secret"}}"#,
        &format!(r#"{{"{state}": {{"x": "secret"}}}}"#),
        &format!(r#"{{"x": [{{"{state}": "secret"}}]}}"#),
        &format!(r#"[{{"{state}; v=2": "secret"}}]"#),
        &deep,
    ] {
        for json in [
            format!(r#"{{"metadata": {place}, "cells": [{{}}, @]}}"#),
            format!(r#"{{"cells": [@, {{"metadata": {place}}}]}}"#),
            format!(r#"{{"cells": [{{"outputs": [{{"data": {place}}}]}}, @]}}"#),
            format!(r#"{{"worksheets": [{{"metadata": {place}, "cells": [@]}}]}}"#),
        ] {
            let rest = rest(&json);
            assert!(!rest.contains("secret"), "{json}: {rest}");
            assert!(Notebook::parse(rest.as_bytes()).is_ok(), "{rest}");
        }
    }
}

#[test]
fn other_cells_stay() {
    for cell in [
        r#"{"metadata": {"tags": ["privately", "not-private", "privat", "a, privat"]}}"#,
        r#"{"metadata": {"x": "a, private"}, "source": ["a, private"]}"#,
        r#"{"metadata": {"x": "private", "y": ["private"]}}"#,
        r#"{"source": ["private"], "id": "private", "outputs": ["private"]}"#,
        r#"{"outputs": [{"data": {"application/json": {"x": ["private"]}}}]}"#,
        r#"{"metadata": {"tags": ["\\u0070rivate"]}}"#,
    ] {
        let json = format!(
            r#"{{"metadata": {{"tags": ["private"], "widgets": {{"a": 1}}}}, "cells": [{cell}]}}"#
        );
        assert_eq!(rest(&json), json);
    }
}

/// Outputs and attachments hold data, in which `tags` is an ordinary word.
#[test]
fn data_of_outputs_and_attachments_stays() {
    let deep = format!(
        r#"{}{{"access": "private"}}{}"#,
        r#"{"tags":"#.repeat(150),
        "}".repeat(150)
    );
    let old_cell = r#"{"tags": ["private"], "source": "x"}"#;
    for json in [
        r#"{"features": [{"tags": {"access": "private"}}, {"tags": ["private"]}]}"#,
        r#"{"data": [{"tag": "private", "n": 1}, {"tag": "public"}], "tags": "private"}"#,
        r#"{"metadata": {"tags": ["private"]}, "rows": [[1]]}"#,
        r#"{"metadata": {"metadata": {"tags": "private"}, "tag": "private"}}"#,
        r#"{"outputs": [{"tags": ["private"]}], "cells": [{"tags": ["private"]}]}"#,
        r#"["private", {"metadata": "private"}]"#,
        old_cell,
        &deep,
    ] {
        for cell in [
            format!(r#"{{"outputs": [{{"data": {{"application/geo+json": {json}}}}}]}}"#),
            format!(r#"{{"outputs": [{{"data": {json}}}]}}"#),
            format!(r#"{{"outputs": [{{"text": {json}}}]}}"#),
            format!(r#"{{"outputs": [{{"application/json": {json}}}]}}"#),
            format!(r#"{{"attachments": {{"a.json": {{"application/json": {json}}}}}}}"#),
        ] {
            let json = format!(r#"{{"metadata": {{"widgets": {{"a": 1}}}}, "cells": [{cell}]}}"#);
            assert_eq!(rest(&json), json);
            let json =
                format!(r#"{{"worksheets": [{{"cells": [{cell}, {{"cells": [{cell}]}}]}}]}}"#);
            assert_eq!(rest(&json), json);
            // The cell's own tags count, before it and after it.
            let tags = r#""metadata": {"tags": ["private"]}"#;
            let after = cell[..cell.len() - 1].to_owned() + ", " + tags + "}";
            let before = format!("{{{tags}, {}", &cell[1..]);
            assert_eq!(
                rest(&format!(r#"{{"cells": [{before}, {after}]}}"#)),
                r#"{"cells": []}"#
            );
        }
    }
}

#[test]
fn whole_private_cells_in_data_are_cut() {
    let deep = format!("{}@{}", "[".repeat(150), "]".repeat(150));
    let after = r#"{"source": "secret", "metadata": {"tags": "private"}}"#;
    let typed = r#"{"metadata": {"tags": ["private"]}, "cell_type": "code", "x": "secret"}"#;
    for json in ["@", "[@]", r#"{"cells": [@]}"#, after, typed, &deep] {
        for place in [
            r#"{"outputs": [{"data": {"a/b": #}}]}"#,
            r#"{"attachments": {"x": #}}"#,
        ] {
            let cell = place.replace('#', json);
            let rest = rest(&format!(r#"{{"cells": [{cell}]}}"#));
            assert!(!rest.contains("secret"), "{json}: {rest}");
        }
    }
    // Only the values of known fields are data.
    for cell in [
        r#"{"x": [{"data": {"tags": ["private"]}}]}"#,
        r#"{"outputs": [{"x": {"tags": ["private"]}}]}"#,
        r#"{"metadata": {"outputs": [{"data": {"tags": ["private"]}}]}}"#,
        r#"{"metadata": {"attachments": {"tags": ["private"]}}}"#,
        r#"{"data": {"tags": ["private"]}}"#,
    ] {
        let json = format!(r#"{{"cells": [{cell}]}}"#);
        assert_ne!(rest(&json), json);
    }
}

#[test]
fn several_tags_in_one_text_are_found() {
    for tags in [
        r#""private, draft""#,
        r#"["exercise,private"]"#,
        r#"["a;private"]"#,
        r#""draft private""#,
        r#""draft\tprivate""#,
        r#""draft\u002cprivate""#,
        r#"["['draft', 'private']"]"#,
        r#"["[\"draft\",\"private\"]"]"#,
        r#"{"draft, private": true}"#,
        r#""draft， ｐｒｉｖａｔｅ""#,
        r#"["pri\"vate"]"#,
    ] {
        for metadata in [format!(r#"{{"tags": {tags}}}"#), tags.to_owned()] {
            if metadata.starts_with("{\"draft") {
                continue;
            }
            let json = format!(r#"{{"cells": [{{"metadata": {metadata}, "cell_type": "raw"}}]}}"#);
            assert_eq!(rest(&json), r#"{"cells": []}"#, "{json}");
            // The same in a notebook without an outline.
            let json = json.replace("\"raw\"", "1");
            assert_eq!(rest(&json), r#"{"cells": []}"#, "{json}");
        }
    }
}

#[test]
fn other_encodings_are_refused() {
    let json = r#"{"cells": [{"metadata": {"tags": ["private"]}, "source": "secret"}]}"#;
    let units = |mark: &str| -> Vec<u16> { format!("{mark}{json}").encode_utf16().collect() };
    for mark in ["", "\u{feff}"] {
        let wide = units(mark);
        let chars = || mark.chars().chain(json.chars()).map(u32::from);
        for bytes in [
            wide.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
            wide.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
            chars().flat_map(u32::to_le_bytes).collect(),
            chars().flat_map(u32::to_be_bytes).collect::<Vec<u8>>(),
        ] {
            let error = without_private(bytes).unwrap_err().to_string();
            assert!(error.contains("UTF-8"), "{error}");
        }
    }
}

#[test]
fn broken_notebooks_with_private_cells_are_refused() {
    for json in [
        r#"{"cells": [@"#,
        r#"{"cells": [@]"#,
        r#"{"cells": [@]} x"#,
        r#"{"cells": [{}, @,]}"#,
        r#"{"cells": [{"metadata": {"tags": ["private"]}, "source": "sec"#,
        "[@]",
    ] {
        let bytes = json.replace('@', PRIVATE_CELL).into_bytes();
        let error = Notebook::parse(&bytes).unwrap_err();
        assert_eq!(without_private(bytes).unwrap_err(), error, "{json}");
    }
}

#[test]
fn deep_values_without_the_tag_stay() {
    let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for levels in [MAX_JSON_DEPTH - 3, MAX_JSON_DEPTH, 5_000] {
        let x = deep(levels);
        let json = format!(r#"{{"x": {x}, "cells": [{{"x": {x}}}, @, {{"y": {x}}}]}}"#);
        let expected = format!(r#"{{"x": {x}, "cells": [{{"x": {x}}}, {{"y": {x}}}]}}"#);
        assert_eq!(rest(&json), expected);
    }
}

#[test]
fn the_tag_is_found_between_any_two_quotes() {
    for text in ["", "\"", "privately x", "\"a privat\"", "\"pri\"vate\""] {
        assert!(!may_be_tagged(text.as_bytes()), "{text}");
    }
    // The tag is found, whichever quotes are the ends of texts.
    for text in [
        "private",
        "\"private\"",
        "\"\"private\"",
        "x\": \"\\u0070rivate \\\"",
        "\"pri\\\"vate\"",
        "\"a private\"",
    ] {
        assert!(may_be_tagged(text.as_bytes()), "{text}");
    }
}
