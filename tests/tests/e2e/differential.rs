//! The notebook crate against other readers of the same files: the rules of tail, trim and merge
//! written a second time in Python, and Jupyter's own `nbformat`.

use std::{
    collections::HashSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use shared::{notebook::Notebook, prepare, render, sanitize::Ammonia};
use tempfile::TempDir;
use tests::setting;

/// The number of generated notebooks, and their seed.
const NOTEBOOK_COUNT: &str = "10000";
const SEED: &str = "20230817";

/// Fixtures that nbformat refuses.
const REFUSED_FIXTURES: [&str; 1] = ["broken.ipynb"];

#[test]
#[ignore = "needs Python: cargo xtask test"]
fn tail_trim_and_merge_follow_the_rules() -> Result<()> {
    let cases = python("tail_oracle.py", &[SEED, NOTEBOOK_COUNT])?;
    let mut notebooks = 0;
    for (at, line) in cases.lines().enumerate() {
        let case: Value = serde_json::from_str(line)?;
        let parts = parts(&case)?;
        notebooks += parts.len();
        let merged = Notebook::merge(parts).context("there is one")?;
        check(&case, &merged.to_json()).with_context(|| format!("case {at} of seed {SEED}"))?;
    }
    ensure!(
        notebooks.to_string() == NOTEBOOK_COUNT,
        "only {notebooks} notebooks"
    );
    Ok(())
}

/// The same by `pipalhub tail`, with files: some of the cases, since each is a process.
#[test]
#[ignore = "needs Python and the service: cargo xtask test"]
fn the_tail_command_follows_the_rules() -> Result<()> {
    let cases = python("tail_oracle.py", &["1", "60"])?;
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line)?;
        let folder = TempDir::with_prefix("pipalhub-tail-")?;
        let mut command = Command::new(setting("PIPALHUB_BIN"));
        let [cells, lines] = [&case["cells"], &case["lines"]].map(Value::to_string);
        command
            .args(["tail", "-n", &cells, "-l", &lines])
            .current_dir(&folder);
        for part in case["parts"].as_array().context("parts")? {
            let [stem, text] = strings(part)?;
            let file = format!("./{stem}.ipynb");
            fs::write(folder.path().join(&file), text)?;
            command.arg(file);
        }
        let output = command.output()?;
        ensure!(output.status.success(), "{output:?}");
        check(&case, &String::from_utf8(output.stdout)?)
            .with_context(|| format!("{case:.2000}"))?;
    }
    Ok(())
}

#[test]
#[ignore = "needs nbformat: cargo xtask test"]
fn rendered_notebooks_have_the_cells_and_outputs_that_nbformat_finds() -> Result<()> {
    let fixtures = notebooks_in(&tests::repository().join("shared/fixtures"))?;
    ensure!(fixtures.len() >= 10, "only {} fixtures", fixtures.len());
    for (file, refused) in compare(&fixtures)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let expected = REFUSED_FIXTURES.contains(&&*name);
        ensure!(refused.is_some() == expected, "{name}: {refused:?}");
    }
    // Notebooks of other projects, which are not part of this repository.
    if let Some(corpus) = env::var_os("PIPALHUB_CORPUS") {
        let corpus = notebooks_in(Path::new(&corpus))?;
        for (file, refused) in compare(&corpus)? {
            if let Some(why) = refused {
                eprintln!("nbformat refuses {}: {why}", file.display());
            }
        }
    }
    Ok(())
}

/// Compares the rendered cells and outputs of each file with the numbers of nbformat. Returns the
/// files, each with nbformat's error if it could not read it.
fn compare(files: &[PathBuf]) -> Result<Vec<(PathBuf, Option<String>)>> {
    let paths: Vec<&str> = files.iter().filter_map(|file| file.to_str()).collect();
    let counts = python("count_cells.py", &paths)?;
    ensure!(counts.lines().count() == files.len(), "{counts}");
    let mut compared = Vec::new();
    for (file, line) in files.iter().zip(counts.lines()) {
        let counted: Value = serde_json::from_str(line)?;
        if let Some(why) = counted["refused"].as_str() {
            compared.push((file.clone(), Some(why.to_owned())));
            continue;
        }
        let parsed = Notebook::parse(&fs::read(file)?)?;
        let cells = prepare::cells(&parsed.notebook, 0, &Ammonia);
        let outputs: Vec<usize> = cells
            .iter()
            .map(|cell| outputs_in(&html_of(cell)))
            .collect();
        let expected: Vec<usize> = serde_json::from_value(counted["outputs"].clone())?;
        let name = file.display();
        ensure!(
            counted["cells"] == cells.len(),
            "{name}: {} cells",
            cells.len()
        );
        ensure!(
            outputs == expected,
            "{name}: {outputs:?} and not {expected:?}"
        );
        let whole = render::cells(&cells, &render::Options::default());
        let sections = whole.as_str().matches("<div class=\"nb-cell").count();
        ensure!(sections == cells.len(), "{name}: {sections} sections");
        compared.push((file.clone(), None));
    }
    Ok(compared)
}

fn html_of(cell: &shared::prepared::PreparedCell) -> String {
    render::cells(std::slice::from_ref(cell), &render::Options::default()).into_string()
}

fn outputs_in(html: &str) -> usize {
    html.matches("class=\"nb-output ").count()
}

/// The notebooks of a case, with its tail and trim applied.
fn parts(case: &Value) -> Result<Vec<(String, Notebook)>> {
    let number = |key: &str| case[key].as_u64().map(usize::try_from).context("a number");
    let (cells, lines) = (number("cells")??, number("lines")??);
    let parts = case["parts"].as_array().context("parts")?.iter();
    let cut = parts.map(|part| {
        let [stem, text] = strings(part)?;
        let parsed = Notebook::parse(text.as_bytes())?;
        ensure!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
        Ok((stem.to_owned(), parsed.notebook.tail(cells).trim(lines)))
    });
    cut.collect()
}

fn strings(part: &Value) -> Result<[&str; 2]> {
    let text = |at: usize| part[at].as_str().context("a text");
    Ok([text(0)?, text(1)?])
}

/// Checks that `written` is the result that the case expects: byte for byte for one notebook, as
/// JSON for several, with ids that are valid and different.
fn check(case: &Value, written: &str) -> Result<()> {
    if let Some(exact) = case["exact"].as_str() {
        ensure!(written == exact, "{written}\nand not\n{exact}");
        return Ok(());
    }
    let mut result: Value = serde_json::from_str(written)?;
    let expected = &case["expected"];
    let open = expected["cells"].as_array().context("cells")?;
    let cells = result["cells"].as_array_mut().context("no cells")?;
    ensure!(cells.len() == open.len(), "{} cells", cells.len());
    let mut ids = HashSet::new();
    for (cell, open) in cells.iter_mut().zip(open) {
        let id = cell["id"]
            .as_str()
            .context("a cell without an id")?
            .to_owned();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        ensure!(
            (1..=64).contains(&id.len()) && id.bytes().all(allowed),
            "the id {id}"
        );
        if open["id"].is_null() {
            cell["id"] = Value::Null;
        }
        ensure!(ids.insert(id), "an id is there twice");
    }
    for (cell, open) in cells.iter().zip(open) {
        ensure!(cell == open, "{cell}\nand not\n{open}");
    }
    ensure!(&result == expected, "{written}");
    Ok(())
}

/// The output of a script of this package.
fn python(script: &str, arguments: &[&str]) -> Result<String> {
    let path = tests::repository().join("tests/python").join(script);
    let output = Command::new(setting("PIPALHUB_VENV").join("bin/python"))
        .arg(path)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .context("Python cannot be started")?;
    ensure!(
        output.status.success(),
        "{script} ended with {}",
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn notebooks_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "ipynb")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
