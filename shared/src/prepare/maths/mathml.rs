//! Renders one formula to MathML.
//!
//! math-core does it. It was written for authors and not for attackers, so a formula is measured
//! before, and `check` reads its output.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use math_core::{LatexToMathML, MathCoreConfig, MathDisplay};

use super::check;
use crate::prepared::SafeHtml;

/// The most bytes of one formula; the longest in a textbook has a tenth of them.
const MAX_FORMULA_BYTES: usize = 10_000;
/// How deep a formula may nest, because the parser recurses; its stack has room for more.
const MAX_FORMULA_DEPTH: usize = 40;
/// The most bytes of MathML for each byte of source.
const MATHML_GROWTH_FACTOR: usize = 24;

/// Environments, and those that replace them: equations get no numbers, as in Jupyter, and old
/// names become today's.
const ENVIRONMENT_ALIASES: [(&str, &str); 14] = [
    ("{align}", "{align*}"),
    ("{equation}", "{equation*}"),
    ("{gather}", "{gather*}"),
    ("{flalign}", "{align*}"),
    ("{flalign*}", "{align*}"),
    ("{split}", "{aligned}"),
    ("{eqnarray}", "{array}{rcl}"),
    ("{eqnarray*}", "{array}{rcl}"),
    ("{displaymath}", "{equation*}"),
    ("{math}", "{equation*}"),
    ("{multline*}", "{gather*}"),
    ("{multline}", "{gather*}"),
    ("{smallmatrix}", "{matrix}"),
    ("{gathered*}", "{gathered}"),
];

/// Commands that math-core does not have, with their brace, and similar ones that replace them.
const COMMAND_ALIASES: [(&str, &str); 4] = [
    ("\\boxed{", "{"),
    ("\\hbox{", "\\text{"),
    ("\\mbox{", "\\text{"),
    ("\\tag{", "\\qquad\\text{"),
];

/// Commands that apply until their group ends.
const SWITCH_COMMANDS: [&str; 20] = [
    "bf",
    "cal",
    "color",
    "displaystyle",
    "frak",
    "huge",
    "it",
    "large",
    "mathstrut",
    "mit",
    "normalsize",
    "rm",
    "scriptscriptstyle",
    "scriptstyle",
    "sf",
    "sl",
    "small",
    "textstyle",
    "tiny",
    "tt",
];

/// The MathML of `tex`, which takes `length` bytes of its text; `None` when math-core has none, or
/// it is too large.
pub(super) fn render(tex: &str, display: bool, length: usize) -> Option<SafeHtml> {
    static CONVERTER: LazyLock<LatexToMathML> = LazyLock::new(|| {
        LatexToMathML::new(MathCoreConfig::default()).expect("there are no macros to be wrong")
    });
    if tex.trim().is_empty() || tex.len() > MAX_FORMULA_BYTES || depth(tex) > MAX_FORMULA_DEPTH {
        return None;
    }
    let tex = renamed(tex);
    let mode = if display {
        MathDisplay::Block
    } else {
        MathDisplay::Inline
    };
    let converted = catch_unwind(AssertUnwindSafe(|| {
        CONVERTER.convert_with_local_state(&tex, mode)
    }));
    let mathml = converted.ok()?.ok()?.mathml;
    // `check` makes styles shorter, but not that much.
    if mathml.len() > 3 * MATHML_GROWTH_FACTOR * length {
        return None;
    }
    let mathml = check::checked(&mathml)?;
    let html = if display {
        format!("<span class=\"nb-math-block\">{mathml}</span>")
    } else {
        mathml
    };
    (html.len() <= MATHML_GROWTH_FACTOR * length).then(|| SafeHtml::trust(html))
}

/// `tex` with the names that math-core knows, without comments, and without labels, to which
/// nothing here links.
fn renamed(tex: &str) -> String {
    let mut out = String::with_capacity(tex.len());
    let mut rest = tex;
    while let Some(at) = rest.find(['\\', '%']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('%') {
            // A comment, at each of which the engine recurses.
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        }
        rest = match command(&mut out, rest) {
            Some(after) => after,
            None => {
                // The character after the backslash is skipped, because a second backslash begins
                // no command.
                let next = rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..1 + next]);
                &rest[1 + next..]
            }
        };
    }
    out.push_str(rest);
    out
}

/// Writes the command that `rest` begins with under its new name; returns the rest after it.
fn command<'a>(out: &mut String, rest: &'a str) -> Option<&'a str> {
    if let Some(after) = rest.strip_prefix("\\label{") {
        return after.split_once('}').map(|(_, after)| after);
    }
    for (old, new) in COMMAND_ALIASES {
        if let Some(after) = rest.strip_prefix(old) {
            out.push_str(new);
            return Some(after);
        }
    }
    if let Some(after) = rest.strip_prefix("\\textcolor{") {
        let (colour, after) = after.split_once("}{")?;
        for part in ["{\\color{", colour, "}"] {
            out.push_str(part);
        }
        return Some(after);
    }
    for command in ["\\begin", "\\end"] {
        let Some(after) = rest.strip_prefix(command) else {
            continue;
        };
        let (old, new) = ENVIRONMENT_ALIASES
            .iter()
            .find(|(old, _)| after.starts_with(old))?;
        // The columns of an array follow only where it begins.
        let name = new.find("}{").map_or(*new, |at| &new[..=at]);
        out.push_str(command);
        out.push_str(if command == "\\end" { name } else { new });
        return Some(&after[old.len()..]);
    }
    None
}

/// An upper bound of how deep `tex` nests: brackets of every kind, and commands in a row, each of
/// which may be the argument of the one before it.
fn depth(tex: &str) -> usize {
    let mut open: Vec<usize> = Vec::new();
    let (mut row, mut below, mut deepest) = (0_usize, 0_usize, 0_usize);
    let mut rest = tex;
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        match first {
            '\\' => {
                let name = &rest[1..];
                let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
                length = 1 + match letters {
                    0 => name.chars().next().map_or(0, char::len_utf8),
                    letters => letters,
                };
                match &name[..letters] {
                    "left" | "begin" => {
                        open.push(row + 1);
                        below += row + 1;
                        row = 0;
                    }
                    "right" | "end" => {
                        below -= open.pop().unwrap_or(0);
                        row = 0;
                    }
                    "" => row = 0,
                    // The rest of the group is nested in a switch.
                    name if SWITCH_COMMANDS.contains(&name) => {
                        if let Some(group) = open.last_mut() {
                            *group += 1;
                        }
                        below += 1;
                    }
                    _ => row += 1,
                }
            }
            '^' | '_' | '\'' => row += 1,
            '{' | '[' => {
                open.push(row + 1);
                below += row + 1;
                row = 0;
            }
            '}' | ']' => {
                below -= open.pop().unwrap_or(0);
                row = 0;
            }
            c if c.is_whitespace() => {}
            _ => row = 0,
        }
        deepest = deepest.max(below + row);
        rest = &rest[length..];
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::{MAX_FORMULA_BYTES, MAX_FORMULA_DEPTH, depth, renamed, render};

    fn html(tex: &str) -> String {
        let html = render(tex, false, tex.len() + 100);
        html.map_or_else(|| "nothing".to_owned(), |html| html.as_str().to_owned())
    }

    #[test]
    fn formulas_of_workshops_are_typeset() {
        for tex in [
            r"e^{i\pi} + 1 = 0",
            r"\frac{1}{\sqrt{2\pi\sigma^2}}",
            r"\sum_{i=1}^n x_i \quad \int_0^\infty f(x)\,dx",
            r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
            r"f(x) = \begin{cases} 1 & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
            r"\begin{align} a &= b \label{one} \\ &= c \nonumber \end{align}",
            r"\begin{equation}\begin{split} a &= b \\ &= c \end{split}\end{equation}",
            r"\begin{eqnarray} a &=& b \\ c &=& d \end{eqnarray}",
            r"\begin{bmatrix} 1 \\ \vdots \end{bmatrix}^\top \mathbf{x} \in \mathbb{R}^n",
            r"\left( \frac{a}{b} \right] \hat{y} \bar{x} \vec{v} \tilde{z} \dot{q}",
            r"\mathcal{L}(\theta) = -\log p_\theta(x \mid y) \boldsymbol{\beta}",
            r"\operatorname{argmax}_x \|x\|_2^2 \le \epsilon, \forall x \ne 0",
            r"\underbrace{a + b}_{n} \overline{AB} \lim_{x \to 0} \max_i",
            r"a < b & c > d".split('&').next().unwrap_or_default(),
            r"P(A|B) = \frac{P(B|A)P(A)}{P(B)} \approx 0.5\%",
            r"\displaystyle x^{2} + \sin{\left(x \right)}",
            r"\left[\begin{matrix}1 & 2\\3 & 4\end{matrix}\right]",
            r"\color{red} x",
            r"\textcolor{blue}{y}",
            r"a \\ b",
            r"x' + y''",
            r"\begin{aligned} a \\ b \end{aligned}",
            r"\begin{array}{c|c} 1 & 2 \\ \hline 3 & 4 \end{array}",
            r"\mathrm{d}x \rm{y} \bf{z}",
            r"\tag{1} x",
            r"\bm{x} \mathbb{E}[X] \Pr \to \implies \iff \because",
            r"\stackrel{!}{=} \overset{a}{b} \underset{a}{b} \xrightarrow{f}",
            r"\binom{n}{k} \dbinom nk \tfrac12 \cfrac{1}{2}",
            r"\big( \Big[ \bigg| \middle| x \Bigr)",
            r"\hspace{1cm} \phantom{x} \boxed{x}",
            r"\cancel{x}",
            r"100\$ \# \_ \& \{ \} \ldots \cdots \ddots",
            r"\textbf{b} \textit{i} \texttt{t} \mbox{m}",
            r"\langle x \rangle \lVert x \rVert \lfloor x \rfloor",
        ] {
            assert!(html(tex).starts_with("<math"), "{tex}: {}", html(tex));
        }
    }

    #[test]
    fn wrong_and_huge_formulas_have_no_mathml() {
        let deep = |part: &str| part.repeat(1000);
        for tex in [
            "",
            r"\frac{",
            r"\nosuchcommand",
            r"\href{https://x}{y}",
            r"\style{color:red}{x}",
            r"\class{a}{b}",
            r"\unicode{65}",
            r"\require{x}",
            r"\def\x{\x\x}\x",
            &"x".repeat(20_000),
            &deep("{"),
            &deep(r"\sqrt"),
            &deep(r"\left("),
            &deep(r"\begin{matrix}"),
            &deep("x^"),
            &deep(r"\sqrt{\sqrt"),
            &deep("[{"),
        ] {
            assert_eq!(html(tex), "nothing", "{tex:.40}");
        }
    }

    #[test]
    fn depth_counts_what_may_nest() {
        for (tex, expected) in [("x", 0), ("x^2", 1), (r"\frac{a}{b}", 2), ("{{}{}}", 2)] {
            assert_eq!(depth(tex), expected, "{tex}");
        }
        assert_eq!(depth(r"\alpha\beta\gamma x"), 3);
    }

    #[test]
    fn the_deepest_formula_fits_the_stack() {
        for (part, close) in [("{", "}"), ("\\sqrt{", "}"), ("x^{", "}"), ("[", "]")] {
            let times = MAX_FORMULA_DEPTH / 2 - 1;
            let tex = format!("{}x{}", part.repeat(times), close.repeat(times));
            assert!(html(&tex).starts_with("<math"), "{part}");
        }
        assert!(html(&(r"\sqrt ".repeat(MAX_FORMULA_DEPTH - 1) + "x")).starts_with("<math"));
    }

    /// The engine recurses in unexpected places; too deep a recursion would end the process.
    #[test]
    fn repetition_fits_the_stack() {
        let characters = (' '..='~').map(String::from);
        let words = [
            "x^2 ",
            "{}",
            "x'",
            "a_b^c ",
            "%\n",
            "\n",
            "\\displaystyle x",
            "\\color{red}x",
            "\\rm x",
            "\\limits x",
            "\\not x",
            "\\nonumber x",
            "\\label{a}x",
            "\\middle|x",
            "\\text{a}",
            "'x",
            "\\\\[1em]",
            "\\hline\\\\",
            "\\tag{1}\\\\",
            "\\mathbf x",
            "\\hat x",
            "\\big(x",
            "\\frac12",
            "\\sum_a^b ",
            "\\left(x\\right)",
            "\\begin{matrix}a\\end{matrix}",
            "\\quad x",
            "\\, x",
            "\\operatorname{a}",
            "\\mathrm{a}",
            "\\over x",
            "\\choose x",
            "\\atop x",
            "\\scriptstyle x",
            "\\mathbb{R}",
            "\\stackrel{a}{b}",
            "\\sqrt[3]{x}",
            "\\phantom{x}",
            "\\mod x",
            "\\bmod x",
            "\\substack{a}",
            "\\cancel{x}",
            "\\kern1em x",
            "\\rule{1em}{1em}",
            "\\mathchoice abcd",
        ];
        for part in characters.chain(words.map(str::to_owned)) {
            let tex = part.repeat(MAX_FORMULA_BYTES / part.len() / 2);
            html(&tex);
            html(&format!("\\begin{{align}}{tex}\\end{{align}}"));
            html(&format!("\\left({tex}\\right)"));
        }
    }

    #[test]
    fn environments_are_renamed_and_labels_are_dropped() {
        let old = r"\begin{eqnarray}a\\\label{x}\end{eqnarray}\begin{align}\end{align}";
        let new = r"\begin{array}{rcl}a\\\end{array}\begin{align*}\end{align*}";
        assert_eq!(renamed(old), new);
    }
}
