//! Compact JSON: without white space, and with each key of an object once.
//!
//! Values are written as they are read, so that they take no more memory than their text. Of a
//! key that an object has twice the last value counts, in the place of the first, as in an
//! ordered map.

use std::fmt::{self, Write};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{WrittenNumbers, numbers_of, write::push_text};

/// `text` as compact JSON; `None` when it is no JSON.
pub(crate) fn compact(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut reader = serde_json::Deserializer::from_str(text);
    let numbers = numbers_of(text);
    let writer = CompactWriter::new(&mut out, &numbers);
    writer.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    Some(out)
}

/// Appends the value that it reads to a text.
pub(in crate::notebook) struct CompactWriter<'o> {
    out: &'o mut String,
    numbers: &'o WrittenNumbers,
}

impl<'o> CompactWriter<'o> {
    /// Floating-point numbers are the next ones of `numbers`.
    pub(in crate::notebook) fn new(out: &'o mut String, numbers: &'o WrittenNumbers) -> Self {
        Self { out, numbers }
    }
}

impl<'de> DeserializeSeed<'de> for CompactWriter<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CompactWriter<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.out.push_str("null");
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.out.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        write!(self.out, "{value}").expect("a String takes everything");
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        write!(self.out, "{value}").expect("a String takes everything");
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.numbers.push_next(self.out, value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        push_text(self.out, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.out.push('[');
        let mut separator = "";
        loop {
            let before = self.out.len();
            self.out.push_str(separator);
            if items
                .next_element_seed(CompactWriter::new(self.out, self.numbers))?
                .is_none()
            {
                self.out.truncate(before);
                break;
            }
            separator = ",";
        }
        self.out.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut object = ObjectWriter::begin(self.out, self.numbers);
        while object.key(&mut entries)?.is_some() {
            let out = object.begin_value();
            entries.next_value_seed(CompactWriter::new(out, self.numbers))?;
        }
        object.end();
        Ok(())
    }
}

/// Writes an object and remembers its keys.
pub(in crate::notebook) struct ObjectWriter<'o> {
    out: &'o mut String,
    numbers: &'o WrittenNumbers,
    start: usize,
    /// The offset of each key from `start`.
    keys: Vec<u32>,
}

impl<'o> ObjectWriter<'o> {
    pub(in crate::notebook) fn begin(out: &'o mut String, numbers: &'o WrittenNumbers) -> Self {
        let start = out.len();
        out.push('{');
        Self {
            out,
            numbers,
            start,
            keys: Vec::new(),
        }
    }

    /// Reads and writes the next key; returns it as it was written, with its quotes.
    pub(in crate::notebook) fn key<'de, A: MapAccess<'de>>(
        &mut self,
        entries: &mut A,
    ) -> Result<Option<&str>, A::Error> {
        let before = self.out.len();
        if before > self.start + 1 {
            self.out.push(',');
        }
        let at = self.out.len();
        if entries
            .next_key_seed(CompactWriter::new(self.out, self.numbers))?
            .is_none()
        {
            self.out.truncate(before);
            return Ok(None);
        }
        // A notebook that is read is smaller than four gigabytes.
        self.keys.push((at - self.start) as u32);
        Ok(Some(&self.out[at..]))
    }

    /// The text to which the value of that key is appended.
    pub(in crate::notebook) fn begin_value(&mut self) -> &mut String {
        self.out.push(':');
        self.out
    }

    /// Closes the object, and drops the values of repeated keys but the last.
    pub(in crate::notebook) fn end(self) {
        let Self {
            out, start, keys, ..
        } = self;
        if has_repeated_key(&out[start..], &keys) {
            let once = with_each_key_once(&out[start..], &keys);
            out.truncate(start);
            out.push_str(&once);
        }
        out.push('}');
    }
}

/// The key at `at`, with its quotes.
fn key_at(object: &str, at: u32) -> &str {
    let rest = &object[at as usize..];
    &rest[..super::raw::text_length(rest.as_bytes())]
}

/// Whether `object` has a key twice.
fn has_repeated_key(object: &str, keys: &[u32]) -> bool {
    /// Up to so many keys are compared in pairs; more are sorted.
    const MAX_PAIRWISE_KEYS: usize = 8;
    let key = |at: u32| key_at(object, at);
    if keys.len() <= MAX_PAIRWISE_KEYS {
        let mut others = keys.iter().enumerate();
        return others.any(|(n, one)| keys[..n].iter().any(|other| key(*other) == key(*one)));
    }
    let mut sorted = keys.to_vec();
    sorted.sort_unstable_by_key(|at| key(*at));
    sorted.windows(2).any(|two| key(two[0]) == key(two[1]))
}

/// `object`, which is not closed yet, with each key in its first place and with its last value.
fn with_each_key_once(object: &str, keys: &[u32]) -> String {
    let mut sorted: Vec<u32> = (0..keys.len() as u32).collect();
    let key = |n: u32| key_at(object, keys[n as usize]);
    sorted.sort_unstable_by(|one, other| key(*one).cmp(key(*other)).then(one.cmp(other)));
    // The first place of each key, and the last.
    let mut places: Vec<(u32, u32)> = Vec::new();
    for same in sorted.chunk_by(|one, other| key(*one) == key(*other)) {
        places.push((same[0], same[same.len() - 1]));
    }
    drop(sorted);
    places.sort_unstable();
    let mut once = String::with_capacity(object.len());
    once.push('{');
    for (_, last) in places {
        if once.len() > 1 {
            once.push(',');
        }
        let end = match keys.get(last as usize + 1) {
            Some(next) => *next as usize - 1,
            None => object.len(),
        };
        once.push_str(&object[keys[last as usize] as usize..end]);
    }
    once
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::{collection::vec, prelude::*, sample};
    use serde_json::Value;

    use super::compact;

    #[test]
    fn a_repeated_key_is_written_once() {
        for (text, expected) in [
            (r#" { "a" : [ 1 , 2.50 ] } "#, r#"{"a":[1,2.50]}"#),
            (r#"{"a":1,"b":2,"\u0061":[{}]}"#, r#"{"a":[{}],"b":2}"#),
            (r#"{"":{"x":1,"x":2},"":{"x":3,"x":4}}"#, r#"{"":{"x":4}}"#),
            (r#""\u00e9\/\u001f\"""#, "\"é/\\u001f\\\"\""),
            (
                "[-0,1e2,12345678901234567890123,1E15,1.10,-9223372036854775808]",
                "[-0,1e2,12345678901234567890123,1E15,1.10,-9223372036854775808]",
            ),
        ] {
            assert_eq!(compact(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "[1,]", "{} x", "{1:2}"] {
            assert_eq!(compact(text), None, "{text}");
        }
        let many: String = (0..100).map(|n| format!("\"{}\":{n},", n % 30)).collect();
        let text = format!("{{{}}}", many.trim_end_matches(','));
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(compact(&text).unwrap(), value.to_string());
    }

    proptest! {
        #[test]
        fn compact_json_equals_the_json_of_its_value(
            parts in vec(sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "\"\\u0061\"", "1", "-2.5", "null",
                " ", "{\"a\":", "{\"a\":1,\"b\":2,\"a\":3}", "1e400",
            ]), 0..12),
        ) {
            let text = parts.concat();
            let value: Option<Value> = serde_json::from_str(&text).ok();
            prop_assert_eq!(compact(&text), value.map(|value| value.to_string()));
        }
    }
}
