"""What an association did, for its one line in the log."""

from __future__ import annotations

from collections import Counter

from dicomnet.dimse.commands import CStoreResponse, Response
from dicomnet.dimse.status import Status
from dicomnet.types import printable


class Ledger:
    """Counts; `line` tells."""

    def __init__(self, name: str, now: float) -> None:
        self.id = name
        """Names the association in every log line about it."""
        self.peer = ""
        """The peer's address."""
        self.via = ""
        """That of the proxy that it comes by."""
        self.requestor = False
        """Whether this side has asked for the association."""
        self.was_association = False
        """Whether anybody asked for an association at all."""
        self._began = now
        self._calling = ""
        self._called = ""
        self._end = ""
        self._bytes = 0
        self._stored = 0
        self._answered: Counter[str] = Counter()
        self._failures: Counter[Status] = Counter()

    @property
    def who(self) -> str:
        """The two ends, as far as they are known."""
        peer = f"{self.peer} via {self.via}" if self.via else self.peer
        calling = f"{self._calling}@{peer}" if self._calling else peer
        return f"{calling} -> {self._called}" if self._called else calling

    @property
    def stored(self) -> int:
        """Instances that were acknowledged."""
        return self._stored

    @property
    def peer_ae(self) -> str:
        """The title of the other side, as far as it is known."""
        return self._called if self.requestor else self._calling

    @property
    def over(self) -> bool:
        """Whether it is known how it ended."""
        return bool(self._end)

    def associating(self, calling: str, called: str) -> None:
        self.was_association = True
        self._calling, self._called = printable(calling), printable(called)

    def outcome(self, response: Response) -> None:
        """A response came or went."""
        status = response.status
        if not status.is_final:
            return
        if status.is_failure:
            self._failures[status] += 1
        elif isinstance(response, CStoreResponse):
            self._stored += 1
        else:
            self._answered[response.name.removesuffix("-RSP")] += 1

    def moved(self, count: int) -> None:
        self._bytes += count

    def rejected(self, result: int, source: int, reason: int) -> None:
        self.ended(f"rejected ({result}/{source}/{reason})")

    def ended(self, how: str) -> None:
        """How it ended; the first cause counts."""
        self._end = self._end or how

    def line(self, now: float) -> str:
        parts = [f"{self._stored} stored"] if self._stored else []
        parts += [f"{count} {verb}" for verb, count in self._answered.items()]
        if self._failures:
            codes = ", ".join(f"{code:04X}" for code in self._failures)
            parts.append(f"{self._failures.total()} refused ({codes})")
        if self._bytes:
            parts.append(_size(self._bytes))
        parts.append(f"{now - self._began:.1f} s")
        return f"{self.id} {self.who} {self._end or 'closed'}: {', '.join(parts)}"


def _size(count: int) -> str:
    for unit, size in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if count >= size:
            return f"{count / size:.0f} {unit}" if count >= 10 * size else f"{count / size:.1f} {unit}"
    return f"{count} bytes"
