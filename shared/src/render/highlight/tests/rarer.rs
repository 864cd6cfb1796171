//! Languages that are rarer in notebooks.

use super::closing::check;

#[test]
fn rarer_languages_have_classes() {
    check(&[
        (
            "java",
            "boolean b = x instanceof String; try { super.f(); } finally {}",
            "⟨kw:boolean⟩ b ⟨op:=⟩ x ⟨kw:instanceof⟩ String; ⟨kw:try⟩ { ⟨kw:super⟩.⟨fn:f⟩(); } ⟨kw:finally⟩ {}",
        ),
        (
            "kotlin",
            "fun f(x: Int) = when (x) { is Int -> 1 } val y = 2; var z",
            "⟨kw:fun⟩ ⟨def:f⟩(x⟨op::⟩ Int) ⟨op:=⟩ ⟨kw:when⟩ (x) { ⟨kw:is⟩ Int ⟨op:-&gt;⟩ ⟨num:1⟩ } ⟨kw:val⟩ y ⟨op:=⟩ ⟨num:2⟩; ⟨kw:var⟩ z",
        ),
        (
            "powershell",
            "if ($x -eq $true) { Write-Host \"a`\"b\" 'it''s' } # c",
            "⟨kw:if⟩ ($x ⟨op:-⟩eq ⟨const:$true⟩) { Write-Host ⟨str:\"a`\"b\"⟩ ⟨str:'it''s'⟩ } ⟨com:# c⟩",
        ),
        (
            "pwsh",
            "function Get-X { <# it's\n\" #> foreach ($i in 1) { @'\nit's\n'@ } }",
            "⟨kw:function⟩ ⟨def:Get-X⟩ { ⟨com:&lt;# it's\n\" #&gt;⟩ ⟨kw:foreach⟩ ($i ⟨kw:in⟩ ⟨num:1⟩) { ⟨str:@'\nit's\n'@⟩ } }",
        ),
        (
            "octave",
            "x = a' * [1 2]'; y = 'it''s'; % c '",
            "x ⟨op:=⟩ a' ⟨op:*⟩ [⟨num:1⟩ ⟨num:2⟩]'; y ⟨op:=⟩ ⟨str:'it''s'⟩; ⟨com:% c '⟩",
        ),
        (
            "matlab",
            "%{\nit's\n%}\nfunction f(), if true, disp \"a\", end, end",
            "⟨com:%{\nit's\n%}⟩\n⟨kw:function⟩ ⟨def:f⟩(), ⟨kw:if⟩ ⟨const:true⟩, disp ⟨str:\"a\"⟩, ⟨kw:end⟩, ⟨kw:end⟩",
        ),
        (
            "stata",
            "* it's\ngen x = `y' + 2 // c",
            "⟨com:* it's⟩\n⟨kw:gen⟩ x ⟨op:=⟩ `y' ⟨op:+⟩ ⟨num:2⟩ ⟨com:// c⟩",
        ),
        (
            "stata",
            "display `\"it \"is\" x\"' /* c\n */ if",
            "⟨kw:display⟩ ⟨str:`\"it \"is\" x\"'⟩ ⟨com:/* c\n */⟩ ⟨kw:if⟩",
        ),
        (
            "lua",
            "--[[ it's\n]] local s = [[it's\n]] .. 'a' -- c",
            "⟨com:--[[ it's\n]]⟩ ⟨kw:local⟩ s ⟨op:=⟩ ⟨str:[[it's\n]]⟩ .. ⟨str:'a'⟩ ⟨com:-- c⟩",
        ),
        (
            "clojure",
            "(defn f! [x] (if x \\\" \"a\nb\")) ; don't",
            "(⟨kw:defn⟩ ⟨def:f!⟩ [x] (⟨kw:if⟩ x \\\" ⟨str:\"a\nb\"⟩)) ⟨com:; don't⟩",
        ),
        (
            "scheme",
            "(define (f x) '(#\\\" . x)) #| it's |# (let* ())",
            "(⟨kw:define⟩ (f x) '(#\\\" . x)) ⟨com:#| it's |#⟩ (⟨kw:let*⟩ ())",
        ),
        (
            "latex",
            "\\frac{1}{2} \\% it's % don't",
            "\\frac{⟨num:1⟩}{⟨num:2⟩} \\% it's ⟨com:% don't⟩",
        ),
        (
            "ruby",
            "def f; rescue 'it\\'s'; end # c",
            "⟨kw:def⟩ ⟨def:f⟩; ⟨kw:rescue⟩ ⟨str:'it\\'s'⟩; ⟨kw:end⟩ ⟨com:# c⟩",
        ),
        (
            "fortran",
            "SUBROUTINE f(x) ! it's\nreal :: y = 'it''s'",
            "⟨kw:SUBROUTINE⟩ ⟨def:f⟩(x) ⟨com:! it's⟩\n⟨kw:real⟩ ⟨op:::⟩ y ⟨op:=⟩ ⟨str:'it''s'⟩",
        ),
        (
            "sas",
            "* it's\nproc print data=a; title 'x'; /* c */ run;",
            "⟨com:* it's⟩\n⟨kw:proc⟩ print ⟨kw:data⟩⟨op:=⟩a; ⟨kw:title⟩ ⟨str:'x'⟩; ⟨com:/* c */⟩ ⟨kw:run⟩;",
        ),
        (
            "prolog",
            "f(X) :- X is 2, g('it\\'s'). % don't",
            "⟨fn:f⟩(X) ⟨op::-⟩ X ⟨kw:is⟩ ⟨num:2⟩, ⟨fn:g⟩(⟨str:'it\\'s'⟩). ⟨com:% don't⟩",
        ),
        (
            "wolfram language",
            "f[x_] := If[x > 0, \"a\", Pi] (* it's (* a *) comment *)",
            "f[x_] ⟨op::=⟩ ⟨kw:If⟩[x ⟨op:&gt;⟩ ⟨num:0⟩, ⟨str:\"a\"⟩, ⟨const:Pi⟩] ⟨com:(* it's (* a *) comment *)⟩",
        ),
        (
            "maxima",
            "f(x) := block([y], if x > 0 then true) /* it's */;",
            "⟨fn:f⟩(x) ⟨op::=⟩ ⟨kw:block⟩([y], ⟨kw:if⟩ x ⟨op:&gt;⟩ ⟨num:0⟩ ⟨kw:then⟩ ⟨const:true⟩) ⟨com:/* it's */⟩;",
        ),
        (
            "tcl",
            "proc f {x} { puts \"a # b\" } ;# it's",
            "⟨kw:proc⟩ ⟨def:f⟩ {x} { ⟨kw:puts⟩ ⟨str:\"a # b\"⟩ } ;⟨com:# it's⟩",
        ),
    ]);
}
