//! Tests that the content of private cells is nowhere in the rest of a notebook, and that the
//! rest stays as it was.

use std::time::Duration;

use proptest::{collection::vec, prelude::*, sample};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use shared::notebook::{Cell, MergePart, Notebook, NotebookEnd, without_private};

use crate::properties::{any_json, mutated, with_pieces};

/// A word in every text of a private cell, and in no other text.
const CANARY: &str = "canary-7f3a";

/// Spellings of the tag in a file.
const SPELLINGS: [&str; 11] = [
    "\"private \"",
    "\"private\\u0000\"",
    "\"pri\\u200bvate\"",
    "\"\u{ff50}\u{ff52}\u{ff49}\u{ff56}\u{ff41}\u{ff54}\u{ff45}\"",
    "\"\\uff50rivate\"",
    "\"pr\u{131}vate\"",
    "[[[{\"x\": \"private\"}]]]",
    "\"private\"",
    "\"Private\"",
    "\"priv\\u0061te\"",
    "\"\\u0070\\u0072\\u0069\\u0076\\u0061\\u0074\\u0065\"",
];

/// Pieces that change the structure of a notebook where they are inserted.
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
            // `@` is replaced by a spelling of the tag.
            "metadata": {"x": CANARY, "tags": ["a", "@", "b"], "y": any},
        }),
        false => json!({
            "cell_type": "code", "source": any, "outputs": [any], "metadata": {"tags": [any]},
        }),
    }
}

/// Places of a private cell: `@` is the cell, `#` a public one, `*` its tags, `!` a private text.
const PLACES: [&str; 16] = [
    r#"{"cells": {"a": @, "b": #}}"#,
    r#"{"cells": {"a": [@, #]}}"#,
    r#"{"cells": [[[@], #]]}"#,
    r#"{"cells": @, "nbformat": 4}"#,
    r#"{"cells": [#, @], "cells": [#]}"#,
    r#"{"cells": [#], "worksheets": [{"cells": @}]}"#,
    r#"{"worksheets": {"cells": [@]}, "cells": [#]}"#,
    r#"{"nbformat": 4, "metadata": {"x": [@]}}"#,
    r#"{"cells": [{"metadata": [{"tags": *}], "source": "!"}]}"#,
    r#"{"cells": [{"metadata": {"tags": {"x": *}}, "source": "!"}]}"#,
    r#"{"cells": [{"metadata": {"jupyter": {"tags": *}}, "source": "!"}]}"#,
    r#"{"cells": [{"metadata": {"metadata": {"tags": *}}, "source": "!"}]}"#,
    r#"{"cells": [{"m\u0065tadata": {"t\u0061gs": *}, "metadata": {}, "source": "!"}]}"#,
    r#"{"cells": [{"tags": *, "source": "!"}]}"#,
    r#"{"cells": [@, #], "metadata": {"x": {"application/vnd.jupyter.widget-state+json": "!"}}}"#,
    r#"{"cells": [{"metadata": {"widgets": ["!"]}}, @], "metadata": [{"widgets": "!"}]}"#,
];

/// The text of a notebook with some private cells.
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

/// Checks that no private cell of `bytes` is left and no other cell is cut. Of a key that occurs
/// twice a reader takes the last value, and cells are cut from both.
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
        // A public cell may have lost a part that some readers take for a private cell.
        let length = |cell: &Cell| cell.json().json().len();
        prop_assert!(public.any(|other| other == cell || length(other) > length(cell)));
    }
    if !before.notebook.cells().iter().any(is_private) && after.len() == bytes.len() {
        prop_assert_eq!(after, bytes);
    }
    Ok(())
}

/// Checks that one pass has the same result as cutting and parsing one after the other.
fn check_end(bytes: &[u8]) -> Result<(), TestCaseError> {
    let both = without_private(bytes.to_vec());
    let both = both.and_then(|rest| NotebookEnd::parse(&rest, 2).map(|end| (rest, end)));
    prop_assert_eq!(NotebookEnd::of_public(bytes.to_vec(), 2), both);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn private_cells_are_cut_and_public_ones_stay(text in notebook()) {
        let before = parse(text.as_bytes());
        check_end(text.as_bytes())?;
        let after = without_private(text.clone().into_bytes()).expect("a notebook");
        let shown = String::from_utf8(after).expect("UTF-8");
        prop_assert!(!shown.contains(CANARY), "{}", shown);
        // Only private cells contain the canary.
        let is_public = |cell: &&Cell| !cell.json().json().contains(CANARY);
        let public = before.cells().iter().filter(is_public);
        prop_assert!(public.eq(parse(shown.as_bytes()).cells()));
        if !text.contains(CANARY) {
            prop_assert_eq!(&shown, &text);
        }
        prop_assert_eq!(without_private(shown.clone().into_bytes()).expect("a notebook"), shown.into_bytes());
    }

    #[test]
    fn private_cells_in_odd_places_are_cut(
        place in sample::select(PLACES.as_slice()),
        spelling in sample::select(SPELLINGS.as_slice()),
        depth in prop_oneof![Just(0_usize), 0..6_usize, 90..120_usize],
        any in any_json(),
    ) {
        let tags = format!("{}{spelling}{}", "[".repeat(depth), "]".repeat(depth));
        let one = cell(true, &any).to_string().replace("\"@\"", &tags);
        let other = cell(false, &Value::Null).to_string();
        let put = |c: char| match c {
            '@' => one.clone(),
            '#' => other.clone(),
            '*' => tags.clone(),
            '!' => CANARY.to_owned(),
            c => c.to_string(),
        };
        let text: String = place.chars().map(put).collect();
        let (after, end) = NotebookEnd::of_public(text.clone().into_bytes(), 9).expect("a notebook");
        let shown = String::from_utf8(after.clone()).expect("UTF-8");
        prop_assert!(!shown.contains(CANARY), "{} of {}", shown, text);
        prop_assert!(!end.tail.to_json().contains(CANARY));
        prop_assert_eq!(without_private(text.into_bytes()), Ok(after.clone()));
        let part = MergePart::of("ana", &parse(&after), None);
        let mut merged = String::new();
        MergePart::merge([&part], &mut merged).expect("a String takes everything");
        prop_assert!(!merged.contains(CANARY));
    }

    #[test]
    fn private_cells_of_notebooks_with_odd_pieces_are_cut(
        bytes in with_pieces(notebook(), &ODD),
    ) {
        check(&bytes)?;
    }

    /// The odd piece is inserted where the JSON around it stays valid.
    #[test]
    fn private_cells_of_notebooks_with_odd_values_or_keys_are_cut(
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
    fn private_cells_of_damaged_notebooks_are_cut(bytes in mutated()) {
        check(&bytes)?;
    }
}

/// The work for a private cell does not depend on the number of widgets before it: many of both
/// take about as long as many of each, and not the product of the two.
#[test]
fn many_widgets_do_not_slow_down_private_cells() {
    let took = |widgets: usize, cells: usize| {
        let widgets = r#""widgets":{},"#.repeat(widgets);
        let cells = r#"{"metadata":{"tags":["private"]}},"#.repeat(cells);
        let json = format!("{{\"metadata\":{{{widgets}\"x\":1}},\"cells\":[{cells}{{}}]}}");
        let runs = (0..3).map(|_| {
            let json = json.clone().into_bytes();
            let begun = now();
            without_private(json).expect("a notebook");
            now() - begun
        });
        runs.min().expect("three")
    };
    let (both, apart) = (took(400_000, 9_000), took(400_000, 1) + took(1, 9_000));
    assert!(both < 3 * apart, "{both:?}, and apart {apart:?}");
}

/// The time of this thread alone, which other processes do not change.
fn now() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
