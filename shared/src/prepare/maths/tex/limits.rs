//! What stands above and below an operator, or at its side.
//!
//! The engine knows the places of the scripts of its own operators alone. Those of other operators,
//! which may be any formula, are written here: above and below in display style or after
//! `\limits`, else at the side.

use super::{rewrite::Rewriter, scan::TexScanner};

/// The scripts behind an operator.
#[derive(Debug, Default, PartialEq, Eq)]
struct Scripts<'a> {
    below: Option<&'a str>,
    above: Option<&'a str>,
    primes: usize,
    /// Whether `\limits` or `\nolimits` tells their place.
    placed: Option<bool>,
    /// Whether there is a `\limits` or its like at all.
    has_limits: bool,
}

impl Scripts<'_> {
    /// Takes the scripts that are next.
    fn read<'a>(rest: &mut TexScanner<'a>) -> Option<Scripts<'a>> {
        let mut found = Scripts::default();
        loop {
            let mut ahead = *rest;
            match ahead.word() {
                Some("_") if found.below.is_none() => found.below = Some(ahead.operand()?),
                Some("^") if found.above.is_none() => found.above = Some(ahead.operand()?),
                Some("'") if found.above.is_none() => found.primes += 1,
                Some(limits @ ("\\limits" | "\\nolimits" | "\\displaylimits")) => {
                    found.has_limits = true;
                    found.placed = match limits {
                        "\\displaylimits" => None,
                        limits => Some(limits == "\\limits"),
                    };
                }
                _ => return Some(found),
            }
            *rest = ahead;
        }
    }

    /// What stands above, as TeX.
    fn above(&self) -> Option<String> {
        let above = self.above.unwrap_or_default();
        let text = "\\prime ".repeat(self.primes) + above;
        (!text.trim().is_empty()).then_some(text)
    }

    /// What stands below, as TeX.
    fn below(&self) -> Option<String> {
        let below = self.below.filter(|below| !below.trim().is_empty());
        below.map(str::to_owned)
    }
}

impl Rewriter<'_> {
    /// Writes `\mathop` and its scripts.
    pub(super) fn math_operator(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let operator = self.part(rest.operand()?)?;
        self.with_scripts(&format!("\\mathop{{{operator}}}"), true, rest)
    }

    /// Writes `\operatorname`, whose content need not be words, and its scripts.
    pub(super) fn operator(&mut self, rest: &mut TexScanner<'_>) -> Option<()> {
        let has_star = rest.takes("*");
        let name = rest.argument()?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '\'');
        let spaced = name
            .replace("\\,", " ")
            .replace("\\;", " ")
            .replace('~', " ");
        if name.is_empty() || !spaced.chars().all(is_word) {
            let operator = self.part(name)?;
            let operator = format!("\\mathop{{\\mathrm{{{operator}}}}}");
            return self.with_scripts(&operator, has_star, rest);
        }
        let mut ahead = *rest;
        let scripts = Scripts::read(&mut ahead)?;
        let over = scripts.placed.unwrap_or(has_star && self.style.is_display);
        let star = if over { "*" } else { "" };
        self.out.extend(["\\operatorname", star, "{", name, "}"]);
        if scripts.has_limits {
            *rest = ahead;
            self.at_side(&scripts)?;
        }
        Some(())
    }

    /// Writes an operator of the engine's TeX, and the scripts that follow it. Without a `\limits`
    /// these are where they are in display style if `has_limits`, and at the side if not.
    fn with_scripts(
        &mut self,
        operator: &str,
        has_limits: bool,
        rest: &mut TexScanner<'_>,
    ) -> Option<()> {
        let scripts = Scripts::read(rest)?;
        let over = scripts
            .placed
            .unwrap_or(has_limits && self.style.is_display);
        if over {
            self.over_and_under(operator, &scripts)
        } else {
            self.out.push_str(operator);
            self.at_side(&scripts)
        }
    }

    /// Writes a group behind which `\limits` or its like follows; false when it is another group.
    pub(super) fn group_with_limits(&mut self, rest: &mut TexScanner<'_>) -> Option<bool> {
        let mut ahead = *rest;
        let (Some(content), Some(scripts)) = (ahead.argument(), Scripts::read(&mut ahead)) else {
            return Some(false);
        };
        if !scripts.has_limits {
            return Some(false);
        }
        *rest = ahead;
        let group = format!("{{{}}}", self.part(content)?);
        let over = scripts.placed.unwrap_or(self.style.is_display);
        if over {
            self.over_and_under(&group, &scripts)?;
        } else {
            self.out.push_str(&group);
            self.at_side(&scripts)?;
        }
        Some(true)
    }

    /// Writes `\underbrace` and its like. Scripts of both sides stand above and below.
    pub(super) fn brace(&mut self, name: &str, rest: &mut TexScanner<'_>) -> Option<()> {
        while rest.optional().is_some() {}
        let content = self.part(rest.operand()?)?;
        let brace = format!("\\{name}{{{content}}}");
        let scripts = Scripts::read(rest)?;
        let (above, below) = (scripts.above(), scripts.below());
        let (mark, near, far, place) = match name.starts_with("over") {
            true => ("^", above, below, "\\underset{"),
            false => ("_", below, above, "\\overset{"),
        };
        if let Some(far) = &far {
            let far = self.part(far)?;
            self.out.extend([place, &far, "}{"]);
        }
        self.out.push_str(&brace);
        if let Some(near) = near {
            let near = self.part(&near)?;
            self.out.extend([mark, "{", &near, "}"]);
        }
        if far.is_some() {
            self.out.push('}');
        }
        Some(())
    }

    fn over_and_under(&mut self, operator: &str, scripts: &Scripts<'_>) -> Option<()> {
        for (command, script) in [
            ("\\overset{", scripts.above()),
            ("\\underset{", scripts.below()),
        ] {
            if let Some(script) = script {
                let script = self.part(&script)?;
                self.out.extend([command, &script, "}"]);
            }
        }
        self.out.push_str(operator);
        Some(())
    }

    fn at_side(&mut self, scripts: &Scripts<'_>) -> Option<()> {
        for (mark, script) in [("_", scripts.below()), ("^", scripts.above())] {
            if let Some(script) = script {
                let script = self.part(&script)?;
                self.out.extend([mark, "{", &script, "}"]);
            }
        }
        Some(())
    }

    /// `tex`, a part of the formula, for the engine.
    pub(super) fn part(&mut self, tex: &str) -> Option<String> {
        let outer = std::mem::take(&mut self.out);
        self.style.open(self.style.is_display);
        self.push(tex)?;
        self.style.close();
        Some(std::mem::replace(&mut self.out, outer))
    }
}
