//! The lines that the documentation gives its readers to copy, as it has them now: a test that runs
//! them fails when a page is wrong.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::repository;

/// The only code in a section of a page that is in this language, such as `shell`.
pub fn code_block(page: &str, section: &str, language: &str) -> Result<String> {
    let blocks = code_blocks(page, section, language)?;
    match <[String; 1]>::try_from(blocks) {
        Ok([block]) => Ok(block),
        Err(blocks) => bail!(
            "{page} has {} blocks of {language} in {section:?}, and the test is for one",
            blocks.len()
        ),
    }
}

/// All code in a section of a page that is in this language, in its order. The section ends at the
/// next heading of any level.
pub fn code_blocks(page: &str, section: &str, language: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(repository().join(page))
        .with_context(|| format!("{page} cannot be read"))?;
    let blocks = blocks_in(&text, section, language);
    match blocks.is_empty() {
        true => bail!("{page} has no {language} in {section:?}"),
        false => Ok(blocks),
    }
}

fn blocks_in(text: &str, section: &str, language: &str) -> Vec<String> {
    let is_meant = |block: &DocumentBlock| block.section == section && block.language == language;
    let blocks = all_blocks(text).into_iter().filter(is_meant);
    blocks.map(|block| block.code).collect()
}

/// A block of code in a page.
#[derive(Debug, PartialEq, Eq)]
struct DocumentBlock {
    /// The heading before it.
    section: String,
    language: String,
    /// What stands behind the language: `run=NAME`, or `by-hand: REASON`.
    mark: String,
    code: String,
}

fn all_blocks(text: &str) -> Vec<DocumentBlock> {
    let mut blocks = Vec::new();
    let mut section = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            line.trim_start_matches('#').trim().clone_into(&mut section);
        }
        // A block in a list is indented, and each of its lines by as much.
        let indent = line.len() - line.trim_start().len();
        let Some(info) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let code = lines
            .by_ref()
            .take_while(|line| line.trim() != "```")
            .flat_map(|line| [line.get(indent..).unwrap_or_default(), "\n"])
            .collect();
        let (language, mark) = info.split_once(' ').unwrap_or((info, ""));
        blocks.push(DocumentBlock {
            section: section.clone(),
            language: language.trim().to_owned(),
            mark: mark.trim().to_owned(),
            code,
        });
    }
    blocks
}

/// The pages of the trainer's handbook.
pub const HANDBOOK: [&str; 5] = [
    "docs/handbook.md",
    "docs/handbook/by-hand.md",
    "docs/handbook/other-hubs.md",
    "docs/handbook/trouble.md",
    "docs/handbook/upkeep.md",
];

/// The runs of the handbook: the name, the page that its blocks are in, and the source of the test that
/// runs them, in their order.
pub const RUNS: &[(&str, &str, &str)] = &[
    (
        "own-server",
        "docs/handbook.md",
        "tests/tests/fresh/handbook.rs",
    ),
    (
        "evening-before",
        "docs/handbook.md",
        "tests/tests/fresh/handbook.rs",
    ),
    (
        "evening-after",
        "docs/handbook.md",
        "tests/tests/e2e/handbook.rs",
    ),
    (
        "after-fetch",
        "docs/handbook.md",
        "tests/tests/e2e/handbook.rs",
    ),
    (
        "backup",
        "docs/handbook/upkeep.md",
        "tests/tests/fresh/handbook.rs",
    ),
    (
        "trouble",
        "docs/handbook/trouble.md",
        "tests/tests/fresh/handbook.rs",
    ),
    (
        "by-hand",
        "docs/handbook/by-hand.md",
        "tests/tests/fresh/by_hand.rs",
    ),
];

/// A block of shell in the handbook that a test runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunBlock {
    pub page: String,
    /// The heading before it.
    pub section: String,
    pub code: String,
}

impl RunBlock {
    /// The same block with other words in the place of some, as the hostname of a test's server for
    /// that of the handbook.
    ///
    /// # Errors
    /// When one of them is not there: a test that changes nothing would run something else than it
    /// says.
    pub fn with(&self, words: &[(&str, &str)]) -> Result<Self> {
        let mut code = self.code.clone();
        for (from, to) in words {
            if !code.contains(from) {
                let Self { page, section, .. } = self;
                bail!("{page}, {section:?}: there is no {from:?} in {code:?}");
            }
            code = code.replace(from, to);
        }
        Ok(Self {
            code,
            ..self.clone()
        })
    }
}

/// The blocks of shell in a page of the handbook that are marked `run=NAME`, in their order.
///
/// # Errors
/// When the page cannot be read, or has none.
pub fn run_blocks(page: &str, name: &str) -> Result<Vec<RunBlock>> {
    let text = fs::read_to_string(repository().join(page))
        .with_context(|| format!("{page} cannot be read"))?;
    let blocks: Vec<RunBlock> = all_blocks(&text)
        .into_iter()
        .filter(|block| run_name(block) == Some(name))
        .map(|DocumentBlock { section, code, .. }| RunBlock {
            page: page.to_owned(),
            section,
            code,
        })
        .collect();
    match blocks.is_empty() {
        true => bail!("{page} has no block that is marked run={name}"),
        false => Ok(blocks),
    }
}

fn run_name(block: &DocumentBlock) -> Option<&str> {
    let name = block.mark.strip_prefix("run=")?;
    (block.language == "shell").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Why no test runs a block.
    fn by_hand_reason(block: &DocumentBlock) -> Option<&str> {
        let reason = block.mark.strip_prefix("by-hand:")?.trim();
        (!reason.is_empty()).then_some(reason)
    }

    const PAGE: &str = "\
# Page
```shell
before
```
## Section
1. First

   ```shell
   # no heading
     indented

   ```

```python
import this
```
```shell
second
```
### Below
```shell
after
```
";

    #[test]
    fn the_blocks_of_a_section_are_found_in_their_language() {
        assert_eq!(
            blocks_in(PAGE, "Section", "shell"),
            ["# no heading\n  indented\n\n", "second\n"]
        );
        assert_eq!(blocks_in(PAGE, "Section", "python"), ["import this\n"]);
        assert_eq!(blocks_in(PAGE, "Below", "shell"), ["after\n"]);
        assert!(blocks_in(PAGE, "Elsewhere", "shell").is_empty());
    }

    #[test]
    fn what_stands_behind_the_language_is_no_part_of_it() {
        let page =
            "# Page\n```shell run=evening\none\n```\n```shell by-hand: it costs money\ntwo\n```\n";
        assert_eq!(blocks_in(page, "Page", "shell"), ["one\n", "two\n"]);
        let blocks = all_blocks(page);
        assert_eq!(run_name(&blocks[0]), Some("evening"));
        assert_eq!(by_hand_reason(&blocks[1]), Some("it costs money"));
    }

    #[test]
    fn each_block_of_the_handbook_is_run_or_says_why_not() {
        let mut wrong = Vec::new();
        for page in HANDBOOK {
            let text = fs::read_to_string(repository().join(page)).unwrap();
            for block in all_blocks(&text).iter().filter(|it| it.language == "shell") {
                let is_run = run_name(block).is_some_and(|name| RUNS.iter().any(|it| it.0 == name));
                if !is_run && by_hand_reason(block).is_none() {
                    wrong.push(format!("{page}, {:?}: {}", block.section, block.code));
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "neither run=NAME, of {RUNS:?}, nor by-hand: REASON: {wrong:#?}"
        );
    }

    #[test]
    fn each_run_is_in_its_page_and_has_its_test() {
        for (name, page, test) in RUNS {
            run_blocks(page, name).unwrap();
            let source = fs::read_to_string(repository().join(test)).unwrap();
            assert!(
                source.contains(&format!("\"{name}\"")),
                "{test} does not run {name}"
            );
        }
    }

    #[test]
    fn all_pages_of_the_handbook_are_known() {
        let folder = fs::read_dir(repository().join("docs/handbook")).unwrap();
        let mut pages: Vec<String> = folder
            .map(|entry| format!("docs/handbook/{}", entry.unwrap().file_name().display()))
            .collect();
        pages.push("docs/handbook.md".to_owned());
        pages.sort();
        assert_eq!(pages, HANDBOOK);
    }

    #[test]
    fn a_block_is_run_with_other_words() {
        let block = &run_blocks("docs/handbook.md", "own-server").unwrap()[0];
        let words = [
            ("alpha-lab.pipal.in", "lab.test"),
            ("--email ines@example.org", "--no-tls"),
        ];
        let code = block.with(&words).unwrap().code;
        assert_eq!(
            code,
            "sudo ./pipalhub setup-node lab.test --no-tls \\\n    --instructor ines --no-accounts\n"
        );
        assert!(block.with(&[("nothing of it", "x")]).is_err());
    }

    #[test]
    fn a_page_without_the_code_is_named() {
        let error = code_block("README.md", "Try it", "python").unwrap_err();
        assert!(error.to_string().contains("README.md"), "{error}");
    }
}
