//! The paths of builds below the output folder.
//!
//! ```text
//! module1/day1/                   everything of module1/day1.ipynb
//!   00-summary.html  00-summary.ipynb
//!   ana.html                      ana's copy as a document
//!   notebooks/ana.ipynb           ana's copy as it is
//! ```
//!
//! Participants choose the names, so a name may be anything that a file's name can be. A name
//! that would take the path of another file here, is hidden, or could not be written gets an
//! underscore before it, and so does a name that begins with an underscore, so that any two
//! names stay different.

use std::path::{Component, Path};

use sha2::{Digest, Sha256};

/// The name of the summary, before its ending: it comes first in a listing.
pub(super) const SUMMARY: &str = "00-summary";
/// The folder of the copies of notebooks.
pub(super) const COPIES: &str = "notebooks";
/// The ending of a document's name.
pub(super) const HTML: &str = ".html";
/// The ending of a notebook's name.
pub(super) const IPYNB: &str = ".ipynb";

/// The longest name that is used unchanged, in bytes. File systems allow 255.
const MAX_NAME_BYTES: usize = 200;
/// Characters that are kept of a longer name.
const SHORTENED_NAME_CHARS: usize = 40;

/// The folder of the notebook `filename`; `None` when that is not a notebook's path.
pub(super) fn folder_of(filename: &str) -> Option<String> {
    let parts: Vec<&str> = filename.strip_suffix(IPYNB)?.split('/').collect();
    let (_, folders) = parts.split_last()?;
    let is_name = |part: &&str| !matches!(*part, "" | "." | "..");
    if !folders.iter().all(is_name) {
        return None;
    }
    let names: Vec<String> = parts.into_iter().map(name).collect();
    Some(names.join("/"))
}

/// The export of `user`'s copy of a notebook with this folder.
pub(super) fn export(folder: &str, user: &str) -> String {
    format!("{folder}/{}{HTML}", name(user))
}

/// The copy of `user`'s notebook.
pub(super) fn copy(folder: &str, user: &str) -> String {
    format!("{folder}/{COPIES}/{}{IPYNB}", name(user))
}

/// The summary, with this ending.
pub(super) fn summary(folder: &str, ending: &str) -> String {
    format!("{folder}/{SUMMARY}{ending}")
}

/// The export of a notebook that is in no home, by its absolute path.
pub(super) fn outside(path: &Path) -> Option<String> {
    let stem = path.to_str()?.strip_suffix(IPYNB)?;
    let names: Vec<String> = Path::new(stem)
        .components()
        .filter(|part| *part != Component::RootDir)
        .map(|part| Some(name(part.as_os_str().to_str()?)))
        .collect::<Option<_>>()?;
    Some(names.join("/") + HTML)
}

/// The user whose export or copy has this name, as far as the name says.
pub(crate) fn owner_of(file: &str) -> Option<String> {
    let stem = file
        .strip_suffix(HTML)
        .or_else(|| file.strip_suffix(IPYNB))?;
    let is_ours = stem != SUMMARY && !stem.starts_with('.');
    is_ours.then(|| stem.strip_prefix('_').unwrap_or(stem).to_owned())
}

/// `text` as the name of a file, before its ending, or of a folder.
pub(crate) fn name(text: &str) -> String {
    // A slash is in the names that services of the Hub have here.
    let unwritable = |c: char| c.is_control() || matches!(c, '\\' | '/');
    if text.len() > MAX_NAME_BYTES || text.contains(unwritable) {
        let plain = text.chars().map(|c| if unwritable(c) { '-' } else { c });
        let plain: String = plain.take(SHORTENED_NAME_CHARS).collect();
        let hash = Sha256::digest(text);
        let hash: String = hash[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        return format!("_~{plain}-{hash}");
    }
    let taken = [SUMMARY, COPIES].contains(&text)
        || text.ends_with(HTML)
        || text.ends_with(IPYNB)
        || text.starts_with(['_', '.'])
        || text.is_empty();
    format!("{}{text}", if taken { "_" } else { "" })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_is_that_of_the_original() {
        let folder = folder_of("module1/day1.ipynb").unwrap();
        assert_eq!(export(&folder, "ana"), "module1/day1/ana.html");
        assert_eq!(copy(&folder, "ana"), "module1/day1/notebooks/ana.ipynb");
        assert_eq!(summary(&folder, HTML), "module1/day1/00-summary.html");
        assert_eq!(
            outside(Path::new("/srv/x/day1.ipynb")).unwrap(),
            "srv/x/day1.html"
        );
    }

    #[test]
    fn odd_names_are_marked_and_others_are_kept() {
        for (text, expected) in [
            ("ana@example.org", "ana@example.org"),
            ("Tag 1 %20 #ü", "Tag 1 %20 #ü"),
            ("notebooks", "_notebooks"),
            ("00-summary", "_00-summary"),
            ("_x", "__x"),
            (".x", "_.x"),
            ("a.html", "_a.html"),
            ("..", "_.."),
            ("", "_"),
        ] {
            assert_eq!(name(text), expected);
        }
        for text in ["a\\..\\b", "a\nb", "service/a", &"ü".repeat(120)] {
            let name = name(text);
            assert!(name.starts_with("_~") && name.len() < 220, "{name}");
            assert!(!name.contains(['\\', '\n', '/']), "{name}");
        }
        for nowhere in [
            "day1",
            "../x.ipynb",
            "a/../x.ipynb",
            "/x.ipynb",
            "a//x.ipynb",
        ] {
            assert_eq!(folder_of(nowhere), None, "{nowhere}");
        }
    }

    proptest! {
        /// Whatever the names are, no two files have one path, no file has the path of a folder,
        /// and all can be written.
        #[test]
        fn no_file_takes_the_path_of_another(
            users in prop::collection::btree_set("[_~.a/\\\\-]{1,4}|notebooks|00-summary|a{1,3}\\.html|b.ipynb|\\PC{1,300}", 1..6),
            filenames in prop::collection::btree_set("((a|notebooks|_?x\\.html|00-summary)/){0,3}(a|notebooks|00-summary|a\\.html|b\\.ipynb|_)?\\.ipynb", 1..6),
        ) {
            let mut places = HashMap::new();
            for filename in &filenames {
                let folder = folder_of(filename).unwrap();
                let mut all = vec![summary(&folder, HTML), summary(&folder, IPYNB)];
                for user in &users {
                    all.extend([export(&folder, user), copy(&folder, user)]);
                }
                for place in all {
                    prop_assert!(place.split('/').all(|part| {
                        !part.is_empty() && !part.starts_with('.') && part.len() <= 255
                    }), "{place}");
                    prop_assert_eq!(places.insert(place, filename), None);
                }
            }
            for place in places.keys() {
                for (at, _) in place.match_indices('/') {
                    prop_assert!(!places.contains_key(&place[..at]), "{place}");
                }
            }
        }
    }
}
