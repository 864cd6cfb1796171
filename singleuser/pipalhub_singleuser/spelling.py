"""Whether a text of a notebook says a word, however it is spelled.

It is the Python side of `shared/src/notebook/private/word.rs` and `hint.rs`, and is held to the
same vectors (`shared/tests/private`). Two spellings are one when a person reads the same: in
other case, in full width or with accents, with invisible characters between the letters, in
letters of another alphabet that look alike.

A text is here what stands between the two quotes of a JSON string, in bytes.
"""

import functools
import re
import unicodedata

# The tag of a private cell.
TAG = "private"

# The letter of ASCII that a reader sees in another one; both in lower case.
_SIMILAR_LETTERS = {
    "a": "аαɑᴀⲁꭺ",
    "c": "сϲᴄⲥ",
    "d": "ԁᴅ",
    "e": "еεєҽᴇⲉ℮əꭼ",
    "g": "ɡɢց",
    "i": "іιıɩɪӏⲓꭵ",
    "m": "мᴍⲙ",
    "o": "оοᴏⲟ",
    "p": "рρϱᴘⲣꮲ",
    "r": "гʀᴦⲅꭱꭇꭈ",
    "s": "ѕꜱ",
    "t": "тτᴛⲧꭲ",
    "v": "ѵνᴠꮩ",
}
_LOOK_ALIKE = {
    ord(similar): letter for letter, all_of_it in _SIMILAR_LETTERS.items() for similar in all_of_it
}
# White letters in black circles and squares, those that flags are made of, and the outlined
# ones, which Unicode has had since version 16 and Python's tables may not know.
for _first in (0x1F150, 0x1F170, 0x1F1E6, 0x1CCD6):
    _LOOK_ALIKE.update({_first + number: chr(ord("a") + number) for number in range(26)})
# Fillers are letters without any ink.
_LOOK_ALIKE.update({0x115F: None, 0x1160: None})

# What is written between several words in one text, besides white space.
_SEPARATORS = frozenset(",;|/&+#，；、،؛､｜·•")

# An escape: of two halves of a character, of one, or two bytes that stand for no letter.
_PAIR = rb"[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"\\(?:u(?P<pair>" + _PAIR + rb")|u(?P<one>[0-9a-fA-F]{4})|.)?", re.DOTALL)
_ESCAPE_OF_NO_LETTER = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)?", re.DOTALL)
# An escape that may stand for a letter: of another than a control character.
_ESCAPED_LETTER = re.compile(rb"\\u(?!00[01])")
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")
_BETWEEN_QUOTES = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_FIRST_LETTER = re.compile(rb"[0-9A-Za-z\\\x80-\xff]")

_LETTERS = bytes(range(ord("a"), ord("z") + 1))
_LOWER = bytes(range(256)).lower()
_NO_LETTERS = bytes(byte for byte in range(256) if _LOWER[byte] not in _LETTERS)
# Of most escapes the letters are none of the tag's: these are left out with what is no letter,
# which takes a tenth of the time of leaving out the escapes. Those with others are these.
_NOT_OF_TAG = _NO_LETTERS + b"nbfuNBFU"
_ESCAPE_OF_OTHERS = re.compile(rb"\\(?:[ac-eg-mo-tv-zAC-EG-MO-TV-Z]|u00[01][ac-eAC-E])")


def says(text, word):
    """Whether `text` says `word`, which is in lower case and ASCII."""
    # Nearly every text begins with another letter.
    first = _FIRST_LETTER.search(text)
    if first is None:
        return False
    letter = _LOWER[first.group()[0]]
    if letter < 0x80 and letter != 0x5C and letter != ord(word[0]):
        return False
    if text.isalnum():
        return text.lower() == word.encode()
    return _reads(_decoded(text), word)


def has_tag(text):
    """Whether `text` is the tag of a private cell, or has it among others."""
    if says(text, TAG):
        return True
    parts = _parts(_decoded(text))
    return len(parts) > 1 and any(_reads(part, TAG) for part in parts)


def may_be_tagged(data):
    """Whether the tag stands between two quotes anywhere in `data`, which need not be JSON: a
    quote may begin or end a text or stand in one, with a backslash before it or without.
    """
    if not may_say_tag(data):
        return False
    texts = _BETWEEN_QUOTES.findall(data)
    return any(map(has_tag, data.split(b'"'))) or any(map(has_tag, texts))


def may_say_tag(data):
    """Whether the letters of the tag stand one after the other anywhere in `data`, whatever
    stands between them: where it says no, no text in it has the tag.

    It is quick: nearly every notebook is looked through by this alone.
    """
    return TAG.encode() in letters_of(data)


def letters_of(data):
    """The letters that `may_say_tag` looks at: those of ASCII, in lower case, and those that
    are read as such; some that the tag does not have may be left out.
    """
    if not data.isascii() or _ESCAPED_LETTER.search(data):
        return _folded(data)
    if _ESCAPE_OF_OTHERS.search(data):
        data = _ESCAPE_OF_NO_LETTER.sub(b"", data)
    return data.translate(_LOWER, _NOT_OF_TAG)


def _folded(data):
    data = _ESCAPE.sub(_ascii_of_escape, data)
    data = _NOT_ASCII.sub(_ascii_of_run, data)
    return data.translate(_LOWER, _NO_LETTERS)


def _ascii_of_escape(found):
    return _ascii_of(_character(found))


def _ascii_of_run(found):
    text = found.group().decode("utf-8", "replace")
    # A letter with an accent comes again and again, a sentence does not.
    return _ascii_of(text) if len(text) <= 4 else _ascii(text)


def _ascii(text):
    return _plain(text).encode("ascii", "ignore")


_ascii_of = functools.lru_cache(maxsize=4096)(_ascii)


def _plain(text):
    """`text` in the letters that a reader sees."""
    return unicodedata.normalize("NFKD", text).lower().translate(_LOOK_ALIKE)


def _reads(text, word):
    return "".join(filter(str.isalnum, _plain(text))) == word


def _parts(text):
    """What stands between separators, one part when there is none."""
    spaced = "".join(" " if c in _SEPARATORS or c.isspace() else c for c in text)
    return spaced.split(" ")


def _decoded(text):
    """The characters of `text`, its escapes read; of what is broken, one that is no letter."""
    if b"\\" not in text:
        return text.decode("utf-8", "replace")
    at = 0
    pieces = []
    for found in _ESCAPE.finditer(text):
        pieces.append(text[at : found.start()].decode("utf-8", "replace"))
        pieces.append(_character(found))
        at = found.end()
    pieces.append(text[at:].decode("utf-8", "replace"))
    return "".join(pieces)


def _character(escape):
    pair = escape.group("pair")
    if pair is not None:
        high, low = int(pair[:4], 16), int(pair[6:], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    one = escape.group("one")
    if one is None:
        return " "
    code = int(one, 16)
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
