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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of;
    use crate::notebook::Notebook;

    fn language(metadata: &Value, of_cell: &Value) -> String {
        let cell = json!({"cell_type": "code", "source": "", "outputs": [], "metadata": of_cell});
        let json = json!({"nbformat": 4, "cells": [cell], "metadata": metadata});
        let parsed = Notebook::parse(json.to_string().as_bytes()).expect("it is a notebook");
        let notebook = parsed.notebook;
        of(&notebook.cells()[0], notebook.language()).into_owned()
    }

    #[test]
    fn the_first_known_language_of_the_notebook_counts() {
        let info = |info: Value| json!({"language_info": info});
        for (metadata, expected) in [
            (json!({}), "python"),
            (info(json!({"name": "R"})), "R"),
            (info(json!({"name": "brainfuck"})), "brainfuck"),
            (
                info(json!({"name": "x", "pygments_lexer": "ipython3"})),
                "ipython3",
            ),
            (
                info(json!({"pygments_lexer": "r", "file_extension": ".jl"})),
                "r",
            ),
            (
                info(json!({"pygments_lexer": "x", "file_extension": ".jl"})),
                ".jl",
            ),
            (
                info(json!({"codemirror_mode": "text/x-csharp"})),
                "text/x-csharp",
            ),
            (
                info(json!({"codemirror_mode": {"name": "ipython", "version": 3}})),
                "ipython",
            ),
            (json!({"kernelspec": {"language": "x"}}), "x"),
            (
                json!({"kernelspec": {"language": "x", "name": "julia-1.6"}}),
                "julia-1.6",
            ),
            (json!({"kernelspec": {"name": "ir"}}), "ir"),
            (json!({"kernelspec": {"name": "mine"}}), "python"),
            (
                json!({
                    "language_info": {"name": "polyglot-notebook"},
                    "kernelspec": {"language": "C#", "name": ".net-csharp"},
                }),
                "C#",
            ),
            (
                json!({
                    "language_info": {"name": "polyglot-notebook"},
                    "polyglot_notebook": {"kernelInfo": {"defaultKernelName": "fsharp"}},
                    "kernelspec": {"language": "C#"},
                }),
                "fsharp",
            ),
        ] {
            assert_eq!(language(&metadata, &json!({})), expected, "{metadata}");
        }
    }

    #[test]
    fn the_first_known_language_of_the_cell_counts() {
        let polyglot = json!({"languageId": "polyglot-notebook"});
        for (cell, expected) in [
            (json!({}), "R"),
            (
                json!({"vscode": {"languageId": "sql"}, "kernel": "Bash"}),
                "sql",
            ),
            (json!({"vscode": {"languageId": "cobol"}}), "cobol"),
            (json!({"vscode": polyglot}), "R"),
            (
                json!({"vscode": polyglot, "polyglot_notebook": {"kernelName": "csharp"}}),
                "csharp",
            ),
            (
                json!({"vscode": polyglot, "dotnet_interactive": {"language": "pwsh"}}),
                "pwsh",
            ),
            (json!({"kernel": "Python 3"}), "Python 3"),
            (json!({"kernel": "SoS"}), "python"),
        ] {
            let notebook = json!({"language_info": {"name": "R"}});
            assert_eq!(language(&notebook, &cell), expected, "{cell}");
        }
    }
}
