//! Environments by the names that the engine has, and what their beginnings and ends become.

use super::scan::TexScanner;

/// What the engine has to be told of the rows of an environment.
#[derive(Debug, Default)]
pub(super) struct RowLooks {
    /// Whether there are lines between rows, or above.
    pub(super) has_lines: bool,
    /// The class of the line below the last row.
    pub(super) below: Option<&'static str>,
    pub(super) has_columns: bool,
    /// Whether each cell begins in display style.
    pub(super) is_display: bool,
    /// Whether a row has a tag.
    pub(super) has_tag: bool,
}

/// An environment that is open.
#[derive(Debug)]
pub(super) struct OpenEnvironment {
    /// Its name in the source.
    pub(super) name: String,
    /// The text at its beginning, which is written with its end.
    pub(super) begin: String,
    /// The text at its end.
    pub(super) end: String,
    /// Whether a row may have a tag.
    pub(super) has_tags: bool,
    /// What of its rows the engine needs to be told in another way.
    pub(super) rows: RowLooks,
    /// The TeX for the engine that stands before it.
    pub(super) before: String,
}

/// The environments that take the place of others: their name in Jupyter, the text at their
/// beginning and that at their end. Equations get no numbers, as in Jupyter.
const ALIASES: [(&str, &str, &str); 37] = [
    (
        "Bsmallmatrix",
        r"\left\{\begin{matrix}",
        r"\end{matrix}\right\}",
    ),
    (
        "Vsmallmatrix",
        r"\left\|\begin{matrix}",
        r"\end{matrix}\right\|",
    ),
    ("align", r"\begin{align*}", r"\end{align*}"),
    (
        "bsmallmatrix",
        r"\left[\begin{matrix}",
        r"\end{matrix}\right]",
    ),
    ("crampedsubarray", r"\begin{subarray}", r"\end{subarray}"),
    ("displaymath", r"\begin{equation*}", r"\end{equation*}"),
    ("eqnarray", r"\begin{darray}{rcl}", r"\end{darray}"),
    ("eqnarray*", r"\begin{darray}{rcl}", r"\end{darray}"),
    ("equation", r"\begin{equation*}", r"\end{equation*}"),
    ("flalign", r"\begin{align*}", r"\end{align*}"),
    ("flalign*", r"\begin{align*}", r"\end{align*}"),
    ("gather", r"\begin{gather*}", r"\end{gather*}"),
    ("gathered*", r"\begin{gathered}", r"\end{gathered}"),
    ("lgathered", r"\begin{darray}{l}", r"\end{darray}"),
    ("math", r"\begin{equation*}", r"\end{equation*}"),
    ("multline", r"\begin{multline}", r"\notag\end{multline}"),
    ("multline*", r"\begin{multline}", r"\notag\end{multline}"),
    ("multlined", r"\begin{gathered}", r"\end{gathered}"),
    (
        "psmallmatrix",
        r"\left(\begin{matrix}",
        r"\end{matrix}\right)",
    ),
    ("rgathered", r"\begin{darray}{r}", r"\end{darray}"),
    ("smallmatrix", r"\begin{matrix}", r"\end{matrix}"),
    ("split", r"\begin{aligned}", r"\end{aligned}"),
    (
        "vsmallmatrix",
        r"\left|\begin{matrix}",
        r"\end{matrix}\right|",
    ),
    ("alignat", r"\begin{align*}", r"\end{align*}"),
    ("alignat*", r"\begin{align*}", r"\end{align*}"),
    ("alignedat", r"\begin{aligned}", r"\end{aligned}"),
    ("xalignat", r"\begin{align*}", r"\end{align*}"),
    ("xalignat*", r"\begin{align*}", r"\end{align*}"),
    ("xxalignat", r"\begin{align*}", r"\end{align*}"),
    ("spreadlines", "", ""),
    ("numcases", r"\begin{cases}", r"\end{cases}"),
    ("subnumcases", r"\begin{cases}", r"\end{cases}"),
    ("subequations", "", ""),
    ("cases*", r"\begin{cases}", r"\end{cases}"),
    ("dcases*", r"\begin{dcases}", r"\end{dcases}"),
    ("drcases*", r"\begin{drcases}", r"\end{drcases}"),
    ("rcases*", r"\begin{rcases}", r"\end{rcases}"),
];

/// The environments whose first argument does not matter here.
const WITH_IGNORED_ARGUMENT: [&str; 7] = [
    "alignat",
    "alignat*",
    "alignedat",
    "spreadlines",
    "xalignat",
    "xalignat*",
    "xxalignat",
];

/// The environments that may have an optional argument, which does not matter here.
const WITH_IGNORED_OPTION: [&str; 7] = [
    "aligned",
    "alignedat",
    "gathered",
    "lgathered",
    "multlined",
    "rgathered",
    "split",
];

/// The environments of the engine whose rows may have tags.
const TAGGED: [&str; 4] = ["align*", "equation*", "gather*", "multline"];

/// The delimiters of a matrix, by its first letter.
pub(super) fn matrix_delimiters(name: &str) -> Option<[&'static str; 2]> {
    Some(match name {
        "matrix*" | "smallmatrix*" => ["", ""],
        "pmatrix*" | "psmallmatrix*" => [r"\left(", r"\right)"],
        "bmatrix*" | "bsmallmatrix*" => [r"\left[", r"\right]"],
        "Bmatrix*" | "Bsmallmatrix*" => [r"\left\{", r"\right\}"],
        "vmatrix*" | "vsmallmatrix*" => [r"\left|", r"\right|"],
        "Vmatrix*" | "Vsmallmatrix*" => [r"\left\|", r"\right\|"],
        _ => return None,
    })
}

/// The most columns of a matrix whose alignment is told.
const MAX_MATRIX_COLUMNS: usize = 30;

/// The environment `name` that begins, whose arguments are taken from `rest`.
pub(super) fn begin(name: &str, rest: &mut TexScanner<'_>) -> Option<OpenEnvironment> {
    let (begin, end) = texts(name, rest)?;
    let has_tags = TAGGED
        .iter()
        .any(|tagged| begin == format!("\\begin{{{tagged}}}"));
    Some(OpenEnvironment {
        name: name.to_owned(),
        begin,
        end,
        has_tags,
        rows: RowLooks::default(),
        before: String::new(),
    })
}

/// The texts at the beginning and at the end of the environment `name`.
fn texts(name: &str, rest: &mut TexScanner<'_>) -> Option<(String, String)> {
    if let Some([left, right]) = matrix_delimiters(name) {
        let columns = rest.optional().unwrap_or("c").trim();
        let column = match columns {
            "l" | "r" => columns,
            _ => "c",
        };
        let columns = column.repeat(MAX_MATRIX_COLUMNS);
        return Some((
            format!("{left}\\begin{{array}}{{{columns}}}"),
            format!("\\end{{array}}{right}"),
        ));
    }
    if matches!(name, "array" | "darray" | "subarray" | "crampedsubarray") {
        rest.optional();
        let name = if name == "crampedsubarray" {
            "subarray"
        } else {
            name
        };
        let columns = columns(rest.argument()?)?;
        return Some((
            format!("\\begin{{{name}}}{{{columns}}}"),
            format!("\\end{{{name}}}"),
        ));
    }
    if WITH_IGNORED_OPTION.contains(&name) {
        rest.optional();
    }
    if WITH_IGNORED_ARGUMENT.contains(&name) {
        rest.argument()?;
    }
    let found = ALIASES.iter().find(|(known, ..)| *known == name);
    Some(match found {
        Some((_, begin, end)) => ((*begin).to_owned(), (*end).to_owned()),
        None => (format!("\\begin{{{name}}}"), format!("\\end{{{name}}}")),
    })
}

/// The columns of an array as the engine reads them: `l`, `c`, `r` and lines.
fn columns(spec: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = TexScanner(spec);
    while let Some(token) = rest.token() {
        match token {
            "l" | "c" | "r" | "|" | ":" => out.push_str(token),
            "p" | "m" | "b" | "w" | "P" | "M" | "B" | "W" => {
                rest.argument()?;
                out.push('l');
            }
            "@" | "!" | ">" | "<" => drop(rest.argument()?),
            "*" => {
                let times: usize = rest.argument()?.trim().parse().ok()?;
                let repeated = columns_within(rest.argument()?)?;
                for _ in 0..times.min(MAX_MATRIX_COLUMNS) {
                    out.push_str(&repeated);
                }
            }
            // Jupyter, too, takes what it does not know for nothing.
            _ => {}
        }
        (out.len() <= 200).then_some(())?;
    }
    Some(if out.is_empty() { "c".to_owned() } else { out })
}

/// The columns that are repeated; those in them are not.
fn columns_within(spec: &str) -> Option<String> {
    (!spec.contains('*')).then(|| columns(spec)).flatten()
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn columns_are_letters_and_lines() {
        for (spec, expected) in [
            ("@{}l@{\\quad}r@{}", Some("lr")),
            ("|c|*{3}{r}|", Some("|c|rrr|")),
            ("p{3cm} >{\\bf}c<{x}", Some("lc")),
            ("", Some("c")),
            ("cX", Some("c")),
            ("S", Some("c")),
            ("c,r", Some("cr")),
            ("*{x}{c}", None),
        ] {
            assert_eq!(columns(spec).as_deref(), expected, "{spec}");
        }
    }
}
