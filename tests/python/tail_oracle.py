"""The results that tail, trim and merge must have for ten thousand notebooks.

    python tail_oracle.py SEED COUNT > cases.jsonl

Each line is a case: {"parts": [[stem, notebook as text], ...], "cells": n, "lines": l,
"exact": text or null, "expected": notebook}. The rules are written down again here, in
the plainest way, from docs and not from the service's code; `exact` is the text of one
notebook alone, `expected` the notebook that several become, where an id that the rules
leave open is null. It needs Python's own library only.
"""

import copy
import html
import json
import random
import re
import sys

WORDS = ["a", "b = 1", "print(x)", "été", "日本", "😀", "\t", "", '"quoted"', "<b>&amp;</b>", "\\", "…"]
STEMS = ["ana", "bo", "Çelik", "straße", "a b", "x" * 70, "<b>", 'he "is"', "a&b", "o'neil", "日本", "-_-"]
VALID_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
MIMES = {"text": "text/plain", "html": "text/html", "latex": "text/latex", "png": "image/png",
         "svg": "image/svg+xml", "jpeg": "image/jpeg", "javascript": "application/javascript"}


# Tail and trim.

def lines_of(text):
    """LogLines with their ends; only a line feed ends one."""
    pieces = text.split("\n")
    lines = [piece + "\n" for piece in pieces[:-1]]
    return lines + [pieces[-1]] if pieces[-1] else lines


def trimmed(text, most):
    whole = text if isinstance(text, str) else "".join(text)
    lines = lines_of(whole)
    if len(lines) <= most:
        return text
    kept = (most + 1) // 2
    short = lines[:kept] + ["...\n"] + lines[len(lines) - kept:]
    return "".join(short) if isinstance(text, str) else short


def cells_of(notebook):
    if "worksheets" not in notebook:
        return notebook["cells"]
    return [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]


OLD_TEXTS = ["source", "input", "text", "html", "svg", "latex", "javascript", "json"]


def end_lines(cell):
    """Before nbformat 4 lists held lines, with their ends or without: the first tells."""
    for name in OLD_TEXTS:
        pieces = cell.get(name)
        if isinstance(pieces, list) and pieces and not pieces[0].endswith(("\n", "\r")):
            cell[name] = [piece + "\n" for piece in pieces[:-1]] + pieces[-1:]
    for output in cell.get("outputs", []):
        end_lines(output)


def tail(notebook, cells, lines):
    """A notebook of the last cells, their long texts cut."""
    result = copy.deepcopy(notebook)
    all_cells = cells_of(result)
    if "worksheets" in result:
        for cell in all_cells:
            end_lines(cell)
    last = all_cells[len(all_cells) - cells:] if cells < len(all_cells) else all_cells
    last = last if cells else []
    for cell in last:
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = trimmed(output["text"], lines)
    if "worksheets" in result:
        sheet = result["worksheets"][0]
        sheet["cells"] = last
        result["worksheets"] = [sheet]
    else:
        result["cells"] = last
    return result


# Merge.

def upgraded_output(output):
    new = dict(output)
    kind = new["output_type"]
    if kind == "pyerr":
        new["output_type"] = "error"
    elif kind == "stream":
        new["name"] = new.pop("stream", new.get("name", "stdout"))
    elif kind in ("pyout", "execute_result", "display_data"):
        if kind == "pyout":
            new["output_type"] = "execute_result"
            new["execution_count"] = new.pop("prompt_number", None)
        if "data" not in new:
            new["data"] = {MIMES[key]: new.pop(key) for key in list(new) if key in MIMES}
        new.setdefault("metadata", {})
    return new


def upgraded(cell):
    """A cell as nbformat 4 has it."""
    new = dict(cell)
    kind = new["cell_type"]
    if kind == "code":
        if "input" in new:
            new["source"] = new.pop("input")
        if "prompt_number" in new:
            new["execution_count"] = new.pop("prompt_number")
        new.setdefault("execution_count", None)
        new.pop("language", None)
        new["outputs"] = [upgraded_output(output) for output in new.get("outputs", [])]
        if "collapsed" in new:
            new["metadata"] = {**new.get("metadata", {}), "collapsed": new.pop("collapsed")}
    elif kind == "heading":
        source = new["source"] if isinstance(new["source"], str) else "".join(new["source"])
        new["cell_type"] = "markdown"
        # A heading is one line, whichever way its lines end.
        line = source.replace("\r\n", "\n").replace("\n", " ")
        new["source"] = "#" * new.pop("level") + " " + line
    elif kind == "html":
        new["cell_type"] = "markdown"
    new.setdefault("metadata", {})
    return new


def header(stem):
    name = html.escape(stem.upper(), quote=False).replace('"', "&quot;")
    return {"cell_type": "markdown", "id": None, "metadata": {},
            "source": [f'# <a id="{name}">{name}</a>']}


def merged(parts):
    first = parts[0][1]
    result = {key: value for key, value in first.items() if key not in ("cells", "worksheets")}
    major, minor = first["nbformat"], first.get("nbformat_minor", 0)
    result["nbformat"] = max(major, 4)
    result["nbformat_minor"] = max(minor, 5) if major >= 4 else 5
    result["cells"] = []
    taken = set()
    for stem, notebook in parts:
        result["cells"].append(header(stem))
        for cell in cells_of(notebook):
            new = upgraded(cell)
            own = new.get("id")
            keeps = isinstance(own, str) and VALID_ID.match(own) and own not in taken
            new["id"] = own if keeps else None
            taken.add(own if keeps else None)
            result["cells"].append(new)
    return result


# The generated notebooks.

def text(rng, most=40):
    many = rng.choice([0, 1, 2, rng.randrange(most + 1)])
    end = rng.choice(["\n", "\n", "\n", "\r\n", "\u2028"])
    whole = "".join(rng.choice(WORDS) + end for _ in range(many)) + rng.choice(["", rng.choice(WORDS)])
    if rng.random() < 0.5:
        return whole
    lines = lines_of(whole)
    # Jupyter's own lists hold lines; other tools' hold any pieces.
    return lines if rng.random() < 0.8 else list(whole)


def output(rng, major):
    old = major < 4
    kind = rng.choice(["stream", "stream", "stream", "error", "result", "display"])
    if kind == "stream":
        name = "stream" if old else "name"
        return {"output_type": "stream", name: rng.choice(["stdout", "stderr"]), "text": text(rng)}
    if kind == "error":
        trace = [rng.choice(WORDS) for _ in range(rng.randrange(60))]
        return {"output_type": "pyerr" if old else "error", "ename": "E", "evalue": "e", "traceback": trace}
    result = {"output_type": "display_data", "metadata": {}}
    if kind == "result":
        number = "prompt_number" if old else "execution_count"
        result["output_type"] = "pyout" if old else "execute_result"
        result[number] = rng.randrange(99)
    if old:
        return result | {"text": text(rng), "html": rng.choice(WORDS)}
    return result | {"data": {"text/plain": text(rng), "image/png": "Zg=="}}


def cell(rng, major):
    kinds = ["code"] * 5 + ["markdown", "raw"] + (["heading", "html"] if major < 4 else [])
    kind = rng.choice(kinds)
    new = {"cell_type": kind, "metadata": rng.choice([{}, {"tags": ["x"]}, {"b": 1.5, "a": [None, True]}])}
    if kind != "code":
        new["source"] = text(rng, 5)
        if kind == "heading":
            new["level"] = rng.randrange(1, 7)
    elif major < 4:
        new |= {"input": text(rng, 5), "language": "python", "collapsed": rng.random() < 0.5}
        if rng.random() < 0.7:
            new["prompt_number"] = rng.randrange(99)
        new["outputs"] = [output(rng, major) for _ in range(rng.randrange(4))]
    else:
        new |= {"execution_count": rng.choice([None, 1, 17]), "source": text(rng, 5)}
        new["outputs"] = [output(rng, major) for _ in range(rng.randrange(4))]
    if rng.random() < 0.3:
        new["unknown"] = {"kept": [1, "x", {"y": 0.25}]}
    if major == 4 and rng.random() < 0.7:
        new["id"] = rng.choice([f"c{rng.randrange(12)}", f"{rng.getrandbits(32):08x}", "not valid!", ""])
    return new


def notebook(rng):
    major = rng.choice([4, 4, 4, 4, 3, 2])
    cells = [cell(rng, major) for _ in range(rng.randrange(rng.choice([1, 4, 14])))]
    new = {"metadata": rng.choice([{}, {"title": "été"}, {"kernelspec": {"name": "python3"}}]),
           "nbformat": major, "nbformat_minor": rng.randrange(6) if major == 4 else 0}
    if major == 4:
        return {"cells": cells} | new
    cut = rng.randrange(len(cells) + 1)
    sheets = [cells] if rng.random() < 0.7 else [cells[:cut], cells[cut:]]
    return new | {"worksheets": [{"metadata": {"n": n}, "cells": own} for n, own in enumerate(sheets)]}


def written(notebook):
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main(seed, count):
    rng = random.Random(seed)
    made = 0
    while made < count:
        stems = rng.sample(STEMS, min(rng.choice([1, 1, 2, 3, 5]), count - made))
        whole = [(stem, notebook(rng)) for stem in stems]
        made += len(whole)
        cells = rng.choice([0, 1, 2, 5, 10, 10, 1000])
        lines = rng.choice([0, 1, 2, 3, 4, 7, 25, 25, 1000])
        cut = [(stem, tail(one, cells, lines)) for stem, one in whole]
        compact = rng.random() < 0.5
        parts = [(stem, json.dumps(one, ensure_ascii=compact)) for stem, one in whole]
        alone = len(cut) == 1
        case = {"parts": parts, "cells": cells, "lines": lines,
                "exact": written(cut[0][1]) if alone else None,
                "expected": cut[0][1] if alone else merged(cut)}
        print(json.dumps(case))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
