//! What the bar of a notebook and the tiles of the wall say of a copy.

use crate::html::Html;

/// A save younger than this is highlighted.
pub const FRESH_SAVE_S: i64 = 10;

/// The mark that the last run ended in an error, by word and shape and not by colour alone.
pub fn error_mark(error: bool) -> Html {
    const MARK: &str = "<span class=error-mark \
        title=\"The last cell that was run ended in an error\">\
        <svg viewBox=\"0 0 12 12\" width=10 height=10 aria-hidden=true>\
        <path d=\"M2 2l8 8M10 2l-8 8\" stroke=currentColor stroke-width=2 stroke-linecap=round />\
        </svg>error</span>";
    Html::from_static(if error { MARK } else { "" })
}

/// `1 cell`, `49 cells`.
pub fn cell_count(cells: usize) -> String {
    match cells {
        1 => "1 cell".to_owned(),
        _ => format!("{cells} cells"),
    }
}
