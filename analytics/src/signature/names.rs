//! The names of a cell's owner, which stay out of what is derived of it.

/// Shorter names are no words that tell who somebody is, and are in too many others.
const MIN_NAME_CHARS: usize = 3;

/// The names of a person: of their account, and the words of their full name.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<String>);

impl Names {
    /// The words of some names, such as `ana-k` and `Ana Kovač`.
    #[must_use]
    pub fn of(names: &[&str]) -> Self {
        let whole = names.iter().map(|name| name.trim().to_lowercase());
        let words = names
            .iter()
            .flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
        let words = words.map(str::to_lowercase);
        let mut all: Vec<String> = whole.chain(words).collect();
        all.retain(|name| name.chars().count() >= MIN_NAME_CHARS);
        all.sort_by_key(|name| std::cmp::Reverse(name.len()));
        all.dedup();
        Self(all)
    }

    /// The text with `…` for each of the names that stands there as a word.
    pub(super) fn without(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for name in &self.0 {
            // In small letters a text may have another length, so places are found in the text.
            while let Some((start, end)) = find_word(&text, name) {
                text.replace_range(start..end, "…");
            }
        }
        text
    }
}

/// Where `name` stands in `text` as a word, however it is written.
fn find_word(text: &str, name: &str) -> Option<(usize, usize)> {
    let starts = text.char_indices().map(|(at, _)| at);
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    starts
        .filter(|at| !is_letter(text[..*at].chars().next_back()))
        .find_map(|start| {
            let length = length_of(&text[start..], name)?;
            let after = text[start + length..].chars().next();
            (!is_letter(after)).then_some((start, start + length))
        })
}

/// The length of what `text` begins with, when that is `name` in some letters.
fn length_of(text: &str, name: &str) -> Option<usize> {
    let mut left = name;
    for (at, c) in text.char_indices() {
        if left.is_empty() {
            return Some(at);
        }
        for small in c.to_lowercase() {
            left = left.strip_prefix(small)?;
        }
    }
    left.is_empty().then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn names_are_left_out_as_words() {
        let names = Names::of(&["ana-k", "Ana Kovač"]);
        assert_eq!(
            names.without("no file ANA-K.csv of KOVAČ"),
            "no file ….csv of …"
        );
        assert_eq!(names.without("banana ana_1"), "banana …_1");
        assert_eq!(Names::of(&["li"]).without("li"), "li");
        assert_eq!(Names::default().without("x"), "x");
    }
}
