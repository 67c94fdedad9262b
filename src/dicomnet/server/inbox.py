"""Where the instances of our own C-MOVE arrive: a server takes them in, and whoever asked for them finds them here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Lock
from types import TracebackType
from typing import Any, Self

from dicomnet.dimse.commands import CMoveRequest, CStoreRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError
from dicomnet.exchanges.commitment import Transactions
from dicomnet.exchanges.contracts import Kept
from dicomnet.exchanges.lifetime import status_of
from dicomnet.exchanges.reports import Retrieved
from dicomnet.exchanges.session import Inbound
from dicomnet.exchanges.signal import Signal
from dicomnet.storage.destination import keeper
from dicomnet.types import UID, printable

log = logging.getLogger("dicomnet.server")


class Inbox:
    """One C-MOVE to ourselves, from before its request until the last instance; made by `Server.inbox`.

    It has what `exchanges.retrieve.Inbox` asks for. As a context manager it is
    closed at the end.
    """

    def __init__(
        self,
        inboxes: Inboxes,
        destination: Any,
        *,
        address: str,
        title: str | None,
        peer_ae: str | None,
        peer_hosts: frozenset[str],
        on_close: Callable[[], object] | None = None,
    ) -> None:
        self.address = address
        """Our title and port, that the peer should connect to."""
        self._arrived: list[Retrieved] = []
        self.arrived: Sequence[Retrieved] = self._arrived
        """What has come so far, in order."""
        self.connected = False
        """Whether anybody has connected since."""
        self.request: CMoveRequest | None = None
        """What was asked for, if whoever asks has told it."""
        self.signal = Signal()
        """Given whenever an instance has come, or could not be kept."""
        self._title = title
        self._peer_ae = peer_ae
        self._peer_hosts = peer_hosts
        self._keep: Callable[[Any], Any] = keeper(destination)
        self._inboxes = inboxes
        self._on_close = on_close

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """From now on what comes goes to the handlers again; may be called twice."""
        self._inboxes.remove(self)
        told, self._on_close = self._on_close, None
        if told is not None:
            told()

    # On the loop's thread.

    def wants(self, inbound: Inbound, host: str, *, known: bool) -> bool:
        """Whether an instance belongs here: what it is said to be for must fit, and who brings it.

        Args:
            host: where it comes from.
            known: whether whoever brings it stands in the address book with that address, or is on this machine.
        """
        command, calling = inbound.command, _calling(inbound)
        assert isinstance(command, CStoreRequest)
        originator = (command.move_originator_application_entity_title or "").strip()
        # Some name themselves there, which tells as little as nothing (PS3.7 9.1.1.1.6).
        told = bool(originator) and self._title is not None and originator != calling
        if told and originator != self._title:
            return False
        if self.is_from_peer(inbound, host) and (known or host in self._peer_hosts or not self._peer_hosts):
            return True
        # An archive may send from another host than it was asked at. Titles are no secret, so more has to fit then.
        if not told or self.request is None:
            return told and known
        is_asked_for = command.move_originator_message_id == self.request.message_id
        return is_asked_for and (known or calling == self._peer_ae)

    def is_from_peer(self, inbound: Inbound, host: str) -> bool:
        """Whether the one who brings it is the one who was asked, as far as that goes; anybody, if it is not known who was."""
        if self._peer_ae is None and not self._peer_hosts:
            return True
        return _calling(inbound) == self._peer_ae or host in self._peer_hosts

    def place(self, inbound: Inbound) -> Any:
        """Where its data set goes."""
        try:
            return self._keep(inbound.arrival.incoming)
        except (DicomNetError, OSError, TypeError, ValueError) as error:
            log.warning("%s an instance cannot be kept: %s", inbound.session.id, printable(str(error)))
            inbound.user = error
            return inbound.session.shell.nowhere()

    def received(self, inbound: Inbound, data: Kept | None, error: Exception | None) -> None:
        """Answers it, and tells who waits."""
        command = inbound.command
        failure = inbound.user if isinstance(inbound.user, Exception) else error
        if failure is not None and data is not None:
            data.close()
            data = None
        status, comment = (Status.SUCCESS, None) if failure is None else status_of(failure)
        if data is None and failure is None:
            status, comment = Status.CANNOT_UNDERSTAND, "C-STORE-RQ without a data set"
            failure = DicomNetError(comment)
        self._arrived.append(
            Retrieved(
                sop_class_uid=UID(command.sop_class_uid or ""),
                sop_instance_uid=UID(command.sop_instance_uid or ""),
                transfer_syntax_uid=inbound.context.transfer_syntax,
                length=0 if data is None else data.length,
                path=None if data is None else data.path,
                data=data,
                status=status,
                error=failure,
            )
        )
        inbound.respond(status, error_comment=comment)
        self.signal.give()


class Inboxes:
    """Those of a server that are open."""

    def __init__(self) -> None:
        self._open: tuple[Inbox, ...] = ()
        self._lock = Lock()
        self._turns: dict[object, Lock] = {}

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, inbox: Inbox) -> None:
        with self._lock:
            self._open = (*self._open, inbox)

    def remove(self, inbox: Inbox) -> None:
        with self._lock:
            self._open = tuple(one for one in self._open if one is not inbox)

    def turn(self, peer: object) -> Lock:
        """Held by the one who has an inbox open for a peer."""
        with self._lock:
            return self._turns.setdefault(peer, Lock())

    def connected(self) -> None:
        """Somebody has connected."""
        for inbox in self._open:
            inbox.connected = True

    def find(self, inbound: Inbound, host: str, *, known: bool) -> Inbox | None:
        """The inbox that an instance belongs in: of several that could be, that of the one who brings it.

        Args:
            host, known: see `Inbox.wants`.
        """
        wanting = [inbox for inbox in self._open if inbox.wants(inbound, host, known=known)]
        return next((inbox for inbox in wanting if inbox.is_from_peer(inbound, host)), wanting[0] if wanting else None)


class Lent:
    """`exchanges.fetching.Host` for one peer: a server as a peer borrows it.

    It has one inbox open at a time for a peer, and the next one waits: two moves
    may well have the same message ID, on an association each, so that nothing
    tells their instances apart (PS3.7 9.1.1.1).

    Args:
        turn: held while an inbox is open.
        open_inbox: opens one for a destination, and is told what to call at its end.
    """

    def __init__(
        self,
        title: str,
        transactions: Transactions,
        turn: Lock,
        open_inbox: Callable[[Any, Callable[[], object]], Inbox],
    ) -> None:
        self._title = title
        self._transactions = transactions
        self._turn = turn
        self._open_inbox = open_inbox

    @property
    def title(self) -> str:
        """The title that the peer knows the server by."""
        return self._title

    @property
    def transactions(self) -> Transactions:
        return self._transactions

    def open_inbox(self, destination: Any) -> Inbox:
        """See `Server.inbox`."""
        self._turn.acquire()
        try:
            return self._open_inbox(destination, self._turn.release)
        except BaseException:
            self._turn.release()
            raise


def _calling(inbound: Inbound) -> str:
    request = inbound.session.request
    return "" if request is None else request.calling_ae
