//! Looking for a byte among many that do not matter.

/// Bytes looked at in one go.
const STEP: usize = if cfg!(target_arch = "wasm32") { 8 } else { 32 };

/// How many bytes come before the first of `stops`.
///
/// Most text is plain, so it is told in steps whether there is anything at all.
pub(crate) fn length_before<const N: usize>(bytes: &[u8], stops: [u8; N]) -> usize {
    let mut at = 0;
    while let Some(step) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        if has_any(step, stops) {
            break;
        }
        at += STEP;
    }
    let rest = bytes[at..].iter();
    at + rest.take_while(|byte| !stops.contains(byte)).count()
}

/// Without an early end, which makes a few vector instructions of it.
#[cfg(not(target_arch = "wasm32"))]
fn has_any<const N: usize>(step: &[u8; STEP], stops: [u8; N]) -> bool {
    let mut found = [0; STEP];
    for stop in stops {
        for (found, byte) in found.iter_mut().zip(step) {
            *found |= u8::from(*byte == stop);
        }
    }
    found != [0; STEP]
}

/// In the browser there are no vectors: eight bytes in one number, of which one becomes
/// zero where it is the one looked for, and then lends from its neighbour's top bit.
#[cfg(target_arch = "wasm32")]
fn has_any<const N: usize>(step: &[u8; STEP], stops: [u8; N]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    let word = u64::from_le_bytes(*step);
    let found = stops.iter().fold(0, |found, stop| {
        let differs = word ^ (ONES * u64::from(*stop));
        found | (differs.wrapping_sub(ONES) & !differs)
    });
    found & (ONES << 7) != 0
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
