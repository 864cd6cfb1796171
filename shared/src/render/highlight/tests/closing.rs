//! Tokens that must not take the colours from the rest of the cell.

use super::html;

/// Checks the tokens of each source, and that the line below it is read as if it stood alone.
#[track_caller]
pub(super) fn check(cases: &[(&str, &str, &str)]) {
    for (language, source, expected) in cases {
        let shown = html(language, &format!("{source}\n7"));
        assert_eq!(shown, format!("{expected}\n⟨num:7⟩"), "{language}");
    }
}

#[test]
fn strings_end_where_their_language_says() {
    check(&[
        (
            "fsharp",
            "let p = List.reduce (*) [1]",
            "⟨kw:let⟩ ⟨def:p⟩ ⟨op:=⟩ List.reduce ⟨op:(*)⟩ [⟨num:1⟩]",
        ),
        (
            "ocaml",
            "let p = reduce (*) 1 (* a (*) b *)",
            "⟨kw:let⟩ ⟨def:p⟩ ⟨op:=⟩ reduce ⟨op:(*)⟩ ⟨num:1⟩ ⟨com:(* a (*) b *)⟩",
        ),
        (
            "fsharp",
            "let p = @\"c:\\dir\\\" + @\"a\"\"b\\\" + $@\"\\{x}\" // c",
            "⟨kw:let⟩ ⟨def:p⟩ ⟨op:=⟩ ⟨str:@\"c:\\dir\\\"⟩ ⟨op:+⟩ ⟨str:@\"a\"\"b\\\"⟩ ⟨op:+⟩ ⟨str:$@\"\\{x}\"⟩ ⟨com:// c⟩",
        ),
        (
            "fsharp",
            "let q = '\"'; f<'a> x' '\\'' '\\n'",
            "⟨kw:let⟩ ⟨def:q⟩ ⟨op:=⟩ ⟨str:'\"'⟩; f⟨op:&lt;⟩'a⟨op:&gt;⟩ x' ⟨str:'\\''⟩ ⟨str:'\\n'⟩",
        ),
        (
            "ocaml",
            "let q = '\"' and r = {|it's \"|} in (q : 'a)",
            "⟨kw:let⟩ ⟨def:q⟩ ⟨op:=⟩ ⟨str:'\"'⟩ ⟨kw:and⟩ r ⟨op:=⟩ ⟨str:{|it's \"|}⟩ ⟨kw:in⟩ (q ⟨op::⟩ 'a)",
        ),
        (
            "julia",
            "q = '\"'; x' * [1]' + '\\u03b1'",
            "q ⟨op:=⟩ ⟨str:'\"'⟩; x' ⟨op:*⟩ [⟨num:1⟩]' ⟨op:+⟩ ⟨str:'\\u03b1'⟩",
        ),
        (
            "rust",
            "let q = '\"'; fn f<'a>(x: &'a str) { '\\'' }",
            "⟨kw:let⟩ q ⟨op:=⟩ ⟨str:'\"'⟩; ⟨kw:fn⟩ ⟨def:f⟩⟨op:&lt;⟩'a⟨op:&gt;⟩(x⟨op::⟩ ⟨op:&amp;⟩'a str) { ⟨str:'\\''⟩ }",
        ),
        (
            "haskell",
            "q = '\"' : f' x' '\\DEL'",
            "q ⟨op:=⟩ ⟨str:'\"'⟩ ⟨op::⟩ f' x' ⟨str:'\\DEL'⟩",
        ),
        (
            "haskell",
            "x = (--> 1) -- it's",
            "x ⟨op:=⟩ (⟨op:--&gt;⟩ ⟨num:1⟩) ⟨com:-- it's⟩",
        ),
        (
            "rust",
            "let s = r\"C:\\\"; let t = br#\"a\"b\"#; r#type",
            "⟨kw:let⟩ s ⟨op:=⟩ ⟨str:r\"C:\\\"⟩; ⟨kw:let⟩ t ⟨op:=⟩ ⟨str:br#\"a\"b\"#⟩; r#⟨kw:type⟩",
        ),
        (
            "bash",
            "cat <<EOF > a\nit's `\nEOF",
            "cat ⟨op:&lt;&lt;EOF⟩ ⟨op:&gt;⟩ a\n⟨str:it's `\nEOF⟩",
        ),
        (
            "bash",
            "cat <<-'E' << \"B\"\nit's\n\tE\n'\nB",
            "cat ⟨op:&lt;&lt;-'E'⟩ ⟨op:&lt;&lt; \"B\"⟩\n⟨str:it's\n\tE\n'\nB⟩",
        ),
        (
            "bash",
            "cat <<A <<B\n'\nA\n'\nB",
            "cat ⟨op:&lt;&lt;A⟩ ⟨op:&lt;&lt;B⟩\n⟨str:'\nA\n'\nB⟩",
        ),
        (
            "bash",
            "let x=1<<n; cat <<<\"a\"",
            "let x⟨op:=⟩⟨num:1⟩⟨op:&lt;&lt;n⟩; cat ⟨op:&lt;&lt;&lt;⟩⟨str:\"a\"⟩",
        ),
        (
            "bash",
            "echo don\\'t $'it\\'s' a#'b' # it's",
            "echo don\\'t ⟨str:$'it\\'s'⟩ a#⟨str:'b'⟩ ⟨com:# it's⟩",
        ),
        ("bash", "echo it's", "echo it⟨str:'s⟩"),
        (
            "perl",
            "for (0 .. $#a) { print \"x\" } # it's",
            "for (⟨num:0⟩ .. $#a) { print ⟨str:\"x\"⟩ } ⟨com:# it's⟩",
        ),
        (
            "ruby",
            "x = <<~EOS\nit's\nEOS",
            "x ⟨op:=⟩ ⟨op:&lt;&lt;~EOS⟩\n⟨str:it's\nEOS⟩",
        ),
        (
            "ruby",
            "class << self",
            "⟨kw:class⟩ ⟨op:&lt;&lt;⟩ ⟨const:self⟩",
        ),
        (
            "R",
            "p <- r\"(say \"hi)\" + R'---[it's]-- ]---' + r\"{\\}\"",
            "p ⟨op:&lt;-⟩ ⟨str:r\"(say \"hi)\"⟩ ⟨op:+⟩ ⟨str:R'---[it's]-- ]---'⟩ ⟨op:+⟩ ⟨str:r\"{\\}\"⟩",
        ),
        ("R", "r <- 'a\nb'", "r ⟨op:&lt;-⟩ ⟨str:'a\nb'⟩"),
        (
            "javascript",
            "s.replace(/`/g, '') / 2 / 3",
            "s.⟨fn:replace⟩(⟨str:/`/g⟩, ⟨str:''⟩) ⟨op:/⟩ ⟨num:2⟩ ⟨op:/⟩ ⟨num:3⟩",
        ),
        (
            "javascript",
            "const re = /\\/*/, b = a /c/ d",
            "⟨kw:const⟩ re ⟨op:=⟩ ⟨str:/\\/*/⟩, b ⟨op:=⟩ a ⟨op:/⟩c⟨op:/⟩ d",
        ),
        (
            "javascript",
            "x =/[/'\"]/i.test(y) //'",
            "x ⟨op:=⟩⟨str:/[/'\"]/i⟩.⟨fn:test⟩(y) ⟨com://'⟩",
        ),
        (
            "javascript",
            "a++ / 2; <b>it</b>",
            "a⟨op:++⟩ ⟨op:/⟩ ⟨num:2⟩; ⟨op:&lt;⟩b⟨op:&gt;⟩it⟨op:&lt;⟩⟨op:/⟩b⟨op:&gt;⟩",
        ),
        ("javascript", "return /'/", "⟨kw:return⟩ ⟨str:/'/⟩"),
        (
            "javascript",
            "return <a>it</a>",
            "⟨kw:return⟩ ⟨op:&lt;⟩a⟨op:&gt;⟩it⟨op:&lt;⟩⟨op:/⟩a⟨op:&gt;⟩",
        ),
        (
            "javascript",
            "x = `a ${`b ${\"`\"}`} it's {`",
            "x ⟨op:=⟩ ⟨str:`a ${`b ${\"`\"}`} it's {`⟩",
        ),
        ("javascript", "x = `open", "x ⟨op:=⟩ ⟨str:`open⟩"),
        (
            "sql",
            "SELECT 'it''s', \"a\"\"b\", 'it\\'s', 'C:\\', 'a\\''",
            "⟨kw:SELECT⟩ ⟨str:'it''s'⟩, ⟨str:\"a\"\"b\"⟩, ⟨str:'it\\'s'⟩, ⟨str:'C:\\'⟩, ⟨str:'a\\''⟩",
        ),
        ("sql", "SELECT 'a\nb'", "⟨kw:SELECT⟩ ⟨str:'a\nb'⟩"),
        ("sql", "SELECT 'open", "⟨kw:SELECT⟩ ⟨str:'open⟩"),
        ("sql", "# don't", "⟨com:# don't⟩"),
        (
            "go",
            "s := `\n/* it's \\`",
            "s ⟨op::=⟩ ⟨str:`\n/* it's \\`⟩",
        ),
        (
            "scala",
            "val s = \"\"\"\n /* \"x\\\"\"\" + 'a'",
            "⟨kw:val⟩ s ⟨op:=⟩ ⟨str:\"\"\"\n /* \"x\\\"\"\"⟩ ⟨op:+⟩ ⟨str:'a'⟩",
        ),
        (
            "kotlin",
            "val s = \"\"\"\n it's \"\"\"",
            "⟨kw:val⟩ s ⟨op:=⟩ ⟨str:\"\"\"\n it's \"\"\"⟩",
        ),
        (
            "java",
            "String s = \"\"\"\n /* \\\"\"\" x \"\"\"; char c = '\"';",
            "String s ⟨op:=⟩ ⟨str:\"\"\"\n /* \\\"\"\" x \"\"\"⟩; ⟨kw:char⟩ c ⟨op:=⟩ ⟨str:'\"'⟩;",
        ),
        (
            "swift",
            "let s = \"\"\"\n /* it's \"\"\" + #\"a\"b\"#",
            "⟨kw:let⟩ s ⟨op:=⟩ ⟨str:\"\"\"\n /* it's \"\"\"⟩ ⟨op:+⟩ ⟨str:#\"a\"b\"#⟩",
        ),
        (
            "csharp",
            "var s = \"\"\"\n it's \" \"\"\"; var t = @\"C:\\\"; var u = $\"{x}\\\"\";",
            "⟨kw:var⟩ s ⟨op:=⟩ ⟨str:\"\"\"\n it's \" \"\"\"⟩; ⟨kw:var⟩ t ⟨op:=⟩ ⟨str:@\"C:\\\"⟩; ⟨kw:var⟩ u ⟨op:=⟩ ⟨str:$\"{x}\\\"\"⟩;",
        ),
        (
            "csharp",
            "var s = @\"a\"\"b\\\" + $@\"\\\" + @$\"\\\";",
            "⟨kw:var⟩ s ⟨op:=⟩ ⟨str:@\"a\"\"b\\\"⟩ ⟨op:+⟩ ⟨str:$@\"\\\"⟩ ⟨op:+⟩ ⟨str:@$\"\\\"⟩;",
        ),
        (
            "css",
            "a { background: url(http://x/*'); color: 'red' }",
            "a { background⟨op::⟩ ⟨str:url(http://x/*')⟩; color⟨op::⟩ ⟨str:'red'⟩ }",
        ),
        (
            "scss",
            "a { b: URL(//x) } // c",
            "a { b⟨op::⟩ ⟨str:URL(//x)⟩ } ⟨com:// c⟩",
        ),
        (
            "c++",
            "auto s = R\"x(\n don't \" )\" )x\" + u8R\"(\")\";",
            "⟨kw:auto⟩ s ⟨op:=⟩ ⟨str:R\"x(\n don't \" )\" )x\"⟩ ⟨op:+⟩ ⟨str:u8R\"(\")\"⟩;",
        ),
        (
            "c++",
            "int a = 1'000'000, b = 0xff'ff; // c",
            "⟨kw:int⟩ a ⟨op:=⟩ ⟨num:1'000'000⟩, b ⟨op:=⟩ ⟨num:0xff'ff⟩; ⟨com:// c⟩",
        ),
    ]);
}

#[test]
fn nested_comments_end_at_the_last_mark() {
    check(&[
        (
            "haskell",
            "x = {- a {- b -} it's -} 1",
            "x ⟨op:=⟩ ⟨com:{- a {- b -} it's -}⟩ ⟨num:1⟩",
        ),
        (
            "scala",
            "/* a /* b */ it's */ 1",
            "⟨com:/* a /* b */ it's */⟩ ⟨num:1⟩",
        ),
        (
            "kotlin",
            "/* /* b */ it's */ 1",
            "⟨com:/* /* b */ it's */⟩ ⟨num:1⟩",
        ),
        (
            "rust",
            "/* /* b /**/ */ it's */ 1",
            "⟨com:/* /* b /**/ */ it's */⟩ ⟨num:1⟩",
        ),
        (
            "fsharp",
            "(* a (* b *) (*) it's *) 1",
            "⟨com:(* a (* b *) (*) it's *)⟩ ⟨num:1⟩",
        ),
        (
            "ocaml",
            "(* a (* b *) it's *) 1",
            "⟨com:(* a (* b *) it's *)⟩ ⟨num:1⟩",
        ),
        (
            "julia",
            "#= a #= b =# it's =# 1",
            "⟨com:#= a #= b =# it's =#⟩ ⟨num:1⟩",
        ),
        (
            "swift",
            "/* /* b */ it's */ 1",
            "⟨com:/* /* b */ it's */⟩ ⟨num:1⟩",
        ),
        (
            "clojure",
            "#| #| b |# it's |# 1 \\\" \\' 'a",
            "⟨com:#| #| b |# it's |#⟩ ⟨num:1⟩ \\\" \\' 'a",
        ),
        ("c", "/* /* b */ 1", "⟨com:/* /* b */⟩ ⟨num:1⟩"),
        ("java", "/* /* b */ 1", "⟨com:/* /* b */⟩ ⟨num:1⟩"),
    ]);
}
