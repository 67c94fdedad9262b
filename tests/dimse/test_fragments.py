"""Messages to and from fragments, wherever they are cut."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, strategies as st

from dicomnet.dimse.fragments import (
    SMALL,
    Assembler,
    OutgoingMessage,
    command_pdus,
    data_pdus,
    largest_fragment,
    small_message,
)
from dicomnet.errors import AbortReason, InvalidMessage
from dicomnet.pdu import DataTransfer, PresentationDataValue
from dicomnet.pdu.read import pull_pdu
from dicomnet.ul.events import Fragment
from pair import MemoryBody

COMMAND, LAST = 1, 2

LIMITS = [*range(8, 41), 126, 127, 128, 129, 130, 4096, 16382, 16384, 65536, 131072]
"""Maximum lengths: every small one, those around the change at 128, and those that peers have."""


def fragment(data: bytes, control: int, context_id: int = 1, *, ends_value: bool = True) -> Fragment:
    return Fragment(context_id, control, memoryview(data), ends_value)


def values(stream: bytes) -> list[PresentationDataValue]:
    """The PDVs of a stream of P-DATA-TFs, read as a stranger reads them."""
    found: list[PresentationDataValue] = []
    while stream:
        pulled = pull_pdu(stream)
        assert pulled is not None
        pdu, size = pulled
        assert isinstance(pdu, DataTransfer)
        found += pdu.values
        stream = stream[size:]
    return found


def lengths(stream: bytes) -> list[int]:
    """The PDU lengths of a stream of PDUs."""
    found = []
    while stream:
        found.append(int.from_bytes(stream[2:6], "big"))
        stream = stream[6 + found[-1] :]
    return found


@dataclass
class Written:
    """What a shell wrote of a message, and in how many buffers."""

    stream: bytes
    buffers: int


def write(message: OutgoingMessage, buffer_size: int = 256 * 1024) -> Written:
    buffer = bytearray(b"\xee" * buffer_size)
    stream = bytearray()
    buffers = 0
    while message.remaining:
        used, gaps = message.lay_out(memoryview(buffer))
        assert 0 < used <= buffer_size
        message.body.read_into(gaps)
        stream += buffer[:used]
        buffers += 1
    return Written(bytes(stream), buffers)


def check_stream(stream: bytes, command: bytes, data: bytes, max_pdu_length: int, context_id: int = 1) -> None:
    """A stream is the message, in PDUs that the standard allows: small enough, even, none empty, the last ones marked."""
    assert max(lengths(stream)) <= max_pdu_length
    found = values(stream)
    assert all(value.context_id == context_id for value in found)
    assert all(value.data and len(value.data) % 2 == 0 for value in found)
    commands = [value for value in found if value.is_command]
    assert found[: len(commands)] == commands
    assert b"".join(value.data for value in commands) == command
    assert b"".join(value.data for value in found[len(commands) :]) == data
    last = [value.is_last for value in found]
    assert last.count(True) == 1 + bool(data)
    assert last[-1]
    assert commands[-1].is_last


class TestAssembler:
    def test_a_command_comes_in_one_piece(self) -> None:
        """It is returned when it is complete."""
        assembler = Assembler(1000)
        assert not assembler.in_message
        assert assembler.take(fragment(b"command", COMMAND | LAST)) == b"command"

    def test_a_command_comes_in_any_pieces(self) -> None:
        """Cut into values, and each of these into runs: only the last byte of the last value completes it."""
        command = b"0123456789"
        for at in range(len(command) + 1):
            for run in range(1, len(command)):
                assembler = Assembler(1000)
                pieces = [(command[:at], COMMAND), (command[at:], COMMAND | LAST)]
                results = []
                for data, control in pieces:
                    runs = [data[i : i + run] for i in range(0, len(data), run)] or [b""]
                    for n, one in enumerate(runs, 1):
                        results.append(assembler.take(fragment(one, control, ends_value=n == len(runs))))
                        assert assembler.in_message
                assert results == [False] * (len(results) - 1) + [command]

    def test_data_follow_a_command(self) -> None:
        """They are passed through, and the last one says so."""
        assembler = Assembler(1000)
        assembler.take(fragment(b"command", COMMAND | LAST))
        assembler.command_understood(data_follows=True)
        assert assembler.awaiting_data
        assert assembler.take(fragment(b"data", 0)) is False
        assert assembler.take(fragment(b"da", LAST, ends_value=False)) is False
        assert assembler.in_message
        assert assembler.take(fragment(b"ta", LAST)) is True
        assert not assembler.in_message

    def test_an_empty_value_ends_a_data_set(self) -> None:
        """Peers send the last bit in a PDV of its own."""
        assembler = Assembler(1000)
        assembler.take(fragment(b"command", COMMAND | LAST))
        assembler.command_understood(data_follows=True)
        assert assembler.take(fragment(b"data", 0)) is False
        assert assembler.take(fragment(b"", LAST)) is True

    def test_an_empty_value_ends_a_command(self) -> None:
        """The same goes for commands."""
        assembler = Assembler(1000)
        assert assembler.take(fragment(b"command", COMMAND)) is False
        assert assembler.take(fragment(b"", COMMAND | LAST)) == b"command"

    def test_messages_follow_each_other(self) -> None:
        """Each on its own context, with nothing left over from the one before."""
        assembler = Assembler(10)
        for context_id in 1, 3, 1:
            assert assembler.take(fragment(b"command", COMMAND | LAST, context_id)) == b"command"
            assembler.command_understood(data_follows=False)
            assert not assembler.in_message

    def test_only_two_bits_of_the_control_header_count(self) -> None:
        """The others may be anything (PS3.8 E.2)."""
        assembler = Assembler(1000)
        assert assembler.take(fragment(b"command", 0xFC | COMMAND | LAST)) == b"command"
        assembler.command_understood(data_follows=True)
        assert assembler.take(fragment(b"data", 0xFC)) is False
        assert assembler.take(fragment(b"data", 0xFC | LAST)) is True

    def test_data_come_without_a_command(self) -> None:
        """There is nothing they could belong to."""
        for before in [], [fragment(b"com", COMMAND)]:
            assembler = Assembler(1000)
            for one in before:
                assembler.take(one)
            with pytest.raises(InvalidMessage) as caught:
                assembler.take(fragment(b"data", LAST))
            assert caught.value.reason == AbortReason.UNEXPECTED_PARAMETER

    def test_data_come_after_a_command_that_announced_none(self) -> None:
        """(0000,0800) is what decides."""
        assembler = Assembler(1000)
        assembler.take(fragment(b"command", COMMAND | LAST))
        assembler.command_understood(data_follows=False)
        with pytest.raises(InvalidMessage) as caught:
            assembler.take(fragment(b"data", LAST))
        assert caught.value.reason == AbortReason.UNEXPECTED_PARAMETER

    def test_a_command_comes_where_data_were_announced(self) -> None:
        """Fragments of two messages must not mix."""
        assembler = Assembler(1000)
        assembler.take(fragment(b"command", COMMAND | LAST))
        assembler.command_understood(data_follows=True)
        with pytest.raises(InvalidMessage) as caught:
            assembler.take(fragment(b"command", COMMAND | LAST))
        assert caught.value.reason == AbortReason.UNEXPECTED_PARAMETER

    @pytest.mark.parametrize("complete", [False, True])
    def test_a_message_changes_its_context(self, complete: bool) -> None:
        """Neither within its command nor between command and data."""
        assembler = Assembler(1000)
        assembler.take(fragment(b"command", COMMAND | (LAST if complete else 0)))
        if complete:
            assembler.command_understood(data_follows=True)
        with pytest.raises(InvalidMessage) as caught:
            assembler.take(fragment(b"more", 0 if complete else COMMAND, context_id=3))
        assert caught.value.reason == AbortReason.UNEXPECTED_PARAMETER

    def test_a_command_grows_beyond_the_limit(self) -> None:
        """Nobody makes us collect for ever; the limit itself is allowed."""
        assembler = Assembler(10)
        assert assembler.take(fragment(b"0123456789", COMMAND)) is False
        assert assembler.take(fragment(b"", COMMAND)) is False
        with pytest.raises(InvalidMessage) as caught:
            assembler.take(fragment(b"x", COMMAND | LAST))
        assert caught.value.reason == AbortReason.INVALID_PARAMETER_VALUE


class TestOutgoingMessage:
    @pytest.mark.parametrize("max_pdu_length", LIMITS)
    @pytest.mark.parametrize("length", [2, 4, 18, 20, 22, 24, 32, 100, 114, 116, 118, 1000, 33_334])
    def test_a_message_is_written(self, max_pdu_length: int, length: int) -> None:
        """For every maximum a peer may have: whole, in PDUs within it, and as long as was said beforehand."""
        command = bytes(range(78))
        data = (bytes(range(256)) * 131)[:length]
        message = OutgoingMessage(3, command, MemoryBody(data), max_pdu_length)
        size = message.size
        stream = write(message).stream
        assert size == len(stream) == message.size
        check_stream(stream, command, data, max_pdu_length, context_id=3)

    @given(st.integers(8, 300), st.integers(1, 60), st.integers(1, 400), st.integers(0, 500))
    def test_a_message_is_written_into_any_buffer(
        self, max_pdu_length: int, half_command: int, half: int, room: int
    ) -> None:
        """Buffers that just hold the command and one PDU do too; each ends at the end of a PDU."""
        command, data = bytes(2 * half_command), bytes(n % 251 for n in range(2 * half))
        message = OutgoingMessage(1, command, MemoryBody(data), max_pdu_length)
        least = len(command_pdus(1, command, max_pdu_length)) + 6 + max_pdu_length
        buffer = bytearray(least + room)
        stream = bytearray()
        while message.remaining:
            used, gaps = message.lay_out(memoryview(buffer))
            message.body.read_into(gaps)
            values(bytes(buffer[:used]))  # whole PDUs, or this raises
            stream += buffer[:used]
        assert message.size == len(stream)
        check_stream(bytes(stream), command, data, max_pdu_length)

    def test_command_and_data_are_one_write(self) -> None:
        """A small message fits into one buffer, and so into one segment."""
        assert write(OutgoingMessage(1, bytes(100), MemoryBody(bytes(1000)), 16384)).buffers == 1

    def test_the_gaps_are_in_the_buffer(self) -> None:
        """The body is read to where it is sent from."""
        message = OutgoingMessage(1, b"cc", MemoryBody(bytes(100)), 32)
        buffer = bytearray(1000)
        _, gaps = message.lay_out(memoryview(buffer))
        assert {gap.obj is buffer for gap in gaps} == {True}
        assert sum(len(gap) for gap in gaps) == 100

    def test_gaps_are_no_more_than_a_system_call_takes(self) -> None:
        """A peer that wants two bytes at a time gets them, in as many buffers as that takes."""
        data = bytes(range(256)) * 17
        message = OutgoingMessage(1, b"cc", MemoryBody(data), 8)
        buffer = bytearray(message.size)
        counts = []
        stream = bytearray()
        while message.remaining:
            used, gaps = message.lay_out(memoryview(buffer))
            message.body.read_into(gaps)
            stream += buffer[:used]
            counts.append(len(gaps))
        assert counts == [1024, 1024, 128]
        check_stream(bytes(stream), b"cc", data, 8)

    def test_what_was_laid_out_is_counted(self) -> None:
        """Command and headers included; at the end it is the whole message."""
        message = OutgoingMessage(1, bytes(100), MemoryBody(bytes(1000)), 128)
        assert message.laid_out == 0
        buffer = memoryview(bytearray(400))
        total = 0
        while message.remaining:
            total += message.lay_out(buffer)[0]
            assert message.laid_out == total
        assert total == message.size
        message.drop(taken=True)
        assert message.laid_out == total

    @pytest.mark.parametrize("max_pdu_length", LIMITS)
    @pytest.mark.parametrize("buffers", [0, 1, 2, 3])
    def test_a_message_is_cut(self, max_pdu_length: int, buffers: int) -> None:
        """It ends with the next fragment, marked as the last, and becomes shorter by what was said."""
        command, data = bytes(range(32)), bytes(range(256)) * 8
        message = OutgoingMessage(1, command, MemoryBody(data), max_pdu_length)
        size = message.size
        buffer = bytearray(len(command_pdus(1, command, max_pdu_length)) + 6 + max_pdu_length)
        stream = bytearray()
        for _ in range(buffers):
            if message.remaining:
                used, gaps = message.lay_out(memoryview(buffer))
                message.body.read_into(gaps)
                stream += buffer[:used]
        shorter = message.cut()
        stream += write(message).stream
        assert len(stream) == size - shorter
        sent = b"".join(value.data for value in values(bytes(stream)) if not value.is_command)
        assert data.startswith(sent)
        check_stream(bytes(stream), command, sent, max_pdu_length)
        fragment_size = largest_fragment(max_pdu_length)
        if not buffers:
            assert len(sent) == min(len(data), fragment_size)
        assert message.cut() == 0

    def test_a_message_that_is_out_is_not_cut(self) -> None:
        """A refusal that comes late changes nothing."""
        message = OutgoingMessage(1, b"cc", MemoryBody(bytes(100)), 32)
        write(message)
        assert message.cut() == 0
        assert not message.remaining

    def test_a_message_is_dropped_before_the_shell_took_it(self) -> None:
        """Nobody else would close its body."""
        body = MemoryBody(bytes(100))
        message = OutgoingMessage(1, b"cc", body, 32)
        message.drop(taken=False)
        assert body.closed == 1
        assert message.dropped
        assert not message.remaining

    def test_a_message_is_dropped_after_the_shell_took_it(self) -> None:
        """The shell may be reading from the body, so it closes it; and it lays out no more."""
        body = MemoryBody(bytes(100))
        message = OutgoingMessage(1, b"cc", body, 32)
        message.lay_out(memoryview(bytearray(60)))
        message.drop(taken=True)
        assert body.closed == 0
        assert not message.remaining


class TestFragmentSizes:
    @given(st.integers(8, 2**32 - 1))
    def test_fragments_leave_room_for_their_headers(self, max_pdu_length: int) -> None:
        """Even, not empty, and with six bytes of header not above the limit."""
        size = largest_fragment(max_pdu_length)
        assert size >= 2
        assert size % 2 == 0
        assert size + 6 <= max_pdu_length

    @pytest.mark.parametrize(
        ("limit", "size"),
        [(8, 2), (9, 2), (10, 4), (126, 120), (127, 120), (128, 116), (16384, 16372), (131072, 131060)],
    )
    def test_larger_ones_suit_peers_that_count_the_pdu_header(self, limit: int, size: int) -> None:
        """From 128 on six bytes more stay free."""
        assert largest_fragment(limit) == size

    @given(st.binary(min_size=1, max_size=300).map(lambda half: half + half), st.integers(8, 200))
    def test_small_messages_are_cut_alike(self, data: bytes, max_pdu_length: int) -> None:
        """Bytes too few for a body go out as the same kind of PDUs."""
        stream = command_pdus(5, data, max_pdu_length) + data_pdus(5, data, max_pdu_length)
        check_stream(stream, data, data, max_pdu_length, context_id=5)

    @pytest.mark.parametrize("max_pdu_length", LIMITS)
    def test_a_body_and_its_bytes_are_the_same_on_the_wire(self, max_pdu_length: int) -> None:
        """How a data set is given to us does not show."""
        command, data = bytes(range(50)), bytes(range(256)) * 4
        stream = command_pdus(1, command, max_pdu_length) + data_pdus(1, data, max_pdu_length)
        assert write(OutgoingMessage(1, command, MemoryBody(data), max_pdu_length)).stream == stream


class WholeBody(MemoryBody):
    """One that can be had at once."""

    def whole(self) -> bytes:
        assert not self.closed, "a closed body is read"
        return self.data


@given(st.binary(min_size=2, max_size=60), st.integers(1, 200), st.sampled_from(LIMITS))
def test_a_small_message_is_what_it_would_be_in_pieces(command: bytes, pairs: int, limit: int) -> None:
    """In one piece or laid out in a buffer, the bytes are the same; and there is one piece only if each part fits a PDU."""
    data = bytes(range(200)) * 2
    data = data[: 2 * pairs]
    body = WholeBody(data)
    piece = small_message(3, command, body, limit)
    fits = max(len(command), len(data)) <= largest_fragment(limit)
    assert (piece is not None) == fits == (body.closed == 1)
    if piece is not None:
        assert piece == write(OutgoingMessage(3, command, MemoryBody(data), limit)).stream


@pytest.mark.parametrize(
    "body",
    [MemoryBody(b"ab"), WholeBody(b"ab", blocking=True), WholeBody(bytes(SMALL + 2))],
    ids=["plain", "file", "large"],
)
def test_what_is_large_or_not_at_hand_is_no_small_message(body: MemoryBody) -> None:
    """A copy of it would cost more than it saves, or wait for a disk; it is left as it was."""
    assert small_message(1, b"command.", body, 1 << 20) is None
    assert not body.closed
