"""Makes mistakes in real kernels and prints the errors as JSON lines, for `bench wall`.

usage: mistakes.py KERNEL LANGUAGE COMMAND...

Each mistake is made by twenty people: each has a name, folders, data and numbers of their own, and
writes a little more before it. What the mistake is about, such as the column that is missing, is the
same for all: that is what makes it one mistake.
"""

import json
import os
import sys
import tempfile

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

PEOPLE = [
    "ana", "bogdan", "chidi", "dilnoza", "emre", "farah", "gudrun", "hiroshi", "ingrid", "joao",
    "kavya", "leszek", "mbali", "nadia", "oyelaran", "pedro", "quyen", "rasmus", "sofia", "tariq",
]  # fmt: skip

# {person}, {n} and {m} are somebody's own, and so are {word} and the lines before. Of several ways to
# make one mistake, everyone does all.
PYTHON = {
    "name of a table": "dff.head({n})",
    "name of a module": "nump.array([{n}, {m}])",
    "name that was never run": "print(total_price * {n})",
    "local before assignment": "count = {n}\ndef step():\n    count += {m}\n    return count\nstep()",
    "module missing": "import seaborm as sns",
    "module inside a package": "from sklern.tree import DecisionTree",
    "name missing in a module": "from statistics import meen",
    "attribute of a table": "import pandas as pd\npd.DataFrame({{'a': [{n}]}}).appendd({m})",
    "attribute of a list": "[{n}, {m}].push({n})",
    "attribute of nothing": "values = [{n}, {m}].sort()\nvalues.index({n})",
    "attribute of a module": "import math\nmath.squareroot({n})",
    "attribute of a text": "'{word}'.uppercase()",
    "column missing": "import pandas as pd\ndf = pd.DataFrame({{'cost': [{n}, {m}]}})\ndf['price']",
    "column missing in a list": "import pandas as pd\ndf = pd.DataFrame({{'a': [{n}]}})\ndf[['a', 'weight']]",
    "key missing": "stock = {{'{word}': {n}}}\nstock['apples']",
    "key that is a number": "stock = {{'{word}': {n}}}\nstock[{m}]",
    "file missing": "open('/home/{person}/course/data/stations.csv')",
    "table missing": "import pandas as pd\npd.read_csv('/home/{person}/day{n}/rainfall.csv')",
    "folder instead of a file": "import os\nos.makedirs('/tmp/{person}_{n}/reports', exist_ok=True)\nopen('/tmp/{person}_{n}/reports')",
    "bracket not closed": "x = {n}\nprint((x + {m})",
    "text not closed": "{pad}print('{word})",
    "colon missing": "for i in range({n})\n    print(i)",
    "assignment in a condition": "x = {n}\nif x = {m}:\n    print(x)",
    "assignment to a literal": "{n} = x",
    "print without brackets": "print '{word}'",
    "unmatched bracket": "x = ({n} + {m}))",
    "comma missing": "x = [{n} {m}]",
    "block missing": "for i in range({n}):\nprint(i)",
    "indent too deep": "x = {n}\n    y = {m}",
    "unindent that fits nothing": "if {n}:\n        x = 1\n    y = 2",
    "return outside": "x = {n}\nreturn x",
    "break outside": "x = {n}\nbreak",
    "text plus number": "'{word}' + {n}",
    "number plus text": "{n} + '{word}'",
    "list plus number": "[{n}] + {m}",
    "argument missing": "def area(width, height):\n    return width * height\narea({n})",
    "argument too many": "def area(width, height):\n    return width * height\narea({n}, {m}, {n})",
    "argument unknown": "def area(width, height):\n    return width * height\narea({n}, hieght={m})",
    "method argument missing": "class Cart:\n    def add(self, price):\n        pass\nCart().add()",
    "nothing indexed": "def find():\n    pass\nfind()[{n}]",
    "number indexed": "x = {n}\nx[0]",
    "list index is a text": "[{n}, {m}]['{word}']",
    "number called": "x = {n}\nx({m})",
    "module called": "import math\nmath({n})",
    "number iterated": "for i in {n}:\n    pass",
    "length of a number": "len({n})",
    "text is no number": "int('{word}')",
    "text is no decimal": "float('{word}')",
    "too many to unpack": "a, b = [{n}, {m}, {n}]",
    "too few to unpack": "a, b, c = [{n}, {m}]",
    "value not in a list": "[{n}, {m}].index('{word}')",
    "lengths of columns": "import pandas as pd\ndf = pd.DataFrame({{'a': range({n})}})\ndf['b'] = range({n} + {m})",
    "shapes": "import numpy as np\nnp.ones(({n}, 2)) @ np.ones(({n} + 3, {m}))",
    "broadcast": "import numpy as np\nnp.ones({n} + 2) + np.ones({n} + {m} + 5)",
    "list index": "x = list(range({n}))\nx[{n} + {m}]",
    "position in a table": "import pandas as pd\npd.DataFrame({{'a': range({n})}}).iloc[{n} + {m}]",
    "division by zero": "{n} / 0",
    "assertion": "def double(x):\n    return x + 1\nassert double(2) == 4",
    "not implemented": "def solve():\n    raise NotImplementedError\nsolve()",
    "recursion": "def down(x):\n    return down(x - 1)\ndown({n})",
    "truth of a column": "import pandas as pd\ndf = pd.DataFrame({{'a': [{n}, {m}]}})\nif df['a'] > {n}:\n    print(1)",
    "date in another format": "from datetime import datetime\ndatetime.strptime('{n}/{m}/2026', '%Y-%m-%d')",
    "server of nobody": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/{person}')",
    "frozen value": "point = ({n}, {m})\npoint[0] = {n}",
}
BASH = {
    "program missing": "grpe {word} file{n}.txt",
    "file missing in a shell": "cat /home/{person}/data/notes.txt",
    "folder missing": "cd /home/{person}/projekt",
    "not allowed": "touch /tmp/{person}_script; /tmp/{person}_script",
    "syntax of a shell": "echo {n} | | cat",
}
JAVASCRIPT = {
    "name of a variable": "console.log(totel + {n})",
    "property of nothing": "let u{n}; u{n}.price",
    "call of no function": "globalThis.total = {m}; total()",
    "constant changed": "const limit = {n}; limit = {m}",
    "not JSON": "JSON.parse('{word}')",
}
R = {
    "object of a table": "head(dff, {n})",
    "object that was never made": "print(total_price * {n})",
    "function of no package": "filterr(c({n}, {m}), 1)",
    "object in a function": "area <- function(width) width * hieght\narea({n})",
    "package missing": "library(tidyversee)",
    "package missing with a colon": "dplyrr::filter(data.frame(a = {n}), a > {m})",
    "name missing in a package": "stats::meann(c({n}, {m}))",
    "column undefined": "df <- data.frame(cost = c({n}, {m}))\ndf[, 'price']",
    "columns undefined": "df <- data.frame(a = c({n}, {m}))\ndf[c('a', 'weight')]",
    "column of another length": "df <- data.frame(a = 1:{m})\ndf$b <- 1:({m} - 3)",
    "rows of other lengths": "data.frame(a = 1:{n}, b = 1:({n} + {m} * {n} + 1))",
    "text plus number in R": ("'{word}' + {n}", "1:{n} + 'a: {word}'"),
    "sum of a text": "sum('{word}')",
    "mathematics of a text": ("log('{word}')", "sqrt('{word}')"),
    "not closed in R": ("print(c({n}, {m})", "for (i in 1:{n}) {{\n  print(i)"),
    "bracket too many in R": "x <- c({n}, {m}))",
    "comma missing in R": "c({n} {m})",
    "text where none may be": "x <- {n} '{word}'",
    "name where none may be": "x{n} y",
    "text not closed in R": "print('{word})",
    "else on its own line": "x <- {n}\nif (x > {m}) print(x)\nelse print(0)",
    "assignment to a number": "{n} <- {m}",
    "file missing in R": "read.csv('/home/{person}/day{n}/rainfall.csv')",
    "file missing in R, same for all": "readLines('/home/{person}/course/notes.txt')",
    "source missing": "source('/home/{person}/helpers.R')",
    "argument missing in R": "area <- function(width, height) width * height\narea({n})",
    "argument unknown in R": "area <- function(width, height) width * height\narea({n}, hieght = {m})",
    "argument too many in R": "area <- function(width, height) width * height\narea({n}, {m}, {n})",
    "number called in R": "x <- {n}\nx({m})",
    "index out of bounds in R": (
        "x <- list({n}, {m})\nx[[{n} + {m}]]", "x <- matrix(1:4, 2)\nx[{n} + 5, {m}]",
    ),
    "name missing in a vector": "x <- c(a = {n})\nx[['price']]",
    "dollar on a vector": "x <- c({n}, {m})\nx$price",
    "function subset": ("mean$price", "mean[{n}]"),
    "condition of nothing": "x <- c()\nif (x > {n}) print(x)",
    "condition not known": "x <- NA\nif (x > {n}) print(x)",
    "condition of several": "x <- c({n}, {m})\nif (x > 1) print(x)",
    "condition is a text": "if ('{word}') print({n})",
    "shapes in R": "matrix(1, {n}, 2) %*% matrix(1, {n} + 3, {m})",
    "stopped": "stop('not yet done')",
    "stopped in a function": "solve_it <- function(x) stop('please write this function')\nsolve_it({n})",
    "asserted in R": "stopifnot({n} == {m})",
    "asserted about a function": "double <- function(x) x + 1\nstopifnot(double(2) == 4)",
    "asserted with words": "stopifnot('the result is wrong' = {n} == {m})",
    "variable of no table": (
        "lm(price ~ cost, data = data.frame(cost = c({n}, {m})))",
        "aggregate(price ~ kind, data = data.frame(kind = 'a', cost = {n}), FUN = sum)",
    ),
    "choice unknown": "cor(1:{m}, 1:{m}, method = 'pearsn')",
    "date of no date": "as.Date('{word}')",
    "rows bound": "rbind(data.frame(a = {n}), data.frame(b = {m}))",
    "names bound": "rbind(data.frame(a = {n}), data.frame(a = {m}, b = 1))",
    "factor of a function": "mean(x = )",
    "vector of a function": "as.numeric(mean)",
    "locked value": "T1 <- {n}\nlockBinding('T1', environment())\nT1 <- {m}",
    "pipe to no call": "c({n}, {m}) |> mean",
    "method of no class": "UseMethod('area')",
    "apply of no function": "sapply(1:{n}, 'meann')",
    "match without a choice": "match.arg('{word}', c('left', 'right'))",
    "merge without a column": "merge(data.frame(a = {n}), data.frame(b = {m}), by = 'id')",
    "server of nobody in R": "url('ftp://127.0.0.1:9/{person}', open = 'r')",
}
JAVA = {
    "variable unknown": "int x = totel + {n};",
    "method unknown": "\"{word}\".uppercase();",
    "class unknown": "Lisst<Integer> l{n} = null;",
    "package unknown": "import com.google.commons.Strings;",
    "semicolon missing": "int x = {n}\nint y = {m};",
    "text to a number": "int x = \"{word}\";",
    "decimal to a number": "int x = {n}.5;",
    "text not closed in Java": "String s = \"{word};",
    "argument missing in Java": "Math.max({n});",
    "return missing": "int area(int w) {{ }}",
    "nothing dereferenced": "String s = null;\ns.length();",
    "array index": "int[] x = new int[{n}];\nx[{n} + {m}] = 1;",
    "list index in Java": "new java.util.ArrayList<Integer>().get({n});",
    "division by zero in Java": "int z = 0;\nint q = {n} / z;",
    "text is no number in Java": "Integer.parseInt(\"{word}\");",
    "cast": "Object o = \"{word}\";\nInteger i = (Integer) o;",
    "file missing in Java": "java.nio.file.Files.readString(java.nio.file.Path.of(\"/home/{person}/notes.txt\"));",
    "thrown": "throw new IllegalStateException(\"not yet done\");",
    "list that is fixed": "java.util.List.of({n}).add({m});",
    "nothing optional": "java.util.Optional.empty().get();",
}
MISTAKES = {"python": PYTHON, "bash": BASH, "javascript": JAVASCRIPT, "R": R, "java": JAVA}
WORDS = ["apple", "twelve kg", "3,50", "n/a", "12a", "Zürich", "x-1", "?", "ten", "1.5.2"]


def variant(template, language, number):
    """The mistake as one person makes it."""
    comment = "//" if language in ("java", "javascript") else "#"
    lines = [f"{comment} {PEOPLE[number]}, attempt {i}" for i in range(number % 4)]
    values = {"person": PEOPLE[number], "n": number + 2, "m": 40 + 7 * number, "pad": ""}
    return "\n".join([*lines, template.format(word=WORDS[number % len(WORDS)], **values)])


def outputs_of(client, source):
    """The outputs of a run, as a notebook has them."""
    run = client.execute(source, store_history=True)
    outputs = []
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != run:
            continue
        content = message["content"]
        if message["msg_type"] in ("error", "stream"):
            outputs.append({"output_type": message["msg_type"], **content})
        elif message["msg_type"] == "status" and content["execution_state"] == "idle":
            return outputs


def main(kernel, language, command):
    os.chdir(tempfile.mkdtemp())
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(argv=command, language=language, display_name=kernel)
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    # The messages of the start are none of a run.
    outputs_of(client, "")
    try:
        for mistake, templates in MISTAKES[language].items():
            templates = (templates,) if isinstance(templates, str) else templates
            for number, template in enumerate(template for template in templates for _ in PEOPLE):
                person = number % len(PEOPLE)
                outputs = outputs_of(client, variant(template, language, person))
                if not any(output["output_type"] == "error" for output in outputs):
                    sys.exit(f"{kernel}: {mistake} is no error: {outputs}")
                recorded = {"mistake": mistake, "variant": number, "kernel": kernel, "language": language}
                print(json.dumps(recorded | {"names": [PEOPLE[person]], "outputs": outputs}))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
