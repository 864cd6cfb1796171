//! Tests that the renderer in the browser writes the same bytes as the native one: it gets the
//! prepared cells of every fixture and must write the HTML beside them.

use shared::render::{self, Options};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn check(name: &str, prepared: &str, html: &str) {
    let cells: Vec<_> = serde_json::from_str(prepared).expect("a fixture is prepared cells");
    let options = Options {
        id_prefix: "nb1-".to_owned(),
        frames: true,
        ..Options::default()
    };
    assert!(
        render::cells(&cells, &options).as_str() == html,
        "{name} differs"
    );
}

macro_rules! golden {
    ($($name:ident)*) => {$(
        #[wasm_bindgen_test]
        fn $name() {
            check(
                stringify!($name),
                include_str!(concat!("../../fixtures/", stringify!($name), ".prepared.json")),
                include_str!(concat!("../../fixtures/", stringify!($name), ".html")),
            );
        }
    )*};
}

golden! {
    attachments broken drawings formulas formulas_in_html hand_written hidden_parts html html_of_libraries images languages_of_cells links live maths numbers other_languages outputs pandas progress python_json r_and_julia styled_tables terminals
    traceback v2 v3 v3_sizes v4_5 widgets
}
