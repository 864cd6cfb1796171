//! Renders one formula to MathML.
//!
//! math-core does it, of TeX that `tex` has brought to what it knows. It was written for authors and
//! not for attackers, so a formula is measured before, and `check` reads its output.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::LazyLock,
};

use math_core::{LatexToMathML, MathCoreConfig, MathDisplay};

use super::{
    check,
    depth::depth,
    tex::{self, EngineTex, TexDefinitions},
};
use crate::prepared::SafeHtml;

/// The most bytes of one formula; the longest in a textbook has a tenth of them.
const MAX_FORMULA_BYTES: usize = 10_000;
/// How deep a formula may nest, because the parser recurses; its stack has room for more.
const MAX_FORMULA_DEPTH: usize = 40;
/// The most bytes of MathML for each byte of source.
const MATHML_GROWTH_FACTOR: usize = 24;

/// What the formulas of one text may still take.
///
/// Their MathML is many times as long as they are, and macros make them longer, so a text has an
/// allowance in proportion to its length, and [`FREE_BYTES`] more for the short ones.
#[derive(Debug)]
pub(super) struct FormulaAllowance {
    /// The bytes of MathML.
    mathml: usize,
    /// The bytes that macros bring.
    pub(super) expansion: usize,
}

/// The bytes of MathML, and of macros, that a text may have beyond those in proportion.
const FREE_BYTES: usize = 2048;
/// The bytes that macros may bring for each byte of a text.
const EXPANSION_FACTOR: usize = 8;

impl FormulaAllowance {
    /// The allowance of a text of `length` bytes.
    pub(super) fn of(length: usize) -> Self {
        Self {
            mathml: MATHML_GROWTH_FACTOR * length + FREE_BYTES,
            expansion: EXPANSION_FACTOR * length + FREE_BYTES,
        }
    }
}

/// The MathML of `tex`, which is empty where it only defines something; `None` when there is none,
/// or it is more than the allowance.
pub(super) fn render(
    tex: &str,
    display: bool,
    definitions: &mut Rc<TexDefinitions>,
    allowance: &mut FormulaAllowance,
) -> Option<SafeHtml> {
    static CONVERTER: LazyLock<LatexToMathML> = LazyLock::new(|| {
        let config = MathCoreConfig {
            // As in Jupyter, an unknown command is shown in red, and the rest is typeset.
            ignore_unknown_commands: true,
            // Accents that some browsers do not stretch.
            allow_unreliable_rendering: true,
            ..MathCoreConfig::default()
        };
        LatexToMathML::new(config).expect("there are no macros to be wrong")
    });
    if tex.trim().is_empty() || tex.len() > MAX_FORMULA_BYTES {
        return None;
    }
    let EngineTex { tex, marks } =
        tex::for_engine(tex, display, definitions, &mut allowance.expansion)?;
    if tex.is_empty() {
        return Some(SafeHtml::default());
    }
    if tex.len() > MAX_FORMULA_BYTES || depth(&tex) > MAX_FORMULA_DEPTH {
        return None;
    }
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
    if mathml.len() > 3 * allowance.mathml {
        return None;
    }
    let mathml = check::checked(&mathml, &marks)?;
    let html = if display {
        format!("<span class=\"nb-math-block\">{mathml}</span>")
    } else {
        mathml
    };
    allowance.mathml = allowance.mathml.checked_sub(html.len())?;
    Some(SafeHtml::trust(html))
}

#[cfg(test)]
mod tests {
    use super::{FormulaAllowance, MAX_FORMULA_BYTES, MAX_FORMULA_DEPTH, Rc, render};

    fn html(tex: &str) -> String {
        let mut allowance = FormulaAllowance::of(tex.len());
        let html = render(tex, false, &mut Rc::default(), &mut allowance);
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
            r"\AxiomC{a}",
            r"\begin{CD}A\end{CD}",
            r"\def\x{\x\x}\x",
            r"\def\x{\y}\def\y{\x}\x",
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
}
