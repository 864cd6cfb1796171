use proptest::prelude::*;

use super::*;

fn signature(language: &str, name: &str, value: &str) -> String {
    let failure = Failure {
        language: language.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
        traceback: String::new(),
    };
    Signature::of(&failure, &Names::of(&["ana", "Ana Kovač"])).to_string()
}

#[test]
fn errors_of_python_are_known_by_their_cause() {
    for (name, value, expected) in [
        ("NameError", "name 'df' is not defined", "NameError df"),
        (
            "UnboundLocalError",
            "local variable 'x' referenced before assignment",
            "UnboundLocalError x",
        ),
        (
            "UnboundLocalError",
            "cannot access local variable 'x' where it is not associated with a value",
            "UnboundLocalError x",
        ),
        (
            "ModuleNotFoundError",
            "No module named 'sklearn.tree'",
            "ModuleNotFoundError sklearn",
        ),
        (
            "ImportError",
            "cannot import name 'mena' from 'statistics' (/usr/lib/python3/statistics.py)",
            "ImportError statistics.mena",
        ),
        (
            "AttributeError",
            "'DataFrame' object has no attribute 'appnd'",
            "AttributeError DataFrame.appnd",
        ),
        (
            "AttributeError",
            "module 'numpy' has no attribute 'men'",
            "AttributeError numpy.men",
        ),
        ("KeyError", "'price'", "KeyError 'price'"),
        ("KeyError", "17", "KeyError a number"),
        (
            "FileNotFoundError",
            "[Errno 2] No such file or directory: '/home/ana/work/data.csv'",
            "FileNotFoundError data.csv",
        ),
        (
            "SyntaxError",
            "invalid syntax (<ipython-input-4-1f2e3d>, line 3)",
            "SyntaxError invalid syntax",
        ),
        (
            "SyntaxError",
            "'(' was never closed (1234567.py, line 3)",
            "SyntaxError '(' was never closed",
        ),
        (
            "SyntaxError",
            "unterminated string literal (detected at line 1) (12.py, line 1)",
            "SyntaxError unterminated string literal",
        ),
        (
            "IndentationError",
            "expected an indented block after 'for' statement on line 12 (7.py, line 13)",
            "IndentationError expected an indented block after 'for' statement on line #",
        ),
        (
            "TypeError",
            "Cart.add() missing 1 required positional argument: 'price'",
            "TypeError add() missing # required positional argument: 'price'",
        ),
        (
            "TypeError",
            "f() takes 1 positional argument but 2 were given",
            "TypeError f() takes # positional argument but # were given",
        ),
        (
            "ValueError",
            "could not convert string to float: 'Ana'",
            "ValueError could not convert string to float: '…'",
        ),
        (
            "pandas.errors.ParserError",
            "Expected 3 fields in line 7, saw 4",
            "ParserError Expected # fields in line #, saw #",
        ),
        (
            "ZeroDivisionError",
            "division by zero",
            "ZeroDivisionError division by zero",
        ),
    ] {
        assert_eq!(signature("python", name, value), expected);
    }
}

#[test]
fn an_assertion_is_known_by_its_line() {
    let failure = Failure {
        language: "python".to_owned(),
        name: "AssertionError".to_owned(),
        traceback: "Cell \u{1b}[0;32mIn[7]\u{1b}[0m, line 2\n      1 x = 3\n----> 2 assert x == 4\n\nAssertionError: ".to_owned(),
        ..Failure::default()
    };
    let signature = Signature::of(&failure, &Names::default());
    assert_eq!(signature.to_string(), "AssertionError assert x == #");
}

#[test]
fn errors_of_other_languages_are_known() {
    for (language, name, value, expected) in [
        (
            "R",
            "ERROR",
            "Error in mean(df$x) : object 'df' not found\n",
            "Error object 'df' not found",
        ),
        (
            "R",
            "ERROR",
            "Error: object 'df' not found\n",
            "Error object 'df' not found",
        ),
        (
            "R",
            "ERROR",
            "Error in 1:2 + \"a: apple\": non-numeric argument to binary operator\n",
            "Error non-numeric argument to binary operator",
        ),
        (
            "R",
            "ERROR",
            "Error in `[.data.frame`(df, , \"price\"): undefined columns selected\n",
            "Error undefined columns selected 'price'",
        ),
        (
            "R",
            "ERROR",
            "Error in x[[\"price\"]]: subscript out of bounds\n",
            "Error subscript out of bounds 'price'",
        ),
        (
            "R",
            "ERROR",
            "Error in x[[2 + 40]]: subscript out of bounds\n",
            "Error subscript out of bounds",
        ),
        (
            "R",
            "ERROR",
            "Error in area(2, hieght = 40): unused argument (hieght = 40)\n",
            "Error unused argument (hieght = #)",
        ),
        (
            "R",
            "ERROR",
            "Error: double(2) == 4 is not TRUE\n",
            "Error double(#) == # is not TRUE",
        ),
        (
            "R",
            "ERROR",
            "Error in library(tidyversee): there is no package called ‘tidyversee’\n",
            "Error there is no package called 'tidyversee'",
        ),
        (
            "java",
            "RuntimeException",
            "java.lang.ArrayIndexOutOfBoundsException, Index 42 out of bounds for length 2",
            "ArrayIndexOutOfBoundsException Index # out of bounds for length #",
        ),
        (
            "java",
            "RuntimeException",
            "java.lang.NumberFormatException, For input string: \"apple\"",
            "NumberFormatException For input string: '…'",
        ),
        (
            "java",
            "RuntimeException",
            "java.nio.file.NoSuchFileException, /home/ana/notes.txt",
            "NoSuchFileException notes.txt",
        ),
        (
            "java",
            "RuntimeException",
            "java.lang.UnsupportedOperationException, null",
            "UnsupportedOperationException",
        ),
        (
            "R",
            "ERROR",
            "Error in parse(text = x, srcfile = src): <text>:1:5: unexpected symbol\n1: foo bar\n",
            "Error unexpected symbol",
        ),
        (
            "julia",
            "UndefVarError",
            "UndefVarError: `df` not defined",
            "UndefVarError df",
        ),
        (
            "julia",
            "UndefVarError",
            "UndefVarError: df not defined",
            "UndefVarError df",
        ),
        (
            "javascript",
            "ReferenceError",
            "df is not defined",
            "ReferenceError df is not defined",
        ),
        (
            "C++",
            "Interpreter Error",
            "input_line_7:2:2: error: use of undeclared identifier 'x'\n x\n ^",
            "Error use of undeclared identifier 'x'",
        ),
        (
            "bash",
            "",
            "bash: line 3: pyhton: command not found",
            "Error pyhton: command not found",
        ),
        (
            "bash",
            "",
            "cat: /home/ana/x.csv: No such file or directory",
            "Error cat: x.csv: No such file or directory",
        ),
        ("bash", "", "127", "Error exit status"),
        (
            "javascript",
            "SyntaxError",
            "Unexpected token 'a', \"12a\" is not valid JSON",
            "SyntaxError Unexpected token '…', '…' is not valid JSON",
        ),
        (
            "forth",
            "",
            "stack underflow at 12",
            "Error stack underflow at #",
        ),
    ] {
        assert_eq!(signature(language, name, value), expected);
    }
}

/// JShell's kernel writes what was run where others write the message.
#[test]
fn a_compiler_of_java_is_heard_and_not_what_it_was_given() {
    for (traceback, expected) in [
        (
            "\u{1b}[39m\u{1b}[1m|   \u{1b}[39m\u{1b}[1mint x = \u{1b}[0m\u{1b}[39m\u{1b}[1m\u{1b}[41mtotel\u{1b}[0m\u{1b}[39m\u{1b}[1m + 5;\u{1b}[0m\n\u{1b}[1m\u{1b}[31mcannot find symbol\u{1b}[0m\n\u{1b}[1m\u{1b}[31m  symbol:   variable totel\u{1b}[0m\n",
            "CompilationException cannot find symbol: variable totel",
        ),
        (
            "\u{1b}[39m\u{1b}[1m|   \u{1b}[39m\u{1b}[1mint x = 5\u{1b}[0m\n\u{1b}[1m\u{1b}[31m';' expected\u{1b}[0m\n",
            "CompilationException ';' expected",
        ),
        ("", "CompilationException"),
    ] {
        let failure = Failure {
            language: "Java".to_owned(),
            name: "CompilationException".to_owned(),
            value: "[snippet: [// ana, attempt 0\nint x = totel + 5;], status: REJECTED]"
                .to_owned(),
            traceback: traceback.to_owned(),
        };
        let signature = Signature::of(&failure, &Names::default());
        assert_eq!(signature.to_string(), expected);
    }
}

/// R's error says that there is a file, and a warning before it which.
#[test]
fn r_says_in_a_warning_which_file_is_missing() {
    let failure = Failure {
        language: "R".to_owned(),
        name: "ERROR".to_owned(),
        value: "Error in file(file, \"rt\"): cannot open the connection\n".to_owned(),
        ..Failure::default()
    };
    let warning = "Warning message in file(file, \"rt\"):\n“cannot open file '/home/ana/day5/rainfall.csv': No such file or directory”\n";
    for (printed, expected) in [
        (Some(warning), "Error cannot open file 'rainfall.csv'"),
        (Some("5 rows\n"), "Error cannot open the connection"),
        (None, "Error cannot open the connection"),
    ] {
        let signature = Signature::of(&failure.clone().after(printed), &Names::default());
        assert_eq!(signature.to_string(), expected);
    }
}

#[test]
fn a_shell_says_in_its_last_line_what_failed() {
    assert!(
        Failure::is_of_shell("python", "!pyhton x") && !Failure::is_of_shell("python", "x != 1")
    );
    assert!(Failure::of_shell("ok\nbash: pyhton: command not found\n").is_some());
    assert!(Failure::of_shell("ok\n").is_none());
}

#[test]
fn what_is_quoted_need_not_be_a_name() {
    for (language, name, value, expected) in [
        (
            "python",
            "NameError",
            "no 'ana.kovac@example.org x'",
            "NameError <email> x",
        ),
        (
            "python",
            "NameError",
            "'bo.smith@example.org'",
            "NameError <email>",
        ),
        (
            "python",
            "NameError",
            "name '/home/bo/x' is not",
            "NameError <path>",
        ),
        (
            "python",
            "ImportError",
            "No module named 'bo.smith@example.org'",
            "ImportError <email>",
        ),
        (
            "python",
            "AttributeError",
            "'bo.smith@x.org' 'y'",
            "AttributeError <email>.y",
        ),
        (
            "julia",
            "UndefVarError",
            "UndefVarError: `bo.smith@example.org` not defined",
            "UndefVarError <email>",
        ),
    ] {
        assert_eq!(signature(language, name, value), expected, "{value}");
    }
}

#[test]
fn a_long_message_is_cut() {
    let key = signature("python", "ValueError", &"ab ".repeat(1_000_000));
    assert_eq!(key.chars().count(), "ValueError ".len() + MAX_KEY_CHARS);
}

const KINDS: [&str; 9] = [
    "NameError",
    "KeyError",
    "FileNotFoundError",
    "ValueError",
    "TypeError",
    "SyntaxError",
    "Error",
    "AttributeError",
    "ImportError",
];
/// What may tell who somebody is; a signature is the same with others in their place.
const PERSONAL: [[&str; 2]; 6] = [
    ["ana", "…"],
    ["Kovač", "…"],
    ["/home/ana/work", "/home/bo/other"],
    ["ana.kovac@example.org", "bo@example.com"],
    ["0x7f3a9c0112", "0x7f0000aa01"],
    ["1234567", "7654321"],
];
const WORDS: [&str; 11] = [
    "no",
    "'x'",
    "column",
    ":",
    "in",
    "(",
    ")",
    "\"total\"",
    // Alone, so that a quoted text may begin and end anywhere.
    "'",
    "\"",
    "`",
];

proptest! {
    #[test]
    fn nobody_is_in_a_signature(
        language in prop::sample::select(vec!["python", "r", "java", "julia", "bash", "javascript", "forth"]),
        name in prop::sample::select(KINDS.to_vec()),
        parts in prop::collection::vec((0..PERSONAL.len() + WORDS.len(), ".{0,3}"), 1..12),
    ) {
        let message = |who: usize| {
            let part = |(at, noise): &(usize, String)| match PERSONAL.get(*at) {
                Some(personal) => personal[who].to_owned(),
                None => format!("{}{noise}", WORDS[at - PERSONAL.len()]),
            };
            parts.iter().map(part).collect::<Vec<_>>().join(" ")
        };
        let text = signature(language, name, &message(0)).to_lowercase();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        for personal in ["ana", "kovač", "kovac", "1234567", "0x7f3a9c0112"] {
            prop_assert!(!words.contains(&personal), "{text}");
        }
    }

    #[test]
    fn any_error_has_a_signature(language in ".{0,8}", name in ".{0,20}", value in ".{0,200}", traceback in ".{0,200}") {
        let failure = Failure { language, name, value, traceback };
        let signature = Signature::of(&failure, &Names::default());
        prop_assert!(signature.key.chars().count() <= MAX_KEY_CHARS);
        prop_assert_eq!(signature.clone(), Signature::of(&failure, &Names::default()));
    }
}
