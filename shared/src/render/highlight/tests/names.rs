//! Names of languages, and what sets the language of a cell in its source.

use super::html;
use crate::render::highlight::knows;

#[test]
fn directives_set_the_language_of_what_follows() {
    for (language, source, expected) in [
        (
            "C#",
            "#!fsharp\nlet x = 1 // a",
            "⟨magic:#!fsharp⟩\n⟨kw:let⟩ ⟨def:x⟩ ⟨op:=⟩ ⟨num:1⟩ ⟨com:// a⟩",
        ),
        (
            "C#",
            "#!sql-sales\nselect 'a' -- b\n#!pwsh\n# it's\n#!csharp\nvar x;",
            "⟨magic:#!sql-sales⟩\n⟨kw:select⟩ ⟨str:'a'⟩ ⟨com:-- b⟩\n⟨magic:#!pwsh⟩\n⟨com:# it's⟩\n⟨magic:#!csharp⟩\n⟨kw:var⟩ x;",
        ),
        (
            "F#",
            "#!markdown\n\n# it's let\n#!html\n<b>\n#!javascript\nlet",
            "⟨magic:#!markdown⟩\n\n# it's let\n⟨magic:#!html⟩\n⟨op:&lt;⟩⟨kw:b⟩⟨op:&gt;⟩\n⟨magic:#!javascript⟩\n⟨kw:let⟩",
        ),
        ("C#", "#!share x\nvar y;", "⟨magic:#!share x⟩\n⟨kw:var⟩ y;"),
        ("bash", "#!sql\nif", "⟨com:#!sql⟩\n⟨kw:if⟩"),
        ("python", "#!sql\nif", "⟨com:#!sql⟩\n⟨kw:if⟩"),
    ] {
        assert_eq!(html(language, source), expected);
    }
}

#[test]
fn other_names_of_languages_are_known() {
    for name in [
        "shellscript",
        "javascriptreact",
        "typescriptreact",
        "jsx",
        "tsx",
        "sage",
        "pyspark",
        "coconut",
        "tsql",
        "Python 3",
        "Python3",
        "python3.11",
        "Python 3 (ipykernel)",
        "Julia 1.6",
        "julia-1.6",
        "ir",
        "R 4.1",
        "xcpp17",
        "C++17",
        "ijavascript",
        "jslab",
        "deno",
        "pwsh",
        "PowerShell",
        "Octave",
        "matlab",
        "stata",
        "lua",
        "clojure",
        "scheme",
        "groovy",
        ".jl",
        ".net-csharp",
        "text/x-c++src",
        "sql-sales",
    ] {
        assert!(knows(name), "{name}");
    }
    for name in [
        "",
        " ",
        "-",
        "3",
        "d3",
        "h5",
        "cobol",
        "polyglot-notebook",
        "mine",
        "ai",
        "px",
    ] {
        assert!(!knows(name), "{name}");
    }
}

#[test]
fn cell_magics_set_the_language_of_what_follows() {
    // It is read in another way by each of the languages below.
    const BODY: &str = "None fi // 'a' # b -- % if";
    for (language, magics) in [
        (
            "python",
            &[
                "debug",
                "px --local",
                "manim -ql X",
                "ipytest",
                "snakeviz",
                "lprun -f f",
                "memit",
                "heat",
                "skip",
                "local",
                "spark",
                "pyspark",
                "prun -s x",
                "timeit -n 1",
                "time",
                "capture --no-stderr",
                "cell",
                "anything",
                "python",
                "cython -a",
                "pypy",
                "script false --no-raise-error",
                "script python3",
                "writefile a.py",
                "writefile -a src/a.b.py",
                "writefile \"my file.py\"",
                "file 'a b.py'",
                "script --out x /usr/bin/python3.11 -u",
                "time\n%%capture",
                "ai gpt -f code",
            ][..],
        ),
        (
            "bash",
            &[
                "bash",
                "sh --out x",
                "script bash -e",
                "script --bg bash",
                "!",
                "sx",
                "system",
                "script /usr/bin/env bash",
                "script env A=1 /bin/sh",
                "writefile -a x.sh",
                "time\n%%bash",
                "capture\n\n%%timeit\n%%sh",
            ],
        ),
        ("latex", &["latex", "writefile a.tex"]),
        (
            "text",
            &[
                "markdown",
                "mermaid",
                "writefile a.unknown",
                "writefile x.md",
                "script awk",
            ],
        ),
        ("json", &["json"]),
        ("svg", &["svg", "html", "HTML", "writefile x.htm"]),
        ("yaml", &["yaml", "writefile Dockerfile", "perl"]),
        ("sql", &["sql x", "bigquery df", "SQL"]),
        ("R", &["R -o x", "script Rscript"]),
        ("js", &["js", "javascript", "script node"]),
        ("matlab", &["matlab", "octave"]),
    ] {
        for magic in magics {
            let shown = html("python", &format!("%%{magic}\n{BODY}"));
            let body = shown.rsplit('\n').next();
            assert_eq!(body, Some(html(language, BODY).as_str()), "{magic}");
        }
    }
    for source in [
        "# a\n%%bash\nNone",
        "%matplotlib inline\n%%bash\nNone",
        "x = 1\n%%sh\nNone",
    ] {
        assert!(html("python", source).ends_with("⟨const:None⟩"), "{source}");
    }
}
