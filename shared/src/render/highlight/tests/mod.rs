//! Sources and their tokens.

mod closing;
#[cfg(not(target_arch = "wasm32"))]
mod long;
mod names;
mod rarer;

use super::push;

fn html(language: &str, source: &str) -> String {
    let mut out = String::new();
    push(&mut out, source, language);
    // Markup in a shorter form, such as ⟨kw:if⟩.
    out.replace("<span class=\"tok-", "⟨")
        .replace("\">", ":")
        .replace("</span>", "⟩")
}

#[test]
fn python_tokens_have_classes() {
    for (source, expected) in [
        (
            "def f(x): return x",
            "⟨kw:def⟩ ⟨def:f⟩(x)⟨op::⟩ ⟨kw:return⟩ x",
        ),
        (
            "@cache\nclass A: pass",
            "⟨def:@cache⟩\n⟨kw:class⟩ ⟨def:A⟩⟨op::⟩ ⟨kw:pass⟩",
        ),
        ("rb'a\\'b' # c", "⟨str:rb'a\\'b'⟩ ⟨com:# c⟩"),
        (
            "'''a\nb''' + f\"x\"",
            "⟨str:'''a\nb'''⟩ ⟨op:+⟩ ⟨str:f\"x\"⟩",
        ),
        ("'open\nx", "⟨str:'open⟩\nx"),
        (
            "print(1.5e-3, 0xFF, None)",
            "⟨fn:print⟩(⟨num:1.5e-3⟩, ⟨num:0xFF⟩, ⟨const:None⟩)",
        ),
        (
            "f\"{x[\"a\"]!r:>{w}}\" + y",
            "⟨str:f\"{x[\"a\"]!r:&gt;{w}}\"⟩ ⟨op:+⟩ y",
        ),
        (
            "f'{{' + f\"{\" + 'x'",
            "⟨str:f'{{'⟩ ⟨op:+⟩ ⟨str:f\"{\"⟩ ⟨op:+⟩ ⟨str:'x'⟩",
        ),
        (
            "match x:\n    case 1: # a",
            "⟨kw:match⟩ x⟨op::⟩\n    ⟨kw:case⟩ ⟨num:1⟩⟨op::⟩ ⟨com:# a⟩",
        ),
        (
            "match = type(x)\ntype X = int",
            "match ⟨op:=⟩ ⟨fn:type⟩(x)\n⟨kw:type⟩ X ⟨op:=⟩ int",
        ),
        (
            "1_000 0xFE+1 1e-5j",
            "⟨num:1_000⟩ ⟨num:0xFE⟩⟨op:+⟩⟨num:1⟩ ⟨num:1e-5j⟩",
        ),
        (
            "    @app.route('/')\na @ b",
            "    ⟨def:@app.route⟩(⟨str:'/'⟩)\na ⟨op:@⟩ b",
        ),
        ("a<b&c", "a⟨op:&lt;⟩b⟨op:&amp;⟩c"),
        ("é = naïve(x1)", "é ⟨op:=⟩ ⟨fn:naïve⟩(x1)"),
    ] {
        assert_eq!(html("python", source), expected);
    }
}

#[test]
fn ipython_magics_have_classes() {
    for (source, expected) in [
        ("%matplotlib inline\nx", "⟨magic:%matplotlib inline⟩\nx"),
        ("  !pip install x", "  ⟨magic:!pip install x⟩"),
        ("files = !ls", "files ⟨op:=⟩ ⟨magic:!ls⟩"),
        ("t = %time x", "t ⟨op:=⟩ ⟨magic:%time x⟩"),
        ("len?", "⟨magic:len?⟩"),
        ("?len\nx", "⟨magic:?len⟩\nx"),
        ("(a\n % b)", "(a\n ⟨op:%⟩ b)"),
        ("a % b != c", "a ⟨op:%⟩ b ⟨op:!=⟩ c"),
        ("%%bash\nif x", "⟨magic:%%bash⟩\n⟨kw:if⟩ x"),
        ("%%script bash\nfi", "⟨magic:%%script bash⟩\n⟨kw:fi⟩"),
        (
            "%%sql db\nselect 1",
            "⟨magic:%%sql db⟩\n⟨kw:select⟩ ⟨num:1⟩",
        ),
        ("%%R -o x\nTRUE", "⟨magic:%%R -o x⟩\n⟨const:TRUE⟩"),
        ("%%javascript\nlet", "⟨magic:%%javascript⟩\n⟨kw:let⟩"),
        ("%%writefile a.py\nif", "⟨magic:%%writefile a.py⟩\n⟨kw:if⟩"),
        ("%%time\nNone", "⟨magic:%%time⟩\n⟨const:None⟩"),
        (
            "%%html\n<b x=\"y\">it's</b>",
            "⟨magic:%%html⟩\n⟨op:&lt;⟩⟨kw:b⟩ x⟨op:=⟩⟨str:\"y\"⟩⟨op:&gt;⟩it's⟨op:&lt;/⟩⟨kw:b⟩⟨op:&gt;⟩",
        ),
    ] {
        assert_eq!(html("python", source), expected);
    }
}

#[test]
fn other_languages_have_classes() {
    for (language, source, expected) in [
        ("bash", "echo $HOME#1 # x", "echo $HOME#⟨num:1⟩ ⟨com:# x⟩"),
        (
            "SQL",
            "SELECT 'it''s' -- x",
            "⟨kw:SELECT⟩ ⟨str:'it''s'⟩ ⟨com:-- x⟩",
        ),
        ("R", "x.y <- TRUE", "x.y ⟨op:&lt;-⟩ ⟨const:TRUE⟩"),
        ("julia", "#= a\n=# f!(x')", "⟨com:#= a\n=#⟩ ⟨fn:f!⟩(x')"),
        (
            "js",
            "let a = `x\n` // y",
            "⟨kw:let⟩ a ⟨op:=⟩ ⟨str:`x\n`⟩ ⟨com:// y⟩",
        ),
        ("json", "{\"a\": null}", "{⟨str:\"a\"⟩⟨op::⟩ ⟨const:null⟩}"),
        (
            "cpp",
            "int f() { return 0; } // x",
            "⟨kw:int⟩ ⟨fn:f⟩() { ⟨kw:return⟩ ⟨num:0⟩; } ⟨com:// x⟩",
        ),
        (
            "rust",
            "fn f<'a>(x: &'a str)",
            "⟨kw:fn⟩ ⟨def:f⟩⟨op:&lt;⟩'a⟨op:&gt;⟩(x⟨op::⟩ ⟨op:&amp;⟩'a str)",
        ),
        ("go", "func main() {}", "⟨kw:func⟩ ⟨def:main⟩() {}"),
        (
            "java",
            "public class A {}",
            "⟨kw:public⟩ ⟨kw:class⟩ ⟨def:A⟩ {}",
        ),
        (
            "Haskell",
            "data T = A -- b\nf' x = \"s\" {- c -}",
            "⟨kw:data⟩ ⟨def:T⟩ ⟨op:=⟩ A ⟨com:-- b⟩\nf' x ⟨op:=⟩ ⟨str:\"s\"⟩ ⟨com:{- c -}⟩",
        ),
        (
            "F#",
            "let f x = (* a *) match x with // b",
            "⟨kw:let⟩ ⟨def:f⟩ x ⟨op:=⟩ ⟨com:(* a *)⟩ ⟨kw:match⟩ x ⟨kw:with⟩ ⟨com:// b⟩",
        ),
        (
            "scala",
            "def f(x: Int): Int = 1",
            "⟨kw:def⟩ ⟨def:f⟩(x⟨op::⟩ Int)⟨op::⟩ Int ⟨op:=⟩ ⟨num:1⟩",
        ),
        (
            "C++17",
            "template <typename T> T x;",
            "⟨kw:template⟩ ⟨op:&lt;⟩⟨kw:typename⟩ T⟨op:&gt;⟩ T x;",
        ),
        ("yaml", "a: \"b\" # c", "a⟨op::⟩ ⟨str:\"b\"⟩ ⟨com:# c⟩"),
        ("ruby", "def f # c", "⟨kw:def⟩ ⟨def:f⟩ ⟨com:# c⟩"),
        ("html", "<!-- a -->x", "⟨com:&lt;!-- a --&gt;⟩x"),
        ("cobol", "IF x < 1", "IF x &lt; 1"),
    ] {
        assert_eq!(html(language, source), expected);
    }
}

#[test]
fn dense_source_has_no_colours() {
    let source = "1+".repeat(10_000);
    assert_eq!(html("python", &source), source);
    let source = "1 plus_a_long_name_so_that_markup_is_short ".repeat(20_000);
    assert_eq!(html("python", &source), source);
}
