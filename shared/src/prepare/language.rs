//! The language of a cell, which need not be that of its notebook.

use std::borrow::Cow;

use crate::notebook::{Cell, RawJson};

/// The language of the code cell `cell` in a notebook of the language `own`.
///
/// Notebooks of several kernels say it in their cells: VS Code, Polyglot Notebooks, SoS; nbformat 2
/// and 3 have a field for it. IPython's cell magics are read with the source.
pub(super) fn of<'a>(cell: &'a Cell, own: &'a str) -> Cow<'a, str> {
    let said = |table: &str, key: &str| cell.metadata()?.get(table)?.get(key)?.as_str();
    let sos = || cell.metadata()?.get("kernel").and_then(RawJson::as_str);
    let found = said("vscode", "languageId")
        .or_else(|| said("polyglot_notebook", "kernelName"))
        .or_else(|| said("dotnet_interactive", "language"))
        .or_else(sos)
        .filter(|name| !name.is_empty());
    let named = found.or_else(|| cell.language().map(Cow::Borrowed));
    let named = named.unwrap_or(Cow::Borrowed(own));
    match named.as_ref() {
        // SoS is Python with a few commands of its own.
        "SoS" | "sos" | "Python3" => Cow::Borrowed("python"),
        _ => named,
    }
}
