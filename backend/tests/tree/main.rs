//! The modules are a tree: a layer imports from the layers below it and from none above, and no
//! files import each other in a circle.
//!
//! The imports of a file are read from its source: `use` declarations and paths in the code, each
//! followed through re-exports to the file that has the definition. Tests (`#[cfg(test)]`) may
//! import any module.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends where it is"
)]

mod names;
mod sources;

use std::{collections::BTreeSet, path::Path};

use sources::{Import, Sources};

/// The layers of `backend`, from above. A module may import from the layers below its own;
/// modules of one layer do not know each other.
const LAYERS: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["routes"],
    &["app"],
    &["archive", "cloud", "check"],
    &["builds", "insight", "package_news"],
    &["sharing", "history", "notices", "errands", "help", "setup"],
    &["class"],
    &["feed", "limits", "steward", "contacts"],
    &["copies"],
    &["homes"],
    &["store", "auth", "lanes", "users", "packages", "node"],
    &[
        "identity",
        "secret",
        "telemetry",
        "server",
        "sqlite",
        "time",
        "files",
        "text",
        "spawn_progress",
        "background",
        "bodies",
        "reserve",
        "filename",
        "audit",
        "trusted_file",
        "findings",
    ],
];

/// Whether this is the lowest layer, whose modules may import each other without a circle.
fn is_ground(layer: usize) -> bool {
    layer + 1 == LAYERS.len()
}

fn layer_of(module: &str) -> usize {
    let top = module.split("::").next().unwrap();
    LAYERS
        .iter()
        .position(|layer| layer.contains(&top))
        .unwrap_or_else(|| panic!("{top} has no layer: give it one here and in ARCHITECTURE.md"))
}

fn sources_of(krate: &str) -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    Sources::read(&root.join(krate).join("src"))
}

#[test]
fn imports_of_the_backend_go_to_lower_layers() {
    let mut wrong = BTreeSet::new();
    for Import { from, to, .. } in sources_of("backend").imports() {
        // The declarations in `lib.rs` and `main.rs` are no imports.
        if from.is_empty() || to.is_empty() {
            continue;
        }
        let (above, below) = (layer_of(&from), layer_of(&to));
        let is_same = from.split("::").next() == to.split("::").next();
        if !is_same && above >= below && !(above == below && is_ground(above)) {
            wrong.insert(format!("{from} imports {to}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_files_of_the_backend_import_each_other_in_a_circle() {
    let circles = sources_of("backend").circles();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn no_files_of_analytics_import_each_other_in_a_circle() {
    let circles = sources_of("analytics").circles();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn no_files_of_the_notebook_crate_import_each_other_in_a_circle() {
    let circles = sources_of("shared").circles();
    assert!(circles.is_empty(), "{circles:#?}");
}
