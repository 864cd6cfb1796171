//! What is cut, by example; what holds for every notebook is in `tests/notebooks/private.rs`.

use super::*;

const PRIVATE: &str = r#"{"metadata": {"tags": ["private"]}, "source": "secret"}"#;

/// What is left of `json`, in which `@` stands for a private cell.
fn rest(json: &str) -> String {
    let bytes = json.replace('@', PRIVATE).into_bytes();
    String::from_utf8(without_private(bytes).unwrap()).unwrap()
}

#[test]
fn what_stays_stays_as_it_was_written() {
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
fn a_private_cell_is_one_however_it_is_spelled() {
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
fn no_other_cell_is() {
    for cell in [
        r#"{"metadata": {"tags": ["privately", "not private", " private"]}}"#,
        r#"{"metadata": {"tags": {"private": "x"}, "x": "private"}}"#,
        r#"{"metadata": {"x": {"tags": ["private"]}}, "source": "private"}"#,
        r#"{"metadata": ["private"], "tags": ["private"]}"#,
        r#"{"outputs": [{"data": {"application/json": {"metadata": {"tags": ["private"]}}}}]}"#,
        r#"{"metadata": {"tags": ["\\u0070rivate", "priv\ud800ate"]}}"#,
    ] {
        let json = format!(
            r#"{{"metadata": {{"tags": ["private"], "widgets": {{"a": 1}}}}, "cells": [{cell}]}}"#
        );
        assert_eq!(rest(&json), json);
    }
}

#[test]
fn what_cannot_be_read_is_not_shown_in_part() {
    for json in [
        r#"{"cells": [@"#,
        r#"{"cells": [@]"#,
        r#"{"cells": [@]} x"#,
        r#"{"cells": [{}, @,]}"#,
        r#"{"cells": [{"metadata": {"tags": ["private"]}, "source": "sec"#,
        "[@]",
    ] {
        let bytes = json.replace('@', PRIVATE).into_bytes();
        let error = Notebook::parse(&bytes).unwrap_err();
        assert_eq!(without_private(bytes).unwrap_err(), error, "{json}");
    }
}

#[test]
fn what_is_too_deep_is_passed_over() {
    let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for levels in [MAX_DEPTH - 3, MAX_DEPTH, 5_000] {
        let x = deep(levels);
        let json = format!(r#"{{"x": {x}, "cells": [{{"x": {x}}}, @, {{"y": {x}}}]}}"#);
        let expected = format!(r#"{{"x": {x}, "cells": [{{"x": {x}}}, {{"y": {x}}}]}}"#);
        assert_eq!(rest(&json), expected);
    }
}

#[test]
fn most_notebooks_are_only_looked_through() {
    for text in [
        "",
        "v",
        "Priv",
        "rivate",
        "\\u001b[31m",
        "\\\\u0061",
        "vvvvvv\\",
        "privat",
    ] {
        assert!(!may_be_tagged(text.as_bytes()), "{text}");
    }
    for text in [
        "private",
        "xPRIVATE",
        "vprivate",
        "\\u0061",
        "v\\n\\u004a",
        "\\\\private",
    ] {
        assert!(may_be_tagged(text.as_bytes()), "{text}");
    }
}

#[test]
fn a_tag_is_seen_wherever_it_is() {
    for before in 0..100 {
        for after in [0, 1, 30, 70] {
            for tag in ["pRIvate", "\\u0061"] {
                let text = format!("{}{tag}{}", "v".repeat(before), "e".repeat(after));
                assert!(may_be_tagged(text.as_bytes()), "{text}");
            }
        }
    }
}
