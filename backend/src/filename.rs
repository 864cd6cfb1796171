//! One name for one file: a path as people and programs write it, in the one way that it is
//! kept, compared and shown.
//!
//! It is text that came from outside and names something. Nothing is opened by it, and it
//! says nothing about whether there is such a file: that is the matter of [`crate::homes`].

use serde::{Deserialize, Deserializer};

/// Why a text is no path of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoFilename {
    /// Nothing is left when it is written plainly.
    #[error("names no file")]
    Empty,
    /// Where it leads depends on what is there.
    #[error("has .. in it; name the file by the folders it is in")]
    Up,
}

/// The path `text` with each folder named once: `a//b`, `a/./b`, `./a/b` and `a/b/` are all
/// `a/b`. One that begins with a slash still does.
pub(crate) fn plain_path(text: &str) -> Result<String, NoFilename> {
    let below = plain_filename(text)?;
    Ok(match text.starts_with('/') {
        true => format!("/{below}"),
        false => below,
    })
}

/// The same of a path below a home, which begins with no slash.
pub(crate) fn plain_filename(text: &str) -> Result<String, NoFilename> {
    let parts = text.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts: Vec<&str> = parts.collect();
    if parts.contains(&"..") {
        return Err(NoFilename::Up);
    }
    if parts.is_empty() {
        return Err(NoFilename::Empty);
    }
    Ok(parts.join("/"))
}

/// The field `filename` of a query. What is no filename stays as it is, and is that of nothing.
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
            assert_eq!(plain_filename(text), Err(NoFilename::Empty), "{text}");
        }
        for text in ["..", "a/..", "../a", "a/../b"] {
            assert_eq!(plain_path(text), Err(NoFilename::Up), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_plain_stays_so(text in "[./a]{0,12}") {
            if let Ok(plain) = plain_path(&text) {
                prop_assert_eq!(plain_path(&plain), Ok(plain.clone()));
                // As the homes read it.
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
