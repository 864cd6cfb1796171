"""Notebooks made by chance, with a canary in all that is private, and later versions of them."""

import base64
import json
import math
import random
import re
from typing import NamedTuple

CANARY = "canary7f3a"
_ESCAPED_CANARY = CANARY.replace("c", "\\u0063", 1)
_CANARY_IN_BASE64 = base64.b64encode(CANARY.encode()).decode()
# How it stands in a file, as bytes; where an escape is read, it stands in its letters again. The
# first is also the canary of the vectors in `shared/tests/private`. What follows the last letter
# changes the end of what is in base64.
CANARIES = [
    b"canary",
    _ESCAPED_CANARY.encode(),
    _CANARY_IN_BASE64.rstrip("=")[:-1].encode(),
    CANARY.encode("utf-16-le"),
]
# How the tag may be spelled, as texts and as what is written for one.
TAGS = [
    "private",
    "Private",
    "PRIVATE ",
    "#private",
    "draft, private",
    "exercise;private",
    "pri\u200bvate",
    "ｐｒｉｖａｔｅ",
    "рrivаtе",
    "priváte",
    "private\t",
    ["private"],
    {"private": True},
]
# What is no tag, or stands where no tags are.
PUBLIC_TAGS = ["privately", "not-private", "draft", "private2", "privat"]
WORDS = ["x = 1", "class A:", "    private = 1", '"private"', "ü", "это", "\u001b[31m", "\\", "🦀"]
# What can be seen of everyone, and of each version by itself.
PUBLIC = "public"
MARKER = "seen7f3a"
# Under these keys are values in which nothing is private; spelled otherwise they are looked into.
_KEYS_OF_DATA = ("outputs", "data", "attachments")


class Saved(NamedTuple):
    """One version of a notebook as it is on the disk."""

    data: bytes
    # A word that only this version has, in a cell that is not private.
    marker: str
    # Whether it has a cell that is private, and whether none of it may leave at all.
    is_private: bool
    is_withheld: bool


def notebook(chance):
    """`(bytes, whether a cell is private)`; `chance` is a random.Random."""
    public, private = _cells(chance)
    content = _document(chance, public, private)
    return _written(content, chance.random()), bool(private)


def versions(chance, number, count):
    """So many Saved of the notebook with this number, one after the other."""
    public, private = _cells(chance)
    seed = chance.random()
    saved = []
    for version in range(count):
        marker = f"{MARKER}_{number}_{version}_"
        if version > 0:
            _edit(chance, private)
        # Between two saves a notebook stays mostly the same.
        same = random.Random(seed)
        cells = [*public, {**_public_cell(same), "source": [marker + "\n"]}]
        data = _written(_document(same, cells, private), seed)
        broken = _broken(chance, data) if private and chance.random() < 0.1 else None
        saved.append(Saved(broken or data, marker, bool(private), broken is not None))
    return saved


def _cells(chance):
    """Public cells, and what is private, each in a list of its own."""
    public = [_public_cell(chance) for _ in range(chance.randrange(6))]
    private = [_private_cell(chance) for _ in range(chance.choice([0, 0, 1, 1, 2]))]
    return public, private


def _edit(chance, private):
    """What a participant does to private cells between two saves."""
    if private and chance.random() < 0.3:
        private.pop(chance.randrange(len(private)))
    elif private and chance.random() < 0.5:
        private[chance.randrange(len(private))] = _private_cell(chance)
    else:
        private.insert(chance.randint(0, len(private)), _private_cell(chance))


def _document(chance, public, private):
    """A notebook of these cells, in one of the formats there have been."""
    cells = list(public)
    for cell in private:
        cells.insert(chance.randint(0, len(cells)), cell)
    metadata = {"kernelspec": {"name": "python3"}}
    if chance.random() < 0.3:
        state = {"value": CANARY if private else "mine"}
        metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    form = chance.random()
    if form < 0.1:
        cells = [_of_format_3(cell) for cell in cells]
        return {"nbformat": 3, "metadata": metadata, "worksheets": [{"cells": cells}]}
    if form < 0.15:
        cells = [_of_format_3(cell) for cell in cells]
        return {"nbformat": 2, "worksheets": [{"cells": cells, "metadata": {}}, {"cells": []}]}
    if form < 0.2:
        # As no format has them, and a reader may find them all the same.
        cells = [cells[:1], cells[1:]]
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _of_format_3(cell):
    """A cell as formats before 4 have it."""
    renamed = {"source": "input", "execution_count": "prompt_number"}
    is_code = dict(cell).get("cell_type") == "code"
    return _Pairs((renamed.get(key, key) if is_code else key, value) for key, value in _of(cell))


def _text(chance, *always):
    words = [*always, *(chance.choice(WORDS) for _ in range(chance.randrange(8)))]
    chance.shuffle(words)
    return [word + "\n" for word in words]


def _public_cell(chance):
    tags = chance.sample(PUBLIC_TAGS, chance.randrange(3))
    cell = {
        "cell_type": "code",
        "execution_count": chance.choice([None, 7]),
        "metadata": chance.choice([{}, {"tags": tags}, {"note": "private"}]),
        "outputs": [],
        "source": _text(chance, PUBLIC),
    }
    if chance.random() < 0.5:
        shown = {"tags": ["private"], "rows": [1, None, math.nan, {"access": "private"}]}
        data = {"text/plain": _text(chance), "application/json": shown}
        cell["outputs"].append({"output_type": "display_data", "metadata": {}, "data": data})
    return cell


def _private_cell(chance):
    fields = [
        ("cell_type", chance.choice(["code", "markdown", "raw"])),
        ("id", CANARY),
        ("metadata", _private_metadata(chance)),
        ("outputs", [_private_output(chance) for _ in range(chance.randrange(1, 3))]),
        (
            "attachments",
            {"a.txt": {"text/plain": CANARY}, "a.png": {"image/png": _CANARY_IN_BASE64}},
        ),
        ("source", chance.choice([_text(chance, CANARY), CANARY])),
    ]
    chance.shuffle(fields)
    if chance.random() < 0.1:
        # Of a key that is there twice some readers take the last.
        fields.append(("metadata", {}))
    return _Pairs(fields)


def _private_metadata(chance):
    tag = chance.choice(TAGS)
    tags = [*chance.sample(PUBLIC_TAGS, chance.randrange(3)), tag]
    chance.shuffle(tags)
    return chance.choice(
        [
            {"tags": tags},
            {"x": CANARY, "tags": tag},
            {"tags": tags, "collapsed": False, "note": {"of": [CANARY]}},
            {"jupyter": {"tags": tags}},
            {"jupyter": {"nested": {"tags": [tag]}}},
            [{"tags": tags}],
        ]
    )


def _private_output(chance):
    name = {"application/vnd.jupyter.widget-view+json": {"model_id": CANARY}}
    picture = {"image/png": _CANARY_IN_BASE64, "text/html": f"<b>{CANARY}</b>"}
    return chance.choice(
        [
            {"output_type": "stream", "name": "stdout", "text": _text(chance, CANARY)},
            {"output_type": "display_data", "metadata": {"of": CANARY}, "data": picture},
            {"output_type": "display_data", "metadata": {}, "data": name},
            {"output_type": "execute_result", "data": {"application/json": {CANARY: [CANARY]}}},
            {"output_type": "error", "ename": "E", "evalue": CANARY, "traceback": [CANARY]},
        ]
    )


def _broken(chance, data):
    """The same as a file of which none may leave, though it says what it is; None where it would
    still be one.
    """
    kind = chance.randrange(3)
    if kind == 0:
        return data.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass")
    if kind == 1:
        # With all that is private in it, and without an end.
        return data.rstrip()[:-1]
    # A comma where none may be.
    return data.replace(b"[", b"[,", 1)


class _Pairs(list):
    """An object whose keys may be there twice."""


def _of(value):
    return value if isinstance(value, _Pairs) else value.items()


def _written(content, seed):
    """The bytes of a notebook, as one of the programs writes it that there are: one by its seed."""
    text = _Writer(seed).written(content, 0)
    mark = b"\xef\xbb\xbf" if random.Random(seed).random() < 0.05 else b""
    return mark + text.encode("utf-8", "surrogatepass")


class _Writer:
    """Writes JSON with such spaces and escapes as nobody else would."""

    def __init__(self, seed):
        self._seed = seed
        chance = random.Random(f"{seed} of a writer")
        self._indent = chance.choice([None, 1, 2])
        self._line = "\n" if chance.random() < 0.9 else "\r\n"
        self._ensure_ascii = chance.random() < 0.7
        # How many of the letters are written as escapes.
        self._escapes = chance.choice([0, 0, 0.05, 0.5])

    def written(self, value, level):
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, (dict, _Pairs)):
            pairs = (
                f"{self._text(key)}: {self.written(of, level + 1)}" for key, of in _of(value)
            )
            return self._within("{", pairs, "}", level)
        if isinstance(value, list):
            return self._within("[", (self.written(of, level + 1) for of in value), "]", level)
        return json.dumps(value)

    def _within(self, begin, parts, end, level):
        parts = list(parts)
        if not parts:
            return begin + end
        if self._indent is None:
            return begin + ", ".join(parts) + end
        line = self._line + " " * self._indent * level
        inner = line + " " * self._indent
        return begin + inner + ("," + inner).join(parts) + line + end

    def _text(self, text):
        written = json.dumps(text, ensure_ascii=self._ensure_ascii)
        # The same text is written the same way.
        chance = random.Random(f"{self._seed} {text}") if self._escapes else None
        if CANARY in text:
            is_escaped = chance and chance.random() < 0.5
            return written.replace(CANARY, _ESCAPED_CANARY) if is_escaped else written
        is_looked_for = any(seen in text for seen in (PUBLIC, MARKER, _CANARY_IN_BASE64))
        if not chance or is_looked_for or text in _KEYS_OF_DATA:
            return written

        def perhaps_escaped(found):
            letter = found.group()
            if len(letter) > 1 or chance.random() >= self._escapes:
                return letter
            return "\\u" + chance.choice(["%04x", "%04X"]) % ord(letter)

        return re.sub(r"\\.[^\\]{0,4}|[A-Za-z0-9 ]", perhaps_escaped, written)
