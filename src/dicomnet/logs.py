"""Text of others in our log: one line for each record, whatever a peer, a file or an exception says.

A line break in an error comment, or a terminal's escape sequence in a title,
could otherwise forge lines or hide them. Every logger of ours has a filter that
escapes what its records are given, so no line of code can forget it.

Nor does the log name patients. What does is `Masked`, with the names in it for
whoever asks for them: a `PatientFormatter` shows them, on its own handler and on
no other.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Collection
from copy import copy
from typing import Self


def printable(text: str) -> str:
    """Text of a peer as it may stand in one line: control and format characters are escaped, also those that turn the
    direction of writing."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def loggable(text: str) -> str:
    """The same, cut with a mark if it is longer than a log line has room for."""
    if len(text) > LONGEST_LOG_VALUE:
        text = f"{text[:LONGEST_LOG_VALUE]}... [{len(text)} characters]"
    return printable(text)


class Lines(str):
    """Text that is meant to have several lines, of which each is `loggable`: the dumps of the debug log."""

    __slots__ = ()


class Masked(str):
    """Text with patients' names left out, and what stood there; both are as they may stand in the log."""

    __slots__ = ("plain",)

    plain: str

    def __new__(cls, masked: str, plain: str) -> Self:
        """Makes one."""
        made = super().__new__(cls, masked)
        made.plain = plain
        return made


class PatientFormatter(logging.Formatter):
    """A formatter for a handler that may name patients."""

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.args, tuple):
            record = copy(record)  # other handlers have it, too
            assert isinstance(record.args, tuple)
            record.args = tuple(one.plain if isinstance(one, Masked) else one for one in record.args)
        return super().format(record)


def mask_below(folder: str, depths: Collection[int]) -> None:
    """Paths below a folder name patients in these of their parts, the first of which is 0; the log leaves these out."""
    root = folder.rstrip("/\\") + "/"
    _masked_below[root] = _masked_below.get(root, frozenset()) | frozenset(depths)


def without_patients(text: str) -> str:
    """Text whose paths, if there are any in it, name no patients; it is the same object if it named none."""
    for root, depths in tuple(_masked_below.items()):
        if root in text:
            # A path ends with the text, or at a colon; names of folders may have spaces and quotes in them.
            text = re.sub(re.escape(root) + r"([^:\n]*)", lambda found: _masked_path(root, found[1], depths), text)  # noqa: B023
    return text


class OneLine(logging.Filter):
    """Makes what a record was given `loggable`.

    Errors become their text here, for records are kept and errors hold frames.
    The lines of a traceback begin with a bar, so none of them looks like a
    record, whatever the error says.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_said, record.args))
        if record.exc_info and record.exc_info[1] is not None and not record.exc_text:
            lines = "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n").split("\n")
            record.exc_text = "\n".join("| " + loggable(without_patients(line)) for line in lines)
        return True


def _said(value: object) -> object:
    if type(value) is int or type(value) is float or value is None or isinstance(value, Lines | Masked | int | float):
        return value
    text = value if isinstance(value, str) else str(value)
    clean = text if len(text) <= LONGEST_LOG_VALUE and text.isprintable() else loggable(text)
    if _masked_below and "/" in clean and (masked := without_patients(clean)) is not clean:
        return Masked(masked, clean)
    return clean


def _masked_path(root: str, path: str, depths: Collection[int]) -> str:
    return root + "/".join(MASK if depth in depths else part for depth, part in enumerate(path.split("/")))


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


MASK = "***"
"""What stands for a patient's name in the log."""

LONGEST_LOG_VALUE = 1024
"""Characters of one value in a log line: a peer's error comment may be a MiB long, and nobody reads that. A path of
folders and UIDs fits."""

LOGGERS = """
    dicomnet.association dicomnet.dimse dicomnet.net dicomnet.server dicomnet.storage dicomnet.tls dicomnet.wire
    dicomnet.cli.outcome dicomnet.cli.recv dicomnet.cli.retrieved
    dicomnet.server.layout
    dicomnet.storage.delivery dicomnet.storage.files dicomnet.storage.folder dicomnet.storage.heads dicomnet.storage.lane
    dicomnet.storage.leftovers dicomnet.storage.room dicomnet.storage.sinks dicomnet.storage.source dicomnet.storage.spool
    dicomnet.storage.temporary dicomnet.storage.workers
""".split()
"""All that this package writes to; a filter of a logger does not see what is written to those below it."""

_masked_below: dict[str, frozenset[int]] = {}

_one_line = OneLine()
for _name in LOGGERS:
    logging.getLogger(_name).addFilter(_one_line)  # once: the same filter is not added again
