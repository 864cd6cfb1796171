//! The classes of tokens.

/// The class of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenClass {
    Plain,
    Keyword,
    Constant,
    String,
    Comment,
    Number,
    Called,
    Defined,
    Operator,
    Magic,
}

impl TokenClass {
    /// The start tag of a token of this class; `None` where it has no element.
    pub(super) fn tag(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Keyword => Some("<span class=\"tok-kw\">"),
            Self::Constant => Some("<span class=\"tok-const\">"),
            Self::String => Some("<span class=\"tok-str\">"),
            Self::Comment => Some("<span class=\"tok-com\">"),
            Self::Number => Some("<span class=\"tok-num\">"),
            Self::Called => Some("<span class=\"tok-fn\">"),
            Self::Defined => Some("<span class=\"tok-def\">"),
            Self::Operator => Some("<span class=\"tok-op\">"),
            Self::Magic => Some("<span class=\"tok-magic\">"),
        }
    }
}
