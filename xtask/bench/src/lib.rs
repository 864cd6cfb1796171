//! The renderer as wasm, for the page that measures it: it renders cells as the frontend does,
//! without the frontend around it.

use shared::{
    prepared::PreparedCell,
    render::{self, Options},
};
use wasm_bindgen::prelude::wasm_bindgen;

/// The HTML of cells in JSON, as the service sends them.
///
/// # Errors
/// When the JSON is not what the service sends.
#[wasm_bindgen]
pub fn render(prepared_json: &str) -> Result<String, String> {
    Ok(render::cells(&cells(prepared_json)?, &Options::default()).into_string())
}

/// The HTML of each cell by itself: the page of one notebook replaces only the changed cells.
///
/// # Errors
/// When the JSON is not what the service sends.
#[wasm_bindgen]
pub fn render_each(prepared_json: &str) -> Result<Vec<String>, String> {
    let cells = cells(prepared_json)?;
    let each = cells.iter().map(std::slice::from_ref);
    Ok(each
        .map(|cell| render::cells(cell, &Options::default()).into_string())
        .collect())
}

fn cells(prepared_json: &str) -> Result<Vec<PreparedCell>, String> {
    serde_json::from_str(prepared_json).map_err(|error| error.to_string())
}
