//! How deep formulas nest.

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

/// An upper bound of how deep `tex` nests: brackets of every kind, and commands in a row, each of
/// which may be the argument of the one before it.
pub(super) fn depth(tex: &str) -> usize {
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
    use super::depth;

    #[test]
    fn depth_counts_what_may_nest() {
        for (tex, expected) in [("x", 0), ("x^2", 1), (r"\frac{a}{b}", 2), ("{{}{}}", 2)] {
            assert_eq!(depth(tex), expected, "{tex}");
        }
        assert_eq!(depth(r"\alpha\beta\gamma x"), 3);
    }
}
