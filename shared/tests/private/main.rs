//! The vectors of private cells, which the Python cutter of participants' servers is held to as
//! well (`singleuser/pipalhub_singleuser/private.py`, `tests/python/test_content.py`).
//!
//! Each file here is a list of notebooks: what is in one (`notebook`, or `base64` where it is no
//! UTF-8), and what may leave of it: `rest` (or `rest_base64`), `null` where nothing may, and all
//! of it where neither is there. The words in `canaries` are in what is private.
//! `PIPALHUB_VECTORS=DIR` goes through those in another folder.

#![cfg(not(target_arch = "wasm32"))]

use std::{env, fs, path::PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use shared::notebook::without_private;

fn decoded(text: &Value) -> Vec<u8> {
    let text = text.as_str().expect("base64 in a text");
    BASE64_STANDARD.decode(text).expect("base64")
}

fn bytes_of(vector: &Value) -> Vec<u8> {
    match vector.get("notebook") {
        Some(notebook) => notebook.as_str().expect("a text").into(),
        None => decoded(&vector["base64"]),
    }
}

/// What is left of the notebook, `None` when nothing may be.
fn rest_of(vector: &Value) -> Option<Vec<u8>> {
    match (vector.get("rest"), vector.get("rest_base64")) {
        (Some(rest), _) => rest.as_str().map(Into::into),
        (None, Some(rest)) => Some(decoded(rest)),
        (None, None) => Some(bytes_of(vector)),
    }
}

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes
        .windows(word.len())
        .any(|window| window == word.as_bytes())
}

#[test]
fn the_cutter_leaves_what_the_vectors_say() {
    let folder = env::var_os("PIPALHUB_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/private"),
        PathBuf::from,
    );
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder of vectors") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read(&path).expect("a file of vectors");
        let vectors: Vec<Value> = serde_json::from_slice(&text).expect("a list of vectors");
        for vector in &vectors {
            let name = format!("{}: {}", path.display(), vector["about"]);
            let rest = without_private(bytes_of(vector)).ok();
            let shown = |rest: &Option<Vec<u8>>| {
                let shown = rest.as_deref().map(String::from_utf8_lossy);
                shown.map(std::borrow::Cow::into_owned)
            };
            let expected = rest_of(vector);
            assert_eq!(shown(&rest), shown(&expected), "{name}");
            assert!(rest == expected, "{name}");
            let canaries = vector["canaries"].as_array().into_iter().flatten();
            for canary in canaries.filter_map(Value::as_str) {
                assert!(contains(&bytes_of(vector), canary), "{name}");
                assert!(!rest.iter().any(|rest| contains(rest, canary)), "{name}");
            }
            count += 1;
        }
    }
    assert!(count > 100, "{count} vectors");
}
