//! Words, numbers and signs of a source, in any language, parsable or not.

/// Bytes of a source that are looked at. Nobody types more, and a longer one is told by these.
const MAX_SOURCE_BYTES: usize = 64 * 1024;

/// The tokens of a source, without white space: words, numbers and single signs.
pub(crate) fn tokens(source: &str) -> impl Iterator<Item = &str> {
    let mut rest = looked_at(source);
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let length = if is_of_word(first) {
            rest.find(|c| !is_of_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, left) = rest.split_at(length);
        rest = left;
        Some(token)
    })
}

/// The part of a source that is looked at.
pub(crate) fn looked_at(source: &str) -> &str {
    &source[..source.floor_char_boundary(MAX_SOURCE_BYTES)]
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_signs_are_tokens() {
        let found: Vec<&str> = tokens("df_1 = größe(x)  # ½\n").collect();
        assert_eq!(found, ["df_1", "=", "größe", "(", "x", ")", "#", "½"]);
    }

    #[test]
    fn a_long_source_is_looked_at_in_part() {
        assert_eq!(tokens(&"é ".repeat(100_000)).count(), MAX_SOURCE_BYTES / 3);
    }
}
