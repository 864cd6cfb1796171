//! Saved widgets.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::support::{html, parse};

const VIEW_MIME: &str = "application/vnd.jupyter.widget-view+json";
const STATE_MIME: &str = "application/vnd.jupyter.widget-state+json";
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const NOTE: &str = "<p class=\"nb-note\">An interactive widget is not shown here.</p>";

/// A model of the controls of ipywidgets 8.
#[expect(clippy::needless_pass_by_value, reason = "callers write it in place")]
fn model(name: &str, state: Value) -> Value {
    json!({"model_name": format!("{name}Model"), "model_module": "@jupyter-widgets/controls",
           "model_module_version": "2.0.0", "state": state})
}

/// A model whose bytes are saved beside it.
fn with_bytes(name: &str, state: Value, data: &str) -> Value {
    let mut model = model(name, state);
    model["buffers"] = json!([{"encoding": "base64", "path": ["value"], "data": data}]);
    model
}

/// The HTML of `count` cells that show the model `w`, with `widgets` as the saved state.
fn shown_as(widgets: &Value, count: usize) -> String {
    let output = json!({"output_type": "display_data", "metadata": {},
        "data": {VIEW_MIME: {"model_id": "w"}, "text/plain": "STALE()"}});
    let cell = json!({"cell_type": "code", "source": "", "metadata": {}, "outputs": [output]});
    let notebook = json!({"cells": vec![cell; count], "nbformat": 4, "nbformat_minor": 4,
        "metadata": {"widgets": {STATE_MIME: widgets}}});
    html(&parse(&notebook.to_string()))
}

/// What is shown of the model `w`, among others; empty when nothing is, not even a note.
#[expect(clippy::needless_pass_by_value, reason = "callers write it in place")]
fn shown(models: Value) -> String {
    let html = shown_as(&json!({"state": models}), 1);
    assert!(!html.contains("STALE"), "{html}");
    let Some((_, inside)) = html.split_once("<div class=\"nb-output nb-display\">") else {
        return String::new();
    };
    let inside = inside.replace(
        "<p class=\"nb-note\">A widget as it was saved; it does nothing here.</p>",
        "",
    );
    let inside = inside.replace(
        "<div class=\"nb-html\" tabindex=\"0\">",
        "<div class=\"nb-html\">",
    );
    let inside = inside.trim_end().trim_end_matches("</div>");
    let inside = inside
        .strip_prefix("<div class=\"nb-html\">")
        .unwrap_or(inside);
    inside.to_owned()
}

/// What is shown of one model, without the ends that [`shown`] trims.
#[expect(clippy::needless_pass_by_value, reason = "callers write it in place")]
fn one(model: Value) -> String {
    shown(json!({"w": model}))
}

#[test]
fn controls_show_their_values() {
    for (name, state, expected) in [
        ("IntText", json!({"value": 7}), "<div><samp>7</samp>"),
        (
            "IntSlider",
            json!({"description": "n"}),
            "<div>n <samp>0</samp>",
        ),
        ("FloatSlider", json!({}), "<div><samp>0.00</samp>"),
        (
            "FloatSlider",
            json!({"value": 0.300_000_000_000_000_04}),
            "<div><samp>0.30</samp>",
        ),
        ("FloatText", json!({}), "<div><samp>0.0</samp>"),
        ("FloatLogSlider", json!({}), "<div><samp>1.00</samp>"),
        (
            "IntRangeSlider",
            json!({"value": [3, 8]}),
            "<div><samp>3 – 8</samp>",
        ),
        ("Play", json!({}), "<div><samp>0</samp>"),
        (
            "Dropdown",
            json!({"_options_labels": ["a"], "description": "D"}),
            "<div>D",
        ),
        (
            "Dropdown",
            json!({"_options_labels": ["a", "b"], "index": 1}),
            "<div><samp>b</samp>",
        ),
        (
            "SelectMultiple",
            json!({"_options_labels": vec!["x"; 40], "index": (0..32).collect::<Vec<_>>()}),
            "x, … and 12 more</samp>",
        ),
        (
            "Checkbox",
            json!({"description": "C"}),
            "<div><samp>☐ C</samp>",
        ),
        (
            "DatePicker",
            json!({"value": {"year": 2024, "month": 0, "date": 31}, "description": "Day"}),
            "<div>Day <samp>2024-01-31</samp>",
        ),
        (
            "TimePicker",
            json!({"value": {"hours": 13, "minutes": 5, "seconds": 0, "milliseconds": 0}}),
            "<div><samp>13:05</samp>",
        ),
        (
            "NaiveDatetimePicker",
            json!({"value": {"year": 2024, "month": 0, "date": 1, "hours": 1, "minutes": 2}}),
            "<div><samp>2024-01-01 01:02</samp>",
        ),
        (
            "DatetimePicker",
            json!({"value": {"year": 2024, "month": 0, "date": 1, "hours": 1, "minutes": 2}}),
            "<div><samp>2024-01-01 01:02 UTC</samp>",
        ),
        ("Password", json!({"description": "P"}), "<div>P"),
        (
            "Password",
            json!({"value": "secret"}),
            "<div><samp>•••</samp>",
        ),
        (
            "TagsInput",
            json!({"value": ["pizza", "fries"]}),
            "<div><samp>pizza, fries</samp>",
        ),
        (
            "IntsInput",
            json!({"value": [1, 2]}),
            "<div><samp>1, 2</samp>",
        ),
        (
            "FileUpload",
            json!({"value": [{"name": "a.csv"}]}),
            "<div><kbd>Upload</kbd> <samp>a.csv</samp>",
        ),
        ("Button", json!({"icon": "check"}), "<div><kbd>check</kbd>"),
        (
            "Textarea",
            json!({"value": "a\n  b"}),
            "<div><pre>a\n  b</pre>",
        ),
        ("Label", json!({}), ""),
        ("HTML", json!({}), ""),
        ("HBox", json!({"children": []}), ""),
        (
            "Text",
            json!({"value": "pay $5 or $6 now, $x$"}),
            "<div><samp>pay $5 or $6 now, $x$</samp>",
        ),
        ("HTML", json!({"value": "<b>$x$</b>"}), "<b>$x$</b>"),
        ("Map", json!({}), NOTE),
    ] {
        let html = one(model(name, state.clone()));
        let is_it = html == expected || (name == "SelectMultiple" && html.ends_with(expected));
        assert!(is_it, "{name} {state}:\n{html}\n{expected}");
    }
}

#[test]
fn formulas_are_typeset_in_labels_and_descriptions() {
    for (name, state) in [
        ("Label", json!({"value": "$x < 1$"})),
        ("HTMLMath", json!({"value": "<b>$x$</b>"})),
        ("Text", json!({"description": "$x$"})),
    ] {
        assert!(one(model(name, state)).contains("<math"), "{name}");
    }
}

#[test]
fn bars_are_full_and_empty_only_at_their_ends() {
    for (state, class, words) in [
        (json!({"max": 50}), "nb-bar-0", "0 of 50"),
        (json!({"value": 1}), "nb-bar-5", "1 of 100"),
        (json!({"value": 99}), "nb-bar-95", "99 of 100"),
        (json!({"value": 100}), "nb-bar-100", "100 of 100"),
        (json!({"value": 52}), "nb-bar-50", "52 of 100"),
    ] {
        let html = one(model("IntProgress", state));
        let expected = format!("{class}\">{words}<");
        assert!(html.contains(&expected), "{html}\n{expected}");
    }
}

#[test]
fn pictures_sounds_and_films_are_shown() {
    let svg = "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciPjx0ZXh0IHk9IjIwIj5oaTwvdGV4dD48L3N2Zz4=";
    for (name, format, data, expected) in [
        ("Image", "png", PNG, "src=\"data:image/png;base64,iVBO"),
        (
            "Image",
            "svg+xml",
            svg,
            "src=\"data:image/svg+xml;base64,PHN2",
        ),
        (
            "Audio",
            "wav",
            "AAAA",
            "<audio controls=\"\" src=\"data:audio/wav;base64,AAAA\">",
        ),
        (
            "Video",
            "mp4",
            "AAAA",
            "<video controls=\"\" src=\"data:video/mp4;base64,AAAA\">",
        ),
        ("Image", "url", "AAAA", NOTE),
    ] {
        let html = one(with_bytes(name, json!({"format": format}), data));
        assert!(html.contains(expected), "{name} {format}: {html}");
    }
    let bad = one(with_bytes(
        "Video",
        json!({"format": "\" onplay=\"x"}),
        "AAAA",
    ));
    assert!(!bad.contains("onplay"), "{bad}");
}

#[test]
fn what_is_not_shown_has_a_note_in_its_place() {
    let label = model("Label", json!({"value": "L"}));
    let row = |children: Value| {
        shown(
            json!({"w": model("HBox", json!({"children": children})), "l": label,
            "own": {"model_name": "HTMLModel", "model_module": "other", "state": {"value": "x"}}}),
        )
    };
    for children in [
        json!(["IPY_MODEL_gone", "IPY_MODEL_l"]),
        json!(["IPY_MODEL_own", "IPY_MODEL_l"]),
    ] {
        let html = row(children);
        let expected = format!("<td>{NOTE}</td><td><div><samp>L</samp>");
        assert!(html.contains(&expected), "{html}");
    }
    assert!(row(json!(["IPY_MODEL_gone"])).contains(NOTE));
    let many = row(json!(vec!["IPY_MODEL_l"; 500]));
    assert!(
        many.contains("101 more widgets are not shown here."),
        "{many}"
    );
    let mut deep = Map::new();
    for at in 0..30 {
        let id = if at == 0 {
            "w".to_owned()
        } else {
            at.to_string()
        };
        let children = json!(["IPY_MODEL_l", format!("IPY_MODEL_{}", at + 1)]);
        deep.insert(id, model("VBox", json!({"children": children})));
    }
    deep.insert("l".to_owned(), label.clone());
    assert!(shown(Value::Object(deep)).contains(NOTE));
}

#[test]
fn layouts_hide_widgets() {
    let slider = |layout: &str| {
        let state = json!({"description": "hid", "layout": format!("IPY_MODEL_{layout}")});
        model("IntSlider", state)
    };
    let layouts = |rest: Value| {
        let mut models = json!({
            "none": {"model_name": "LayoutModel", "model_module": "@jupyter-widgets/base",
                     "state": {"display": "none"}},
            "hidden": {"model_name": "LayoutModel", "model_module": "@jupyter-widgets/base",
                       "state": {"visibility": "hidden"}},
            "l": model("Label", json!({"value": "L"})),
            "s": slider("hidden"),
        });
        for (id, model) in rest.as_object().unwrap() {
            models[id] = model.clone();
        }
        shown(models)
    };
    assert_eq!(layouts(json!({"w": slider("none")})), "");
    assert_eq!(layouts(json!({"w": slider("hidden")})), "");
    assert!(layouts(json!({"w": slider("other")})).contains("hid"));
    let children = json!(["IPY_MODEL_s", "IPY_MODEL_l"]);
    let html = layouts(json!({"w": model("Box", json!({"children": children}))}));
    let row = "<table><tbody><tr><td><div><samp>L</samp></div></td></tr></tbody></table>";
    assert_eq!(html, row);
}

#[test]
fn the_chosen_page_is_open() {
    let pages = |name: &str, version: &str, mut state: Value| {
        state["children"] = json!(["IPY_MODEL_a", "IPY_MODEL_b"]);
        let mut pages = model(name, state);
        pages["model_module_version"] = json!(version);
        shown(
            json!({"w": pages, "a": model("Label", json!({"value": "A"})),
            "b": model("Label", json!({"value": "B"}))}),
        )
    };
    let one = json!({"selected_index": 1});
    assert_eq!(pages("Stack", "2.0.0", one), "<div><samp>B</samp>");
    assert_eq!(pages("Stack", "2.0.0", json!({})), "");
    for (name, version, open) in [
        ("Tab", "1.5.0", 1),
        ("Accordion", "1.5.0", 1),
        ("Accordion", "2.0.0", 0),
    ] {
        let html = pages(name, version, json!({}));
        assert_eq!(html.matches("<details open").count(), open, "{html}");
        assert_eq!(html.matches("<details").count(), 2, "{html}");
    }
}

#[test]
fn values_close_only_what_they_opened() {
    for value in [
        "<!-- open",
        "</td></tr></table></div></div>",
        "<b><table><tr>",
        "<pre>",
        "\u{FDD1}0\u{FDD2}",
    ] {
        let html = shown(json!({
            "w": model("HBox", json!({"children": ["IPY_MODEL_v", "IPY_MODEL_l"]})),
            "v": model("HTML", json!({"value": value})),
            "l": model("Label", json!({"value": "after"})),
        }));
        let after = "</td><td><div><samp>after</samp></div></td></tr></tbody></table>";
        assert!(html.ends_with(after), "{value}: {html}");
    }
}

#[test]
fn an_output_widget_shows_its_outputs() {
    let display =
        |data: Value| json!({"output_type": "display_data", "metadata": {}, "data": data});
    let outputs = json!([
        {"output_type": "stream", "name": "stdout", "text": "1\r2\n"},
        {"output_type": "error", "ename": "KeyError", "evalue": "k", "traceback": ["\u{1b}[31mKeyError: k"]},
        display(json!({"image/png": PNG, "text/plain": "<Figure>"})),
        display(json!({"text/html": "<b>bold</b><script>x()</script>"})),
        display(json!({"text/plain": "plain"})),
        display(json!({"text/latex": "$x$"})),
        display(json!({VIEW_MIME: {"model_id": "s"}})),
    ]);
    let html = shown(json!({
        "w": model("VBox", json!({"children": ["IPY_MODEL_s", "IPY_MODEL_o"]})),
        "s": model("IntSlider", json!({"value": 7})),
        "o": {"model_name": "OutputModel", "model_module": "@jupyter-widgets/output",
              "state": {"outputs": outputs}},
    }));
    for part in [
        "<div><samp>7</samp></div>",
        "<pre class=\"nb-stdout\">2\n</pre>",
        "<pre class=\"nb-error\"",
        "<span class=\"ansi-fg-1\">KeyError: k</span>",
        "<img class=\"nb-image\" src=\"data:image/png;base64,",
        "<b>bold</b>",
        "plain</pre>",
        "<math",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert_eq!(html.matches("<samp>7</samp>").count(), 2, "{html}");
    assert!(!html.contains("nb-show") && !html.contains("<script"));
}

#[test]
fn an_output_widget_that_holds_itself_ends() {
    let view = json!({"output_type": "display_data", "data": {VIEW_MIME: {"model_id": "w"}}});
    let html = shown(json!({
        "w": {"model_name": "OutputModel", "state": {"outputs": vec![view; 30]}}}));
    assert!(html.contains(NOTE) && html.len() < 1_000_000);
}

#[test]
fn the_state_of_colab_has_no_object_around_it() {
    let models = json!({"w": model("Label", json!({"value": "L"}))});
    assert!(shown_as(&models, 1).contains("<samp>L</samp>"));
}

#[test]
fn large_states_that_are_shown_often_are_read_in_bounds() {
    let labels: Vec<String> = (0..100_000).map(|at| at.to_string()).collect();
    let models = json!({
        "w": model("VBox", json!({"children": vec!["IPY_MODEL_m"; 399]})),
        "m": model("SelectMultiple", json!({"_options_labels": labels, "index": vec![99_999; 20]})),
    });
    let start = Instant::now();
    let html = shown_as(&json!({"state": models}), 50);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    assert!(html.contains("99999, ") && html.contains(NOTE));
}
