//! The imports between the files of a crate.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::{Attribute, Item, UseTree, Visibility, visit::Visit};

/// The modules of a crate, by their paths: `""` is the crate's root, `class::look` a module.
pub(crate) struct Sources {
    modules: BTreeMap<String, ModuleNames>,
}

/// One import of the item at `path`, from one module to the module that defines it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) path: String,
}

/// The names of one module.
#[derive(Default)]
struct ModuleNames {
    /// PathCollector that `use` declarations give here, and the paths that they stand for.
    aliases: BTreeMap<String, Vec<String>>,
    /// Modules that are imported with `*`.
    globs: Vec<Vec<String>>,
    /// PathCollector that are imported for this file's own code, and not only re-exported.
    used: BTreeSet<String>,
    /// Paths in the code.
    paths: BTreeSet<Vec<String>>,
    /// PathCollector of the items that are defined here.
    defined: BTreeSet<String>,
    /// Modules below this one that only tests have.
    for_tests: BTreeSet<String>,
}

impl Sources {
    /// Reads every file below `src`.
    pub(crate) fn read(src: &Path) -> Self {
        let mut modules = BTreeMap::new();
        let mut folders = vec![(src.to_owned(), String::new())];
        while let Some((folder, path)) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let file = entry.unwrap().path();
                let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
                let below = match path.as_str() {
                    "" => stem.clone(),
                    path => format!("{path}::{stem}"),
                };
                if file.is_dir() {
                    folders.push((file, below));
                } else if file.extension().is_some_and(|ending| ending == "rs") {
                    let name = match stem.as_str() {
                        "lib" => String::new(),
                        "mod" => path.clone(),
                        _ => below,
                    };
                    let source = fs::read_to_string(&file).unwrap();
                    modules.insert(name, ModuleNames::of(&syn::parse_file(&source).unwrap()));
                }
            }
        }
        let is_for_tests = |name: &str| {
            name.match_indices("::")
                .map(|(at, _)| at)
                .chain([name.len()])
                .any(|end| {
                    let (above, last) = name[..end].rsplit_once("::").unwrap_or(("", &name[..end]));
                    modules
                        .get(above)
                        .is_some_and(|above: &ModuleNames| above.for_tests.contains(last))
                })
        };
        let tests: Vec<String> = modules
            .keys()
            .filter(|name| is_for_tests(name))
            .cloned()
            .collect();
        for name in tests {
            modules.remove(&name);
        }
        Self { modules }
    }

    /// Every import, to the file that has the definition.
    pub(crate) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (from, module) in &self.modules {
            let imported = module.used.iter().map(|name| &module.aliases[name]);
            let all = imported.chain(&module.globs).chain(&module.paths);
            for path in all {
                if let Some(to) = self.definition(from, path, 0)
                    && to != *from
                {
                    imports.insert(Import {
                        from: from.clone(),
                        to,
                        path: path.join("::"),
                    });
                }
            }
        }
        imports
    }

    /// Groups of files of which each imports, directly or through others, all the rest. Imports
    /// between a module and one below it do not count, since the two are read together.
    pub(crate) fn circles(&self) -> Vec<Vec<String>> {
        let is_below = |one: &str, other: &str| {
            let rest = one.strip_prefix(other);
            rest.is_some_and(|rest| other.is_empty() || rest.starts_with("::"))
        };
        let is_own = |Import { from, to, .. }: &Import| is_below(from, to) || is_below(to, from);
        let mut imports = self.imports();
        imports.retain(|import| !is_own(import));
        let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for import in &imports {
            next.entry(&import.from).or_default().insert(&import.to);
        }
        let reachable = |from: &'_ str| {
            let mut seen = BTreeSet::new();
            let mut left = vec![from];
            while let Some(at) = left.pop() {
                for &to in next.get(at).into_iter().flatten() {
                    if seen.insert(to) {
                        left.push(to);
                    }
                }
            }
            seen
        };
        let reach: BTreeMap<&str, BTreeSet<&str>> =
            next.keys().map(|&from| (from, reachable(from))).collect();
        let mut groups: BTreeSet<Vec<String>> = BTreeSet::new();
        for (&from, seen) in &reach {
            if !seen.contains(from) {
                continue;
            }
            let group: BTreeSet<&str> = seen
                .iter()
                .copied()
                .filter(|&to| reach.get(to).is_some_and(|back| back.contains(from)))
                .collect();
            let inside = imports.iter().filter(|import| {
                group.contains(import.from.as_str()) && group.contains(import.to.as_str())
            });
            groups.insert(
                inside
                    .map(|Import { from, to, path }| format!("{from} imports {to} ({path})"))
                    .collect(),
            );
        }
        groups.into_iter().collect()
    }

    /// The module whose file defines the last name of `path`, resolved from `module`; `None` for
    /// an item of another crate.
    fn definition(&self, module: &str, path: &[String], depth: usize) -> Option<String> {
        let mut at = module.to_owned();
        let mut rest = path;
        let mut is_first = true;
        while let Some((name, after)) = rest.split_first() {
            match name.as_str() {
                "crate" | "backend" if is_first => at = String::new(),
                "self" => {}
                "super" => at = above(&at)?,
                name => {
                    let below = child(&at, name);
                    if self.modules.contains_key(&below) {
                        at = below;
                    } else {
                        let known = self.modules.get(&at)?;
                        if let Some(alias) = known.aliases.get(name)
                            && depth < 16
                            && alias != path
                        {
                            let mut whole = alias.clone();
                            whole.extend(after.iter().cloned());
                            return self.definition(&at, &whole, depth + 1);
                        }
                        if known.defined.contains(name) || !is_first {
                            return Some(at);
                        }
                        return None;
                    }
                }
            }
            is_first = false;
            rest = after;
        }
        Some(at)
    }
}

fn child(module: &str, name: &str) -> String {
    match module {
        "" => name.to_owned(),
        module => format!("{module}::{name}"),
    }
}

fn above(module: &str) -> Option<String> {
    match module.rsplit_once("::") {
        Some((above, _)) => Some(above.to_owned()),
        None if module.is_empty() => None,
        None => Some(String::new()),
    }
}

impl ModuleNames {
    fn of(file: &syn::File) -> Self {
        let mut module = Self::default();
        let mut names = PathCollector::default();
        let mut passed_on = BTreeSet::new();
        for item in &file.items {
            if is_for_tests(attributes(item)) {
                if let Item::Mod(item) = item {
                    module.for_tests.insert(item.ident.to_string());
                }
                continue;
            }
            if let Item::Use(item) = item {
                let mut leaves = Vec::new();
                flatten(&item.tree, &mut Vec::new(), &mut leaves);
                for (name, path) in leaves {
                    if name == "*" {
                        module.globs.push(path);
                        continue;
                    }
                    if !matches!(item.vis, Visibility::Inherited) {
                        passed_on.insert(name.clone());
                    }
                    module.aliases.insert(name, path);
                }
                continue;
            }
            if let Some(name) = defined(item) {
                module.defined.insert(name);
            }
            names.visit_item(item);
        }
        module.used = module.aliases.keys().cloned().collect();
        module
            .used
            .retain(|name| !passed_on.contains(name) || names.words.contains(name));
        module.paths = names.paths;
        module
    }
}

/// Collects the paths in a piece of code, and every identifier in it.
#[derive(Default)]
struct PathCollector {
    paths: BTreeSet<Vec<String>>,
    words: BTreeSet<String>,
}

impl PathCollector {
    fn tokens(&mut self, tokens: proc_macro2::TokenStream) {
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Ident(ident) => {
                    self.words.insert(ident.to_string());
                }
                proc_macro2::TokenTree::Group(group) => self.tokens(group.stream()),
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for PathCollector {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        self.words.extend(names.iter().cloned());
        if names.len() > 1 {
            self.paths.insert(names);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
        syn::visit::visit_macro(self, item);
    }
}

fn flatten(tree: &UseTree, path: &mut Vec<String>, leaves: &mut Vec<(String, Vec<String>)>) {
    match tree {
        UseTree::Path(next) => {
            path.push(next.ident.to_string());
            flatten(&next.tree, path, leaves);
            path.pop();
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            if name == "self" {
                let last = path.last().unwrap().clone();
                leaves.push((last, path.clone()));
            } else {
                let mut whole = path.clone();
                whole.push(name.clone());
                leaves.push((name, whole));
            }
        }
        UseTree::Rename(rename) => {
            let mut whole = path.clone();
            whole.push(rename.ident.to_string());
            leaves.push((rename.rename.to_string(), whole));
        }
        UseTree::Glob(_) => leaves.push(("*".to_owned(), path.clone())),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, path, leaves);
            }
        }
    }
}

fn defined(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg = attribute.path().is_ident("cfg");
        let list = attribute.meta.require_list();
        is_cfg && list.is_ok_and(|list| list.tokens.to_string().contains("test"))
    })
}
