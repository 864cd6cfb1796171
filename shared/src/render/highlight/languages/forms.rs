//! The forms that only a few languages have, as a set.

/// A set of forms. The lexer asks for them only in languages that have any, so that others pay
/// nothing for them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::render::highlight) struct Forms(u32);

impl Forms {
    pub(in crate::render::highlight) const NONE: Self = Self(0);
    /// The text has no tokens at all.
    pub(in crate::render::highlight) const PLAIN: Self = Self(1);
    /// Tags; texts between them are plain.
    pub(in crate::render::highlight) const MARKUP: Self = Self(1 << 1);
    /// `'x'` is a character; other single quotes stand for lifetimes, types and the like.
    pub(in crate::render::highlight) const CHARACTERS: Self = Self(1 << 2);
    /// A single quote behind a value transposes it.
    pub(in crate::render::highlight) const TRANSPOSES: Self = Self(1 << 3);
    /// A backslash outside of strings escapes the character after it.
    pub(in crate::render::highlight) const ESCAPES: Self = Self(1 << 4);
    /// `<<EOF`: the next lines are text, up to `EOF`.
    pub(in crate::render::highlight) const HEREDOCS: Self = Self(1 << 5);
    /// The same with spaces, as in `<< EOF`.
    pub(in crate::render::highlight) const SPACED_HEREDOCS: Self = Self(1 << 16);
    /// `#` begins a comment only behind white space or a semicolon.
    pub(in crate::render::highlight) const SPACED_HASHES: Self = Self(1 << 6);
    /// Regular expressions between slashes, and expressions in back-quoted strings.
    pub(in crate::render::highlight) const JAVASCRIPT: Self = Self(1 << 7);
    /// `r"---(text)---"`.
    pub(in crate::render::highlight) const RAW_OF_R: Self = Self(1 << 8);
    /// `R"x(text)x"`.
    pub(in crate::render::highlight) const RAW_OF_CPP: Self = Self(1 << 9);
    /// `r##"text"##`.
    pub(in crate::render::highlight) const RAW_OF_RUST: Self = Self(1 << 10);
    pub(in crate::render::highlight) const RAW: Self =
        Self::RAW_OF_R.and(Self::RAW_OF_CPP).and(Self::RAW_OF_RUST);
    /// `1'000`.
    pub(in crate::render::highlight) const QUOTES_IN_NUMBERS: Self = Self(1 << 11);
    /// `url(…)` is a string.
    pub(in crate::render::highlight) const URLS: Self = Self(1 << 12);
    /// Dashes before another sign, as in `-->`, are an operator, and no comment.
    pub(in crate::render::highlight) const DASH_OPERATORS: Self = Self(1 << 13);
    /// A star that begins a line begins a comment.
    pub(in crate::render::highlight) const STAR_COMMENTS: Self = Self(1 << 14);
    /// The lines `#!sql` of .NET Interactive set the language of what follows.
    pub(in crate::render::highlight) const DIRECTIVES: Self = Self(1 << 15);

    pub(in crate::render::highlight) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(in crate::render::highlight) const fn has(self, form: Self) -> bool {
        self.0 & form.0 != 0
    }
}
