"""What happens in the associations of a provider, as small values for whoever watches: logs, metrics, tests.

An observer is a function that is called with each of these, on the loop's
thread, so it must not wait. What it raises is logged and harms nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

from dicomnet.dimse.status import Status
from dicomnet.exchanges.services import Verb
from dicomnet.pdu import AssociateReject
from dicomnet.records import dataclass

log = logging.getLogger("dicomnet.association")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What all of them say."""

    association: str
    """The id of the association, as in the log."""
    calling_ae: str
    called_ae: str
    peer_address: tuple[str, int] | None
    """Host and port of the peer, as far as they are known; the port is 0 if the transport was gone."""
    via: str | None = None
    """The proxy that speaks for the peer, if one does."""
    user: str | None = None
    """Who the requestor was found to be (PS3.7 D.3.3.7)."""
    certificate: str | None = None
    """Whose certificate the peer has proved to be its own, see `dicomnet.aio.certified.PeerCertificate.name`."""


class Cause(StrEnum):
    """Why somebody was refused."""

    CALLED_TITLE = "called title"
    CALLING_TITLE = "calling title"
    ADDRESS = "address"
    CERTIFICATE = "certificate"
    USER_IDENTITY = "user identity"
    TLS = "TLS"
    PROTOCOL = "protocol"
    """The request itself is none that may be accepted (PS3.8 9.3.2)."""
    LIMIT = "limit"
    UNDECIDED = "undecided"
    """Nobody said in time whether he may call, or whoever was asked has failed."""
    OTHER = "other"
    """Somebody who decides about associations has said no, and not why."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """How an association is refused, and why: an answer of who decides and has more to say than the peer is told."""

    reject: AssociateReject
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Associated(Observed):
    """An association was accepted."""

    contexts: int
    """Presentation contexts that were accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Observed):
    """An association was refused (PS3.8 9.3.4)."""

    result: int
    source: int
    reason: int
    cause: Cause = Cause.OTHER
    claimed_user: str | None = None
    """Who the requestor said that it was, if it was refused for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRefused(Observed):
    """A connection was ended before anybody said on it who he is; its titles are empty."""

    cause: Cause
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied(Observed):
    """A peer was let in, but may not ask for this."""

    verbs: tuple[Verb, ...]
    status: Status | None
    """What its request was answered with; None if it was told when the association was agreed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBegan(Observed):
    """A request came; of a C-STORE the data set is still to come."""

    verb: Verb
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str | None
    destination: str | None = None
    """The title that a C-MOVE sends to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAnswered(Observed):
    """Its final response is on its way, or would be if the association were not over."""

    verb: Verb
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str | None
    status: Status | None
    """What was answered; None if the association ended first."""
    bytes: int
    """Of data sets that came or went with it."""
    seconds: float
    """Since the request came."""
    matches: int = 0
    """Pending responses with a data set, of a C-FIND."""
    suboperations: tuple[int, int, int] | None = None
    """Of a C-GET or C-MOVE: how many instances were sent, were not, and were with a warning."""
    destination: str | None = None
    identifier: Any = None
    """The data set of a C-FIND, C-GET or C-MOVE as it was asked; not to be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Observed):
    """An association is over."""

    error: Exception | None
    """Why; None if it was released."""


Observer = Callable[[Observed], object]


class Observers:
    """The functions that are told."""

    def __init__(self, functions: Iterable[Observer] = ()) -> None:
        self._functions = list(functions)

    def add(self, function: Observer) -> None:
        """Tells this one, too, from now on."""
        self._functions.append(function)

    def __bool__(self) -> bool:
        return bool(self._functions)

    def tell(self, event: Observed) -> None:
        for function in self._functions:
            try:
                function(event)
            except Exception:
                log.exception("an observer failed at %s", type(event).__name__)
