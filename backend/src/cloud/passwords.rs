//! The passwords of a node's class on the trainer's machine: a table that is this user's alone,
//! beside what is known of the node, and a sheet of cards to print. They go with the node.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use csv::{ReaderBuilder, WriterBuilder};
use qrcodegen::{QrCode, QrCodeEcc};
use shared::render::escape::text;

use super::state::NodeFolder;
use crate::{files, secret::Secret};

const PASSWORDS_FILE: &str = "passwords.csv";
const CARDS_FILE: &str = "cards.html";
/// Light around a code, in its squares, without which cameras do not find it.
const QUIET_ZONE: i32 = 2;
/// How the sheet looks, on paper above all.
const STYLE: &str = "\
body { font: 11pt/1.4 system-ui, sans-serif; margin: 1cm; color: #111 }
ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(8cm, 1fr)); padding: 0 }
li { display: flex; justify-content: space-between; gap: 4mm; padding: 4mm;
     border: 1px dashed #999; break-inside: avoid; overflow-wrap: anywhere }
dl, dd, p { margin: 0 } dt { font-size: 80% } dd { font: 600 12pt/1.4 ui-monospace, monospace }
svg { flex: none; width: 24mm; height: 24mm }
@media print { h1 { display: none } }";

/// Names and passwords of a class.
pub(super) struct NodePasswords {
    path: PathBuf,
    all: BTreeMap<String, Secret>,
}

impl NodePasswords {
    /// Reads those of a node; there are none when there is no file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn open(folder: &NodeFolder) -> anyhow::Result<Self> {
        let path = folder.file(PASSWORDS_FILE);
        let named = || format!("cannot read {}", path.display());
        let all = match fs::read(&path) {
            Ok(bytes) => read(&bytes).with_context(named)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(named),
        };
        Ok(Self { path, all })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn of(&self, name: &str) -> Option<&Secret> {
        self.all.get(name)
    }

    /// Adds these; they are on the disk when this returns.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn add(&mut self, new: &BTreeMap<String, Option<Secret>>) -> anyhow::Result<()> {
        for (name, password) in new {
            if let Some(password) = password {
                self.all.insert(name.clone(), password.clone());
            }
        }
        self.keep()
    }

    /// Forgets these, who were not added.
    ///
    /// # Errors
    /// When the others cannot be written.
    pub(super) fn forget(&mut self, names: &[String]) -> anyhow::Result<()> {
        for name in names {
            self.all.remove(name);
        }
        self.keep()
    }

    fn keep(&self) -> anyhow::Result<()> {
        let named = || format!("cannot write {}", self.path.display());
        let mut writer = WriterBuilder::new().from_writer(Vec::new());
        writer.write_record(["username", "password"])?;
        for (name, password) in &self.all {
            writer.write_record([name, password.reveal()])?;
        }
        let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error);
        files::replace(&self.path, &bytes.with_context(named)?).with_context(named)
    }

    /// Writes the sheet of cards, with the address of the node on each; returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write_cards(
        &self,
        folder: &NodeFolder,
        hostname: &str,
    ) -> anyhow::Result<PathBuf> {
        let path = folder.file(CARDS_FILE);
        files::replace(&path, self.cards(hostname).as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    fn cards(&self, hostname: &str) -> String {
        let address = format!("https://{hostname}/");
        let code = qr_code(&address);
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
             <title>{0}</title>\n<style>\n{STYLE}\n</style></head>\n<body>\n<h1>{0}</h1>\n<ul>\n",
            text(hostname)
        );
        for (name, password) in &self.all {
            writeln!(
                out,
                "<li><div><p>{}</p><dl><dt>Name</dt><dd>{}</dd><dt>Password</dt><dd>{}</dd></dl>\
                 </div>{code}</li>",
                text(&address),
                text(name),
                text(password.reveal())
            )
            .expect("a text takes whatever is written to it");
        }
        out + "</ul>\n</body>\n</html>\n"
    }
}

fn read(bytes: &[u8]) -> anyhow::Result<BTreeMap<String, Secret>> {
    let mut reader = ReaderBuilder::new().from_reader(bytes);
    let records = reader.deserialize::<(String, String)>();
    let read = records.map(|record| record.map(|(name, it)| (name, Secret::new(it))));
    Ok(read.collect::<Result<_, _>>()?)
}

/// The address as a QR code; one that is too long has none.
fn qr_code(address: &str) -> String {
    let Ok(code) = QrCode::encode_text(address, QrCodeEcc::Medium) else {
        return String::new();
    };
    let mut path = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                write!(path, "M{} {}h1v1h-1z", x + QUIET_ZONE, y + QUIET_ZONE)
                    .expect("a text takes whatever is written to it");
            }
        }
    }
    let size = code.size() + 2 * QUIET_ZONE;
    format!("<svg viewBox=\"0 0 {size} {size}\" role=\"img\"><path d=\"{path}\"/></svg>")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn passwords_are_kept_as_they_are_and_are_the_owners() {
        let nodes = tempfile::tempdir().unwrap();
        let folder = NodeFolder::take(nodes.path(), "alpha").unwrap();
        let mut passwords = NodePasswords::open(&folder).unwrap();
        let new = [("ana", "a,\"b\""), ("bo", "<b>&"), ("cy", "=x")];
        let new = new.map(|(name, it)| (name.to_owned(), Some(Secret::new(it))));
        passwords.add(&new.into()).unwrap();
        passwords.forget(&["cy".to_owned()]).unwrap();
        let read = NodePasswords::open(&folder).unwrap();
        assert_eq!(read.of("ana").unwrap().reveal(), "a,\"b\"");
        assert!(read.of("cy").is_none());
        let cards = read.write_cards(&folder, "lab.example").unwrap();
        for path in [read.path(), &cards] {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
        let cards = fs::read_to_string(cards).unwrap();
        assert!(cards.contains("<dd>&lt;b&gt;&amp;</dd>"), "{cards}");
        assert!(cards.contains("https://lab.example/") && cards.contains("<svg"));
    }
}
