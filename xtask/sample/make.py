"""Executes the sample class: source/<notebook>/<user>.txt -> <user>/module1/<notebook>.ipynb.

The notebooks are committed, so only someone who changes the sources runs this, in
any environment that has the packages:

    python -m venv env
    env/bin/pip install nbclient nbformat ipykernel pandas matplotlib pillow
    env/bin/python xtask/sample/make.py [user ...]

A source is text. A line that starts with "%%" opens a cell:

    %% markdown        prose
    %% code            a code cell, executed once; x3: executed three times, as
                       learners do; unrun: typed and never executed
    %% lesson NAME     the cell of that name in source/lesson.txt, which everyone got

The lesson's cells, up to the warm-up, are handout/day1.ipynb: what was handed out, never executed.

Everything is executed for real, mistakes included. What would differ between two machines or two
runs (paths, addresses, cell ids, timings) is made the same.
"""

import base64
import io
import platform
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "source"
LARGEST_IMAGE = 15_000
LARGEST_CLASS = 700_000

ANSI = re.compile(r"\x1b\[[0-9;]*m")

# Each is (what differs, what is written instead).
NORMALISED = [
    (re.compile(r"/tmp/ipykernel_\d+/\d+\.py"), "/tmp/ipykernel_1/1.py"),
    (re.compile(r"/[^\s\"'\x1b]*/python3[^/\s]*/site-packages/"), "/opt/jupyter/lib/python3/site-packages/"),
    (re.compile(r"/[^\s\"'\x1b]*/lib/python3[^/\s]*/(?!site-packages)"), "/usr/lib/python3/"),
    (re.compile(r"\bT_[0-9a-f]{5}(?=_|\b)"), "T_00000"),
    (re.compile(r"\b0x[0-9a-f]{8,}\b"), "0x7f0000000000"),
]


def read_cells(path):
    """The (head, text) pairs of a source file."""
    cells = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("%%"):
            cells.append((line[2:].split(), []))
        elif cells:
            cells[-1][1].append(line)
        elif line.strip():
            sys.exit(f"{path}: text before the first cell")
    return [(head, "\n".join(lines).strip("\n")) for head, lines in cells]


def read_lesson():
    """The cells of the lesson that every participant has, by name."""
    return {head[1]: (head[0], text) for head, text in read_cells(SOURCE / "lesson.txt")}


def count_runs(arguments):
    """How often a code cell is executed: [] once, ["x3"] three times, ["unrun"] never."""
    if not arguments:
        return 1
    return 0 if arguments[0] == "unrun" else int(arguments[0].removeprefix("x"))


def build(path, lesson):
    """An unexecuted notebook, and how often each of its cells is to be executed."""
    notebook, runs = new_notebook(), []
    for head, text in read_cells(path):
        kind, arguments = head[0], head[1:]
        if kind == "lesson":
            kind, text = lesson[arguments[0]]
            arguments = []
        new_cell = {"code": new_code_cell, "markdown": new_markdown_cell}[kind]
        notebook.cells.append(new_cell(text, id=f"{path.stem}-{len(runs) + 1:02}"))
        runs.append(count_runs(arguments) if kind == "code" else 0)
    return notebook, runs


def build_handout(lesson):
    """The lesson as it was handed out."""
    notebook = new_notebook()
    for number, (kind, text) in enumerate(lesson.values(), start=1):
        if text.startswith("# Warm-up"):
            break
        new_cell = {"code": new_code_cell, "markdown": new_markdown_cell}[kind]
        notebook.cells.append(new_cell(text, id=f"lesson-{number:02}"))
    return notebook


def execute(notebook, runs):
    """Executes every cell as often as it says; errors are part of the sample."""
    client = NotebookClient(notebook, kernel_name="python3", allow_errors=True, record_timing=False)
    with client.setup_kernel():
        for index, (cell, times) in enumerate(zip(notebook.cells, runs)):
            for _ in range(times):
                client.execute_cell(cell, index)


def normalise(value):
    """The same JSON value without what differs between machines and runs."""
    if isinstance(value, dict):
        return nbformat.NotebookNode({key: normalise(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return [normalise(inner) for inner in value]
    if isinstance(value, str):
        for pattern, replacement in NORMALISED:
            value = pattern.sub(replacement, value)
    return value


def without_library_source(frame):
    """A frame in a library's file keeps its first line only, as when IPython finds no
    source: the lines of the library are not ours to put here."""
    plain = ANSI.sub("", frame)
    return frame.partition("\n")[0] + "\n" if plain.startswith("File ") else frame


def shrink(cell_id, image):
    """The same picture with a palette of 64 colours: the plots have fewer, and it
    takes a third of the bytes. Nothing but pixels is kept, so no version either."""
    small = io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB")
    picture.quantize(64, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    if small.tell() > LARGEST_IMAGE:
        sys.exit(f"{cell_id}: a plot of {small.tell()} bytes")
    return base64.b64encode(small.getvalue()).decode("ascii")


def finish(notebook):
    """Metadata as JupyterLab writes it, and outputs that are the same everywhere."""
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {
            "codemirror_mode": {"name": "ipython", "version": 3},
            "file_extension": ".py",
            "mimetype": "text/x-python",
            "name": "python",
            "nbconvert_exporter": "python",
            "pygments_lexer": "ipython3",
            "version": platform.python_version(),
        },
    })
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata = nbformat.NotebookNode()
        if cell.cell_type != "code":
            continue
        cell.outputs = normalise(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "error":
                output.traceback = [without_library_source(frame) for frame in output.traceback]
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = shrink(cell.id, output.data["image/png"])


def main():
    lesson = read_lesson()
    wanted = set(sys.argv[1:])
    handout = build_handout(lesson)
    finish(handout)
    nbformat.validate(handout)
    nbformat.write(handout, HERE / "handout" / "day1.ipynb")
    for path in sorted(SOURCE.glob("*/*.txt")):
        if wanted and path.stem not in wanted:
            continue
        notebook, runs = build(path, lesson)
        execute(notebook, runs)
        finish(notebook)
        nbformat.validate(notebook)
        target = HERE / path.stem / "module1" / f"{path.parent.name}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)
        errors = [output.ename for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"]
        print(f"{target.relative_to(HERE)}: {len(notebook.cells)} cells, {target.stat().st_size} bytes", *errors)
    total = sum(path.stat().st_size for path in HERE.glob("*/module1/*.ipynb"))
    print(f"{total} bytes in all")
    if total > LARGEST_CLASS:
        sys.exit("the class is too large")


if __name__ == "__main__":
    main()
