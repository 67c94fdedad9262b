"""What the user of the message layer learns, besides what the upper layer tells."""

from __future__ import annotations

from dicomnet.dimse.commands import Command
from dicomnet.dimse.operations import Invoked
from dicomnet.ul.events import Event
from dicomnet.ul.negotiation import Context


class MessageBegun(Event):
    """A command set is complete; where it announces data, `DataReceived` follows."""

    __slots__ = ("command", "command_set", "context", "operation")

    def __init__(
        self, context: Context, command: Command, command_set: bytes, operation: Invoked | None = None
    ) -> None:
        self.context = context
        self.command = command
        self.command_set = command_set
        """The command as it came, for elements the typed form does not hold (see `codec.elements`)."""
        self.operation = operation
        """Of a response: the operation of ours that it answers, with the ticket it was sent under."""

    def __repr__(self) -> str:
        return f"MessageBegun({self.context.context_id}, {self.command!r})"


class DataReceived(Event):
    """A run of bytes of the data set that belongs to the last `MessageBegun`."""

    __slots__ = ("data", "last")

    def __init__(self, data: memoryview, last: bool) -> None:
        self.data = data
        """A view of what was given to ``receive``: it dies at the next call; may be empty."""
        self.last = last

    def __repr__(self) -> str:
        return f"DataReceived({len(self.data)} bytes, {self.last})"
