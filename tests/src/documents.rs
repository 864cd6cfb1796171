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
    let mut blocks = Vec::new();
    let mut is_in_section = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            is_in_section = line.trim_start_matches('#').trim() == section;
        }
        // A block in a list is indented, and each of its lines by as much.
        let indent = line.len() - line.trim_start().len();
        let Some(info) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let block: String = lines
            .by_ref()
            .take_while(|line| line.trim() != "```")
            .flat_map(|line| [line.get(indent..).unwrap_or_default(), "\n"])
            .collect();
        if is_in_section && info.trim() == language {
            blocks.push(block);
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_page_without_the_code_is_named() {
        let error = code_block("README.md", "Try it", "python").unwrap_err();
        assert!(error.to_string().contains("README.md"), "{error}");
    }
}
