"""Where the bytes of an incoming data set go.

open(incoming)    what comes, before its first byte
write(views)      its next bytes, valid until the call returns
finish()          it was whole: what became of it
discard()         it was not, or nobody wants it: leave nothing behind
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence

from dicomnet.dimse.commands import Command
from dicomnet.records import dataclass
from dicomnet.storage.received import ReceivedData
from dicomnet.types import UID
from dicomnet.ul.negotiation import Context, Terms

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A data set that is about to come, as its command and its association describe it.

    UIDs and titles are what the peer has sent, and it may send anything: a path
    like ``../../etc/passwd`` as well. `dicomnet.storage.folder.file_name` makes
    of a SOP instance UID what can safely be the name of a file.
    """

    sop_class_uid: UID
    sop_instance_uid: UID | None
    """None when the data set is no instance: an identifier, or the information of an N-service."""
    transfer_syntax_uid: UID
    """The one accepted for the presentation context: what the bytes are in."""
    sending_ae: str | None
    """Where the data comes from, which for C-GET is the called title."""
    receiving_ae: str | None
    command_name: str
    """Such as C-STORE-RQ."""

    @classmethod
    def of(cls, command: Command, context: Context, terms: Terms, *, requestor: bool) -> Incoming:
        """The data set that follows a command on an association; `requestor` is whether we asked for it."""
        # Who sends this follows the data, not the association: a requestor receives what it asked C-GET for.
        ends = (terms.called_ae, terms.calling_ae) if requestor else (terms.calling_ae, terms.called_ae)
        return cls(
            sop_class_uid=UID(command.sop_class_uid or context.abstract_syntax),
            sop_instance_uid=None if command.sop_instance_uid is None else UID(command.sop_instance_uid),
            transfer_syntax_uid=context.transfer_syntax,
            sending_ae=ends[0],
            receiving_ae=ends[1],
            command_name=command.name,
        )


Placement = Callable[[Incoming], "str | os.PathLike[str]"]
"""Decides for each data set which file it becomes.

The path is taken as it is, so nothing of the peer's must get into it unseen:
see `Incoming`, and `dicomnet.storage.folder.file_name` for a name that is safe.
"""


class Sink:
    """One data set's way to where it is kept; the base of those here and of your own.

    The methods are called in order and never two at a time, but perhaps from
    different threads. An error of any of them ends the data set: `discard` is
    called and the peer is told, with the status of a `StorageError` or 0110.
    """

    blocking: bool = True
    """Whether a method may wait for a disk or the like; then they are called from a storage thread.

    It may turn true on the way, never false: it is asked before each call.
    """

    lends_views: bool = True
    """Whether somebody may still hold memory of the views after `write`, so that their buffer must be looked at first."""

    @property
    def final(self) -> Sink:
        """Who is finished in the end: this sink, or one that it has chosen and for which it has no more to do."""
        return self

    def open(self, incoming: Incoming) -> None:
        """Told before the first byte; the place to refuse."""

    def write(self, views: Sequence[memoryview]) -> None:
        """Takes the next bytes. The views are released after the call: copy what must stay."""
        raise NotImplementedError

    def finish(self) -> ReceivedData:
        """The data set was whole. Returns only when it is kept: its success is reported then."""
        raise NotImplementedError

    def discard(self) -> None:
        """The data set is not wanted, or failed. Called at most once, after an `open`, even one that failed.

        Leaves nothing behind.
        """


class NullSink(Sink):
    """Counts a data set and lets it go."""

    blocking = False

    def __init__(self) -> None:
        self._length = 0

    def open(self, incoming: Incoming) -> None:
        self._syntax = incoming.transfer_syntax_uid

    def write(self, views: Sequence[memoryview]) -> None:
        self._length += sum(map(len, views))

    def finish(self) -> ReceivedData:
        return ReceivedData(length=self._length, transfer_syntax_uid=self._syntax)


class CallableSink(NullSink):
    """Hands each piece of a data set to a function, and counts it; the piece is gone when the function returns."""

    def __init__(self, function: Callable[[memoryview], object], *, blocking: bool = True) -> None:
        super().__init__()
        self.blocking = blocking
        self._function = function

    def write(self, views: Sequence[memoryview]) -> None:
        for view in views:
            self._function(view)
        super().write(views)
