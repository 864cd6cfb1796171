//! The cost of laying out a text.
//!
//! A letter takes a browser a microsecond or two. A letter of some texts takes it a hundred, or a
//! time that grows with the length of the text: where the direction of writing changes at every
//! letter, where marks are piled upon one letter, where letters join without a pause, where the
//! browser has to search for a font.

/// The weight of a line end, because a line has a box of its own.
const LINE_WEIGHT: u64 = 4;
/// The weight of a letter that changes the direction of writing, because each stretch in one
/// direction is shaped and placed by itself.
const TURN_WEIGHT: u64 = 60;
/// The weight of a character that controls the direction, whose effect lasts.
const BIDI_CONTROL_WEIGHT: u64 = 80;
/// The weight of a letter that few fonts have.
const RARE_LETTER_WEIGHT: u64 = 30;
/// The weight of a character reference that is not decoded here.
const REFERENCE_WEIGHT: u64 = 4;

/// So many marks in a row weigh twice as much as separate ones.
const MARKS_OF_DOUBLE_WEIGHT: u64 = 500;
/// So many letters that join without a pause weigh twice as much as separate ones.
const JOINED_LETTERS_OF_DOUBLE_WEIGHT: u64 = 10_000;

/// Weighs a text that comes in several calls.
#[derive(Default)]
pub(super) struct TextWeigher {
    weight: u64,
    to_the_left: Option<bool>,
    /// The marks and the joined letters since the last pause.
    marks: u64,
    joined: u64,
}

impl TextWeigher {
    /// The weight of the text so far.
    pub(super) fn weight(&self) -> u64 {
        self.weight
            .saturating_add(self.marks * self.marks / MARKS_OF_DOUBLE_WEIGHT)
            .saturating_add(self.joined * self.joined / JOINED_LETTERS_OF_DOUBLE_WEIGHT)
    }

    /// Weighs plain text.
    pub(super) fn push(&mut self, text: &str) {
        if text.is_ascii() {
            self.ascii(text.as_bytes());
        } else {
            text.chars().for_each(|char| self.char(char));
        }
    }

    /// Weighs text of HTML, in which references stand for characters.
    pub(super) fn push_html(&mut self, html: &str) {
        let mut parts = html.split('&');
        self.push(parts.next().unwrap_or_default());
        for part in parts {
            let Some((name, rest)) = part.split_once(';') else {
                self.push(part);
                continue;
            };
            match referenced(name) {
                Some(char) => self.char(char),
                None => self.weight += REFERENCE_WEIGHT + name.len() as u64,
            }
            self.push(rest);
        }
    }

    /// Adds the weight of so many ordinary letters.
    pub(super) fn push_letters(&mut self, letters: u64) {
        self.weight = self.weight.saturating_add(letters);
    }

    /// Weighs as [`Self::char`] does, all letters at once.
    fn ascii(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        self.pause();
        let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
        let mut weight = text.len() as u64 + lines * (LINE_WEIGHT - 1);
        // Once the direction is known, no letter can change it any more.
        if self.to_the_left != Some(false) && text.iter().any(u8::is_ascii_alphabetic) {
            weight += self.turn(false) - 1;
        }
        self.weight = self.weight.saturating_add(weight);
    }

    fn char(&mut self, char: char) {
        let weight = match char {
            '\n' => {
                self.pause();
                LINE_WEIGHT
            }
            // Digits and signs, which come next, have no direction.
            'a'..='z' | 'A'..='Z' => {
                self.pause();
                self.turn(false)
            }
            '\0'..='\x7f' => {
                self.pause();
                1
            }
            '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}'
            | '\u{61C}' => BIDI_CONTROL_WEIGHT,
            char if is_mark(char) => {
                self.marks += 1;
                1
            }
            char if is_to_the_left(char) => {
                self.joined += 1;
                self.turn(true)
            }
            char if is_joined(char) => {
                self.joined += 1;
                self.turn(false)
            }
            char if is_rare(char) => RARE_LETTER_WEIGHT + self.turn(false),
            _ => {
                self.pause();
                self.turn(false)
            }
        };
        self.weight = self.weight.saturating_add(weight);
    }

    fn turn(&mut self, to_the_left: bool) -> u64 {
        match self.to_the_left.replace(to_the_left) {
            Some(before) if before != to_the_left => TURN_WEIGHT,
            _ => 1,
        }
    }

    /// Ends a run of marks and joined letters.
    fn pause(&mut self) {
        if self.marks > 0 || self.joined > 0 {
            self.weight = self.weight();
            self.marks = 0;
            self.joined = 0;
        }
    }
}

/// The cost of laying out `text`, in letters.
pub(crate) fn weight(text: &str) -> u64 {
    let mut weigher = TextWeigher::default();
    weigher.push(text);
    weigher.weight()
}

/// The character of a reference, given without its `&` and `;`; `None` when its name is unknown.
fn referenced(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(number);
    }
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "nbsp" => Some('\u{A0}'),
        "zwj" | "zwnj" | "lrm" | "rlm" => Some('\u{200F}'),
        "alefsym" | "aleph" => Some('\u{5D0}'),
        _ => None,
    }
}

/// Whether `char` is a mark above, below or in the letter before it, of a script that piles marks.
fn is_mark(char: char) -> bool {
    matches!(char,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5BD}'
        | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{6D6}'..='\u{6ED}'
        | '\u{8D3}'..='\u{903}' | '\u{E31}' | '\u{E34}'..='\u{E3A}' | '\u{E47}'..='\u{E4E}'
        | '\u{EB1}' | '\u{EB4}'..='\u{EBC}' | '\u{EC8}'..='\u{ECD}' | '\u{F71}'..='\u{F84}'
        | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE00}'..='\u{FE2F}' | '\u{1D165}'..='\u{1D1AD}' | '\u{E0000}'..='\u{E01EF}')
}

/// Whether `char` is a letter of a script that is written to the left.
fn is_to_the_left(char: char) -> bool {
    matches!(char,
        '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}'
        | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

/// Whether `char` is a letter of another script that joins letters, or whose words a browser
/// finds by a dictionary.
fn is_joined(char: char) -> bool {
    matches!(char, '\u{900}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{1A00}'..='\u{1AAF}')
}

/// Whether `char` is in a private use area or beyond the first plane, but no emoji, no
/// mathematical letter and not at the start of the private use area, which are common.
fn is_rare(char: char) -> bool {
    let common = matches!(char,
        '\u{1D400}'..='\u{1D7FF}' | '\u{1F000}'..='\u{1FAFF}' | '\u{E000}'..='\u{E0FF}');
    !common && matches!(char, '\u{E100}'..='\u{F8FF}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::{TextWeigher, weight};

    #[test]
    fn ordinary_text_costs_its_length() {
        assert_eq!(weight("hello 12, world"), 15);
        assert_eq!(weight("Zoë, 学习 and naïve"), 17);
        let lines = "a line of a log, as long as they are\n".repeat(1000);
        assert!(weight(&lines) < lines.len() as u64 * 6 / 5);
        // Hebrew with a word of English here and there.
        let mixed = "שלום לכולם וברוכים הבאים לסדנה של Python והתחלה טובה לכולנו. ".repeat(100);
        assert!(weight(&mixed) < 4 * mixed.chars().count() as u64);
    }

    #[test]
    fn text_that_is_laid_out_slowly_weighs_more() {
        for (text, least) in [
            ("aא".repeat(10_000), 1_000_000),
            ("a\u{200F}".repeat(10_000), 800_000),
            ("a".to_owned() + &"\u{301}".repeat(50_000), 5_000_000),
            ("ب".repeat(250_000), 6_000_000),
            ("ก".repeat(160_000), 2_500_000),
            ("\u{12345}\u{13000}".repeat(50_000), 3_000_000),
        ] {
            assert!(weight(&text) >= least, "{} of {text:.8}", weight(&text));
        }
    }

    #[test]
    fn ascii_weighs_the_same_letter_by_letter() {
        let texts = [
            "",
            "12, ",
            "a line\n",
            "\n\n",
            "x",
            "שלום",
            "ب\u{301}\u{301}",
            "\u{200F}",
            "ñ",
        ];
        for first in texts {
            for second in texts {
                for third in texts {
                    let parts = [first, second, third];
                    let mut at_once = TextWeigher::default();
                    let mut by_letter = TextWeigher::default();
                    parts.iter().for_each(|part| at_once.push(part));
                    let letters = parts.iter().flat_map(|part| part.chars());
                    letters.for_each(|letter| by_letter.char(letter));
                    assert_eq!(at_once.weight(), by_letter.weight(), "{parts:?}");
                    // What comes after depends on the direction that is left behind.
                    at_once.push("م");
                    by_letter.char('م');
                    assert_eq!(
                        at_once.weight(),
                        by_letter.weight(),
                        "{parts:?}, then Arabic"
                    );
                }
            }
        }
    }

    #[test]
    fn references_are_weighed_as_their_characters() {
        let of_html = |html: &str| {
            let mut weigher = TextWeigher::default();
            weigher.push_html(html);
            weigher.weight()
        };
        assert_eq!(of_html("a &lt; b &amp; c"), 9);
        for turn in ["a&#x5D0;", "a&#1488;", "a&rlm;", "a&aleph;"] {
            assert!(of_html(&turn.repeat(100)) > 5_000, "{turn}");
        }
    }
}
