"""Messages to and from P-DATA-TF PDUs (PS3.8 Annex E, PS3.7 6.3).

A message is a command set, then perhaps a data set, each cut into fragments;
all of them travel on one presentation context, and those of two messages never
mix in one direction. So receiving is a state of two questions (is the command
complete? does data follow?), and sending is one message after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Protocol

from dicomnet.errors import AbortReason, InvalidMessage
from dicomnet.limits import KIB
from dicomnet.pdu import PduType
from dicomnet.ul.events import Fragment


class Body(Protocol):
    """Where the bytes of an outgoing data set come from."""

    length: int
    """Bytes in all; even."""
    blocking: bool
    """Whether `read_into` may wait for a disk, so that an event loop must not call it."""

    def read_into(self, views: Sequence[memoryview]) -> None:
        """Fills the views, in order, with the next bytes. Raises `StorageError` if there are fewer."""

    def close(self) -> None:
        """Frees what it holds; called once, also after an error."""


class BodyInMemory(Body, Protocol):
    """A body that can be had at once, so that a small one leaves in one piece with its command."""

    def whole(self) -> bytes:
        """All of it; asked instead of `read_into`."""


class Assembler:
    """Tells the commands and data of one direction apart and keeps their order (PS3.8 E.1).

    `take` is given each fragment. Command fragments are collected, data
    fragments are passed through.
    """

    __slots__ = ("_command", "_context_id", "_limit", "_surplus_on", "awaiting_data")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._command = bytearray()
        self._context_id = 0
        self._surplus_on = 0
        self.awaiting_data = False
        """Whether a command is complete and its data set is not."""

    @property
    def in_message(self) -> bool:
        return self._context_id != 0

    def take(self, fragment: Fragment) -> bytes | bool:
        """Takes a fragment.

        Returns:
            The command set, once complete; for data, whether the data set is
            complete with this fragment; else False.

        Raises:
            InvalidMessage: the fragment cannot follow what came before.
        """
        if self._context_id and fragment.context_id != self._context_id:
            raise InvalidMessage(
                f"a fragment on context {fragment.context_id} within a message on context {self._context_id}",
                AbortReason.UNEXPECTED_PARAMETER,
            )
        last = bool(fragment.control & _LAST and fragment.ends_value)
        surplus_on, self._surplus_on = self._surplus_on, 0
        if not fragment.control & _COMMAND:
            if surplus_on == fragment.context_id:
                self.awaiting_data, self._context_id = True, surplus_on
            if not self.awaiting_data:
                raise InvalidMessage("data where a command was expected", AbortReason.UNEXPECTED_PARAMETER)
            if last:
                self.awaiting_data = False
                self._context_id = 0
            return last
        if self.awaiting_data:
            raise InvalidMessage("a command where data was expected", AbortReason.UNEXPECTED_PARAMETER)
        self._context_id = fragment.context_id
        if len(self._command) + len(fragment.data) > self._limit:
            raise InvalidMessage(f"a command set of more than {self._limit} bytes")
        self._command += fragment.data
        if not last:
            return False
        command = bytes(self._command)
        self._command.clear()
        return command

    def command_understood(self, *, data_follows: bool, surplus: bool = False) -> None:
        """After a command set: whether (0000,0800) announces data decides what may come next.

        Args:
            surplus: the data that it announces are none that the message has, so they may as well not come.
        """
        self.awaiting_data = data_follows and not surplus
        if not self.awaiting_data:
            self._surplus_on = self._context_id if surplus else 0
            self._context_id = 0


class OutgoingMessage:
    """A message on its way out: its command is encoded, its data are still with the body.

    The shell gives `lay_out` a buffer as often as `remaining` says, fills the
    gaps from the body, and writes the buffer. Every buffer ends at the end of
    a PDU, so an A-ABORT may follow it. The shell that took a message closes its
    body, however far it came.
    """

    __slots__ = ("_command", "_context_id", "_fragment", "_left", "body", "dropped", "laid_out", "size")

    def __init__(self, context_id: int, command: bytes, body: Body, max_pdu_length: int) -> None:
        self._context_id = context_id
        self._fragment = largest_fragment(max_pdu_length)
        self._command = command_pdus(context_id, command, max_pdu_length)
        self._left = body.length
        self.body = body
        self.dropped = False
        """Whether the association ended before the message did."""
        self.laid_out = 0
        """Bytes that `lay_out` has given so far."""
        count = -(-body.length // self._fragment)
        self.size = len(self._command) + body.length + count * _DATA_HEADER.size
        """Bytes on the wire, headers included."""

    @property
    def remaining(self) -> bool:
        """Whether there is more to lay out."""
        return not self.dropped and self._left > 0

    def drop(self, *, taken: bool) -> None:
        """The association is over; nothing more is laid out.

        A shell that has taken the message closes the body itself: it may be
        reading from it at this moment.
        """
        self.dropped = True
        if not taken:
            self.body.close()

    def cut(self) -> int:
        """The peer refused the message before it had it all: end it with the next fragment (PS3.7 9.3.1.3).

        Returns:
            By how many bytes the message became shorter.
        """
        before = self._left + -(-self._left // self._fragment) * _DATA_HEADER.size
        self._left = min(self._left, self._fragment)
        return before - (self._left + (_DATA_HEADER.size if self._left else 0))

    def lay_out(self, buffer: memoryview) -> tuple[int, list[memoryview]]:
        """Writes headers into the buffer and returns how much of it is used and the gaps for the body.

        The buffer must have room for the command and one whole PDU. There are
        never more gaps than one system call can fill.
        """
        used = len(self._command)
        buffer[:used] = self._command
        self._command = b""
        gaps: list[memoryview] = []
        while self._left and len(gaps) < MOST_GAPS:
            size = min(self._left, self._fragment)
            if used + _DATA_HEADER.size + size > len(buffer):
                break
            self._left -= size
            control = 0 if self._left else _LAST
            _DATA_HEADER.pack_into(buffer, used, PduType.P_DATA_TF, size + 6, size + 2, self._context_id, control)
            used += _DATA_HEADER.size
            gaps.append(buffer[used : used + size])
            used += size
        self.laid_out += used
        return used, gaps


def largest_fragment(max_pdu_length: int) -> int:
    """The largest even fragment for a peer's maximum length (PS3.8 D.1.1).

    The maximum bounds the PDU length, that is the fragment and six bytes. Six
    more are left free where it hardly costs anything, because some peers count
    the PDU header in as well.
    """
    spare = 12 if max_pdu_length >= 128 else 6
    return (max_pdu_length - spare) & ~1


def small_message(context_id: int, command: bytes, body: Body, max_pdu_length: int) -> bytes | None:
    """A whole message, if its command and its data set, in memory, are a PDU each; the body is done with then."""
    size = body.length
    if body.blocking or size > SMALL or max(size, len(command)) > largest_fragment(max_pdu_length):
        return None
    whole = getattr(body, "whole", None)
    if whole is None:
        return None
    data: bytes = whole()
    body.close()
    return b"".join((_header(context_id, command, _COMMAND | _LAST), command, _header(context_id, data, _LAST), data))


def command_pdus(context_id: int, command: bytes, max_pdu_length: int) -> bytes:
    """A whole command set as P-DATA-TF PDUs: nearly always one."""
    return _pdus(context_id, command, _COMMAND, largest_fragment(max_pdu_length))


def data_pdus(context_id: int, data: bytes, max_pdu_length: int) -> bytes:
    """A whole data set as P-DATA-TF PDUs, for one too small to be worth a body."""
    return _pdus(context_id, data, 0, largest_fragment(max_pdu_length))


def _pdus(context_id: int, data: bytes, control: int, size: int) -> bytes:
    out = bytearray()
    for start in range(0, len(data), size):
        piece = data[start : start + size]
        last = _LAST if start + size >= len(data) else 0
        out += _header(context_id, piece, control | last)
        out += piece
    return bytes(out)


def _header(context_id: int, fragment: bytes, control: int) -> bytes:
    return _DATA_HEADER.pack(PduType.P_DATA_TF, len(fragment) + 6, len(fragment) + 2, context_id, control)


SMALL = 64 * KIB
"""Up to this size a data set is joined with its command, and with other messages; copying more costs more than a write."""


MOST_GAPS = 1024
"""What `readv` takes at a time; and a peer that wants fragments of two bytes must not hold up everybody else."""

_COMMAND = 1
_LAST = 2
_DATA_HEADER = Struct(">BxIIBB")
