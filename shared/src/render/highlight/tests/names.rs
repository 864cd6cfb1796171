//! Names of languages, and what sets the language of a cell in its source.
