//! Each name of a type stands for one thing in the whole workspace, so that a search for it finds
//! one definition.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Ident, ItemEnum, ItemStruct, ItemTrait, ItemType, ItemUnion,
    visit::{self, Visit},
};

/// Folders with the sources of every crate.
const SOURCES: &[&str] = &[
    "analytics",
    "backend",
    "frontend",
    "fuzz",
    "shared",
    "tests",
    "xtask",
];

/// Names that are defined more than once, and why.
const SEVERAL: &[(&str, &str)] = &[
    (
        "ByteMatches",
        "one for each instruction set, of which a build has one",
    ),
    (
        "ByteVector",
        "one for each instruction set, of which a build has one",
    ),
    ("DropletServer", OF_A_SUITE),
    ("OverTls", OF_A_SUITE),
    ("ServerPlace", OF_A_SUITE),
];

/// What the made-up account of a cloud is given by each suite that has it.
const OF_A_SUITE: &str = "what a droplet is in a suite, of which each has one";

/// Where each type is defined; `file` is the one that is being read.
#[derive(Default)]
struct Definitions {
    file: PathBuf,
    types: BTreeMap<String, Vec<PathBuf>>,
}

impl Definitions {
    fn define(&mut self, name: &Ident) {
        let places = self.types.entry(name.to_string()).or_default();
        places.push(self.file.clone());
    }
}

impl<'ast> Visit<'ast> for Definitions {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.define(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        self.define(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_union(&mut self, item: &'ast ItemUnion) {
        self.define(&item.ident);
        visit::visit_item_union(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.define(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast ItemType) {
        self.define(&item.ident);
        visit::visit_item_type(self, item);
    }
}

/// Every Rust file below `folder`, but for what a build has left there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && name != "target" && name != "node_modules" {
                folders.push(path);
            } else if name.ends_with(".rs") {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn a_type_name_has_one_definition_in_the_workspace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut definitions = Definitions::default();
    for file in SOURCES.iter().flat_map(|folder| files(&root.join(folder))) {
        let source = syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap();
        definitions.file = file.strip_prefix(root).unwrap().to_owned();
        definitions.visit_file(&source);
    }
    assert!(definitions.types.len() > 500, "the sources were not found");
    let mut doubles = definitions.types;
    doubles.retain(|_, places| places.len() > 1);
    for (name, reason) in SEVERAL {
        let is_double = doubles.remove(*name).is_some();
        assert!(
            is_double,
            "{name} is defined once, and not several times ({reason})"
        );
    }
    assert!(
        doubles.is_empty(),
        "names that stand for several things: {doubles:#?}"
    );
}
