//! Encodes lists of piece numbers in few bytes.
//!
//! A version is a list of pieces, and most of it equals the list of the version before. So a whole
//! list is stored from time to time, as a piece itself, and a version is a patch of that list: how
//! many pieces are the same at the beginning and at the end, and the pieces between them.

/// The differences of neighbours, which are small where pieces were stored together.
pub(super) fn encode(list: &[i64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.len() * 2);
    encode_to(list, &mut out);
    out
}

fn encode_to(list: &[i64], out: &mut Vec<u8>) {
    let mut before = 0;
    for id in list {
        let step = id - before;
        // Zigzag encoding: small numbers of either sign become small unsigned numbers.
        varint(((step << 1) ^ (step >> 63)).cast_unsigned(), out);
        before = *id;
    }
}

/// Decodes the output of [`encode`]; `None` for other bytes.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Vec<i64>> {
    let mut list = Vec::new();
    let mut before = 0_i64;
    while !bytes.is_empty() {
        let number = take_varint(&mut bytes)?;
        let step = (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
        before = before.checked_add(step)?;
        list.push(before);
    }
    Some(list)
}

/// The patch that makes `list` of `base`.
pub(super) fn patch(base: &[i64], list: &[i64]) -> Vec<u8> {
    let same = |(a, b): &(&i64, &i64)| a == b;
    let begin = base.iter().zip(list).take_while(same).count();
    let (base_rest, list_rest) = (&base[begin..], &list[begin..]);
    let pairs = base_rest.iter().rev().zip(list_rest.iter().rev());
    let end = pairs.take_while(same).count();
    let mut out = Vec::new();
    varint(begin as u64, &mut out);
    varint(end as u64, &mut out);
    encode_to(&list_rest[..list_rest.len() - end], &mut out);
    out
}

/// Applies a [`patch`]; `None` when it was not made for this `base`.
pub(super) fn apply(base: &[i64], mut patch: &[u8]) -> Option<Vec<i64>> {
    let begin = usize::try_from(take_varint(&mut patch)?).ok()?;
    let end = usize::try_from(take_varint(&mut patch)?).ok()?;
    let between = decode(patch)?;
    let mut list = base.get(..begin)?.to_vec();
    list.extend(between);
    list.extend(base.get(base.len().checked_sub(end)?..)?);
    Some(list)
}

/// The pieces that a patch adds, whatever its base.
pub(super) fn brought(mut patch: &[u8]) -> Option<Vec<i64>> {
    take_varint(&mut patch)?;
    take_varint(&mut patch)?;
    decode(patch)
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7F) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_patch_in_the_middle_is_a_few_bytes() {
        let base: Vec<i64> = (1..=240).collect();
        let mut list = base.clone();
        list[100] = 5_000;
        assert_eq!(patch(&base, &list).len(), 5);
        assert_eq!(apply(&base, &patch(&base, &list)), Some(list));
        assert_eq!(apply(&[], &patch(&base, &base)), None);
        assert_eq!(decode(&[0x80]), None);
    }

    proptest! {
        #[test]
        fn encoded_lists_come_back(
            base in prop::collection::vec(1_i64..9, 0..12),
            list in prop::collection::vec(prop_oneof![1_i64..9, Just(i64::MAX / 4)], 0..12),
        ) {
            let decoded = decode(&encode(&list));
            prop_assert_eq!(decoded.as_ref(), Some(&list));
            prop_assert_eq!(apply(&base, &patch(&base, &list)), Some(list));
        }
    }
}
