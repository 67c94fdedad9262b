"""How many connections a listener has, how many of an address, how fast they come, and who makes room.

Whoever connects and says nothing costs a place and no effort, so a place is
firm only once its peer has spoken. Until then, when a newcomer would be one too
many, the oldest silent connection of the same address makes room, or where the
listener as a whole is full the oldest of the address that has the most of them.
So a flood of silent connections holds up the others for `YOUNG` seconds and not
until each has met its deadline.
"""

from __future__ import annotations

import logging
import socket
from collections import Counter
from collections.abc import Callable
from time import monotonic

from dicomnet.aio.rates import Rates
from dicomnet.errors import RejectReason, RejectResult
from dicomnet.limits import Limits
from dicomnet.networks import is_loopback
from dicomnet.pdu import AssociateReject

log = logging.getLogger("dicomnet.wire")


class Admission:
    """The places of one listener.

    Args:
        tell: is told of an address, and why some of its connections are closed, when the log is.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        tell: Callable[[str, str], object] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._tell = tell
        self._limits = limits
        self._clock = clock
        self._rates = Rates(limits.connections_per_second, limits.connection_burst, clock=clock)
        self._lines = Rates(1.0, clock=clock)
        self._per_address: Counter[str] = Counter()
        self._silent: dict[str, dict[Place, None]] = {}
        self.count = 0
        """Connections, those that are to be refused included."""

    def enter(self, host: str, sock: socket.socket, *, proxied: bool = False, rated: bool = True) -> Place | None:
        """A place for a connection; None if it is to be closed unheard, of which the log has said why.

        Args:
            host: where it comes from.
            proxied: the address is that of a proxy, who speaks for others: `Place.is_of` says for whom.
            rated: whether it counts for how fast connections come.
        """
        if rated and not proxied and not self._comes_slowly(host):
            return None
        place = Place(self, sock, self._clock())
        self._settle(place, host, counts=not proxied)
        if self.count > 2 * self._limits.associations:
            self._say(host, f"is dropped unheard: {self.count - 1} connections are open")
            place.leave()
            return None
        return place

    def _comes_slowly(self, host: str) -> bool:
        if self._rates.take(host) or is_loopback(host):
            return True
        most = self._limits.connections_per_second
        self._say(host, f"connects more than {most:g} times a second; what is too much is closed unheard")
        return False

    def _say(self, host: str, why: str) -> None:
        """Once a second at most for an address: a flood of connections must not be one of lines."""
        if self._lines.take(host):
            log.warning("%s %s", host, why)
            if self._tell is not None:
                self._tell(host, why)

    def _settle(self, place: Place, host: str, *, counts: bool) -> None:
        while (full := self._full(host if counts else None)) is not None and self._make_room(full):
            pass
        place.refuse = None if full is None else TOO_MANY
        place.host, place.counts, place.silent = host, counts, True
        self.count += 1
        self._per_address[host] += counts
        self._silent.setdefault(host, {})[place] = None

    def _unsettle(self, place: Place) -> None:
        self._speaks(place)
        self.count -= 1
        self._per_address[place.host] -= place.counts
        if not self._per_address[place.host]:
            del self._per_address[place.host]

    def _speaks(self, place: Place) -> None:
        if place.silent:
            place.silent = False
            others = self._silent[place.host]
            del others[place]
            if not others:
                del self._silent[place.host]

    def _full(self, host: str | None) -> str | None:
        """Whose silent connections have to make room before one more can come; None if there is room."""
        if self.count >= self._limits.associations:
            return max(self._silent, key=lambda one: len(self._silent[one]), default="")
        if host is not None and self._per_address[host] >= self._limits.associations_per_address:
            return host
        return None

    def _make_room(self, host: str) -> bool:
        latest = self._clock() - YOUNG
        silent = self._silent.get(host, {})
        for place in silent:
            if place.since > latest:
                return False
            if not place.has_spoken():
                self._say(host, f"has {len(silent)} connections that say nothing; the oldest makes room for others")
                place.leave()
                place.drop()
                return True
        return False


class Place:
    """That of one connection."""

    __slots__ = ("_admission", "_sock", "counts", "drop", "host", "refuse", "silent", "since")

    def __init__(self, admission: Admission, sock: socket.socket, since: float) -> None:
        self._admission: Admission | None = admission
        self._sock = sock
        self.drop: Callable[[], object] = sock.close
        """Ends the connection when it makes room for another one, and is free by then."""
        self.since = since
        self.host = ""
        self.counts = False
        """Whether it is one of its address's, and not of the listener's alone."""
        self.silent = False
        self.refuse: AssociateReject | None = None
        """How to refuse the connection, if it is one too many."""

    def is_of(self, host: str) -> bool:
        """A proxy has said where the connection comes from; whether it may stay. One too many it stays."""
        admission, refuse = self._admission, self.refuse
        if admission is None or not admission._comes_slowly(host):
            return False
        admission._unsettle(self)
        admission._settle(self, host, counts=True)
        self.refuse = refuse or self.refuse
        return True

    def heard(self) -> None:
        """The peer has spoken, and makes room for nobody any more."""
        if self._admission is not None:
            self._admission._speaks(self)

    def leave(self) -> None:
        """The connection is gone; may be called twice."""
        if self._admission is not None:
            self._admission._unsettle(self)
            self._admission = None

    def has_spoken(self) -> bool:
        """Whether something has come that nobody has looked at yet."""
        try:
            return bool(self._sock.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False
        except OSError:  # gone, which makes room as well
            return False


TOO_MANY = AssociateReject(
    RejectResult.TRANSIENT, RejectReason.LOCAL_LIMIT_EXCEEDED.source, RejectReason.LOCAL_LIMIT_EXCEEDED.reason
)
"""How a connection beyond the limits is refused once it has asked for an association (PS3.8 9.3.4)."""

YOUNG = 0.5
"""Seconds in which a connection makes room for nobody: whoever means well speaks as soon as he is connected."""
