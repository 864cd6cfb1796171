//! What a private cell holds is nowhere in the rest, and the rest is what it was.

use proptest::{collection::vec, prelude::*, sample};
use serde_json::{Value, json};
use shared::notebook::{Cell, End, Notebook, without_private};

use crate::properties::{any_json, mutated, with_pieces};

/// In every text of a private cell, and in no other.
const CANARY: &str = "canary-7f3a";

/// How the tag may stand in a file.
const SPELLINGS: [&str; 4] = [
    "\"private\"",
    "\"Private\"",
    "\"priv\\u0061te\"",
    "\"\\u0070\\u0072\\u0069\\u0076\\u0061\\u0074\\u0065\"",
];

/// Pieces to put somewhere, which make something else of a notebook.
const ODD: [&str; 16] = [
    "NaN",
    "\"\\ud83d\"",
    "\"cells\": [],",
    "\"c\\u0065lls\": [],",
    "\"metadata\": {},",
    "\"tags\": [],",
    "\"worksheets\": [],",
    "[[[[",
    "]]]]",
    "{}",
    "}",
    "{",
    "\"",
    "\\",
    ",",
    "\u{feff}",
];

fn is_private(cell: &Cell) -> bool {
    cell.tags().any(|tag| tag.eq_ignore_ascii_case("private"))
}

fn parse(bytes: &[u8]) -> Notebook {
    Notebook::parse(bytes).expect("a notebook").notebook
}

fn cell(private: bool, any: &Value) -> Value {
    match private {
        true => json!({
            "cell_type": "code", "source": [CANARY, any], "x": any, "id": CANARY,
            "attachments": {CANARY: any},
            "outputs": [{"output_type": "stream", "text": CANARY, "metadata": any}],
            // A text that is in no other place, to be spelled in another way.
            "metadata": {"x": CANARY, "tags": ["a", "@", "b"], "y": any},
        }),
        false => json!({
            "cell_type": "code", "source": any, "outputs": [any], "metadata": {"tags": [any]},
        }),
    }
}

/// The text of a notebook, some of whose cells are private.
fn notebook() -> impl Strategy<Value = String> {
    let cells = vec((any::<bool>(), any_json()), 0..6);
    let spelling = sample::select(SPELLINGS.as_slice());
    (cells, any_json(), spelling, 0..3_u8, any::<bool>()).prop_map(
        |(cells, any, spelling, place, pretty)| {
            let cells: Vec<Value> = cells
                .iter()
                .map(|(private, any)| cell(*private, any))
                .collect();
            let (one, other) = cells.split_at(cells.len() / 2);
            let whole = match place {
                0 => json!({"x": any, "cells": cells, "metadata": any, "nbformat": 4}),
                1 => json!({"cells": cells}),
                _ => json!({"worksheets": [{"cells": one, "x": any}, {"cells": other}]}),
            };
            let text = match pretty {
                true => serde_json::to_string_pretty(&whole).expect("a Value"),
                false => whole.to_string(),
            };
            text.replace("\"@\"", spelling)
        },
    )
}

/// Whatever `bytes` are: nothing private is left, and nothing else is gone. Of a key that is
/// there twice a reader takes the last, and what is cut goes by both.
fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let before = Notebook::parse(bytes);
    check_end(bytes)?;
    let after = match without_private(bytes.to_vec()) {
        Ok(after) => after,
        Err(error) => {
            prop_assert_eq!(Some(error), before.err());
            return Ok(());
        }
    };
    let Ok(before) = before else {
        prop_assert_eq!(after, bytes);
        return Ok(());
    };
    let notebook = parse(&after);
    prop_assert!(!notebook.cells().iter().any(is_private));
    let mut public = before
        .notebook
        .cells()
        .iter()
        .filter(|cell| !is_private(cell));
    for cell in notebook.cells() {
        prop_assert!(public.any(|other| other == cell));
    }
    if !before.notebook.cells().iter().any(is_private) && after.len() == bytes.len() {
        prop_assert_eq!(after, bytes);
    }
    Ok(())
}

/// What is done in one pass comes to the same as one after the other.
fn check_end(bytes: &[u8]) -> Result<(), TestCaseError> {
    let both = without_private(bytes.to_vec());
    let both = both.and_then(|rest| End::parse(&rest, 2).map(|end| (rest, end)));
    prop_assert_eq!(End::of_public(bytes.to_vec(), 2), both);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_private_is_left_and_all_else_is(text in notebook()) {
        let before = parse(text.as_bytes());
        check_end(text.as_bytes())?;
        let after = without_private(text.clone().into_bytes()).expect("a notebook");
        let shown = String::from_utf8(after).expect("UTF-8");
        prop_assert!(!shown.contains(CANARY), "{}", shown);
        let public = before.cells().iter().filter(|cell| !is_private(cell));
        prop_assert!(public.eq(parse(shown.as_bytes()).cells()));
        if !text.contains(CANARY) {
            prop_assert_eq!(&shown, &text);
        }
        prop_assert_eq!(without_private(shown.clone().into_bytes()).expect("a notebook"), shown.into_bytes());
    }

    #[test]
    fn of_notebooks_with_something_odd(
        bytes in with_pieces(notebook(), &ODD),
    ) {
        check(&bytes)?;
    }

    /// Where it does not break what is around it.
    #[test]
    fn of_notebooks_with_an_odd_value_or_a_key_twice(
        text in notebook(),
        odd in vec((any::<sample::Index>(), any::<bool>(), sample::select(ODD.as_slice())), 1..4),
    ) {
        let mut text = text;
        for (at, is_key, piece) in odd {
            let before = if is_key { "{" } else { ":" };
            let places: Vec<usize> = text.match_indices(before).map(|(at, _)| at + 1).collect();
            let at = places[at.index(places.len())];
            let rest = if is_key { "" } else { &text[at..] };
            let end = rest.find([',', '\n', '}', ']']).map_or(at, |end| at + end);
            text.replace_range(at..end, piece);
        }
        check(text.as_bytes())?;
    }

    #[test]
    fn of_damaged_notebooks(bytes in mutated()) {
        check(&bytes)?;
    }
}
