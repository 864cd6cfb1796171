//! What is made of what there was is what is made from nothing.

use proptest::{collection::vec, prelude::*, sample};
use serde_json::{Value, json};
use shared::{
    incremental::{self, PreparedCells, RenderedCells},
    notebook::{MergePart, Notebook, NotebookEnd},
    prepare,
    render::{self, Options},
    sanitize::Ammonia,
};

use crate::support::notebook;

fn options() -> Options {
    Options {
        id_prefix: "u-ana.".to_owned(),
        ..Options::default()
    }
}

fn from_nothing(notebook: &Notebook, first: usize) -> String {
    render::cells(&prepare::cells(notebook, first, &Ammonia), &options()).into_string()
}

/// Cells that have to do with each other: by the places in them and by their displays.
fn cell() -> impl Strategy<Value = Value> {
    let words = sample::select(vec!["a", "b", "<p id=a>", "[x](#a)", "<i id='b'>"]);
    let display = |kind: &'static str| {
        (0..2_u8, any::<u8>()).prop_map(move |(id, text)| {
            json!({"cell_type": "code", "source": "", "outputs": [{"output_type": kind,
                "transient": {"display_id": id.to_string()},
                "data": {"text/plain": text.to_string()}}]})
        })
    };
    prop_oneof![
        words.prop_map(|word| json!({"cell_type": "markdown", "source": format!("# {word}")})),
        display("display_data"),
        display("update_display_data"),
        any::<u8>().prop_map(|n| json!({"cell_type": "code", "source": n.to_string()})),
        Just(json!(7)),
    ]
}

#[derive(Clone, Debug)]
enum Edit {
    Insert(usize, Value),
    Replace(usize, Value),
    Remove(usize),
    Language(bool),
    First(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (0..12_usize, cell()).prop_map(|(at, cell)| Edit::Insert(at, cell)),
        4 => (0..4_usize, cell()).prop_map(|(at, cell)| Edit::Replace(at, cell)),
        2 => (0..12_usize).prop_map(Edit::Remove),
        1 => any::<bool>().prop_map(Edit::Language),
        1 => (0..3_usize).prop_map(Edit::First),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_edits_it_is_the_same(edits in vec(edit(), 1..20)) {
        let mut cells: Vec<Value> = Vec::new();
        let mut language = "python";
        let mut first = 0;
        let mut before: (String, RenderedCells) = Default::default();
        let mut prepared = PreparedCells::default();
        let mut part = MergePart::of("ana", &Notebook::default(), None);
        for edit in edits {
            match edit {
                Edit::Insert(at, cell) => cells.insert(at.min(cells.len()), cell),
                // The others stay where they are, and may be something else all the same.
                Edit::Replace(at, cell) => {
                    if let Some(old) = cells.get_mut(at) {
                        *old = cell;
                    }
                }
                Edit::Remove(at) => drop((at < cells.len()).then(|| cells.remove(at))),
                Edit::Language(is_r) => language = if is_r { "R" } else { "python" },
                Edit::First(at) => first = at,
            }
            let json = json!({"cells": cells, "nbformat": 4,
                "metadata": {"kernelspec": {"language": language}}});
            let json = json.to_string();
            let notebook = Notebook::parse(json.as_bytes()).unwrap().notebook;
            // Its cells know the text they were read from.
            let read_alone = NotebookEnd::parse(json.as_bytes(), usize::MAX).unwrap().tail;
            let expected = from_nothing(&notebook, first);
            for notebook in [&notebook, &read_alone] {
                let known = Some((&before.1, &*before.0));
                before = incremental::cells(notebook, first, &options(), &Ammonia, known);
                prop_assert_eq!(&before.0, &expected);
                prepared = PreparedCells::of(notebook, first, &Ammonia, Some(&prepared));
                let (html, _) = prepared.render(notebook, &options(), Some((&before.1, &before.0)));
                prop_assert_eq!(&html, &expected);
                part = MergePart::of("ana", notebook, Some(&part));
                let merged = |part: &MergePart| {
                    let mut json = String::new();
                    MergePart::merge([part], &mut json).map(|()| json)
                };
                prop_assert_eq!(merged(&part), merged(&MergePart::of("ana", notebook, None)));
            }
        }
    }

    #[test]
    fn parts_merge_to_what_notebooks_merge_to(all in vec(vec(cell(), 0..4), 2..5)) {
        let notebooks = all.into_iter().enumerate().map(|(user, cells)| {
            (format!("user {user}"), notebook(cells.into()))
        });
        let notebooks: Vec<_> = notebooks.collect();
        let parts: Vec<MergePart> = notebooks
            .iter()
            .map(|(user, notebook)| MergePart::of(user, notebook, None))
            .collect();
        let mut merged = String::new();
        MergePart::merge(&parts, &mut merged).unwrap();
        prop_assert_eq!(merged, Notebook::merge(notebooks).unwrap().to_json());
    }
}

#[test]
fn a_text_that_is_not_the_one_is_not_taken() {
    let notebook = notebook(json!([{"cell_type": "raw", "source": "one"}]));
    let (text, pieces) = incremental::cells(&notebook, 0, &options(), &Ammonia, None);
    let forged = text.replace("one", "<b>");
    for other in [&*forged, "", "é", &text[1..]] {
        let (again, pieces) =
            incremental::cells(&notebook, 0, &options(), &Ammonia, Some((&pieces, other)));
        assert_eq!(again, text);
        assert_eq!(pieces.anew(), 1);
    }
}
