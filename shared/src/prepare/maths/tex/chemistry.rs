//! Chemistry: `\ce` and `\pu` of mhchem, as the TeX that they stand for.
//!
//! What is written as `2H2 + O2 -> 2H2O` has no TeX in it: a number is an amount or a subscript, a
//! sign a charge, a bond or a sum, depending on what stands before and after it.

/// How deep braces, brackets and texts of arrows are read.
const MAX_DEPTH: usize = 8;

/// The longest text of an arrow, in bytes.
const MAX_ARROW_TEXT: usize = 500;

/// Arrows, longer ones first, each with what it is without a text and with one.
const ARROWS: [(&str, &str, &str); 12] = [
    ("<=>>", "rightleftharpoons", "xrightleftharpoons"),
    ("<<=>", "rightleftharpoons", "xrightleftharpoons"),
    ("<-->", "rightleftarrows", "xleftrightarrow"),
    ("<=>", "rightleftharpoons", "xrightleftharpoons"),
    ("<->", "longleftrightarrow", "xleftrightarrow"),
    ("->", "longrightarrow", "xrightarrow"),
    ("<-", "longleftarrow", "xleftarrow"),
    ("→", "longrightarrow", "xrightarrow"),
    ("⟶", "longrightarrow", "xrightarrow"),
    ("←", "longleftarrow", "xleftarrow"),
    ("⇌", "rightleftharpoons", "xrightleftharpoons"),
    ("↔", "longleftrightarrow", "xleftrightarrow"),
];

/// The TeX of the chemical formula `source`; `None` where it is nested too deep.
pub(super) fn formula(source: &str) -> Option<String> {
    let mut reader = ChemistryReader::new(source, 0);
    reader.run()?;
    Some(reader.out)
}

/// The TeX of a number with its unit: `1.2e3 kJ mol-1`.
pub(super) fn unit(source: &str) -> String {
    let source = source.trim();
    let of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '+' | '-' | '(' | ')');
    let end = source.find(|c| !of_number(c)).unwrap_or(source.len());
    let (number, mut rest) = source.split_at(end);
    let mut out = number.replace(',', "{,}");
    let exponent = rest.strip_prefix(['e', 'E']).filter(|_| !number.is_empty());
    if let Some(after) = exponent {
        let end = after.find(|c| !matches!(c, '0'..='9' | '+' | '-'));
        let (exponent, after) = after.split_at(end.unwrap_or(after.len()));
        if !exponent.is_empty() {
            out += &format!("\\cdot 10^{{{exponent}}}");
            rest = after;
        }
    }
    let rest = rest.trim_start();
    if !out.is_empty() && !rest.is_empty() {
        out.push_str("\\,");
    }
    let mut at = 0;
    while let Some(first) = rest[at..].chars().next() {
        let part = &rest[at..];
        let length = match first {
            'A'..='Z' | 'a'..='z' | 'µ' | '°' | 'Ω' | '%' => {
                let end = part.find(|c: char| !(c.is_alphabetic() || matches!(c, '°' | '%')));
                let name = &part[..end.unwrap_or(part.len())];
                let name = name.replace('µ', "\\mu ").replace('%', "\\%");
                out += &format!("\\mathrm{{{name}}}");
                end.unwrap_or(part.len())
            }
            '0'..='9' | '-' | '+' => {
                let end = part[1..].find(|c: char| !c.is_ascii_digit());
                let end = 1 + end.unwrap_or(part.len() - 1);
                out += &format!("^{{{}}}", &part[..end]);
                end
            }
            ' ' => {
                out.push_str("\\,");
                1
            }
            '*' | '.' => {
                out.push_str("\\cdot ");
                1
            }
            '^' => 1,
            '\\' => {
                let length = command_length(part);
                out.extend([&part[..length], " "]);
                length
            }
            other => {
                out.push(other);
                other.len_utf8()
            }
        };
        at += length;
    }
    out
}

/// What was read before.
#[derive(Clone, Copy, PartialEq)]
enum Preceding {
    /// Nothing to which something could be attached.
    Nothing,
    /// White space.
    Space,
    /// A part of a molecule.
    Atom,
}

struct ChemistryReader<'s> {
    rest: &'s str,
    out: String,
    before: Preceding,
    /// Whether the last atom has a subscript and a superscript.
    scripts: [bool; 2],
    /// Whether they stand before the atom that they belong to.
    is_of_next: bool,
    depth: usize,
}

impl<'s> ChemistryReader<'s> {
    fn new(source: &'s str, depth: usize) -> Self {
        Self {
            rest: source.trim(),
            out: String::new(),
            before: Preceding::Nothing,
            scripts: [false; 2],
            is_of_next: false,
            depth,
        }
    }

    fn run(&mut self) -> Option<()> {
        if self.depth > MAX_DEPTH {
            return None;
        }
        while let Some(first) = self.rest.chars().next() {
            if self.arrow()? {
                continue;
            }
            match first {
                c if c.is_whitespace() => {
                    self.rest = self.rest.trim_start();
                    self.before = Preceding::Space;
                }
                c if c.is_alphabetic() => self.letters(),
                '0'..='9' => self.number(),
                '^' | '_' => self.script(first)?,
                '{' => {
                    let inside = self.braces()?;
                    let inside = self.inner(inside)?;
                    self.atom(&format!("{{{inside}}}"));
                }
                '+' | '-' | '−' => self.sign(first),
                '=' | '#' => {
                    self.skip(1);
                    let bond = if first == '=' { "=" } else { "\\equiv " };
                    self.after(&format!("{{{bond}}}"), Preceding::Nothing);
                }
                '*' | '.' | '·' | '•' => {
                    self.skip(first.len_utf8());
                    self.after("{\\cdot}", Preceding::Nothing);
                }
                '(' | '[' => {
                    self.skip(1);
                    self.after(first.encode_utf8(&mut [0; 4]), Preceding::Nothing);
                }
                ')' | ']' => {
                    self.skip(1);
                    self.atom(first.encode_utf8(&mut [0; 4]));
                }
                '$' => {
                    let inside = self.rest[1..].split('$').next().unwrap_or_default();
                    self.skip((inside.len() + 2).min(self.rest.len()));
                    self.atom(&format!("{{{inside}}}"));
                }
                '\\' => self.command()?,
                ',' | ';' => {
                    self.skip(1);
                    let space = if self.rest.starts_with(' ') {
                        "\\ "
                    } else {
                        ""
                    };
                    self.after(&format!("{first}{space}"), Preceding::Nothing);
                }
                other => {
                    self.skip(other.len_utf8());
                    self.after(other.encode_utf8(&mut [0; 4]), Preceding::Nothing);
                }
            }
        }
        Some(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn after(&mut self, tex: &str, before: Preceding) {
        self.out.push_str(tex);
        self.before = before;
        self.scripts = [false; 2];
        self.is_of_next = false;
    }

    fn atom(&mut self, tex: &str) {
        self.after(tex, Preceding::Atom);
    }

    /// Takes what stands in the braces that are next.
    fn braces(&mut self) -> Option<&'s str> {
        let mut depth = 0_usize;
        let end = self.rest.find(|c: char| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        })?;
        let inside = self.rest.get(1..end)?;
        self.skip(end + 1);
        Some(inside)
    }

    /// The TeX of a formula within this one.
    fn inner(&self, source: &str) -> Option<String> {
        let mut reader = ChemistryReader::new(source, self.depth + 1);
        reader.run()?;
        Some(reader.out)
    }

    /// Takes an arrow with its texts in brackets.
    fn arrow(&mut self) -> Option<bool> {
        let rest = self.rest;
        let Some((arrow, bare, with_text)) =
            ARROWS.iter().find(|(arrow, ..)| rest.starts_with(arrow))
        else {
            return Some(false);
        };
        self.skip(arrow.len());
        let mut texts: [String; 2] = Default::default();
        for text in &mut texts {
            let Some(inside) = self.rest.strip_prefix('[') else {
                break;
            };
            let near = &inside[..inside.floor_char_boundary(MAX_ARROW_TEXT)];
            let Some(end) = near.find(']') else {
                break;
            };
            *text = self.inner(&inside[..end])?;
            self.rest = &inside[end + 1..];
        }
        let [above, below] = texts;
        let tex = if above.is_empty() && below.is_empty() {
            format!("\\{bare} ")
        } else {
            format!("\\{with_text}[{{{below}}}]{{{above}}}")
        };
        self.after(&tex, Preceding::Nothing);
        Some(true)
    }

    fn letters(&mut self) {
        let end = self.rest.find(|c: char| !c.is_alphabetic());
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let is_alone =
            self.before != Preceding::Atom && rest.chars().next().is_none_or(char::is_whitespace);
        if name == "v" && is_alone && self.before == Preceding::Space {
            self.rest = rest;
            return self.after("\\downarrow ", Preceding::Nothing);
        }
        self.rest = rest;
        let is_variable = name.len() == 1 && name.starts_with(|c: char| c.is_ascii_lowercase());
        if is_variable && is_alone && !rest.is_empty() {
            // An amount.
            return self.after(&format!("{name}\\,"), Preceding::Nothing);
        }
        self.atom(&format!("\\mathrm{{{name}}}"));
    }

    fn number(&mut self) {
        let digits = |text: &str| {
            text.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len())
        };
        let mut end = digits(self.rest);
        let fraction = |text: &str, mark: char| {
            let after = text.strip_prefix(mark)?;
            Some(digits(after)).filter(|length| *length > 0)
        };
        if let Some(length) = fraction(&self.rest[end..], '.') {
            end += 1 + length;
        }
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        if self.before == Preceding::Atom {
            return self.attach('_', number);
        }
        let amount = match fraction(rest, '/') {
            Some(length) => {
                self.skip(1 + length);
                format!("\\tfrac{{{number}}}{{{}}}", &rest[1..1 + length])
            }
            None => number.to_owned(),
        };
        let space = if self.rest.is_empty() { "" } else { "\\," };
        self.after(&format!("{amount}{space}"), Preceding::Nothing);
    }

    /// Appends a script to what stands before. A second one stands behind the first, but for two
    /// that are of what comes next.
    fn attach(&mut self, mark: char, tex: &str) {
        let kind = usize::from(mark == '^');
        if self.before != Preceding::Atom {
            self.out.push_str("{}");
            self.is_of_next = true;
            self.scripts = [false; 2];
        } else if self.scripts[kind] || (self.scripts[1 - kind] && !self.is_of_next) {
            self.out.push_str("{}");
            self.scripts = [false; 2];
        }
        self.scripts[kind] = true;
        self.out.push_str(&format!("{mark}{{{tex}}}"));
        self.before = Preceding::Atom;
    }

    fn script(&mut self, mark: char) -> Option<()> {
        self.skip(1);
        let Some(first) = self.rest.chars().next().filter(|c| !c.is_whitespace()) else {
            if mark == '^' {
                self.after("\\uparrow ", Preceding::Nothing);
            }
            return Some(());
        };
        let of_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '−' | '.' | '*');
        let inside = match first {
            '{' => self.braces()?,
            '$' => {
                let end = 2 + self.rest[1..].find('$')?;
                let inside = &self.rest[..end];
                self.skip(end);
                inside
            }
            '\\' => {
                let end = command_length(self.rest);
                let inside = &self.rest[..end];
                self.skip(end);
                inside
            }
            c if of_number(c) => {
                let digits = self.rest.find(|c: char| !c.is_ascii_digit());
                let digits = digits.unwrap_or(self.rest.len());
                let signs = self.rest[digits..].find(|c: char| !of_number(c) || c.is_ascii_digit());
                let end = digits + signs.unwrap_or(self.rest.len() - digits);
                // A subscript has no charge.
                let end = if mark == '_' && digits > 0 {
                    digits
                } else {
                    end
                };
                let inside = &self.rest[..end];
                self.skip(end);
                inside
            }
            c => {
                let inside = &self.rest[..c.len_utf8()];
                self.skip(c.len_utf8());
                inside
            }
        };
        // Signs and numbers stand as they are; words are upright, and a single small letter is not.
        let is_variable = inside.len() == 1 && inside.starts_with(|c: char| c.is_ascii_lowercase());
        let tex = if is_variable || inside.chars().all(of_number) {
            inside.replace(['*', '.'], "\\bullet ")
        } else if inside.starts_with('$') {
            inside.trim_matches('$').to_owned()
        } else if inside.starts_with('\\') {
            inside.to_owned()
        } else if inside.chars().all(char::is_alphabetic) {
            format!("\\mathrm{{{inside}}}")
        } else {
            self.inner_script(inside)
        };
        self.attach(mark, &tex);
        Some(())
    }

    /// A script of letters, numbers and signs, as `2n+1` and `(aq)`.
    fn inner_script(&self, inside: &str) -> String {
        let mut out = String::new();
        let mut rest = inside;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                c if c.is_alphabetic() => rest.find(|c: char| !c.is_alphabetic()),
                _ => rest.find(char::is_alphabetic),
            };
            let (part, after) = rest.split_at(length.unwrap_or(rest.len()));
            match part.len() > 1 && first.is_alphabetic() {
                true => out += &format!("\\mathrm{{{part}}}"),
                false => out += &part.replace('$', ""),
            }
            rest = after;
        }
        out
    }

    /// A charge, a bond or a sum.
    fn sign(&mut self, sign: char) {
        self.skip(sign.len_utf8());
        let sign = if sign == '−' { '-' } else { sign };
        let next = self.rest.chars().next();
        let ends =
            next.is_none_or(|c| c.is_whitespace() || matches!(c, ')' | ']' | ',' | '}' | '^'));
        if self.before == Preceding::Atom && ends {
            return self.attach('^', sign.encode_utf8(&mut [0; 4]));
        }
        match self.before == Preceding::Atom && sign == '-' {
            // A bond.
            true => self.after("{-}", Preceding::Nothing),
            false => self.after(&format!(" {sign} "), Preceding::Nothing),
        }
    }

    /// A command of TeX, with its arguments.
    fn command(&mut self) -> Option<()> {
        let length = command_length(self.rest);
        let name = &self.rest[..length];
        self.skip(length);
        if name == "\\bond" {
            let bond = match self.braces()? {
                "-" | "1" => "{-}",
                "=" | "2" => "{=}",
                "#" | "3" => "{\\equiv}",
                "~" => "{\\sim}",
                "..." | "...." => "{\\cdots}",
                "->" => "{\\rightarrow}",
                "<-" => "{\\leftarrow}",
                _ => "{-}",
            };
            self.after(bond, Preceding::Nothing);
            return Some(());
        }
        if matches!(name, "\\ " | "\\," | "\\;" | "\\:" | "\\quad" | "\\qquad") {
            self.after(&format!("{name} "), Preceding::Space);
            return Some(());
        }
        let mut tex = if name == "\\ca" { "{\\sim}" } else { name }.to_owned();
        while self.rest.starts_with('{') {
            tex += &format!("{{{}}}", self.braces()?);
        }
        tex.push(' ');
        self.atom(&tex);
        Some(())
    }
}

/// The length of the command that `text` begins with.
fn command_length(text: &str) -> usize {
    let name = &text[1..];
    let letters = name.find(|c: char| !c.is_ascii_alphabetic());
    match letters.unwrap_or(name.len()) {
        0 => 1 + name.chars().next().map_or(0, char::len_utf8),
        length => 1 + length,
    }
}

#[cfg(test)]
mod tests {
    use super::{formula, unit};

    #[test]
    fn formulas_become_tex() {
        for (source, expected) in [
            ("H2O", r"\mathrm{H}_{2}\mathrm{O}"),
            ("Sb2O3", r"\mathrm{Sb}_{2}\mathrm{O}_{3}"),
            ("H+", r"\mathrm{H}^{+}"),
            ("CrO4^2-", r"\mathrm{CrO}_{4}{}^{2-}"),
            ("[AgCl2]-", r"[\mathrm{AgCl}_{2}]^{-}"),
            ("Y^{99}+", r"\mathrm{Y}^{99}{}^{+}"),
            (
                "Fe^{II}Fe^{III}2O4",
                r"\mathrm{Fe}^{\mathrm{II}}\mathrm{Fe}^{\mathrm{III}}{}_{2}\mathrm{O}_{4}",
            ),
            ("2 H2O", r"2\,\mathrm{H}_{2}\mathrm{O}"),
            ("1/2H2O", r"\tfrac{1}{2}\,\mathrm{H}_{2}\mathrm{O}"),
            ("^{227}_{90}Th+", r"{}^{227}_{90}\mathrm{Th}^{+}"),
            ("n H2O", r"n\,\mathrm{H}_{2}\mathrm{O}"),
            ("C_nH_{2n+2}", r"\mathrm{C}_{n}\mathrm{H}_{2n+2}"),
            ("(NH4)2S", r"(\mathrm{NH}_{4})_{2}\mathrm{S}"),
            (
                "CO2 + C -> 2 CO",
                r"\mathrm{CO}_{2} + \mathrm{C}\longrightarrow 2\,\mathrm{CO}",
            ),
            (
                "A <=>[H2O][T] B",
                r"\mathrm{A}\xrightleftharpoons[{\mathrm{T}}]{\mathrm{H}_{2}\mathrm{O}}\mathrm{B}",
            ),
            ("C6H5-CHO", r"\mathrm{C}_{6}\mathrm{H}_{5}{-}\mathrm{CHO}"),
            ("CH2=CH2", r"\mathrm{CH}_{2}{=}\mathrm{CH}_{2}"),
            (
                "HC#CH",
                r"\mathrm{HC}{\equiv}\mathrm{CH}"
                    .replace("equiv", "equiv ")
                    .as_str(),
            ),
            (
                "KCr(SO4)2*12H2O",
                r"\mathrm{KCr}(\mathrm{SO}_{4})_{2}{\cdot}12\,\mathrm{H}_{2}\mathrm{O}",
            ),
            (
                "SO4^2- + Ba^2+ -> BaSO4 v",
                r"\mathrm{SO}_{4}{}^{2-} + \mathrm{Ba}^{2+}\longrightarrow \mathrm{BaSO}_{4}\downarrow ",
            ),
            ("H2 ^", r"\mathrm{H}_{2}\uparrow "),
            ("NaOH(aq,$\\infty$)", r"\mathrm{NaOH}(\mathrm{aq},{\infty})"),
            (r"\Delta H", r"\Delta \mathrm{H}"),
            ("", ""),
        ] {
            assert_eq!(formula(source).as_deref(), Some(expected), "{source}");
        }
        assert_eq!(formula(&"{".repeat(3)), None);
        assert_eq!(
            formula(&format!("{}x{}", "{".repeat(20), "}".repeat(20))),
            None
        );
    }

    #[test]
    fn units_are_upright() {
        for (source, expected) in [
            ("123 kJ", r"123\,\mathrm{kJ}"),
            ("1.2e3 J", r"1.2\cdot 10^{3}\,\mathrm{J}"),
            ("5 kJ mol-1", r"5\,\mathrm{kJ}\,\mathrm{mol}^{-1}"),
            ("9.8 m/s2", r"9.8\,\mathrm{m}/\mathrm{s}^{2}"),
            ("50 %", r"50\,\mathrm{\%}"),
        ] {
            assert_eq!(unit(source), expected, "{source}");
        }
    }

    #[test]
    fn nothing_ends_the_reader() {
        let parts = [
            "^", "_", "{", "}", "$", "\\", "->", "[", "]", "é", "2", "+", "\\bond", " ", "→",
        ];
        for a in parts {
            for b in parts {
                for c in parts {
                    let source = format!("{a}{b}{c}H{a}");
                    let _ = formula(&source);
                    let _ = unit(&source);
                }
            }
        }
    }
}
