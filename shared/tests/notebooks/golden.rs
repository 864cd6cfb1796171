//! Compares the prepared cells and the HTML of `fixtures/NAME.ipynb` with `NAME.prepared.json`
//! and `NAME.html`. With `UPDATE=1` in the environment both files are written anew, to be read in
//! the diff.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::support::{parse, prepare, render};

/// Prepares and renders the fixture `name` and compares both with the files.
fn check(name: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let source = fs::read_to_string(folder.join(format!("{name}.ipynb"))).expect("the fixture");
    let cells = prepare(&parse(&source));
    let mut prepared = serde_json::to_string_pretty(&cells).expect("cells are JSON");
    prepared.push('\n');
    compare(&folder.join(format!("{name}.prepared.json")), &prepared);
    compare(&folder.join(format!("{name}.html")), &render(&cells));
    let again: Vec<_> = serde_json::from_str(&prepared).expect("what was written can be read");
    assert_eq!(cells, again, "{name}: the wire form loses something");
}

fn compare(path: &Path, actual: &str) {
    if env::var_os("UPDATE").is_some() {
        fs::write(path, actual).expect("the fixtures can be written");
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} differs; UPDATE=1 writes it anew.\n--- expected\n{expected}\n--- actual\n{actual}",
        path.display()
    );
}

macro_rules! golden {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            check(stringify!($name));
        }
    )*};
}

golden! {
    attachments broken drawings formulas formulas_in_html hand_written hidden_parts html html_of_libraries images languages_of_cells links live maths numbers other_languages outputs pandas progress python_json r_and_julia styled_tables terminals
    traceback v2 v3 v3_sizes v4_5 widgets
}
