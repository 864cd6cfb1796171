//! The cells that their author keeps to themself: those with the tag `private`.
//!
//! They are cut out of a notebook's bytes, and all that is around them stays as it was
//! written. What is cut is found without making values of anything (`scan`), and wherever a
//! reader could look for cells: under a key that is there twice, in worksheets, in a table,
//! however the tag is spelled (`word`). What is cut too often is noticed by the author, what is
//! cut too seldom by everyone else; so of two possibilities it is always the first.

pub(super) mod hint;
mod scan;
mod word;

pub use self::hint::PRIVATE_TAG;
use self::hint::may_be_tagged;
use self::scan::{Cut, PrivateCellScan};
use super::{Notebook, ParseError, outline::Outline};

/// The bytes of a notebook without its private cells, which are those whose `metadata.tags`
/// hold `private`. A notebook that has none stays as it is, byte for byte.
///
/// With the cells goes the saved state of the notebook's widgets, since it does not say
/// whose it is.
///
/// # Errors
///
/// When there may be such a cell in them and they cannot be read, as [`Notebook::parse`] says
/// it: what is private in half a file, nobody knows.
///
/// ```
/// use shared::notebook::without_private;
///
/// let json = r#"{"cells": [{"source": "1"}, {"metadata": {"tags": ["private"]}}]}"#;
/// let rest = without_private(json.into())?;
/// assert_eq!(rest, br#"{"cells": [{"source": "1"}]}"#);
/// # Ok::<(), shared::notebook::ParseError>(())
/// ```
pub fn without_private(bytes: Vec<u8>) -> Result<Vec<u8>, ParseError> {
    check_encoding(&bytes)?;
    // Nearly every notebook has none, which its outline tells.
    let may_have_one = match Outline::of(&bytes) {
        Some(outline) => outline.may_have_private,
        None => may_be_tagged(&bytes),
    };
    if !may_have_one {
        return Ok(bytes);
    }
    Notebook::check(&bytes)?;
    let cuts = PrivateCellScan::new(&bytes).run();
    if cuts.is_empty() {
        return Ok(bytes);
    }
    let rest = cut(&bytes, &cuts);
    drop(bytes);
    // Whoever reads the rest reads it like this.
    Notebook::check(&rest)?;
    match PrivateCellScan::new(&rest).run().is_empty() {
        true => Ok(rest),
        false => Err(ParseError::at_start("a private cell cannot be taken out")),
    }
}

/// In another encoding there may be a private cell that nobody finds here, and whom it is
/// given to may read it.
pub(super) fn check_encoding(bytes: &[u8]) -> Result<(), ParseError> {
    let is_marked = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    // JSON begins with two characters of ASCII, which have zeros between them there.
    if is_marked || bytes.iter().take(2).any(|byte| *byte == 0) {
        let what = "the file is UTF-16 or UTF-32, and a notebook is UTF-8: save it as that";
        return Err(ParseError::at_start(what));
    }
    Ok(())
}

/// `bytes` without `cuts`, which are in order and apart.
fn cut(bytes: &[u8], cuts: &[Cut]) -> Vec<u8> {
    let mut rest = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for (range, instead) in cuts {
        rest.extend_from_slice(&bytes[at..range.start]);
        rest.extend_from_slice(instead.as_bytes());
        at = range.end;
    }
    rest.extend_from_slice(&bytes[at..]);
    rest
}

#[cfg(test)]
mod tests;
