//! Private cells: cells with the tag `private`, which only their author may see.
//!
//! They are cut out of a notebook's bytes, and all bytes around them stay as they were written.
//! `scan` finds them without making values, wherever a reader could look for cells: under a key
//! that occurs twice, in worksheets, in an object, and with any spelling of the tag (`word`). The
//! author notices a cell that is cut by mistake, but everyone else would see one that is not cut
//! by mistake; so a doubtful cell is always cut.

pub(super) mod hint;
mod scan;
mod word;

pub use self::hint::PRIVATE_TAG;
use self::hint::may_be_tagged;
use self::scan::{Cut, PrivateCellScan};
use super::{Notebook, ParseError, outline::Outline};

/// The bytes of a notebook without its private cells, which are those whose `metadata.tags`
/// hold `private`. A notebook without private cells stays as it is, byte for byte.
///
/// With the cells it cuts the saved state of the notebook's widgets, because that does not tell
/// which cell it belongs to.
///
/// # Errors
///
/// The error of [`Notebook::parse`], when the bytes may hold a private cell and cannot be read,
/// because half a file does not tell which of it is private.
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
    // The outline tells fast that nearly every notebook has none.
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
    // The rest must be a notebook without private cells for its readers, too.
    Notebook::check(&rest)?;
    match PrivateCellScan::new(&rest).run().is_empty() {
        true => Ok(rest),
        false => Err(ParseError::at_start("a private cell cannot be taken out")),
    }
}

/// Refuses UTF-16 and UTF-32, in which this module would not find a private cell that another
/// reader of the bytes may find.
pub(super) fn check_encoding(bytes: &[u8]) -> Result<(), ParseError> {
    let is_marked = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    // JSON begins with two ASCII characters, and those encodings have zeros between them.
    if is_marked || bytes.iter().take(2).any(|byte| *byte == 0) {
        let what = "the file is UTF-16 or UTF-32, and a notebook is UTF-8: save it as that";
        return Err(ParseError::at_start(what));
    }
    Ok(())
}

/// `bytes` without `cuts`, which are in order and do not overlap.
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
