//! Looking for a byte among many that do not matter.

/// Bytes looked at in one go.
const STEP: usize = 32;

/// How many bytes come before the first of `stops`.
///
/// Most text is plain, so it is told in steps whether there is anything at all. Such a
/// step has no early end, which makes a few vector instructions of it.
pub(crate) fn length_before<const N: usize>(bytes: &[u8], stops: [u8; N]) -> usize {
    let mut at = 0;
    while let Some(step) = bytes.get(at..at + STEP) {
        let mut found = [0; STEP];
        for stop in stops {
            for (found, byte) in found.iter_mut().zip(step) {
                *found |= u8::from(*byte == stop);
            }
        }
        if found != [0; STEP] {
            break;
        }
        at += STEP;
    }
    let rest = bytes[at..].iter();
    at + rest.take_while(|byte| !stops.contains(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::length_before;

    #[test]
    fn finds_the_first_wherever_it_is() {
        let stops = *b"<&";
        for before in 0..100 {
            for after in 0..40 {
                let text = format!("{}<{}&", "a".repeat(before), "b".repeat(after));
                assert_eq!(length_before(text.as_bytes(), stops), before);
                assert_eq!(length_before(&text.as_bytes()[before + 1..], stops), after);
                assert_eq!(length_before(&text.as_bytes()[..before], stops), before);
            }
        }
    }
}
