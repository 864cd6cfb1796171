"""The numbers of cells and outputs that nbformat, the reference, finds in notebooks.

    python count_cells.py FILE... > counts.jsonl

A line a file: {"file": ..., "cells": n, "outputs": [one number a cell]}, or with
"refused" and nbformat's reason. Outputs are counted as Jupyter shows them: neighbouring
pieces of one stream are one, a bar that is drawn anew stays where it was, a cleared output
is none, and an update of a display is none of its own.
"""

import json
import sys
import warnings

import nbformat

# Warnings about missing ids and the like, which nbformat mends.
warnings.simplefilter("ignore")


def display_id(out):
    return out.get("transient", {}).get("display_id")


def redraws(out):
    """Whether a piece of a stream only writes the line anew that the piece before it began."""
    text = "".join(out.get("text", ""))
    return text.startswith("\r") and "\n" not in text.rstrip("\n")


def shown(outputs, displayed):
    """The number of shown outputs; `displayed` are the ids of the notebook's displays."""
    visible = []
    clear = False
    for out in outputs:
        kind = out.get("output_type")
        if kind == "clear_output" and out.get("wait"):
            # The next output clears, and this one does not.
            clear = True
            continue
        if clear or kind == "clear_output":
            visible = []
            clear = False
        name = out.get("name", "stdout") if kind == "stream" else None
        joins = name is not None and visible and visible[-1] == name
        joins = joins or (name in visible and redraws(out))
        updates = kind == "update_display_data" and display_id(out) in displayed
        if kind != "clear_output" and not joins and not updates:
            visible.append(name)
    return len(visible)


def counted(file):
    # Without the validation of nbformat.read, since converting raises, too.
    with open(file, encoding="utf-8-sig") as opened:
        notebook = nbformat.reader.reads(opened.read())
    notebook = nbformat.convert(notebook, 4)
    outputs = [cell.get("outputs", []) for cell in notebook.cells]
    displayed = {display_id(out) for own in outputs for out in own
                 if out.get("output_type") == "display_data"} - {None}
    return {"cells": len(outputs), "outputs": [shown(own, displayed) for own in outputs]}


def main(files):
    for file in files:
        try:
            found = counted(file)
        except Exception as reason:
            found = {"refused": f"{type(reason).__name__}: {reason}"[:200]}
        print(json.dumps({"file": file} | found))


if __name__ == "__main__":
    main(sys.argv[1:])
