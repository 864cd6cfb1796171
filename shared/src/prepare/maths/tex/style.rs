//! Where a formula is in display style, in which limits stand above and below.

use super::scan::command_name;

/// The commands whose arguments are in another style, and the number of these.
const SMALLER_ARGUMENTS: [(&str, usize); 10] = [
    ("binom", 2),
    ("cfrac", 2),
    ("dbinom", 2),
    ("dfrac", 2),
    ("frac", 2),
    ("overset", 1),
    ("stackrel", 1),
    ("tbinom", 2),
    ("tfrac", 2),
    ("underset", 1),
];

/// The environments of the engine that are in display style.
const DISPLAYED: [&str; 9] = [
    "align*",
    "aligned",
    "darray",
    "dcases",
    "drcases",
    "equation*",
    "gather*",
    "gathered",
    "multline",
];

/// Whether the place that is read is in display style.
#[derive(Debug)]
pub(super) struct StyleReader {
    pub(super) is_display: bool,
    /// The number of arguments of another style that are still to come.
    smaller: usize,
    /// What both were before each open group and environment.
    outer: Vec<(bool, usize)>,
}

impl StyleReader {
    pub(super) fn new(is_display: bool) -> Self {
        Self {
            is_display,
            smaller: 0,
            outer: Vec::new(),
        }
    }

    /// Reads a token of the formula.
    pub(super) fn read(&mut self, token: &str) {
        if token.trim().is_empty() {
            return;
        }
        let is_smaller = self.smaller > 0;
        self.smaller = self.smaller.saturating_sub(1);
        match token {
            "{" => self.open(self.is_display && !is_smaller),
            "}" => self.close(),
            "^" | "_" => self.smaller = 1,
            "\\displaystyle" => self.is_display = true,
            "\\textstyle" | "\\scriptstyle" | "\\scriptscriptstyle" => self.is_display = false,
            _ => {
                let name = command_name(token).unwrap_or_default();
                let known = SMALLER_ARGUMENTS.iter().find(|(known, _)| *known == name);
                if let Some((_, arguments)) = known {
                    self.smaller = *arguments;
                }
            }
        }
    }

    /// Begins a part of this style.
    pub(super) fn open(&mut self, is_display: bool) {
        self.outer.push((self.is_display, self.smaller));
        (self.is_display, self.smaller) = (is_display, 0);
    }

    /// Begins the environment of the engine that `begin` begins.
    pub(super) fn open_environment(&mut self, begin: &str) {
        let name = begin.rsplit_once("\\begin{").map(|(_, name)| name);
        let name = name.and_then(|name| name.split_once('}'));
        match name {
            Some((name, _)) => self.open(DISPLAYED.contains(&name)),
            None => self.open(self.is_display),
        }
    }

    /// Ends the innermost part.
    pub(super) fn close(&mut self) {
        if let Some(outer) = self.outer.pop() {
            (self.is_display, self.smaller) = outer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::scan::TexScanner, StyleReader};

    #[test]
    fn fractions_and_scripts_are_not_in_display_style() {
        for (tex, expected) in [
            ("x {y", true),
            (r"\frac{x", false),
            (r"\frac{x}{y", false),
            (r"\frac{x}{y} {z", true),
            (r"\frac xy {z", true),
            (r"x_{y", false),
            (r"x_y {z", true),
            (r"{\textstyle x", false),
            (r"{\textstyle x} y", true),
            (r"\frac{\displaystyle x", true),
        ] {
            let mut style = StyleReader::new(true);
            let mut rest = TexScanner(tex);
            while let Some(token) = rest.token() {
                style.read(token);
            }
            assert_eq!(style.is_display, expected, "{tex}");
        }
    }
}
