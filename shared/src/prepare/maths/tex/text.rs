//! The words in formulas: `\text`, `\mbox` and their kin.
//!
//! Words may have formulas, references, fonts, colours and spaces in them. The engine knows words
//! and fonts, so a text becomes a row of its words and of what stands between them.

use super::{
    rewrite::Rewriter,
    scan::{TexScanner, command_name, push_token},
    words::{engine_name, is_of_words, switched_font},
};

/// The most fonts that apply to words at once.
const MAX_FONTS: usize = 3;

/// The words of a text that are not written yet, and their fonts.
struct PendingWords {
    fonts: Vec<&'static str>,
    words: String,
    /// The number of parts that were written.
    parts: usize,
}

impl Rewriter<'_> {
    /// Writes `words` as the argument of the command `name`, and the formulas among them.
    pub(super) fn push_text(&mut self, name: &'static str, words: &str) -> Option<()> {
        let mut pending = PendingWords {
            fonts: vec![name],
            words: String::new(),
            parts: 0,
        };
        let outer = std::mem::take(&mut self.out);
        self.words(words, &mut pending)?;
        self.write_words(&mut pending);
        let text = std::mem::replace(&mut self.out, outer);
        // A script is one group.
        let is_script = self.out.trim_end().ends_with(['^', '_']);
        if text.is_empty() || (is_script && pending.parts > 1) {
            self.out.extend(["{", &text, "}"]);
        } else {
            self.out.push_str(&text);
        }
        Some(())
    }

    /// Reads the words of one group.
    fn words(&mut self, words: &str, pending: &mut PendingWords) -> Option<()> {
        let fonts = pending.fonts.len();
        let mut colours = 0;
        let mut has_unclosed = false;
        let mut rest = TexScanner(words);
        while !rest.0.is_empty() {
            if rest.0.starts_with('{') {
                let group = rest.argument()?;
                self.words(group, pending)?;
                continue;
            }
            let Some(token) = rest.token() else {
                break;
            };
            if matches!(token, "$" | "\\(") && !has_unclosed {
                if let Some(formula) = formula(&mut rest, token) {
                    self.write_words(pending);
                    pending.parts += 1;
                    self.group(formula)?;
                    continue;
                }
                // Then there is none behind either, and a search for it would take long.
                has_unclosed = true;
            }
            let Some(name) = command_name(token) else {
                push_word(&mut pending.words, token);
                continue;
            };
            if let Some(font) = engine_name(name) {
                let words = rest.argument()?;
                self.write_words(pending);
                pending.fonts.push(font);
                self.words(words, pending)?;
                self.write_words(pending);
                pending.fonts.pop();
            } else if let Some(font) = switched_font(name) {
                self.write_words(pending);
                pending.fonts.push(font);
                // White space behind a command is none.
                rest.skip_space();
            } else if matches!(name, "color" | "textcolor") {
                self.write_words(pending);
                self.out.push('{');
                pending.parts += 1;
                let model = rest.optional();
                let class = self.colour_class("color", model, rest.argument()?);
                if !class.is_empty() {
                    self.marks.push_class(&mut self.out, &class);
                }
                if name == "textcolor" {
                    let words = rest.argument()?;
                    self.words(words, pending)?;
                    self.write_words(pending);
                    self.out.push('}');
                } else {
                    colours += 1;
                }
            } else if !is_of_words(name) {
                self.write_words(pending);
                pending.parts += 1;
                self.math_command(token, name, &mut rest)?;
            } else {
                push_word(&mut pending.words, token);
            }
        }
        if pending.fonts.len() > fonts || colours > 0 {
            self.write_words(pending);
        }
        pending.fonts.truncate(fonts);
        self.out.push_str(&"}".repeat(colours));
        Some(())
    }

    /// Writes the words that were read, in their fonts.
    fn write_words(&mut self, pending: &mut PendingWords) {
        if pending.words.is_empty() {
            return;
        }
        let mut fonts: Vec<&str> = Vec::new();
        for font in &pending.fonts {
            if *font != "text" && !fonts.contains(font) {
                fonts.push(font);
            }
        }
        fonts.drain(..fonts.len().saturating_sub(MAX_FONTS));
        if fonts.is_empty() {
            fonts.push("text");
        }
        for font in &fonts {
            self.out.extend(["\\", font, "{"]);
        }
        self.out.push_str(&pending.words);
        self.out.push_str(&"}".repeat(fonts.len()));
        pending.words.clear();
        pending.parts += 1;
    }
}

/// Appends a token of words to `out` as the engine reads it.
fn push_word(out: &mut String, token: &str) {
    match token {
        "_" | "&" | "#" | "$" => out.extend(["\\", token]),
        "^" => out.push_str("\\textasciicircum{}"),
        "~" | "\\\\" | "\\newline" => out.push_str("\\ "),
        "\\!"
        | "\\/"
        | "\\-"
        | "\\@"
        | "\\("
        | "\\)"
        | "\\cal"
        | "\\displaystyle"
        | "\\textstyle"
        | "\\scriptstyle"
        | "\\scriptscriptstyle" => {}
        "\\qquad" => out.push_str("\\quad\\quad "),
        "}" => {}
        // The engine leaves out white space behind any command, TeX only behind one of letters.
        token if token.trim().is_empty() && ends_with_symbol(out) => out.push_str("\\ "),
        token if command_name(token).is_none() && !is_shown(token) => {}
        token => push_token(out, token),
    }
}

/// Whether `words` end with a command that is no letter, such as `\%`.
fn ends_with_symbol(words: &str) -> bool {
    let mut last = words.chars().rev();
    let is_symbol = last
        .next()
        .is_some_and(|c| !c.is_alphabetic() && !c.is_whitespace());
    is_symbol && last.next() == Some('\\')
}

/// Whether the engine takes a character of a text.
fn is_shown(token: &str) -> bool {
    !token.contains(|c: char| c.is_control() && !c.is_whitespace())
}

/// Takes the formula that `start` begins among words, up to its end.
fn formula<'a>(rest: &mut TexScanner<'a>, start: &str) -> Option<&'a str> {
    let end = if start == "$" { "$" } else { "\\)" };
    let inside = rest.0;
    let mut ahead = *rest;
    let mut depth = 0_usize;
    loop {
        match ahead.token()? {
            "{" => depth += 1,
            "}" => depth = depth.checked_sub(1)?,
            token if token == end && depth == 0 => {
                let length = inside.len() - ahead.0.len() - end.len();
                *rest = ahead;
                return Some(&inside[..length]);
            }
            _ => {}
        }
    }
}
