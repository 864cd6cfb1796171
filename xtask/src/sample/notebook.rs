//! A notebook of which a part is written, in the way that Jupyter writes it. The class decides
//! which part, and when.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::{Value, ser::PrettyFormatter};

/// A finished notebook, with its cells separate.
pub(super) struct SampleNotebook {
    /// The notebook without its `cells`.
    frame: Value,
    pub(super) cells: Vec<Value>,
}

impl SampleNotebook {
    pub(super) fn load(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("cannot read {}", path.display());
        let text = fs::read_to_string(path).with_context(named)?;
        let mut frame: Value = serde_json::from_str(&text).with_context(named)?;
        match frame["cells"].take() {
            Value::Array(cells) => Ok(Self { frame, cells }),
            _ => anyhow::bail!("{} has no cells", path.display()),
        }
    }

    /// The file as Jupyter writes it, with these cells.
    pub(super) fn text(&self, cells: &[Value]) -> String {
        let mut notebook = self.frame.clone();
        notebook["cells"] = Value::Array(cells.to_vec());
        to_jupyter_json(&notebook)
    }
}

/// JSON in the layout of nbformat: indented by one space, no escapes beyond the
/// necessary, a newline at the end.
fn to_jupyter_json(value: &Value) -> String {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    serde::Serialize::serialize(value, &mut serializer).expect("a Vec takes every byte");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// Saves as Jupyter does: the old text is kept beside the file while the file is truncated and
/// written again, so that a reader may find it half written.
pub(super) fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    let named = || format!("cannot write {}", path.display());
    let backup = backup_of(path).with_context(named)?;
    if path.exists() {
        fs::copy(path, &backup).with_context(named)?;
    } else if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(named)?;
    }
    let mut file = fs::File::create(path).with_context(named)?;
    file.write_all(text.as_bytes()).with_context(named)?;
    match fs::remove_file(&backup) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(named)
        }
        _ => Ok(()),
    }
}

/// `.~day1.ipynb` beside `day1.ipynb`.
fn backup_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    Some(path.with_file_name(format!(".~{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_notebook_is_written_as_jupyter_wrote_it() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample");
        let mut seen = 0;
        for home in fs::read_dir(sample).unwrap() {
            for name in ["day1", "warm-up"] {
                let path = home
                    .as_ref()
                    .unwrap()
                    .path()
                    .join(format!("module1/{name}.ipynb"));
                if path.is_file() {
                    let notebook = SampleNotebook::load(&path).unwrap();
                    let written = notebook.text(&notebook.cells);
                    assert!(written == fs::read_to_string(&path).unwrap(), "{path:?}");
                    seen += 1;
                }
            }
        }
        assert!(seen >= 12, "{seen} notebooks");
    }
}
