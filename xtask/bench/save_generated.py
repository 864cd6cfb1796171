"""Saves generated notebooks with private cells by participants' real reporters and inventories,
each several times, and prints as one line of JSON what was saved when all of it was told:

    save_generated.py URL HOMES NOTEBOOKS

`cargo xtask faults --only private-cells` looks for the canaries in what travelled and is kept.
"""

import base64
import json
import logging
import random
import sys

from participants import ROOT, Participant, wait_until

from generated import CANARIES, Saved, versions
from pipalhub_singleuser import inventory

# How many notebooks one participant has, and how often each is saved.
NOTEBOOKS_EACH = 20
VERSIONS = 3
# A participant works on so many at the same time: a reporter keeps the bases of no more.
AT_ONCE = 5


def main(url, homes, notebooks):
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    # What is found without a save is looked for by every round, not every minute.
    inventory.SHORTEST = 0.1
    inventory.FIRST_DELAY = 0.1
    work = [*generated(url, homes, notebooks), *vectors(url, homes)]
    by_participant = {}
    for participant, filename, saved in work:
        by_participant.setdefault(participant, []).append((filename, saved))
    for participant in by_participant:
        participant.inventory.start()
    chance = random.Random(17)
    most = max(len(own) for own in by_participant.values())
    for at in range(0, most, AT_ONCE):
        save_all(
            chance,
            [
                (participant, filename, saved)
                for participant, own in by_participant.items()
                for filename, saved in own[at : at + AT_ONCE]
            ],
        )
    for participant in by_participant:
        participant.close()
    print(json.dumps({"canaries": [text.decode() for text in CANARIES], "saved": told(work)}))


def save_all(chance, work):
    """Saves all versions, each when those before were told."""
    for version in range(VERSIONS):
        is_found = []
        for participant, filename, saved in work:
            if version >= len(saved):
                continue
            participant.write(filename, saved[version].data, chance.random() < 0.8)
            # The others come as by git, and the inventory finds them.
            if chance.random() < 0.8:
                participant.note(filename)
            else:
                is_found.append(participant)
        for participant in is_found:
            participant.inventory.soon()
        wait_until(
            "everything is told",
            lambda: all(participant.is_told(filename) for participant, filename, _ in work),
        )


def generated(url, homes, notebooks):
    """`(participant, filename, the Saved of each version)` of each notebook."""
    chance = random.Random(16)
    count = -(-notebooks // NOTEBOOKS_EACH)
    participants = [Participant(url, homes, *server_of(number)) for number in range(count)]
    for number in range(notebooks):
        participant = participants[number % len(participants)]
        filename = f"day{number // len(participants)}.ipynb"
        if number % 3 == 0:
            filename = "a/b/" + filename
        yield participant, filename, list(versions(chance, number, VERSIONS))


def server_of(number):
    """`(user, server)`: every fourth is the second server of the one before."""
    return (f"p{number - 1}", "second") if number % 4 == 1 else (f"p{number}", "")


def vectors(url, homes):
    """The same of the vectors that both cutters are held to, each saved once."""
    participants = [Participant(url, homes, f"vectors{number}") for number in range(8)]
    for path in sorted((ROOT / "shared" / "tests" / "private").glob("*.json")):
        for number, vector in enumerate(json.loads(path.read_text("utf-8"))):
            if vector.get("canaries"):
                data = base64.b64decode(vector.get("base64", "")) or vector["notebook"].encode()
                saved = Saved(data, "", True, False)
                participant = participants[number % len(participants)]
                yield participant, f"{path.stem}-{number}.ipynb", [saved]


def told(work):
    """What was saved, for whoever looks for it."""
    return [
        {
            "user": participant.user,
            "server": participant.server,
            "filename": filename,
            "markers": [one.marker for one in saved if one.marker and not one.is_withheld],
            "private": sum(one.is_private for one in saved),
            "withheld": sum(one.is_withheld for one in saved),
        }
        for participant, filename, saved in work
    ]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
