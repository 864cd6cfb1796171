//! The renderer for the page that measures it: what the dashboard does with the cells
//! it was sent, without the dashboard around it.

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

/// The same, a text for each cell: the page of one notebook replaces only those that
/// have changed.
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
