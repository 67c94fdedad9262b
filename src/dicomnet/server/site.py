"""What a server consists of, and where it listens; a `Running` serves it."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dicomnet.aio.observe import Observer
from dicomnet.errors import InvalidValue, ListenFailed, StateError
from dicomnet.exchanges.commitment import Transactions
from dicomnet.exchanges.settings import OUR_TITLE
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import Limits, Timeouts
from dicomnet.networks import Network
from dicomnet.records import dataclass, field
from dicomnet.server.entity import Entity
from dicomnet.server.inbox import Inboxes
from dicomnet.server.inherited import listening_socket
from dicomnet.sockets import SocketOptions, address_text, bind, place, plain_reason

if TYPE_CHECKING:
    from dicomnet.server.audit import AuditLog

log = logging.getLogger("dicomnet.server")


@dataclass(eq=False, slots=True)
class Entrance:
    """One address that a server listens at."""

    host: str
    port: int
    tls: Any = None
    name: str = ""
    """By which sockets that somebody else has opened are told apart."""
    proxies: tuple[Network, ...] = ()
    """Whose word counts about where a connection comes from."""
    given: socket.socket | int | None = None
    """One that listens already, and stays somebody else's."""
    sockets: list[socket.socket] = field(default_factory=list)
    """Those that listen, while the server runs."""
    shared: bool = False
    """Whether somebody else has them too, so that who waits there is not lost when we close them."""


@dataclass(eq=False, slots=True, kw_only=True)
class Site:
    """See the arguments of `Server`."""

    limits: Limits
    timeouts: Timeouts
    tolerance: Tolerance
    socket_options: SocketOptions
    destination_associations: int
    handler_threads: int
    grace: float
    entities: list[Entity]
    """All titles, the server's own first."""
    entrances: list[Entrance] = field(default_factory=list)
    """In the order of `Server.listen`."""
    observers: list[Observer] = field(default_factory=list)
    audits: list[AuditLog] = field(default_factory=list)
    """Observers that want to know of the end."""
    inboxes: Inboxes = field(default_factory=Inboxes)
    transactions: Transactions = field(default_factory=Transactions)
    lends: bool = False
    """Whether results of storage commitments may come for somebody of ours."""
    running: Any = None
    """The `Running` that serves it, while one does."""

    @property
    def title(self) -> str:
        """The title that we call others by."""
        return self.entities[0].aet or OUR_TITLE

    @property
    def titles(self) -> str:
        """All that we are called by, for the log."""
        return ", ".join(entity.aet or "any title" for entity in self.entities)

    def entity_called(self, title: str) -> Entity | None:
        """Who answers to a title."""
        found = next((one for one in self.entities if one.aet == title), None)
        if found is None and self.tolerance.ignore_title_case:
            found = next((one for one in self.entities if one.aet and one.aet.upper() == title.upper()), None)
        return found or next((one for one in self.entities if one.aet is None), None)

    def check_at_rest(self) -> None:
        """Raises `StateError` if it is being served."""
        if self.running is not None:
            raise StateError("the server is running")

    def bind(self, inherited: Sequence[tuple[str, socket.socket]] = ()) -> None:
        """Opens the listening sockets; those that somebody else has opened are taken by name, or else in order.

        Raises:
            StorageError: nothing could be kept in the folder of a title.
            ListenFailed: an address is in use, not ours, or not allowed.
            InvalidValue: more sockets were opened than there are addresses.
        """
        left = list(inherited)
        try:
            for entity in self.entities:
                entity.check_folder()
            for entrance in self.entrances:
                named = [pair for pair in left if entrance.name and pair[0] == entrance.name]
                entrance.sockets = [sock for _, sock in named]
                entrance.shared = bool(named)
                left = [pair for pair in left if pair not in named]
            for entrance in self.entrances:
                if entrance.sockets:
                    continue
                entrance.shared = entrance.given is not None or bool(left)
                if entrance.given is not None:
                    entrance.sockets = [listening_socket(entrance.given)]
                else:
                    entrance.sockets = [left.pop(0)[1]] if left else _bind(entrance, self.socket_options)
            if left:
                raise InvalidValue(
                    f"{len(inherited)} sockets were handed over for {len(self.entrances)} addresses;"
                    " listen once for each, or for all of one name"
                )
        except BaseException:
            for _, sock in left:
                sock.close()
            self.close_sockets()
            raise

    def close_sockets(self) -> None:
        """Listens no more."""
        for entrance in self.entrances:
            for sock in entrance.sockets:
                sock.close()
            entrance.sockets = []

    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of every listening socket; what was asked for, while there is none."""
        found: list[tuple[str, int]] = []
        for entrance in self.entrances:
            if any(sock.fileno() != -1 for sock in entrance.sockets):  # they close before the server is over
                found += (address_text(sock.getsockname()) for sock in entrance.sockets)
            else:
                found.append((entrance.host, entrance.port))
        return found

    def tell_audits_of_start(self) -> None:
        """In each process that serves."""
        for audit in self.audits:
            audit.started()

    def announce(self) -> None:
        """One line in the log for each address."""
        for entrance in self.entrances:
            secure = " with TLS" if entrance.tls is not None else ""
            for where in _places(entrance):
                log.info("%s listens on %s%s", self.titles, where, secure)


def _places(entrance: Entrance) -> list[str]:
    """Where it listens, as it was asked for; sockets of somebody else are where that one has put them."""
    bound = [address_text(sock.getsockname()) for sock in entrance.sockets]
    return [place(*one) for one in bound] if entrance.shared else [place(entrance.host or "*", bound[0][1])]


def _bind(entrance: Entrance, options: SocketOptions) -> list[socket.socket]:
    try:
        return bind(entrance.host, entrance.port, options=options)
    except (OSError, UnicodeError) as error:
        raise ListenFailed(place(entrance.host or "*", entrance.port), plain_reason(error)) from error
