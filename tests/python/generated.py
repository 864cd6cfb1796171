"""Notebooks made by chance, with a canary in all that is private."""

import json

CANARY = "canary-7f3a"
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


def notebook(chance):
    """`(bytes, whether a cell is private)`; `chance` is a random.Random."""
    cells = [_cell(chance) for _ in range(chance.randrange(6))]
    private = [_private_cell(chance) for _ in range(chance.choice([0, 0, 1, 1, 2]))]
    for cell in private:
        cells.insert(chance.randint(0, len(cells)), cell)
    metadata = {"kernelspec": {"name": "python3"}}
    if chance.random() < 0.3:
        state = {"value": CANARY if private else "public"}
        metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    if chance.random() < 0.1:
        content = {"nbformat": 3, "metadata": metadata, "worksheets": [{"cells": cells}]}
    text = json.dumps(
        content,
        indent=chance.choice([None, 1, 2]),
        ensure_ascii=chance.random() < 0.3,
        sort_keys=chance.random() < 0.5,
    )
    return text.encode("utf-8", "surrogatepass"), bool(private)


def _text(chance, *always):
    words = [*always, *(chance.choice(WORDS) for _ in range(chance.randrange(8)))]
    chance.shuffle(words)
    return [word + "\n" for word in words]


def _cell(chance):
    tags = chance.sample(PUBLIC_TAGS, chance.randrange(3))
    cell = {
        "cell_type": "code",
        "execution_count": chance.choice([None, 7]),
        "metadata": chance.choice([{}, {"tags": tags}, {"note": "private"}]),
        "outputs": [],
        "source": _text(chance, "public"),
    }
    if chance.random() < 0.5:
        shown = {"tags": ["private"], "rows": [1, None, {"access": "private"}]}
        data = {"text/plain": _text(chance), "application/json": shown}
        cell["outputs"].append({"output_type": "display_data", "metadata": {}, "data": data})
    return cell


def _private_cell(chance):
    tag = chance.choice(TAGS)
    tags = [*chance.sample(PUBLIC_TAGS, chance.randrange(3)), tag]
    chance.shuffle(tags)
    cell = {
        "cell_type": chance.choice(["code", "markdown", "raw"]),
        "metadata": chance.choice([{"tags": tags}, {"x": 1, "tags": tag}]),
        "outputs": [{"output_type": "stream", "name": "stdout", "text": _text(chance, CANARY)}],
        "attachments": {"a.txt": {"text/plain": CANARY}},
        "source": _text(chance, CANARY),
    }
    fields = list(cell.items())
    chance.shuffle(fields)
    return dict(fields)
