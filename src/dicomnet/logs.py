"""Text of others in our log: one line for each record, whatever a peer, a file or an exception says.

A line break in an error comment, or a terminal's escape sequence in a title,
could otherwise forge lines or hide them. Every logger of ours has a filter that
escapes what its records are given, so no line of code can forget it.
"""

from __future__ import annotations

import logging
import traceback


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
            record.exc_text = "\n".join("| " + loggable(line) for line in lines)
        return True


def _said(value: object) -> object:
    if type(value) is int or type(value) is float or value is None or isinstance(value, Lines | int | float):
        return value
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_LOG_VALUE and text.isprintable() else loggable(text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


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

_one_line = OneLine()
for _name in LOGGERS:
    logging.getLogger(_name).addFilter(_one_line)  # once: the same filter is not added again
