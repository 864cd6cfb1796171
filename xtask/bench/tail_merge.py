"""Merges the last cells of many notebooks by Python's json, as ipytail did.

usage: tail_merge.py OUT FILE...
"""

import json
import os
import sys

CELLS, LINES = 10, 25


def trim(output):
    text = output.get("text")
    if not isinstance(text, list) or len(text) <= LINES:
        return output
    half = (LINES + 1) // 2
    return {**output, "text": text[:half] + ["...\n"] + text[-half:]}


def tail(notebook):
    cells = notebook["cells"][-CELLS:]
    for cell in cells:
        if "outputs" in cell:
            cell["outputs"] = [trim(output) for output in cell["outputs"]]
    return cells


def header(path):
    name = os.path.basename(os.path.dirname(path)).upper()
    source = [f'<a id="{name}" href="#{name}">{name}</a>']
    return {"cell_type": "markdown", "metadata": {}, "source": source}


out, paths = sys.argv[1], sys.argv[2:]
merged = None
for path in paths:
    with open(path, encoding="utf-8") as file:
        notebook = json.load(file)
    if merged is None:
        merged = {**notebook, "cells": []}
    merged["cells"].append(header(path))
    merged["cells"].extend(tail(notebook))
with open(out, "w", encoding="utf-8") as file:
    json.dump(merged, file, indent=1)
