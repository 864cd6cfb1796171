//! Tests that a result made from an earlier one equals a result made from nothing.

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

/// Cells that affect each other, by their anchors and by their displays.
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
    fn changed_notebooks_render_as_if_from_nothing(edits in vec(edit(), 1..20)) {
        let mut cells: Vec<Value> = Vec::new();
        let mut language = "python";
        let mut first = 0;
        let mut before: (String, RenderedCells) = Default::default();
        let mut prepared = PreparedCells::default();
        let mut part = MergePart::of("ana", &Notebook::default(), None);
        for edit in edits {
            match edit {
                Edit::Insert(at, cell) => cells.insert(at.min(cells.len()), cell),
                // The other cells stay in place, but the new cell may change their HTML.
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
            // The same cells, read by an outline.
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
    fn merged_parts_equal_merged_notebooks(all in vec(vec(cell(), 0..4), 2..5)) {
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
fn html_of_another_text_is_not_reused() {
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

#[test]
fn another_state_of_a_widget_is_shown() {
    let view = json!({"output_type": "display_data", "metadata": {},
        "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}}});
    let of = |value: &str| {
        let state = json!({"a": {"model_name": "LabelModel", "model_module": "@jupyter-widgets/controls",
            "state": {"value": value}}});
        let widgets = json!({"application/vnd.jupyter.widget-state+json": {"state": state}});
        let bytes = json!({"cells": [{"cell_type": "code", "source": "", "outputs": [view]}],
            "metadata": {"widgets": widgets}, "nbformat": 4, "nbformat_minor": 4});
        Notebook::parse(bytes.to_string().as_bytes())
            .expect("a notebook")
            .notebook
    };
    let mut before: Option<(PreparedCells, String, RenderedCells)> = None;
    for value in ["the first", "the second"] {
        let whole = of(value);
        let known = before.as_ref();
        let prepared = PreparedCells::of(&whole, 0, &Ammonia, known.map(|it| &it.0));
        // The state is not kept.
        let kept = whole.clone().without_widgets();
        let (html, rendered) = prepared.render(&kept, &options(), known.map(|it| (&it.2, &*it.1)));
        assert!(html.contains(value), "{html}");
        assert_eq!(html, from_nothing(&whole, 0));
        before = Some((prepared, html, rendered));
    }
}
