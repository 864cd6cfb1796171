//! Makes what Trunk has built smaller.
//!
//! The program and its script call each other by names, and a name that wasm-bindgen has made ends
//! in a hash, of which nothing can be compressed; here it gets a short one in both. The script is
//! minified: Trunk's own minifier does not know all that wasm-bindgen writes, and leaves it as it is.

use std::{
    collections::HashMap,
    convert::Infallible,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256, Sha384};
use wasm_encoder::{
    ExportSection, ImportSection, Module,
    reencode::{Error, Reencode},
};
use wasmparser::{Export, ImportSectionReader, Parser};

use crate::{
    command::{execute, program},
    tools,
};

/// The ends of the names of a program and its script, after what both have in common.
const PROGRAM_END: &str = "_bg.wasm";
const SCRIPT_END: &str = ".js";
/// How the names begin that wasm-bindgen makes.
const MADE_NAMES: [&str; 3] = ["__wbg_", "__wbindgen_", "wasm_bindgen__"];
/// What short names begin with; no name of wasm-bindgen's does.
const SHORT_NAME: char = '$';

/// Makes the one program in `folder` and its script smaller. Browsers keep files by their names,
/// which are those of contents, so both get new ones in the document.
pub(super) fn slim(folder: &Path) -> anyhow::Result<()> {
    let document = only(folder, ".html")?;
    let program = only(folder, PROGRAM_END)?;
    let stem = file_name(&program)?
        .strip_suffix(PROGRAM_END)
        .context("the program was found by its end")?
        .to_owned();
    let script = folder.join(format!("{stem}{SCRIPT_END}"));
    let [old_program, old_script] = [read(&program)?, read(&script)?];
    let mut names = ShortNames::default();
    let new_program = names.shorten_in_program(&old_program)?;
    let old_text = std::str::from_utf8(&old_script).context("the script is no text")?;
    fs::write(&script, names.shorten_in_script(old_text)?)?;
    let new_script = minified(&script)?;
    let digest = Sha256::new_with_prefix(&new_program)
        .chain_update(&new_script)
        .finalize();
    let hash: String = digest[..8].iter().map(|b| format!("{b:02x}")).collect();
    let (title, _) = stem.rsplit_once('-').context("a name has no hash")?;
    let new_stem = format!("{title}-{hash}");
    let page = String::from_utf8(read(&document)?)?;
    let page = page
        .replace(&integrity(&old_program), &integrity(&new_program))
        .replace(&integrity(&old_script), &integrity(&new_script))
        .replace(&stem, &new_stem);
    fs::remove_file(&program)?;
    fs::remove_file(&script)?;
    for (name, contents) in [
        (format!("{new_stem}{PROGRAM_END}"), &new_program[..]),
        (format!("{new_stem}{SCRIPT_END}"), &new_script[..]),
        (file_name(&document)?.to_owned(), page.as_bytes()),
    ] {
        let path = folder.join(name);
        fs::write(&path, contents).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The only file in `folder` whose name ends so.
fn only(folder: &Path, end: &str) -> anyhow::Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if file_name(&path)?.ends_with(end) {
            found.push(path);
        }
    }
    match <[PathBuf; 1]>::try_from(found) {
        Ok([path]) => Ok(path),
        Err(found) => bail!(
            "{} has {} files that end in {end}, and not one",
            folder.display(),
            found.len()
        ),
    }
}

fn file_name(path: &Path) -> anyhow::Result<&str> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.with_context(|| format!("{} has no name in Unicode", path.display()))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// By what the document says which contents it means, so that a browser runs no others.
fn integrity(contents: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha384::digest(contents))
}

/// The script without what only people read; as it is where there is no npm.
fn minified(script: &Path) -> anyhow::Result<Vec<u8>> {
    let Some(folder) = tools::terser()? else {
        return read(script);
    };
    let arguments = ["--module", "--compress", "passes=2", "--mangle"];
    let mut terser = program(folder.join("terser"));
    execute(
        terser
            .arg(script)
            .args(arguments)
            .arg("--output")
            .arg(script),
    )?;
    read(script)
}

/// The short names of what a program takes from its script and gives to it.
#[derive(Default)]
struct ShortNames(HashMap<String, String>);

impl ShortNames {
    /// The program with short names in place of wasm-bindgen's.
    fn shorten_in_program(&mut self, program: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut module = Module::new();
        self.parse_core_module(&mut module, Parser::new(0), program)
            .map_err(|error| anyhow::anyhow!("the program cannot be read: {error}"))?;
        Ok(module.finish())
    }

    /// The script with the same short names.
    fn shorten_in_script(&self, script: &str) -> anyhow::Result<String> {
        let is_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == SHORT_NAME;
        let mut shortened = String::with_capacity(script.len());
        let mut rest = script;
        while !rest.is_empty() {
            let word = &rest[..rest.find(|c| !is_of_name(c)).unwrap_or(rest.len())];
            let is_short = word
                .strip_prefix(SHORT_NAME)
                .is_some_and(|number| number.parse::<usize>().is_ok());
            ensure!(!is_short, "the script has a name {word} of its own");
            shortened += self.0.get(word).map_or(word, String::as_str);
            rest = &rest[word.len()..];
            let others = rest.find(is_of_name).unwrap_or(rest.len());
            shortened += &rest[..others];
            rest = &rest[others..];
        }
        Ok(shortened)
    }

    fn short<'n>(&'n mut self, name: &'n str) -> &'n str {
        if !MADE_NAMES.iter().any(|start| name.starts_with(start)) {
            return name;
        }
        let number = self.0.len();
        self.0
            .entry(name.to_owned())
            .or_insert_with(|| format!("{SHORT_NAME}{number}"))
    }
}

impl Reencode for ShortNames {
    type Error = Infallible;

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for import in section.into_imports() {
            let import = import?;
            let kind = self.entity_type(import.ty)?;
            imports.import(import.module, self.short(import.name), kind);
        }
        Ok(())
    }

    fn parse_export(
        &mut self,
        exports: &mut ExportSection,
        export: Export<'_>,
    ) -> Result<(), Error<Infallible>> {
        let kind = self.export_kind(export.kind)?;
        let index = self.external_index(export.kind, export.index)?;
        exports.export(self.short(export.name), kind, index);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, ExportKind, ExportSection, Function, FunctionSection, ImportSection, Module,
        TypeSection,
    };
    use wasmparser::{Parser, Payload};

    use super::ShortNames;

    const IMPORTS: [&str; 2] = ["__wbg_log_0123456789abcdef", "__wbindgen_throw"];
    const EXPORTS: [&str; 2] = ["__wbindgen_start", "cancel"];

    fn program() -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        for name in IMPORTS {
            imports.import("./page_bg.js", name, wasm_encoder::EntityType::Function(0));
        }
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut exports = ExportSection::new();
        for name in EXPORTS {
            exports.export(name, ExportKind::Func, 2);
        }
        let mut body = Function::new([]);
        body.instructions().call(0).end();
        let mut code = CodeSection::new();
        code.function(&body);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions);
        module.section(&exports).section(&code);
        module.finish()
    }

    fn names(program: &[u8]) -> (Vec<String>, Vec<String>) {
        let [mut imports, mut exports] = [Vec::new(), Vec::new()];
        for payload in Parser::new(0).parse_all(program) {
            match payload.expect("a program") {
                Payload::ImportSection(section) => imports.extend(
                    section
                        .into_imports()
                        .map(|import| import.expect("an import").name.to_owned()),
                ),
                Payload::ExportSection(section) => exports.extend(
                    section
                        .into_iter()
                        .map(|export| export.expect("an export").name.to_owned()),
                ),
                _ => {}
            }
        }
        (imports, exports)
    }

    #[test]
    fn a_program_and_its_script_have_the_same_short_names() {
        let mut short = ShortNames::default();
        let shortened = short.shorten_in_program(&program()).expect("a program");
        let (imports, exports) = names(&shortened);
        assert_eq!(imports, ["$0", "$1"]);
        assert_eq!(exports, ["$2", "cancel"]);
        let script = "const i = { __wbg_log_0123456789abcdef: () => {}, __wbindgen_throw };\n\
                      wasm.__wbindgen_start(); wasm.cancel(`${x}`); my__wbindgen_start();";
        assert_eq!(
            short.shorten_in_script(script).expect("a script"),
            "const i = { $0: () => {}, $1 };\nwasm.$2(); wasm.cancel(`${x}`); my__wbindgen_start();"
        );
    }

    #[test]
    fn a_script_with_such_names_of_its_own_is_refused() {
        let error = ShortNames::default()
            .shorten_in_script("const $3 = 1;")
            .expect_err("a name of its own");
        assert!(error.to_string().contains("$3"), "{error}");
    }
}
