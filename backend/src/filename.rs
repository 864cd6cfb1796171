//! One name for one file: turns a path as people and programs write it into the one form in which
//! it is stored, compared and shown.
//!
//! Such a path is text from outside. No file is opened by it, and whether there is one is known
//! to [`crate::homes`] only.

use serde::{Deserialize, Deserializer};

/// Why a text is no path of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidFilename {
    /// No part is left in the plain form.
    #[error("names no file")]
    Empty,
    /// Has a `..`, which may lead elsewhere when there are links.
    #[error("has .. in it; name the file by the folders it is in")]
    Up,
}

/// The path `text` with each folder named once: `a//b`, `a/./b`, `./a/b` and `a/b/` are all
/// `a/b`. One that begins with a slash still does.
pub(crate) fn plain_path(text: &str) -> Result<String, InvalidFilename> {
    let below = plain_filename(text)?;
    Ok(match text.starts_with('/') {
        true => format!("/{below}"),
        false => below,
    })
}

/// The same of a path below a home, which begins with no slash.
pub(crate) fn plain_filename(text: &str) -> Result<String, InvalidFilename> {
    let parts = text.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts: Vec<&str> = parts.collect();
    if parts.contains(&"..") {
        return Err(InvalidFilename::Up);
    }
    if parts.is_empty() {
        return Err(InvalidFilename::Empty);
    }
    Ok(parts.join("/"))
}

/// The field `filename` of a query. A text that is no filename stays as it is, and is the name of
/// no file.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    Ok(plain_filename(&text).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_file_has_one_name() {
        for text in ["a/b", "./a/b", "a//b", "a/./b", "a/b/", ".//a/././b/."] {
            assert_eq!(plain_filename(text).unwrap(), "a/b", "{text}");
            assert_eq!(plain_path(text).unwrap(), "a/b", "{text}");
            assert_eq!(plain_path(&format!("/{text}")).unwrap(), "/a/b", "{text}");
            assert_eq!(plain_filename(&format!("//{text}")).unwrap(), "a/b");
        }
        assert_eq!(plain_filename("..a/.b").unwrap(), "..a/.b");
        for text in ["", "/", ".", "./"] {
            assert_eq!(plain_filename(text), Err(InvalidFilename::Empty), "{text}");
        }
        for text in ["..", "a/..", "../a", "a/../b"] {
            assert_eq!(plain_path(text), Err(InvalidFilename::Up), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_path_stays_as_it_is(text in "[./a]{0,12}") {
            if let Ok(plain) = plain_path(&text) {
                prop_assert_eq!(plain_path(&plain), Ok(plain.clone()));
                // It has the components that the module of the homes reads.
                let parts = |text: &str| {
                    let path = std::path::Path::new(text).components();
                    path.filter(|part| *part != std::path::Component::CurDir)
                        .map(|part| part.as_os_str().to_owned())
                        .collect::<Vec<_>>()
                };
                prop_assert_eq!(parts(&plain), parts(&text));
            }
        }
    }
}
