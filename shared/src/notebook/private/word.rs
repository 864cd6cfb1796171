//! Whether a text is a word in any spelling.
//!
//! Two spellings are the same when a person reads the same word: in other case, in full width or
//! with accents, with invisible characters among the letters, in letters of another alphabet
//! that look alike. Other programs may take fewer spellings for the word, so this finds it too
//! often rather than too seldom.

use icu_normalizer::DecomposingNormalizerBorrowed;

/// Whether `text`, which stands between the quotes of a JSON string, is a spelling of `word`,
/// which is lower-case ASCII. The time is proportional to the text, also to its padding.
pub(in crate::notebook) fn says(text: &[u8], word: &str) -> bool {
    // This decides nearly every text, because it begins with another letter.
    let may_begin = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'\\' | 0x80..);
    let Some(first) = text.iter().find(may_begin) else {
        return false;
    };
    let is_letter = first.is_ascii_alphanumeric();
    if is_letter && first.to_ascii_lowercase() != word.as_bytes()[0] {
        return false;
    }
    // This decides nearly every other text, because it is plain ASCII.
    let same = text.iter().zip(word.as_bytes());
    let same = same.take_while(|(own, letter)| own.eq_ignore_ascii_case(letter));
    let same = same.count();
    match text.get(same) {
        None => return same == word.len(),
        Some(own) if own.is_ascii_alphanumeric() => return false,
        Some(_) => {}
    }
    let plain =
        DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(UnescapedChars { rest: text });
    let letters = plain.flat_map(char::to_lowercase).map(look_alike);
    letters.filter(|c| is_seen(*c)).eq(word.chars())
}

/// The words of `text`, which stands between the quotes of a JSON string; none when it is a
/// single word.
pub(super) fn parts(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut chars = UnescapedChars { rest: text };
    let mut is_first = true;
    let mut is_done = false;
    std::iter::from_fn(move || {
        if is_done {
            return None;
        }
        let start = text.len() - chars.rest.len();
        loop {
            let end = text.len() - chars.rest.len();
            match chars.next() {
                Some(c) if separates(c) => {
                    is_first = false;
                    return Some(&text[start..end]);
                }
                Some(_) => {}
                None => {
                    is_done = true;
                    return (!is_first).then(|| &text[start..]);
                }
            }
        }
    })
}

/// Whether `c` separates several words in one text.
fn separates(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, ',' | ';' | '|' | '/' | '&' | '+' | '#')
        || matches!(c, '，' | '；' | '、' | '،' | '؛' | '､' | '｜' | '·' | '•')
}

/// Whether `c` is a visible letter or digit, which Hangul fillers are not.
fn is_seen(c: char) -> bool {
    c.is_alphanumeric() && !matches!(c, '\u{115F}' | '\u{1160}')
}

/// The ASCII letter that `c`, which is in lower case, looks like; `c` itself when there is none.
fn look_alike(c: char) -> char {
    let in_box = |first: u32| char::from(b'a' + ((u32::from(c) - first) % 26) as u8);
    match c {
        'а' | 'α' | 'ɑ' | 'ᴀ' | 'ⲁ' | 'ꭺ' => 'a',
        'с' | 'ϲ' | 'ᴄ' | 'ⲥ' => 'c',
        'ԁ' | 'ᴅ' => 'd',
        'е' | 'ε' | 'є' | 'ҽ' | 'ᴇ' | 'ⲉ' | '℮' | 'ə' | 'ꭼ' => 'e',
        'ɡ' | 'ɢ' | 'ց' => 'g',
        'і' | 'ι' | 'ı' | 'ɩ' | 'ɪ' | 'ӏ' | 'ⲓ' | 'ꭵ' => 'i',
        'м' | 'ᴍ' | 'ⲙ' => 'm',
        'о' | 'ο' | 'ᴏ' | 'ⲟ' => 'o',
        'р' | 'ρ' | 'ϱ' | 'ᴘ' | 'ⲣ' | 'ꮲ' => 'p',
        'г' | 'ʀ' | 'ᴦ' | 'ⲅ' | 'ꭱ' | 'ꭇ' | 'ꭈ' => 'r',
        'ѕ' | 'ꜱ' => 's',
        'т' | 'τ' | 'ᴛ' | 'ⲧ' | 'ꭲ' => 't',
        'ѵ' | 'ν' | 'ᴠ' | 'ꮩ' => 'v',
        // Letters in black circles and squares, and regional indicators.
        '\u{1F150}'..='\u{1F169}' => in_box(0x1F150),
        '\u{1F170}'..='\u{1F189}' => in_box(0x1F170),
        '\u{1F1E6}'..='\u{1F1FF}' => in_box(0x1F1E6),
        c => c,
    }
}

/// The characters between two quotes of JSON, with escapes read. A broken escape, and one of a
/// control character, is an invisible character.
struct UnescapedChars<'a> {
    rest: &'a [u8],
}

impl Iterator for UnescapedChars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let (char, length) = match self.rest {
            [] => return None,
            [b'\\', b'u', ..] => escaped(self.rest),
            [b'\\', ..] => (' ', 2),
            [byte, ..] if byte.is_ascii() => (char::from(*byte), 1),
            several => first_char(several),
        };
        self.rest = self.rest.get(length..).unwrap_or_default();
        Some(char)
    }
}

fn first_char(bytes: &[u8]) -> (char, usize) {
    let most = &bytes[..bytes.len().min(4)];
    let chunk = most.utf8_chunks().next();
    let broken = chunk.as_ref().map_or(1, |chunk| chunk.invalid().len());
    match chunk.and_then(|chunk| chunk.valid().chars().next()) {
        Some(char) => (char, char.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, broken.max(1)),
    }
}

/// The character of the escape, or of the pair of escapes, that `text` begins with; and its
/// length.
fn escaped(text: &[u8]) -> (char, usize) {
    let Some(first) = unit(text) else {
        return (' ', 2);
    };
    let both = [Some(first), unit(&text[6..])].into_iter().flatten();
    let decoded = char::decode_utf16(both).next();
    match decoded {
        Some(Ok(char)) => (char, 6 * char.len_utf16()),
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// The UTF-16 unit of the escape that `text` begins with.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::says;

    #[test]
    fn spellings_of_the_word_are_recognised() {
        for text in [
            "private",
            "PRIVATE",
            " private\\n",
            "private\\u0000",
            "\\u0070\\u0052ivat\\u0065",
            "pri\\u200Bvate",
            "pri\u{200b}v\u{ad}ate\u{feff}",
            "\u{2003}private\u{a0}\u{3164}\u{2800}",
            "\u{ff50}\u{ff52}\u{ff49}\u{ff56}\u{ff41}\u{ff54}\u{ff45}",
            "\\uff50rivate",
            "\\ud835\\udc29rivate",
            "𝐩𝕣𝓲𝔳𝖆𝚝𝙚",
            "ⓟⓡⓘⓥⓐⓣⓔ",
            "🅿🆁🅸🆅🅰🆃🅴",
            "ᴘʀɪᴠᴀᴛᴇ",
            "рrivаtе",
            "ρrıνατε",
            "PRİVATE",
            "prıvate",
            "priváté",
            "#private!",
            "p.r.i.v.a.t.e",
            "priv\\ud800ate",
        ] {
            assert!(says(text.as_bytes(), "private"), "{text}");
        }
        assert!(says(b"priv\xffate", "private"));
        assert!(says(b"\xf0\x9fprivate\\", "private"));
    }

    #[test]
    fn texts_are_split_into_words() {
        for (text, expected) in [
            ("", &[] as &[&str]),
            ("a-b", &[]),
            ("a, b", &["a", "", "b"]),
            ("a;b\\nc\\u002cd", &["a", "b", "c", "d"]),
            ("a\u{3000}b，c ", &["a", "b", "c", ""]),
        ] {
            let parts = super::parts(text.as_bytes());
            let parts: Vec<_> = parts.map(String::from_utf8_lossy).collect();
            assert_eq!(parts, expected, "{text}");
        }
    }

    #[test]
    fn other_words_are_not_recognised() {
        for text in [
            "",
            " ",
            "privat",
            "privately",
            "not private",
            "private x",
            "\\\\u0070rivate",
            "\\u00p0rivate",
            "privé",
            "публичный",
            "\\",
            "\\u",
            "\\ud835",
        ] {
            assert!(!says(text.as_bytes(), "private"), "{text}");
        }
    }
}
