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
    let cells: Vec<PreparedCell> =
        serde_json::from_str(prepared_json).map_err(|error| error.to_string())?;
    Ok(render::cells(&cells, &Options::default()))
}
