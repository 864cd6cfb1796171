//! What it costs to lay out a text.
//!
//! A letter takes a browser a microsecond or two. There are texts of which it takes a
//! hundred, or a time that grows with the square of their length: where the direction of
//! writing changes at every letter, where marks are piled upon one letter, where letters
//! join and never pause, where for each a font has to be looked for.

/// A line has a box of its own.
const LINE_WEIGHT: u64 = 4;
/// Each stretch of text in one direction is shaped and placed by itself.
const TURN_WEIGHT: u64 = 60;
/// Characters that change the direction are such a turn, and hold further on.
const BIDI_CONTROL_WEIGHT: u64 = 80;
/// Of letters that few fonts have.
const RARE_LETTER_WEIGHT: u64 = 30;
/// Of what stands for a character and is not read here.
const REFERENCE_WEIGHT: u64 = 4;

/// So many marks in a row, or letters that join without a pause, cost twice what they would.
const MARKS_OF_DOUBLE_WEIGHT: u64 = 500;
const JOINED_LETTERS_OF_DOUBLE_WEIGHT: u64 = 10_000;

/// Weighs text that comes in pieces.
#[derive(Default)]
pub(super) struct TextWeigher {
    weight: u64,
    to_the_left: Option<bool>,
    marks: u64,
    stretch: u64,
}

impl TextWeigher {
    /// The text so far.
    pub(super) fn weight(&self) -> u64 {
        self.weight
            .saturating_add(self.marks * self.marks / MARKS_OF_DOUBLE_WEIGHT)
            .saturating_add(self.stretch * self.stretch / JOINED_LETTERS_OF_DOUBLE_WEIGHT)
    }

    /// A text as it is.
    pub(super) fn push(&mut self, text: &str) {
        for char in text.chars() {
            self.char(char);
        }
    }

    /// Text of HTML, in which references stand for characters.
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

    /// So many letters that are not looked at.
    pub(super) fn plain(&mut self, letters: u64) {
        self.weight = self.weight.saturating_add(letters);
    }

    fn char(&mut self, char: char) {
        let weight = match char {
            '\n' => {
                self.pause();
                LINE_WEIGHT
            }
            // Digits and signs have no direction.
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
                self.stretch += 1;
                self.turn(true)
            }
            char if is_joined(char) => {
                self.stretch += 1;
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

    /// What was joined so far is done with.
    fn pause(&mut self) {
        if self.marks > 0 || self.stretch > 0 {
            self.weight = self.weight();
            self.marks = 0;
            self.stretch = 0;
        }
    }
}

/// What laying out `text` costs, in letters.
pub(crate) fn weight(text: &str) -> u64 {
    let mut scale = TextWeigher::default();
    scale.push(text);
    scale.weight()
}

/// The character of a reference without its `&` and `;`; `None` where its name is not one
/// of those that hide nothing.
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

/// Marks that stand above, below or in the letter before them, in scripts that pile them.
fn is_mark(char: char) -> bool {
    matches!(char,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5BD}'
        | '\u{610}'..='\u{61A}' | '\u{64B}'..='\u{65F}' | '\u{670}' | '\u{6D6}'..='\u{6ED}'
        | '\u{8D3}'..='\u{903}' | '\u{E31}' | '\u{E34}'..='\u{E3A}' | '\u{E47}'..='\u{E4E}'
        | '\u{EB1}' | '\u{EB4}'..='\u{EBC}' | '\u{EC8}'..='\u{ECD}' | '\u{F71}'..='\u{F84}'
        | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}'
        | '\u{FE00}'..='\u{FE2F}' | '\u{1D165}'..='\u{1D1AD}' | '\u{E0000}'..='\u{E01EF}')
}

/// Letters of scripts that are written to the left.
fn is_to_the_left(char: char) -> bool {
    matches!(char,
        '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}'
        | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

/// Letters of other scripts that join, or that are parted into words by a dictionary.
fn is_joined(char: char) -> bool {
    matches!(char, '\u{900}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{1A00}'..='\u{1AAF}')
}

/// Letters beyond the first plane, but for emoji and what is as common, and those that
/// somebody made up.
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
    fn what_takes_a_browser_long_weighs_more() {
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
    fn references_hide_nothing() {
        let of_html = |html: &str| {
            let mut scale = TextWeigher::default();
            scale.push_html(html);
            scale.weight()
        };
        assert_eq!(of_html("a &lt; b &amp; c"), 9);
        for turn in ["a&#x5D0;", "a&#1488;", "a&rlm;", "a&aleph;"] {
            assert!(of_html(&turn.repeat(100)) > 5_000, "{turn}");
        }
    }
}
