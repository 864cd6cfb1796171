//! The files that this program brings to a server: those of `etc/`, and the sources of the two
//! Python packages.

use std::{borrow::Cow, collections::BTreeMap};

use rust_embed::Embed;

#[derive(Embed)]
#[folder = "../etc/node"]
struct NodeFiles;

#[derive(Embed)]
#[folder = "../etc/systemd"]
struct SystemdFiles;

#[derive(Embed)]
#[folder = "../etc/pipalhub"]
struct SettingsFiles;

#[derive(Embed)]
#[folder = "../singleuser"]
struct SingleuserSources;

#[derive(Embed)]
#[folder = "../wheel"]
struct HubSources;

/// Files by their path in the bundle.
pub(super) type BundledFiles = BTreeMap<String, Cow<'static, [u8]>>;

/// All files of `etc/node`, by their path there.
pub(super) fn node_files() -> BundledFiles {
    files::<NodeFiles>()
}

/// The text of a file of `etc/node`.
///
/// # Panics
/// When there is no such file, which the tests would see.
pub(super) fn node_file(path: &str) -> String {
    text(NodeFiles::get(path), path)
}

/// The text of a file of `etc/systemd`.
///
/// # Panics
/// When there is no such file.
pub(super) fn systemd_file(path: &str) -> String {
    text(SystemdFiles::get(path), path)
}

/// The text of a file of `etc/pipalhub`.
///
/// # Panics
/// When there is no such file.
pub(super) fn settings_file(path: &str) -> String {
    text(SettingsFiles::get(path), path)
}

/// The sources of `pipalhub-singleuser`, by their path in `singleuser/`.
pub(super) fn singleuser_sources() -> BundledFiles {
    files::<SingleuserSources>()
}

/// The sources of the Hub's side, by their path in `wheel/`.
pub(super) fn hub_sources() -> BundledFiles {
    files::<HubSources>()
}

/// All that is brought along, in one order, for whoever needs to know whether it has changed.
pub(super) fn everything() -> impl Iterator<Item = (String, Cow<'static, [u8]>)> {
    let system = files::<SystemdFiles>().into_iter();
    node_files()
        .into_iter()
        .chain(system)
        .chain(files::<SettingsFiles>())
        .chain(singleuser_sources())
        .chain(hub_sources())
}

fn files<Folder: Embed>() -> BundledFiles {
    let is_source = |path: &Cow<'static, str>| !path.contains("__pycache__");
    let content = |path: Cow<'static, str>| {
        let file = Folder::get(&path)?;
        Some((path.into_owned(), file.data))
    };
    Folder::iter()
        .filter(is_source)
        .filter_map(content)
        .collect()
}

fn text(file: Option<rust_embed::EmbeddedFile>, path: &str) -> String {
    let file = file.unwrap_or_else(|| panic!("the program brings {path} along"));
    String::from_utf8_lossy(&file.data).into_owned()
}
