"""A sequence diagram of two lanes, drawn line by line: what happened in, lines out.

      time  SCU                                                            SCP
     0.003  │────────────────────── A-ASSOCIATE-RQ ──────────────────────▶│
     0.004  │                                  on_receive_associate_request │
     0.005  ╞═══════════════════ association established ══════════════════╡

An arrow is a message, and points from who sent it; a name at the edge of a
lane is the event that it fired there; a line across both is how things stand.
"""

from __future__ import annotations

from enum import Enum

from dicomnet.records import dataclass


class Side(Enum):
    """Whose lane."""

    SCU = "SCU"
    SCP = "SCP"


class Kind(Enum):
    """What a line shows, for those who colour it."""

    HEAD = "head"
    MESSAGE = "message"
    EVENT = "event"
    BANNER = "banner"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the drawing, without a line end."""

    kind: Kind
    text: str


class Diagram:
    """Every line is `width` columns wide; times are seconds since the start."""

    def __init__(self, width: int = 79, *, ascii_only: bool = False) -> None:
        self._room = width - len(_TIME.format(0.0)) - 2
        self._lines = _ASCII if ascii_only else _UNICODE

    def head(self) -> Line:
        """The names of the lanes."""
        names = Side.SCU.value + Side.SCP.value.rjust(self._room + 2 - len(Side.SCU.value))
        return Line(Kind.HEAD, "   time  " + names)

    def message(self, seconds: float, sender: Side, text: str) -> Line:
        """An arrow from the sender to the other side."""
        lines = self._lines
        shaft = self._centre(text, lines.shaft, self._room - 1)
        arrow = shaft + lines.right if sender is Side.SCU else lines.left + shaft
        return self._row(Kind.MESSAGE, seconds, lines.lane + arrow + lines.lane)

    def event(self, seconds: float, side: Side, text: str) -> Line:
        """What fired on a side."""
        text = self._shorten(text, self._room - 2)
        inside = f" {text}".ljust(self._room) if side is Side.SCU else f"{text} ".rjust(self._room)
        return self._row(Kind.EVENT, seconds, self._lines.lane + inside + self._lines.lane)

    def banner(self, seconds: float, text: str) -> Line:
        """How things stand from here on."""
        lines = self._lines
        return self._row(
            Kind.BANNER, seconds, lines.left_end + self._centre(text, lines.band, self._room) + lines.right_end
        )

    def _row(self, kind: Kind, seconds: float, drawing: str) -> Line:
        return Line(kind, _TIME.format(seconds) + drawing)

    def _centre(self, text: str, fill: str, width: int) -> str:
        return f" {self._shorten(text, width - 4)} ".center(width, fill)

    def _shorten(self, text: str, room: int) -> str:
        return text if len(text) <= room else text[: room - len(self._lines.more)] + self._lines.more


@dataclass(frozen=True, slots=True)
class _Lines:
    lane: str
    shaft: str
    left: str
    right: str
    band: str
    left_end: str
    right_end: str
    more: str


_UNICODE = _Lines("│", "─", "◀", "▶", "═", "╞", "╡", "…")
_ASCII = _Lines("|", "-", "<", ">", "=", "|", "|", "...")
_TIME = "{:7.3f}  "
