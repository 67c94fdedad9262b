"""What happens in the associations of a provider, as small values for whoever watches: logs, metrics, tests.

An observer is a function that is called with each of these, on the loop's
thread, so it must not wait. What it raises is logged and harms nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from dicomnet.dimse.status import Status
from dicomnet.exchanges.services import Verb
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
    """Host and port of the peer, if the transport still knew them."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBegan(Observed):
    """A request came; of a C-STORE the data set is still to come."""

    verb: Verb
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str | None


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
