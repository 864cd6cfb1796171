"""How many cells and outputs nbformat, the reference, finds in notebooks.

    python count_cells.py FILE... > counts.jsonl

A line a file: {"file": ..., "cells": n, "outputs": [one number a cell]}, or with
"refused" and nbformat's reason. Neighbouring pieces of one stream count once, since
that is how Jupyter shows them.
"""

import json
import sys
import warnings

import nbformat

# Missing ids and the like, which it mends.
warnings.simplefilter("ignore")


def shown(outputs):
    streams = [out.get("name", "stdout") if out.get("output_type") == "stream" else None
               for out in outputs]
    return sum(1 for at, name in enumerate(streams)
               if name is None or at == 0 or streams[at - 1] != name)


def counted(file):
    # Without nbformat.read's validation: what it cannot convert it raises about anyway.
    with open(file, encoding="utf-8-sig") as opened:
        notebook = nbformat.reader.reads(opened.read())
    notebook = nbformat.convert(notebook, 4)
    return {"cells": len(notebook.cells),
            "outputs": [shown(cell.get("outputs", [])) for cell in notebook.cells]}


def main(files):
    for file in files:
        try:
            found = counted(file)
        except Exception as reason:
            found = {"refused": f"{type(reason).__name__}: {reason}"[:200]}
        print(json.dumps({"file": file} | found))


if __name__ == "__main__":
    main(sys.argv[1:])
