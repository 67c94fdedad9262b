"""A DIMSE message as a callback gets it."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Generic, TypeVar

from dicomnet.datasets import bounds_of
from dicomnet.dimse import codec
from dicomnet.dimse.commands import Command
from dicomnet.storage.received import ReceivedData
from dicomnet.types import UID
from dicomnet.ul.negotiation import Context

C_co = TypeVar("C_co", bound=Command, covariant=True)


class Message(Generic[C_co]):
    """A received message: its command, its presentation context, its data set.

    The elements of the command can be read from the message itself:
    `message.affected_sop_instance_uid` is `message.command.affected_sop_instance_uid`.
    """

    def __init__(
        self,
        command: C_co,
        context: Context,
        command_set: bytes,
        data: ReceivedData | None = None,
        error: Exception | None = None,
        *,
        link: object = None,
    ) -> None:
        self.command = command
        self.context = context
        self.data = data
        """The data set as it was kept, or None if the message has none. A spooled one dies with the message unless
        `data.keep(path)` gives it a place."""
        self.error = error
        """Why the data set could not be kept; such a request cannot be answered with success."""
        self._command_set = command_set
        self._link = link

    @property
    def context_id(self) -> int:
        """The presentation context ID it came on."""
        return self.context.context_id

    @property
    def abstract_syntax(self) -> UID:
        return self.context.abstract_syntax

    @property
    def transfer_syntax(self) -> UID:
        """The transfer syntax of its data set."""
        return self.context.transfer_syntax

    @cached_property
    def command_set(self) -> dict[int, object]:
        """Every element of group 0000 as it came, by tag, also those the command does not know."""
        return codec.elements(self._command_set)

    @property
    def dataset(self) -> Any:
        """The data set decoded by pydicom, or None if the message has none; decoded anew at each use.

        Raises:
            StorageError: the bytes are no data set of the transfer syntax.
        """
        return None if self.data is None else self.data.dataset(bounds_of(self.command))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.command, name)

    def __repr__(self) -> str:
        data = "" if self.data is None else f", {self.data.length} bytes of data"
        return f"Message({self.command!r} on context {self.context_id}{data})"
