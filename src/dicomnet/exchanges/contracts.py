"""What a session needs of the shell that carries it, and of what comes to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from dicomnet.dimse.commands import Command
from dicomnet.dimse.operations import Invoked
from dicomnet.limits import Decoding
from dicomnet.types import UID
from dicomnet.ul.negotiation import Context

if TYPE_CHECKING:
    from pydicom import Dataset

T = TypeVar("T")


class Kept(Protocol):
    """A data set that has arrived: `storage.received.ReceivedData` as far as it is needed here."""

    length: int
    transfer_syntax_uid: Any

    @property
    def path(self) -> Any: ...
    def bytes(self) -> bytes: ...
    def dataset(self, most: Decoding = ...) -> Dataset: ...
    def close(self) -> None: ...


class Arriving(Protocol):
    """A message on its way in, as the shells have it; its data set goes where `use` says."""

    context: Context
    command: Command
    command_set: bytes
    operation: Invoked | None
    completed: bool

    @property
    def incoming(self) -> Any:
        """What a place is told of the data set before its first byte."""

    def use(self, place: Any) -> None: ...


class Shell(Protocol):
    """What a session needs of the shell that carries it."""

    def now(self) -> float: ...

    def flush(self) -> None:
        """The core has something to send."""

    def changed(self) -> None:
        """Something that a script may wait for has happened."""

    def wake_soon(self) -> None:
        """The same, told from any thread."""

    def work(self, function: Callable[[], T], then: Callable[[T | None, Exception | None], object]) -> None:
        """Calls something that takes its time where that stops nobody, and then `then` with what it gave or raised."""

    def memory(self) -> Any:
        """A place for a data set that is to be held in memory, up to `Limits.response_data`."""

    def spool(self, limit: int | None = None) -> Any:
        """A place for one that may be too large for that; one of more bytes than the limit is refused while it comes."""

    def nowhere(self) -> Any:
        """A place for one that nobody wants."""

    def pause(self, reason: str) -> None:
        """Reads no more until `resume`, so that nothing is queued without a bound."""

    def resume(self, reason: str) -> None: ...

    def abort(self, source: int, reason: int) -> None:
        """Has the core abort, and brings the connection to its end."""

    def new_uid(self) -> UID:
        """A UID that nobody else has (PS3.5 B.2)."""

    def keeper(self, destination: Any) -> Callable[[Any], Any]:
        """What gives each data set that comes its place, for a folder or whatever else users name; may wait for a disk."""
