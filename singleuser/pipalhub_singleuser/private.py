"""Cuts the private cells out of a notebook's bytes; all that is around them stays as it was.

It is the Python side of `shared/src/notebook/private/scan.rs`, step for step, and both are held
to the same vectors (`shared/tests/private`): what leaves the server is what the service would
make of the file, byte for byte. An object is a cell as soon as it has `metadata`, wherever it
stands; it is private as soon as the tag is in what the metadata has for tags, at any depth. What
an output shows, and what is attached, is data, of which only a whole cell goes. With the cells
goes the saved state of widgets, since it does not say whose it is.

Nothing is made of the values: `json.loads` would hold the interpreter's lock, and with it a
save, for as long as it reads, and would lose keys that are there twice. Here the thread gives
the lock away now and then (`breathe`).
"""

import functools
import json
import re
import threading
import time

from .spelling import has_tag, says

# Containers within more others than this are not looked into.
MAX_DEPTH = 100
# So many values are read between two breaths, within a millisecond or so.
VALUES_A_BREATH = 250
# Seconds between two breaths at least: one takes longer than most of what is done in between.
BREATH_INTERVAL = 0.001

# What the saved state of widgets is called where it stands with other mime types.
_WIDGET_STATE = "jupyterwidgetstate"

# What the value after a key may be.
_METADATA = 1
_TAGS = 2
# Cells, or worksheets, which have cells.
_CELLS = 3
_WIDGETS = 4
_OUTPUTS = 5
# What an output shows.
_DATA = 6
_ATTACHMENTS = 7
# What a cell has, and little else that has metadata.
_OF_CELL = 8
_OTHER = 9

_NEUTRAL = frozenset((None, _OUTPUTS, _DATA, _ATTACHMENTS, _OF_CELL, _OTHER))

_WHITE = rb"[ \t\r\n]*"
_ESCAPE = rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})'
_TEXT = rb'"[^"\\\x00-\x1f]*(?:' + _ESCAPE + rb'[^"\\\x00-\x1f]*)*"'
_NUMBER = rb"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|Infinity)"
_WORD = _NUMBER + rb"|true|false|null|NaN"
_VALUE = re.compile(_WHITE + rb"(?:(" + _TEXT + rb")|([\[{])|(" + _WORD + rb"))")
_KEY = re.compile(_WHITE + rb"(" + _TEXT + rb")" + _WHITE + rb":")
_NEXT = re.compile(_WHITE + rb"([,\]}])")
# A list of nothing but texts, as a source is: of no account where there are no tags.
_TEXTS = re.compile(
    rb"\[" + _WHITE + _TEXT + rb"(?:" + _WHITE + rb"," + _WHITE + _TEXT + rb")*" + _WHITE + rb"\]"
)
_END = re.compile(_WHITE + rb"\Z")
_CLOSING = {0x7B: 0x7D, 0x5B: 0x5D}


class NotJson(Exception):
    """The bytes are no JSON, or no object."""


class CannotCut(Exception):
    """A private cell is still there after it was cut out."""


class _LastBreath(threading.local):
    at = 0.0


_last_breath = _LastBreath()


def breathe():
    """Lets other threads of the server go on, in which a save may wait for the interpreter,
    unless this thread has done so within the last millisecond.
    """
    if time.perf_counter() - _last_breath.at >= BREATH_INTERVAL:
        time.sleep(0)
        _last_breath.at = time.perf_counter()


def without_private(data):
    """`data` without its private cells: the same object when it has none.

    Raises NotJson, and CannotCut; in both cases nothing of it may leave.
    """
    cuts = cuts_of(data)
    if not cuts:
        return data
    rest = _cut(data, cuts)
    if cuts_of(rest):
        raise CannotCut
    return rest


def cuts_of(data):
    """`(start, end, instead)` of what is to go, in order and apart."""
    return _Scan(data).run()


def _cut(data, cuts):
    pieces = []
    at = 0
    for start, end, instead in cuts:
        pieces += data[at:start], instead
        at = end
    pieces.append(data[at:])
    return b"".join(pieces)


class _Open:
    """A container that is read."""

    __slots__ = (
        "start",
        "is_object",
        # What the next value is for; None while a key is expected, and in a list.
        "key",
        # Cells may stand in it, or it is one.
        "is_of_cells",
        # It is the metadata of something, or within it.
        "in_metadata",
        # What it holds are tags.
        "in_tags",
        # It is the outputs of a cell, or a list in them; or one of those.
        "is_outputs",
        "is_output",
        # It is what an output shows, or what is attached to a cell, or within it.
        "in_data",
        "is_private",
        # It has what only a cell has.
        "has_source",
        # How many cuts and saved states there were before it.
        "cuts",
        "widgets",
        # Where the last value ends that stays in this list, and where the private ones after
        # it begin and end.
        "kept_to",
        "run",
    )

    def holds_outputs(self):
        """Whether the value after its key is outputs of a cell, or one of its values one."""
        if self.is_outputs and not self.is_object:
            return True
        is_cell = self.is_of_cells and self.key == _OUTPUTS
        return is_cell and not self.in_metadata and not self.in_tags

    def holds_data(self):
        """Whether the value after its key is what an output shows, or attached to a cell."""
        if self.key == _DATA:
            is_data = self.is_output
        elif self.key == _ATTACHMENTS:
            is_data = self.is_of_cells and not self.is_output and not self.is_outputs
        else:
            return False
        return is_data and not self.in_metadata and not self.in_tags

    def holds_tags(self):
        """Whether the value after its key is tags of something."""
        return self.in_tags or (
            self.key == _TAGS and (self.in_metadata or self.is_of_cells)
        )


class _Deep:
    """A container too deep to be looked into, with all that is within it."""

    def __init__(self, start):
        self.start = start
        # Of it and within it.
        self.open = 0
        self.is_private = False
        self.has_metadata = False
        self.has_source = False
        self.has_widgets = False


class _Scan:
    """One pass over the bytes."""

    def __init__(self, data):
        self._data = data
        self._open = []
        self._deep = None
        self._cuts = []
        # Saved states of widgets, which go when a cell does.
        self._widgets = []

    def run(self):
        """The cuts; raises NotJson."""
        self._read()
        if not self._cuts:
            return []
        cuts = self._cuts + [(start, end, b"{}") for start, end in self._widgets]
        cuts.sort(key=lambda cut: (cut[0], -cut[1]))
        # A saved state may have cells, or others, within it.
        apart = []
        reached = 0
        for cut in cuts:
            if cut[0] >= reached:
                apart.append(cut)
            reached = max(reached, cut[1])
        return apart

    def _read(self):
        data = self._data
        at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        found = _VALUE.match(data, at)
        if found is None or found.group(2) != b"{":
            raise NotJson
        # The brackets that are open, the deep ones too.
        nesting = []
        values = 0
        # A value is expected here, else what follows one.
        expects_value = True
        while True:
            values += 1
            if values % VALUES_A_BREATH == 0:
                breathe()
            if expects_value:
                found = _VALUE.match(data, at)
                if found is None:
                    raise NotJson
                kind, at = found.lastindex, found.end()
                if kind == 1:
                    self._text(found.start(1), at)
                elif kind == 3:
                    self._value(found.start(3), at, False)
                else:
                    start = found.start(2)
                    if data[start] == 0x5B and self._has_no_tags():
                        texts = _TEXTS.match(data, start)
                        if texts is not None:
                            at = texts.end()
                            self._value(start, at, False)
                            expects_value = False
                            continue
                    nesting.append(data[start])
                    self._begin(start, data[start] == 0x7B)
                    closing = _NEXT.match(data, at)
                    if closing is not None:
                        if closing.group(1)[0] != _CLOSING[nesting.pop()]:
                            raise NotJson
                        at = closing.end()
                        self._end(at)
                    elif nesting[-1] == 0x7B:
                        at = self._key(at)
                        continue
                    else:
                        continue
                expects_value = False
            elif not nesting:
                if _END.match(data, at) is None:
                    raise NotJson
                return
            else:
                found = _NEXT.match(data, at)
                if found is None:
                    raise NotJson
                at = found.end()
                if found.group(1) != b",":
                    if found.group(1)[0] != _CLOSING[nesting.pop()]:
                        raise NotJson
                    self._end(at)
                    continue
                if self._deep is None:
                    self._open[-1].key = None
                if nesting[-1] == 0x7B:
                    at = self._key(at)
                expects_value = True

    def _key(self, at):
        found = _KEY.match(self._data, at)
        if found is None:
            raise NotJson
        self._text(found.start(1), found.end(1))
        return found.end()

    def _has_no_tags(self):
        """Whether the next value is one in which texts are only texts."""
        if self._deep is not None or not self._open or len(self._open) == MAX_DEPTH:
            return False
        parent = self._open[-1]
        return parent.key not in (_METADATA, _TAGS) and not parent.holds_tags()

    def _begin(self, start, is_object):
        if self._deep is not None or len(self._open) == MAX_DEPTH:
            if self._deep is None:
                self._deep = _Deep(start)
            self._deep.open += 1
            return
        opened = _Open()
        opened.start = start
        opened.is_object = is_object
        opened.key = None
        opened.is_of_cells = opened.in_metadata = opened.in_tags = False
        opened.is_outputs = opened.is_output = opened.in_data = False
        opened.is_private = opened.has_source = False
        opened.cuts = len(self._cuts)
        opened.widgets = len(self._widgets)
        opened.kept_to = opened.run = None
        if self._open:
            parent = self._open[-1]
            is_metadata = parent.key == _METADATA
            has_cells = parent.key == _CELLS and (parent.is_of_cells or len(self._open) == 1)
            # A list of cells, or a table of them, or a cell in one.
            is_one = parent.is_of_cells and parent.key in _NEUTRAL
            holds_outputs = parent.holds_outputs()
            opened.is_outputs = holds_outputs and not is_object
            opened.is_output = holds_outputs and is_object
            opened.in_data = parent.in_data or parent.holds_data()
            opened.is_of_cells = not opened.in_data and (has_cells or is_one)
            opened.in_metadata = parent.in_metadata or is_metadata
            opened.in_tags = parent.holds_tags() or (is_metadata and not is_object)
        self._open.append(opened)

    def _end(self, at):
        deep = self._deep
        if deep is not None:
            deep.open -= 1
            if deep.open > 0:
                return
            self._deep = None
            if deep.has_widgets:
                self._widgets.append((deep.start, at))
            around = self._open[-1]
            in_data = around.in_data or around.holds_data()
            may_be_cell = not in_data or (deep.has_metadata and deep.has_source)
            self._value(deep.start, at, deep.is_private and may_be_cell)
            return
        ended = self._open.pop()
        if ended.run is not None:
            # What separates them from what stays goes too.
            if ended.kept_to is not None:
                self._cuts.append((ended.kept_to, ended.run[1], b""))
            else:
                self._cuts.append((ended.start + 1, at - 1, b""))
        is_private = ended.is_private and (not ended.in_data or ended.has_source)
        if is_private:
            # All of it goes, and so what would have gone of it.
            del self._cuts[ended.cuts :]
            del self._widgets[ended.widgets :]
        self._value(ended.start, at, is_private)

    def _value(self, start, end, is_private):
        if not self._open or self._deep is not None:
            return
        parent = self._open[-1]
        if parent.key == _WIDGETS:
            self._widgets.append((start, end))
        if parent.is_object:
            if is_private:
                self._cuts.append((start, end, b"[]"))
        elif is_private:
            parent.run = (parent.run[0] if parent.run else start, end)
        else:
            if parent.run is not None:
                self._cuts.append((parent.run[0], start, b""))
                parent.run = None
            parent.kept_to = end

    def _text(self, start, end):
        """A text, which is a key or a value; where it ends, its quote is read too."""
        if self._deep is None and not self._open:
            return
        opened = self._open[-1]
        key = opened.key
        if self._deep is not None:
            self._deep_text(self._data[start + 1 : end - 1])
            return
        # A table of tags has them for its keys.
        is_key = opened.is_object and key is None
        may_be_tag = opened.in_tags or key == _METADATA or (key == _TAGS and opened.holds_tags())
        if is_key:
            opened.key = key = _key_of(self._data[start + 1 : end - 1])
            if key in (_OF_CELL, _OUTPUTS):
                opened.has_source = True
        if may_be_tag and has_tag(self._data[start + 1 : end - 1]):
            self._found()
        if not is_key:
            self._value(start, end, False)

    def _deep_text(self, text):
        """A text in what is not looked into: which key it belongs to is not known."""
        deep = self._deep
        if has_tag(text):
            around = self._open[-1]
            if around.in_metadata or around.holds_tags():
                self._found()
            else:
                deep.is_private = True
        key = _key_of(text)
        deep.has_widgets = deep.has_widgets or key == _WIDGETS
        deep.has_metadata = deep.has_metadata or key == _METADATA
        deep.has_source = deep.has_source or key in (_OF_CELL, _OUTPUTS)

    def _found(self):
        """The tag is here: whatever it could be a tag of is private, but for the notebook."""
        for opened in reversed(self._open[1:]):
            if opened.key == _METADATA:
                is_its = True
            elif opened.key == _TAGS:
                is_its = opened.is_of_cells
            else:
                is_its = False
            if is_its and opened.is_private:
                # And so is all around it that could be.
                return
            opened.is_private = opened.is_private or is_its


def _key_of(text):
    """What the value under the key `text` may be."""
    return _known_key(text) if len(text) <= 100 else _any_key(text)


def _any_key(text):
    if says(text, "metadata"):
        return _METADATA
    if says(text, "tags") or says(text, "tag"):
        return _TAGS
    if says(text, "cells") or says(text, "worksheets"):
        return _CELLS
    if says(text, "widgets") or _is_widget_state(text):
        return _WIDGETS
    # Of what is written as every reader expects it: spelled otherwise it is looked into.
    if text == b"outputs":
        return _OUTPUTS
    if text in (b"data", b"text"):
        return _DATA
    if text == b"attachments":
        return _ATTACHMENTS
    if text in (b"cell_type", b"source", b"input"):
        return _OF_CELL
    # In an output as old as can be the mime types stand beside the rest.
    return _DATA if b"/" in text else _OTHER


_known_key = functools.lru_cache(maxsize=1024)(_any_key)


def _is_widget_state(text):
    # A mime type is short.
    if len(text) >= 1000:
        return False
    try:
        said = json.loads(b'"' + text + b'"', strict=True)
    except ValueError:
        return False
    letters = "".join(filter(str.isalnum, said.lower()))
    return _WIDGET_STATE in letters
