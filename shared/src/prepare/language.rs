//! The language of a cell, which need not be that of its notebook.

use std::borrow::Cow;

use crate::{
    notebook::{Cell, RawJson},
    render::highlight,
};

/// The language of the code cell `cell` in a notebook of the language `own`.
///
/// Notebooks of several kernels say it in their cells: VS Code, Polyglot Notebooks, SoS; nbformat 2
/// and 3 have a field for it. The first that names a known language counts, because VS Code says
/// `polyglot-notebook` of every cell of such a notebook. IPython's cell magics are read with the
/// source.
pub(super) fn of<'a>(cell: &'a Cell, own: &'a str) -> Cow<'a, str> {
    let said = |table: &str, key: &str| cell.metadata()?.get(table)?.get(key)?.as_str();
    let sos = || cell.metadata()?.get("kernel").and_then(RawJson::as_str);
    let found = [
        said("vscode", "languageId"),
        said("polyglot_notebook", "kernelName"),
        said("dotnet_interactive", "language"),
        sos(),
        cell.language().map(Cow::Borrowed),
    ];
    let mut named = found.into_iter().flatten().filter(|name| !name.is_empty());
    let first = named.next();
    let known = match first {
        Some(first) if !highlight::knows(&first) => {
            named.find(|name| highlight::knows(name)).or(Some(first))
        }
        first => first,
    };
    let known = known.filter(|name| name != "polyglot-notebook");
    let named = known.unwrap_or(Cow::Borrowed(own));
    match named.as_ref() {
        // SoS is Python with a few commands of its own.
        "SoS" | "sos" | "Python3" => Cow::Borrowed("python"),
        _ => named,
    }
}
