//! The language of a notebook's code, as its metadata has it.

use super::json::RawJson;
use crate::render::highlight;

/// The language in the notebook's metadata; `python` when there is none, as in old notebooks.
///
/// The kernel's name of it counts when it is one that the highlighter knows. Others, such as
/// `polyglot-notebook`, are names of environments; what the kernel says of lexers, files and
/// editors tells then, and the kernel's specification.
pub(super) fn of(metadata: Option<RawJson<'_>>) -> &str {
    let get = |table: &str, key: &str| metadata?.get(table)?.get(key);
    let said = |table: &str, key: &str| get(table, key).and_then(text);
    let named = said("language_info", "name");
    if let Some(name) = named
        && highlight::knows(name)
    {
        return name;
    }
    let of_cells = get("polyglot_notebook", "kernelInfo");
    let mode = get("language_info", "codemirror_mode");
    let mode = mode.and_then(|mode| mode.get("name").or(Some(mode)));
    let specified = said("kernelspec", "language");
    let others = [
        of_cells.and_then(|info| info.get("defaultKernelName").and_then(text)),
        said("language_info", "pygments_lexer"),
        said("language_info", "file_extension"),
        mode.and_then(text),
        specified,
        said("kernelspec", "name"),
    ];
    let mut others = others.into_iter().flatten();
    let known = others.find(|name| highlight::knows(name));
    known.or(named).or(specified).unwrap_or("python")
}

fn text(raw: RawJson<'_>) -> Option<&str> {
    raw.as_written().filter(|name| !name.is_empty())
}
